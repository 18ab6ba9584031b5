/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "srt-door.h"

#include "srt-caller.h"

#include <base/lectern-rate-limiter.h>

#include <string.h>
#include <syslog.h>

/* Callers that wait for the server's answer; more are turned away before they are connected. */
#define MAX_WAITING 16
/* Those that were refused included, which stay for a moment. */
#define MAX_CALLERS (LECTERN_LINK_MAX_LANES + MAX_WAITING + 64)
#define MAX_EVENTS 16
/* Lines about callers that were turned away. */
#define LOG_RATE 1
#define LOG_BURST 10
#define ROUND_MS 20
#define CHECK_US (100 * 1000)
#define TICK_US G_USEC_PER_SEC

/* What the server says of a caller. */
typedef struct
{
  gint64 caller;
  gint64 lane; /* it is allowed; -1: it is to go */
} Command;

struct _SrtDoor
{
  LecternJob *job;
  SRTSOCKET listeners[SRT_DOOR_MAX_ADDRESSES];
  guint n_listeners;
  int poll;
  GThread *thread;       /* NULL until the door is open */
  GAsyncQueue *commands; /* of Command, for the thread */
  gint stopping;         /* atomic */
  gint waiting;          /* atomic: callers without an answer */

  GMutex lock; /* guards what libsrt's own thread uses: the settings and the limiter */
  int latency_ms;
  int pbkeylen;
  int idle_ms;
  char *passphrase;
  gint64 read_timeout_us;
  LecternRateLimiter log_limiter;

  /* The thread's. */
  GPtrArray *callers; /* of SrtCaller */
  guint next_id;
  gint64 checked_us;
  gint64 ticked_us;
};

/* ── before a caller is connected: on libsrt's thread ── */

static gboolean
set_options (SrtDoor *self, SRTSOCKET socket)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  /* Without a passphrase here and there, or with different ones, the library refuses. */
  return srt_setsockflag (socket, SRTO_RCVLATENCY, &self->latency_ms, sizeof (int)) == 0
         && srt_setsockflag (socket, SRTO_PEERIDLETIMEO, &self->idle_ms, sizeof (int)) == 0
         && srt_setsockflag (socket, SRTO_PBKEYLEN, &self->pbkeylen, sizeof (int)) == 0
         && srt_setsockflag (socket, SRTO_PASSPHRASE, self->passphrase,
                             (int) strlen (self->passphrase))
                == 0;
}

static gboolean
may_tell (SrtDoor *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return lectern_rate_limiter_take (&self->log_limiter, g_get_monotonic_time ());
}

static int
refuse (SrtDoor *self, SRTSOCKET socket, const struct sockaddr *peer, int reason, const char *why)
{
  LecternAddress address = { 0 };
  g_autofree char *name = NULL;

  if (may_tell (self) && lectern_address_from_socket (peer, &address))
    {
      name = lectern_address_to_string (&address);
      g_message ("%s is turned away: %s", name, why);
    }
  srt_setrejectreason (socket, reason);
  return -1;
}

static int
on_caller (void *user_data, SRTSOCKET socket, int version, const struct sockaddr *peer,
           const char *stream_id)
{
  SrtDoor *self = user_data;

  if (g_atomic_int_get (&self->waiting) >= MAX_WAITING)
    return refuse (self, socket, peer, SRT_REJX_OVERLOAD, "too many callers wait for an answer");
  if (version < 5)
    return refuse (self, socket, peer, SRT_REJX_VERSION, "its library is older than SRT 1.3");
  if (stream_id == NULL || *stream_id == '\0')
    return refuse (self, socket, peer, SRT_REJX_BAD_REQUEST,
                   "it gives no stream id; it must be publish:APP/NAME?key=KEY");
  if (!g_utf8_validate (stream_id, -1, NULL))
    return refuse (self, socket, peer, SRT_REJX_BAD_REQUEST, "its stream id is not UTF-8");
  return set_options (self, socket)
             ? 0
             : refuse (self, socket, peer, SRT_REJX_ISE, "its connection takes no settings");
}

/* ── callers ── */

static void
send_away (SrtDoor *self, guint index, gboolean orderly, const char *reason)
{
  SrtCaller *caller = self->callers->pdata[index];

  if (srt_caller_is_waiting (caller))
    g_atomic_int_add (&self->waiting, -1);
  srt_epoll_remove_usock (self->poll, srt_caller_get_socket (caller));
  srt_caller_close (caller, orderly, reason);
  g_ptr_array_remove_index_fast (self->callers, index);
}

static void
accept_caller (SrtDoor *self, SRTSOCKET listener)
{
  struct sockaddr_storage name;
  int size = sizeof name;
  SRTSOCKET socket = srt_accept (listener, (struct sockaddr *) &name, &size);
  LecternAddress peer;

  if (socket == SRT_INVALID_SOCK)
    return;
  if (self->callers->len >= MAX_CALLERS
      || !lectern_address_from_socket ((struct sockaddr *) &name, &peer))
    {
      srt_close (socket);
      return;
    }
  g_atomic_int_inc (&self->waiting);
  g_ptr_array_add (self->callers, srt_caller_new (self->job, socket, ++self->next_id, &peer));
}

static gboolean
is_listener (SrtDoor *self, SRTSOCKET socket)
{
  for (guint i = 0; i < self->n_listeners; i++)
    if (self->listeners[i] == socket)
      return TRUE;
  return FALSE;
}

static void
read_caller (SrtDoor *self, SRTSOCKET socket)
{
  g_autoptr (GError) error = NULL;
  gboolean orderly = FALSE;

  for (guint i = 0; i < self->callers->len; i++)
    if (srt_caller_get_socket (self->callers->pdata[i]) == socket)
      {
        if (!srt_caller_read (self->callers->pdata[i], &orderly, &error))
          send_away (self, i, orderly, error->message);
        return;
      }
}

/* ── what the server says ── */

/* Returns: the index, or -1. */
static gint
find_caller (SrtDoor *self, gint64 id)
{
  for (guint i = 0; i < self->callers->len; i++)
    if (srt_caller_get_id (self->callers->pdata[i]) == id)
      return (gint) i;
  return -1;
}

static void
allow (SrtDoor *self, guint index, gint64 lane)
{
  SrtCaller *caller = self->callers->pdata[index];
  int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
  g_autoptr (GError) error = NULL;

  if (lane >= LECTERN_LINK_MAX_LANES || !srt_caller_is_waiting (caller))
    return;
  if (!srt_caller_allow (caller, (guint) lane, &error))
    {
      send_away (self, index, FALSE, error->message);
      return;
    }
  g_atomic_int_add (&self->waiting, -1);
  srt_epoll_add_usock (self->poll, srt_caller_get_socket (caller), &events);
}

static void
close_caller (SrtDoor *self, guint index)
{
  SrtCaller *caller = self->callers->pdata[index];

  if (!srt_caller_is_waiting (caller))
    {
      send_away (self, index, FALSE, "the server closed it");
      return;
    }
  g_atomic_int_add (&self->waiting, -1);
  srt_caller_refuse (caller);
}

static void
follow_commands (SrtDoor *self)
{
  Command *command;

  while ((command = g_async_queue_try_pop (self->commands)) != NULL)
    {
      gint index = find_caller (self, command->caller);

      if (index >= 0 && command->lane >= 0)
        allow (self, (guint) index, command->lane);
      else if (index >= 0)
        close_caller (self, (guint) index);
      g_free (command);
    }
}

/* ── the thread ── */

static void
check_callers (SrtDoor *self, gint64 now_us)
{
  gint64 timeout_us;

  g_mutex_lock (&self->lock);
  timeout_us = self->read_timeout_us;
  g_mutex_unlock (&self->lock);
  for (guint i = self->callers->len; i > 0; i--)
    {
      g_autoptr (GError) error = NULL;
      gboolean orderly = FALSE;

      if (!srt_caller_check (self->callers->pdata[i - 1], now_us, timeout_us, &orderly, &error))
        send_away (self, i - 1, orderly, error->message);
    }
}

static void
look_after (SrtDoor *self)
{
  gint64 now_us = g_get_monotonic_time ();

  if (now_us - self->checked_us >= CHECK_US)
    {
      self->checked_us = now_us;
      check_callers (self, now_us);
    }
  if (now_us - self->ticked_us >= TICK_US)
    {
      self->ticked_us = now_us;
      lectern_job_tick (self->job);
    }
}

static gpointer
run (gpointer user_data)
{
  SrtDoor *self = user_data;
  SRT_EPOLL_EVENT events[MAX_EVENTS];

  while (!g_atomic_int_get (&self->stopping))
    {
      int count = srt_epoll_uwait (self->poll, events, MAX_EVENTS, ROUND_MS);

      for (int i = 0; i < MIN (count, MAX_EVENTS); i++)
        if (is_listener (self, events[i].fd))
          accept_caller (self, events[i].fd);
        else
          read_caller (self, events[i].fd);
      follow_commands (self);
      look_after (self);
    }
  while (self->callers->len > 0)
    send_away (self, self->callers->len - 1, FALSE, "the server stops");
  return NULL;
}

/* ── the door ── */

static void
set_error (GError **error, const LecternAddress *address)
{
  g_autofree char *text = lectern_address_to_string (address);
  int number = 0;
  int code = srt_getlasterror (&number);

  if (number != 0)
    lectern_error_set_errno (error, number, "cannot receive on UDP %s", text);
  else
    g_set_error (error, LECTERN_ERROR,
                 code == SRT_EBINDCONFLICT ? LECTERN_ERROR_CONFLICT : LECTERN_ERROR_FAILED,
                 "cannot receive on UDP %s: %s", text, srt_getlasterror_str ());
}

static gboolean
set_int (SRTSOCKET socket, SRT_SOCKOPT option, int value)
{
  return srt_setsockflag (socket, option, &value, sizeof value) == 0;
}

/* No other socket is to share the port. */
static gboolean
bind_listener (SRTSOCKET socket, const LecternAddress *address, guint dscp)
{
  static const guint8 any[16];
  struct sockaddr_storage name;
  int size = (int) lectern_address_to_socket (address, &name);

  return (name.ss_family != AF_INET6
          || set_int (socket, SRTO_IPV6ONLY, memcmp (address->ip, any, sizeof any) != 0))
         && set_int (socket, SRTO_RCVSYN, 0) && set_int (socket, SRTO_REUSEADDR, 0)
         && (dscp == 0 || set_int (socket, SRTO_IPTOS, (int) dscp << 2))
         && srt_bind (socket, (struct sockaddr *) &name, size) == 0;
}

static gboolean
add_listener (SrtDoor *self, const LecternAddress *address, guint dscp, GError **error)
{
  SRTSOCKET socket = srt_create_socket ();

  if (socket != SRT_INVALID_SOCK && bind_listener (socket, address, dscp)
      && srt_listen_callback (socket, on_caller, self) == 0)
    {
      self->listeners[self->n_listeners++] = socket;
      return TRUE;
    }
  set_error (error, address);
  if (socket != SRT_INVALID_SOCK)
    srt_close (socket);
  return FALSE;
}

static gboolean
open_door (SrtDoor *self, GError **error)
{
  int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
  g_autoptr (JsonObject) message = json_object_new ();

  for (guint i = 0; i < self->n_listeners; i++)
    if (srt_listen (self->listeners[i], MAX_WAITING) != 0
        || srt_epoll_add_usock (self->poll, self->listeners[i], &events) != 0)
      {
        g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_FAILED, "cannot listen: %s",
                     srt_getlasterror_str ());
        return FALSE;
      }
  self->thread = g_thread_new ("srt", run, self);
  json_object_set_string_member (message, "event", "open");
  lectern_job_send_message (self->job, message);
  return TRUE;
}

static int
get_int (JsonObject *object, const char *name, gint64 usual, gint64 low, gint64 high)
{
  return (int) CLAMP (json_object_get_int_member_with_default (object, name, usual), low, high);
}

static void
take_settings (SrtDoor *self, JsonObject *object)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->latency_ms = get_int (object, "latency_ms", 120, 0, 60000);
  self->pbkeylen = get_int (object, "pbkeylen", 0, 0, 32);
  self->read_timeout_us = get_int (object, "read_timeout_ms", 10000, 100, 3600000) * 1000LL;
  self->idle_ms = (int) MIN (self->read_timeout_us / 1000, SRT_CALLER_IDLE_MS);
  g_free (self->passphrase);
  self->passphrase
      = g_strdup (json_object_get_string_member_with_default (object, "passphrase", ""));
}

/* Not the message itself: json-glib counts references without locks. */
static void
push_command (SrtDoor *self, JsonObject *message, gboolean allowed)
{
  Command *command = g_new (Command, 1);

  command->caller = json_object_get_int_member_with_default (message, "caller", 0);
  command->lane = allowed ? json_object_get_int_member_with_default (message, "lane", -1) : -1;
  g_async_queue_push (self->commands, command);
}

gboolean
srt_door_take (SrtDoor *self, JsonObject *message, GError **error)
{
  const char *event = json_object_get_string_member_with_default (message, "event", "");

  if (!g_str_equal (event, "settings"))
    {
      push_command (self, message, g_str_equal (event, "allow"));
      return TRUE;
    }
  take_settings (self, message);
  return self->thread != NULL || open_door (self, error);
}

SrtDoor *
srt_door_new (LecternJob *job, GArray *addresses, guint dscp, GError **error)
{
  SrtDoor *self = g_new0 (SrtDoor, 1);

  srt_startup ();
  /* What a peer does wrong is told by us, and only once. */
  srt_setloglevel (LOG_CRIT);
  self->job = job;
  self->poll = srt_epoll_create ();
  srt_epoll_set (self->poll, SRT_EPOLL_ENABLE_EMPTY);
  self->commands = g_async_queue_new_full (g_free);
  self->callers = g_ptr_array_new ();
  self->passphrase = g_strdup ("");
  g_mutex_init (&self->lock);
  lectern_rate_limiter_init (&self->log_limiter, LOG_RATE, LOG_BURST, g_get_monotonic_time ());
  for (guint i = 0; i < MIN (addresses->len, SRT_DOOR_MAX_ADDRESSES); i++)
    if (!add_listener (self, &g_array_index (addresses, LecternAddress, i), dscp, error))
      {
        srt_door_free (self);
        return NULL;
      }
  return self;
}

void
srt_door_free (SrtDoor *self)
{
  g_atomic_int_set (&self->stopping, TRUE);
  if (self->thread != NULL)
    g_thread_join (self->thread);
  for (guint i = 0; i < self->n_listeners; i++)
    srt_close (self->listeners[i]);
  srt_epoll_release (self->poll);
  g_ptr_array_unref (self->callers);
  g_async_queue_unref (self->commands);
  g_mutex_clear (&self->lock);
  g_free (self->passphrase);
  g_free (self);
}
