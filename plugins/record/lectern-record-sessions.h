/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-record-entry.h"

/* LecternRecordSessions: which streams are being recorded. One recorder for a stream, which may
 * write several files after each other. Thread: control. */
typedef struct _LecternRecordSessions LecternRecordSessions;

typedef struct
{
  gboolean recording;
  gboolean paused;
  LecternRecordEntry *entry; /* (transfer full) (nullable): what is written now, or was last */
  char *error;               /* (transfer full) (nullable): why the last one stopped */
} LecternRecordStatus;
void lectern_record_status_clear (LecternRecordStatus *status);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRecordStatus, lectern_record_status_clear)

/* A recording's file is closed, and can be finished. */
typedef void (*LecternRecordClosedFunc) (LecternRecordEntry *entry, gpointer user_data);

LecternRecordSessions *lectern_record_sessions_new (LecternHost *host,
                                                    LecternRecordCatalogue *catalogue,
                                                    LecternRecordClosedFunc closed,
                                                    gpointer user_data);
/* Ends every recording and waits, for some seconds at most, until all is written. */
void lectern_record_sessions_free (LecternRecordSessions *self);
/* For recordings that begin from now on. */
void lectern_record_sessions_set_options (LecternRecordSessions *self,
                                          const LecternRecorderOptions *options);
/* FALSE: none begins any more. */
void lectern_record_sessions_set_allowed (LecternRecordSessions *self, gboolean allowed);
/* Errors: DENIED (not allowed), NOT_FOUND (not live), CONFLICT (is recorded already), LIMIT (disk
 * full), FAILED. */
gboolean lectern_record_sessions_start (LecternRecordSessions *self, const char *stream,
                                        GError **error);
/* The same for @stream, but only if it has not been recorded yet: what was stopped stays so. */
void lectern_record_sessions_begin (LecternRecordSessions *self, LecternStream *stream);
/* Errors: CONFLICT (is not recorded). */
gboolean lectern_record_sessions_stop (LecternRecordSessions *self, const char *stream,
                                       GError **error);
/* Errors: CONFLICT (is not recorded; is so already). */
gboolean lectern_record_sessions_set_paused (LecternRecordSessions *self, const char *stream,
                                             gboolean paused, GError **error);
/* FALSE: nothing is known of it. */
gboolean lectern_record_sessions_get_status (LecternRecordSessions *self, const char *stream,
                                             LecternRecordStatus *status);
/* Forgets what is known of a stream that has ended. */
void lectern_record_sessions_forget (LecternRecordSessions *self, const char *stream);
