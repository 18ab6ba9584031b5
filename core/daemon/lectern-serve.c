/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-serve.h"

#include "daemon/lectern-notify.h"
#include "daemon/lectern-pid-file.h"
#include "plugin/lectern-host-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct
{
  const LecternOptions *options;
  LecternSetup setup;
  LecternHost *host;
  GMainLoop *loop;
  const char *ready_file; /* (nullable) */
  int pid_file;
  gboolean stopping;
  gint silent; /* reactors that have not answered the watchdog */
} Server;

/* As many as we may have, or as many as the operator wants. */
static void
raise_descriptor_limit (LecternConfig *config)
{
  gint64 wanted = lectern_config_get_integer (config, "server", "descriptors");
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  if (wanted > 0 && (rlim_t) wanted > limit.rlim_max)
    g_warning ("[server] descriptors is %" G_GINT64_FORMAT
               ", and the system allows %" G_GUINT64_FORMAT,
               wanted, (guint64) limit.rlim_max);
  limit.rlim_cur = wanted > 0 ? MIN ((rlim_t) wanted, limit.rlim_max) : limit.rlim_max;
  if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
    g_warning ("cannot raise the limit of descriptors: %s", g_strerror (errno));
}

static gboolean
write_text (const char *path, const char *text, GError **error)
{
  if (g_file_set_contents (path, text, -1, error))
    return TRUE;
  lectern_error_convert (error);
  return FALSE;
}

/* Tells the other subcommands, and who waits for the start, where the server listens. */
static gboolean
write_listeners (Server *self, GError **error)
{
  g_autoptr (JsonNode) listeners = lectern_host_describe_listeners (self->host);
  g_autoptr (GBytes) text = lectern_json_print (listeners);
  g_autofree char *line = g_strdup_printf ("%.*s\n", (int) g_bytes_get_size (text),
                                           (const char *) g_bytes_get_data (text, NULL));
  g_autofree char *path = g_build_filename (lectern_host_get_state_dir (self->host),
                                            LECTERN_HOST_LISTENERS_FILE, NULL);

  return write_text (path, line, error)
         && (self->ready_file == NULL || write_text (self->ready_file, line, error));
}

static void
report_listener (JsonObject *object, const char *name, JsonNode *addresses, gpointer unused)
{
  g_message ("%s on %s", name, json_node_get_string (addresses));
}

static void
report_start (Server *self)
{
  g_autoptr (JsonNode) listeners = lectern_host_describe_listeners (self->host);
  g_autoptr (GPtrArray) plugins = lectern_plugin_list_get_all (self->setup.plugins);
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < plugins->len; i++)
    {
      const LecternPluginInfo *info = g_ptr_array_index (plugins, i);

      if (info->state == LECTERN_PLUGIN_STATE_STARTED)
        g_string_append_printf (names, " %s", info->name);
    }
  g_message ("Lectern %s, data in %s", LECTERN_VERSION, lectern_host_get_state_dir (self->host));
  g_message ("plugins:%s", names->len > 0 ? names->str : " none");
  json_object_foreach_member (json_node_get_object (listeners), report_listener, NULL);
}

static void
report_open_doors (LecternConfig *config)
{
  if (lectern_config_get_boolean (config, "access", "open-publish"))
    g_message ("insecure: anybody may publish, as [access] open-publish is true");
}

static gboolean
on_terminate (gpointer user_data)
{
  Server *self = user_data;

  if (self->stopping)
    lectern_host_hurry (self->host);
  self->stopping = TRUE;
  g_main_loop_quit (self->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
take_settings (Server *self, GError **error)
{
  g_autoptr (LecternConfig) before = lectern_host_get_config (self->host);
  g_autoptr (LecternConfig) after = lectern_setup_load_config (&self->setup, self->options, error);

  return after != NULL && lectern_host_reload (self->host, after, error)
         && lectern_plugin_list_reload (self->setup.plugins, before, after, error);
}

static gboolean
on_reload (gpointer user_data)
{
  Server *self = user_data;
  g_autofree char *state
      = g_strdup_printf ("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());
  g_autoptr (LecternConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  if (self->stopping)
    return G_SOURCE_CONTINUE;
  lectern_notify (state);
  if (take_settings (self, &error) && write_listeners (self, &error))
    g_message ("the settings were read again and are in force");
  else
    g_warning ("the settings stay as they were: %s", error->message);
  config = lectern_host_get_config (self->host);
  report_open_doors (config);
  lectern_notify ("READY=1");
  return G_SOURCE_CONTINUE;
}

static void
answer_watchdog (gpointer server)
{
  g_atomic_int_add (&((Server *) server)->silent, -1);
}

/* The watchdog is only fed while every reactor has answered since it was fed last. */
static gboolean
on_watchdog (gpointer user_data)
{
  Server *self = user_data;
  LecternReactorPool *pool = lectern_host_get_reactors (self->host);
  guint count = pool != NULL ? lectern_reactor_pool_get_size (pool) : 0;

  if (g_atomic_int_get (&self->silent) > 0)
    {
      g_warning ("%d threads do not answer", g_atomic_int_get (&self->silent));
      return G_SOURCE_CONTINUE;
    }
  g_atomic_int_set (&self->silent, (gint) count);
  for (guint i = 0; i < count; i++)
    lectern_reactor_post (lectern_reactor_pool_get (pool, i), answer_watchdog, self, NULL);
  lectern_notify ("WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

static void
watch_signals (Server *self)
{
  guint interval_ms = lectern_notify_get_watchdog_interval ();

  signal (SIGPIPE, SIG_IGN);
  g_unix_signal_add (SIGTERM, on_terminate, self);
  g_unix_signal_add (SIGINT, on_terminate, self);
  g_unix_signal_add (SIGHUP, on_reload, self);
  if (interval_ms > 0)
    g_timeout_add (interval_ms, on_watchdog, self);
}

/* Returns: the exit code for a start that failed with @error. */
static LecternExit
classify (Server *self, const GError *error, gboolean opening)
{
  if (lectern_host_get_address_in_use (self->host))
    return LECTERN_EXIT_ADDRESS_IN_USE;
  if (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG))
    return LECTERN_EXIT_CONFIG;
  if (opening && g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA))
    return LECTERN_EXIT_DATA_DAMAGED;
  return LECTERN_EXIT_FAILED;
}

static LecternExit
start (Server *self, GError **error)
{
  g_autoptr (GError) reason = NULL;
  gboolean opened = lectern_host_open (self->host, &reason);

  if (opened)
    self->pid_file = lectern_pid_file_take (lectern_host_get_state_dir (self->host), &reason);
  if (self->pid_file >= 0 && lectern_plugin_list_start (self->setup.plugins, self->host, &reason)
      && lectern_host_listen (self->host, &reason) && write_listeners (self, &reason))
    return LECTERN_EXIT_OK;
  g_propagate_error (error, g_error_copy (reason));
  return classify (self, reason, !opened);
}

static void
run (Server *self)
{
  g_autoptr (LecternConfig) config = NULL;

  if (!self->stopping)
    g_main_loop_run (self->loop);
  lectern_notify ("STOPPING=1");
  config = lectern_host_get_config (self->host);
  g_message ("stopping");
  lectern_host_stop (self->host, self->setup.plugins,
                     lectern_config_get_duration (config, "server", "drain-timeout"));
  g_message ("stopped");
}

static LecternExit
serve (Server *self, LecternServeFunc started, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  LecternExit code;

  if (!lectern_setup_load (&self->setup, self->options, &error))
    return lectern_command_fail (error);
  raise_descriptor_limit (self->setup.config);
  self->host = lectern_host_new (self->setup.config);
  self->loop = g_main_loop_new (NULL, FALSE);
  watch_signals (self);
  code = start (self, &error);
  if (code == LECTERN_EXIT_OK)
    {
      report_start (self);
      report_open_doors (self->setup.config);
      lectern_notify ("READY=1");
      if (started != NULL)
        started (self->host, self->setup.plugins, user_data);
      run (self);
      return code;
    }
  lectern_command_fail (error);
  lectern_host_stop (self->host, self->setup.plugins, 0);
  return code;
}

LecternExit
lectern_serve_run (const LecternOptions *options, const char *ready_file, LecternServeFunc started,
                   gpointer user_data)
{
  Server self = { .options = options, .ready_file = ready_file, .pid_file = -1 };
  LecternExit code = serve (&self, started, user_data);

  g_clear_object (&self.host);
  lectern_setup_clear (&self.setup);
  g_clear_pointer (&self.loop, g_main_loop_unref);
  if (self.pid_file >= 0)
    close (self.pid_file);
  return code;
}

LecternExit
lectern_command_serve (int argc, char **argv)
{
  g_auto (LecternOptions) options = { NULL };
  g_autofree char *ready_file = NULL;
  const GOptionEntry own[] = {
    { "ready-file", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_FILENAME, &ready_file,
      N_ ("Write the addresses as JSON to FILE once the server listens"), N_ ("FILE") },
    { NULL },
  };

  if (!lectern_options_parse (
          &options, "",
          _ ("Runs the server until SIGTERM or Ctrl-C; the second one ends it at "
             "once. SIGHUP makes it read its settings again."),
          own, 0, 0, &argc, &argv))
    return LECTERN_EXIT_USAGE;
  return lectern_serve_run (&options, ready_file, NULL, NULL);
}
