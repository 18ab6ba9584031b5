/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-amf0.h"
#include "hex.h"

static GVariant *
read_hex (const char *text, GError **error)
{
  g_autoptr (GBytes) bytes = unhex (text);
  gsize size = g_bytes_get_size (bytes);
  g_autofree guint8 *data = cut (bytes, size);
  g_autoptr (GVariant) value = NULL;
  LecternByteReader reader;

  lectern_byte_reader_init (&reader, data, size);
  value = lectern_amf3_read (&reader, error);
  if (value == NULL)
    {
      g_assert_cmpuint (reader.offset, ==, 0);
      return NULL;
    }
  g_assert_cmpuint (lectern_byte_reader_get_remaining (&reader), ==, 0);
  g_assert_false (g_variant_is_floating (value));
  g_assert_true (g_variant_is_normal_form (value));
  return g_steal_pointer (&value);
}

static void
assert_reads (const char *hex, const char *printed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = read_hex (hex, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = g_variant_print (value, TRUE);
  g_assert_cmpstr (text, ==, printed);
}

static void
assert_refused (const char *hex, LecternError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = read_hex (hex, &error);

  g_assert_error (error, LECTERN_ERROR, (int) code);
  g_assert_null (value);
}

static void
test_reads_every_type (void)
{
  assert_reads ("00", "@mv nothing");
  assert_reads ("01", "@mv nothing");
  assert_reads ("02", "false");
  assert_reads ("03", "true");
  assert_reads ("05 3ff8000000000000", "1.5");
  assert_reads ("06 05 6869", "'hi'");
  assert_reads ("06 01", "''");
  assert_reads ("06 07 61ff62", "'a\357\277\275b'");
  assert_reads ("08 01 4276800000000000", "1546188226560.0");
  assert_reads ("0c 07 010203", "[byte 0x01, 0x02, 0x03]");
  assert_reads ("0c 01", "@ay []");
  assert_reads ("09 01 01", "@av []");
  assert_reads ("0a 0b 01 01", "@a{sv} {}");
}

static void
test_reads_integers_of_29_bits (void)
{
  assert_reads ("04 00", "0.0");
  assert_reads ("04 7f", "127.0");
  assert_reads ("04 8100", "128.0");
  assert_reads ("04 ff7f", "16383.0");
  assert_reads ("04 818000", "16384.0");
  assert_reads ("04 ffff7f", "2097151.0");
  assert_reads ("04 80c08000", "2097152.0");
  assert_reads ("04 bfffffff", "268435455.0");
  assert_reads ("04 c0808000", "-268435456.0");
  assert_reads ("04 ffffffff", "-1.0");
}

static void
test_reads_arrays (void)
{
  assert_reads ("09 07 01 0401 0402 03", "[<1.0>, <2.0>, <true>]");
  assert_reads ("09 01 0361 0401 01", "{'a': <1.0>}");
  assert_reads ("09 05 0361 0401 01 0402 0403", "{'a': <1.0>, '0': <2.0>, '1': <3.0>}");
  assert_reads ("09 03 01 09 03 01 02", "[<[<false>]>]");
}

static void
test_reads_objects (void)
{
  /* sealed a, b of class C */
  assert_reads ("0a 23 0343 0361 0362 0401 02", "{'a': <1.0>, 'b': <false>}");
  /* dynamic alone, and sealed with dynamic */
  assert_reads ("0a 0b 01 0361 0401 01", "{'a': <1.0>}");
  assert_reads ("0a 1b 01 0361 0401 0362 0402 01", "{'a': <1.0>, 'b': <2.0>}");
}

static void
test_follows_references (void)
{
  assert_reads ("09 05 01 06 05 6869 06 00", "[<'hi'>, <'hi'>]");
  /* two of one class: the second names its traits by reference */
  assert_reads ("09 05 01 0a 13 0343 0361 02 0a 01 03", "[<{'a': <false>}>, <{'a': <true>}>]");
  /* object 0 is the outer array, 1 the inner */
  assert_reads ("09 05 01 09 03 01 02 09 02", "[<[<false>]>, <[<false>]>]");
  assert_reads ("09 05 01 08 01 3ff8000000000000 08 02", "[<1.5>, <1.5>]");
  assert_reads ("09 05 01 0c 03 ff 0c 02", "[<[byte 0xff]>, <[byte 0xff]>]");
}

static void
test_refuses_bad_references (void)
{
  static const char *const refused[] = {
    "0600", /* no string yet */
    "0900", /* no object */
    "0a05", /* no traits */
    "0800",
    "0c00",                    /* no date, no bytes */
    "09 03 01 09 00",          /* the array holds itself */
    "0a 0b 01 0361 0a00 01",   /* the object holds itself */
    "09 05 01 0c 03 ff 08 02", /* a date that is bytes */
    "09 05 01 08 01 3ff8000000000000 0c 02",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    assert_refused (refused[i], LECTERN_ERROR_INVALID_DATA);
}

static void
test_refuses_what_it_does_not_know (void)
{
  static const char *const refused[] = { "",
                                         "07 0178",
                                         "0b 0178",
                                         "0d 01 00",
                                         "0e 01 00",
                                         "0f 01 00",
                                         "10 01 00 01",
                                         "11",
                                         "12",
                                         "ff",
                                         "0a 07 0343",
                                         "04",
                                         "04 ff",
                                         "05 3ff8",
                                         "06",
                                         "06 05 68",
                                         "06 81",
                                         "08 01 00",
                                         "0c 05 00",
                                         "09",
                                         "09 03 01",
                                         "0a",
                                         "0a 13 01",
                                         "0a 13 01 0361",
                                         "0a 0b 01 03",
                                         "09 01 03" };

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    assert_refused (refused[i], LECTERN_ERROR_INVALID_DATA);
}

static char *
repeat (const char *head, const char *unit, guint count, const char *tail)
{
  GString *text = g_string_new (head);

  for (guint i = 0; i < count; i++)
    g_string_append (text, unit);
  g_string_append (text, tail);
  return g_string_free (text, FALSE);
}

static void
test_bounds_depth (void)
{
  g_autofree char *most = repeat ("", "090301", 15, "090101");
  g_autofree char *over = repeat ("", "090301", 16, "090101");
  g_autofree char *deep = repeat ("", "0a0b010361", 10000, "01");
  g_autoptr (GVariant) value = read_hex (most, NULL);

  g_assert_nonnull (value);
  assert_refused (over, LECTERN_ERROR_LIMIT);
  assert_refused (deep, LECTERN_ERROR_LIMIT);
}

static void
test_bounds_members (void)
{
  g_autofree char *most = repeat ("09 9001 01", "02", 1024, "");
  g_autofree char *over = repeat ("09 9003 01", "02", 1025, "");
  g_autofree char *keys = repeat ("0a 0b 01", "036102", 2000, "01");
  g_autofree char *sealed = repeat ("0a 818013 01", "0361", 1025, "02");
  /* names of two classes, together one too many */
  g_autofree char *first = repeat ("0a c003 01 0361", "00", 511, "0a c013 01");
  g_autofree char *traits = repeat (first, "00", 513, "");
  g_autoptr (GVariant) value = read_hex (most, NULL);

  g_assert_nonnull (value);
  assert_refused (over, LECTERN_ERROR_LIMIT);
  assert_refused (keys, LECTERN_ERROR_LIMIT);
  assert_refused (sealed, LECTERN_ERROR_LIMIT);
  assert_refused (traits, LECTERN_ERROR_LIMIT);
  assert_refused ("06 ffffffff", LECTERN_ERROR_LIMIT);
  assert_refused ("0c ffffffff", LECTERN_ERROR_LIMIT);
  assert_refused ("09 ffffffff 01", LECTERN_ERROR_INVALID_DATA);
  assert_refused ("0a ffffffff 01", LECTERN_ERROR_INVALID_DATA);
}

/* Each array holds the one before many times: 60^9 members from 600 bytes. */
static void
test_references_do_not_unfold (void)
{
  GString *text = g_string_new ("09 13 01 09 79 01");

  for (guint i = 0; i < 60; i++)
    g_string_append (text, "02");
  for (guint level = 1; level < 9; level++)
    {
      g_string_append (text, "09 79 01");
      for (guint i = 0; i < 60; i++)
        g_string_append_printf (text, "09%02x", level << 1);
    }
  assert_refused (text->str, LECTERN_ERROR_LIMIT);
  g_string_free (text, TRUE);
}

/* A string of 60 KB named a thousand times, as a value, as a key and as the name of a class member.
 */
static void
test_repeated_strings_count (void)
{
  g_autofree char *string = g_strnfill (60000 * 2, '7');
  g_autofree char *value = g_strconcat ("06 87a941 ", string, NULL);
  g_autofree char *values_head = g_strconcat ("09 8f51 01 ", value, NULL);
  g_autofree char *values = repeat (values_head, "0600", 1000, "");
  g_autofree char *objects_head = g_strconcat ("09 8f51 01 0a 13 01 87a941 ", string, " 02", NULL);
  g_autofree char *objects = repeat (objects_head, "0a0102", 1000, "");

  assert_refused (values, LECTERN_ERROR_LIMIT);
  assert_refused (objects, LECTERN_ERROR_LIMIT);
}

static void
test_refuses_values_cut_anywhere (void)
{
  static const char *const values[] = {
    "09 05 0361 0401 01 0402 0403",
    "0a 1b 0343 0361 0401 0362 06 05 6869 01",
    "09 05 01 08 01 3ff8000000000000 0c 05 0102",
    "0a 23 0343 0361 0362 09 03 01 0a 0b 01 0363 05 3ff8000000000000 01 06 00",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (GBytes) bytes = unhex (values[i]);
      g_autoptr (GVariant) whole = read_hex (values[i], NULL);

      g_assert_nonnull (whole);
      for (gsize size = 0; size < g_bytes_get_size (bytes); size++)
        {
          g_autofree guint8 *data = cut (bytes, size);
          g_autoptr (GError) error = NULL;
          LecternByteReader reader;

          lectern_byte_reader_init (&reader, data, size);
          g_assert_null (lectern_amf3_read (&reader, &error));
          g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/amf3/reads-every-type", test_reads_every_type);
  g_test_add_func ("/formats/amf3/reads-integers-of-29-bits", test_reads_integers_of_29_bits);
  g_test_add_func ("/formats/amf3/reads-arrays", test_reads_arrays);
  g_test_add_func ("/formats/amf3/reads-objects", test_reads_objects);
  g_test_add_func ("/formats/amf3/follows-references", test_follows_references);
  g_test_add_func ("/formats/amf3/refuses-bad-references", test_refuses_bad_references);
  g_test_add_func ("/formats/amf3/refuses-what-it-does-not-know",
                   test_refuses_what_it_does_not_know);
  g_test_add_func ("/formats/amf3/bounds-depth", test_bounds_depth);
  g_test_add_func ("/formats/amf3/bounds-members", test_bounds_members);
  g_test_add_func ("/formats/amf3/references-do-not-unfold", test_references_do_not_unfold);
  g_test_add_func ("/formats/amf3/repeated-strings-count", test_repeated_strings_count);
  g_test_add_func ("/formats/amf3/refuses-values-cut-anywhere", test_refuses_values_cut_anywhere);
  return g_test_run ();
}
