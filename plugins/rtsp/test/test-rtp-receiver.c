/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../lectern-rtp-receiver.h"

#include <string.h>

#define TYPE 96
#define RATE 90000

typedef struct
{
  guint8 byte;
  gint64 time;
  gboolean lost;
  gboolean restarted;
} Got;

typedef struct
{
  LecternRtpReceiver *receiver;
  GArray *got;
  gint64 now_us;
} Fixture;

static void
on_unit (const LecternRtpUnit *unit, gboolean restarted, gint64 arrival_us, gpointer user_data)
{
  Fixture *fixture = user_data;
  Got got = { unit->payload[0], unit->time, unit->lost, restarted };

  g_assert_cmpuint (unit->size, >, 0);
  g_assert_cmpint (arrival_us, <=, fixture->now_us);
  g_array_append_val (fixture->got, got);
}

static void
set_up (Fixture *fixture, gint64 latency_us)
{
  fixture->got = g_array_new (FALSE, FALSE, sizeof (Got));
  fixture->now_us = 1000000;
  fixture->receiver = lectern_rtp_receiver_new (TYPE, RATE, latency_us, on_unit, fixture);
}

static void
tear_down (Fixture *fixture)
{
  lectern_rtp_receiver_free (fixture->receiver);
  g_array_unref (fixture->got);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, tear_down)

static gboolean
take_bytes (Fixture *fixture, const void *data, gsize size)
{
  g_autofree guint8 *copy = g_malloc (MAX (size, 1));

  memcpy (copy, data, size);
  return lectern_rtp_receiver_take (fixture->receiver, copy, size, fixture->now_us);
}

/* Its payload is one byte, the lowest of @seq. */
static void
take_from (Fixture *fixture, guint32 ssrc, guint16 seq, guint32 time)
{
  const guint8 packet[13] = { 0x80,
                              TYPE,
                              (guint8) (seq >> 8),
                              (guint8) seq,
                              (guint8) (time >> 24),
                              (guint8) (time >> 16),
                              (guint8) (time >> 8),
                              (guint8) time,
                              0,
                              0,
                              0,
                              (guint8) ssrc,
                              (guint8) seq };

  g_assert_true (take_bytes (fixture, packet, sizeof packet));
}

static void
take (Fixture *fixture, guint16 seq)
{
  take_from (fixture, 1, seq, seq * 10u);
}

static void
expect (Fixture *fixture, guint index, guint16 seq, gboolean lost, gboolean restarted)
{
  const Got *got = &g_array_index (fixture->got, Got, index);

  g_assert_cmpuint (fixture->got->len, >, index);
  g_assert_cmpuint (got->byte, ==, seq & 0xff);
  g_assert_cmpint (got->lost, ==, lost);
  g_assert_cmpint (got->restarted, ==, restarted);
}

static void
expect_stats (Fixture *fixture, guint64 received, guint64 lost, guint64 bad)
{
  LecternRtpReceiverStats stats;

  lectern_rtp_receiver_get_stats (fixture->receiver, &stats);
  g_assert_cmpuint (stats.received, ==, received);
  g_assert_cmpuint (stats.lost, ==, lost);
  g_assert_cmpuint (stats.bad, ==, bad);
}

/* P-08: numbers and times wrap without a seam, in order and out of it. */
static void
test_wrap (void)
{
  for (guint shuffled = 0; shuffled < 2; shuffled++)
    {
      g_auto (Fixture) fixture = { NULL };
      guint count = 3 * 65536;
      gint64 time = -1;

      set_up (&fixture, 200000);
      for (guint i = 0; i < count; i++)
        {
          /* 0 1 3 2 4 5 7 6 … */
          guint at = shuffled && i % 4 >= 2 ? i ^ 1 : i;

          fixture.now_us += 1000;
          take_from (&fixture, 1, (guint16) (60000 + at), 0xffff0000 + at * 90000);
        }
      g_assert_cmpuint (fixture.got->len, ==, count);
      for (guint i = 0; i < count; i++)
        {
          const Got *got = &g_array_index (fixture.got, Got, i);

          g_assert_cmpuint (got->byte, ==, (60000 + i) & 0xff);
          g_assert_false (got->lost);
          if (i > 0)
            g_assert_cmpint (got->time, ==, time + 90000);
          time = got->time;
        }
      g_assert_cmpint (time, >, G_GINT64_CONSTANT (0x100000000));
      expect_stats (&fixture, count, 0, 0);
    }
}

static void
test_reorder (void)
{
  static const guint16 order[] = { 10, 13, 12, 12, 11, 10, 14, 9 };
  g_auto (Fixture) fixture = { NULL };

  set_up (&fixture, 200000);
  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    take (&fixture, order[i]);
  g_assert_cmpuint (fixture.got->len, ==, 5);
  for (guint i = 0; i < 5; i++)
    expect (&fixture, i, (guint16) (10 + i), FALSE, i == 0);
  g_assert_cmpint (lectern_rtp_receiver_tick (fixture.receiver, fixture.now_us), ==, 0);
}

static void
test_gives_up (void)
{
  g_auto (Fixture) fixture = { NULL };

  set_up (&fixture, 200000);
  take (&fixture, 10);
  take (&fixture, 12);
  fixture.now_us += 50000;
  take (&fixture, 14);
  take (&fixture, 15);
  g_assert_cmpuint (fixture.got->len, ==, 1);
  g_assert_cmpint (lectern_rtp_receiver_tick (fixture.receiver, fixture.now_us), ==, 1200000);
  fixture.now_us = 1199999;
  g_assert_cmpint (lectern_rtp_receiver_tick (fixture.receiver, fixture.now_us), ==, 1200000);
  fixture.now_us = 1200000;
  g_assert_cmpint (lectern_rtp_receiver_tick (fixture.receiver, fixture.now_us), ==, 1250000);
  expect (&fixture, 1, 12, TRUE, FALSE);
  g_assert_cmpuint (fixture.got->len, ==, 2);
  take (&fixture, 11); /* too late */
  g_assert_cmpuint (fixture.got->len, ==, 2);
  fixture.now_us = 1250000;
  g_assert_cmpint (lectern_rtp_receiver_tick (fixture.receiver, fixture.now_us), ==, 0);
  expect (&fixture, 2, 14, TRUE, FALSE);
  expect (&fixture, 3, 15, FALSE, FALSE);
  expect_stats (&fixture, 5, 1, 0);
}

/* The window is bounded in packets and bytes. */
static void
test_bounds (void)
{
  g_auto (Fixture) fixture = { NULL };
  g_autofree guint8 *large = g_malloc0 (60000);

  set_up (&fixture, 10 * G_USEC_PER_SEC);
  take (&fixture, 0);
  for (guint i = 0; i < LECTERN_RTP_MAX_WAITING; i++)
    take (&fixture, (guint16) (2 + i));
  g_assert_cmpuint (fixture.got->len, ==, 1 + LECTERN_RTP_MAX_WAITING);
  take (&fixture, 2000); /* beyond all that may wait */
  take (&fixture, 2001);
  expect (&fixture, LECTERN_RTP_MAX_WAITING + 1, 2000 & 0xff, TRUE, FALSE);

  memcpy (large, "\x80\x60\0\0\0\0\0\0\0\0\0\1", 12);
  for (guint i = 0; i < 40; i++)
    {
      large[2] = (2003 + i) >> 8;
      large[3] = (2003 + i) & 0xff;
      g_assert_true (take_bytes (&fixture, large, 60000));
    }
  g_assert_cmpuint (fixture.got->len, >, LECTERN_RTP_MAX_WAITING + 3);
}

static void
test_ordered (void)
{
  static const guint16 order[] = { 10, 11, 13, 12, 14, 14, 20 };
  g_auto (Fixture) fixture = { NULL };

  set_up (&fixture, 0);
  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    take (&fixture, order[i]);
  g_assert_cmpuint (fixture.got->len, ==, 5);
  expect (&fixture, 2, 13, TRUE, FALSE);
  expect (&fixture, 3, 14, FALSE, FALSE);
  expect (&fixture, 4, 20, TRUE, FALSE);
}

/* P-08: another source, believed when two packets in a row are of it, and nothing is lost. */
static void
test_ssrc_change (void)
{
  for (guint ordered = 0; ordered < 2; ordered++)
    {
      g_auto (Fixture) fixture = { NULL };

      set_up (&fixture, ordered ? 0 : 200000);
      take (&fixture, 100);
      take (&fixture, 101);
      if (!ordered)
        {
          take (&fixture, 103); /* waits */
          take_from (&fixture, 2, 700, 5);
          take (&fixture, 102); /* the stray one is forgotten */
          g_assert_cmpuint (fixture.got->len, ==, 4);
        }
      else
        {
          take (&fixture, 102);
          take (&fixture, 103);
        }
      for (guint i = 0; i < 10; i++)
        take_from (&fixture, 3, (guint16) (65530 + i), 1000 + i);
      g_assert_cmpuint (fixture.got->len, ==, 14);
      expect (&fixture, 4, 65530, FALSE, TRUE);
      expect (&fixture, 5, 65531, FALSE, FALSE);
      g_assert_cmpint (g_array_index (fixture.got, Got, 4).time, ==, 1000);
      expect (&fixture, 13, 65539 & 0xffff, FALSE, FALSE);
      expect_stats (&fixture, ordered ? 14 : 15, 0, 0);
    }
}

/* Numbers that jump far are a new beginning as well, a single such packet is none. */
static void
test_jump (void)
{
  g_auto (Fixture) fixture = { NULL };

  set_up (&fixture, 200000);
  take (&fixture, 100);
  take (&fixture, 20000);
  take (&fixture, 101);
  g_assert_cmpuint (fixture.got->len, ==, 2);
  take (&fixture, 30000);
  take (&fixture, 30001);
  g_assert_cmpuint (fixture.got->len, ==, 4);
  expect (&fixture, 2, 30000, FALSE, TRUE);
  expect_stats (&fixture, 5, 0, 0);
}

/* P-08 */
static void
test_broken (void)
{
  static const struct
  {
    const char *bytes;
    gsize size;
  } broken[] = {
    { "", 0 },
    { "\x80\x60\0\1\0\0\0\0\0\0\0", 11 },
    { "\x40\x60\0\1\0\0\0\0\0\0\0\1x", 13 },           /* version 1 */
    { "\x80\x61\0\1\0\0\0\0\0\0\0\1x", 13 },           /* another payload type */
    { "\x8f\x60\0\1\0\0\0\0\0\0\0\1x", 13 },           /* 15 sources that are not there */
    { "\x90\x60\0\1\0\0\0\0\0\0\0\1\0\0", 14 },        /* half an extension's head */
    { "\x90\x60\0\1\0\0\0\0\0\0\0\1\0\0\0\1xyz", 19 }, /* an extension cut off */
    { "\xa0\x60\0\1\0\0\0\0\0\0\0\1", 12 },            /* padding of nothing */
    { "\xa0\x60\0\1\0\0\0\0\0\0\0\1\0", 13 },          /* of length 0 */
    { "\xa0\x60\0\1\0\0\0\0\0\0\0\1x\3", 14 },         /* longer than the payload */
  };
  g_auto (Fixture) fixture = { NULL };

  set_up (&fixture, 200000);
  for (guint i = 0; i < G_N_ELEMENTS (broken); i++)
    g_assert_false (take_bytes (&fixture, broken[i].bytes, broken[i].size));
  g_assert_cmpuint (fixture.got->len, ==, 0);
  expect_stats (&fixture, 0, 0, G_N_ELEMENTS (broken));
}

static void
test_header (void)
{
  g_auto (Fixture) fixture = { NULL };

  set_up (&fixture, 200000);
  /* Two sources, an extension of one word, two bytes of padding. */
  g_assert_true (take_bytes (&fixture,
                             "\xb2\x60\0\x0a\0\0\0\0\0\0\0\1"
                             "aaaabbbb\xbe\xde\0\1cccc\x0a\0\2",
                             31));
  expect (&fixture, 0, 10, FALSE, TRUE);
  /* Nothing but padding holds its place and says nothing. */
  g_assert_true (take_bytes (&fixture, "\xa0\x60\0\x0b\0\0\0\0\0\0\0\1\0\0\0\4", 16));
  take (&fixture, 12);
  g_assert_cmpuint (fixture.got->len, ==, 2);
  expect (&fixture, 1, 12, FALSE, FALSE);
}

/* A.3, A.8 and the times of 6.4.1. */
static void
test_block (void)
{
  g_auto (Fixture) fixture = { NULL };
  LecternRtcp report = { .sender_report = TRUE, .ntp = G_GUINT64_CONSTANT (0x1111222233334444) };
  LecternRtcpBlock block;
  LecternRtpReceiverStats stats;

  set_up (&fixture, 0);
  g_assert_false (lectern_rtp_receiver_make_block (fixture.receiver, fixture.now_us, &block));
  for (guint i = 0; i < 100; i++)
    {
      fixture.now_us += 10000;
      if (i % 4 != 1)
        take_from (&fixture, 1, (guint16) (65500 + i), i * 900);
    }
  lectern_rtp_receiver_note_report (fixture.receiver, &report, fixture.now_us);
  g_assert_true (
      lectern_rtp_receiver_make_block (fixture.receiver, fixture.now_us + 1500000, &block));
  g_assert_cmpuint (block.ssrc, ==, 1);
  g_assert_cmpint (block.lost, ==, 25);
  g_assert_cmpuint (block.fraction_lost, ==, 64);
  g_assert_cmphex (block.highest, ==, 65599);
  g_assert_cmpuint (block.jitter, ==, 0);
  g_assert_cmphex (block.last_report, ==, 0x22223333);
  g_assert_cmpuint (block.delay, ==, 65536 * 3 / 2);
  /* The next interval has no loss, but is uneven by 20 ms. */
  for (guint i = 100; i < 200; i++)
    {
      fixture.now_us += i % 2 == 0 ? 20000 : 0;
      take_from (&fixture, 1, (guint16) (65500 + i), i * 900);
    }
  g_assert_true (lectern_rtp_receiver_make_block (fixture.receiver, fixture.now_us, &block));
  g_assert_cmpuint (block.fraction_lost, ==, 0);
  g_assert_cmpint (block.lost, ==, 25);
  g_assert_cmpuint (block.jitter, >, 800);
  g_assert_cmpuint (block.jitter, <, 1000);
  lectern_rtp_receiver_get_stats (fixture.receiver, &stats);
  g_assert_cmpint (stats.jitter_us, >, 9000);
  g_assert_cmpint (stats.jitter_us, <, 11000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtsp/receiver/P-08-wrap", test_wrap);
  g_test_add_func ("/rtsp/receiver/reorder", test_reorder);
  g_test_add_func ("/rtsp/receiver/gives-up", test_gives_up);
  g_test_add_func ("/rtsp/receiver/bounds", test_bounds);
  g_test_add_func ("/rtsp/receiver/packets-that-come-in-order", test_ordered);
  g_test_add_func ("/rtsp/receiver/P-08-ssrc-change", test_ssrc_change);
  g_test_add_func ("/rtsp/receiver/jump", test_jump);
  g_test_add_func ("/rtsp/receiver/P-08-broken", test_broken);
  g_test_add_func ("/rtsp/receiver/header", test_header);
  g_test_add_func ("/rtsp/receiver/report-block", test_block);
  return g_test_run ();
}
