/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "formats/lectern-amf0.h"

#define LECTERN_FLV_MAX_METADATA 64       /* entries */
#define LECTERN_FLV_MAX_METADATA_TEXT 256 /* bytes of one text */

/* LecternFlvScript: what the body of a script tag, or of RTMP's data message, is about. */
typedef struct
{
  GVariant *metadata; /* a{sv}: what the publisher says of the stream; NULL: something else */
  GBytes *script;     /* a name and values in AMF0: cue points, captions; NULL: something else */
} LecternFlvScript;

LECTERN_API void lectern_flv_script_clear (LecternFlvScript *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternFlvScript, lectern_flv_script_clear)

/* Reads a name and values in AMF0. Metadata is kept to numbers, booleans and short texts.
 * Both fields are NULL for what concerns nobody but the two ends. Errors: INVALID_DATA, LIMIT. */
LECTERN_API gboolean lectern_flv_script_parse (GBytes *body, LecternFlvScript *self,
                                               GError **error);
