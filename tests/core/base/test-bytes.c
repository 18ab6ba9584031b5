/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-byte-reader.h"
#include "base/lectern-byte-writer.h"
#include "base/lectern-rate-limiter.h"

#include <math.h>
#include <string.h>

static void
test_round (void)
{
  guint8 memory[64];
  LecternByteWriter writer;
  LecternByteReader reader;
  guint8 u8;
  guint16 u16;
  guint32 u32;
  guint64 u64;
  double number;

  lectern_byte_writer_init_static (&writer, memory, sizeof memory);
  lectern_byte_writer_put_u8 (&writer, 0x01);
  lectern_byte_writer_put_u16 (&writer, 0x0203);
  lectern_byte_writer_put_u24 (&writer, 0x040506);
  lectern_byte_writer_put_u32 (&writer, 0x0708090a);
  lectern_byte_writer_put_u64 (&writer, 0x0b0c0d0e0f101112);
  lectern_byte_writer_put_u32_le (&writer, 0x16151413);
  for (guint i = 0; i < 22; i++)
    g_assert_cmpuint (memory[i], ==, i + 1);
  lectern_byte_writer_put_double (&writer, -INFINITY);
  g_assert_false (writer.overflow);

  lectern_byte_reader_init (&reader, memory, writer.size);
  g_assert_true (lectern_byte_reader_read_u8 (&reader, &u8));
  g_assert_true (lectern_byte_reader_read_u16 (&reader, &u16));
  g_assert_cmpuint (u16, ==, 0x0203);
  g_assert_true (lectern_byte_reader_read_u24 (&reader, &u32));
  g_assert_cmpuint (u32, ==, 0x040506);
  g_assert_true (lectern_byte_reader_read_u32 (&reader, &u32));
  g_assert_cmpuint (u32, ==, 0x0708090a);
  g_assert_true (lectern_byte_reader_read_u64 (&reader, &u64));
  g_assert_cmpuint (u64, ==, 0x0b0c0d0e0f101112);
  g_assert_true (lectern_byte_reader_read_u32_le (&reader, &u32));
  g_assert_cmpuint (u32, ==, 0x16151413);
  g_assert_true (lectern_byte_reader_read_double (&reader, &number));
  g_assert_true (isinf (number));
  g_assert_cmpuint (lectern_byte_reader_get_remaining (&reader), ==, 0);
  g_assert_false (lectern_byte_reader_read_u8 (&reader, &u8));
}

/* A read that does not fit takes nothing and changes nothing. */
static void
test_short (void)
{
  for (gsize size = 0; size < 8; size++)
    {
      g_autofree guint8 *memory = g_malloc0 (size);
      LecternByteReader reader;
      LecternByteReader part;
      guint64 u64 = 4711;

      lectern_byte_reader_init (&reader, memory, size);
      g_assert_false (lectern_byte_reader_read_u64 (&reader, &u64));
      g_assert_false (lectern_byte_reader_skip (&reader, size + 1));
      g_assert_null (lectern_byte_reader_take (&reader, G_MAXSIZE));
      g_assert_false (lectern_byte_reader_read_part (&reader, size + 1, &part));
      g_assert_cmpuint (u64, ==, 4711);
      g_assert_cmpuint (lectern_byte_reader_get_remaining (&reader), ==, size);
      g_assert_true (lectern_byte_reader_read_part (&reader, size, &part));
      g_assert_cmpuint (lectern_byte_reader_get_remaining (&part), ==, size);
    }
}

static void
test_overflow (void)
{
  guint8 memory[4] = { 0 };
  g_auto (LecternByteWriter) own = { 0 };
  LecternByteWriter writer;
  g_autoptr (GBytes) bytes = NULL;

  lectern_byte_writer_init_static (&writer, memory, 3);
  g_assert_true (lectern_byte_writer_put_u16 (&writer, 0x0102));
  g_assert_false (lectern_byte_writer_put_u16 (&writer, 0x0304));
  g_assert_cmpuint (writer.size, ==, 2);
  g_assert_true (writer.overflow);
  /* It stays, though this would fit. */
  g_assert_false (lectern_byte_writer_put_u8 (&writer, 3));
  g_assert_cmpuint (memory[2], ==, 0);
  g_assert_null (lectern_byte_writer_reserve (&writer, 0));

  lectern_byte_writer_init (&own, 1000);
  for (guint i = 0; i < 1000; i++)
    g_assert_true (lectern_byte_writer_put_u8 (&own, (guint8) i));
  g_assert_false (lectern_byte_writer_put_u8 (&own, 0));
  g_assert_null (lectern_byte_writer_steal (&own));
  g_assert_false (own.overflow);
  g_assert_true (lectern_byte_writer_put (&own, memory, 2));
  bytes = lectern_byte_writer_steal (&own);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 2);
  g_assert_false (lectern_byte_writer_put (&own, memory, G_MAXSIZE));
}

static void
test_rate (void)
{
  LecternRateLimiter limiter;

  lectern_rate_limiter_init (&limiter, 10, 3, 0);
  for (guint i = 0; i < 3; i++)
    g_assert_true (lectern_rate_limiter_take (&limiter, 0));
  g_assert_false (lectern_rate_limiter_take (&limiter, 0));
  g_assert_false (lectern_rate_limiter_take (&limiter, 99000));
  g_assert_true (lectern_rate_limiter_take (&limiter, 101000));
  /* A clock that steps back neither gives nor takes. */
  g_assert_false (lectern_rate_limiter_take (&limiter, 0));
  for (guint i = 0; i < 3; i++)
    g_assert_true (lectern_rate_limiter_take (&limiter, G_TIME_SPAN_DAY));
  g_assert_false (lectern_rate_limiter_take (&limiter, G_TIME_SPAN_DAY));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/bytes/round-trip", test_round);
  g_test_add_func ("/base/bytes/short-reads-change-nothing", test_short);
  g_test_add_func ("/base/bytes/overflow-stays", test_overflow);
  g_test_add_func ("/base/rate-limiter/gives-what-was-saved", test_rate);
  return g_test_run ();
}
