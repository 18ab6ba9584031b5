/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-viewer.h"

#include "base/lectern-clock.h"
#include "base/lectern-metrics.h"
#include "media/lectern-stream-private.h"
#include "media/lectern-viewer-private.h"

#define MAX_CONTROL 4096
/* A viewer that is told to jump must first finish its message; a peer that takes single bytes to
 * look alive does not get longer than this many times `stuck` for that. */
#define MAX_JUMP_WAIT 3

struct _LecternViewer
{
  LecternConnection *connection;
  LecternStream *stream;
  LecternAudience *audience;
  LecternSession *session;
  LecternViewerFunc func;
  gpointer user_data;
  gsize (*sink) (const guint8 *data, gsize length, gpointer sink_data); /* NULL: the connection */
  gpointer sink_data;
  LecternViewerSeat seat;

  LecternTapePosition position; /* nowhere before it starts, and while it waits for a key frame */
  guint64 wait_key;             /* begin only at a key frame with a larger number */
  gsize rest;                   /* bytes to send before a jump; only while `jumping` */
  gsize picture_rest;           /* bytes of the first key frame still to send */
  gint64 begun_us;
  gint64 jumped_us;    /* when the jump was planned */
  GByteArray *control; /* the protocol's bytes that wait for a message's end, or NULL */
  LecternTimer timer;  /* the beginning, then the end of waiting */

  guint started : 1; /* the header has gone out */
  guint blocked : 1; /* the socket is full */
  guint jumping : 1;
  guint must_skip : 1; /* the jump leaves media out even if it must wait for a key frame */
  guint paused : 1;
  guint ending : 1; /* send what is left, then end */
  guint ended : 1;
  guint cut : 1;        /* it left within a message */
  guint is_waiting : 1; /* counted as waiting for a stream that is not live */
  guint waited : 1;     /* the first picture says nothing about our speed */
};

static const double picture_bounds[]
    = { 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5 };

static void
observe_first_picture (gint64 passed_us)
{
  static LecternMetric *metric;

  if (g_once_init_enter (&metric))
    g_once_init_leave (&metric,
                       lectern_metrics_get_histogram (
                           "lectern_first_picture_seconds",
                           "From a viewer's wish to play to the last byte of its first key frame",
                           picture_bounds, G_N_ELEMENTS (picture_bounds)));
  lectern_metric_observe (metric, (double) passed_us / 1e6);
}

static void
count_drop (const char *reason)
{
  lectern_metric_add (lectern_metrics_get_counter ("lectern_viewer_drops_total",
                                                   "Viewers that lost media or were closed",
                                                   "reason", reason),
                      1);
}

LecternViewerSeat *
lectern_viewer_get_seat (LecternViewer *self)
{
  return &self->seat;
}

static gboolean
start_waiting (LecternViewer *self, GError **error)
{
  if (!lectern_stream_registry_add_waiting (self->stream->registry, 1, error))
    return FALSE;
  self->is_waiting = TRUE;
  g_atomic_int_inc (&self->stream->waiting);
  return TRUE;
}

static void
stop_waiting (LecternViewer *self)
{
  if (!self->is_waiting)
    return;
  self->is_waiting = FALSE;
  lectern_timer_stop (&self->timer);
  lectern_stream_registry_add_waiting (self->stream->registry, -1, NULL);
  g_atomic_int_add (&self->stream->waiting, -1);
}

static gboolean
is_at_message_start (LecternViewer *self)
{
  return lectern_tape_get_message_rest (&self->position) == 0;
}

static void
leave (LecternViewer *self)
{
  stop_waiting (self);
  lectern_timer_stop (&self->timer);
  self->cut |= !is_at_message_start (self);
  lectern_tape_position_clear (&self->position);
  if (self->audience == NULL)
    return;
  lectern_connection_set_stall_timeout (self->connection,
                                        lectern_audience_get_limits (self->audience)->stuck_us);
  lectern_audience_remove (self->audience, self);
  lectern_stream_drop_audience (self->stream, self->audience);
  g_clear_pointer (&self->audience, lectern_audience_unref);
}

/* The last thing done with a viewer: its owner may free it. */
static void
end (LecternViewer *self, const GError *reason)
{
  if (self->ended)
    return;
  self->ended = TRUE;
  leave (self);
  self->func (self, LECTERN_VIEWER_ENDED, reason, self->user_data);
}

static gint64
get_lateness_us (LecternViewer *self, gint64 now_us)
{
  gint64 arrival_us = lectern_tape_get_arrival (&self->position);

  return arrival_us == G_MAXINT64 ? 0 : now_us - arrival_us;
}

static void
end_stuck (LecternViewer *self, gint64 stalled_us, gint64 now_us)
{
  g_autoptr (GError) reason = NULL;

  g_message ("viewer %s of '%s' closed: it took nothing for %" G_GINT64_FORMAT
             " ms; %" G_GINT64_FORMAT " ms of media not delivered",
             lectern_connection_get_peer_name (self->connection),
             lectern_stream_get_name (self->stream), stalled_us / 1000,
             get_lateness_us (self, now_us) / 1000);
  count_drop ("stuck");
  reason = g_error_new (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT, "the viewer took nothing for %d ms",
                        (int) (stalled_us / 1000));
  end (self, reason);
}

static gboolean
is_placed (LecternViewer *self)
{
  return self->position.block != NULL;
}

/* Moves to the newest key frame, if it is one to wait for, and sends the header. */
static gboolean
seek (LecternViewer *self)
{
  LecternTape *tape = lectern_audience_get_tape (self->audience);
  gboolean join = !self->started;
  g_autoptr (GBytes) header = NULL;
  gsize size;
  gconstpointer data;

  if (lectern_tape_get_key_number (tape) <= self->wait_key)
    return FALSE;
  header = lectern_tape_seek_newest_key (tape, &self->position, join);
  if (header == NULL)
    return FALSE;
  data = g_bytes_get_data (header, &size);
  if (size > 0 && self->sink != NULL)
    self->sink (data, size, self->sink_data);
  else if (size > 0)
    lectern_connection_write (self->connection, data, size);
  if (!join)
    return TRUE;
  self->started = TRUE;
  self->picture_rest = lectern_tape_get_message_size (&self->position);
  stop_waiting (self);
  self->func (self, LECTERN_VIEWER_STARTED, NULL, self->user_data);
  return TRUE;
}

/* Goes on at the newest key frame; when that lies behind, a late viewer skips what there is and
 * waits for the next. */
static void
jump (LecternViewer *self, gint64 now_us)
{
  LecternTape *tape = lectern_audience_get_tape (self->audience);
  gint64 late_ms = get_lateness_us (self, now_us) / 1000;

  self->jumping = FALSE;
  if (lectern_tape_is_key_ahead (tape, &self->position))
    self->wait_key = 0;
  else if (!self->must_skip)
    return;
  else
    self->wait_key = lectern_tape_get_key_number (tape);
  lectern_tape_position_clear (&self->position);
  seek (self);
  if (self->must_skip)
    g_message ("viewer %s of '%s' is too slow: it was %" G_GINT64_FORMAT
               " ms behind and goes on at the newest key frame",
               lectern_connection_get_peer_name (self->connection),
               lectern_stream_get_name (self->stream), late_ms);
}

/* @must_skip: what lies between is not worth sending any more. */
static void
plan_jump (LecternViewer *self, gboolean must_skip, gint64 now_us)
{
  if (self->jumping)
    return;
  self->jumping = TRUE;
  self->must_skip = must_skip;
  self->jumped_us = now_us;
  self->rest = lectern_tape_get_message_rest (&self->position);
}

static void
plan_late_jump (LecternViewer *self, const char *reason, gint64 now_us)
{
  if (self->jumping)
    return;
  count_drop (reason);
  plan_jump (self, TRUE, now_us);
}

static void
flush_control (LecternViewer *self)
{
  if (self->control == NULL || !is_at_message_start (self))
    return;
  lectern_connection_write (self->connection, self->control->data, self->control->len);
  g_clear_pointer (&self->control, g_byte_array_unref);
}

static void
account (LecternViewer *self, gsize sent, gint64 now_us)
{
  if (sent == 0)
    return;
  self->position.offset += sent;
  if (self->jumping)
    self->rest -= sent;
  if (self->session != NULL)
    lectern_session_add_bytes (self->session, sent);
  if (self->picture_rest == 0)
    return;
  self->picture_rest -= MIN (self->picture_rest, sent);
  if (self->picture_rest == 0 && !self->waited)
    observe_first_picture (now_us - self->begun_us);
}

/* How many bytes may go now: all, or up to the end of the message where a jump or the protocol's
 * own bytes come in. */
static gsize
limit_bytes (LecternViewer *self, gsize available)
{
  gsize rest;

  if (self->jumping)
    return MIN (available, self->rest);
  if (self->control == NULL)
    return available;
  rest = lectern_tape_get_message_rest (&self->position);
  return rest > 0 ? MIN (available, rest) : available;
}

/* Sends one piece. FALSE: nothing more can be done now. */
static gboolean
flush_piece (LecternViewer *self, gint64 now_us)
{
  LecternTape *tape = lectern_audience_get_tape (self->audience);
  const guint8 *data;
  gboolean lost;
  gsize available;
  gsize wanted;
  gsize sent;

  if (self->jumping && self->rest == 0)
    jump (self, now_us);
  flush_control (self);
  available = lectern_tape_get_bytes (tape, &self->position, &data, &lost);
  if (lost)
    plan_late_jump (self, "tail", now_us);
  if (available == 0)
    return lost;
  wanted = limit_bytes (self, available);
  if (self->sink != NULL)
    sent = self->sink (data, wanted, self->sink_data);
  else if (wanted == available && lectern_tape_is_followed (tape, &self->position))
    sent = lectern_connection_send_more (self->connection, data, wanted);
  else
    sent = lectern_connection_send (self->connection, data, wanted);
  account (self, sent, now_us);
  self->blocked = sent < wanted;
  return !self->blocked;
}

static gboolean
has_all (LecternViewer *self)
{
  const guint8 *data;
  gboolean lost;

  return !is_placed (self)
         || lectern_tape_get_bytes (lectern_audience_get_tape (self->audience), &self->position,
                                    &data, &lost)
                == 0;
}

void
lectern_viewer_flush (LecternViewer *self, gint64 now_us)
{
  if (self->blocked || self->paused || self->audience == NULL)
    return;
  if (is_placed (self) || seek (self))
    while (flush_piece (self, now_us))
      continue;
  if (self->ending && !self->blocked && has_all (self))
    end (self, NULL);
}

void
lectern_viewer_writable (LecternViewer *self)
{
  gint64 now_us = lectern_clock_now_us ();

  if (self->audience == NULL)
    return;
  self->blocked = FALSE;
  if (get_lateness_us (self, now_us) > lectern_audience_get_limits (self->audience)->late_us)
    plan_late_jump (self, "late", now_us);
  lectern_viewer_flush (self, now_us);
}

void
lectern_viewer_check (LecternViewer *self, gint64 now_us)
{
  const LecternMediaLimits *limits = lectern_audience_get_limits (self->audience);
  gint64 stalled_us;

  if (!self->blocked)
    return;
  stalled_us = lectern_connection_get_stalled (self->connection);
  if (self->jumping && now_us - self->jumped_us > MAX_JUMP_WAIT * limits->stuck_us)
    stalled_us = MAX (stalled_us, now_us - self->jumped_us);
  if (stalled_us > limits->stuck_us)
    end_stuck (self, stalled_us, now_us);
  else if (get_lateness_us (self, now_us) > limits->late_us)
    plan_late_jump (self, "late", now_us);
}

void
lectern_viewer_tell (LecternViewer *self, LecternStreamState state)
{
  if (state == LECTERN_STREAM_ENDED)
    {
      self->ending = TRUE;
      if (self->paused)
        end (self, NULL);
      else
        lectern_viewer_flush (self, lectern_clock_now_us ());
    }
  else if (state == LECTERN_STREAM_AWAY && self->started)
    self->func (self, LECTERN_VIEWER_AWAY, NULL, self->user_data);
  else if (state == LECTERN_STREAM_LIVE && self->started)
    self->func (self, LECTERN_VIEWER_BACK, NULL, self->user_data);
}

static void
on_wait_over (LecternTimer *timer)
{
  LecternViewer *self = (LecternViewer *) ((char *) timer - G_STRUCT_OFFSET (LecternViewer, timer));
  g_autoptr (GError) reason = NULL;

  g_set_error (&reason, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT, "nobody published '%s' in time",
               lectern_stream_get_name (self->stream));
  end (self, reason);
}

/* The first bytes go from a run of its own, as the caller must learn the viewer's address before
 * the first event. */
static void
on_begin (LecternTimer *timer)
{
  LecternViewer *self = (LecternViewer *) ((char *) timer - G_STRUCT_OFFSET (LecternViewer, timer));
  const LecternMediaLimits *limits = lectern_audience_get_limits (self->audience);

  if (self->is_waiting)
    lectern_timer_start (timer, lectern_audience_get_reactor (self->audience), limits->wait_us,
                         on_wait_over);
  if (lectern_audience_get_state (self->audience) == LECTERN_STREAM_ENDED)
    self->ending = TRUE;
  lectern_viewer_flush (self, lectern_clock_now_us ());
}

static gboolean
join (LecternViewer *self, const LecternTapeFormat *format, const LecternViewerOptions *options,
      GError **error)
{
  LecternTapeParts parts = { options->no_video, options->no_audio };
  LecternReactor *reactor = lectern_connection_get_reactor (self->connection);
  LecternStreamState state = lectern_stream_get_state (self->stream);
  const LecternAccessRequest *request
      = self->session != NULL ? lectern_session_get_request (self->session) : NULL;
  gboolean idle = state == LECTERN_STREAM_IDLE;
  /* What was shown last is something to look at, but no news for another server. */
  gboolean stale = state == LECTERN_STREAM_AWAY && request != NULL && request->via != NULL;

  if (idle && !start_waiting (self, error))
    return FALSE;
  if (idle)
    lectern_stream_registry_want (self->stream->registry, self->stream->name, request);
  self->audience = lectern_stream_get_audience (self->stream, format, parts, reactor);
  if (options->skip_backlog || stale)
    self->wait_key = lectern_tape_get_key_number (lectern_audience_get_tape (self->audience));
  self->waited = idle || options->skip_backlog;
  lectern_audience_add (self->audience, self);
  /* We look at that ourselves, and tell what was lost. */
  lectern_connection_set_stall_timeout (self->connection, 0);
  lectern_timer_start (&self->timer, reactor, 0, on_begin);
  return TRUE;
}

LecternViewer *
lectern_viewer_new (LecternStreamRegistry *registry, const char *name,
                    LecternConnection *connection, const LecternTapeFormat *format,
                    const LecternViewerOptions *options, LecternSession *session,
                    LecternViewerFunc func, gpointer user_data, GError **error)
{
  g_autoptr (LecternStream) stream = lectern_stream_registry_view (registry, name, error);
  LecternViewer *self;

  if (stream == NULL)
    return NULL;
  self = g_new0 (LecternViewer, 1);
  self->connection = lectern_connection_ref (connection);
  self->stream = g_steal_pointer (&stream);
  self->session = session != NULL ? lectern_session_ref (session) : NULL;
  self->func = func;
  self->user_data = user_data;
  self->sink = options->sink;
  self->sink_data = options->sink_data;
  self->begun_us = lectern_clock_now_us ();
  if (!join (self, format, options, error))
    g_clear_pointer (&self, lectern_viewer_free);
  return self;
}

gboolean
lectern_viewer_write (LecternViewer *self, const void *data, gsize length)
{
  if (self->control == NULL && is_at_message_start (self))
    return lectern_connection_write (self->connection, data, length);
  if (self->control == NULL)
    self->control = g_byte_array_new ();
  if (self->control->len + length > MAX_CONTROL)
    return FALSE;
  g_byte_array_append (self->control, data, length);
  return TRUE;
}

void
lectern_viewer_set_paused (LecternViewer *self, gboolean paused)
{
  gint64 now_us = lectern_clock_now_us ();

  if (self->paused == (guint) !!paused || self->audience == NULL)
    return;
  self->paused = !!paused;
  if (paused)
    return;
  if (is_placed (self))
    plan_jump (self, FALSE, now_us);
  lectern_viewer_flush (self, now_us);
}

LecternConnection *
lectern_viewer_get_connection (LecternViewer *self)
{
  return self->connection;
}

gboolean
lectern_viewer_is_cut (LecternViewer *self)
{
  return self->cut || !is_at_message_start (self);
}

void
lectern_viewer_free (LecternViewer *self)
{
  leave (self);
  lectern_stream_registry_leave (self->stream->registry, self->stream);
  lectern_stream_unref (self->stream);
  g_clear_pointer (&self->session, lectern_session_unref);
  g_clear_pointer (&self->control, g_byte_array_unref);
  lectern_connection_unref (self->connection);
  g_free (self);
}
