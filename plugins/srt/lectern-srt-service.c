/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-srt-service.h"

#include "lectern-srt-caller.h"

#define LANES 32
/* Lines about callers that were refused; a flood of them must not drown the log. */
#define LOG_RATE 2
#define LOG_BURST 20
/* Before a job that was given up, or could not begin, is tried again. */
#define RETRY_US (30 * G_USEC_PER_SEC)

struct _LecternSrtService
{
  gint refs; /* the plugin's and the reactor's */
  LecternHost *host;
  LecternReactor *reactor;
  JsonObject *parameters;

  /* The reactor's. */
  LecternSrtSettings settings;
  LecternWorker *worker;
  LecternTimer retry;
  GHashTable *callers; /* id → LecternSrtCaller */
  LecternSrtCaller *lanes[LANES];
  LecternRateLimiter log_limiter;
};

static void
settings_copy (const LecternSrtSettings *from, LecternSrtSettings *to)
{
  *to = *from;
  to->passphrase = g_strdup (from->passphrase);
}

static void
service_unref (LecternSrtService *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_hash_table_unref (self->callers);
  json_object_unref (self->parameters);
  g_object_unref (self->reactor);
  g_object_unref (self->host);
  g_free (self->settings.passphrase);
  g_free (self);
}

/* ── callers ── */

static guint
count_others (LecternSrtService *self, const char *thing)
{
  guint count = 0;

  for (guint i = 0; i < LANES; i++)
    if (self->lanes[i] != NULL && lectern_srt_caller_is_publishing (self->lanes[i])
        && !g_str_equal (lectern_srt_caller_get_thing (self->lanes[i]), thing))
      count++;
  return count;
}

/* A publisher who comes again is no further one. */
static int
take_lane (LecternSrtCaller *caller, const char *thing, GError **error, gpointer user_data)
{
  LecternSrtService *self = user_data;

  if (count_others (self, thing) < self->settings.max_publishers)
    for (int lane = 0; lane < LANES; lane++)
      if (self->lanes[lane] == NULL)
        {
          self->lanes[lane] = caller;
          return lane;
        }
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
               "%u publish already, as many as [srt] max-publishers allows",
               self->settings.max_publishers);
  return -1;
}

static void
tell_worker (LecternSrtCaller *caller, JsonObject *message, gpointer user_data)
{
  LecternSrtService *self = user_data;

  lectern_worker_send_message (self->worker, message);
}

static void
report (LecternSrtCaller *caller, const GError *error, gpointer user_data)
{
  LecternSrtService *self = user_data;
  const char *thing = lectern_srt_caller_get_thing (caller);

  lectern_metric_add (lectern_metrics_get_counter ("lectern_srt_failures_total",
                                                   "SRT callers refused or cut off", "reason",
                                                   lectern_error_get_name (error)),
                      1);
  if (!lectern_rate_limiter_take (&self->log_limiter, lectern_clock_now_us ()))
    return;
  if (thing != NULL)
    g_message ("%s: '%s': %s", lectern_srt_caller_get_name (caller), thing, error->message);
  else
    g_message ("%s: %s", lectern_srt_caller_get_name (caller), error->message);
}

static const LecternSrtCallerOwner owner
    = { .take_lane = take_lane, .send = tell_worker, .report = report };

static void
drop (LecternSrtService *self, LecternSrtCaller *caller, gboolean lost, const char *reason)
{
  for (guint i = 0; i < LANES; i++)
    if (self->lanes[i] == caller)
      self->lanes[i] = NULL;
  lectern_srt_caller_free (caller, lost, reason);
}

static void
drop_all (LecternSrtService *self, gboolean lost, const char *reason)
{
  g_autoptr (GHashTable) callers = g_steal_pointer (&self->callers);
  GHashTableIter iter;
  gpointer caller;

  self->callers = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_hash_table_iter_init (&iter, callers);
  while (g_hash_table_iter_next (&iter, NULL, &caller))
    drop (self, caller, lost, reason);
}

/* ── what the worker says ── */

static void
add_caller (LecternSrtService *self, gint64 id, JsonObject *message)
{
  const char *stream_id = json_object_get_string_member_with_default (message, "streamid", "");
  const char *address = json_object_get_string_member_with_default (message, "address", "");
  LecternAddress peer;
  LecternSrtCaller *caller;

  if (stream_id == NULL || address == NULL || !lectern_address_parse (address, &peer, NULL)
      || g_hash_table_contains (self->callers, &id))
    return;
  caller = lectern_srt_caller_new (self->host, id, stream_id, &peer, &owner, self);
  g_hash_table_insert (self->callers, (gpointer) lectern_srt_caller_get_key (caller), caller);
  lectern_srt_caller_ask (caller);
}

static void
remove_caller (LecternSrtService *self, LecternSrtCaller *caller, JsonObject *message)
{
  const char *text = json_object_get_string_member_with_default (message, "reason", "");
  g_autofree char *reason = lectern_log_escape (text != NULL ? text : "", -1, 300);

  g_hash_table_remove (self->callers, lectern_srt_caller_get_key (caller));
  drop (self, caller, !json_object_get_boolean_member_with_default (message, "orderly", FALSE),
        reason);
}

static void
on_message (LecternWorker *worker, JsonObject *message, gpointer user_data)
{
  LecternSrtService *self = user_data;
  const char *event = json_object_get_string_member_with_default (message, "event", "");
  gint64 id = json_object_get_int_member_with_default (message, "caller", 0);
  LecternSrtCaller *caller = g_hash_table_lookup (self->callers, &id);

  if (g_strcmp0 (event, "caller") == 0)
    add_caller (self, id, message);
  else if (caller != NULL && g_strcmp0 (event, "statistics") == 0)
    lectern_srt_caller_take_statistics (caller, message, self->settings.max_bitrate);
  else if (caller != NULL && g_strcmp0 (event, "gone") == 0)
    remove_caller (self, caller, message);
  else if (g_strcmp0 (event, "open") == 0)
    g_message ("callers are welcome");
}

static void
on_track (LecternWorker *worker, guint lane, LecternTrack *track, gpointer user_data)
{
  LecternSrtService *self = user_data;

  if (lane < LANES && self->lanes[lane] != NULL)
    lectern_srt_caller_set_track (self->lanes[lane], track);
}

static void
on_packet (LecternWorker *worker, guint lane, LecternPacket *packet, gpointer user_data)
{
  LecternSrtService *self = user_data;

  if (lane < LANES && self->lanes[lane] != NULL)
    lectern_srt_caller_push (self->lanes[lane], packet);
}

/* ── the worker ── */

static void begin (gpointer data);

static void
send_settings (LecternSrtService *self)
{
  const LecternSrtSettings *settings = &self->settings;
  g_autoptr (JsonObject) message = json_object_new ();

  json_object_set_string_member (message, "event", "settings");
  json_object_set_int_member (message, "latency_ms", settings->latency_us / 1000);
  json_object_set_string_member (message, "passphrase", settings->passphrase);
  json_object_set_int_member (message, "pbkeylen", settings->pbkeylen);
  json_object_set_int_member (message, "read_timeout_ms", settings->read_timeout_us / 1000);
  lectern_worker_send_message (self->worker, message);
}

static void
on_ready (LecternWorker *worker, gpointer user_data)
{
  send_settings (user_data);
}

static void
on_lost (LecternWorker *worker, const GError *error, gpointer user_data)
{
  drop_all (user_data, TRUE, "the worker process is lost");
}

static void
on_retry (LecternTimer *timer)
{
  begin ((char *) timer - G_STRUCT_OFFSET (LecternSrtService, retry));
}

static void
on_ended (LecternWorker *worker, const GError *error, gpointer user_data)
{
  LecternSrtService *self = user_data;

  drop_all (self, TRUE, "the worker process is lost");
  g_warning ("nobody can publish by SRT for %d s: %s", (int) (RETRY_US / G_USEC_PER_SEC),
             error != NULL ? error->message : "the worker ended");
  g_clear_pointer (&self->worker, lectern_worker_free);
  lectern_timer_start (&self->retry, self->reactor, RETRY_US, on_retry);
}

static const LecternWorkerEvents events = {
  .ready = on_ready,
  .track = on_track,
  .packet = on_packet,
  .message = on_message,
  .lost = on_lost,
  .ended = on_ended,
};

static void
begin (gpointer data)
{
  LecternSrtService *self = data;
  const LecternWorkerSpec spec
      = { .job = "srt", .title = "srt", .parameters = self->parameters, .network = TRUE };

  self->worker = lectern_worker_new (lectern_host_get_workers (self->host), &spec, self->reactor,
                                     &events, self);
}

static void
finish (gpointer data)
{
  LecternSrtService *self = data;

  lectern_timer_stop (&self->retry);
  g_clear_pointer (&self->worker, lectern_worker_free);
  drop_all (self, FALSE, "the server stops");
  service_unref (self); /* the reactor's */
  service_unref (self); /* the plugin's */
}

/* ── from the control thread ── */

typedef struct
{
  LecternSrtService *service;
  LecternSrtSettings settings;
} Change;

static void
change_free (gpointer data)
{
  Change *change = data;

  service_unref (change->service);
  g_free (change->settings.passphrase);
  g_free (change);
}

static void
take_change (gpointer data)
{
  Change *change = data;
  LecternSrtService *self = change->service;

  g_free (self->settings.passphrase);
  settings_copy (&change->settings, &self->settings);
  if (self->worker != NULL)
    send_settings (self);
  change_free (change);
}

void
lectern_srt_service_set (LecternSrtService *self, const LecternSrtSettings *settings)
{
  Change *change = g_new0 (Change, 1);

  g_atomic_int_inc (&self->refs);
  change->service = self;
  settings_copy (settings, &change->settings);
  lectern_reactor_post (self->reactor, take_change, change, change_free);
}

static JsonObject *
make_parameters (GArray *addresses, guint dscp)
{
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < addresses->len; i++)
    {
      g_autofree char *text
          = lectern_address_to_string (&g_array_index (addresses, LecternAddress, i));

      json_array_add_string_element (array, text);
    }
  json_object_set_array_member (object, "listen", array);
  json_object_set_int_member (object, "dscp", dscp);
  return object;
}

LecternSrtService *
lectern_srt_service_new (LecternHost *host, GArray *addresses, guint dscp,
                         const LecternSrtSettings *settings)
{
  LecternSrtService *self = g_new0 (LecternSrtService, 1);

  self->refs = 2;
  self->host = g_object_ref (host);
  self->reactor = g_object_ref (lectern_reactor_pool_pick (lectern_host_get_reactors (host)));
  self->parameters = make_parameters (addresses, dscp);
  self->callers = g_hash_table_new (g_int64_hash, g_int64_equal);
  settings_copy (settings, &self->settings);
  lectern_rate_limiter_init (&self->log_limiter, LOG_RATE, LOG_BURST, lectern_clock_now_us ());
  lectern_reactor_post (self->reactor, begin, self, NULL);
  return self;
}

void
lectern_srt_service_free (LecternSrtService *self)
{
  lectern_reactor_post (self->reactor, finish, self, NULL);
}
