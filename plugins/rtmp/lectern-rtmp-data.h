/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-message.h"

#define LECTERN_RTMP_MAX_METADATA 64       /* entries */
#define LECTERN_RTMP_MAX_METADATA_TEXT 256 /* bytes of one text */

/* LecternRtmpData: what a data message (7.1.2) is about. */
typedef struct
{
  GVariant *metadata; /* a{sv}: what the publisher says of the stream; NULL: something else */
  GBytes *script;     /* a name and values in AMF0: cue points, captions; NULL: something else */
} LecternRtmpData;

void lectern_rtmp_data_clear (LecternRtmpData *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtmpData, lectern_rtmp_data_clear)

/* Reads a message of type DATA or DATA_AMF3. Metadata is kept to numbers, booleans and short texts.
 * Both fields are NULL for what concerns nobody but the two ends. Errors: INVALID_DATA, LIMIT. */
gboolean lectern_rtmp_data_parse (const LecternRtmpMessage *message, LecternRtmpData *self,
                                  GError **error);
