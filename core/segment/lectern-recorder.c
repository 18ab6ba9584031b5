/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-recorder.h"

#include "base/lectern-beneath.h"
#include "base/lectern-clock.h"
#include "base/lectern-mailbox.h"
#include "segment/lectern-recording-lanes.h"

#include <sys/statvfs.h>
#include <unistd.h>

#define WRITE_US (G_USEC_PER_SEC / 4)
#define SYNC_US G_USEC_PER_SEC
#define MAX_QUEUE (32 * 1024 * 1024)
/* A disk that has taken nothing for so long is given up. */
#define MAX_STUCK_US (30 * G_USEC_PER_SEC)
#define FREE_WAIT_US (10 * G_USEC_PER_SEC)

struct _LecternRecorder
{
  gint refs; /* the owner's, the thread's, the listener's, each note's */
  LecternPresentation *presentation;
  guint listener;
  LecternRecorderOptions options;
  int root;
  const LecternRecorderEvents *events;
  gpointer user_data;
  LecternMailbox *mailbox; /* to the control thread */
  gboolean freed;          /* by the owner; control thread */

  GMutex lock; /* guards what follows */
  GCond cond;
  GQueue items; /* of LecternRecordingItem */
  gsize bytes;
  gint64 oldest_us; /* when the first of them came */
  guint generation; /* counts pauses */
  gboolean paused;
  gboolean stopping;
  gboolean over; /* the presentation has ended */
  gboolean too_slow;
  gboolean done; /* the thread has ended */
};

typedef enum
{
  NOTE_OPENED,
  NOTE_CLOSED,
  NOTE_ENDED
} NoteKind;

typedef struct
{
  NoteKind kind;
  LecternRecorder *recorder;
  LecternRecordingFile *file;
  GError *error;
} Note;

static LecternRecorder *
recorder_ref (LecternRecorder *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

static void
recorder_unref (gpointer data)
{
  LecternRecorder *self = data;

  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_queue_clear_full (&self->items, (GDestroyNotify) lectern_recording_item_free);
  lectern_presentation_unref (self->presentation);
  lectern_mailbox_unref (self->mailbox);
  if (self->root >= 0)
    close (self->root);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

/* ── notes to the control thread ── */

static void
note_free (gpointer data)
{
  Note *note = data;

  g_clear_pointer (&note->file, lectern_recording_file_unref);
  g_clear_error (&note->error);
  recorder_unref (note->recorder);
  g_free (note);
}

static void
run_note (gpointer data)
{
  Note *note = data;
  LecternRecorder *self = note->recorder;

  /* An earlier note of the same batch may have freed it. */
  if (self->freed)
    ;
  else if (note->kind == NOTE_OPENED)
    self->events->opened (self, note->file, self->user_data);
  else if (note->kind == NOTE_CLOSED)
    self->events->closed (self, note->file, note->error, self->user_data);
  else
    self->events->ended (self, note->error, self->user_data);
  note_free (note);
}

static void
tell (LecternRecorder *self, NoteKind kind, LecternRecordingFile *file, const GError *error)
{
  Note *note = g_new (Note, 1);

  *note = (Note){ .kind = kind,
                  .recorder = recorder_ref (self),
                  .file = file != NULL ? lectern_recording_file_ref (file) : NULL,
                  .error = error != NULL ? g_error_copy (error) : NULL };
  lectern_mailbox_post (self->mailbox, run_note, note, note_free);
}

static void
on_opened (LecternRecordingFile *file, gpointer user_data)
{
  tell (user_data, NOTE_OPENED, file, NULL);
}

static void
on_closed (LecternRecordingFile *file, const GError *error, gpointer user_data)
{
  tell (user_data, NOTE_CLOSED, file, error);
}

/* ── the thread that cuts ── */

static gboolean
is_source (const char *rendition)
{
  return g_str_equal (rendition, "video") || g_str_equal (rendition, "audio");
}

/* Under the lock. */
static void
push (LecternRecorder *self, const LecternPartNews *news)
{
  gsize size = g_bytes_get_size (news->part->bytes);
  gint64 now_us = lectern_clock_now_us ();

  if (self->paused || self->stopping || self->too_slow)
    return;
  if (self->items.length == 0)
    self->oldest_us = now_us;
  if (self->bytes + size > self->options.max_queue || now_us - self->oldest_us > MAX_STUCK_US)
    {
      self->too_slow = TRUE;
      g_cond_broadcast (&self->cond);
      return;
    }
  self->bytes += size;
  g_queue_push_tail (&self->items, lectern_recording_item_new (news, self->generation));
}

static void
on_part (const LecternPartNews *news, gpointer user_data)
{
  LecternRecorder *self = user_data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (is_source (news->rendition))
    push (self, news);
}

static void
on_presentation_ended (gpointer user_data)
{
  LecternRecorder *self = user_data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->over = TRUE;
  g_cond_broadcast (&self->cond);
}

/* ── the recorder's own thread ── */

/* Takes what has come, after a while; FALSE: it was the last. */
static gboolean
wait_for_items (LecternRecorder *self, GQueue *batch, GError **error)
{
  gint64 due_us = g_get_monotonic_time () + WRITE_US;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (!self->stopping && !self->over && !self->too_slow
         && g_cond_wait_until (&self->cond, &self->lock, due_us))
    continue;
  *batch = self->items;
  g_queue_init (&self->items);
  self->bytes = 0;
  if (self->too_slow)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                         "the disk is too slow for the recording");
  return !self->stopping && !self->over && !self->too_slow;
}

static gboolean
take_batch (LecternRecorder *self, LecternRecordingLanes *lanes, GQueue *batch, gboolean last,
            GError **error)
{
  LecternRecordingItem *item;
  gboolean whole = TRUE;

  while (whole && (item = g_queue_pop_head (batch)) != NULL)
    whole = lectern_recording_lanes_take (lanes, item, error);
  g_queue_clear_full (batch, (GDestroyNotify) lectern_recording_item_free);
  if (whole && last)
    whole = lectern_recording_lanes_begin (lanes, error);
  return whole && lectern_recording_lanes_flush (lanes, error);
}

static void
record (LecternRecorder *self, LecternRecordingLanes *lanes, GError **error)
{
  gint64 synced_us = lectern_clock_now_us ();
  gboolean more = TRUE;

  while (more)
    {
      g_autoptr (GError) slow = NULL;
      GQueue batch = G_QUEUE_INIT;

      more = wait_for_items (self, &batch, &slow);
      if (!take_batch (self, lanes, &batch, !more, error))
        return;
      if (slow != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&slow));
          return;
        }
      if (more && lectern_clock_now_us () - synced_us >= SYNC_US)
        {
          if (!lectern_recording_lanes_sync (lanes, error))
            return;
          synced_us = lectern_clock_now_us ();
        }
    }
}

static gpointer
run (gpointer data)
{
  static const LecternRecordingLaneEvents events = { on_opened, on_closed };
  LecternRecorder *self = data;
  g_autoptr (GError) error = NULL;
  LecternRecordingLanes *lanes
      = lectern_recording_lanes_new (self->presentation, self->root, &self->options, &events, self);

  record (self, lanes, &error);
  lectern_presentation_unlisten (self->presentation, self->listener);
  lectern_recording_lanes_free (lanes, error);
  g_mutex_lock (&self->lock);
  self->stopping = TRUE;
  self->done = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  tell (self, NOTE_ENDED, NULL, error);
  recorder_unref (self);
  return NULL;
}

/* ── control ── */

LecternRecorder *
lectern_recorder_new (LecternPresentation *presentation, const LecternRecorderOptions *options,
                      const LecternRecorderEvents *events, gpointer user_data, GError **error)
{
  static const LecternPartListener listener = { on_part, on_presentation_ended };
  int root = lectern_beneath_open_root (options->directory, error);
  LecternRecorder *self;

  if (root < 0)
    return NULL;
  self = g_new0 (LecternRecorder, 1);
  self->refs = 1;
  self->presentation = lectern_presentation_ref (presentation);
  self->options = *options;
  self->options.directory = NULL;
  if (self->options.max_queue == 0)
    self->options.max_queue = MAX_QUEUE;
  self->root = root;
  self->events = events;
  self->user_data = user_data;
  self->mailbox = lectern_mailbox_new (g_main_context_get_thread_default ());
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->items);
  g_mutex_lock (&self->lock);
  self->listener
      = lectern_presentation_listen (presentation, &listener, recorder_ref (self), recorder_unref);
  self->over = lectern_presentation_is_ended (presentation);
  g_mutex_unlock (&self->lock);
  g_thread_unref (g_thread_new ("lectern-record", run, recorder_ref (self)));
  return self;
}

void
lectern_recorder_stop (LecternRecorder *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->stopping = TRUE;
  g_cond_broadcast (&self->cond);
}

void
lectern_recorder_wait (LecternRecorder *self, gint64 timeout_us)
{
  gint64 due_us = g_get_monotonic_time () + timeout_us;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (!self->done && g_cond_wait_until (&self->cond, &self->lock, due_us))
    continue;
}

void
lectern_recorder_free (LecternRecorder *self)
{
  self->freed = TRUE;
  lectern_recorder_stop (self);
  lectern_mailbox_close (self->mailbox);
  lectern_recorder_wait (self, FREE_WAIT_US);
  recorder_unref (self);
}

void
lectern_recorder_set_paused (LecternRecorder *self, gboolean paused)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (paused && !self->paused)
    self->generation++;
  self->paused = paused;
}

gboolean
lectern_recorder_is_paused (LecternRecorder *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->paused;
}

gboolean
lectern_recorder_is_disk_full (int fd, guint64 min_free, guint64 more)
{
  struct statvfs about;
  guint64 block, limit;

  if (fstatvfs (fd, &about) != 0)
    return FALSE;
  block = about.f_frsize;
  limit = MIN (min_free, about.f_blocks * block / 20);
  return about.f_bavail * block < limit + more;
}
