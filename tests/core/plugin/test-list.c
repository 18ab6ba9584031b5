/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules good and bad, through the real loader, in a real host. */
#include "base/lectern-clock.h"
#include "plugin/lectern-core-settings.h"
#include "plugin/lectern-host-private.h"

#include <glib/gstdio.h>

#include <string.h>

/* ── the log ─────────────────────────────────────────────────────────────────────────────────────
 */

static GMutex log_lock;
static GString *warnings;

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer unused)
{
  if (!(level & (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR)))
    return G_LOG_WRITER_HANDLED;
  if (!(level & G_LOG_LEVEL_WARNING))
    return g_log_writer_default (level, fields, n_fields, NULL);
  g_mutex_lock (&log_lock);
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE"))
      g_string_append_printf (warnings, "%s\n", (const char *) fields[i].value);
  g_mutex_unlock (&log_lock);
  return G_LOG_WRITER_HANDLED;
}

/* The warnings so far must match @pattern; they are then forgotten. */
static void
assert_warnings (const char *pattern)
{
  g_mutex_lock (&log_lock);
  if (!g_pattern_match_simple (pattern, warnings->str))
    g_test_fail_printf ("warnings are not '%s' but:\n%s", pattern, warnings->str);
  g_string_truncate (warnings, 0);
  g_mutex_unlock (&log_lock);
}

/* ── the house ───────────────────────────────────────────────────────────────────────────────────
 */

typedef struct
{
  char *folder;
  LecternPluginList *list;
  LecternSchema *schema;
  LecternConfig *config;
  LecternHost *host;
  GString *journal;
} House;

static char *
remove_folder (char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);

      if (g_unlink (inner) != 0)
        g_rmdir (inner);
    }
  g_rmdir (path);
  g_free (path);
  return NULL;
}

/* @settings: "plugins.good=true rich.word=x", separated by spaces. */
static LecternConfig *
load (House *self, const char *settings, GError **error)
{
  g_autofree char *all = g_strconcat (
      "server.threads=1 http.listen= server.state-dir=", self->folder, "/state ", settings, NULL);
  g_auto (GStrv) overrides = g_strsplit (g_strchomp (all), " ", -1);

  return lectern_config_load (self->schema, NULL, NULL, (const char *const *) overrides, error);
}

static void
house_find (House *self, const char *modules)
{
  g_autoptr (GError) error = NULL;

  *self = (House){ .folder = g_dir_make_tmp ("lectern-test-XXXXXX", NULL) };
  self->list = lectern_plugin_list_new (modules);
  self->schema = lectern_schema_new ();
  lectern_core_settings_extend (self->schema, &error);
  g_assert_no_error (error);
  lectern_plugin_list_extend_schema (self->list, self->schema, &error);
  g_assert_no_error (error);
}

static void
house_open (House *self, const char *settings)
{
  g_autoptr (GError) error = NULL;

  house_find (self, FAKE_FOLDER);
  self->config = load (self, settings, &error);
  g_assert_no_error (error);
  self->host = lectern_host_new (self->config);
  lectern_host_open (self->host, &error);
  g_assert_no_error (error);
  self->journal = g_string_new (NULL);
  g_object_set_data (G_OBJECT (self->host), "journal", self->journal);
}

static void
house_start (House *self, const char *settings)
{
  g_autoptr (GError) error = NULL;

  house_open (self, settings);
  lectern_plugin_list_start (self->list, self->host, &error);
  g_assert_no_error (error);
}

/* Takes the settings as SIGHUP would. */
static gboolean
house_reload (House *self, const char *settings, GError **error)
{
  g_autoptr (LecternConfig) before = lectern_host_get_config (self->host);
  g_autoptr (GError) problem = NULL;
  g_autoptr (LecternConfig) after = load (self, settings, &problem);

  g_assert_no_error (problem);
  lectern_host_reload (self->host, after, &problem);
  g_assert_no_error (problem);
  return lectern_plugin_list_reload (self->list, before, after, error);
}

static void
house_close (House *self)
{
  g_autofree char *state = g_build_filename (self->folder, "state", NULL);

  if (self->host != NULL)
    {
      lectern_host_stop (self->host, self->list, G_USEC_PER_SEC);
      /* Plugins hold the host, so this shows that none is left. */
      g_object_add_weak_pointer (G_OBJECT (self->host), (gpointer *) &self->host);
    }
  lectern_plugin_list_free (self->list);
  if (self->host != NULL)
    g_object_unref (self->host);
  g_assert_null (self->host);
  g_clear_pointer (&self->config, lectern_config_unref);
  lectern_schema_unref (self->schema);
  if (self->journal != NULL)
    g_string_free (self->journal, TRUE);
  remove_folder (g_steal_pointer (&state));
  remove_folder (self->folder);
  assert_warnings ("");
}

static void
assert_journal (House *self, const char *expected)
{
  g_assert_cmpstr (self->journal->str, ==, expected);
  g_string_truncate (self->journal, 0);
}

static const LecternPluginInfo *
get_info (House *self, const char *name)
{
  g_autoptr (GPtrArray) all = lectern_plugin_list_get_all (self->list);

  for (guint i = 0; i < all->len; i++)
    {
      const LecternPluginInfo *info = g_ptr_array_index (all, i);

      if (g_str_equal (info->name, name))
        return info;
    }
  g_assert_not_reached ();
}

static void
assert_state (House *self, const char *name, LecternPluginState state)
{
  g_assert_cmpint (get_info (self, name)->state, ==, state);
}

/* ── order ───────────────────────────────────────────────────────────────────────────────────────
 */

static void
test_order (void)
{
  House house;

  house_start (&house,
               "plugins.needy=true plugins.follower=true plugins.good=true plugins.early=true");
  assert_journal (&house, "early start;good start;follower start;needy start;");
  assert_state (&house, "good", LECTERN_PLUGIN_STATE_STARTED);
  assert_state (&house, "rich", LECTERN_PLUGIN_STATE_DISABLED);
  lectern_plugin_list_stop (house.list);
  assert_journal (&house, "needy stop;follower stop;good stop;early stop;");
  assert_state (&house, "good", LECTERN_PLUGIN_STATE_STOPPED);
  house_close (&house);
}

static void
test_stop_twice (void)
{
  House house;

  house_start (&house, "plugins.good=true");
  lectern_plugin_list_stop (house.list);
  lectern_plugin_list_stop (house.list);
  assert_journal (&house, "good start;good stop;");
  house_close (&house);
}

static void
test_circle (void)
{
  House house;

  house_start (&house, "plugins.circle-a=true plugins.circle-b=true plugins.good=true");
  assert_warnings ("*plugin 'circle-*': it needs others in a circle: circle-a → circle-b → "
                   "circle-a; the server goes on without it\n*plugin 'circle-*");
  assert_state (&house, "circle-a", LECTERN_PLUGIN_STATE_FAILED);
  assert_state (&house, "circle-b", LECTERN_PLUGIN_STATE_FAILED);
  assert_journal (&house, "good start;");
  house_close (&house);
}

static void
test_missing_need (void)
{
  House house;

  house_start (&house, "plugins.lonely=true plugins.needy=true");
  assert_warnings ("plugin 'lonely': it needs 'no-such-plugin', which is not there; *\n"
                   "plugin 'needy': it needs 'good', which is not enabled; *\n");
  assert_journal (&house, "");
  house_close (&house);
}

/* ── failures ────────────────────────────────────────────────────────────────────────────────────
 */

static void
test_start_fails (void)
{
  House house;

  house_start (&house, "plugins.failing=true plugins.good=true");
  assert_warnings ("plugin 'failing': I was built to fail; the server goes on without it\n");
  assert_state (&house, "failing", LECTERN_PLUGIN_STATE_FAILED);
  g_assert_cmpstr (get_info (&house, "failing")->error->message, ==,
                   "plugin 'failing': I was built to fail");
  assert_journal (&house, "failing start;good start;");
  house_close (&house);
}

static void
test_start_fails_silently (void)
{
  House house;

  house_start (&house, "plugins.silent=true");
  assert_warnings ("plugin 'silent': start failed without an error; *\n");
  house_close (&house);
}

static void
test_start_succeeds_with_error (void)
{
  House house;

  house_start (&house, "plugins.chatty=true");
  assert_warnings ("plugin 'chatty': start succeeded and yet set an error: I was built to fail\n");
  assert_state (&house, "chatty", LECTERN_PLUGIN_STATE_STARTED);
  house_close (&house);
}

static gint64
leap (void)
{
  static gint64 now_us;

  return __atomic_add_fetch (&now_us, 6 * G_USEC_PER_SEC, __ATOMIC_RELAXED);
}

static void
test_slow_start (void)
{
  House house;

  house_open (&house, "plugins.good=true");
  lectern_clock_set_for_test (leap, NULL);
  lectern_plugin_list_start (house.list, house.host, NULL);
  lectern_clock_set_for_test (NULL, NULL);
  assert_warnings ("plugin 'good': start took *000 ms, and the whole server waited for it\n");
  assert_state (&house, "good", LECTERN_PLUGIN_STATE_STARTED);
  house_close (&house);
}

static void
assert_start_refused (const char *settings, const char *message)
{
  g_autoptr (GError) error = NULL;
  House house;

  house_open (&house, settings);
  g_assert_false (lectern_plugin_list_start (house.list, house.host, &error));
  g_assert_cmpstr (error->message, ==, message);
  assert_state (&house, "early", LECTERN_PLUGIN_STATE_STOPPED);
  house_close (&house);
}

static void
test_required (void)
{
  assert_start_refused ("plugins.early=true plugins.failing=true server.required=failing",
                        "plugin 'failing': I was built to fail");
  assert_start_refused ("plugins.early=true plugins.lonely=true server.required=lonely;early",
                        "plugin 'lonely': it needs 'no-such-plugin', which is not there");
  assert_start_refused ("plugins.early=true server.required=good",
                        "plugin 'good' stands in [server] required and is not enabled");
  assert_start_refused ("plugins.early=true server.required=no-such-plugin",
                        "plugin 'no-such-plugin' stands in [server] required and was not found");
}

static void
test_unknown_setting (void)
{
  g_autoptr (GError) error = NULL;
  House house;

  house_find (&house, FAKE_FOLDER);
  g_assert_null (load (&house, "good.wrod=x", &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
  g_assert_nonnull (strstr (error->message, "'word'"));
  g_clear_error (&error);
  g_assert_null (load (&house, "good.number=10", &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
  g_assert_nonnull (strstr (error->message, "1 … 9"));
  house_close (&house);
}

/* ── registrations ───────────────────────────────────────────────────────────────────────────────
 */

static guint
count_listeners (House *house)
{
  g_autoptr (JsonNode) listeners = lectern_host_describe_listeners (house->host);

  return json_object_get_size (json_node_get_object (listeners));
}

static void
answer (LecternHttpExchange *exchange, gpointer unused)
{
}

/* Whether nobody holds the fake plugin's route. */
static gboolean
route_is_free (House *house)
{
  LecternHttpServer *http = lectern_host_get_http (house->host);
  guint id = lectern_http_server_add_route (http, "GET", "/rich", LECTERN_ACTION_PUBLIC, NULL,
                                            answer, NULL, NULL, NULL);

  if (id != 0)
    lectern_http_server_remove_route (http, id);
  return id != 0;
}

static gboolean
is_carried (House *house)
{
  return lectern_carriers_can (lectern_host_get_carriers (house->host), LECTERN_CARRY_PULL,
                               "rich://host/a");
}

static void
test_undo (void)
{
  House house;

  house_start (&house, "plugins.rich=true rich.listen=127.0.0.1:0;127.0.0.1:0");
  while (strstr (house.journal->str, "tick") == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (route_is_free (&house));
  g_assert_true (is_carried (&house));
  g_assert_cmpuint (count_listeners (&house), ==, 1);
  g_string_truncate (house.journal, 0);
  lectern_plugin_list_stop (house.list);
  g_assert_true (route_is_free (&house));
  g_assert_false (is_carried (&house));
  g_assert_cmpuint (count_listeners (&house), ==, 0);
  g_usleep (2000);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  assert_journal (&house, "rich stop;rich undo;");
  house_close (&house);
}

/* A start that fails half-way leaves nothing behind, and its stop is not called. */
static void
test_undo_after_failure (void)
{
  g_autoptr (LecternListener) listener = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *address = NULL;
  g_autofree char *settings = NULL;
  LecternAddress any;
  House house;

  house_start (&house, "");
  lectern_address_parse ("127.0.0.1:0", &any, NULL);
  listener
      = lectern_listener_new (&any, lectern_host_get_reactors (house.host),
                              lectern_host_get_gate (house.host), NULL, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  address = lectern_address_to_string (lectern_listener_get_address (listener));
  settings = g_strconcat ("plugins.rich=true rich.listen=", address, NULL);
  g_assert_false (house_reload (&house, settings, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  g_assert_nonnull (strstr (error->message, address));
  g_assert_true (g_str_has_prefix (error->message, "plugin 'rich': "));
  assert_journal (&house, "rich start;rich undo;");
  g_assert_true (route_is_free (&house));
  assert_state (&house, "rich", LECTERN_PLUGIN_STATE_DISABLED);
  lectern_listener_stop (listener);
  house_close (&house);
}

/* An address in use is fatal at the start, as another server is then running. */
static void
test_address_in_use (void)
{
  g_autoptr (LecternListener) listener = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *address = NULL;
  g_autofree char *settings = NULL;
  LecternAddress any;
  House first, second;

  house_open (&first, "");
  lectern_address_parse ("127.0.0.1:0", &any, NULL);
  listener
      = lectern_listener_new (&any, lectern_host_get_reactors (first.host),
                              lectern_host_get_gate (first.host), NULL, NULL, NULL, NULL, &error);
  address = lectern_address_to_string (lectern_listener_get_address (listener));
  settings = g_strconcat ("plugins.rich=true rich.listen=", address, NULL);
  house_open (&second, settings);
  g_assert_false (lectern_plugin_list_start (second.list, second.host, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  g_assert_true (lectern_host_get_address_in_use (second.host));
  lectern_listener_stop (listener);
  house_close (&second);
  house_close (&first);
}

/* ── reload ──────────────────────────────────────────────────────────────────────────────────────
 */

static void
test_reload (void)
{
  g_autoptr (GError) error = NULL;
  House house;

  house_start (&house, "plugins.good=true plugins.rich=true");
  assert_journal (&house, "good start;rich start;");
  g_assert_true (
      house_reload (&house, "plugins.good=true plugins.rich=true good.word=new", &error));
  g_assert_no_error (error);
  assert_journal (&house, "good reload new;");
  house_close (&house);
}

static void
test_reload_starts_and_stops (void)
{
  g_autoptr (GError) error = NULL;
  House house;

  house_start (&house, "plugins.good=true plugins.needy=true");
  assert_journal (&house, "good start;needy start;");
  g_assert_true (house_reload (&house, "plugins.early=true plugins.follower=true", &error));
  g_assert_no_error (error);
  assert_journal (&house, "early start;follower start;needy stop;good stop;");
  assert_state (&house, "good", LECTERN_PLUGIN_STATE_DISABLED);
  assert_state (&house, "early", LECTERN_PLUGIN_STATE_STARTED);
  house_close (&house);
}

static void
test_reload_is_whole_or_not_at_all (void)
{
  g_autoptr (LecternConfig) before = NULL;
  g_autoptr (LecternConfig) now = NULL;
  g_autoptr (GError) error = NULL;
  House house;

  house_start (&house, "plugins.good=true plugins.stubborn=true");
  before = lectern_host_get_config (house.host);
  g_string_truncate (house.journal, 0);
  g_assert_false (house_reload (&house,
                                "plugins.good=true plugins.stubborn=true plugins.early=true "
                                "good.word=new stubborn.word=new",
                                &error));
  g_assert_cmpstr (error->message, ==, "plugin 'stubborn': I was built to fail");
  assert_journal (&house, "good reload new;stubborn reload new;stubborn reload old;"
                          "good reload old;");
  now = lectern_host_get_config (house.host);
  g_assert_true (now == before);
  assert_state (&house, "early", LECTERN_PLUGIN_STATE_DISABLED);
  house_close (&house);
}

static void
test_reload_undoes_what_it_started (void)
{
  g_autoptr (GError) error = NULL;
  House house;

  house_start (&house, "plugins.good=true");
  g_string_truncate (house.journal, 0);
  g_assert_false (
      house_reload (&house, "plugins.good=true plugins.early=true plugins.failing=true", &error));
  g_assert_cmpstr (error->message, ==, "plugin 'failing': I was built to fail");
  assert_journal (&house, "early start;failing start;early stop;");
  assert_state (&house, "good", LECTERN_PLUGIN_STATE_STARTED);
  assert_state (&house, "early", LECTERN_PLUGIN_STATE_DISABLED);
  house_close (&house);
}

static void
test_reload_keeps_what_is_needed (void)
{
  g_autoptr (GError) error = NULL;
  House house;

  house_start (&house, "plugins.good=true plugins.needy=true");
  g_string_truncate (house.journal, 0);
  g_assert_false (house_reload (&house, "plugins.needy=true", &error));
  g_assert_cmpstr (error->message, ==, "plugin 'needy': it needs 'good', which is not enabled");
  assert_journal (&house, "");
  house_close (&house);
}

/* ── refused modules ─────────────────────────────────────────────────────────────────────────────
 */

static void
assert_refused (House *house, const char *name, const char *pattern)
{
  const LecternPluginInfo *info = get_info (house, name);

  g_assert_cmpint (info->state, ==, LECTERN_PLUGIN_STATE_REFUSED);
  g_assert_null (info->descriptor);
  if (!g_pattern_match_simple (pattern, info->error->message))
    g_test_fail_printf ("'%s' was refused with '%s', not '%s'", name, info->error->message,
                        pattern);
}

static void
test_refused (void)
{
  g_autofree char *proof = g_build_filename (g_get_tmp_dir (), "lectern-test-proof", NULL);
  House house;

  g_unlink (proof);
  g_setenv ("LECTERN_TEST_PROOF", proof, TRUE);
  house_find (&house, REFUSED_FOLDER);
  assert_refused (&house, "wrong-abi", "made for plugin interface 999, and this server has 1: *");
  assert_refused (&house, "no-note", "not a Lectern plugin (it has no plugin note)");
  assert_refused (&house, "short-note", "the ELF file is damaged");
  assert_refused (&house, "missing-symbol", "*lectern_test_no_such_function*");
  g_assert_false (g_file_test (proof, G_FILE_TEST_EXISTS));
  assert_refused (&house, "no-descriptor", "it exports no lectern_plugin_descriptor");
  assert_refused (&house, "misnamed", "it calls itself 'another', and its file is named *");
  assert_refused (&house, "wrong-size", "its descriptor is wrong: its size *");
  assert_refused (&house, "wrong-setting", "its descriptor is wrong: the default of 'number': *");
  house_close (&house);
}

/* A file cut anywhere is refused before the loader maps what is not there. */
static void
test_cut_files (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lectern-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "cut.so", NULL);
  g_autofree char *whole = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (FAKE_FOLDER "/good.so", &whole, &size, NULL));
  for (gsize length = 0; length < size; length += MAX (1, length / 8))
    {
      House house;

      g_assert_true (g_file_set_contents (path, whole, length, NULL));
      house_find (&house, folder);
      if (get_info (&house, "cut")->descriptor != NULL)
        g_test_fail_printf ("accepted when cut to %" G_GSIZE_FORMAT " bytes", length);
      house_close (&house);
    }
  remove_folder (g_steal_pointer (&folder));
}

static void
test_foreign_files (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lectern-test-XXXXXX", NULL);
  g_autofree char *text = g_build_filename (folder, "text.so", NULL);
  g_autofree char *strange = g_build_filename (folder, "St range.so", NULL);
  g_autoptr (GPtrArray) all = NULL;
  House house;

  g_assert_true (g_file_set_contents (text, "#!/bin/sh\n", -1, NULL));
  g_assert_true (g_file_set_contents (strange, "#!/bin/sh\n", -1, NULL));
  house_find (&house, folder);
  all = lectern_plugin_list_get_all (house.list);
  g_assert_cmpuint (all->len, ==, 1);
  assert_refused (&house, "text", "not an ELF file");
  house_close (&house);
  remove_folder (g_steal_pointer (&folder));
}

static void
test_earlier_folder_wins (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lectern-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "good.so", NULL);
  g_autofree char *folders = g_strconcat (folder, "::/no/such/folder:", FAKE_FOLDER, NULL);
  House house;

  g_assert_true (g_file_set_contents (path, "mine", -1, NULL));
  house_find (&house, folders);
  g_assert_cmpstr (get_info (&house, "good")->path, ==, path);
  assert_refused (&house, "good", "not an ELF file");
  g_assert_nonnull (get_info (&house, "rich")->descriptor);
  house_close (&house);
  remove_folder (g_steal_pointer (&folder));
}

/* Refused modules of a running server: named in the log, fatal only when required. */
static void
test_refused_at_start (void)
{
  g_autoptr (GError) error = NULL;
  House house;

  house_open (&house, "");
  lectern_plugin_list_free (house.list);
  house.list = lectern_plugin_list_new (REFUSED_FOLDER);
  g_assert_true (lectern_plugin_list_start (house.list, house.host, &error));
  g_assert_no_error (error);
  assert_warnings (
      "plugin 'misnamed' (*/misnamed.so): it calls itself *; the server goes on without "
      "it\n*plugin 'wrong-abi' (*");
  house_close (&house);
}

int
main (int argc, char **argv)
{
  warnings = g_string_new (NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin/list/starts-by-needs-and-after-and-stops-backwards", test_order);
  g_test_add_func ("/plugin/list/stops-once", test_stop_twice);
  g_test_add_func ("/plugin/list/names-a-circle", test_circle);
  g_test_add_func ("/plugin/list/names-a-missing-need", test_missing_need);
  g_test_add_func ("/plugin/list/goes-on-without-a-failing-plugin", test_start_fails);
  g_test_add_func ("/plugin/list/a-silent-failure-becomes-an-error", test_start_fails_silently);
  g_test_add_func ("/plugin/list/reports-an-error-of-a-success", test_start_succeeds_with_error);
  g_test_add_func ("/plugin/list/reports-a-slow-start", test_slow_start);
  g_test_add_func ("/plugin/list/refuses-to-start-without-what-is-required", test_required);
  g_test_add_func ("/plugin/list/refuses-an-unknown-setting", test_unknown_setting);
  g_test_add_func ("/plugin/list/undoes-registrations-after-stop", test_undo);
  g_test_add_func ("/plugin/list/undoes-registrations-of-a-failed-start", test_undo_after_failure);
  g_test_add_func ("/plugin/list/an-address-in-use-is-fatal-at-start", test_address_in_use);
  g_test_add_func ("/plugin/list/reloads-only-whose-settings-differ", test_reload);
  g_test_add_func ("/plugin/list/reload-starts-and-stops", test_reload_starts_and_stops);
  g_test_add_func ("/plugin/list/reload-is-whole-or-not-at-all",
                   test_reload_is_whole_or_not_at_all);
  g_test_add_func ("/plugin/list/reload-undoes-what-it-started",
                   test_reload_undoes_what_it_started);
  g_test_add_func ("/plugin/list/reload-keeps-what-is-needed", test_reload_keeps_what_is_needed);
  g_test_add_func ("/plugin/module/refused-before-any-code-runs", test_refused);
  g_test_add_func ("/plugin/module/refuses-cut-files", test_cut_files);
  g_test_add_func ("/plugin/module/refuses-foreign-files", test_foreign_files);
  g_test_add_func ("/plugin/module/the-earlier-folder-wins", test_earlier_folder_wins);
  g_test_add_func ("/plugin/module/a-refused-module-is-named-at-start", test_refused_at_start);
  return g_test_run ();
}
