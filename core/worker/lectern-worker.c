/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/lectern-worker.h"

#include "base/lectern-clock.h"
#include "base/lectern-log.h"
#include "worker/lectern-worker-child.h"

#define DEFAULT_QUEUE (16 * 1024 * 1024)
/* What tracks and messages, which are few, may take beyond the queue's limit. */
#define RESERVE (1024 * 1024)
/* Of what a child says of its failure. */
#define MAX_WORDS 1000

struct _LecternWorker
{
  guint refs; /* the owner's, and running callbacks' */
  LecternWorkers *workers;
  LecternWorkersSettings settings; /* of the child that runs, or comes next */
  LecternReactor *reactor;
  const LecternWorkerEvents *events; /* NULL once freed or over */
  gpointer user_data;

  char *job;
  char *title;
  char *read_path;
  char *write_path;
  JsonObject *parameters;
  gsize max_queue;
  gboolean once;
  gboolean patient;
  gboolean network;

  LecternWorkerChild *child; /* (nullable) */
  gboolean ready;
  gboolean done;
  gboolean finishing;
  gboolean refused;
  GError *failure;    /* (nullable): what the child said of its own failure */
  gint64 heard_us;    /* when the child last said something, or began */
  gint64 ready_us;    /* when it was ready */
  guint failures;     /* in a row */
  guint32 skipping;   /* lanes whose video waits for a key frame */
  LecternTimer timer; /* with a child: the watchdog; without: the next start */
};

static void launch (LecternTimer *timer);

static void
worker_unref (LecternWorker *self)
{
  if (--self->refs > 0)
    return;
  g_clear_error (&self->failure);
  g_clear_pointer (&self->parameters, json_object_unref);
  g_object_unref (self->reactor);
  lectern_workers_unref (self->workers);
  g_free (self->job);
  g_free (self->title);
  g_free (self->read_path);
  g_free (self->write_path);
  g_free (self);
}

/* Whoever is called may free the worker: hold a reference over this. */
static void
end (LecternWorker *self, const GError *error)
{
  const LecternWorkerEvents *events = g_steal_pointer (&self->events);

  lectern_timer_stop (&self->timer);
  if (self->child != NULL)
    lectern_worker_child_release (g_steal_pointer (&self->child));
  lectern_workers_remove_entry (self->workers, self);
  if (events != NULL && events->ended != NULL)
    events->ended (self, error, self->user_data);
}

/* ── failures ── */

static gint64
get_delay (LecternWorker *self, gboolean was_ready)
{
  const LecternWorkersSettings *settings = &self->settings;
  guint doublings = self->failures - 1;

  if (was_ready && self->failures == 1)
    return settings->at_once_us;
  if (was_ready)
    doublings--;
  return MIN (settings->backoff_us << MIN (doublings, 16), settings->max_backoff_us);
}

static void
give_up (LecternWorker *self, const GError *error)
{
  g_autoptr (GError) reason = g_error_copy (error);

  lectern_workers_count_given_up ();
  g_warning ("%s: given up after %u failures in a row: %s", self->title, self->failures,
             error->message);
  g_prefix_error (&reason, "given up after %u failures in a row: ", self->failures);
  end (self, reason);
}

/* A child is gone, or could not be started. */
static void
fail (LecternWorker *self, const GError *error)
{
  gboolean was_ready = self->ready_us != 0;
  gint64 delay_us;

  if (was_ready && lectern_clock_now_us () - self->ready_us >= self->settings.steady_us)
    self->failures = 0;
  self->ready_us = 0;
  self->failures++;
  if (self->refused || self->once || self->finishing)
    {
      end (self, error);
      return;
    }
  if (self->failures >= self->settings.max_failures)
    {
      give_up (self, error);
      return;
    }
  delay_us = get_delay (self, was_ready);
  g_message ("%s: the worker is lost (%s); a new one starts in %.1f s", self->title, error->message,
             delay_us / (double) G_USEC_PER_SEC);
  lectern_workers_set_entry (self->workers, self, 0, TRUE);
  lectern_timer_start (&self->timer, self->reactor, delay_us, launch);
  if (self->events->lost != NULL)
    self->events->lost (self, error, self->user_data);
}

static void
on_gone (LecternWorkerChild *child, const GError *error, gpointer user_data)
{
  LecternWorker *self = user_data;
  g_autoptr (GError) failure = g_steal_pointer (&self->failure);

  self->refs++;
  self->ready = FALSE;
  lectern_timer_stop (&self->timer);
  lectern_worker_child_release (g_steal_pointer (&self->child));
  if (self->done)
    end (self, NULL);
  else
    fail (self, failure != NULL ? failure : error);
  worker_unref (self);
}

/* ── the watchdog ── */

static gint64
get_patience (LecternWorker *self)
{
  if (!self->ready)
    return self->settings.start_us;
  return self->patient ? self->settings.patience_us : self->settings.silence_us;
}

static void
watch_silence (LecternTimer *timer)
{
  LecternWorker *self = (LecternWorker *) ((char *) timer - G_STRUCT_OFFSET (LecternWorker, timer));
  gint64 left_us = self->heard_us + get_patience (self) - lectern_clock_now_us ();

  if (left_us > 0)
    {
      lectern_timer_start (timer, self->reactor, left_us, watch_silence);
      return;
    }
  lectern_worker_child_kill (self->child,
                             g_error_new (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
                                          "it did nothing for %.1f s and was killed",
                                          get_patience (self) / (double) G_USEC_PER_SEC));
}

/* ── what the child says ── */

static void
send_finish (LecternWorker *self)
{
  g_autoptr (GBytes) frame = lectern_link_write (LECTERN_LINK_FINISH);

  lectern_worker_child_send (self->child, frame, NULL, G_MAXSIZE);
}

static void
become_ready (LecternWorker *self)
{
  if (self->ready)
    return;
  self->ready = TRUE;
  self->skipping = 0;
  self->ready_us = self->heard_us;
  lectern_timer_start (&self->timer, self->reactor, get_patience (self), watch_silence);
  if (self->failures > 0)
    g_message ("%s: the worker is back", self->title);
  if (self->events->ready != NULL)
    self->events->ready (self, self->user_data);
  if (self->events != NULL && self->finishing)
    send_finish (self);
}

static void
note_failure (LecternWorker *self, JsonObject *object)
{
  gint64 code = json_object_get_int_member_with_default (object, "code", LECTERN_ERROR_FAILED);
  const char *text = json_object_get_string_member_with_default (object, "text", "");
  g_autofree char *words = lectern_log_escape (text != NULL ? text : "", -1, MAX_WORDS);

  if (code < LECTERN_ERROR_FAILED || code > LECTERN_ERROR_CLOSED)
    code = LECTERN_ERROR_FAILED;
  g_clear_error (&self->failure);
  self->failure = g_error_new_literal (LECTERN_ERROR, (gint) code, words);
  self->refused = json_object_get_boolean_member_with_default (object, "refused", FALSE);
  lectern_worker_child_expect_end (self->child);
}

/* What a job gives. */
static void
take_content (LecternWorker *self, LecternLinkFrame *frame)
{
  const LecternWorkerEvents *events;

  /* Its threads may be quicker than its word that it is ready. */
  become_ready (self);
  events = self->events;
  if (events == NULL)
    return;
  if (frame->type == LECTERN_LINK_MESSAGE && events->message != NULL)
    events->message (self, frame->object, self->user_data);
  if (frame->type == LECTERN_LINK_TRACK && events->track != NULL)
    events->track (self, frame->lane, frame->track, self->user_data);
  if (frame->type == LECTERN_LINK_PACKET && events->packet != NULL)
    events->packet (self, frame->lane, frame->packet, self->user_data);
}

static void
take_frame (LecternWorker *self, LecternLinkFrame *frame)
{
  switch (frame->type)
    {
    case LECTERN_LINK_READY:
      become_ready (self);
      break;
    case LECTERN_LINK_MESSAGE:
    case LECTERN_LINK_TRACK:
    case LECTERN_LINK_PACKET:
      take_content (self, frame);
      break;
    case LECTERN_LINK_DONE:
      self->done = TRUE;
      lectern_worker_child_expect_end (self->child);
      break;
    case LECTERN_LINK_FAILED:
      note_failure (self, frame->object);
      break;
    default: /* TICK; and what only we may say is no news */
      break;
    }
}

static void
on_frame (LecternWorkerChild *child, LecternLinkFrame *frame, gpointer user_data)
{
  LecternWorker *self = user_data;

  self->refs++;
  self->heard_us = lectern_clock_now_us ();
  take_frame (self, frame);
  worker_unref (self);
}

static const LecternWorkerChildEvents child_events = { .frame = on_frame, .gone = on_gone };

/* ── the start ── */

static JsonObject *
make_start (LecternWorker *self)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "job", self->job);
  json_object_set_int_member (object, "nice", self->settings.nice);
  json_object_set_int_member (object, "memory", (gint64) self->settings.memory);
  json_object_set_boolean_member (object, "network", self->network);
  if (self->read_path != NULL)
    json_object_set_string_member (object, "read", self->read_path);
  if (self->write_path != NULL)
    json_object_set_string_member (object, "write", self->write_path);
  if (self->parameters != NULL)
    json_object_set_object_member (object, "parameters", json_object_ref (self->parameters));
  return object;
}

static gboolean
begin (LecternWorker *self, GError **error)
{
  g_autoptr (JsonObject) object = make_start (self);
  g_autoptr (GBytes) start = lectern_link_write_object (LECTERN_LINK_START, object, error);

  if (start == NULL)
    return FALSE;
  self->child = lectern_worker_child_new (self->workers, self->job, self->title, self->reactor,
                                          &child_events, self, error);
  return self->child != NULL && lectern_worker_child_send (self->child, start, NULL, RESERVE);
}

static void
launch (LecternTimer *timer)
{
  LecternWorker *self = (LecternWorker *) ((char *) timer - G_STRUCT_OFFSET (LecternWorker, timer));
  g_autoptr (GError) error = NULL;

  self->refs++;
  lectern_workers_get_settings (self->workers, &self->settings);
  self->refused = FALSE;
  if (begin (self, &error))
    {
      self->heard_us = lectern_clock_now_us ();
      lectern_workers_set_entry (self->workers, self, lectern_worker_child_get_pid (self->child),
                                 FALSE);
      lectern_timer_start (timer, self->reactor, get_patience (self), watch_silence);
      if (self->failures > 0)
        lectern_workers_count_restart ();
    }
  else if (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_CLOSED)
           || g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT))
    end (self, error);
  else
    fail (self, error);
  worker_unref (self);
}

LecternWorker *
lectern_worker_new (LecternWorkers *workers, const LecternWorkerSpec *spec, LecternReactor *reactor,
                    const LecternWorkerEvents *events, gpointer user_data)
{
  LecternWorker *self = g_new0 (LecternWorker, 1);

  self->refs = 1;
  self->workers = lectern_workers_ref (workers);
  self->reactor = g_object_ref (reactor);
  self->events = events;
  self->user_data = user_data;
  self->job = g_strdup (spec->job);
  self->title = g_strdup (spec->title != NULL ? spec->title : spec->job);
  self->read_path = g_strdup (spec->read_path);
  self->write_path = g_strdup (spec->write_path);
  self->parameters = spec->parameters != NULL ? json_object_ref (spec->parameters) : NULL;
  self->max_queue = spec->max_queue > 0 ? spec->max_queue : DEFAULT_QUEUE;
  self->once = spec->once;
  self->patient = spec->patient;
  self->network = spec->network;
  lectern_workers_add_entry (workers, self, self->job, self->title);
  lectern_timer_start (&self->timer, reactor, 0, launch);
  return self;
}

void
lectern_worker_free (LecternWorker *self)
{
  if (self->events != NULL)
    {
      self->events = NULL;
      end (self, NULL);
    }
  worker_unref (self);
}

/* ── sending ── */

static gboolean
send_frame (LecternWorker *self, GBytes *frame)
{
  return lectern_worker_child_send (self->child, frame, NULL, self->max_queue + RESERVE);
}

gboolean
lectern_worker_send_track (LecternWorker *self, guint lane, LecternTrack *track)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) frame = NULL;

  g_return_val_if_fail (lane < LECTERN_LINK_MAX_LANES, FALSE);
  if (!self->ready)
    return FALSE;
  frame = lectern_link_write_track (lane, track, &error);
  if (frame != NULL)
    return send_frame (self, frame);
  g_info ("%s: %s", self->title, error->message);
  return FALSE;
}

gboolean
lectern_worker_send_packet (LecternWorker *self, guint lane, LecternPacket *packet)
{
  gboolean is_video = lectern_packet_is_video (packet);
  guint32 bit = 1u << (lane % LECTERN_LINK_MAX_LANES);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) head = NULL;

  g_return_val_if_fail (lane < LECTERN_LINK_MAX_LANES, FALSE);
  if (!self->ready || (is_video && (self->skipping & bit) && !(packet->flags & LECTERN_PACKET_KEY)))
    return FALSE;
  head = lectern_link_write_packet_header (lane, packet, &error);
  if (head != NULL
      && lectern_worker_child_send (self->child, head, packet->payload, self->max_queue))
    {
      if (is_video)
        self->skipping &= ~bit;
      return TRUE;
    }
  if (is_video)
    self->skipping |= bit;
  if (error != NULL)
    g_info ("%s: %s", self->title, error->message);
  return FALSE;
}

gboolean
lectern_worker_send_message (LecternWorker *self, JsonObject *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) frame = NULL;

  if (!self->ready)
    return FALSE;
  frame = lectern_link_write_object (LECTERN_LINK_MESSAGE, message, &error);
  if (frame != NULL)
    return send_frame (self, frame);
  g_info ("%s: %s", self->title, error->message);
  return FALSE;
}

void
lectern_worker_finish (LecternWorker *self)
{
  if (self->finishing || self->events == NULL)
    return;
  self->finishing = TRUE;
  if (self->ready)
    send_finish (self);
}

int
lectern_worker_get_pid (LecternWorker *self)
{
  return self->child != NULL ? lectern_worker_child_get_pid (self->child) : 0;
}
