/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtmp-message.h"

#define LECTERN_RTMP_MAX_ARGUMENTS 16

/* LecternRtmpCommand: a command message (7.1.1): publish (transaction, object, arguments …). Read
 * and written by both ends. */
typedef struct
{
  char *name;         /* of A-Z, a-z, 0-9, "_", at most 64 bytes */
  double transaction; /* finite, 0 or more */
  GVariant *object;   /* a{sv}, or NULL */
  guint n_arguments;
  GVariant *arguments[LECTERN_RTMP_MAX_ARGUMENTS]; /* the AMF forms of lectern-amf0.h */
} LecternRtmpCommand;

void lectern_rtmp_command_clear (LecternRtmpCommand *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtmpCommand, lectern_rtmp_command_clear)

/* Reads a message of type COMMAND or COMMAND_AMF3. Errors: INVALID_DATA, LIMIT. */
gboolean lectern_rtmp_command_parse (const LecternRtmpMessage *message, LecternRtmpCommand *self,
                                     GError **error);

/* The argument at @index into @text, NULL when it is missing or null; valid as long as @self.
 * Errors: INVALID_DATA: it is something else, or has a control character in it. */
gboolean lectern_rtmp_command_get_text (const LecternRtmpCommand *self, guint index,
                                        const char **text, GError **error);
/* The same for a number, finite; @initial when it is missing or null. */
gboolean lectern_rtmp_command_get_number (const LecternRtmpCommand *self, guint index,
                                          double initial, double *number, GError **error);
/* The same for a boolean. */
gboolean lectern_rtmp_command_get_flag (const LecternRtmpCommand *self, guint index,
                                        gboolean initial, gboolean *flag, GError **error);

/* Appends a command in AMF0 to @out; @object: (nullable): null. What follows up to NULL are
 * arguments, each a GVariant; floating references are consumed. */
void lectern_rtmp_write_command (LecternByteWriter *out, guint32 stream, const char *name,
                                 double transaction, GVariant *object, ...) G_GNUC_NULL_TERMINATED;
/* connect, with @object alone: the first command of a client, in chunks of the size that holds
 * until it sets another. */
void lectern_rtmp_write_connect (LecternByteWriter *out, double transaction, GVariant *object);
/* A data message: @name, and values up to NULL. */
void lectern_rtmp_write_data (LecternByteWriter *out, guint32 stream, const char *name,
                              ...) G_GNUC_NULL_TERMINATED;
/* onStatus (7.2.2). @level: "status" or "error". */
void lectern_rtmp_write_status (LecternByteWriter *out, guint32 stream, const char *level,
                                const char *code, const char *description);
/* Returns: (transfer floating): the object that onStatus and others carry. */
GVariant *lectern_rtmp_make_status (const char *level, const char *code, const char *description);
/* Returns: AMF's null. */
GVariant *lectern_rtmp_null (void);
