/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream brought to a server that takes it slowly. */
#include "../lectern-rtmp-chunk-reader.h"
#include "../lectern-rtmp-push.h"

#include "net/lectern-connection-private.h"
#include "net/lectern-reactor-private.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS G_GINT64_CONSTANT (1000000)
#define FRAME_SIZE 16384
#define GROUP 25
#define FRAMES 2000 /* 32 MiB: four times what may wait */

static const guint8 avc_config[]
    = { 0x01, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0x00, 0x1b, 0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05,
        0x06, 0x7e, 0x7f, 0xfc, 0x00, 0x0c, 0x00, 0x10, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40,
        0x00, 0x00, 0x0c, 0x83, 0xc5, 0x0a, 0xa8, 0x01, 0x00, 0x04, 0x68, 0xce, 0x0f, 0xc8 };

static const LecternMediaLimits limits = {
  .grace_us = G_USEC_PER_SEC,
  .wait_us = G_USEC_PER_SEC,
  .max_streams = 4,
  .max_waiting = 10,
  .gop_size = 1 << 20,
  .tape_size = 4 << 20,
  .late_us = 5 * G_USEC_PER_SEC,
  .stuck_us = 10 * G_USEC_PER_SEC,
};

typedef struct
{
  LecternSessions *sessions;
  LecternStreamRegistry *registry;
  LecternReactor *reactor;
  LecternPublisher *publisher;
  LecternConnection *connection;
  LecternRtmpPush *push;
  int ours;
  int theirs;
  gboolean ended;
  guint frames; /* published */
} Fixture;

static void
on_lost (LecternPublisher *publisher, const GError *reason, gpointer data)
{
}

static void
on_ended (LecternRtmpPush *push, gpointer user_data)
{
  Fixture *self = user_data;

  lectern_connection_set_handler (self->connection, NULL, NULL);
  lectern_connection_finish (self->connection);
  g_clear_pointer (&self->push, lectern_rtmp_push_free);
  g_clear_pointer (&self->connection, lectern_connection_unref);
  self->ended = TRUE;
}

static void
on_writable (LecternConnection *connection, gpointer user_data)
{
  lectern_rtmp_push_writable (((Fixture *) user_data)->push);
}

static const LecternConnectionHandler handler = { .writable = on_writable };

typedef struct
{
  LecternPostFunc func;
  gpointer data;
  GMutex lock;
  GCond cond;
  gboolean done;
} Call;

static void
run_call (gpointer data)
{
  Call *call = data;

  call->func (call->data);
  g_mutex_lock (&call->lock);
  call->done = TRUE;
  g_cond_signal (&call->cond);
  g_mutex_unlock (&call->lock);
}

static void
call_on (LecternReactor *reactor, LecternPostFunc func, gpointer data)
{
  Call call = { .func = func, .data = data };

  lectern_reactor_post (reactor, run_call, &call, NULL);
  g_mutex_lock (&call.lock);
  while (!call.done)
    g_cond_wait (&call.cond, &call.lock);
  g_mutex_unlock (&call.lock);
}

static void
publish_frame (Fixture *self)
{
  g_autofree guint8 *frame = g_malloc0 (FRAME_SIZE);
  g_autoptr (GBytes) payload = NULL;
  gboolean key = self->frames % GROUP == 0;
  guint32 size = GUINT32_TO_BE (FRAME_SIZE - 4);
  guint32 number = GUINT32_TO_BE (self->frames);

  memcpy (frame, &size, 4);
  frame[4] = key ? 0x65 : 0x41;
  memcpy (frame + 5, &number, 4);
  payload = g_bytes_new (frame, FRAME_SIZE);
  lectern_publisher_push (self->publisher, LECTERN_MEDIA_VIDEO, key ? LECTERN_PACKET_KEY : 0,
                          self->frames * 40 * MS, self->frames * 40 * MS, payload);
  self->frames++;
}

static void
begin (gpointer data)
{
  Fixture *self = data;
  g_autoptr (GBytes) config = g_bytes_new_static (avc_config, sizeof avc_config);
  const LecternTrack fields
      = { .media = LECTERN_MEDIA_VIDEO, .codec = LECTERN_CODEC_H264, .config = config };
  g_autoptr (LecternTrack) track = lectern_track_new (&fields);
  const LecternAddress nowhere = { .port = 1 };

  lectern_reactor_count_connection (self->reactor, 1);
  self->connection = lectern_connection_ref (lectern_connection_new (
      self->reactor, self->ours, &nowhere, NULL, lectern_clock_now_us (), NULL));
  lectern_connection_set_handler (self->connection, &handler, self);
  lectern_connection_set_stall_timeout (self->connection, 0);
  lectern_publisher_set_track (self->publisher, track);
  publish_frame (self);
  self->push = lectern_rtmp_push_new (lectern_publisher_get_stream (self->publisher),
                                      self->connection, 1, on_ended, self);
}

/* Much more than the peer takes, in many steps, as a stream comes. */
static void
publish_some (gpointer data)
{
  Fixture *self = data;

  for (guint i = 0; i < 10; i++)
    publish_frame (self);
}

static void
check_pending (gpointer data)
{
  Fixture *self = data;

  g_assert_cmpuint (lectern_connection_get_pending (self->connection), <, 512 * 1024);
}

static void
finish (gpointer data)
{
  lectern_publisher_end (((Fixture *) data)->publisher, FALSE);
}

/* What the peer got, up to the end: each frame that does not follow another is a key frame.
 * Returns: how many. */
static guint
read_all (Fixture *self)
{
  g_autoptr (LecternRtmpChunkReader) reader = lectern_rtmp_chunk_reader_new ();
  g_autoptr (GByteArray) held = g_byte_array_new ();
  static const guint8 set_size[] = { 2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 1, 0, 0 };
  guint count = 0;
  guint next = 0;

  lectern_rtmp_chunk_reader_set_budget (reader, 1 << 20, 1 << 20);
  g_byte_array_append (held, set_size, sizeof set_size);
  for (;;)
    {
      g_auto (LecternRtmpMessage) message = { 0 };
      g_autoptr (GError) error = NULL;
      guint8 piece[65536];
      gssize got;
      gsize used = lectern_rtmp_chunk_reader_read (reader, held->data, held->len, &message, &error);

      g_assert_no_error (error);
      g_byte_array_remove_range (held, 0, (guint) used);
      if (message.payload != NULL && message.type == LECTERN_RTMP_VIDEO
          && g_bytes_get_size (message.payload) > FRAME_SIZE)
        {
          const guint8 *data = g_bytes_get_data (message.payload, NULL);
          guint32 number;

          memcpy (&number, data + 5 + 5, 4);
          number = GUINT32_FROM_BE (number);
          g_assert_true (number == next || (number > next && number % GROUP == 0));
          next = number + 1;
          count++;
        }
      if (message.payload != NULL)
        continue;
      got = recv (self->theirs, piece, sizeof piece, 0);
      g_assert_cmpint (got, >=, 0);
      if (got == 0)
        break;
      g_byte_array_append (held, piece, (guint) got);
    }
  g_assert_cmpuint (next, ==, self->frames);
  return count;
}

static void
test_slow_server (void)
{
  Fixture self = { 0 };
  const int small = 16 * 1024;
  g_autoptr (GError) error = NULL;
  guint count;
  int pair[2];

  self.sessions = lectern_sessions_new ();
  self.registry = lectern_stream_registry_new (self.sessions, &limits);
  self.reactor = lectern_reactor_new ("test", &error);
  g_assert_no_error (error);
  self.publisher
      = lectern_stream_registry_publish (self.registry, "live/a", NULL, on_lost, NULL, NULL);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  self.ours = pair[0];
  self.theirs = pair[1];
  setsockopt (self.ours, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  fcntl (self.ours, F_SETFL, O_NONBLOCK);

  call_on (self.reactor, begin, &self);
  for (guint i = 0; i < FRAMES / 10; i++)
    {
      call_on (self.reactor, publish_some, &self);
      call_on (self.reactor, check_pending, &self);
    }
  call_on (self.reactor, finish, &self);
  count = read_all (&self);
  g_assert_cmpuint (count, >, 0);
  g_assert_cmpuint (count, <, FRAMES * 2 / 3);
  close (self.theirs);
  lectern_publisher_unref (self.publisher);
  lectern_reactor_stop (self.reactor);
  g_assert_true (self.ended);
  lectern_stream_registry_end_all (self.registry);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_object_unref (self.reactor);
  g_object_unref (self.registry);
  g_object_unref (self.sessions);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtmp/push/a-slow-server-misses-whole-groups", test_slow_server);
  return g_test_run ();
}
