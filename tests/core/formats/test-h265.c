/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-h265.h"
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

/* Made by x265 through ffmpeg 5.1. */
static const Case cases[] = {
  { "0101600000009000000000003cf000fcfdf8f800000f03200001001840010c01"
    "ffff01600000030090000003000003003c959809210001002f42010101600000"
    "030090000003000003003ca00a080b9f796566924cafff000300046808000003"
    "000800000300c84022000100074401c172b46240",
    320, 180, 1, 60, 25, 1, "Main 2.0", 2 },
  { "0102200000009000000000007bf000fcfdfafa00000f03200001001840010c01"
    "ffff02200000030090000003000003007b959809210001003042010102200000"
    "030090000003000003007ba003c08010e4d96566924cafff0003000468080000"
    "03000800000301e04022000100074401c172b46240",
    1920, 1080, 2, 123, 60, 1, "Main 10 4.1", 2 },
  { "0104080000009d08000000003cf000fcfefafa00000f03200001001740010c01"
    "ffff0408000003009d0800000300003c959809210001002e4201010408000003"
    "009d0800000300003cb00d880f1c9b65959a4932bffc02800355a02000000300"
    "2000000303c122000100074401c172b46240",
    426, 240, 4, 60, 30, 1, "RExt 2.0", 2 },
  { "0104080000009e08000000003cf000fcfff8f800000f03200001001740010c01"
    "ffff0408000003009e0800000300003c959809210001002f4201010408000003"
    "009e0800000300003c9001b101f39a232cacd24995ffe07880a02d0100000300"
    "01000003001e0822000100084401c172860c4624",
    427, 241, 4, 60, 30, 1, "RExt 2.0", 2 },
  { "0101600000009000000000003cf000fcfdf8f800000f04200001001840010c01"
    "ffff01600000030090000003000003003c959809210001003142010101600000"
    "030090000003000003003ca00a080b9f796566924e57ff800800025a808080d2"
    "0800001f480002ee004022000100074401c172b46240270001000a4e01900400"
    "0003000080",
    320, 180, 1, 60, 24000, 1001, "Main 2.0", 2 },
  { "0101600000009000000000003cf000fcfdf8f800001303200001001c40010c02"
    "ffff01600000030090000003000003003c00009598acc0482100010032420102"
    "01600000030090000003000003003c0000a00d080f1659598acd24995ffe0014"
    "001ad010000003001000000301908022000100074401c172b46240",
    416, 240, 1, 60, 25, 1, "Main 2.0", 2 },
  { "0101600000004000000000003cf000fcfdf8f800000f04200001001840010c01"
    "ffff01600000030040000003000003003c959809210001002e42010101600000"
    "030040000003000003003ca00d080f165959a4932bffc00280035a1a00000300"
    "0200000300321022000100074401c172b4624027000100064e0181010f80",
    416, 240, 1, 60, 25, 1, "Main 2.0", 2 },
  { "0101600000009000000000003cf000fcfdf8f800000f03200001001840010c01"
    "ffff01600000030090000003000003003c959809210001002f42010101600000"
    "030090000003000003003ca00d080f165959a4932bffc00280035a05b6e00000"
    "030020000003032122000100074401c172b46240",
    416, 240, 1, 60, 25, 1, "Main 2.0", 2 },
  { "0101600000009000000000003cf000fcfdf8f800000f04200001001840010c01"
    "ffff01600000030090000003000003003c959809210001003842010101600000"
    "030090000003000003003ca00d080f165959a4932bffc00280035a0200000300"
    "020000030032c0192cbc003d08000f424422000100074401c172b46240270001"
    "00064e0181010f80",
    416, 240, 1, 60, 25, 1, "Main 2.0", 2 },
  { "010160000000900000000000fff000fcfdf8f800000f03200001001940010c01"
    "ffff0160000003009000000300000300ff89628090210001002e420101016000"
    "0003009000000300000300ffa00d080f1658962a4932bffc00280035a0200000"
    "030020000003032122000100064401c171ab12",
    416, 240, 1, 255, 25, 1, "Main 8.5", 2 },
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

  return lectern_h265_parse_config (data, size, parameters, error);
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

/* All that may come before the frame rate: sub-layers, scaling lists, PCM, reference sets predicted
 * from others, long-term pictures. Its fields were checked against ffmpeg's trace_headers. */
static const char rare_sps[] = "42010501600000030090000003000003005dd000016000000300000300000300"
                               "0003003c5aa00d080f9ede595cae579244b841a69a69a69a650834d34d34d34e"
                               "1069a69a69a69c20d34d34d34d3841a69a69a69a70834d34d34d34d34d34d34d"
                               "34d34d34d34d34d34d34d34d34ca1069a69a69a69a69a69a69a69a69a69a69a6"
                               "9a69a69a69a69c20d34d34d34d34d34d34d34d34d34d34d34d34d34d34d34d38"
                               "41a69a69a69a69a69a69a69a69a69a69a69a69a69a69a69a70834d34d34d34d3"
                               "4d34d34d34d34d34d34d34d34d34d34d34e60834d34d34d34d34d34d34d34d34"
                               "d34d34d34d34d34d34d34ca60834d34d34d34d34d34d34d34d34d34d34d34d34"
                               "d34d34d34e60834d34d34d34d34d34d34d34d34d34d34d34d34d34d34d34e608"
                               "34d34d34d34d34d34d34d34d34d34d34d34d34d34d34d34e60834d34d34d34d3"
                               "4d34d34d34d34d34d34d34d34d34d34d34e60834d34d34d34d34d34d34d34d34"
                               "d34d34d34d34d34d34d34e60834d34d34d34d34d34d34d34d34d34d34d34d34d"
                               "34d34d34fbbf235afdb2f60302fff80020001fa808080d21f800001f48000753"
                               "0040";

static void
test_reads_rare_sps (void)
{
  static const Case rare = { .width = 416,
                             .height = 240,
                             .profile = 1,
                             .level = 93,
                             .numerator = 60000,
                             .denominator = 1001,
                             .name = "Main 3.1",
                             .reorder = 2 };
  g_autoptr (GBytes) sps = unhex (rare_sps);
  LecternVideoParameters parameters;

  g_assert_true (lectern_h265_parse_sps (g_bytes_get_data (sps, NULL), g_bytes_get_size (sps),
                                         &parameters, NULL));
  assert_parameters (&parameters, &rare);
}

static void
test_refuses_sps_cut_before_its_picture (void)
{
  g_autoptr (GBytes) sps = unhex (rare_sps);
  guint known = 0;

  for (gsize size = 0; size < g_bytes_get_size (sps); size++)
    {
      g_autofree guint8 *data = cut (sps, size);
      LecternVideoParameters parameters;

      if (lectern_h265_parse_sps (data, size, &parameters, NULL))
        {
          g_assert_cmpuint (parameters.width, ==, 416);
          known++;
        }
      else
        g_assert_cmpuint (known, ==, 0);
    }
  g_assert_cmpuint (known, >, 100);
}

static void
test_refuses_configs_cut_anywhere (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) config = unhex (cases[i].config);
      LecternVideoParameters parameters;

      for (gsize size = 0; size < g_bytes_get_size (config); size++)
        {
          g_autoptr (GError) error = NULL;

          g_assert_false (parse (config, size, &parameters, &error));
          g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
        }
    }
}

#define HEAD "0101600000009000000000003cf000fcfdf8f8"
#define SPS                                                                                        \
  "002f42010101600000030090000003000003003ca00a080b9f796566924cafff000300046808000003000800000300" \
  "c840"

static void
test_refuses_broken_configs (void)
{
  static const char *const broken[] = {
    "0001600000009000000000003cf000fcfdf8f800000f01210001" SPS, /* version */
    HEAD "00000e01210001" SPS,                                  /* 3-byte lengths */
    HEAD "00000f00",                                            /* no array */
    HEAD "00000f01200001" SPS,                                  /* only a VPS */
    HEAD "00000f01210000",                                      /* no SPS in its array */
    HEAD "00000f01210001 0000",                                 /* an empty one */
    HEAD "00000f01210002" SPS,                                  /* two, one there */
    HEAD "00000f0121ffff" SPS,
    HEAD "00000f0121000100304201",
    HEAD "00000f012100010002ffff",
  };
  g_autoptr (GString) many = g_string_new (HEAD "00000f01210020");

  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    assert_refused (broken[i]);
  for (guint i = 0; i < 32; i++)
    g_string_append (many, SPS);
  assert_refused (many->str);
}

static void
test_takes_sps_anywhere (void)
{
  static const char *const configs[]
      = { HEAD "00000f01210001" SPS, HEAD "00000f01a10001" SPS, HEAD "00000c02200000210001" SPS };

  for (gsize i = 0; i < G_N_ELEMENTS (configs); i++)
    {
      g_autoptr (GBytes) config = unhex (configs[i]);
      LecternVideoParameters parameters;

      g_assert_true (parse (config, g_bytes_get_size (config), &parameters, NULL));
      g_assert_cmpuint (parameters.width, ==, 320);
      g_assert_cmpuint (parameters.nal_length_size, ==, i == 2 ? 1 : 4);
    }
}

static void
test_bounds_pictures (void)
{
  static const struct
  {
    const char *sps;
    gboolean accepted;
  } sizes[] = {
    { "42010101600000030090000003000003005da1225c", TRUE },
    { "42010101600000030090000003000003005da000200080010005c0", TRUE },
    { "42010101600000030090000003000003005da00020010970", FALSE },
    { "42010101600000030090000003000003005da12000400270", FALSE },
    { "42010101600000030090000003000003005da000200189d7c0", TRUE },
    { "42010101600000030090000003000003005da12272fc", FALSE },
    { "42010101600000030090000003000003005d90244e5f80", TRUE },
    { "42010101600000030090000003000003005da897", FALSE },
    { "42010101600000030090000003000003005da137", FALSE },
    { "42010101600000030090000003000003005d944897", FALSE },
    { "42010f01600000030090000003000003005d0000a1225c", FALSE },
    { "42010d01600000030090000003000003005d0000a1225c", TRUE },
    { "42010101600000030090000003000003005da0000003001fffffffe0000003003fffffffe0000003003fffffffc0"
      "000003007fffffffa5c0",
      FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GBytes) sps = unhex (sizes[i].sps);
      LecternVideoParameters parameters;

      g_assert_true (lectern_h265_parse_sps (g_bytes_get_data (sps, NULL), g_bytes_get_size (sps),
                                             &parameters, NULL)
                     == sizes[i].accepted);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/h265/reads-configs-of-encoders", test_reads_configs_of_encoders);
  g_test_add_func ("/formats/h265/reads-rare-sps", test_reads_rare_sps);
  g_test_add_func ("/formats/h265/refuses-sps-cut-before-its-picture",
                   test_refuses_sps_cut_before_its_picture);
  g_test_add_func ("/formats/h265/refuses-configs-cut-anywhere", test_refuses_configs_cut_anywhere);
  g_test_add_func ("/formats/h265/refuses-broken-configs", test_refuses_broken_configs);
  g_test_add_func ("/formats/h265/takes-sps-anywhere", test_takes_sps_anywhere);
  g_test_add_func ("/formats/h265/bounds-pictures", test_bounds_pictures);
  return g_test_run ();
}
