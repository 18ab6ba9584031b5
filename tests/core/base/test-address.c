/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-address.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static const struct
{
  const char *text;
  const char *printed, *ip; /* NULL: refused */
  gboolean ipv4, loopback;
  int family;
} rows[] = {
  { "0.0.0.0:1935", "0.0.0.0:1935", "0.0.0.0", TRUE, FALSE, AF_INET },
  { "127.0.0.1:0", "127.0.0.1", "127.0.0.1", TRUE, TRUE, AF_INET },
  { "127.255.0.1:65535", "127.255.0.1:65535", "127.255.0.1", TRUE, TRUE, AF_INET },
  { "192.0.2.1:00080", "192.0.2.1:80", "192.0.2.1", TRUE, FALSE, AF_INET },
  { "[::]:8000", "[::]:8000", "::", FALSE, FALSE, AF_INET6 },
  { "*:8000", "[::]:8000", "::", FALSE, FALSE, AF_INET6 },
  { ":8000", "[::]:8000", "::", FALSE, FALSE, AF_INET6 },
  { "[::1]:0", "::1", "::1", FALSE, TRUE, AF_INET6 },
  { "[2001:DB8::1]:443", "[2001:db8::1]:443", "2001:db8::1", FALSE, FALSE, AF_INET6 },
  { "[::ffff:192.0.2.1]:1", "192.0.2.1:1", "192.0.2.1", TRUE, FALSE, AF_INET },
  { "[::ffff:127.0.0.1]:1", "127.0.0.1:1", "127.0.0.1", TRUE, TRUE, AF_INET },
  { "", NULL },
  { ":", NULL },
  { "1935", NULL },
  { "0.0.0.0", NULL },
  { "0.0.0.0:", NULL },
  { "0.0.0.0:65536", NULL },
  { "0.0.0.0:000001", NULL },
  { "0.0.0.0:-1", NULL },
  { "0.0.0.0: 1", NULL },
  { "0.0.0.0:1 ", NULL },
  { "0.0.0:1", NULL },
  { "0.0.0.256:1", NULL },
  { "00.0.0.0.0:1", NULL },
  { "localhost:1", NULL },
  { "::1:80", NULL },
  { "[::1]", NULL },
  { "[::1:80", NULL },
  { "[]:80", NULL },
  { "[127.0.0.1]:80", NULL },
  { "[::1%lo]:80", NULL },
  { "[1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234]:1", NULL },
  { "**:1", NULL },
};

static void
test_parse (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      LecternAddress address;
      LecternAddress back;
      struct sockaddr_storage socket;
      g_autofree char *printed = NULL;
      g_autofree char *ip = NULL;
      socklen_t length;

      if (rows[i].printed == NULL)
        {
          g_assert_false (lectern_address_parse (rows[i].text, &address, &error));
          g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
          continue;
        }
      g_assert_true (lectern_address_parse (rows[i].text, &address, &error));
      printed = lectern_address_to_string (&address);
      ip = lectern_address_to_ip_string (&address);
      g_assert_cmpstr (printed, ==, rows[i].printed);
      g_assert_cmpstr (ip, ==, rows[i].ip);
      g_assert_cmpint (lectern_address_is_ipv4 (&address), ==, rows[i].ipv4);
      g_assert_cmpint (lectern_address_is_loopback (&address), ==, rows[i].loopback);
      length = lectern_address_to_socket (&address, &socket);
      g_assert_cmpint (socket.ss_family, ==, rows[i].family);
      g_assert_cmpuint (length, ==,
                        rows[i].family == AF_INET ? sizeof (struct sockaddr_in)
                                                  : sizeof (struct sockaddr_in6));
      g_assert_true (lectern_address_from_socket ((struct sockaddr *) &socket, &back));
      g_assert_cmpmem (&back, sizeof back, &address, sizeof address);
    }
}

static void
test_foreign_family (void)
{
  struct sockaddr_un local = { .sun_family = AF_UNIX };
  LecternAddress address;

  g_assert_false (lectern_address_from_socket ((struct sockaddr *) &local, &address));
}

/* A peer of a dual-stack listener looks like one of an IPv4 listener. */
static void
test_mapped (void)
{
  struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons (7) };
  struct sockaddr_in plain = { .sin_family = AF_INET, .sin_port = htons (7) };
  static const guint8 ip[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
  LecternAddress a;
  LecternAddress b;

  memcpy (&mapped.sin6_addr, ip, sizeof ip);
  memcpy (&plain.sin_addr, ip + 12, 4);
  g_assert_true (lectern_address_from_socket ((struct sockaddr *) &mapped, &a));
  g_assert_true (lectern_address_from_socket ((struct sockaddr *) &plain, &b));
  g_assert_cmpmem (&a, sizeof a, &b, sizeof b);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/address/parses-and-prints", test_parse);
  g_test_add_func ("/base/address/knows-ip-alone", test_foreign_family);
  g_test_add_func ("/base/address/one-peer-has-one-form", test_mapped);
  return g_test_run ();
}
