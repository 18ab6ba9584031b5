/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-aac.h"
#include "hex.h"

static gboolean
parse (GBytes *config, gsize size, LecternAacParameters *parameters, GError **error)
{
  g_autofree guint8 *data = cut (config, size);

  return lectern_aac_parse_config (data, size, parameters, error);
}

static const struct
{
  const char *config;
  guint object_type;
  guint rate;
  guint channels;
  const char *name;
} cases[] = {
  /* ffmpeg's encoder, which says that there is no SBR */
  { "121056e500", 2, 44100, 2, "LC" },
  { "118856e500", 2, 48000, 1, "LC" },
  { "11b056e500", 2, 48000, 6, "LC" },
  { "138856e500", 2, 22050, 1, "LC" },
  { "0a1056e500", 1, 44100, 2, "Main" },
  /* its 2.1, with a program_config_element */
  { "118004c4010020000d4c61766335392e33372e31303056e500", 2, 48000, 3, "LC" },
  /* OBS, GStreamer's voaacenc and phones: two bytes */
  { "1190", 2, 48000, 2, "LC" },
  { "1210", 2, 44100, 2, "LC" },
  /* HE told first, with PS, and behind */
  { "2b920800", 5, 44100, 2, "HE" },
  { "eb8a0800", 29, 44100, 2, "HEv2" },
  { "139056e5a0", 5, 44100, 2, "HE" },
  { "138856e5a54880", 29, 44100, 2, "HEv2" },
  { "138856e5a54800", 5, 44100, 1, "HE" },
  /* a rate written out, 7.1, a frame of 960, bits of padding */
  { "17805dc010", 2, 48000, 2, "LC" },
  { "11b8", 2, 48000, 8, "LC" },
  { "1194", 2, 48000, 2, "LC" },
  { "1190000000", 2, 48000, 2, "LC" },
  /* error resilient, scalable, BSAC; a core coder's delay; a program with every element */
  { "899100", 17, 48000, 2, "object type 17" },
  { "319020", 6, 48000, 2, "object type 6" },
  { "b191000000", 22, 48000, 2, "object type 22" },
  { "11920320", 2, 48000, 2, "LC" },
  { "118004c44523084401000000020000", 2, 48000, 6, "LC" },
  /* SBR behind whose rate is none, another mark, SBR over BSAC */
  { "139056e5e8", 2, 22050, 2, "LC" },
  { "139056c598", 2, 22050, 2, "LC" },
  { "2b92588000", 5, 44100, 2, "HE" },
  /* low delay, enhanced low delay, xHE */
  { "b990", 23, 48000, 2, "LD" },
  { "f8e64000", 39, 48000, 2, "ELD" },
  { "f94640", 42, 48000, 2, "xHE" },
};

static void
test_reads_configs (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) config = unhex (cases[i].config);
      g_autoptr (GError) error = NULL;
      LecternAacParameters parameters;

      g_test_message ("%s", cases[i].config);
      g_assert_true (parse (config, g_bytes_get_size (config), &parameters, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (parameters.object_type, ==, cases[i].object_type);
      g_assert_cmpuint (parameters.rate, ==, cases[i].rate);
      g_assert_cmpuint (parameters.channels, ==, cases[i].channels);
      g_assert_cmpstr (parameters.name, ==, cases[i].name);
    }
}

static void
test_refuses_broken_configs (void)
{
  static const char *const broken[] = {
    "",
    "12",
    "11",   /* less than two bytes */
    "0190", /* object type 0 */
    "1690",
    "1710", /* reserved rates */
    "17800000",
    "1780000010",
    "17ffffff90", /* no rate, one of 16 MHz */
    "11c0",
    "11d0",
    "11c8",
    "11f8",                /* reserved channels */
    "1180",                /* channels to be told, but are not */
    "1180 0400 0000 0000", /* a program without channels */
    "2b921400",
    "2b92",
    "2b968800", /* SBR in SBR; cut; a reserved rate */
    "f9",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autoptr (GBytes) config = unhex (broken[i]);
      g_autoptr (GError) error = NULL;
      LecternAacParameters parameters;

      g_test_message ("%s", broken[i]);
      g_assert_false (parse (config, g_bytes_get_size (config), &parameters, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
    }
}

static void
test_reads_no_further_than_it_may (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) config = unhex (cases[i].config);
      LecternAacParameters parameters;

      for (gsize size = 0; size < g_bytes_get_size (config); size++)
        if (parse (config, size, &parameters, NULL))
          g_assert_cmpuint (size, >=, 2);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/aac/reads-configs", test_reads_configs);
  g_test_add_func ("/formats/aac/refuses-broken-configs", test_refuses_broken_configs);
  g_test_add_func ("/formats/aac/reads-no-further-than-it-may", test_reads_no_further_than_it_may);
  return g_test_run ();
}
