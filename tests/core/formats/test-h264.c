/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-h264.h"
#include "hex.h"

typedef struct
{
  const char *config;
  guint width;
  guint height;
  guint profile;
  guint level;
  guint numerator;
  guint denominator;
  const char *name;
  gint reorder;
} Case;

/* Made by x264 through ffmpeg 5.1. */
static const Case cases[] = {
  { "0142c00dffe1001b6742c00dda05067e7ffc000c001040000003004000000c83"
    "c50aa801000468ce0fc8",
    320, 180, 66, 13, 25, 1, "Baseline 1.3", 0 },
  { "014d4028ffe1001c674d4028eca03c0113f2ffe000600082000007d20001d4c0"
    "1e30632c01000568eae3cb20",
    1920, 1080, 77, 40, 30000, 1001, "Main 4.0", 2 },
  { "01640020ffe1001d67640020acd9405005bbff00030004100000030010000006"
    "40f183196001000668eae3cb22c0fdf8f800",
    1280, 720, 100, 32, 50, 1, "High 3.2", 2 },
  { "0164001effe1001c6764001eacd940b424dff800800078800000030080000019"
    "0f8a14cb01000668faa3cb22c0fdf8f800",
    720, 576, 100, 30, 25, 1, "High 3.0", 2 },
  { "016e001effe1001f676e001ea6cd940a02ff93ff00b500f01000000300100000"
    "030300f162d96001000668eae3cb22c0fdfafa00",
    640, 362, 110, 30, 24, 1, "High 10 3.0", 2 },
  { "017a0015ffe1001e677a0015bcd941b1fe4fff00a000d5100000030010000003"
    "0300f162d96001000668eae3cb22c0fef8f800",
    426, 240, 122, 21, 24, 1, "High 4:2:2 2.1", 2 },
  { "01f4001effe1001e67f4001e919b283610f3421ff81e20280880000003008000"
    "003c078b16cb01000668eae3c44844fff8f800",
    427, 241, 244, 30, 60, 1, "High 4:4:4 3.0", 2 },
  { "0164000cffe1001e6764000cacd941419f9f02a5010101a50000030001000003"
    "00320f14299601000768eae3cb3002c0fdf8f800",
    320, 180, 100, 12, 25, 1, "High 1.2", 2 },
  { "0164000cffe1001e6764000cacd941419f9fff00030004100000030010000003"
    "0320f142996001001368eae3cb3128e8ec21c462a2884010c20084b0fdf8f800",
    320, 180, 100, 12, 25, 1, "High 1.2", 2 },
  { "01f4000cffe1001d67f4000c919b282833f1bff8001800208000000300800000"
    "19078a14cb01006768eae3c44e10042420084842204093c41840812712788308"
    "3081024e24e24f106106106113893893891020c20c227127122041844e24408c"
    "21102049e20c204093893c418418408127127127883083083089c49c49c48810"
    "6106113893891020c2271220440440fff8f800",
    320, 180, 244, 12, 25, 1, "High 4:4:4 1.2", 2 },
};

static void
assert_parameters (const LecternVideoParameters *parameters, const Case *expected)
{
  g_assert_cmpuint (parameters->width, ==, expected->width);
  g_assert_cmpuint (parameters->height, ==, expected->height);
  g_assert_cmpuint (parameters->profile, ==, expected->profile);
  g_assert_cmpuint (parameters->level, ==, expected->level);
  g_assert_cmpuint (parameters->numerator, ==, expected->numerator);
  g_assert_cmpuint (parameters->denominator, ==, expected->denominator);
  g_assert_cmpstr (parameters->name, ==, expected->name);
  g_assert_cmpint (parameters->reorder, ==, expected->reorder);
}

static gboolean
parse (GBytes *config, gsize size, LecternVideoParameters *parameters, GError **error)
{
  g_autofree guint8 *data = cut (config, size);

  return lectern_h264_parse_config (data, size, parameters, error);
}

static void
test_reads_configs_of_encoders (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) config = unhex (cases[i].config);
      g_autoptr (GError) error = NULL;
      LecternVideoParameters parameters;

      g_test_message ("%s", cases[i].name);
      g_assert_true (parse (config, g_bytes_get_size (config), &parameters, &error));
      g_assert_no_error (error);
      assert_parameters (&parameters, &cases[i]);
      g_assert_cmpuint (parameters.nal_length_size, ==, 4);
    }
}

static void
assert_refused (const char *hex)
{
  g_autoptr (GBytes) config = unhex (hex);
  g_autoptr (GError) error = NULL;
  LecternVideoParameters parameters;

  g_assert_false (parse (config, g_bytes_get_size (config), &parameters, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
}

/* All that may come before the picture: scaling lists, one that ends at once, and picture order
 * type 1. Its fields were checked against ffmpeg's trace_headers. */
static void
test_reads_rare_sps (void)
{
  static const Case rare = { .width = 712,
                             .height = 470,
                             .profile = 100,
                             .level = 31,
                             .numerator = 24000,
                             .denominator = 1001,
                             .name = "High 3.1",
                             .reorder = -1 };
  g_autoptr (GBytes) sps = unhex ("6764001fad84134d34d34d3442008484134d34d34d34d34d34d34d34d34d34d3"
                                  "4d34d34d34d34d34a14cd3281687bca8b1e000007d200017701080");
  LecternVideoParameters parameters;

  g_assert_true (lectern_h264_parse_sps (g_bytes_get_data (sps, NULL), g_bytes_get_size (sps),
                                         &parameters, NULL));
  assert_parameters (&parameters, &rare);
}

static void
test_names_level_1b (void)
{
  /* Constrained baseline with constraint_set3 at level 1.1, 176x144 */
  g_autoptr (GBytes) sps = unhex ("6742100bda0b1390");
  LecternVideoParameters parameters;
  GError *error = NULL;

  lectern_h264_parse_sps (g_bytes_get_data (sps, NULL), g_bytes_get_size (sps), &parameters,
                          &error);
  g_assert_no_error (error);
  g_assert_cmpstr (parameters.name, ==, "Baseline 1b");
}

/* Cut inside of the record it is broken; at its end only what High profiles append may be missing.
 */
static void
test_refuses_configs_cut_anywhere (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) config = unhex (cases[i].config);
      gsize whole = g_bytes_get_size (config) - (cases[i].profile >= 100 ? 4 : 0);
      LecternVideoParameters parameters;

      for (gsize size = 0; size < g_bytes_get_size (config); size++)
        {
          g_autoptr (GError) error = NULL;

          g_assert_true (parse (config, size, &parameters, &error) == (size >= whole));
          if (size < whole)
            g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
        }
    }
}

static void
test_refuses_sps_cut_before_its_picture (void)
{
  g_autoptr (GBytes) config = unhex (cases[6].config);
  guint known = 0;

  for (gsize size = 0; size < 30; size++)
    {
      g_autofree guint8 *data = cut (config, size + 8);
      LecternVideoParameters parameters;

      if (lectern_h264_parse_sps (data + 8, size, &parameters, NULL))
        {
          g_assert_cmpuint (parameters.width, ==, 427);
          known++;
        }
      else
        g_assert_cmpuint (known, ==, 0);
    }
  g_assert_cmpuint (known, >, 10);
}

#define SPS "6742c00dda05067e7ffc000c001040000003004000000c83c50aa8"
#define PPS "01000468ce0fc8"

static void
test_refuses_broken_configs (void)
{
  static const char *const broken[] = {
    "0042c00dffe1001b" SPS PPS,              /* version */
    "0142c00dfee1001b" SPS PPS,              /* 3-byte lengths */
    "0142c00dffe0" PPS,                      /* no SPS */
    "0142c00dffff001b" SPS PPS,              /* 31, one there */
    "0142c00dffe10000" PPS,                  /* an empty one */
    "0142c00dffe1ffff" SPS PPS,              /* a long one */
    "0142c00dffe1001b68" SPS PPS,            /* another NAL unit */
    "0142c00dffe1001b" SPS "02000468ce0fc8", /* 2 PPS, one there */
    "0142c00dffe1000967640020ff0000000000",  /* exp-Golomb codes without end */
    "0142c00dffe1000a6742c00df8000000000000",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_test_message ("%s", broken[i]);
      assert_refused (broken[i]);
    }
}

/* 1024 by 1024 macroblocks are 16384 by 16384; one more is refused, as is a crop of everything. */
static void
test_bounds_pictures (void)
{
  static const struct
  {
    const char *sps;
    gboolean accepted;
  } sizes[] = {
    { "6742000bda79", TRUE },
    { "6742000bda001000008019", TRUE },
    { "6742000bda001004008019", FALSE },
    { "6742000bda001000008039", FALSE },
    { "6742000bda00100400803c4e25", TRUE },
    { "6742000bda7ca5d0", FALSE },
    { "6742000bda7f2190", FALSE },
    { "6742000bda7ca42150", TRUE },
    { "6742000bda0000030000fffffffee4", FALSE },
    { "6742000bda0000030000fffffffe0000030001fffffffdc0000003007fffffff8000000300ffffffffd0",
      FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) sps = unhex (sizes[i].sps);
      LecternVideoParameters parameters;

      g_assert_true (lectern_h264_parse_sps (g_bytes_get_data (sps, NULL), g_bytes_get_size (sps),
                                             &parameters, NULL)
                     == sizes[i].accepted);
    }
}

static void
test_checks_nal_lengths (void)
{
  static const struct
  {
    const char *data;
    guint length_size;
    gboolean filled;
  } lengths[] = {
    { "", 4, TRUE },
    { "00000001 65", 4, TRUE },
    { "00000001 65 00000002 0605", 4, TRUE },
    { "00000000", 4, TRUE },
    { "00000002 65", 4, FALSE },
    { "00000001 65 00", 4, FALSE },
    { "ffffffff 65", 4, FALSE },
    { "0001 65", 2, TRUE },
    { "01 65", 1, TRUE },
    { "02 65", 1, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr (GBytes) bytes = unhex (lengths[i].data);
      g_autofree guint8 *data = cut (bytes, g_bytes_get_size (bytes));

      g_assert_true (
          lectern_h264_check_nal_lengths (data, g_bytes_get_size (bytes), lengths[i].length_size)
          == lengths[i].filled);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/h264/reads-configs-of-encoders", test_reads_configs_of_encoders);
  g_test_add_func ("/formats/h264/reads-rare-sps", test_reads_rare_sps);
  g_test_add_func ("/formats/h264/names-level-1b", test_names_level_1b);
  g_test_add_func ("/formats/h264/refuses-configs-cut-anywhere", test_refuses_configs_cut_anywhere);
  g_test_add_func ("/formats/h264/refuses-sps-cut-before-its-picture",
                   test_refuses_sps_cut_before_its_picture);
  g_test_add_func ("/formats/h264/refuses-broken-configs", test_refuses_broken_configs);
  g_test_add_func ("/formats/h264/bounds-pictures", test_bounds_pictures);
  g_test_add_func ("/formats/h264/checks-nal-lengths", test_checks_nal_lengths);
  return g_test_run ();
}
