/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-flv.h"
#include "hex.h"

#define HEADER "464c5601 05 00000009 00000000"

/* Returns: the number of tags; *@error is why reading ended before the bytes did. */
static guint
read_tags (const guint8 *data, gsize size, gsize *used, GError **error)
{
  LecternByteReader reader;
  LecternFlvTag tag;
  guint8 flags;
  guint count = 0;

  lectern_byte_reader_init (&reader, data, size);
  if (lectern_flv_read_header (&reader, &flags, error))
    while (lectern_flv_read_tag (&reader, &tag, error))
      {
        g_assert_true (tag.body >= data);
        g_assert_true (tag.body + tag.body_size + 4 <= data + size);
        count++;
      }
  *used = reader.offset;
  return count;
}

static void
test_reads_header (void)
{
  static const struct
  {
    const char *hex;
    guint8 flags;
    gsize used;
  } headers[] = {
    { "464c5601 05 00000009 00000000 ff", 5, 13 },
    { "464c5601 04 00000009 00000000", 4, 13 },
    { "464c5601 01 0000000c aabbcc 00000000", 1, 16 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      g_autoptr (GBytes) bytes = unhex (headers[i].hex);
      g_autoptr (GError) error = NULL;
      LecternByteReader reader;
      guint8 flags = 0;

      lectern_byte_reader_init (&reader, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
      g_assert_true (lectern_flv_read_header (&reader, &flags, &error));
      g_assert_cmpuint (flags, ==, headers[i].flags);
      g_assert_cmpuint (reader.offset, ==, headers[i].used);
    }
}

static void
test_refuses_broken_headers (void)
{
  static const char *const broken[] = {
    "474c560105",
    "464c560205",
    "464c5601 05 00000008 00000000",
    "464c5601 05 00000000 00000000",
    "464c5601 05 ffffffff",
    "464c5601 05 00000009 00000001",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autoptr (GBytes) bytes = unhex (broken[i]);
      gsize size = g_bytes_get_size (bytes);
      g_autofree guint8 *data = cut (bytes, size);
      g_autoptr (GError) error = NULL;
      gsize used;

      g_assert_cmpuint (read_tags (data, size, &used, &error), ==, 0);
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
      g_assert_cmpuint (used, ==, 0);
    }
}

static void
test_reads_tags (void)
{
  g_autoptr (GBytes) bytes = unhex ("09 000002 0f4240 12 000000 1701 0000000d"
                                    "08 000000 000000 00 000000 0000000b"
                                    "12 000001 ffffff ff abcdef 05 0000000c");
  g_autoptr (GError) error = NULL;
  LecternByteReader reader;
  LecternFlvTag tag;

  lectern_byte_reader_init (&reader, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_assert_true (lectern_flv_read_tag (&reader, &tag, &error));
  g_assert_cmpint (tag.type, ==, LECTERN_FLV_TAG_VIDEO);
  g_assert_cmpuint (tag.timestamp_ms, ==, 0x120f4240);
  g_assert_cmpmem (tag.body, tag.body_size, "\x17\x01", 2);
  g_assert_true (lectern_flv_read_tag (&reader, &tag, &error));
  g_assert_cmpint (tag.type, ==, LECTERN_FLV_TAG_AUDIO);
  g_assert_cmpuint (tag.body_size, ==, 0);
  g_assert_true (lectern_flv_read_tag (&reader, &tag, &error));
  g_assert_cmpint (tag.type, ==, LECTERN_FLV_TAG_SCRIPT);
  g_assert_cmpuint (tag.timestamp_ms, ==, 0xffffffff);
  g_assert_false (lectern_flv_read_tag (&reader, &tag, &error));
  g_assert_no_error (error);
}

static void
test_refuses_broken_tags (void)
{
  static const char *const broken[] = {
    HEADER "00", /* types there are not */
    HEADER "0a 000000 000000 00 000000 0000000b",
    HEADER "ff",
    HEADER "29 000001 000000 00 000000 17 0000000c", /* encrypted */
    HEADER "89 000001 000000 00 000000 17 0000000c",
    HEADER "09 000001 000000 00 000000 17 0000000b", /* wrong sizes behind */
    HEADER "09 000001 000000 00 000000 17 00000000",
    HEADER "09 000000 000000 00 000000 ffffffff",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autoptr (GBytes) bytes = unhex (broken[i]);
      gsize size = g_bytes_get_size (bytes);
      g_autofree guint8 *data = cut (bytes, size);
      g_autoptr (GError) error = NULL;
      gsize used;

      g_assert_cmpuint (read_tags (data, size, &used, &error), ==, 0);
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
      g_assert_cmpuint (used, ==, 13);
    }
}

/* A tag that says it is longer than the file, and a file cut anywhere: more bytes are needed, and
 * not one past the end is read. */
static void
test_waits_for_more (void)
{
  g_autoptr (GBytes) beyond = unhex (HEADER "09 ffffff 000000 00 000000 17");
  g_autoptr (GBytes) file = load ("h264-fourcc.flv");
  gsize size = g_bytes_get_size (beyond);
  g_autofree guint8 *data = cut (beyond, size);
  gsize used;
  guint before = 0;
  GError *error = NULL;

  g_assert_cmpuint (read_tags (data, size, &used, &error), ==, 0);
  g_assert_no_error (error);
  for (size = 0; size < g_bytes_get_size (file); size++)
    {
      g_autofree guint8 *start = cut (file, size);
      guint count = read_tags (start, size, &used, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (count, >=, before);
      before = count;
    }
  g_assert_cmpuint (before, ==, 16);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/flv-reader/reads-header", test_reads_header);
  g_test_add_func ("/formats/flv-reader/refuses-broken-headers", test_refuses_broken_headers);
  g_test_add_func ("/formats/flv-reader/reads-tags", test_reads_tags);
  g_test_add_func ("/formats/flv-reader/refuses-broken-tags", test_refuses_broken_tags);
  g_test_add_func ("/formats/flv-reader/waits-for-more", test_waits_for_more);
  return g_test_run ();
}
