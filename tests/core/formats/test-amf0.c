/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-amf0.h"
#include "hex.h"

#include <math.h>

static GVariant *
read_bytes (GBytes *bytes, gsize *left, GError **error)
{
  LecternByteReader reader;
  GVariant *value;
  gsize size = g_bytes_get_size (bytes);
  g_autofree guint8 *data = cut (bytes, size);

  lectern_byte_reader_init (&reader, data, size);
  value = lectern_amf0_read (&reader, error);
  if (value == NULL)
    g_assert_cmpuint (reader.offset, ==, 0);
  if (left != NULL)
    *left = lectern_byte_reader_get_remaining (&reader);
  return value;
}

static GVariant *
read_hex (const char *text, GError **error)
{
  g_autoptr (GBytes) bytes = unhex (text);
  gsize left;
  g_autoptr (GVariant) value = read_bytes (bytes, &left, error);

  if (value != NULL)
    {
      g_assert_cmpuint (left, ==, 0);
      g_assert_false (g_variant_is_floating (value));
      g_assert_true (g_variant_is_normal_form (value));
    }
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
assert_refused (GBytes *bytes, LecternError code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = read_bytes (bytes, NULL, &error);

  g_assert_error (error, LECTERN_ERROR, (int) code);
  g_assert_null (value);
}

static void
assert_refused_hex (const char *hex, LecternError code)
{
  g_autoptr (GBytes) bytes = unhex (hex);

  assert_refused (bytes, code);
}

static void
test_reads_every_type (void)
{
  assert_reads ("00 3ff8000000000000", "1.5");
  assert_reads ("0101", "true");
  assert_reads ("0100", "false");
  assert_reads ("02 0003 61c3a9", "'a\303\251'");
  assert_reads ("02 0000", "''");
  assert_reads ("0c 00000002 6869", "'hi'");
  assert_reads ("05", "@mv nothing");
  assert_reads ("06", "@mv nothing");
  assert_reads ("0d", "@mv nothing");
  assert_reads ("0b 4276800000000000 0000", "1546188226560.0");
  assert_reads ("03 0001 61 05 000009", "{'a': <@mv nothing>}");
  assert_reads ("03 000009", "@a{sv} {}");
  assert_reads ("08 00000000 000009", "@a{sv} {}");
  assert_reads ("0a 00000000", "@av []");
  assert_reads ("0a 00000002 0101 020001 78", "[<true>, <'x'>]");
  assert_reads ("10 0003 466f6f 0001 61 0100 000009", "{'a': <false>}");
  assert_reads ("11 0483ff7f", "65535.0");
}

static void
test_keeps_order_and_last_of_repeated (void)
{
  assert_reads ("03 0001 62 0101 0001 61 0100 0001 62 05 0001 63 0100 000009",
                "{'b': <@mv nothing>, 'a': <false>, 'c': <false>}");
}

static void
test_ignores_count_of_ecma_array (void)
{
  assert_reads ("08 ffffffff 0001 61 0101 000009", "{'a': <true>}");
  assert_reads ("08 00000000 0001 61 0101 0000 0100 000009", "{'a': <true>, '': <false>}");
}

static void
test_nests (void)
{
  assert_reads ("03 0001 61 0a 00000001 08 00000000 0001 62 03 000009 000009 000009",
                "{'a': <[<{'b': <@a{sv} {}>}>]>}");
  assert_reads ("0a 00000002 11 0903010401 0101", "[<[<1.0>]>, <true>]");
}

static void
test_repairs_utf8 (void)
{
  assert_reads ("02 0003 61ff62", "'a\357\277\275b'");
  assert_reads ("02 0003 610062", "'a\357\277\275b'");
  assert_reads ("03 0001 c3 0101 000009", "{'\357\277\275': <true>}");
}

static void
test_takes_any_number (void)
{
  static const char *const numbers[]
      = { "00 7ff8000000000000", "00 7ff0000000000000", "00 fff0000000000000",
          "00 7ff0000000000001", "0b ffffffffffffffff 8000" };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autoptr (GVariant) value = read_hex (numbers[i], NULL);

      g_assert_nonnull (value);
      g_assert_false (isfinite (g_variant_get_double (value)));
    }
}

static void
test_refuses_what_it_does_not_know (void)
{
  static const char *const refused[]
      = { "",     "04",        "07 0000",    "09",   "0e",  "0f 00000001 78", "12", "ff",
          "1112", "03 000005", "03 0001 61", "0308", "1107" };

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    assert_refused_hex (refused[i], LECTERN_ERROR_INVALID_DATA);
}

static void
test_refuses_lengths_without_bytes (void)
{
  assert_refused_hex ("02 ffff 61", LECTERN_ERROR_INVALID_DATA);
  assert_refused_hex ("0c ffffffff 61", LECTERN_ERROR_LIMIT);
  assert_refused_hex ("0c 00010001 61", LECTERN_ERROR_LIMIT);
  assert_refused_hex ("0c 00010000 61", LECTERN_ERROR_INVALID_DATA);
  assert_refused_hex ("0a ffffffff", LECTERN_ERROR_INVALID_DATA);
  assert_refused_hex ("03 ffff", LECTERN_ERROR_INVALID_DATA);
  assert_refused_hex ("08 ffffffff", LECTERN_ERROR_INVALID_DATA);
  assert_refused_hex ("10 ffff 61", LECTERN_ERROR_INVALID_DATA);
}

/* @count times @unit between @head and @tail. */
static GBytes *
repeat (const char *head, const char *unit, guint count, const char *tail)
{
  g_autoptr (GBytes) first = unhex (head);
  g_autoptr (GBytes) middle = unhex (unit);
  g_autoptr (GBytes) last = unhex (tail);
  GByteArray *bytes = g_byte_array_new ();

  g_byte_array_append (bytes, g_bytes_get_data (first, NULL), (guint) g_bytes_get_size (first));
  for (guint i = 0; i < count; i++)
    g_byte_array_append (bytes, g_bytes_get_data (middle, NULL), (guint) g_bytes_get_size (middle));
  g_byte_array_append (bytes, g_bytes_get_data (last, NULL), (guint) g_bytes_get_size (last));
  return g_byte_array_free_to_bytes (bytes);
}

static void
test_bounds_depth (void)
{
  static const char *const openers[]
      = { "03 0001 61", "08 00000001 0001 61", "0a 00000001", "10 0000 0001 61" };
  g_autoptr (GBytes) deepest = repeat ("", "0a 00000001", 15, "0a 00000000");
  g_autoptr (GVariant) value = read_bytes (deepest, NULL, NULL);

  g_assert_nonnull (value);
  for (gsize i = 0; i < G_N_ELEMENTS (openers); i++)
    {
      g_autoptr (GBytes) over = repeat ("", openers[i], 16, "0a 00000000");
      g_autoptr (GBytes) deep = repeat ("", openers[i], 10000, "05");

      assert_refused (over, LECTERN_ERROR_LIMIT);
      assert_refused (deep, LECTERN_ERROR_LIMIT);
    }
}

static void
test_bounds_depth_across_amf3 (void)
{
  g_autoptr (GBytes) deepest = repeat ("0a00000001 0a00000001 11", "0903 01", 13, "0901 01");
  g_autoptr (GBytes) over = repeat ("0a00000001 0a00000001 11", "0903 01", 14, "0901 01");
  g_autoptr (GVariant) value = read_bytes (deepest, NULL, NULL);

  g_assert_nonnull (value);
  assert_refused (over, LECTERN_ERROR_LIMIT);
}

static void
test_bounds_members (void)
{
  g_autoptr (GBytes) most = repeat ("0a 00000400", "05", 1024, "");
  g_autoptr (GBytes) over = repeat ("0a 00000401", "05", 1025, "");
  g_autoptr (GBytes) million = repeat ("03", "0001 61 05", 1000000, "000009");
  g_autoptr (GBytes) spread = repeat ("0a 00000200", "0a 00000001 05", 512, "");
  g_autoptr (GBytes) spread_over = repeat ("0a 00000201", "0a 00000001 05", 513, "");
  g_autoptr (GVariant) value = read_bytes (most, NULL, NULL);
  g_autoptr (GVariant) nested = read_bytes (spread, NULL, NULL);

  g_assert_cmpuint (g_variant_n_children (value), ==, 1024);
  g_assert_cmpuint (g_variant_n_children (nested), ==, 512);
  assert_refused (over, LECTERN_ERROR_LIMIT);
  assert_refused (million, LECTERN_ERROR_LIMIT);
  assert_refused (spread_over, LECTERN_ERROR_LIMIT);
}

static void
test_bounds_bytes (void)
{
  g_autofree char *text = g_strnfill (65535 * 2, '7');
  g_autofree char *unit = g_strconcat ("02 ffff ", text, NULL);
  g_autoptr (GBytes) most = repeat ("0a 00000010", unit, 16, "");
  g_autoptr (GBytes) over = repeat ("0a 00000011", unit, 17, "");
  g_autoptr (GVariant) value = read_bytes (most, NULL, NULL);

  g_assert_nonnull (value);
  assert_refused (over, LECTERN_ERROR_LIMIT);
}

static GBytes *
write_value (GVariant *value, gboolean ecma, gsize limit)
{
  g_auto (LecternByteWriter) writer = { 0 };

  lectern_byte_writer_init (&writer, limit);
  if (ecma ? !lectern_amf0_write_ecma_array (&writer, value) : !lectern_amf0_write (&writer, value))
    {
      g_assert_cmpuint (writer.size, ==, 0);
      return NULL;
    }
  return lectern_byte_writer_steal (&writer);
}

static void
assert_writes (const char *parsed, gboolean ecma, const char *hex)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (parsed));
  g_autoptr (GBytes) written = write_value (value, ecma, 4096);
  g_autoptr (GBytes) expected = unhex (hex);

  g_assert_nonnull (written);
  g_assert_cmpmem (g_bytes_get_data (written, NULL), g_bytes_get_size (written),
                   g_bytes_get_data (expected, NULL), g_bytes_get_size (expected));
}

static void
test_writes_every_form (void)
{
  assert_writes ("1.5", FALSE, "00 3ff8000000000000");
  assert_writes ("byte 2", FALSE, "00 4000000000000000");
  assert_writes ("int16 -2", FALSE, "00 c000000000000000");
  assert_writes ("uint16 2", FALSE, "00 4000000000000000");
  assert_writes ("-2", FALSE, "00 c000000000000000");
  assert_writes ("uint32 2", FALSE, "00 4000000000000000");
  assert_writes ("int64 -2", FALSE, "00 c000000000000000");
  assert_writes ("uint64 2", FALSE, "00 4000000000000000");
  assert_writes ("true", FALSE, "0101");
  assert_writes ("false", FALSE, "0100");
  assert_writes ("'hi'", FALSE, "02 0002 6869");
  assert_writes ("<'hi'>", FALSE, "02 0002 6869");
  assert_writes ("just <'hi'>", FALSE, "02 0002 6869");
  assert_writes ("@mv nothing", FALSE, "05");
  assert_writes ("@a{sv} {}", FALSE, "03 000009");
  assert_writes ("@a{sv} {}", TRUE, "08 00000000 000009");
  assert_writes ("@av []", FALSE, "0a 00000000");
  assert_writes ("{'a': <[<1.5>, <{'b': <true>}>]>}", TRUE,
                 "08 00000001 0001 61 0a 00000002 003ff8000000000000"
                 "03 0001 62 0101 000009 000009");
}

static void
test_refuses_to_write_unknown_forms (void)
{
  static const char *const forms[]
      = { "('a', 1)", "@as ['a']", "@ms nothing", "@ay []", "{'a': <(1, 2)>}", "[<1>, <@as []>]" };

  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (forms[i]));

      g_assert_null (write_value (value, FALSE, 4096));
    }
}

static void
test_writes_within_bounds (void)
{
  g_autofree char *text = g_strnfill (70000, 'x');
  g_autoptr (GBytes) written = write_value (g_variant_new_string (text), FALSE, 100000);
  g_autoptr (GVariant) deep = g_variant_ref_sink (g_variant_new_parsed ("@av []"));
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  g_assert_cmpuint (g_bytes_get_size (written), ==, 70005);
  g_assert_null (write_value (g_variant_new_string (text), FALSE, 70004));
  g_variant_dict_insert_value (&dict, text, g_variant_new_boolean (TRUE));
  g_assert_null (write_value (g_variant_dict_end (&dict), FALSE, 100000));
  for (guint i = 0; i < 40; i++)
    {
      GVariant *inner = g_variant_new_variant (deep);
      GVariant *outer = g_variant_ref_sink (g_variant_new_array (NULL, &inner, 1));

      g_variant_unref (deep);
      deep = outer;
    }
  g_assert_null (write_value (deep, FALSE, 100000));
}

static GPtrArray *
load_messages (void)
{
  g_autoptr (GBytes) file = load ("amf0-messages.txt");
  g_autofree char *text = g_strndup (g_bytes_get_data (file, NULL), g_bytes_get_size (file));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GPtrArray *messages = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], " ", 3);

      if (lines[i][0] != '#' && g_strv_length (fields) == 3)
        g_ptr_array_add (messages, unhex (fields[2]));
    }
  return messages;
}

/* ECMA arrays inside of others are written as objects, so those messages only stay equal in value.
 */
static void
test_reads_and_writes_real_messages (void)
{
  g_autoptr (GPtrArray) messages = load_messages ();
  guint same = 0;

  g_assert_cmpuint (messages->len, >=, 50);
  for (guint i = 0; i < messages->len; i++)
    {
      GBytes *message = g_ptr_array_index (messages, i);
      g_auto (LecternByteWriter) writer = { 0 };
      g_autoptr (GBytes) written = NULL;
      LecternByteReader reader;

      lectern_byte_reader_init (&reader, g_bytes_get_data (message, NULL),
                                g_bytes_get_size (message));
      lectern_byte_writer_init (&writer, 65536);
      while (lectern_byte_reader_get_remaining (&reader) > 0)
        {
          g_autoptr (GError) error = NULL;
          guint8 marker = 0;
          gsize start = writer.size;
          LecternByteReader again;
          g_autoptr (GVariant) value = NULL;
          g_autoptr (GVariant) same_value = NULL;

          lectern_byte_reader_peek_u8 (&reader, &marker);
          value = lectern_amf0_read (&reader, &error);
          g_assert_no_error (error);
          g_assert_true (marker == 0x08 ? lectern_amf0_write_ecma_array (&writer, value)
                                        : lectern_amf0_write (&writer, value));
          lectern_byte_reader_init (&again, writer.data + start, writer.size - start);
          same_value = lectern_amf0_read (&again, &error);
          g_assert_cmpvariant (same_value, value);
        }
      written = lectern_byte_writer_steal (&writer);
      same += g_bytes_equal (written, message) ? 1 : 0;
    }
  g_assert_cmpuint (same, >=, 50);
  g_test_message ("%u of %u the same bytes", same, messages->len);
}

static void
test_refuses_real_messages_cut_anywhere (void)
{
  g_autoptr (GPtrArray) messages = load_messages ();
  guint cases = 0;

  for (guint i = 0; i < messages->len; i++)
    {
      GBytes *message = g_ptr_array_index (messages, i);

      for (gsize size = 0; size < g_bytes_get_size (message); size++, cases++)
        {
          g_autofree guint8 *data = cut (message, size);
          g_autoptr (GError) error = NULL;
          LecternByteReader reader;
          GVariant *value;

          lectern_byte_reader_init (&reader, data, size);
          while (lectern_byte_reader_get_remaining (&reader) > 0
                 && (value = lectern_amf0_read (&reader, &error)) != NULL)
            g_variant_unref (value);
          if (error != NULL)
            g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
        }
    }
  g_assert_cmpuint (cases, >, 10000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/amf0/reads-every-type", test_reads_every_type);
  g_test_add_func ("/formats/amf0/keeps-order-and-last-of-repeated",
                   test_keeps_order_and_last_of_repeated);
  g_test_add_func ("/formats/amf0/ignores-count-of-ecma-array", test_ignores_count_of_ecma_array);
  g_test_add_func ("/formats/amf0/nests", test_nests);
  g_test_add_func ("/formats/amf0/repairs-utf8", test_repairs_utf8);
  g_test_add_func ("/formats/amf0/takes-any-number", test_takes_any_number);
  g_test_add_func ("/formats/amf0/refuses-what-it-does-not-know",
                   test_refuses_what_it_does_not_know);
  g_test_add_func ("/formats/amf0/refuses-lengths-without-bytes",
                   test_refuses_lengths_without_bytes);
  g_test_add_func ("/formats/amf0/bounds-depth", test_bounds_depth);
  g_test_add_func ("/formats/amf0/bounds-depth-across-amf3", test_bounds_depth_across_amf3);
  g_test_add_func ("/formats/amf0/bounds-members", test_bounds_members);
  g_test_add_func ("/formats/amf0/bounds-bytes", test_bounds_bytes);
  g_test_add_func ("/formats/amf0/writes-every-form", test_writes_every_form);
  g_test_add_func ("/formats/amf0/refuses-to-write-unknown-forms",
                   test_refuses_to_write_unknown_forms);
  g_test_add_func ("/formats/amf0/writes-within-bounds", test_writes_within_bounds);
  g_test_add_func ("/formats/amf0/reads-and-writes-real-messages",
                   test_reads_and_writes_real_messages);
  g_test_add_func ("/formats/amf0/refuses-real-messages-cut-anywhere",
                   test_refuses_real_messages_cut_anywhere);
  return g_test_run ();
}
