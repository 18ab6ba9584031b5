/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-udp-port.h"

#include <netinet/in.h>
#include <unistd.h>

static void
test_a_free_port_is_found (void)
{
  g_autoptr (GError) error = NULL;
  LecternAddress wanted;
  LecternAddress found;

  g_assert_true (lectern_address_parse ("127.0.0.1:0", &wanted, NULL));
  g_assert_true (lectern_udp_port_find (&wanted, &found, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (found.port, !=, 0);
  g_assert_true (lectern_address_is_loopback (&found));
  /* It is let go of. */
  g_assert_true (lectern_udp_port_find (&found, &wanted, &error));
  g_assert_cmpuint (wanted.port, ==, found.port);
}

static void
test_a_taken_port_and_its_holder_are_named (void)
{
  struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof name;
  int fd = socket (AF_INET, SOCK_DGRAM, 0);
  int on = 1;
  g_autoptr (GError) error = NULL;
  g_autofree char *pid = g_strdup_printf ("(pid %d)", (int) getpid ());
  LecternAddress wanted;
  LecternAddress found;

  /* One who would share it, as SRT libraries do. */
  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), ==, 0);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &name, sizeof name), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &name, &size), ==, 0);
  g_assert_true (lectern_address_from_socket ((struct sockaddr *) &name, &wanted));
  g_assert_false (lectern_udp_port_find (&wanted, &found, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  g_assert_nonnull (strstr (error->message, "cannot receive on UDP 127.0.0.1:"));
  g_assert_nonnull (strstr (error->message, pid));
  close (fd);
}

static void
test_a_foreign_address_is_refused (void)
{
  g_autoptr (GError) error = NULL;
  LecternAddress wanted;
  LecternAddress found;

  g_assert_true (lectern_address_parse ("192.0.2.1:8890", &wanted, NULL));
  g_assert_false (lectern_udp_port_find (&wanted, &found, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_FAILED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/udp-port/a-free-port-is-found", test_a_free_port_is_found);
  g_test_add_func ("/net/udp-port/a-taken-port-and-its-holder-are-named",
                   test_a_taken_port_and_its_holder_are_named);
  g_test_add_func ("/net/udp-port/a-foreign-address-is-refused", test_a_foreign_address_is_refused);
  return g_test_run ();
}
