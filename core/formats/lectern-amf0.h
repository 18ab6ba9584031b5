/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-byte-reader.h"
#include "base/lectern-byte-writer.h"
#include "base/lectern-error.h"

/* AMF0 (Adobe, "Action Message Format -- AMF 0", 2007) as GVariant, read without recursion on the
 * input's depth:
 *   number d · boolean b · string and long string s (invalid UTF-8 becomes U+FFFD) · object, typed object and ECMA array a{sv} ·
 *   strict array av · null, undefined and unsupported: maybe-type "mv" nothing · date: d, milliseconds.
 * References, XML and MovieClip are refused. 0x11 switches to AMF3, read to the same forms. Order of object members is kept; of a
 * repeated member the last wins. */
#define LECTERN_AMF_MAX_DEPTH 16
#define LECTERN_AMF_MAX_MEMBERS 1024 /* of all objects and arrays of one value */
#define LECTERN_AMF_MAX_STRING (64 * 1024)
#define LECTERN_AMF_MAX_SIZE (1024 * 1024) /* of all strings of one value, repeated ones included */

/* Reads one value and moves past it. Returns: (transfer full). Errors: INVALID_DATA, LIMIT. Thread: any. */
LECTERN_API GVariant *lectern_amf0_read (LecternByteReader *reader, GError **error);
/* Writes any of the forms above; integers of all sizes as numbers; a{sv} as an object. A floating
 * @value is consumed. FALSE on overflow of the writer or an unknown form. Thread: any. */
LECTERN_API gboolean lectern_amf0_write (LecternByteWriter *writer, GVariant *value);
/* The same with the top-level a{sv} as an ECMA array, as onMetaData is written. */
LECTERN_API gboolean lectern_amf0_write_ecma_array (LecternByteWriter *writer, GVariant *value);

/* Whether @text, as it was read, is free of control characters and of what was invalid UTF-8. Thread:
 * any. */
LECTERN_API gboolean lectern_amf_text_is_clean (const char *text);

/* AMF3 (Adobe, "Action Message Format -- AMF 3", 2013), one value, same forms and limits; string,
 * trait and object reference tables are kept within the value (byte arrays: ay; vectors, dictionaries,
 * XML and externalizable objects are refused). Thread: any. */
LECTERN_API GVariant *lectern_amf3_read (LecternByteReader *reader, GError **error);
