/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A worker program that does what its job is named after; see test-supervisor.c. */
#include "base/lectern-units.h"
#include "worker/lectern-link.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINK_FD 3

static LecternLinkReader *reader;

static void
send_bytes (GBytes *frame)
{
  gsize size;
  const char *data = g_bytes_get_data (frame, &size);

  while (size > 0)
    {
      gssize sent = send (LINK_FD, data, size, MSG_NOSIGNAL);

      if (sent <= 0)
        _exit (0);
      data += sent;
      size -= sent;
    }
  g_bytes_unref (frame);
}

/* The next frame. The end of the link ends the program. */
static void
next_frame (LecternLinkFrame *frame)
{
  for (;;)
    {
      guint8 byte;
      LecternByteReader bytes;

      if (recv (LINK_FD, &byte, 1, 0) != 1)
        _exit (0);
      lectern_byte_reader_init (&bytes, &byte, 1);
      if (lectern_link_reader_read (reader, &bytes, frame, NULL))
        return;
    }
}

static gpointer
tick (gpointer unused)
{
  for (;;)
    {
      g_usleep (50000);
      send_bytes (lectern_link_write (LECTERN_LINK_TICK));
    }
  return NULL;
}

static void
answer (LecternLinkFrame *frame)
{
  switch (frame->type)
    {
    case LECTERN_LINK_TRACK:
      send_bytes (lectern_link_write_track (frame->lane, frame->track, NULL));
      break;
    case LECTERN_LINK_PACKET:
      send_bytes (lectern_link_write_packet_header (frame->lane, frame->packet, NULL));
      send_bytes (g_bytes_ref (frame->packet->payload));
      break;
    case LECTERN_LINK_MESSAGE:
      send_bytes (lectern_link_write_object (LECTERN_LINK_MESSAGE, frame->object, NULL));
      break;
    case LECTERN_LINK_FINISH:
      send_bytes (lectern_link_write (LECTERN_LINK_DONE));
      _exit (0);
    default:
      break;
    }
}

static void
echo (void)
{
  g_thread_new ("tick", tick, NULL);
  for (;;)
    {
      g_auto (LecternLinkFrame) frame = { 0 };

      next_frame (&frame);
      answer (&frame);
    }
}

static void
fail (gboolean refused)
{
  g_autoptr (JsonObject) object = json_object_new ();

  json_object_set_int_member (object, "code", LECTERN_ERROR_NOT_SUPPORTED);
  json_object_set_string_member (object, "text", "no such thing here");
  json_object_set_boolean_member (object, "refused", refused);
  send_bytes (lectern_link_write_object (LECTERN_LINK_FAILED, object, NULL));
}

/* What breaks no rule of the link, and is nonsense. */
static void
fail_oddly (void)
{
  g_autoptr (JsonObject) object = json_object_new ();

  json_object_set_string_member (object, "code", "x");
  json_object_set_int_member (object, "text", -1);
  json_object_set_array_member (object, "refused", json_array_new ());
  send_bytes (lectern_link_write_object (LECTERN_LINK_FAILED, object, NULL));
}

static void
flood (void)
{
  const LecternTrack fields = { .media = LECTERN_MEDIA_VIDEO, .codec = LECTERN_CODEC_H264 };
  LecternTrack *track = lectern_track_new (&fields);
  g_autoptr (GBytes) payload = g_bytes_new_take (g_malloc0 (100000), 100000);
  LecternPacket *packet = lectern_packet_new (track, 0, 0, 0, 0, payload);

  send_bytes (lectern_link_write_track (0, track, NULL));
  for (;;)
    {
      send_bytes (lectern_link_write_packet_header (0, packet, NULL));
      send_bytes (g_bytes_ref (payload));
    }
}

/* What the supervisor has given us, besides the link. */
static void
describe (void)
{
  g_autoptr (JsonObject) object = json_object_new ();
  sigset_t blocked;
  guint descriptors = 0;
  guint signals = 0;

  for (int fd = 0; fd < 1024; fd++)
    descriptors += fcntl (fd, F_GETFD) >= 0;
  sigprocmask (SIG_BLOCK, NULL, &blocked);
  for (int number = 1; number < 32; number++)
    signals += sigismember (&blocked, number) == 1;
  json_object_set_int_member (object, "descriptors", descriptors);
  json_object_set_int_member (object, "blocked", signals);
  json_object_set_boolean_member (object, "own-group", getpgrp () == getpid ());
  json_object_set_boolean_member (object, "secret", g_getenv ("LECTERN_SECRET") != NULL);
  json_object_set_string_member (object, "registry", g_getenv ("GST_REGISTRY"));
  send_bytes (lectern_link_write_object (LECTERN_LINK_MESSAGE, object, NULL));
}

static void
send_ready (void)
{
  send_bytes (lectern_link_write (LECTERN_LINK_READY));
}

static void
work (const char *job, JsonObject *start)
{
  if (g_str_equal (job, "crash"))
    abort ();
  if (g_str_equal (job, "mute"))
    pause ();
  if (g_str_equal (job, "hasty"))
    describe ();
  if (g_str_equal (job, "refuse"))
    fail (TRUE);
  if (g_str_equal (job, "refuse"))
    return;
  send_ready ();
  if (g_str_equal (job, "crash-once-ready"))
    abort ();
  if (g_str_equal (job, "hang"))
    pause ();
  if (g_str_equal (job, "exit"))
    return;
  if (g_str_equal (job, "fail"))
    fail (FALSE);
  if (g_str_equal (job, "odd"))
    fail_oddly ();
  if (g_str_equal (job, "garbage"))
    send_bytes (g_bytes_new_static ("LWK1 this is not a frame of any kind", 36));
  if (g_str_equal (job, "flood"))
    flood ();
  if (g_str_equal (job, "describe"))
    describe ();
  if (g_str_equal (job, "parameters"))
    send_bytes (lectern_link_write_object (
        LECTERN_LINK_MESSAGE, json_object_get_object_member (start, "parameters"), NULL));
  if (g_str_equal (job, "start"))
    send_bytes (lectern_link_write_object (LECTERN_LINK_MESSAGE, start, NULL));
  if (g_str_equal (job, "log"))
    (void) !write (STDERR_FILENO, "<6>hello\n", 9);
  if (g_str_equal (job, "stubborn"))
    signal (SIGTERM, SIG_IGN);
  if (g_str_equal (job, "stubborn"))
    for (;;)
      pause ();
  if (g_str_equal (job, "deaf"))
    tick (NULL);
  echo ();
}

int
main (int argc, char **argv)
{
  g_auto (LecternLinkFrame) start = { 0 };
  gint64 parent;

  if (argc != 3 || !lectern_units_parse_integer (argv[2], &parent, NULL) || getppid () != parent)
    return 2;
  prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  reader = lectern_link_reader_new ();
  next_frame (&start);
  if (start.type != LECTERN_LINK_START)
    return 3;
  work (argv[1], start.object);
  _exit (0);
}
