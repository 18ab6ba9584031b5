/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-flv.h"
#include "formats/lectern-h265.h"
#include "formats/lectern-parameter-sets.h"
#include "hex.h"

/* Two of x264: 320 × 180 High 4:4:4, and 426 × 240 High with B-frames. */
#define SPS_A "67f4000c919b282833f1b808800000030080000019078a14cb"
#define PPS_A "68ebe3c44844"
#define SPS_B "67640015acd941b1fe4f011000000300100000030320f162d960"
#define PPS_B "68ebe3cb22c0"

static gboolean
add (LecternParameterSets *sets, const char *hex)
{
  g_autoptr (GBytes) bytes = unhex (hex);
  gsize size = g_bytes_get_size (bytes);
  g_autofree guint8 *nal = cut (bytes, size);

  return lectern_parameter_sets_add (sets, nal, size);
}

/* Returns: (transfer full): the config of the first video tag. */
static GBytes *
load_config (const char *name)
{
  g_autoptr (GBytes) file = load (name);
  LecternByteReader reader;
  LecternFlvTag tag;
  LecternFlvBody body;
  guint8 flags;
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);

  lectern_byte_reader_init (&reader, data, size);
  g_assert_true (lectern_flv_read_header (&reader, &flags, NULL));
  while (lectern_flv_read_tag (&reader, &tag, NULL))
    if (tag.type == LECTERN_FLV_TAG_VIDEO
        && lectern_flv_parse_video (tag.body, tag.body_size, &body, NULL)
        && body.kind == LECTERN_FLV_CONFIG)
      return g_bytes_new (tag.body + body.payload_offset, body.payload_size);
  g_assert_not_reached ();
}

static void
add_sets (LecternParameterSets *sets, LecternByteReader *reader, guint count)
{
  for (guint i = 0; i < count; i++)
    {
      guint16 size;
      const guint8 *nal;

      g_assert_true (lectern_byte_reader_read_u16 (reader, &size));
      nal = lectern_byte_reader_take (reader, size);
      g_assert_nonnull (nal);
      lectern_parameter_sets_add (sets, nal, size);
    }
}

/* What an encoder put into its config, we make of its sets. */
static void
test_h264_config (void)
{
  g_autoptr (GBytes) config = load_config ("h264-aac.flv");
  g_autoptr (LecternParameterSets) sets = lectern_parameter_sets_new (LECTERN_CODEC_H264);
  LecternVideoParameters parameters;
  LecternByteReader reader;
  LecternTrack *track;
  guint8 count;
  gsize size;
  const guint8 *data = g_bytes_get_data (config, &size);

  lectern_byte_reader_init (&reader, data, size);
  lectern_byte_reader_skip (&reader, 6);
  g_assert_null (lectern_parameter_sets_get_track (sets));
  add_sets (sets, &reader, data[5] & 0x1f);
  g_assert_null (lectern_parameter_sets_get_track (sets));
  g_assert_true (lectern_byte_reader_read_u8 (&reader, &count));
  add_sets (sets, &reader, count);
  track = lectern_parameter_sets_get_track (sets);
  g_assert_nonnull (track);
  g_assert_cmpmem (g_bytes_get_data (track->config, NULL), g_bytes_get_size (track->config), data,
                   size);
  g_assert_true (lectern_h264_parse_config (data, size, &parameters, NULL));
  g_assert_cmpuint (track->width, ==, parameters.width);
  g_assert_cmpint (lectern_parameter_sets_get_reorder (sets), ==, parameters.reorder);
}

/* x265's config allows sets in-band and tells the frame rate's kind; the rest is the same. */
static void
test_h265_config (void)
{
  g_autoptr (GBytes) config = load_config ("h265-fourcc.flv");
  g_autoptr (LecternParameterSets) sets = lectern_parameter_sets_new (LECTERN_CODEC_H265);
  LecternVideoParameters parameters;
  LecternByteReader reader;
  LecternTrack *track;
  const guint8 *made;
  gsize made_size;
  gsize size;
  const guint8 *data = g_bytes_get_data (config, &size);

  lectern_byte_reader_init (&reader, data, size);
  lectern_byte_reader_skip (&reader, 23);
  for (guint i = 0; i < MIN (data[22], 3); i++)
    {
      guint16 count;

      g_assert_null (lectern_parameter_sets_get_track (sets));
      lectern_byte_reader_skip (&reader, 1);
      g_assert_true (lectern_byte_reader_read_u16 (&reader, &count));
      add_sets (sets, &reader, count);
    }
  track = lectern_parameter_sets_get_track (sets);
  g_assert_nonnull (track);
  made = g_bytes_get_data (track->config, &made_size);
  g_assert_cmpmem (made, 22, data, 22);
  g_assert_true (lectern_h265_parse_config (made, made_size, &parameters, NULL));
  g_assert_cmpuint (track->width, ==, parameters.width);
}

static void
test_change (void)
{
  g_autoptr (LecternParameterSets) sets = lectern_parameter_sets_new (LECTERN_CODEC_H264);
  LecternTrack *track;
  LecternVideoParameters parameters;
  g_autoptr (LecternTrack) first = NULL;

  g_assert_true (add (sets, SPS_A));
  g_assert_true (add (sets, PPS_A));
  first = lectern_track_ref (lectern_parameter_sets_get_track (sets));
  g_assert_cmpuint (first->width, ==, 320);
  g_assert_true (add (sets, SPS_A));
  g_assert_true (add (sets, PPS_A));
  g_assert_true (lectern_parameter_sets_get_track (sets) == first);
  g_assert_true (add (sets, SPS_B));
  g_assert_true (add (sets, PPS_B));
  track = lectern_parameter_sets_get_track (sets);
  g_assert_true (track != first);
  g_assert_cmpuint (track->width, ==, 426);
  g_assert_true (lectern_h264_parse_config (g_bytes_get_data (track->config, NULL),
                                            g_bytes_get_size (track->config), &parameters, NULL));
  /* and back */
  g_assert_true (add (sets, SPS_A));
  g_assert_true (add (sets, PPS_A));
  g_assert_true (lectern_track_equal (lectern_parameter_sets_get_track (sets), first));
}

/* Returns: how many picture sets the track's config has. */
static guint
count_pictures (LecternParameterSets *sets)
{
  LecternTrack *track = lectern_parameter_sets_get_track (sets);
  LecternByteReader reader;
  guint16 length;
  guint8 count;

  g_assert_nonnull (track);
  lectern_byte_reader_init (&reader, g_bytes_get_data (track->config, NULL),
                            g_bytes_get_size (track->config));
  lectern_byte_reader_skip (&reader, 6);
  g_assert_true (lectern_byte_reader_read_u16 (&reader, &length));
  lectern_byte_reader_skip (&reader, length);
  g_assert_true (lectern_byte_reader_read_u8 (&reader, &count));
  return count;
}

/* A picture set outlives a change of its sequence set only while none has followed. */
static void
test_stale (void)
{
  g_autoptr (LecternParameterSets) sets = lectern_parameter_sets_new (LECTERN_CODEC_H264);

  add (sets, SPS_A);
  add (sets, PPS_A);
  g_assert_true (add (sets, "685a")); /* id 1 */
  g_assert_cmpuint (count_pictures (sets), ==, 2);
  add (sets, SPS_B);
  g_assert_cmpuint (count_pictures (sets), ==, 2);
  add (sets, PPS_B);
  g_assert_cmpuint (count_pictures (sets), ==, 1);
  g_assert_true (add (sets, "685a"));
  g_assert_cmpuint (count_pictures (sets), ==, 2);
}

static void
test_ignores (void)
{
  g_autoptr (LecternParameterSets) sets = lectern_parameter_sets_new (LECTERN_CODEC_H264);
  g_autofree char *large = g_strnfill (2 * 5000, 'a');

  g_assert_false (add (sets, ""));
  g_assert_false (add (sets, "65888400"));
  g_assert_false (add (sets, "09f0"));
  g_assert_true (add (sets, "67"));
  g_assert_true (add (sets, "67f4000c"));
  g_assert_true (add (sets, "68"));
  large[0] = '6';
  large[1] = '8';
  g_assert_true (add (sets, large));
  g_assert_null (lectern_parameter_sets_get_track (sets));
  add (sets, SPS_A);
  for (guint i = 0; i < 100; i++)
    {
      /* ue(v) of i + 63 is six zeros and i + 64 in seven bits; then 0, which is a one. */
      guint bits = (i + 64) << 1 | 1;
      g_autofree char *hex = g_strdup_printf ("68%04x80", bits << 2);

      g_assert_true (add (sets, hex));
    }
  g_assert_cmpuint (count_pictures (sets), ==, 31);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/parameter-sets/h264-config", test_h264_config);
  g_test_add_func ("/formats/parameter-sets/h265-config", test_h265_config);
  g_test_add_func ("/formats/parameter-sets/change", test_change);
  g_test_add_func ("/formats/parameter-sets/stale-picture-sets", test_stale);
  g_test_add_func ("/formats/parameter-sets/ignores-what-is-none", test_ignores);
  return g_test_run ();
}
