/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-record-folder.h"
#include "lectern-record-sessions.h"

/* What the control thread is asked. */
typedef enum
{
  LECTERN_RECORD_ASK_STATUS,
  LECTERN_RECORD_ASK_START,
  LECTERN_RECORD_ASK_STOP,
  LECTERN_RECORD_ASK_PAUSE,
  LECTERN_RECORD_ASK_RESUME,
  LECTERN_RECORD_ASKS
} LecternRecordAsk;

typedef struct _LecternRecordApi LecternRecordApi;

typedef struct
{
  LecternRecordApi *api;
  LecternPlugin *plugin;
  LecternRecordAsk ask;
} LecternRecordAskRoute;

/* LecternRecordApi: recordings as resources under /api/v1. */
struct _LecternRecordApi
{
  LecternRecordCatalogue *catalogue;
  LecternRecordFolder *folder;
  LecternRecordSessions *sessions; /* control thread; NULL: switched off */
  LecternRecordAskRoute asks[LECTERN_RECORD_ASKS];
};

/* @self lives as long as the plugin. Thread: control. */
gboolean lectern_record_api_add_routes (LecternRecordApi *self, LecternPlugin *plugin,
                                        GError **error);
