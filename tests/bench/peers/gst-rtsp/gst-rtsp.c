/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-gst-rtsp PORT FILE: gst-rtsp-server with the test stream at
 * rtsp://127.0.0.1:PORT/live/bench.
 *
 * Frames come from the file, stamped as they fall due, as the floor's do. The media is shared:
 * packets are made once for all players, who begin at the next key frame. */
#include "bench-common.h"
#include "bench-flv.h"

#include <gst/app/gstappsrc.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <string.h>

enum
{
  VIDEO,
  AUDIO,
  VIDEO_HEAD = 5, /* before the NAL units of a message */
  AUDIO_HEAD = 2,
};

static BenchFlv flv;
static GMutex lock;
static GstAppSrc *sources[2]; /* of the media that is played; guarded by @lock */

/* Returns: (transfer full): the codec's config, from the message that has it. */
static GstBuffer *
find_config (guint8 type, gsize head)
{
  for (guint i = 0; i < flv.tags->len; i++)
    {
      const BenchTag *tag = &g_array_index (flv.tags, BenchTag, i);

      if (tag->config && tag->type == type && tag->size > head)
        return gst_buffer_new_memdup (tag->data + head, tag->size - head);
    }
  bench_die ("a stream without configs");
}

static GstCaps *
make_caps (int which)
{
  g_autoptr (GstBuffer) config = which == VIDEO ? find_config (BENCH_VIDEO, VIDEO_HEAD)
                                                : find_config (BENCH_AUDIO, AUDIO_HEAD);

  if (which == VIDEO)
    return gst_caps_new_simple ("video/x-h264", "stream-format", G_TYPE_STRING, "avc", "alignment",
                                G_TYPE_STRING, "au", "width", G_TYPE_INT, 1280, "height",
                                G_TYPE_INT, 720, "codec_data", GST_TYPE_BUFFER, config, NULL);
  return gst_caps_new_simple ("audio/mpeg", "mpegversion", G_TYPE_INT, 4, "stream-format",
                              G_TYPE_STRING, "raw", "rate", G_TYPE_INT, 44100, "channels",
                              G_TYPE_INT, 2, "codec_data", GST_TYPE_BUFFER, config, NULL);
}

static void
on_unprepared (GstRTSPMedia *media, gpointer unused)
{
  g_mutex_lock (&lock);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_clear_object (&sources[i]);
  g_mutex_unlock (&lock);
}

static void
on_configure (GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer unused)
{
  static const char *const names[] = { "video", "audio" };
  g_autoptr (GstElement) element = gst_rtsp_media_get_element (media);

  g_mutex_lock (&lock);
  for (int i = 0; i < 2; i++)
    {
      GstElement *source = gst_bin_get_by_name (GST_BIN (element), names[i]);
      g_autoptr (GstCaps) caps = make_caps (i);

      g_object_set (source, "caps", caps, "is-live", TRUE, "do-timestamp", TRUE, "format",
                    GST_FORMAT_TIME, "leaky-type", GST_APP_LEAKY_TYPE_DOWNSTREAM, NULL);
      g_clear_object (&sources[i]);
      sources[i] = GST_APP_SRC (source);
    }
  g_mutex_unlock (&lock);
  g_signal_connect (media, "unprepared", G_CALLBACK (on_unprepared), NULL);
}

static void
push (const BenchTag *tag)
{
  int which = tag->type == BENCH_VIDEO ? VIDEO : AUDIO;
  gsize head = which == VIDEO ? VIDEO_HEAD : AUDIO_HEAD;

  g_mutex_lock (&lock);
  if (sources[which] != NULL)
    {
      GstBuffer *buffer = gst_buffer_new_memdup (tag->data + head, tag->size - head);

      if (which == VIDEO && !tag->key)
        GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
      gst_app_src_push_buffer (sources[which], buffer);
    }
  g_mutex_unlock (&lock);
}

static gpointer
feed (gpointer unused)
{
  gint64 start = bench_now ();
  guint32 number = 0;

  for (guint64 loop = 0;; loop++)
    for (guint i = 0; i < flv.tags->len; i++)
      {
        const BenchTag *tag = &g_array_index (flv.tags, BenchTag, i);
        gint64 due = start + (gint64) (tag->ms + loop * flv.duration) * 1000000;

        if (tag->config)
          continue;
        bench_sleep_until (due);
        if (tag->stamped)
          bench_put_stamp (tag->data + BENCH_STAMP_AT, due, number++);
        push (tag);
      }
  return NULL;
}

int
main (int argc, char **argv)
{
  g_autoptr (GMainLoop) loop = NULL;
  g_autoptr (GstRTSPServer) server = NULL;
  g_autoptr (GstRTSPMountPoints) mounts = NULL;
  GstRTSPMediaFactory *factory;

  if (argc != 3)
    bench_die ("usage: bench-gst-rtsp PORT FILE");
  bench_prepare ();
  gst_init (NULL, NULL);
  bench_flv_load (&flv, argv[2]);
  server = gst_rtsp_server_new ();
  gst_rtsp_server_set_address (server, "127.0.0.1");
  gst_rtsp_server_set_service (server, argv[1]);
  gst_rtsp_server_set_backlog (server, 4096);
  mounts = gst_rtsp_server_get_mount_points (server);
  factory = gst_rtsp_media_factory_new ();
  gst_rtsp_media_factory_set_launch (
      factory, "( appsrc name=video ! rtph264pay name=pay0 pt=96 config-interval=-1"
               " appsrc name=audio ! rtpmp4gpay name=pay1 pt=97 )");
  gst_rtsp_media_factory_set_shared (factory, TRUE);
  g_signal_connect (factory, "media-configure", G_CALLBACK (on_configure), NULL);
  gst_rtsp_mount_points_add_factory (mounts, "/live/bench", factory);
  if (gst_rtsp_server_attach (server, NULL) == 0)
    bench_die ("port %s is taken", argv[1]);
  g_thread_unref (g_thread_new ("feed", feed, NULL));
  loop = g_main_loop_new (NULL, FALSE);
  g_main_loop_run (loop);
  return 0;
}
