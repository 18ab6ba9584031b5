/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "srt-caller.h"

#include "ts-input.h"

#define BATCH (64 * 1024)
/* One message of a live connection. */
#define MAX_MESSAGE 1456
#define BATCHES 4
#define STATISTICS_US (2 * G_USEC_PER_SEC)
#define REFUSED_US (300 * 1000)
/* The server has a time limit of its own, which is shorter. */
#define ANSWER_US (30 * G_USEC_PER_SEC)

struct _SrtCaller
{
  LecternJob *job;
  SRTSOCKET socket;
  guint id;
  char *name;
  gboolean refused;
  TsInput *input;   /* NULL: not allowed yet */
  int idle_ms;      /* silence after which the library gives up */
  gint64 heard_us;  /* a packet came from the network */
  gint64 arrived;   /* packets at that time */
  gint64 worked_us; /* a frame came of them */
  guint frames;     /* at that time */
  gint64 told_us;   /* statistics */
};

static JsonObject *
make_message (SrtCaller *self, const char *event)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "event", event);
  json_object_set_int_member (object, "caller", self->id);
  return object;
}

SrtCaller *
srt_caller_new (LecternJob *job, SRTSOCKET socket, guint id, const LecternAddress *peer)
{
  SrtCaller *self = g_new0 (SrtCaller, 1);
  char stream_id[513] = "";
  int size = sizeof stream_id - 1;
  int idle_size = sizeof self->idle_ms;
  g_autoptr (JsonObject) message = NULL;

  self->job = job;
  self->socket = socket;
  self->id = id;
  self->name = lectern_address_to_string (peer);
  self->heard_us = self->worked_us = self->told_us = g_get_monotonic_time ();
  self->idle_ms = SRT_CALLER_IDLE_MS;
  (void) srt_getsockflag (socket, SRTO_PEERIDLETIMEO, &self->idle_ms, &idle_size);
  if (srt_getsockflag (socket, SRTO_STREAMID, stream_id, &size) != 0)
    stream_id[0] = '\0';
  message = make_message (self, "caller");
  json_object_set_string_member (message, "streamid", stream_id);
  json_object_set_string_member (message, "address", self->name);
  lectern_job_send_message (job, message);
  return self;
}

SRTSOCKET
srt_caller_get_socket (SrtCaller *self)
{
  return self->socket;
}

guint
srt_caller_get_id (SrtCaller *self)
{
  return self->id;
}

gboolean
srt_caller_is_waiting (SrtCaller *self)
{
  return self->input == NULL && !self->refused;
}

void
srt_caller_refuse (SrtCaller *self)
{
  self->refused = TRUE;
}

gboolean
srt_caller_allow (SrtCaller *self, guint lane, GError **error)
{
  self->input = ts_input_new (self->job, lane, self->name, error);
  self->heard_us = self->worked_us = g_get_monotonic_time ();
  return self->input != NULL;
}

/* A peer that hangs up says so, one that is lost is silent first; the library does not tell which
 * it was. What is read now came from the network the latency ago. */
static gboolean
set_end (SrtCaller *self, gboolean *orderly, GError **error)
{
  gint64 silent_us = g_get_monotonic_time () - self->heard_us;

  *orderly = silent_us < self->idle_ms * 1000LL / 2;
  if (*orderly)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_CLOSED, "it hung up");
  else
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CLOSED,
                 "the connection broke, after %.1f s of silence",
                 silent_us / (double) G_USEC_PER_SEC);
  return FALSE;
}

/* Returns: the bytes; -1: the connection is over. */
static gssize
receive (SrtCaller *self, guint8 *data, gsize size)
{
  gsize filled = 0;

  while (size - filled >= MAX_MESSAGE)
    {
      int count = srt_recvmsg (self->socket, (char *) data + filled, MAX_MESSAGE);

      if (count <= 0)
        return filled > 0 || (count < 0 && srt_getlasterror (NULL) == SRT_EASYNCRCV)
                   ? (gssize) filled
                   : -1;
      filled += (gsize) count;
    }
  return (gssize) filled;
}

gboolean
srt_caller_read (SrtCaller *self, gboolean *orderly, GError **error)
{
  guint8 data[BATCH];

  for (guint i = 0; i < BATCHES && self->input != NULL; i++)
    {
      gssize size = receive (self, data, sizeof data);

      if (size < 0)
        return set_end (self, orderly, error);
      if (size == 0)
        return TRUE;
      if (!ts_input_push (self->input, data, (gsize) size, error))
        return FALSE;
    }
  return TRUE;
}

static void
tell_statistics (SrtCaller *self, const SRT_TRACEBSTATS *statistics)
{
  g_autoptr (JsonObject) message = make_message (self, "statistics");

  json_object_set_int_member (message, "packets", statistics->pktRecvTotal);
  json_object_set_int_member (message, "lost", statistics->pktRcvLossTotal);
  json_object_set_int_member (message, "dropped", statistics->pktRcvDropTotal);
  json_object_set_int_member (message, "bytes", (gint64) statistics->byteRecvTotal);
  json_object_set_int_member (message, "rtt_us", (gint64) (statistics->msRTT * 1000));
  lectern_job_send_message (self->job, message);
}

static void
look_at_statistics (SrtCaller *self, gint64 now_us)
{
  SRT_TRACEBSTATS statistics;

  if (srt_bstats (self->socket, &statistics, FALSE) != 0)
    return;
  if (statistics.pktRecvTotal != self->arrived)
    {
      self->arrived = statistics.pktRecvTotal;
      self->heard_us = now_us;
    }
  if (now_us - self->told_us < STATISTICS_US)
    return;
  self->told_us = now_us;
  tell_statistics (self, &statistics);
}

static gboolean
check_waiting (SrtCaller *self, gint64 now_us, gboolean *orderly, GError **error)
{
  if (srt_getsockstate (self->socket) >= SRTS_BROKEN)
    return set_end (self, orderly, error);
  if (now_us - self->heard_us <= (self->refused ? REFUSED_US : ANSWER_US))
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
                       self->refused ? "it was refused" : "the server does not answer");
  return FALSE;
}

gboolean
srt_caller_check (SrtCaller *self, gint64 now_us, gint64 timeout_us, gboolean *orderly,
                  GError **error)
{
  guint frames;

  if (self->input == NULL)
    return check_waiting (self, now_us, orderly, error);
  frames = ts_input_get_frames (self->input);
  if (frames != self->frames)
    {
      self->frames = frames;
      self->worked_us = now_us;
    }
  look_at_statistics (self, now_us);
  if (now_us - self->worked_us < timeout_us)
    return ts_input_check (self->input, error);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT, "no picture and no sound for %.1f s",
               (now_us - self->worked_us) / (double) G_USEC_PER_SEC);
  return FALSE;
}

void
srt_caller_close (SrtCaller *self, gboolean orderly, const char *reason)
{
  g_autoptr (JsonObject) message = make_message (self, "gone");

  srt_close (self->socket);
  if (self->input != NULL)
    ts_input_free (self->input);
  json_object_set_boolean_member (message, "orderly", orderly);
  json_object_set_string_member (message, "reason", reason);
  lectern_job_send_message (self->job, message);
  g_free (self->name);
  g_free (self);
}
