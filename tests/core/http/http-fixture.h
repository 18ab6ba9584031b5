/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-guard.h"
#include "http/lectern-http-server.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_US (10 * G_USEC_PER_SEC)

/* A guard that allows all but what begins with "secret", and keeps what it was last asked. */
typedef struct
{
  GObject parent;
  LecternAccessRequest *last;
} TestGuard;

typedef struct
{
  GObjectClass parent;
} TestGuardClass;

static LecternVerdict
test_guard_check (LecternGuard *guard, LecternAccessRequest *request, LecternIdentity **identity,
                  GError **error)
{
  TestGuard *self = (TestGuard *) guard;

  g_clear_pointer (&self->last, lectern_access_request_unref);
  self->last = lectern_access_request_ref (request);
  if (request->thing != NULL && g_str_has_prefix (request->thing, "secret"))
    return LECTERN_VERDICT_DENY;
  *identity = lectern_identity_new ("test", "somebody", NULL);
  return LECTERN_VERDICT_ALLOW;
}

static void
test_guard_iface_init (LecternGuardInterface *iface)
{
  iface->check = test_guard_check;
}

GType test_guard_get_type (void);
G_DEFINE_TYPE_WITH_CODE (TestGuard, test_guard, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, test_guard_iface_init))

static void
test_guard_init (TestGuard *self)
{
}

static void
test_guard_finalize (GObject *object)
{
  g_clear_pointer (&((TestGuard *) object)->last, lectern_access_request_unref);
  G_OBJECT_CLASS (test_guard_parent_class)->finalize (object);
}

static void
test_guard_class_init (TestGuardClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_guard_finalize;
}

typedef struct
{
  LecternReactorPool *reactors;
  LecternGate *gate;
  LecternAccessChain *access;
  TestGuard *guard;
  LecternHttpServer *server;
  LecternListener *listener;
} Fixture;

static const LecternHttpLimits usual_limits = { .head_size = 16 * 1024,
                                                .headers = 100,
                                                .body_size = 64 * 1024,
                                                .head_timeout_us = 10 * G_USEC_PER_SEC,
                                                .idle_timeout_us = 30 * G_USEC_PER_SEC,
                                                .body_grace_us = 10 * G_USEC_PER_SEC };

static inline void
fixture_start (Fixture *self, const LecternHttpLimits *limits)
{
  g_autoptr (GError) error = NULL;
  LecternAddress address;

  *self = (Fixture){ 0 };
  g_assert_true (lectern_address_parse ("127.0.0.1:0", &address, NULL));
  self->reactors = lectern_reactor_pool_new (2, &error);
  g_assert_no_error (error);
  self->gate = lectern_gate_new (0, 0, 0);
  self->access = lectern_access_chain_new (G_USEC_PER_SEC);
  self->guard = g_object_new (test_guard_get_type (), NULL);
  lectern_access_chain_add_guard (self->access, (LecternGuard *) self->guard, 100);
  self->server = lectern_http_server_new (self->access, limits != NULL ? limits : &usual_limits);
  self->listener = lectern_listener_new (&address, self->reactors, self->gate, NULL,
                                         lectern_http_server_accept, g_object_ref (self->server),
                                         g_object_unref, &error);
  g_assert_no_error (error);
}

static inline guint
fixture_route (Fixture *self, const char *method, const char *pattern, LecternAction action,
               const char *thing, LecternHttpHandler handler, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  guint id = lectern_http_server_add_route (self->server, method, pattern, action, thing, handler,
                                            user_data, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (id, !=, 0);
  return id;
}

static inline void
fixture_stop (Fixture *self)
{
  lectern_listener_stop (self->listener);
  lectern_reactor_pool_stop (self->reactors);
  g_object_unref (self->listener);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_finalize_object (self->server);
  g_object_unref (self->access);
  g_object_unref (self->guard);
  lectern_gate_unref (self->gate);
  lectern_reactor_pool_unref (self->reactors);
}

/* The client: blocking calls that run the control thread's main context while they wait. */

static inline int
fixture_connect (Fixture *self)
{
  const LecternAddress *address = lectern_listener_get_address (self->listener);
  struct sockaddr_storage to;
  socklen_t size = lectern_address_to_socket (address, &to);
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (to.ss_family == AF_INET6)
    {
      close (fd);
      fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
  g_assert_cmpint (connect (fd, (struct sockaddr *) &to, size), ==, 0);
  return fd;
}

static inline gboolean
client_woken (gint fd, GIOCondition condition, gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

static inline gboolean
client_late (gpointer user_data)
{
  g_assert_not_reached ();
  return G_SOURCE_REMOVE;
}

static inline void
client_wait (int fd, GIOCondition condition)
{
  gboolean woken = FALSE;
  guint late = g_timeout_add (PATIENCE_US / 1000, client_late, NULL);

  g_unix_fd_add (fd, condition, client_woken, &woken);
  while (!woken)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (late);
}

static inline void
client_send_bytes (int fd, const void *data, gsize length)
{
  const guint8 *at = data;

  while (length > 0)
    {
      gssize sent = send (fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);

      if (sent < 0 && errno == EAGAIN)
        {
          client_wait (fd, G_IO_OUT);
          continue;
        }
      g_assert_cmpint (sent, >, 0);
      at += sent;
      length -= (gsize) sent;
    }
}

static inline void
client_send (int fd, const char *text)
{
  client_send_bytes (fd, text, strlen (text));
}

/* Appends what comes next. Returns: FALSE at the end. */
static inline gboolean
client_receive (int fd, GByteArray *to, gsize most)
{
  guint8 room[16384];
  gssize got;

  client_wait (fd, G_IO_IN);
  got = recv (fd, room, MIN (most, sizeof room), MSG_DONTWAIT);
  if (got <= 0)
    return FALSE;
  g_byte_array_append (to, room, (guint) got);
  return TRUE;
}

static inline char *
to_text (GByteArray *bytes)
{
  g_byte_array_append (bytes, (const guint8 *) "", 1);
  return (char *) g_byte_array_free (bytes, FALSE);
}

/* Returns: all that comes up to the end. */
static inline char *
client_read_all (int fd)
{
  GByteArray *all = g_byte_array_new ();

  while (client_receive (fd, all, G_MAXSIZE))
    ;
  close (fd);
  return to_text (all);
}

static inline char *
client_read_exactly (int fd, gsize size)
{
  GByteArray *all = g_byte_array_new ();

  while (all->len < size)
    g_assert_true (client_receive (fd, all, size - all->len));
  return to_text (all);
}

/* Returns: a head, with its empty line. */
static inline char *
client_read_head (int fd)
{
  GByteArray *all = g_byte_array_new ();

  while (all->len < 4 || memcmp (all->data + all->len - 4, "\r\n\r\n", 4) != 0)
    g_assert_true (client_receive (fd, all, 1));
  return to_text (all);
}

/* Returns: (transfer full) (nullable): a header's value. */
static inline char *
head_get (const char *head, const char *name)
{
  g_autofree char *start = g_strdup_printf ("\r\n%s: ", name);
  const char *at = strstr (head, start);

  return at != NULL ? g_strndup (at + strlen (start), strcspn (at + strlen (start), "\r")) : NULL;
}

typedef struct
{
  guint status;
  char *head;
  char *body;
} Answer;

static inline void
answer_clear (Answer *self)
{
  g_free (self->head);
  g_free (self->body);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

static inline void
client_read_answer (int fd, Answer *answer)
{
  g_autofree char *length = NULL;

  answer->head = client_read_head (fd);
  g_assert_true (g_str_has_prefix (answer->head, "HTTP/1.1 "));
  answer->status = (guint) g_ascii_strtoull (answer->head + 9, NULL, 10);
  length = head_get (answer->head, "Content-Length");
  answer->body = client_read_exactly (fd, length != NULL ? g_ascii_strtoull (length, NULL, 10) : 0);
}

static inline void
client_ask (int fd, const char *request, Answer *answer)
{
  client_send (fd, request);
  client_read_answer (fd, answer);
}

/* Asks on a connection of its own. */
static inline void
fixture_ask (Fixture *self, const char *request, Answer *answer)
{
  int fd = fixture_connect (self);

  client_ask (fd, request, answer);
  close (fd);
}

static inline void
assert_header (const Answer *answer, const char *name, const char *expected)
{
  g_autofree char *value = head_get (answer->head, name);

  g_assert_cmpstr (value, ==, expected);
}
