/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-record-folder.h"

/* LecternRecordReplay: watching recordings: "/replay/ID.mp4", its picture, and the presentation
 * "replay/ID" that hls and dash serve. Whoever may play the stream may play its recordings. */
typedef struct
{
  LecternRecordCatalogue *catalogue;
  LecternRecordFolder *folder;
} LecternRecordReplay;

/* @self lives as long as the plugin. Thread: control. */
gboolean lectern_record_replay_start (LecternRecordReplay *self, LecternPlugin *plugin,
                                      GError **error);
