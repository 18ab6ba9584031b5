/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../lectern-rtmp-chunk-reader.h"
#include "../lectern-rtmp-chunk-writer.h"
#include "rtmp-bytes.h"

#include <string.h>

#define MIB (1024 * 1024)

typedef struct
{
  LecternRtmpChunkReader *reader;
  LecternByteWriter bytes;
  gsize at; /* consumed of the bytes */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->reader = lectern_rtmp_chunk_reader_new ();
  lectern_byte_writer_init (&fixture->bytes, 64 * MIB);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  g_assert_false (fixture->bytes.overflow);
  lectern_rtmp_chunk_reader_free (fixture->reader);
  lectern_byte_writer_clear (&fixture->bytes);
}

/* Reads what was written so far; TRUE with a message. */
static gboolean
read_message (Fixture *fixture, LecternRtmpMessage *message)
{
  g_autoptr (GError) error = NULL;

  fixture->at
      += lectern_rtmp_chunk_reader_read (fixture->reader, fixture->bytes.data + fixture->at,
                                         fixture->bytes.size - fixture->at, message, &error);
  g_assert_no_error (error);
  return message->payload != NULL;
}

static void
expect_message (Fixture *fixture, guint8 type, guint32 stream, guint32 timestamp, guint8 value,
                gsize size)
{
  g_auto (LecternRtmpMessage) message = { 0 };
  g_autofree guint8 *expected = g_malloc (size + 1);

  memset (expected, value, size);
  g_assert_true (read_message (fixture, &message));
  g_assert_cmpuint (message.type, ==, type);
  g_assert_cmpuint (message.stream, ==, stream);
  g_assert_cmpuint (message.timestamp, ==, timestamp);
  g_assert_cmpmem (g_bytes_get_data (message.payload, NULL), g_bytes_get_size (message.payload),
                   expected, size);
}

static void
expect_nothing (Fixture *fixture)
{
  g_auto (LecternRtmpMessage) message = { 0 };

  g_assert_false (read_message (fixture, &message));
}

static void
expect_error (Fixture *fixture, gint code)
{
  g_auto (LecternRtmpMessage) message = { 0 };
  g_autoptr (GError) error = NULL;

  lectern_rtmp_chunk_reader_read (fixture->reader, fixture->bytes.data + fixture->at,
                                  fixture->bytes.size - fixture->at, &message, &error);
  g_assert_error (error, LECTERN_ERROR, code);
}

static void
test_formats (Fixture *fixture, gconstpointer unused)
{
  LecternByteWriter *to = &fixture->bytes;

  put_chunk (to, 0, 4, 5000, 3, 8, 1);
  put_fill (to, 'a', 3);
  put_chunk (to, 1, 4, 20, 4, 9, 0);
  put_fill (to, 'b', 4);
  put_chunk (to, 2, 4, 30, 0, 0, 0);
  put_fill (to, 'c', 4);
  put_chunk (to, 3, 4, 0, 0, 0, 0);
  put_fill (to, 'd', 4);
  expect_message (fixture, 8, 1, 5000, 'a', 3);
  expect_message (fixture, 9, 1, 5020, 'b', 4);
  expect_message (fixture, 9, 1, 5050, 'c', 4);
  expect_message (fixture, 9, 1, 5080, 'd', 4);
  expect_nothing (fixture);
  g_assert_cmpuint (fixture->at, ==, to->size);
}

/* The specification's repeated delta, and what everybody else means by a bare header. */
static void
test_format_3_after_0 (Fixture *fixture, gconstpointer unused)
{
  LecternByteWriter *to = &fixture->bytes;

  put_chunk (to, 0, 4, 23, 1, 8, 1);
  put_fill (to, 'a', 1);
  put_chunk (to, 3, 4, 0, 0, 0, 0);
  put_fill (to, 'a', 1);
  put_chunk (to, 0, 4, 100000, 1, 8, 1);
  put_fill (to, 'a', 1);
  put_chunk (to, 3, 4, 0, 0, 0, 0);
  put_fill (to, 'a', 1);
  expect_message (fixture, 8, 1, 23, 'a', 1);
  expect_message (fixture, 8, 1, 46, 'a', 1);
  expect_message (fixture, 8, 1, 100000, 'a', 1);
  expect_message (fixture, 8, 1, 100000, 'a', 1);
}

static void
test_csids (Fixture *fixture, gconstpointer unused)
{
  static const guint32 csids[] = { 2, 3, 63, 64, 65, 319, 320, 321, 576, 65598, 65599 };

  for (guint i = 0; i < G_N_ELEMENTS (csids); i++)
    {
      put_chunk (&fixture->bytes, 0, csids[i], csids[i], 200, 8, 1);
      put_fill (&fixture->bytes, (guint8) i, 128);
    }
  for (guint i = 0; i < G_N_ELEMENTS (csids); i++)
    {
      put_chunk (&fixture->bytes, 3, csids[i], 0, 0, 0, 0);
      put_fill (&fixture->bytes, (guint8) i, 72);
    }
  for (guint i = 0; i < G_N_ELEMENTS (csids); i++)
    expect_message (fixture, 8, 1, csids[i], (guint8) i, 200);
}

static void
test_byte_by_byte (Fixture *fixture, gconstpointer unused)
{
  gsize end;
  gsize all;
  guint messages = 0;

  for (guint i = 0; i < 8; i++)
    {
      put_chunk (&fixture->bytes, 0, 300 + i, 0xfffffff0 + i, 200, 8, 1);
      put_fill (&fixture->bytes, (guint8) i, 128);
      put_chunk (&fixture->bytes, 3, 300 + i, 0, 0, 0, 0);
      lectern_byte_writer_put_u32 (&fixture->bytes, 0xfffffff0 + i);
      put_fill (&fixture->bytes, (guint8) i, 72);
    }
  all = fixture->bytes.size;
  for (end = 1; end <= all; end++)
    {
      g_auto (LecternRtmpMessage) message = { 0 };

      fixture->bytes.size = end;
      if (!read_message (fixture, &message))
        {
          g_assert_cmpuint (end - fixture->at, <=, 17);
          continue;
        }
      g_assert_cmpuint (message.timestamp, ==, 0xfffffff0 + messages);
      g_assert_cmpuint (g_bytes_get_size (message.payload), ==, 200);
      messages++;
    }
  g_assert_cmpuint (messages, ==, 8);
}

static void
test_no_first_header (Fixture *fixture, gconstpointer user_data)
{
  put_chunk (&fixture->bytes, GPOINTER_TO_UINT (user_data), 4, 0, 1, 8, 1);
  put_fill (&fixture->bytes, 0, 8);
  expect_error (fixture, LECTERN_ERROR_INVALID_DATA);
}

/* librtmp answers a ping so. */
static void
test_librtmp_pong (Fixture *fixture, gconstpointer unused)
{
  put_chunk (&fixture->bytes, 1, 2, 0, 6, LECTERN_RTMP_USER_CONTROL, 0);
  put_fill (&fixture->bytes, 0, 6);
  expect_message (fixture, LECTERN_RTMP_USER_CONTROL, 0, 0, 0, 6);
}

static void
test_too_many_streams (Fixture *fixture, gconstpointer unused)
{
  for (guint i = 0; i < LECTERN_RTMP_MAX_CHUNK_STREAMS; i++)
    {
      put_chunk (&fixture->bytes, 0, 3 + i, 0, 1, 8, 1);
      put_fill (&fixture->bytes, 0, 1);
      expect_message (fixture, 8, 1, 0, 0, 1);
    }
  put_chunk (&fixture->bytes, 0, 1000, 0, 1, 8, 1);
  expect_error (fixture, LECTERN_ERROR_LIMIT);
}

static void
put_chunk_size (LecternByteWriter *to, guint32 size)
{
  put_chunk (to, 0, 2, 0, 4, LECTERN_RTMP_SET_CHUNK_SIZE, 0);
  lectern_byte_writer_put_u32 (to, size);
}

static void
test_chunk_size_1 (Fixture *fixture, gconstpointer unused)
{
  put_chunk_size (&fixture->bytes, 1);
  put_chunk (&fixture->bytes, 0, 4, 7, 3, 8, 1);
  put_fill (&fixture->bytes, 'x', 1);
  put_chunk (&fixture->bytes, 3, 4, 0, 0, 0, 0);
  put_fill (&fixture->bytes, 'x', 1);
  put_chunk (&fixture->bytes, 3, 4, 0, 0, 0, 0);
  put_fill (&fixture->bytes, 'x', 1);
  expect_message (fixture, 8, 1, 7, 'x', 3);
}

static void
test_chunk_size_huge (Fixture *fixture, gconstpointer unused)
{
  put_chunk_size (&fixture->bytes, 0x7fffffff);
  put_chunk (&fixture->bytes, 0, 4, 7, 3 * MIB, 9, 1);
  put_fill (&fixture->bytes, 'x', 3 * MIB);
  expect_message (fixture, 9, 1, 7, 'x', 3 * MIB);
}

static void
test_chunk_size_refused (Fixture *fixture, gconstpointer user_data)
{
  put_chunk_size (&fixture->bytes, GPOINTER_TO_UINT (user_data));
  expect_error (fixture, LECTERN_ERROR_INVALID_DATA);
}

/* The chunk size changes between two chunks of a message, up and then far down. */
static void
test_chunk_size_within_message (Fixture *fixture, gconstpointer unused)
{
  LecternByteWriter *to = &fixture->bytes;

  put_chunk (to, 0, 4, 7, 1000, 9, 1);
  put_fill (to, 'x', 128);
  put_chunk_size (to, 500);
  put_chunk (to, 3, 4, 0, 0, 0, 0);
  put_fill (to, 'x', 500);
  put_chunk_size (to, 128);
  put_chunk (to, 3, 4, 0, 0, 0, 0);
  put_fill (to, 'x', 128);
  put_chunk_size (to, 100000);
  put_chunk (to, 3, 4, 0, 0, 0, 0);
  put_fill (to, 'x', 244);
  expect_message (fixture, 9, 1, 7, 'x', 1000);
}

static void
test_broken_off (Fixture *fixture, gconstpointer unused)
{
  put_chunk (&fixture->bytes, 0, 4, 7, 1000, 9, 1);
  put_fill (&fixture->bytes, 'x', 128);
  put_chunk (&fixture->bytes, 1, 4, 7, 1000, 9, 1);
  expect_error (fixture, LECTERN_ERROR_INVALID_DATA);
}

static void
test_abort (Fixture *fixture, gconstpointer unused)
{
  LecternByteWriter *to = &fixture->bytes;

  put_chunk (to, 0, 4, 7, 1000, 9, 1);
  put_fill (to, 'x', 128);
  put_chunk (to, 0, 2, 0, 4, LECTERN_RTMP_ABORT, 0);
  lectern_byte_writer_put_u32 (to, 4);
  put_chunk (to, 0, 2, 0, 4, LECTERN_RTMP_ABORT, 0);
  lectern_byte_writer_put_u32 (to, 1234);
  put_chunk (to, 0, 4, 8, 2, 9, 1);
  put_fill (to, 'y', 2);
  expect_message (fixture, 9, 1, 8, 'y', 2);
  g_assert_cmpuint (lectern_rtmp_chunk_reader_get_held (fixture->reader), ==, 0);
}

static void
test_short_control (Fixture *fixture, gconstpointer unused)
{
  put_chunk (&fixture->bytes, 0, 2, 0, 3, LECTERN_RTMP_SET_CHUNK_SIZE, 0);
  put_fill (&fixture->bytes, 0, 3);
  expect_error (fixture, LECTERN_ERROR_INVALID_DATA);
}

static void
test_lengths (Fixture *fixture, gconstpointer user_data)
{
  guint8 type = (guint8) GPOINTER_TO_UINT (user_data);

  put_chunk (&fixture->bytes, 0, 4, 0, 0xffffff, type, 1);
  expect_error (fixture, LECTERN_ERROR_LIMIT);
}

/* promises cost nothing, and what really comes is bounded by the budget. */
static void
test_unfinished (Fixture *fixture, gconstpointer user_data)
{
  guint8 type = (guint8) GPOINTER_TO_UINT (user_data);
  gsize budget = type == LECTERN_RTMP_VIDEO ? 8 * MIB : 4 * MIB;
  guint32 length = type == LECTERN_RTMP_VIDEO ? 7 * MIB : MIB;
  gboolean refused = FALSE;

  put_chunk_size (&fixture->bytes, 65536);
  expect_nothing (fixture);
  for (guint i = 0; i < 60; i++)
    {
      put_chunk (&fixture->bytes, 0, 3 + i, 0, length, type, 1);
      put_fill (&fixture->bytes, 0, 100);
      fixture->bytes.size -= 100;
      expect_nothing (fixture);
      g_assert_cmpuint (lectern_rtmp_chunk_reader_get_held (fixture->reader), ==, 0);
      fixture->bytes.size += 100;
      expect_nothing (fixture);
      g_assert_cmpuint (lectern_rtmp_chunk_reader_get_held (fixture->reader), <=, 4096);
      put_fill (&fixture->bytes, 0, 65436);
      expect_nothing (fixture);
      put_chunk (&fixture->bytes, 0, 2, 0, 4, LECTERN_RTMP_ABORT, 0);
      lectern_byte_writer_put_u32 (&fixture->bytes, 3 + i);
      expect_nothing (fixture);
    }
  for (guint i = 0; i < 60 * 128 && !refused; i++)
    {
      g_auto (LecternRtmpMessage) message = { 0 };
      g_autoptr (GError) error = NULL;
      guint csid = 3 + i % 60;

      fixture->bytes.size = fixture->at = 0;
      put_chunk (&fixture->bytes, i < 60 ? 0 : 3, csid, 0, length, type, 1);
      put_fill (&fixture->bytes, 0, 65536);
      lectern_rtmp_chunk_reader_read (fixture->reader, fixture->bytes.data, fixture->bytes.size,
                                      &message, &error);
      refused = g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
      g_assert_true (refused || error == NULL);
      g_assert_cmpuint (lectern_rtmp_chunk_reader_get_held (fixture->reader), <=, budget);
    }
  g_assert_true (refused);
}

/* T-01: extended timestamps around the boundary, with the field repeated or not. */
static void
test_extended (Fixture *fixture, gconstpointer user_data)
{
  gboolean repeated = GPOINTER_TO_INT (user_data);
  static const guint32 times[] = { 0xfffffe, 0xffffff, 0x1000000, 0xfffffff0, 0xffffffff };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    {
      put_chunk (&fixture->bytes, 0, 4, times[i], 300, 8, 1);
      put_fill (&fixture->bytes, 'x', 128);
      for (guint left = 172; left > 0; left -= MIN (left, 128))
        {
          put_chunk (&fixture->bytes, 3, 4, 0, 0, 0, 0);
          if (repeated && times[i] >= 0xffffff)
            lectern_byte_writer_put_u32 (&fixture->bytes, times[i]);
          put_fill (&fixture->bytes, 'x', MIN (left, 128));
        }
      expect_message (fixture, 8, 1, times[i], 'x', 300);
    }
}

static void
test_wrap (Fixture *fixture, gconstpointer unused)
{
  put_chunk (&fixture->bytes, 0, 4, 0xfffffff0, 1, 8, 1);
  put_fill (&fixture->bytes, 'x', 1);
  put_chunk (&fixture->bytes, 2, 4, 0x20, 0, 0, 0);
  put_fill (&fixture->bytes, 'x', 1);
  put_chunk (&fixture->bytes, 2, 4, 0x1000000, 0, 0, 0);
  put_fill (&fixture->bytes, 'x', 1);
  put_chunk (&fixture->bytes, 3, 4, 0, 0, 0, 0);
  lectern_byte_writer_put_u32 (&fixture->bytes, 0x1000000);
  put_fill (&fixture->bytes, 'x', 1);
  expect_message (fixture, 8, 1, 0xfffffff0, 'x', 1);
  expect_message (fixture, 8, 1, 0x10, 'x', 1);
  expect_message (fixture, 8, 1, 0x1000010, 'x', 1);
  expect_message (fixture, 8, 1, 0x2000010, 'x', 1);
}

static void
test_writer (Fixture *fixture, gconstpointer unused)
{
  static const gsize sizes[] = { 0, 1, 127, 128, 129, 256, 257, 5000, 65536, 65537, 300000 };
  static const guint32 chunk_sizes[] = { 1, 128, 4096, 65536 };
  static const guint32 times[] = { 0, 0xfffffe, 0xffffff, 0xffffffff };
  g_autofree guint8 *body = g_malloc (300000);

  memset (body, 'w', 300000);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (chunk_sizes); j++)
      for (guint k = 0; k < G_N_ELEMENTS (times); k++)
        {
          LecternRtmpHeader header = { 6, 9, 1, times[k] };

          tear_down (fixture, NULL);
          set_up (fixture, NULL);
          fixture->at = 0;
          put_chunk_size (&fixture->bytes, chunk_sizes[j]);
          lectern_rtmp_write_message (&fixture->bytes, &header, body, sizes[i], chunk_sizes[j]);
          expect_message (fixture, 9, 1, times[k], 'w', sizes[i]);
          g_assert_cmpuint (fixture->at, ==, fixture->bytes.size);
        }
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*func) (Fixture *, gconstpointer);
    guint value;
  } tests[] = {
    { "formats-0-to-3", test_formats, 0 },
    { "format-3-behind-format-0", test_format_3_after_0, 0 },
    { "chunk-stream-ids-of-all-forms", test_csids, 0 },
    { "byte-by-byte", test_byte_by_byte, 0 },
    { "refuses-format-1-first", test_no_first_header, 1 },
    { "refuses-format-2-first", test_no_first_header, 2 },
    { "refuses-format-3-first", test_no_first_header, 3 },
    { "takes-the-pong-of-librtmp", test_librtmp_pong, 0 },
    { "refuses-the-65th-chunk-stream", test_too_many_streams, 0 },
    { "chunk-size-1", test_chunk_size_1, 0 },
    { "chunk-size-7fffffff", test_chunk_size_huge, 0 },
    { "refuses-chunk-size-0", test_chunk_size_refused, 0 },
    { "refuses-chunk-size-with-bit-31", test_chunk_size_refused, 0x80000080 },
    { "chunk-size-changes-within-a-message", test_chunk_size_within_message, 0 },
    { "refuses-a-message-within-a-message", test_broken_off, 0 },
    { "abort", test_abort, 0 },
    { "refuses-short-control", test_short_control, 0 },
    { "refuses-long-control", test_lengths, LECTERN_RTMP_SET_CHUNK_SIZE },
    { "refuses-long-audio", test_lengths, LECTERN_RTMP_AUDIO },
    { "refuses-long-video", test_lengths, LECTERN_RTMP_VIDEO },
    { "refuses-long-command", test_lengths, LECTERN_RTMP_COMMAND },
    { "refuses-long-data", test_lengths, LECTERN_RTMP_DATA },
    { "bounds-unfinished-video", test_unfinished, LECTERN_RTMP_VIDEO },
    { "bounds-unfinished-audio", test_unfinished, LECTERN_RTMP_AUDIO },
    { "extended-time-repeated", test_extended, TRUE },
    { "extended-time-not-repeated", test_extended, FALSE },
    { "time-wraps", test_wrap, 0 },
    { "reads-what-the-writer-writes", test_writer, 0 },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/rtmp/chunk/", tests[i].path, NULL);

      g_test_add (path, Fixture, GUINT_TO_POINTER (tests[i].value), set_up, tests[i].func,
                  tear_down);
    }
  return g_test_run ();
}
