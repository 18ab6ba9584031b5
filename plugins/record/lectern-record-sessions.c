/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-record-sessions.h"

#define END_WAIT_US (3 * G_USEC_PER_SEC)

typedef struct
{
  LecternRecordSessions *owner;
  char *stream;
  LecternPresentation *presentation;
  LecternRecorder *recorder; /* NULL: has ended */
  gboolean stopping;
  gboolean replaced;         /* by another for the same stream, while the last of it is written */
  LecternRecordEntry *entry; /* the newest */
  char *error;
} Session;

struct _LecternRecordSessions
{
  LecternPresentations *presentations;
  LecternRecordCatalogue *catalogue;
  LecternRecordClosedFunc closed;
  gpointer user_data;
  LecternRecorderOptions options;
  char *directory;
  gboolean allowed;
  GHashTable *sessions; /* stream → Session */
  GPtrArray *replaced;  /* of Session */
  LecternMetric *running;
  LecternMetric *failed;
};

void
lectern_record_status_clear (LecternRecordStatus *status)
{
  g_clear_pointer (&status->entry, lectern_record_entry_unref);
  g_clear_pointer (&status->error, g_free);
}

static void
session_free (gpointer data)
{
  Session *session = data;

  if (session->recorder != NULL)
    lectern_metric_add (session->owner->running, -1);
  g_clear_pointer (&session->recorder, lectern_recorder_free);
  g_clear_pointer (&session->entry, lectern_record_entry_unref);
  lectern_presentation_unref (session->presentation);
  g_free (session->error);
  g_free (session->stream);
  g_free (session);
}

LecternRecordSessions *
lectern_record_sessions_new (LecternPresentations *presentations, LecternRecordCatalogue *catalogue,
                             LecternRecordClosedFunc closed, gpointer user_data)
{
  LecternRecordSessions *self = g_new0 (LecternRecordSessions, 1);

  self->presentations = presentations;
  self->catalogue = catalogue;
  self->closed = closed;
  self->user_data = user_data;
  self->sessions = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, session_free);
  self->replaced = g_ptr_array_new_with_free_func (session_free);
  self->running = lectern_metrics_get_gauge ("lectern_recordings_running",
                                             "Streams that are being recorded.", NULL, NULL);
  self->failed = lectern_metrics_get_counter (
      "lectern_recordings_failed_total", "Recordings that stopped before their end.", NULL, NULL);
  return self;
}

void
lectern_record_sessions_free (LecternRecordSessions *self)
{
  GHashTableIter iter;
  gpointer session;

  /* All are told before the first is waited for. */
  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &session))
    if (((Session *) session)->recorder != NULL)
      lectern_recorder_wait (((Session *) session)->recorder, END_WAIT_US);
  g_hash_table_unref (self->sessions);
  g_ptr_array_unref (self->replaced);
  g_free (self->directory);
  g_free (self);
}

void
lectern_record_sessions_set_options (LecternRecordSessions *self,
                                     const LecternRecorderOptions *options)
{
  g_autofree char *before = g_steal_pointer (&self->directory);

  self->options = *options;
  self->directory = g_strdup (options->directory);
  self->options.directory = self->directory;
}

void
lectern_record_sessions_set_allowed (LecternRecordSessions *self, gboolean allowed)
{
  self->allowed = allowed;
}

/* ── what recorders tell ── */

static void
on_opened (LecternRecorder *recorder, LecternRecordingFile *file, gpointer user_data)
{
  Session *session = user_data;
  const char *path = lectern_recording_file_get_path (file);
  g_autoptr (LecternRecordEntry) entry = lectern_record_entry_new (path, LECTERN_RECORD_RECORDING);

  g_return_if_fail (entry != NULL);
  lectern_record_entry_set_file (entry, file);
  lectern_record_catalogue_add (session->owner->catalogue, entry);
  g_clear_pointer (&session->entry, lectern_record_entry_unref);
  session->entry = lectern_record_entry_ref (entry);
  g_message ("recording '%s' into '%s'", session->stream, path);
}

static void
on_closed (LecternRecorder *recorder, LecternRecordingFile *file, const GError *error,
           gpointer user_data)
{
  Session *session = user_data;
  LecternRecordSessions *self = session->owner;
  g_autoptr (GPtrArray) list = lectern_record_catalogue_list (self->catalogue, session->stream);

  for (guint i = 0; i < list->len; i++)
    {
      LecternRecordEntry *entry = g_ptr_array_index (list, i);

      if (!g_str_equal (lectern_record_entry_get_path (entry),
                        lectern_recording_file_get_path (file)))
        continue;
      if (lectern_recording_file_get_duration (file) == 0)
        {
          /* Nothing came; the file is gone already. */
          lectern_record_catalogue_remove (self->catalogue, entry);
          return;
        }
      lectern_record_entry_set_state (entry, LECTERN_RECORD_FINISHING,
                                      error != NULL ? error->message : NULL);
      self->closed (entry, self->user_data);
    }
}

static void
on_ended (LecternRecorder *recorder, const GError *error, gpointer user_data)
{
  Session *session = user_data;

  lectern_metric_add (session->owner->running, -1);
  g_clear_pointer (&session->recorder, lectern_recorder_free);
  if (error != NULL)
    {
      lectern_metric_add (session->owner->failed, 1);
      session->error = g_strdup (error->message);
      g_warning ("the recording of '%s' has stopped: %s", session->stream, error->message);
    }
  if (session->replaced)
    g_ptr_array_remove (session->owner->replaced, session);
  else if (lectern_presentation_is_ended (session->presentation))
    g_hash_table_remove (session->owner->sessions, session->stream);
}

/* ── what people ask ── */

static Session *
find_running (LecternRecordSessions *self, const char *stream, GError **error)
{
  Session *session = g_hash_table_lookup (self->sessions, stream);

  if (session != NULL && session->recorder != NULL && !session->stopping)
    return session;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "'%s' is not being recorded", stream);
  return NULL;
}

gboolean
lectern_record_sessions_start (LecternRecordSessions *self, const char *stream, GError **error)
{
  static const LecternRecorderEvents events = { on_opened, on_closed, on_ended };
  g_autoptr (LecternPresentation) presentation
      = lectern_presentations_lookup (self->presentations, stream);
  Session *session = g_hash_table_lookup (self->sessions, stream);
  Session *begun;

  if (!self->allowed)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED,
                           "recording is switched off by [record] when");
      return FALSE;
    }
  if (session != NULL && session->recorder != NULL && !session->stopping
      && session->presentation == presentation)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "'%s' is being recorded already",
                   stream);
      return FALSE;
    }
  if (presentation == NULL || lectern_presentation_is_ended (presentation))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "'%s' is not live", stream);
      return FALSE;
    }
  begun = g_new0 (Session, 1);
  begun->owner = self;
  begun->stream = g_strdup (stream);
  begun->presentation = lectern_presentation_ref (presentation);
  begun->recorder = lectern_recorder_new (presentation, &self->options, &events, begun, error);
  if (begun->recorder == NULL)
    {
      session_free (begun);
      return FALSE;
    }
  lectern_metric_add (self->running, 1);
  if (session != NULL && session->recorder != NULL)
    {
      session->replaced = TRUE;
      g_hash_table_steal (self->sessions, stream);
      g_ptr_array_add (self->replaced, session);
    }
  g_hash_table_replace (self->sessions, begun->stream, begun);
  return TRUE;
}

gboolean
lectern_record_sessions_stop (LecternRecordSessions *self, const char *stream, GError **error)
{
  Session *session = find_running (self, stream, error);

  if (session == NULL)
    return FALSE;
  session->stopping = TRUE;
  lectern_recorder_stop (session->recorder);
  return TRUE;
}

gboolean
lectern_record_sessions_set_paused (LecternRecordSessions *self, const char *stream,
                                    gboolean paused, GError **error)
{
  Session *session = find_running (self, stream, error);

  if (session == NULL)
    return FALSE;
  if (lectern_recorder_is_paused (session->recorder) == paused)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "the recording of '%s' is %s",
                   stream, paused ? "paused already" : "not paused");
      return FALSE;
    }
  lectern_recorder_set_paused (session->recorder, paused);
  return TRUE;
}

gboolean
lectern_record_sessions_get_status (LecternRecordSessions *self, const char *stream,
                                    LecternRecordStatus *status)
{
  Session *session = g_hash_table_lookup (self->sessions, stream);

  if (session == NULL)
    return FALSE;
  status->recording = session->recorder != NULL && !session->stopping;
  status->paused = session->recorder != NULL && lectern_recorder_is_paused (session->recorder);
  status->entry = session->entry != NULL ? lectern_record_entry_ref (session->entry) : NULL;
  status->error = g_strdup (session->error);
  return TRUE;
}

void
lectern_record_sessions_forget (LecternRecordSessions *self, const char *stream)
{
  Session *session = g_hash_table_lookup (self->sessions, stream);

  if (session != NULL && session->recorder == NULL)
    g_hash_table_remove (self->sessions, stream);
}
