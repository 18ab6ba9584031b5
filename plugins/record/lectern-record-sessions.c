/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-record-sessions.h"

#include <string.h>

#define END_WAIT_US (3 * G_USEC_PER_SEC)
#define NS_PER_MS G_GINT64_CONSTANT (1000000)

/* Segments begin at key frames, so that replay can be sought, however far they are apart. */
static const LecternSegmentTargets targets = {
  .segment = 2000 * NS_PER_MS,
  .segment_limit = 20000 * NS_PER_MS,
  .part = 300 * NS_PER_MS,
  .window = 1,
  .window_bytes = 16 * 1024 * 1024,
};

typedef struct
{
  LecternRecordSessions *owner;
  char *name;
  LecternStream *stream;
  LecternSource *source;
  LecternRecorder *recorder; /* NULL: has ended */
  gboolean stopping;
  gboolean replaced;         /* by another for the same stream, while the last of it is written */
  LecternRecordEntry *entry; /* the newest */
  char *error;
} Session;

struct _LecternRecordSessions
{
  LecternHost *host;
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
  g_clear_pointer (&session->source, lectern_source_free);
  lectern_stream_unref (session->stream);
  g_free (session->error);
  g_free (session->name);
  g_free (session);
}

LecternRecordSessions *
lectern_record_sessions_new (LecternHost *host, LecternRecordCatalogue *catalogue,
                             LecternRecordClosedFunc closed, gpointer user_data)
{
  LecternRecordSessions *self = g_new0 (LecternRecordSessions, 1);

  self->host = host;
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
  gpointer item;

  /* The server ends, and what it still had of the streams is on its way. */
  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &item))
    {
      Session *session = item;

      if (session->recorder != NULL
          && lectern_stream_get_state (session->stream) == LECTERN_STREAM_ENDED)
        lectern_recorder_wait (session->recorder, END_WAIT_US);
    }
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
  g_message ("recording '%s' into '%s'", session->name, path);
}

static void
on_closed (LecternRecorder *recorder, LecternRecordingFile *file, const GError *error,
           gpointer user_data)
{
  Session *session = user_data;
  LecternRecordSessions *self = session->owner;
  g_autoptr (GPtrArray) list = lectern_record_catalogue_list (self->catalogue, session->name);

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
warn_teacher (Session *session)
{
  g_autofree char *text = g_strdup_printf ("the recording has stopped: %s", session->error);

  lectern_stream_set_warning (session->stream, text);
}

static void
on_ended (LecternRecorder *recorder, const GError *error, gpointer user_data)
{
  Session *session = user_data;

  lectern_metric_add (session->owner->running, -1);
  g_clear_pointer (&session->recorder, lectern_recorder_free);
  g_clear_pointer (&session->source, lectern_source_free);
  if (error != NULL)
    {
      lectern_metric_add (session->owner->failed, 1);
      session->error = g_strdup (error->message);
      g_warning ("the recording of '%s' has stopped: %s", session->name, error->message);
      warn_teacher (session);
    }
  if (session->replaced)
    g_ptr_array_remove (session->owner->replaced, session);
  else if (lectern_stream_get_state (session->stream) == LECTERN_STREAM_ENDED)
    g_hash_table_remove (session->owner->sessions, session->name);
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

static gboolean
is_on_the_air (LecternStream *stream)
{
  LecternStreamState state = lectern_stream_get_state (stream);

  return state == LECTERN_STREAM_LIVE || state == LECTERN_STREAM_AWAY;
}

/* Puts @session where the one before it was, of which the last may still have to be written. */
static void
replace_session (LecternRecordSessions *self, Session *session)
{
  Session *before = g_hash_table_lookup (self->sessions, session->name);

  if (before != NULL && before->recorder != NULL)
    {
      before->replaced = TRUE;
      g_hash_table_steal (self->sessions, session->name);
      g_ptr_array_add (self->replaced, before);
    }
  g_hash_table_replace (self->sessions, session->name, session);
}

static gboolean
start (LecternRecordSessions *self, LecternStream *stream, GError **error)
{
  static const LecternRecorderEvents events = { on_opened, on_closed, on_ended };
  Session *session = g_new0 (Session, 1);

  session->owner = self;
  session->name = g_strdup (lectern_stream_get_name (stream));
  session->stream = lectern_stream_ref (stream);
  session->source = lectern_source_new (stream, lectern_host_get_reactors (self->host), &targets);
  session->recorder = lectern_recorder_new (lectern_source_get_presentation (session->source),
                                            &self->options, &events, session, error);
  if (session->recorder == NULL)
    {
      session_free (session);
      return FALSE;
    }
  lectern_metric_add (self->running, 1);
  replace_session (self, session);
  lectern_source_start (session->source);
  return TRUE;
}

gboolean
lectern_record_sessions_start (LecternRecordSessions *self, const char *stream, GError **error)
{
  g_autoptr (LecternStream) found
      = lectern_stream_registry_lookup (lectern_host_get_streams (self->host), stream);
  Session *session = g_hash_table_lookup (self->sessions, stream);

  if (!self->allowed)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED,
                           "recording is switched off by [record] when");
      return FALSE;
    }
  if (found == NULL || !is_on_the_air (found))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "'%s' is not live", stream);
      return FALSE;
    }
  if (session != NULL && session->recorder != NULL && !session->stopping
      && session->stream == found)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "'%s' is being recorded already",
                   stream);
      return FALSE;
    }
  return start (self, found, error);
}

void
lectern_record_sessions_begin (LecternRecordSessions *self, LecternStream *stream)
{
  const char *name = lectern_stream_get_name (stream);
  Session *session = g_hash_table_lookup (self->sessions, name);
  g_autoptr (GError) error = NULL;

  /* Renditions are made of what is recorded. */
  if (strchr (name, '@') != NULL || !is_on_the_air (stream)
      || (session != NULL && session->stream == stream))
    return;
  if (!start (self, stream, &error))
    g_warning ("'%s' is not recorded: %s", name, error->message);
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
