/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-listener.h"

#include "net/lectern-acceptor.h"
#include "net/lectern-port-holder.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define BACKLOG 4096
#define UNSENT_LIMIT (128 * 1024)

struct _LecternListener
{
  GObject parent_instance;
  LecternAddress address;
  LecternReactorPool *reactors;
  LecternAcceptor *acceptor;
};

G_DEFINE_FINAL_TYPE (LecternListener, lectern_listener, G_TYPE_OBJECT)

static gboolean
is_any (const LecternAddress *address)
{
  static const guint8 any[16];

  return memcmp (address->ip, any, sizeof any) == 0;
}

static void
set_option (int fd, int level, int option, int value)
{
  (void) setsockopt (fd, level, option, &value, sizeof value);
}

/* Returns: the descriptor, or -1 with errno. */
static int
open_socket (const LecternAddress *address)
{
  struct sockaddr_storage name;
  socklen_t size = lectern_address_to_socket (address, &name);
  int fd = socket (name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  int number;

  if (fd < 0)
    return -1;
  set_option (fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (name.ss_family == AF_INET6)
    set_option (fd, IPPROTO_IPV6, IPV6_V6ONLY, is_any (address) ? 0 : 1);
  /* Accepted sockets inherit these two. Without the second the kernel keeps 4 MiB for a peer that
   * takes nothing: ten seconds of video that it would have to watch before it is up to date. */
  set_option (fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option (fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_LIMIT);
  if (bind (fd, (struct sockaddr *) &name, size) == 0 && listen (fd, BACKLOG) == 0)
    return fd;
  number = errno;
  close (fd);
  errno = number;
  return -1;
}

static int
open_socket_or_ipv4 (const LecternAddress *address)
{
  LecternAddress ipv4 = { .ip = { [10] = 0xff, [11] = 0xff }, .port = address->port };
  int fd = open_socket (address);

  if (fd >= 0 || !is_any (address))
    return fd;
  /* A machine without IPv6. */
  if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
    return -1;
  return open_socket (&ipv4);
}

static void
set_open_error (GError **error, int number, const LecternAddress *address)
{
  g_autofree char *text = lectern_address_to_string (address);
  g_autofree char *holder = NULL;

  if (number == EADDRINUSE)
    holder = lectern_port_holder_find (address->port, FALSE);
  if (holder != NULL)
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT,
                 "cannot listen on %s: port %u is held by %s", text, address->port, holder);
  else if (number == EADDRINUSE)
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT,
                 "cannot listen on %s: port %u is in use", text, address->port);
  else
    lectern_error_set_errno (error, number, "cannot listen on %s", text);
}

static void
read_address (LecternListener *self, int fd)
{
  struct sockaddr_storage name;
  socklen_t size = sizeof name;

  if (getsockname (fd, (struct sockaddr *) &name, &size) == 0)
    (void) lectern_address_from_socket ((struct sockaddr *) &name, &self->address);
}

LecternListener *
lectern_listener_new (const LecternAddress *address, LecternReactorPool *reactors,
                      LecternGate *gate, LecternTls *tls, LecternListenerFunc func,
                      gpointer user_data, GDestroyNotify free_user_data, GError **error)
{
  LecternListener *self;
  int fd = open_socket_or_ipv4 (address);

  if (fd < 0)
    {
      set_open_error (error, errno, address);
      if (free_user_data != NULL)
        free_user_data (user_data);
      return NULL;
    }
  self = g_object_new (LECTERN_TYPE_LISTENER, NULL);
  read_address (self, fd);
  self->reactors = lectern_reactor_pool_ref (reactors);
  self->acceptor = lectern_acceptor_new (fd, reactors, gate, tls, func, user_data, free_user_data);
  lectern_acceptor_start (self->acceptor);
  return self;
}

const LecternAddress *
lectern_listener_get_address (LecternListener *self)
{
  return &self->address;
}

void
lectern_listener_set_dscp (LecternListener *self, guint dscp)
{
  lectern_acceptor_set_dscp (self->acceptor, dscp);
}

void
lectern_listener_stop (LecternListener *self)
{
  lectern_acceptor_stop (self->acceptor);
}

static void
lectern_listener_finalize (GObject *object)
{
  LecternListener *self = LECTERN_LISTENER (object);

  lectern_acceptor_stop (self->acceptor);
  lectern_acceptor_unref (self->acceptor);
  lectern_reactor_pool_unref (self->reactors);
  G_OBJECT_CLASS (lectern_listener_parent_class)->finalize (object);
}

static void
lectern_listener_class_init (LecternListenerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lectern_listener_finalize;
}

static void
lectern_listener_init (LecternListener *self)
{
}
