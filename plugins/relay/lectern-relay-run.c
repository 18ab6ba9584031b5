/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-run.h"

#include "lectern-relay-backoff.h"

/* Whoever publishes here has the stream; its end is told at once, this is for what we miss. */
#define TAKEN_US (30 * G_USEC_PER_SEC)
/* A push whose stream has ended may take so long to say so. */
#define WIND_UP_US (3 * G_USEC_PER_SEC)
#define POKE_US (G_USEC_PER_SEC / 2)

struct _LecternRelayRun
{
  LecternRelayTransferSpec spec; /* name, url, via and what is held: ours */
  LecternRelayRunFunc over;
  gpointer user_data;

  LecternRelayState state;
  gint64 since_us; /* wall time of the state */
  char *error;     /* the last one; NULL: none */
  char *told;      /* what the log has been told of it */
  LecternRelayTransfer *transfer;
  LecternPublisher *left; /* of a pull that was lost: its stream is away */
  LecternRelayBackoff backoff;
  gint64 begun_us; /* the try, or the running */
  gint64 next_us;  /* wall time of the next try */
  guint64 bytes;   /* of earlier tries */
  guint attempts;
  guint timer;
  gint64 first_ran_us;
  gboolean taken;   /* it waits for the stream's name */
  gboolean put_off; /* the operator has ended it: nobody makes it come sooner */
  gboolean ending;
};

const char *
lectern_relay_state_get_name (LecternRelayState state)
{
  static const char *const names[] = { "idle", "connecting", "running", "waiting", "failed" };

  return names[state];
}

const char *
lectern_relay_run_get_name (LecternRelayRun *self)
{
  return self->spec.name;
}

LecternStream *
lectern_relay_run_get_stream (LecternRelayRun *self)
{
  return self->spec.stream;
}

LecternRelayState
lectern_relay_run_get_state (LecternRelayRun *self)
{
  return self->state;
}

gint64
lectern_relay_run_get_first_ran (LecternRelayRun *self)
{
  return self->first_ran_us;
}

guint64
lectern_relay_run_get_bytes (LecternRelayRun *self)
{
  return self->bytes
         + (self->transfer != NULL ? lectern_relay_transfer_get_bytes (self->transfer) : 0);
}

static void
count (const char *name, const char *help)
{
  lectern_metric_add (lectern_metrics_get_counter (name, help, NULL, NULL), 1);
}

/* ── states ── */

/* One line for each change that somebody may want to know of, not for each try. */
static void
tell_log (LecternRelayRun *self)
{
  g_autofree char *shown
      = lectern_relay_rule_show (self->spec.rule, self->spec.name, self->spec.url);
  gboolean push = self->spec.stream != NULL;
  const char *why = self->error != NULL                    ? self->error
                    : self->state == LECTERN_RELAY_WAITING ? "the stream has ended there"
                                                           : NULL;
  g_autofree char *text = NULL;

  if (self->state == LECTERN_RELAY_CONNECTING)
    return;
  text = g_strdup_printf ("relay of '%s' %s %s: %s%s%s", self->spec.name, push ? "to" : "from",
                          shown, lectern_relay_state_get_name (self->state),
                          why != NULL ? ": " : "", why != NULL ? why : "");
  if (g_strcmp0 (text, self->told) == 0)
    return;
  g_message ("%s", text);
  g_free (self->told);
  self->told = g_steal_pointer (&text);
}

static void
count_running (gint change)
{
  lectern_metric_add (lectern_metrics_get_gauge ("lectern_relay_streams",
                                                 "Streams that relays carry now", NULL, NULL),
                      change);
}

static void
set_state (LecternRelayRun *self, LecternRelayState state, const GError *error)
{
  count_running ((state == LECTERN_RELAY_RUNNING) - (self->state == LECTERN_RELAY_RUNNING));
  self->state = state;
  self->since_us = lectern_clock_wall_us ();
  self->next_us = 0;
  if (error != NULL || state == LECTERN_RELAY_RUNNING)
    {
      g_clear_pointer (&self->error, g_free);
      if (error != NULL)
        self->error = lectern_log_escape (error->message, -1, 256);
    }
  tell_log (self);
}

static void
give_up_stream (LecternRelayRun *self)
{
  if (self->left == NULL)
    return;
  lectern_publisher_end (self->left, FALSE);
  g_clear_pointer (&self->left, lectern_publisher_unref);
}

static void
drop_transfer (LecternRelayRun *self)
{
  if (self->transfer == NULL)
    return;
  self->bytes += lectern_relay_transfer_get_bytes (self->transfer);
  g_clear_pointer (&self->transfer, lectern_relay_transfer_free);
}

/* Whether somebody looks at nothing until it works again. Whoever says no is not asked each second:
 * it would say so again, and may shut us out. */
static gboolean
is_urgent (LecternRelayRun *self, const GError *error)
{
  LecternStreamRegistry *streams = lectern_host_get_streams (self->spec.host);
  g_autoptr (LecternStream) stream = NULL;
  g_auto (LecternStreamInfo) info = { 0 };

  if (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_DENIED))
    return FALSE;
  if (self->spec.stream != NULL)
    return TRUE;
  stream = lectern_stream_registry_lookup (streams, self->spec.name);
  if (stream == NULL)
    return FALSE;
  lectern_stream_get_info (stream, &info);
  return info.state == LECTERN_STREAM_AWAY || info.viewers > 0 || info.waiting > 0;
}

static void begin_try (LecternRelayRun *self);

static gboolean
on_timer (gpointer user_data)
{
  LecternRelayRun *self = user_data;

  self->timer = 0;
  if (!self->ending)
    begin_try (self);
  else
    self->over (self, self->user_data);
  return G_SOURCE_REMOVE;
}

static void
set_timer (LecternRelayRun *self, gint64 delay_us)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  self->timer = g_timeout_add ((guint) (delay_us / 1000), on_timer, self);
}

static void
wait_and_retry (LecternRelayRun *self, const GError *error, gint64 delay_us)
{
  set_state (self, LECTERN_RELAY_WAITING, error);
  self->next_us = self->since_us + delay_us;
  set_timer (self, delay_us);
}

/* ── what happens ── */

static void
on_started (LecternRelayRun *self)
{
  g_clear_pointer (&self->left, lectern_publisher_unref);
  self->begun_us = lectern_clock_now_us ();
  if (self->first_ran_us == 0)
    self->first_ran_us = self->begun_us;
  set_state (self, LECTERN_RELAY_RUNNING, NULL);
}

/* A pull on demand of what has ended, or is published here, has done its work. */
static gboolean
is_done (LecternRelayRun *self, LecternRelayCause cause, const GError *error)
{
  if (self->ending || (error == NULL && self->spec.stream != NULL))
    return TRUE;
  return self->spec.rule->mode == LECTERN_RELAY_ON_DEMAND
         && (error == NULL || cause == LECTERN_RELAY_TAKEN);
}

static gint64
get_delay (LecternRelayRun *self, const GError *error)
{
  gint64 delay_us
      = lectern_relay_backoff_next (&self->backoff, is_urgent (self, error), g_random_double ());

  /* What has ended in order is not there again at once. */
  return error == NULL ? MAX (delay_us, G_USEC_PER_SEC) : delay_us;
}

/* Whether whoever had the stream's name has gone before we heard of it. */
static gboolean
is_free (LecternRelayRun *self)
{
  g_autoptr (LecternStream) stream = lectern_stream_registry_lookup (
      lectern_host_get_streams (self->spec.host), self->spec.name);
  LecternStreamState state
      = stream != NULL ? lectern_stream_get_state (stream) : LECTERN_STREAM_ENDED;

  return state != LECTERN_STREAM_LIVE && state != LECTERN_STREAM_AWAY;
}

static void
on_ended (LecternRelayRun *self, const GError *error)
{
  LecternRelayCause cause = lectern_relay_transfer_get_cause (self->transfer);
  g_autoptr (LecternPublisher) left = lectern_relay_transfer_take_publisher (self->transfer);
  gint64 ran_us = lectern_clock_now_us () - self->begun_us;

  if (self->state == LECTERN_RELAY_RUNNING)
    lectern_relay_backoff_worked (&self->backoff, ran_us);
  drop_transfer (self);
  if (left != NULL && cause == LECTERN_RELAY_LOST)
    {
      g_clear_pointer (&self->left, lectern_publisher_unref);
      self->left = g_steal_pointer (&left);
    }
  if (error != NULL)
    count ("lectern_relay_failures_total", "Relays' tries that ended with an error");
  if (is_done (self, cause, error))
    {
      set_state (self, LECTERN_RELAY_IDLE, error);
      self->over (self, self->user_data);
    }
  else if (cause == LECTERN_RELAY_REFUSED)
    set_state (self, LECTERN_RELAY_FAILED, error);
  else if (cause == LECTERN_RELAY_TAKEN)
    {
      self->taken = g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
      self->put_off = !self->taken;
      wait_and_retry (self, error, self->taken && is_free (self) ? G_USEC_PER_SEC : TAKEN_US);
    }
  else
    wait_and_retry (self, error, get_delay (self, error));
}

static void
on_event (LecternRelayTransfer *transfer, LecternRelayEvent event, const GError *error,
          gpointer user_data)
{
  if (event == LECTERN_RELAY_STARTED)
    on_started (user_data);
  else
    on_ended (user_data, error);
}

/* The file may have become another one. */
static gboolean
is_let_through (LecternRelayRun *self)
{
  g_autoptr (GError) error = NULL;

  if (self->spec.fence == NULL
      || lectern_relay_fence_check_url (self->spec.fence, self->spec.url, &error))
    return TRUE;
  set_state (self, LECTERN_RELAY_FAILED, error);
  return FALSE;
}

static void
begin_try (LecternRelayRun *self)
{
  if (!is_let_through (self))
    return;
  self->attempts++;
  self->taken = self->put_off = FALSE;
  self->begun_us = lectern_clock_now_us ();
  count ("lectern_relay_tries_total", "Connections that relays have tried to make");
  set_state (self, LECTERN_RELAY_CONNECTING, NULL);
  self->transfer = lectern_relay_transfer_new (&self->spec, on_event, self);
}

/* ── life ── */

LecternRelayRun *
lectern_relay_run_new (const LecternRelayTransferSpec *spec, const char *query,
                       LecternRelayRunFunc over, gpointer user_data)
{
  LecternRelayRun *self = g_new0 (LecternRelayRun, 1);

  self->spec = *spec;
  g_object_ref (self->spec.host);
  lectern_relay_rule_ref (self->spec.rule);
  self->spec.name = g_strdup (spec->name);
  self->spec.via = g_strdup (spec->via);
  self->spec.url = lectern_relay_rule_make_url (spec->rule, spec->name, query);
  if (self->spec.stream != NULL)
    lectern_stream_ref (self->spec.stream);
  if (self->spec.fence != NULL)
    lectern_relay_fence_ref (self->spec.fence);
  self->over = over;
  self->user_data = user_data;
  begin_try (self);
  return self;
}

void
lectern_relay_run_free (LecternRelayRun *self)
{
  count_running (-(self->state == LECTERN_RELAY_RUNNING));
  g_clear_handle_id (&self->timer, g_source_remove);
  drop_transfer (self);
  give_up_stream (self);
  g_clear_pointer (&self->spec.stream, lectern_stream_unref);
  g_clear_pointer (&self->spec.fence, lectern_relay_fence_unref);
  lectern_relay_rule_unref (self->spec.rule);
  g_object_unref (self->spec.host);
  g_free ((char *) self->spec.name);
  g_free ((char *) self->spec.url);
  g_free ((char *) self->spec.via);
  g_free (self->error);
  g_free (self->told);
  g_free (self);
}

void
lectern_relay_run_poke (LecternRelayRun *self)
{
  gint64 passed_us = lectern_clock_now_us () - self->begun_us;

  if (self->state == LECTERN_RELAY_WAITING && !self->ending && !self->put_off)
    set_timer (self, MAX (POKE_US - passed_us, 0));
}

void
lectern_relay_run_name_is_free (LecternRelayRun *self)
{
  if (self->taken)
    lectern_relay_run_poke (self);
}

void
lectern_relay_run_reconsider (LecternRelayRun *self, LecternRelayFence *fence)
{
  LecternRelayFence *old = self->spec.fence;

  self->spec.fence = fence != NULL ? lectern_relay_fence_ref (fence) : NULL;
  if (old != NULL)
    lectern_relay_fence_unref (old);
  if (self->state == LECTERN_RELAY_FAILED && !self->ending)
    begin_try (self);
}

void
lectern_relay_run_wind_up (LecternRelayRun *self)
{
  self->ending = TRUE;
  set_timer (self, self->state == LECTERN_RELAY_RUNNING ? WIND_UP_US : 0);
}

static void
set_time (JsonObject *object, const char *name, gint64 wall_us)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
  g_autofree char *text = date != NULL ? g_date_time_format (date, "%Y-%m-%dT%H:%M:%SZ") : NULL;

  if (wall_us > 0 && text != NULL)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

static void
describe (JsonObject *object, LecternRelayState state, const char *error, gint64 since_us)
{
  json_object_set_string_member (object, "state", lectern_relay_state_get_name (state));
  if (error != NULL)
    json_object_set_string_member (object, "error", error);
  else
    json_object_set_null_member (object, "error");
  set_time (object, "since", since_us);
  set_time (object, "started", state == LECTERN_RELAY_RUNNING ? since_us : 0);
}

static void
describe_work (JsonObject *object, guint64 bytes, guint attempts, gint64 next_us)
{
  json_object_set_int_member (object, "bytes", (gint64) bytes);
  json_object_set_int_member (object, "attempts", attempts);
  set_time (object, "next_try", next_us);
}

void
lectern_relay_run_describe (LecternRelayRun *self, JsonObject *object)
{
  json_object_set_string_member (object, "stream", self->spec.name);
  describe (object, self->state, self->error, self->since_us);
  describe_work (object, lectern_relay_run_get_bytes (self), self->attempts, self->next_us);
}

void
lectern_relay_run_describe_none (const char *fault, JsonObject *object)
{
  describe (object, fault != NULL ? LECTERN_RELAY_FAILED : LECTERN_RELAY_IDLE, fault, 0);
  describe_work (object, 0, 0, 0);
}
