/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-transfer.h"

#include <sys/socket.h>
#include <unistd.h>

#define SAMPLE_US G_USEC_PER_SEC

static const char out_of_bounds[]
    = "its host is not on the public Internet, and [relay] allow does not name it";

struct _LecternRelayTransfer
{
  gint refs; /* atomic: the control thread's, and each call's under way */

  /* Constant. */
  LecternHost *host;
  LecternReactor *reactor;
  LecternRelayRule *rule;
  LecternIdentity *identity;
  char *name;
  char *url;
  char *via;
  LecternStream *stream;    /* NULL: pull */
  LecternRelayFence *fence; /* NULL: anywhere */
  GArray *doors;            /* our own addresses */
  gint64 hold_us;
  gint64 timeout_us;
  gint64 silence_us;

  /* The reactor's. */
  char *target; /* the URL to which the upstream refers, or NULL: there is none but @url */
  LecternTransfer *transfer;
  LecternPublisher *publisher;
  LecternSession *session; /* of a pull that publishes */
  LecternTimer sample;
  LecternTimer patience; /* until the other side has accepted */
  const char *refusal;   /* what the filter says; or NULL */
  gboolean let_through;  /* the filter, to some address */
  gboolean over;

  guint64 bytes; /* atomic */
  gint cause;    /* atomic */

  /* The control thread's. */
  LecternPublisher *left;        /* lost, or NULL */
  LecternRelayTransferFunc func; /* NULL: nobody listens any more */
  gpointer user_data;
};

static void
transfer_unref (gpointer data)
{
  LecternRelayTransfer *self = data;

  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
  g_clear_pointer (&self->left, lectern_publisher_unref);
  g_clear_pointer (&self->stream, lectern_stream_unref);
  g_clear_pointer (&self->fence, lectern_relay_fence_unref);
  g_array_unref (self->doors);
  g_free (self->target);
  lectern_relay_rule_unref (self->rule);
  lectern_identity_unref (self->identity);
  g_object_unref (self->reactor);
  g_object_unref (self->host);
  g_free (self->name);
  g_free (self->url);
  g_free (self->via);
  g_free (self);
}

static LecternRelayTransfer *
transfer_ref (LecternRelayTransfer *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

/* ── to the control thread ── */

typedef struct
{
  LecternRelayTransfer *transfer;
  LecternRelayEvent event;
  LecternPublisher *left; /* or NULL */
  GError *error;          /* or NULL */
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  g_clear_pointer (&news->left, lectern_publisher_unref);
  g_clear_error (&news->error);
  transfer_unref (news->transfer);
  g_free (news);
}

static gboolean
on_news (gpointer data)
{
  News *news = data;
  LecternRelayTransfer *self = news->transfer;

  if (self->func == NULL)
    {
      /* Given up meanwhile. */
      if (news->left != NULL)
        lectern_publisher_end (news->left, FALSE);
      return G_SOURCE_REMOVE;
    }
  self->left = g_steal_pointer (&news->left);
  self->func (self, news->event, news->error, self->user_data);
  return G_SOURCE_REMOVE;
}

static void
tell (LecternRelayTransfer *self, LecternRelayEvent event, const GError *error)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  News *news = g_new0 (News, 1);

  news->transfer = transfer_ref (self);
  news->event = event;
  news->error = error != NULL ? g_error_copy (error) : NULL;
  if (event == LECTERN_RELAY_ENDED && error != NULL)
    news->left = g_steal_pointer (&self->publisher);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_news, news, news_free);
  g_source_attach (source, NULL);
}

/* ── on the reactor ── */

static void
take_sample (LecternRelayTransfer *self)
{
  guint64 before = __atomic_load_n (&self->bytes, __ATOMIC_RELAXED);
  guint64 now = self->transfer != NULL ? lectern_transfer_get_bytes (self->transfer) : before;

  __atomic_store_n (&self->bytes, now, __ATOMIC_RELAXED);
  if (self->session != NULL)
    lectern_session_add_bytes (self->session, now - before);
  lectern_metric_add (lectern_metrics_get_counter ("lectern_relay_bytes_total",
                                                   "Media that relays have carried", "direction",
                                                   self->stream == NULL ? "in" : "out"),
                      (gint64) (now - before));
}

static void
on_sample (LecternTimer *timer)
{
  LecternRelayTransfer *self
      = (LecternRelayTransfer *) ((char *) timer - G_STRUCT_OFFSET (LecternRelayTransfer, sample));

  take_sample (self);
  lectern_timer_start (timer, self->reactor, SAMPLE_US, on_sample);
}

static void
halt (LecternRelayTransfer *self)
{
  self->over = TRUE;
  take_sample (self);
  lectern_timer_stop (&self->sample);
  lectern_timer_stop (&self->patience);
  g_clear_pointer (&self->transfer, lectern_transfer_stop);
}

static void
end_session (LecternRelayTransfer *self, const GError *error)
{
  if (self->session == NULL)
    return;
  lectern_session_end (self->session, error);
  g_clear_pointer (&self->session, lectern_session_unref);
}

static void
finish (LecternRelayTransfer *self, LecternRelayCause cause, const GError *error)
{
  /* It may belong to what is stopped now. */
  g_autoptr (GError) reason = error != NULL ? g_error_copy (error) : NULL;

  if (self->over)
    return;
  halt (self);
  g_atomic_int_set (&self->cause, (gint) cause);
  end_session (self, reason);
  if (self->publisher != NULL)
    lectern_publisher_end (self->publisher, reason != NULL);
  tell (self, LECTERN_RELAY_ENDED, reason);
}

static void
on_publisher_lost (LecternPublisher *publisher, const GError *reason, gpointer user_data)
{
  finish (user_data, LECTERN_RELAY_TAKEN, reason);
}

static void
on_kick (LecternSession *session, const GError *reason, gpointer user_data)
{
  g_autoptr (GError) kicked
      = reason != NULL ? g_error_copy (reason)
                       : g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "it was ended");

  finish (user_data, LECTERN_RELAY_LOST, kicked);
}

static void
start_session (LecternRelayTransfer *self)
{
  LecternAddress nobody = { 0 };
  g_autoptr (LecternAccessRequest) request
      = lectern_access_request_new (LECTERN_ACTION_PUBLISH, self->name, "relay", &nobody);

  self->session
      = lectern_sessions_start (lectern_host_get_sessions (self->host), LECTERN_SESSION_PUBLISH,
                                request, self->identity, on_kick, self);
}

static LecternPublisher *
on_publish (gpointer user_data, GError **error)
{
  LecternRelayTransfer *self = user_data;
  GError *reason = NULL;

  self->publisher
      = lectern_stream_registry_publish (lectern_host_get_streams (self->host), self->name,
                                         self->identity, on_publisher_lost, self, &reason);
  if (self->publisher == NULL)
    {
      if (g_error_matches (reason, LECTERN_ERROR, LECTERN_ERROR_CONFLICT))
        g_atomic_int_set (&self->cause, LECTERN_RELAY_TAKEN);
      g_propagate_error (error, reason);
      return NULL;
    }
  /* Whoever has a key for the stream comes first. */
  lectern_publisher_set_yielding (self->publisher);
  lectern_publisher_set_grace (self->publisher, self->hold_us);
  start_session (self);
  lectern_timer_stop (&self->patience);
  tell (self, LECTERN_RELAY_STARTED, NULL);
  return lectern_publisher_ref (self->publisher);
}

static void
on_started (gpointer user_data)
{
  LecternRelayTransfer *self = user_data;

  lectern_timer_stop (&self->patience);
  tell (self, LECTERN_RELAY_STARTED, NULL);
}

/* The carrier's own limit is for silence, which is longer: an upstream whose publisher is away says
 * nothing for a while. */
static void
on_patience_over (LecternTimer *timer)
{
  LecternRelayTransfer *self
      = (LecternRelayTransfer *) ((char *) timer
                                  - G_STRUCT_OFFSET (LecternRelayTransfer, patience));
  g_autoptr (GError) error = g_error_new (
      LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT,
      self->stream == NULL ? "no media has come for %.1f s; is the stream on the air there?"
                           : "it has not been taken for %.1f s",
      self->timeout_us / (double) G_USEC_PER_SEC);

  finish (self, LECTERN_RELAY_LOST, error);
}

static void
on_ended (const GError *error, gpointer user_data)
{
  LecternRelayTransfer *self = user_data;
  g_autoptr (GError) refused = NULL;

  /* Else it was the other side that said so. */
  if (self->refusal != NULL && !self->let_through
      && g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_DENIED))
    {
      g_set_error_literal (&refused, LECTERN_ERROR, LECTERN_ERROR_DENIED, self->refusal);
      finish (self, LECTERN_RELAY_REFUSED, refused);
    }
  else if (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED))
    finish (self, LECTERN_RELAY_REFUSED, error);
  else
    finish (self, (LecternRelayCause) g_atomic_int_get (&self->cause), error);
}

/* A name of this host can be bound to, another one's cannot. */
static gboolean
is_of_this_host (const LecternAddress *address)
{
  LecternAddress probe = *address;
  struct sockaddr_storage to;
  socklen_t length;
  gboolean bound;
  int fd;

  probe.port = 0;
  length = lectern_address_to_socket (&probe, &to);
  fd = socket (to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bound = fd >= 0 && bind (fd, (struct sockaddr *) &to, length) == 0;
  if (fd >= 0)
    close (fd);
  return bound;
}

static const char *
get_target (LecternRelayTransfer *self)
{
  return self->target != NULL ? self->target : self->url;
}

static gboolean
leads_here (LecternRelayTransfer *self, const LecternAddress *address)
{
  if (!lectern_relay_url_names (get_target (self), self->name))
    return FALSE;
  for (guint i = 0; i < self->doors->len; i++)
    if (g_array_index (self->doors, LecternAddress, i).port == address->port)
      return is_of_this_host (address);
  return FALSE;
}

static gboolean
may_connect (const LecternAddress *address, gpointer user_data)
{
  LecternRelayTransfer *self = user_data;

  if (leads_here (self, address))
    self->refusal = "a loop: it leads back to the same stream of this server";
  else if (self->fence != NULL && !lectern_relay_fence_names_host (self->fence, get_target (self))
           && !lectern_relay_fence_allows_address (self->fence, address))
    self->refusal = out_of_bounds;
  else
    {
      self->let_through = TRUE;
      return TRUE;
    }
  return FALSE;
}

/* What the upstream refers to is no more trusted than who made the relay; its addresses are asked
 * for when it is connected to. */
static gboolean
may_follow (const char *url, gpointer user_data, GError **error)
{
  LecternRelayTransfer *self = user_data;

  self->let_through = FALSE;
  if (self->fence != NULL && !lectern_relay_fence_check_url (self->fence, url, error))
    {
      self->refusal = out_of_bounds;
      return FALSE;
    }
  g_free (self->target);
  self->target = g_strdup (url);
  return TRUE;
}

static LecternTransfer *
begin_transfer (LecternRelayTransfer *self, GError **error)
{
  static const LecternCarrierEvents events
      = { .publish = on_publish, .started = on_started, .ended = on_ended };
  LecternCarriers *carriers = lectern_host_get_carriers (self->host);
  LecternCarrierSpec spec = {
    .url = self->url,
    .reactor = self->reactor,
    .via = self->via,
    .transport = self->rule->transport,
    .filter = may_connect,
    .follow = may_follow,
    .filter_data = self,
    .timeout_us = self->silence_us,
  };

  return self->stream == NULL
             ? lectern_carriers_pull (carriers, &spec, &events, self, error)
             : lectern_carriers_push (carriers, &spec, self->stream, &events, self, error);
}

static void
begin (gpointer data)
{
  LecternRelayTransfer *self = data;
  g_autoptr (GError) error = NULL;

  if (!self->over)
    {
      self->transfer = begin_transfer (self, &error);
      if (self->transfer == NULL)
        finish (self, LECTERN_RELAY_REFUSED, error);
      else
        {
          lectern_timer_start (&self->sample, self->reactor, SAMPLE_US, on_sample);
          lectern_timer_start (&self->patience, self->reactor, self->timeout_us, on_patience_over);
        }
    }
  transfer_unref (self);
}

static void
end (gpointer data)
{
  LecternRelayTransfer *self = data;

  if (!self->over)
    {
      halt (self);
      end_session (self, NULL);
      if (self->publisher != NULL)
        lectern_publisher_end (self->publisher, FALSE);
    }
  transfer_unref (self);
}

/* ── of the control thread ── */

LecternRelayTransfer *
lectern_relay_transfer_new (const LecternRelayTransferSpec *spec, LecternRelayTransferFunc func,
                            gpointer user_data)
{
  LecternRelayTransfer *self = g_new0 (LecternRelayTransfer, 1);

  self->refs = 2;
  self->host = g_object_ref (spec->host);
  self->reactor = g_object_ref (lectern_reactor_pool_pick (lectern_host_get_reactors (spec->host)));
  self->rule = lectern_relay_rule_ref (spec->rule);
  self->identity = lectern_identity_new ("relay", spec->rule->id, NULL);
  self->name = g_strdup (spec->name);
  self->url = g_strdup (spec->url);
  self->via = g_strdup (spec->via);
  self->stream = spec->stream != NULL ? lectern_stream_ref (spec->stream) : NULL;
  self->fence = spec->fence != NULL ? lectern_relay_fence_ref (spec->fence) : NULL;
  self->hold_us = spec->hold_us;
  self->timeout_us = spec->timeout_us;
  self->silence_us = spec->silence_us;
  self->doors = lectern_host_list_addresses (spec->host);
  self->func = func;
  self->user_data = user_data;
  lectern_reactor_post (self->reactor, begin, self, transfer_unref);
  return self;
}

void
lectern_relay_transfer_free (LecternRelayTransfer *self)
{
  self->func = NULL;
  lectern_reactor_post (self->reactor, end, self, transfer_unref);
}

LecternPublisher *
lectern_relay_transfer_take_publisher (LecternRelayTransfer *self)
{
  return g_steal_pointer (&self->left);
}

LecternRelayCause
lectern_relay_transfer_get_cause (LecternRelayTransfer *self)
{
  return (LecternRelayCause) g_atomic_int_get (&self->cause);
}

guint64
lectern_relay_transfer_get_bytes (LecternRelayTransfer *self)
{
  return __atomic_load_n (&self->bytes, __ATOMIC_RELAXED);
}
