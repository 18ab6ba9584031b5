/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-clock.h"
#include "net/lectern-gate.h"

static gint64 now_us;

static gint64
get_time (void)
{
  return now_us;
}

static LecternAddress
at (const char *text)
{
  g_autoptr (GError) error = NULL;
  LecternAddress address;

  g_assert_true (lectern_address_parse (text, &address, &error));
  g_assert_no_error (error);
  return address;
}

static gboolean
enter (LecternGate *gate, const char *text)
{
  LecternAddress address = at (text);
  const char *reason;

  return lectern_gate_enter (gate, &address, &reason);
}

static const char *
get_refusal (LecternGate *gate, const char *text)
{
  LecternAddress address = at (text);
  const char *reason;

  g_assert_false (lectern_gate_enter (gate, &address, &reason));
  return reason;
}

static void
leave (LecternGate *gate, const char *text)
{
  LecternAddress address = at (text);

  lectern_gate_leave (gate, &address);
}

static void
test_limits_each_address (void)
{
  g_autoptr (LecternGate) gate = lectern_gate_new (2, 0, 0);

  g_assert_true (enter (gate, "192.0.2.1:1"));
  g_assert_true (enter (gate, "192.0.2.1:2"));
  g_assert_cmpstr (get_refusal (gate, "192.0.2.1:3"), ==, "address");
  g_assert_true (enter (gate, "192.0.2.2:1"));
  leave (gate, "192.0.2.1:1");
  g_assert_true (enter (gate, "192.0.2.1:4"));
  g_assert_cmpstr (get_refusal (gate, "192.0.2.1:5"), ==, "address");
}

static void
test_limits_the_total (void)
{
  g_autoptr (LecternGate) gate = lectern_gate_new (0, 0, 2);

  g_assert_true (enter (gate, "192.0.2.1:1"));
  g_assert_true (enter (gate, "192.0.2.2:1"));
  g_assert_cmpstr (get_refusal (gate, "192.0.2.3:1"), ==, "total");
  leave (gate, "192.0.2.2:1");
  g_assert_true (enter (gate, "192.0.2.3:1"));
}

static void
test_limits_the_rate (void)
{
  g_autoptr (LecternGate) gate = lectern_gate_new (0, 5, 0);

  for (guint i = 0; i < 5; i++)
    g_assert_true (enter (gate, "192.0.2.1:1"));
  g_assert_cmpstr (get_refusal (gate, "192.0.2.1:1"), ==, "rate");
  g_assert_true (enter (gate, "192.0.2.2:1"));
  /* Leaving gives no right to come again. */
  for (guint i = 0; i < 5; i++)
    leave (gate, "192.0.2.1:1");
  g_assert_cmpstr (get_refusal (gate, "192.0.2.1:1"), ==, "rate");
  now_us += G_USEC_PER_SEC / 5;
  g_assert_true (enter (gate, "192.0.2.1:1"));
  g_assert_cmpstr (get_refusal (gate, "192.0.2.1:1"), ==, "rate");
}

static void
test_forgetting_gives_no_advantage (void)
{
  g_autoptr (LecternGate) gate = lectern_gate_new (0, 5, 0);
  guint admitted = 0;

  /* Someone who knocks ten times a second for a minute. */
  for (guint i = 0; i < 600; i++)
    {
      if (enter (gate, "192.0.2.1:1"))
        {
          admitted++;
          leave (gate, "192.0.2.1:1");
        }
      now_us += G_USEC_PER_SEC / 10;
    }
  g_assert_cmpuint (admitted, >=, 300);
  g_assert_cmpuint (admitted, <=, 306);
}

static void
test_mapped_ipv4_is_ipv4 (void)
{
  g_autoptr (LecternGate) gate = lectern_gate_new (1, 0, 0);

  g_assert_true (enter (gate, "192.0.2.1:1"));
  g_assert_cmpstr (get_refusal (gate, "[::ffff:192.0.2.1]:1"), ==, "address");
  g_assert_true (enter (gate, "[::ffff:192.0.2.2]:1"));
}

static void
test_ipv6_counts_by_network (void)
{
  g_autoptr (LecternGate) gate = lectern_gate_new (1, 0, 0);

  g_assert_true (enter (gate, "[2001:db8:0:1::1]:1"));
  g_assert_cmpstr (get_refusal (gate, "[2001:db8:0:1:ffff::2]:1"), ==, "address");
  g_assert_true (enter (gate, "[2001:db8:0:2::1]:1"));
  leave (gate, "[2001:db8:0:1:ffff::2]:1");
  g_assert_true (enter (gate, "[2001:db8:0:1::3]:1"));
}

static void
test_new_limits_hold_at_once (void)
{
  g_autoptr (LecternGate) gate = lectern_gate_new (1, 1, 1);

  g_assert_true (enter (gate, "192.0.2.1:1"));
  g_assert_cmpstr (get_refusal (gate, "192.0.2.2:1"), ==, "total");
  lectern_gate_set_limits (gate, 0, 0, 0);
  for (guint i = 0; i < 100; i++)
    g_assert_true (enter (gate, "192.0.2.1:1"));
  lectern_gate_set_limits (gate, 0, 2, 0);
  g_assert_true (enter (gate, "192.0.2.1:1"));
  g_assert_true (enter (gate, "192.0.2.1:1"));
  g_assert_cmpstr (get_refusal (gate, "192.0.2.1:1"), ==, "rate");
}

static LecternAddress
number (guint value)
{
  LecternAddress address = at ("10.0.0.0:1");

  address.ip[13] = (guint8) (value >> 16);
  address.ip[14] = (guint8) (value >> 8);
  address.ip[15] = (guint8) value;
  return address;
}

static void
test_remembers_a_bounded_number (void)
{
  g_autoptr (LecternGate) gate = lectern_gate_new (1, 1, 0);
  const guint most = 65536;
  const char *reason;
  LecternAddress address;

  for (guint i = 0; i < most; i++)
    {
      address = number (i);
      g_assert_true (lectern_gate_enter (gate, &address, &reason));
    }
  address = number (most);
  g_assert_false (lectern_gate_enter (gate, &address, &reason));
  g_assert_cmpstr (reason, ==, "total");
  /* One who has left makes room. */
  address = number (7);
  lectern_gate_leave (gate, &address);
  address = number (most);
  g_assert_true (lectern_gate_enter (gate, &address, &reason));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  now_us = G_USEC_PER_SEC;
  lectern_clock_set_for_test (get_time, NULL);
  g_test_add_func ("/net/gate/limits-each-address", test_limits_each_address);
  g_test_add_func ("/net/gate/limits-the-total", test_limits_the_total);
  g_test_add_func ("/net/gate/limits-the-rate", test_limits_the_rate);
  g_test_add_func ("/net/gate/forgetting-gives-no-advantage", test_forgetting_gives_no_advantage);
  g_test_add_func ("/net/gate/mapped-ipv4-is-ipv4", test_mapped_ipv4_is_ipv4);
  g_test_add_func ("/net/gate/ipv6-counts-by-network", test_ipv6_counts_by_network);
  g_test_add_func ("/net/gate/new-limits-hold-at-once", test_new_limits_hold_at_once);
  g_test_add_func ("/net/gate/remembers-a-bounded-number", test_remembers_a_bounded_number);
  return g_test_run ();
}
