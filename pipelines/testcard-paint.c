/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "testcard-paint.h"

#define BLACK 16
#define WHITE 235
#define CELLS 64
#define GLYPH_WIDTH 5
#define GLYPH_HEIGHT 7

typedef struct
{
  guint8 y, u, v;
} Colour;

static const Colour black = { BLACK, 128, 128 };
static const Colour white = { WHITE, 128, 128 };
static const Colour orange = { 170, 60, 180 };

/* Rows from the top, the lowest bit at the right; fonts would be one more thing to install. */
static const struct
{
  char letter;
  guint8 rows[GLYPH_HEIGHT];
} glyphs[] = {
  { '0', { 0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e } },
  { '1', { 0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e } },
  { '2', { 0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f } },
  { '3', { 0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e } },
  { '4', { 0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02 } },
  { '5', { 0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e } },
  { '6', { 0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e } },
  { '7', { 0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08 } },
  { '8', { 0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e } },
  { '9', { 0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c } },
  { ':', { 0x00, 0x04, 0x04, 0x00, 0x04, 0x04, 0x00 } },
  { '.', { 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x0c } },
};

/* Fills a row's part in one plane; @shift: 1 for the planes of colour, which are half as wide. */
static void
fill_plane (GstVideoFrame *frame, guint plane, int x, int y, int width, guint8 value)
{
  guint8 *row = GST_VIDEO_FRAME_PLANE_DATA (frame, plane);

  memset (row + (gsize) y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane) + x, value, width);
}

/* Fills a part of a row, cut off at the picture's edges. */
static void
fill_row (GstVideoFrame *frame, int x, int y, int width, const Colour *colour)
{
  int end = MIN (x + width, GST_VIDEO_FRAME_WIDTH (frame));

  x = MAX (x, 0);
  if (y < 0 || y >= GST_VIDEO_FRAME_HEIGHT (frame) || end <= x)
    return;
  fill_plane (frame, 0, x, y, end - x, colour->y);
  fill_plane (frame, 1, x / 2, y / 2, (end + 1) / 2 - x / 2, colour->u);
  fill_plane (frame, 2, x / 2, y / 2, (end + 1) / 2 - x / 2, colour->v);
}

static void
fill (GstVideoFrame *frame, int x, int y, int width, int height, const Colour *colour)
{
  for (int row = y; row < y + height; row++)
    fill_row (frame, x, row, width, colour);
}

static const guint8 *
find_glyph (char letter)
{
  for (gsize i = 0; i < G_N_ELEMENTS (glyphs); i++)
    if (glyphs[i].letter == letter)
      return glyphs[i].rows;
  return glyphs[0].rows;
}

static void
paint_glyph (GstVideoFrame *frame, int x, int y, int scale, char letter)
{
  const guint8 *rows = find_glyph (letter);

  for (int row = 0; row < GLYPH_HEIGHT; row++)
    for (int column = 0; column < GLYPH_WIDTH; column++)
      if (rows[row] >> (GLYPH_WIDTH - 1 - column) & 1)
        fill (frame, x + column * scale, y + row * scale, scale, scale, &white);
}

static void
paint_clock (GstVideoFrame *frame, gint64 wall_us)
{
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_local (wall_us / G_USEC_PER_SEC);
  g_autofree char *text = g_strdup_printf (
      "%02d:%02d:%02d.%03d", g_date_time_get_hour (now), g_date_time_get_minute (now),
      g_date_time_get_second (now), (int) (wall_us % G_USEC_PER_SEC / 1000));
  int length = strlen (text);
  int scale = MAX (GST_VIDEO_FRAME_WIDTH (frame) / (length * (GLYPH_WIDTH + 1) * 2), 1);
  int width = length * (GLYPH_WIDTH + 1) * scale;
  int x = (GST_VIDEO_FRAME_WIDTH (frame) - width) / 2;
  int y = GST_VIDEO_FRAME_HEIGHT (frame) / 8;

  fill (frame, x - 2 * scale, y - 2 * scale, width + 3 * scale, (GLYPH_HEIGHT + 4) * scale, &black);
  for (int i = 0; i < length; i++)
    paint_glyph (frame, x + i * (GLYPH_WIDTH + 1) * scale, y, scale, text[i]);
}

static void
paint_stripe (GstVideoFrame *frame, gint64 wall_us)
{
  guint64 bits = (guint64) wall_us / 1000 & ((G_GUINT64_CONSTANT (1) << 48) - 1);
  int width = GST_VIDEO_FRAME_WIDTH (frame) / CELLS;
  int height = MAX (GST_VIDEO_FRAME_HEIGHT (frame) / 18, 8);
  int y = GST_VIDEO_FRAME_HEIGHT (frame) - height;
  guint8 sum = 0;

  for (guint i = 0; i < 6; i++)
    sum += (guint8) (bits >> (8 * i));
  bits = bits << 8 | sum;
  fill (frame, 0, y, GST_VIDEO_FRAME_WIDTH (frame), height, &black);
  fill (frame, 0, y, width, height, &white);
  for (int i = 0; i < 56; i++)
    if (bits >> (55 - i) & 1)
      fill (frame, (2 + i) * width, y, width, height, &white);
}

/* Returns: to and fro between 0 and @range, once in @period. */
static int
swing (GstClockTime time, GstClockTime period, int range)
{
  GstClockTime phase = time % period;

  if (phase > period / 2)
    phase = period - phase;
  return (int) gst_util_uint64_scale (phase, 2 * range, period);
}

static void
paint_ball (GstVideoFrame *frame, GstClockTime time)
{
  int radius = GST_VIDEO_FRAME_HEIGHT (frame) / 12;
  int x = radius + swing (time, 4 * GST_SECOND, GST_VIDEO_FRAME_WIDTH (frame) - 2 * radius);
  int y = radius + swing (time, 3 * GST_SECOND, GST_VIDEO_FRAME_HEIGHT (frame) - 2 * radius);
  int half = 0;

  for (int row = -radius; row <= radius; row++)
    {
      int square = radius * radius - row * row;

      while ((half + 1) * (half + 1) <= square)
        half++;
      while (half * half > square)
        half--;
      fill_row (frame, x - half, y + row, 2 * half, &orange);
    }
}

void
testcard_paint (GstVideoFrame *frame, GstClockTime time, gint64 wall_us)
{
  int side = GST_VIDEO_FRAME_HEIGHT (frame) / 8;

  paint_ball (frame, time);
  if (time % GST_SECOND < 100 * GST_MSECOND)
    fill (frame, side / 2, GST_VIDEO_FRAME_HEIGHT (frame) / 8, side, side, &white);
  paint_clock (frame, wall_us);
  paint_stripe (frame, wall_us);
}
