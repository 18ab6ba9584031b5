/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-fixture.h"

#include "net/lectern-connection-private.h"
#include "net/lectern-dscp.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#define EF 46
#define AF41 34

/* A bound UDP socket that tells the mark of what it receives. */
static int
bind_datagram (const char *text, LecternAddress *address)
{
  struct sockaddr_storage name;
  socklen_t size;
  const int on = 1;
  int fd;

  g_assert_true (lectern_address_parse (text, address, NULL));
  size = lectern_address_to_socket (address, &name);
  fd = socket (name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (fd, >=, 0);
  (void) setsockopt (fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
  (void) setsockopt (fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &name, size), ==, 0);
  size = sizeof name;
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &name, &size), ==, 0);
  g_assert_true (lectern_address_from_socket ((struct sockaddr *) &name, address));
  return fd;
}

/* Returns: the byte that came with the next datagram. */
static int
receive_mark (int fd)
{
  union
  {
    char space[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control;
  char byte;
  struct iovec data = { &byte, 1 };
  struct msghdr message = {
    .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
  };
  struct cmsghdr *header;
  int mark;

  g_assert_cmpint (recvmsg (fd, &message, 0), ==, 1);
  header = CMSG_FIRSTHDR (&message);
  g_assert_nonnull (header);
  if (header->cmsg_level == IPPROTO_IP)
    return *(guint8 *) CMSG_DATA (header);
  memcpy (&mark, CMSG_DATA (header), sizeof mark);
  return mark;
}

static void
check_datagram (int sender, int receiver, const LecternAddress *address, guint dscp)
{
  struct sockaddr_storage name;
  socklen_t size = lectern_address_to_socket (address, &name);

  lectern_dscp_apply (sender, dscp);
  g_assert_cmpint (sendto (sender, "x", 1, 0, (struct sockaddr *) &name, size), ==, 1);
  g_assert_cmpint (receive_mark (receiver), ==, (int) dscp << 2);
}

static void
test_datagrams_carry_it (void)
{
  static const char *const places[] = { "127.0.0.1:0", "[::1]:0" };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      LecternAddress address;
      LecternAddress unused;
      int receiver = bind_datagram (places[i], &address);
      int sender = bind_datagram (places[i], &unused);

      check_datagram (sender, receiver, &address, EF);
      check_datagram (sender, receiver, &address, AF41);
      check_datagram (sender, receiver, &address, 0);
      close (sender);
      close (receiver);
    }
}

/* An IPv6 socket that talks to an IPv4 peer. */
static void
test_mapped_datagrams_carry_it (void)
{
  struct sockaddr_in6 name = { .sin6_family = AF_INET6 };
  LecternAddress address;
  int receiver = bind_datagram ("127.0.0.1:0", &address);
  int sender = socket (AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int off = 0;

  memcpy (&name.sin6_addr, address.ip, sizeof address.ip);
  name.sin6_port = htons (address.port);
  (void) setsockopt (sender, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  lectern_dscp_apply (sender, EF);
  g_assert_cmpint (sendto (sender, "x", 1, 0, (struct sockaddr *) &name, sizeof name), ==, 1);
  g_assert_cmpint (receive_mark (receiver), ==, EF << 2);
  close (sender);
  close (receiver);
}

/* A listener keeps the head of each SYN it gets, so the mark of a TCP peer can be read. */
static void
test_connections_carry_it (void)
{
  LecternAddress address;
  const int on = 1;
  struct sockaddr_storage name;
  socklen_t size;
  struct iphdr head;
  socklen_t head_size = 128;
  guint8 heads[128];
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int sender = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int accepted;

  g_assert_true (lectern_address_parse ("127.0.0.1:0", &address, NULL));
  size = lectern_address_to_socket (&address, &name);
  g_assert_cmpint (setsockopt (listener, IPPROTO_TCP, TCP_SAVE_SYN, &on, sizeof on), ==, 0);
  g_assert_cmpint (bind (listener, (struct sockaddr *) &name, size), ==, 0);
  g_assert_cmpint (listen (listener, 1), ==, 0);
  size = sizeof name;
  g_assert_cmpint (getsockname (listener, (struct sockaddr *) &name, &size), ==, 0);
  lectern_dscp_apply (sender, AF41);
  g_assert_cmpint (connect (sender, (struct sockaddr *) &name, size), ==, 0);
  accepted = accept (listener, NULL, NULL);
  g_assert_cmpint (getsockopt (accepted, IPPROTO_TCP, TCP_SAVED_SYN, heads, &head_size), ==, 0);
  g_assert_cmpuint (head_size, >=, sizeof head);
  memcpy (&head, heads, sizeof head);
  g_assert_cmpuint (head.tos, ==, AF41 << 2);
  close (accepted);
  close (sender);
  close (listener);
}

/* What the accepted socket would mark its packets with; the daemon's test looks at the packets. */
static void
check_accepted (LecternConnection *connection, gpointer user_data)
{
  Server *server = user_data;
  int mark = -1;
  socklen_t size = sizeof mark;

  serve_echo (connection, user_data);
  g_assert_cmpint (getsockopt (connection->watch.fd, IPPROTO_IP, IP_TOS, &mark, &size), ==, 0);
  counter_add (&server->served, 1 + mark);
}

static void
test_accepted_connections_inherit_it (void)
{
  Server server = { .pool = NULL };
  int first;
  int second;

  server_start (&server, 1, NULL, check_accepted);
  lectern_listener_set_dscp (server.listener, EF);
  first = server_connect (&server, 0);
  g_assert_true (counter_wait (&server.served, 1 + (EF << 2)));
  lectern_listener_set_dscp (server.listener, 0);
  second = server_connect (&server, 0);
  g_assert_true (counter_wait (&server.served, 2 + (EF << 2)));
  g_assert_cmpint (counter_get (&server.served), ==, 2 + (EF << 2));
  close (first);
  close (second);
  g_assert_true (counter_wait (&server.closed, 2));
  server_stop (&server);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/dscp/datagrams-carry-it", test_datagrams_carry_it);
  g_test_add_func ("/net/dscp/mapped-datagrams-carry-it", test_mapped_datagrams_carry_it);
  g_test_add_func ("/net/dscp/connections-carry-it", test_connections_carry_it);
  g_test_add_func ("/net/dscp/accepted-connections-inherit-it",
                   test_accepted_connections_inherit_it);
  return g_test_run ();
}
