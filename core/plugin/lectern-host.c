/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin/lectern-host-private.h"

#include "access/lectern-key-guard.h"
#include "access/lectern-loop-guard.h"
#include "access/lectern-open-guard.h"
#include "access/lectern-token-guard.h"
#include "net/lectern-udp-port.h"
#include "plugin/lectern-build-tree.h"
#include "plugin/lectern-core-settings.h"
#include "plugin/lectern-doors.h"

#include <errno.h>
#include <unistd.h>

/* How often a stopping server looks whether its peers are gone. */
#define STOP_POLL_MS 10
/* A process that was killed ends as soon as the system gets to it. */
#define WORKER_END_US (2 * G_USEC_PER_SEC)
/* Asked in this order: what is never allowed, credentials, then the doors that are open to all. */
#define LOOP_PRIORITY 0
#define CREDENTIAL_PRIORITY 100
#define OPEN_PRIORITY 1000
#define ID_LENGTH 12

struct _LecternHost
{
  GObject parent_instance;

  GMutex lock; /* guards config, as the getters run in any thread */
  LecternConfig *config;
  char id[ID_LENGTH + 1];
  char *state_dir;
  LecternStore *store;
  LecternReactorPool *reactors;
  LecternGate *gate;
  LecternTls *tls;
  LecternDialer *dialer;
  LecternAccessChain *access;
  LecternOpenGuard *open_guard;
  LecternHttpServer *http;
  LecternSessions *sessions;
  LecternStreamRegistry *streams;
  LecternCarriers *carriers;
  LecternRelays *relays;
  LecternPresentations *presentations;
  LecternSegmentService *segments;
  LecternWorkers *workers;
  LecternDoors *doors;
  gboolean address_in_use;
  gboolean hurry;
  gboolean stopped;
};

G_DEFINE_FINAL_TYPE (LecternHost, lectern_host, G_TYPE_OBJECT)

static void
close_all (LecternHost *self)
{
  lectern_doors_clear (self->doors);
  if (self->reactors != NULL)
    lectern_reactor_pool_stop (self->reactors);
  if (self->store != NULL)
    lectern_store_close (self->store);
  self->stopped = TRUE;
}

static void
lectern_host_finalize (GObject *object)
{
  LecternHost *self = LECTERN_HOST (object);

  close_all (self);
  lectern_doors_free (self->doors);
  g_clear_object (&self->segments);
  g_clear_object (&self->presentations);
  g_clear_pointer (&self->workers, lectern_workers_unref);
  g_clear_object (&self->streams);
  g_clear_object (&self->sessions);
  g_clear_object (&self->http);
  g_clear_object (&self->open_guard);
  g_clear_object (&self->access);
  g_clear_pointer (&self->relays, lectern_relays_unref);
  g_clear_pointer (&self->carriers, lectern_carriers_unref);
  g_clear_pointer (&self->dialer, lectern_dialer_unref);
  g_clear_pointer (&self->tls, lectern_tls_unref);
  g_clear_pointer (&self->gate, lectern_gate_unref);
  g_clear_pointer (&self->reactors, lectern_reactor_pool_unref);
  g_clear_object (&self->store);
  g_clear_pointer (&self->config, lectern_config_unref);
  g_free (self->state_dir);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (lectern_host_parent_class)->finalize (object);
}

static void
lectern_host_class_init (LecternHostClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lectern_host_finalize;
}

static void
make_id (LecternHost *self)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

  for (guint i = 0; i < ID_LENGTH; i++)
    self->id[i] = letters[g_random_int_range (0, sizeof letters - 1)];
}

static void
lectern_host_init (LecternHost *self)
{
  g_mutex_init (&self->lock);
  make_id (self);
  self->carriers = lectern_carriers_new ();
  self->relays = lectern_relays_new ();
  self->doors = lectern_doors_new ();
}

LecternHost *
lectern_host_new (LecternConfig *config)
{
  LecternHost *self = g_object_new (LECTERN_TYPE_HOST, NULL);

  self->config = lectern_config_ref (config);
  return self;
}

char *
lectern_host_dup_state_dir (LecternConfig *config)
{
  const char *path = lectern_config_get_string (config, "server", "state-dir");

  if (path != NULL && path[0] != '\0')
    return g_strdup (path);
  if (lectern_build_tree_get_path () == NULL
      && (geteuid () == 0 || access (LECTERN_STATEDIR, W_OK) == 0))
    return g_strdup (LECTERN_STATEDIR);
  return g_build_filename (g_get_user_state_dir (), "lectern", NULL);
}

gboolean
lectern_host_make_state_dir (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0750) == 0 && access (path, R_OK | W_OK | X_OK) == 0)
    return TRUE;
  lectern_error_set_errno (error, errno, "cannot use the state directory '%s'", path);
  return FALSE;
}

static gboolean
open_state_dir (LecternHost *self, GError **error)
{
  self->state_dir = lectern_host_dup_state_dir (self->config);
  return lectern_host_make_state_dir (self->state_dir, error);
}

static gboolean
open_store (LecternHost *self, GError **error)
{
  g_autofree char *path = g_build_filename (self->state_dir, "core.db", NULL);

  self->store = lectern_store_open (path, error);
  return self->store != NULL;
}

static gboolean
open_tls (LecternHost *self, GError **error)
{
  const char *certificate = lectern_config_get_string (self->config, "server", "certificate");
  const char *key = lectern_config_get_string (self->config, "server", "certificate-key");

  if (certificate == NULL && key == NULL)
    return TRUE;
  if (certificate == NULL || key == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                           "[server] certificate and certificate-key are only of use together");
      return FALSE;
    }
  self->tls = lectern_tls_new (certificate, key, error);
  if (self->tls == NULL)
    return FALSE;
  lectern_tls_watch (self->tls);
  return TRUE;
}

static gboolean
open_dialer (LecternHost *self, GError **error)
{
  self->dialer
      = lectern_dialer_new (lectern_config_get_string (self->config, "server", "ca-file"), error);
  return self->dialer != NULL;
}

static void
set_gate_limits (LecternHost *self)
{
  lectern_gate_set_limits (
      self->gate, lectern_config_get_integer (self->config, "server", "connections-per-address"),
      lectern_config_get_integer (self->config, "server", "connects-per-address"),
      lectern_config_get_integer (self->config, "server", "connections"));
}

static void
set_open_doors (LecternHost *self)
{
  lectern_open_guard_set (self->open_guard,
                          lectern_config_get_boolean (self->config, "access", "open-play"),
                          lectern_config_get_boolean (self->config, "access", "open-publish"));
}

static gboolean
open_access (LecternHost *self, GError **error)
{
  g_autoptr (LecternLoopGuard) loops = lectern_loop_guard_new (self->id);
  g_autoptr (LecternKeyGuard) keys = lectern_key_guard_new (self->store);
  g_autofree char *token = lectern_token_load_or_create (self->state_dir, error);
  g_autoptr (LecternTokenGuard) tokens = NULL;

  if (token == NULL)
    return FALSE;
  tokens = lectern_token_guard_new (token);
  self->access = lectern_access_chain_new (
      lectern_config_get_duration (self->config, "access", "guard-timeout"));
  self->open_guard = lectern_open_guard_new (FALSE, FALSE);
  set_open_doors (self);
  lectern_access_chain_add_guard (self->access, LECTERN_GUARD (loops), LOOP_PRIORITY);
  lectern_access_chain_add_guard (self->access, LECTERN_GUARD (keys), CREDENTIAL_PRIORITY);
  lectern_access_chain_add_guard (self->access, LECTERN_GUARD (tokens), CREDENTIAL_PRIORITY);
  lectern_access_chain_add_guard (self->access, LECTERN_GUARD (self->open_guard), OPEN_PRIORITY);
  return TRUE;
}

static void
open_nouns (LecternHost *self)
{
  LecternHttpLimits http;
  LecternMediaLimits media;
  LecternSegmentTargets segments;
  g_autofree char *rewind = NULL;

  lectern_core_settings_read_http (self->config, &http);
  lectern_core_settings_read_media (self->config, &media);
  self->http = lectern_http_server_new (self->access, &http);
  lectern_http_server_set_origins (self->http,
                                   lectern_config_get_list (self->config, "http", "origins"));
  self->sessions = lectern_sessions_new ();
  self->streams = lectern_stream_registry_new (self->sessions, &media);
  lectern_core_settings_read_segment (self->config, &segments);
  self->presentations = lectern_presentations_new (self->streams, self->reactors, &segments);
  rewind = g_build_filename (self->state_dir, "rewind", NULL);
  lectern_presentations_set_folder (self->presentations, rewind);
  self->segments
      = lectern_segment_service_new (self->presentations, self->http, self->access, self->sessions);
}

static char *
find_worker_program (void)
{
  const char *tree = lectern_build_tree_get_path ();

  return tree != NULL ? g_build_filename (tree, "pipelines", "lectern-worker", NULL)
                      : g_build_filename (LECTERN_LIBEXECDIR, "lectern-worker", NULL);
}

static void
open_workers (LecternHost *self)
{
  g_autofree char *program = find_worker_program ();
  g_autofree char *registry = g_build_filename (self->state_dir, "gstreamer-registry.bin", NULL);
  LecternWorkersSettings settings;

  lectern_core_settings_read_workers (self->config, &settings);
  if (settings.program == NULL || settings.program[0] == '\0')
    settings.program = program;
  settings.registry = registry;
  self->workers = lectern_workers_new (&settings);
}

gboolean
lectern_host_open (LecternHost *self, GError **error)
{
  g_return_val_if_fail (self->reactors == NULL, FALSE);
  if (!open_state_dir (self, error) || !open_store (self, error) || !open_tls (self, error)
      || !open_dialer (self, error))
    return FALSE;
  self->reactors = lectern_reactor_pool_new (
      lectern_config_get_integer (self->config, "server", "threads"), error);
  if (self->reactors == NULL)
    return FALSE;
  self->gate = lectern_gate_new (0, 0, 0);
  set_gate_limits (self);
  if (!open_access (self, error))
    return FALSE;
  open_nouns (self);
  open_workers (self);
  return TRUE;
}

static gboolean
check_address (LecternHost *self, const char *address, gboolean secure, LecternAddress *parsed,
               GError **error)
{
  if (!secure || self->tls != NULL)
    return lectern_address_parse (address, parsed, error);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
               "listening on %s over TLS needs [server] certificate", address);
  return FALSE;
}

LecternListener *
lectern_host_add_listener (LecternHost *self, const char *name, const char *address,
                           gboolean secure, LecternListenerFunc func, gpointer user_data,
                           GDestroyNotify free_user_data, GError **error)
{
  g_autoptr (GError) reason = NULL;
  LecternListener *listener;
  LecternAddress parsed;

  if (!check_address (self, address, secure, &parsed, error))
    {
      if (free_user_data != NULL)
        free_user_data (user_data);
      return NULL;
    }
  listener = lectern_listener_new (&parsed, self->reactors, self->gate, secure ? self->tls : NULL,
                                   func, user_data, free_user_data, &reason);
  if (listener == NULL)
    {
      if (g_error_matches (reason, LECTERN_ERROR, LECTERN_ERROR_CONFLICT))
        self->address_in_use = TRUE;
      g_propagate_error (error, g_steal_pointer (&reason));
      return NULL;
    }
  lectern_doors_add (self->doors, name, listener);
  return listener;
}

void
lectern_host_remove_listener (LecternHost *self, LecternListener *listener)
{
  lectern_doors_remove (self->doors, listener);
}

gpointer
lectern_host_add_udp_door (LecternHost *self, const char *name, const char *address,
                           LecternAddress *found, GError **error)
{
  g_autoptr (GError) reason = NULL;
  LecternAddress wanted;

  if (!lectern_address_parse (address, &wanted, error))
    return NULL;
  if (lectern_udp_port_find (&wanted, found, &reason))
    return lectern_doors_add_other (self->doors, name, found);
  if (g_error_matches (reason, LECTERN_ERROR, LECTERN_ERROR_CONFLICT))
    self->address_in_use = TRUE;
  g_propagate_error (error, g_steal_pointer (&reason));
  return NULL;
}

void
lectern_host_remove_door (LecternHost *self, gpointer door)
{
  lectern_doors_remove_other (self->doors, door);
}

static gboolean
listen_http (LecternHost *self, const char *key, const char *name, gboolean secure, GError **error)
{
  const char *const *addresses = lectern_config_get_list (self->config, "http", key);

  for (guint i = 0; addresses != NULL && addresses[i] != NULL; i++)
    if (lectern_host_add_listener (self, name, addresses[i], secure, lectern_http_server_accept,
                                   g_object_ref (self->http), g_object_unref, error)
        == NULL)
      {
        g_prefix_error (error, "[http] %s: ", key);
        return FALSE;
      }
  return TRUE;
}

static void
mark_http (LecternHost *self)
{
  guint dscp = lectern_config_get_dscp (self->config, "http", "dscp");

  lectern_doors_set_dscp (self->doors, "http", dscp);
  lectern_doors_set_dscp (self->doors, "https", dscp);
}

gboolean
lectern_host_listen (LecternHost *self, GError **error)
{
  if (!listen_http (self, "listen", "http", FALSE, error)
      || !listen_http (self, "listen-tls", "https", TRUE, error))
    return FALSE;
  mark_http (self);
  return TRUE;
}

gboolean
lectern_host_get_address_in_use (LecternHost *self)
{
  return self->address_in_use;
}

GArray *
lectern_host_list_addresses (LecternHost *self)
{
  return lectern_doors_list_addresses (self->doors);
}

JsonNode *
lectern_host_describe_listeners (LecternHost *self)
{
  return lectern_doors_describe (self->doors);
}

static void
replace_config (LecternHost *self, LecternConfig *config)
{
  g_autoptr (LecternConfig) old = NULL;

  g_mutex_lock (&self->lock);
  old = g_steal_pointer (&self->config);
  self->config = lectern_config_ref (config);
  g_mutex_unlock (&self->lock);
}

gboolean
lectern_host_reload (LecternHost *self, LecternConfig *config, GError **error)
{
  LecternMediaLimits media;
  LecternSegmentTargets segments;
  LecternWorkersSettings workers;

  if (self->tls != NULL && !lectern_tls_reload (self->tls, error))
    return FALSE;
  lectern_core_settings_report_restarts (self->config, config);
  replace_config (self, config);
  set_gate_limits (self);
  lectern_core_settings_read_media (config, &media);
  lectern_stream_registry_set_limits (self->streams, &media);
  lectern_core_settings_read_segment (config, &segments);
  lectern_presentations_set_targets (self->presentations, &segments);
  lectern_core_settings_read_workers (config, &workers);
  lectern_workers_set (self->workers, workers.nice, workers.memory, workers.limit);
  lectern_http_server_set_origins (self->http, lectern_config_get_list (config, "http", "origins"));
  set_open_doors (self);
  mark_http (self);
  return TRUE;
}

static gboolean
keep_polling (gpointer unused)
{
  return G_SOURCE_CONTINUE;
}

/* Runs the main context until @is_done, the deadline, or lectern_host_hurry. */
static void
wait_until (LecternHost *self, gboolean (*is_done) (LecternHost *self), gint64 deadline_us)
{
  guint poll = g_timeout_add (STOP_POLL_MS, keep_polling, NULL);

  while (!self->hurry && g_get_monotonic_time () < deadline_us && !is_done (self))
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (poll);
}

static guint
count_connections (LecternHost *self)
{
  guint count = 0;

  for (guint i = 0; i < lectern_reactor_pool_get_size (self->reactors); i++)
    count += lectern_reactor_get_connections (lectern_reactor_pool_get (self->reactors, i));
  return count;
}

static guint
count_sessions (LecternHost *self, LecternSessionRole role)
{
  g_autoptr (GPtrArray) sessions = lectern_sessions_list (self->sessions, NULL);
  guint count = 0;

  for (guint i = 0; i < sessions->len; i++)
    count += lectern_session_get_role (sessions->pdata[i]) == role;
  return count;
}

/* Whether only connections are left that their plugin must close: viewers have taken what there
 * was, and requests that were on their way are answered, for which the plugins had to be there. */
static gboolean
plugins_may_stop (LecternHost *self)
{
  return count_sessions (self, LECTERN_SESSION_PLAY) == 0
         && count_connections (self) <= count_sessions (self, LECTERN_SESSION_CONNECT);
}

static gboolean
nobody_is_connected (LecternHost *self)
{
  return count_connections (self) == 0;
}

static gboolean
no_worker_runs (LecternHost *self)
{
  return lectern_workers_count (self->workers) == 0;
}

/* The plugins have told their workers to end; the reactors must be there until they have. */
static void
stop_workers (LecternHost *self, gint64 deadline_us)
{
  lectern_workers_close (self->workers);
  wait_until (self, no_worker_runs, deadline_us);
  lectern_workers_kill (self->workers);
  self->hurry = FALSE;
  wait_until (self, no_worker_runs, g_get_monotonic_time () + WORKER_END_US);
}

void
lectern_host_stop (LecternHost *self, LecternPluginList *plugins, gint64 timeout_us)
{
  gint64 deadline_us = g_get_monotonic_time () + timeout_us;

  if (self->stopped)
    return;
  if (self->streams != NULL)
    {
      lectern_doors_stop (self->doors);
      lectern_http_server_drain (self->http);
      lectern_stream_registry_end_all (self->streams);
      lectern_presentations_close (self->presentations);
      lectern_segment_service_close (self->segments);
      wait_until (self, plugins_may_stop, deadline_us);
    }
  if (plugins != NULL)
    lectern_plugin_list_stop (plugins);
  if (self->streams != NULL)
    {
      wait_until (self, nobody_is_connected, deadline_us);
      if (!nobody_is_connected (self))
        g_message ("%u connections were cut off", count_connections (self));
    }
  if (self->workers != NULL)
    stop_workers (self, deadline_us);
  close_all (self);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

void
lectern_host_hurry (LecternHost *self)
{
  self->hurry = TRUE;
}

LecternConfig *
lectern_host_get_config (LecternHost *self)
{
  LecternConfig *config;

  g_mutex_lock (&self->lock);
  config = lectern_config_ref (self->config);
  g_mutex_unlock (&self->lock);
  return config;
}

const char *
lectern_host_get_id (LecternHost *self)
{
  return self->id;
}

LecternReactorPool *
lectern_host_get_reactors (LecternHost *self)
{
  return self->reactors;
}

LecternGate *
lectern_host_get_gate (LecternHost *self)
{
  return self->gate;
}

LecternTls *
lectern_host_get_tls (LecternHost *self)
{
  return self->tls;
}

LecternAccessChain *
lectern_host_get_access (LecternHost *self)
{
  return self->access;
}

LecternHttpServer *
lectern_host_get_http (LecternHost *self)
{
  return self->http;
}

LecternStreamRegistry *
lectern_host_get_streams (LecternHost *self)
{
  return self->streams;
}

LecternDialer *
lectern_host_get_dialer (LecternHost *self)
{
  return self->dialer;
}

LecternCarriers *
lectern_host_get_carriers (LecternHost *self)
{
  return self->carriers;
}

LecternRelays *
lectern_host_get_relays (LecternHost *self)
{
  return self->relays;
}

LecternPresentations *
lectern_host_get_presentations (LecternHost *self)
{
  return self->presentations;
}

LecternSegmentService *
lectern_host_get_segments (LecternHost *self)
{
  return self->segments;
}

LecternWorkers *
lectern_host_get_workers (LecternHost *self)
{
  return self->workers;
}

LecternSessions *
lectern_host_get_sessions (LecternHost *self)
{
  return self->sessions;
}

LecternStore *
lectern_host_get_store (LecternHost *self)
{
  return self->store;
}

const char *
lectern_host_get_state_dir (LecternHost *self)
{
  return self->state_dir;
}

char *
lectern_host_find_data (LecternHost *self, const char *name)
{
  const char *tree = lectern_build_tree_get_path ();
  g_autofree char *found = NULL;

  if (tree == NULL)
    found = g_build_filename (LECTERN_DATADIR, name, NULL);
  else
    {
      found = g_build_filename (lectern_build_tree_get_source (), "plugins", name, NULL);
      if (!g_file_test (found, G_FILE_TEST_EXISTS))
        {
          g_free (found);
          found = g_build_filename (tree, "plugins", name, NULL);
        }
    }
  return g_file_test (found, G_FILE_TEST_EXISTS) ? g_steal_pointer (&found) : NULL;
}
