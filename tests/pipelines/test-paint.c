/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "testcard-paint.h"

#include <string.h>

/* Paints one picture of @width by @height, in memory whose bounds are guarded. */
static void
paint (GstVideoFrame *frame, guint width, guint height, GstClockTime time, gint64 wall_us)
{
  *frame = (GstVideoFrame){ 0 };
  g_assert_true (gst_video_info_set_format (&frame->info, GST_VIDEO_FORMAT_I420, width, height));
  frame->data[0] = g_malloc (frame->info.size);
  memset (frame->data[0], 60, frame->info.size);
  for (guint plane = 1; plane < 3; plane++)
    frame->data[plane]
        = (guint8 *) frame->data[0] + GST_VIDEO_INFO_PLANE_OFFSET (&frame->info, plane);
  testcard_paint (frame, time, wall_us);
}

static guint8
get_luma (GstVideoFrame *frame, guint x, guint y)
{
  const guint8 *plane = GST_VIDEO_FRAME_PLANE_DATA (frame, 0);

  return plane[y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0) + x];
}

/* As the plugin's README tells how to read it. */
static gint64
read_stripe (GstVideoFrame *frame)
{
  guint width = GST_VIDEO_FRAME_WIDTH (frame) / 64;
  guint y = GST_VIDEO_FRAME_HEIGHT (frame) - 4;
  guint64 bits = 0;
  guint8 sum = 0;

  g_assert_cmpuint (get_luma (frame, width / 2, y), >, 128);
  g_assert_cmpuint (get_luma (frame, width + width / 2, y), <, 128);
  for (guint i = 2; i < 58; i++)
    bits = bits << 1 | (get_luma (frame, i * width + width / 2, y) > 128);
  for (guint i = 1; i < 7; i++)
    sum += (guint8) (bits >> (8 * i));
  g_assert_cmpuint (sum, ==, bits & 0xff);
  return (gint64) (bits >> 8);
}

static void
stripe (void)
{
  static const guint sizes[][2] = { { 64, 64 }, { 640, 360 }, { 1918, 1078 }, { 3840, 2160 } };
  static const gint64 times[] = { 0, 1000, 1795000000123000, 253402300798000000 };

  for (gsize size = 0; size < G_N_ELEMENTS (sizes); size++)
    for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
      {
        GstVideoFrame frame;

        paint (&frame, sizes[size][0], sizes[size][1], i * GST_SECOND / 3, times[i]);
        g_assert_cmpint (read_stripe (&frame), ==, times[i] / 1000);
        g_free (frame.data[0]);
      }
}

/* The ball stays inside, wherever it is; the sanitizers find a write outside. */
static void
moves (void)
{
  g_autofree char *last = NULL;

  for (GstClockTime time = 0; time < 13 * GST_SECOND; time += 333 * GST_MSECOND)
    {
      GstVideoFrame frame;
      char *sum;

      paint (&frame, 66, 64, time, 0);
      sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, GST_VIDEO_FRAME_PLANE_DATA (&frame, 0),
                                         GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0) * 64);
      g_assert_cmpstr (sum, !=, last);
      g_free (last);
      last = sum;
      g_free (frame.data[0]);
    }
}

static void
flashes (void)
{
  GstVideoFrame on;
  GstVideoFrame off;

  paint (&on, 640, 360, 5 * GST_SECOND, 0);
  paint (&off, 640, 360, 5 * GST_SECOND + 100 * GST_MSECOND, 0);
  g_assert_cmpuint (get_luma (&on, 40, 60), >, 200);
  g_assert_cmpuint (get_luma (&off, 40, 60), <, 100);
  g_free (on.data[0]);
  g_free (off.data[0]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/testcard/stripe-tells-the-time", stripe);
  g_test_add_func ("/testcard/moves", moves);
  g_test_add_func ("/testcard/flashes-each-second", flashes);
  return g_test_run ();
}
