/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/lectern-config.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static const LecternSetting server[] = {
  { "threads", LECTERN_SETTING_INTEGER, "2", "1", "64", "" },
  { "state-dir", LECTERN_SETTING_PATH, "/var/lib/lectern", NULL, NULL, "" },
  { "drain-timeout", LECTERN_SETTING_DURATION, "10s", "0s", "1h", "" },
  { "name", LECTERN_SETTING_STRING, NULL, NULL, NULL, "" },
  { "verbose", LECTERN_SETTING_BOOLEAN, "no", NULL, NULL, "" },
  { NULL },
};
static const LecternSetting http[] = {
  { "listen", LECTERN_SETTING_ADDRESS, "*:8000", NULL, NULL, "" },
  { "origins", LECTERN_SETTING_LIST, NULL, NULL, NULL, "" },
  { "max-body", LECTERN_SETTING_SIZE, "64KiB", "0", "1GiB", "" },
  { "rate", LECTERN_SETTING_BITRATE, "2500k", NULL, NULL, "" },
  { "mode", LECTERN_SETTING_CHOICE, "strict", "strict | lenient", NULL, "" },
  { "token", LECTERN_SETTING_SECRET, NULL, NULL, NULL, "" },
  { NULL },
};

static LecternSchema *
make_schema (void)
{
  LecternSchema *schema = lectern_schema_new ();
  g_autoptr (GError) error = NULL;

  lectern_schema_add_group (schema, "server", server, &error);
  g_assert_no_error (error);
  lectern_schema_add_group (schema, "http", http, &error);
  g_assert_no_error (error);
  lectern_schema_add_plugin (schema, "rtmp", TRUE, &error);
  g_assert_no_error (error);
  lectern_schema_add_plugin (schema, "quiz", FALSE, &error);
  g_assert_no_error (error);
  return schema;
}

/* Returns: (transfer full): the path. */
static char *
put (const char *name, const char *text)
{
  char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_assert_true (
      g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  return path;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_DIR))
        remove_tree (child);
      else
        g_unlink (child);
    }
  g_rmdir (path);
}

static void
setup (void)
{
  folder = g_dir_make_tmp ("lectern-config-XXXXXX", NULL);
}

static void
teardown (void)
{
  remove_tree (folder);
  g_clear_pointer (&folder, g_free);
}

static LecternConfig *
load (const char *path, const char *const *environment, const char *const *overrides)
{
  g_autoptr (LecternSchema) schema = make_schema ();
  g_autoptr (GError) error = NULL;
  LecternConfig *config = lectern_config_load (schema, path, environment, overrides, &error);

  g_assert_no_error (error);
  g_assert_nonnull (config);
  return config;
}

static void
test_defaults (void)
{
  g_autoptr (LecternConfig) config = load (NULL, NULL, NULL);

  g_assert_cmpint (lectern_config_get_integer (config, "server", "threads"), ==, 2);
  g_assert_cmpint (lectern_config_get_duration (config, "server", "drain-timeout"), ==, 10000000);
  g_assert_cmpint (lectern_config_get_size (config, "http", "max-body"), ==, 65536);
  g_assert_cmpint (lectern_config_get_bitrate (config, "http", "rate"), ==, 2500000);
  g_assert_false (lectern_config_get_boolean (config, "server", "verbose"));
  g_assert_cmpstr (lectern_config_get_string (config, "http", "mode"), ==, "strict");
  g_assert_cmpstr (lectern_config_get_string (config, "server", "threads"), ==, "2");
  g_assert_null (lectern_config_get_string (config, "server", "name"));
  g_assert_null (lectern_config_get_string (config, "http", "token"));
  g_assert_cmpstr (lectern_config_get_list (config, "http", "listen")[0], ==, "*:8000");
  g_assert_null (lectern_config_get_list (config, "http", "origins")[0]);
  g_assert_true (lectern_config_is_enabled (config, "rtmp"));
  g_assert_false (lectern_config_is_enabled (config, "quiz"));
  g_assert_false (lectern_config_is_enabled (config, "no-such"));
  g_assert_null (lectern_config_get_origin (config, "server", "threads"));
}

static void
test_layers (void)
{
  static const char *const environment[] = { "HOME=/",
                                             "LECTERN_DEBUG=x",
                                             "LECTERN_SERVER_VERBOSE=on",
                                             "LECTERN_HTTP_MAX_BODY=3MiB",
                                             "LECTERN_PLUGINS_QUIZ=true",
                                             "LECTERN_PLUGIN_PATH=/x",
                                             NULL };
  static const char *const overrides[]
      = { "http.max-body=4MiB", "server.name=a=b.c", "http.origins=", NULL };
  g_autofree char *path = put ("lectern.conf", "[server]\nthreads = 4\nname = one\n"
                                               "state-dir = state\n"
                                               "[http]\norigins = a ; b;;c\nmax-body=1MiB\n"
                                               "[plugins]\nrtmp = false\n");
  g_autofree char *second = put ("lectern.conf.d/20-b.conf", "[server]\nthreads = 6\n");
  g_autofree char *first G_GNUC_UNUSED
      = put ("lectern.conf.d/10-a.conf", "[server]\nthreads = 5\n"
                                         "state-dir = ../other\n"
                                         "[http]\norigins = x\nmax-body=2MiB\n");
  g_autofree char *hidden G_GNUC_UNUSED = put ("lectern.conf.d/.30.conf", "nonsense");
  g_autofree char *other G_GNUC_UNUSED = put ("lectern.conf.d/README", "nonsense");
  g_autofree char *state = g_build_filename (folder, "other", NULL);
  g_autoptr (LecternConfig) file = load (path, NULL, NULL);
  g_autoptr (LecternConfig) all = load (path, environment, overrides);
  g_autofree char *origin = g_strconcat (second, ":2", NULL);

  g_assert_cmpint (lectern_config_get_integer (file, "server", "threads"), ==, 6);
  g_assert_cmpstr (lectern_config_get_origin (file, "server", "threads"), ==, origin);
  g_assert_cmpstr (lectern_config_get_string (file, "server", "state-dir"), ==, state);
  g_assert_cmpint (lectern_config_get_size (file, "http", "max-body"), ==, 2 << 20);
  g_assert_cmpstr (lectern_config_get_list (file, "http", "origins")[0], ==, "x");
  g_assert_null (lectern_config_get_list (file, "http", "origins")[1]);
  g_assert_false (lectern_config_is_enabled (file, "rtmp"));
  g_assert_false (lectern_config_is_enabled (file, "quiz"));

  g_assert_true (lectern_config_get_boolean (all, "server", "verbose"));
  g_assert_cmpstr (lectern_config_get_origin (all, "server", "verbose"), ==, "environment");
  g_assert_cmpint (lectern_config_get_size (all, "http", "max-body"), ==, 4 << 20);
  g_assert_cmpstr (lectern_config_get_origin (all, "http", "max-body"), ==, "--set");
  g_assert_cmpstr (lectern_config_get_string (all, "server", "name"), ==, "a=b.c");
  g_assert_null (lectern_config_get_list (all, "http", "origins")[0]);
  g_assert_true (lectern_config_is_enabled (all, "quiz"));

  g_assert_true (lectern_config_group_differs (file, all, "server"));
  g_assert_true (lectern_config_group_differs (file, all, "http"));
  g_assert_true (lectern_config_group_differs (file, all, "plugins"));
  g_assert_false (lectern_config_group_differs (all, all, "http"));
}

static void
test_differs (void)
{
  static const char *const same[] = { "server.threads=2", NULL };
  static const char *const other[] = { "server.threads=3", NULL };
  g_autoptr (LecternConfig) initial = load (NULL, NULL, NULL);
  g_autoptr (LecternConfig) spelt = load (NULL, NULL, same);
  g_autoptr (LecternConfig) changed = load (NULL, NULL, other);

  g_assert_false (lectern_config_group_differs (initial, spelt, "server"));
  g_assert_true (lectern_config_group_differs (initial, changed, "server"));
  g_assert_false (lectern_config_group_differs (initial, changed, "http"));
}

/* @F stands for the file's path. */
static const struct
{
  const char *text, *environment, *override;
  const char *error;
} rows[] = {
  { "[http]\n\nlsten = :1", NULL, NULL,
    "@F:3: [http] lsten: no such key (did you mean 'listen'?)" },
  { "[http]\nzzz = 1", NULL, NULL, "@F:2: [http] zzz: no such key" },
  { "[htpp]\nlisten = :1", NULL, NULL, "@F:1: [htpp] no such group (did you mean 'http'?)" },
  { "[empty]", NULL, NULL, "@F:1: [empty] no such group" },
  { "[plugins]\nrtpm = true", NULL, NULL,
    "@F:2: [plugins] rtpm: no such plugin (did you mean 'rtmp'?)" },
  { "[plugins]\nrtmp = maybe", NULL, NULL, "@F:2: [plugins] rtmp: 'maybe' is not true or false" },
  { "[server]\nthreads = 65", NULL, NULL,
    "@F:2: [server] threads: '65' is too large (allowed: 1 … 64)" },
  { "[server]\nthreads = many", NULL, NULL,
    "@F:2: [server] threads: 'many' is not a whole number (allowed: 1 … 64)" },
  { "[http]\nmode = strickt", NULL, NULL,
    "@F:2: [http] mode: 'strickt' is no choice (allowed: strict | lenient; did you mean "
    "'strict'?)" },
  { "[http]\nlisten = host:1", NULL, NULL, "@F:2: [http] listen: 'host:1' is not an address" },
  { "[server]\nthreads[de] = 1", NULL, NULL, "@F:2: keys for one language" },
  { "[server]\n[http]\n[server]", NULL, NULL, "@F:3: group 'server' stands on line 1 already" },
  { "[server]\nname = \xff", NULL, NULL, "@F:2: the line is not UTF-8" },
  { NULL, "LECTERN_SERVER_THREADS=0", NULL,
    "environment: [server] threads: '0' is too small (allowed: 1 … 64)" },
  { NULL, "LECTERN_SERVER_TREADS=2", NULL,
    "environment: LECTERN_SERVER_TREADS: no such setting (did you mean "
    "'LECTERN_SERVER_THREADS'?)" },
  { NULL, "LECTERN_SERVER_NAME=\xff", NULL, "environment: [server] name: longer than" },
  { NULL, NULL, "server.treads=2",
    "--set: [server] treads: no such key (did you mean 'threads'?)" },
  { NULL, NULL, "sever.threads=2", "--set: [sever] no such group (did you mean 'server'?)" },
  { NULL, NULL, "server.threads", "--set: 'server.threads' is not of the form" },
  { NULL, NULL, "threads=2", "--set: 'threads' is not of the form" },
  { NULL, NULL, "", "--set: '' is not of the form" },
  { NULL, NULL, "=.", "--set: '' is not of the form" },
  { NULL, NULL, "http.max-body=2GiB",
    "--set: [http] max-body: '2GiB' is too large (allowed: 0 … 1GiB)" },
};

static void
assert_error (const GError *error, const char *start)
{
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
  if (!g_str_has_prefix (error->message, start))
    g_assert_cmpstr (error->message, ==, start);
}

static void
test_errors (void)
{
  g_autoptr (LecternSchema) schema = make_schema ();

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = rows[i].text != NULL ? put ("l.conf", rows[i].text) : NULL;
      const char *environment[] = { rows[i].environment, NULL };
      const char *overrides[] = { rows[i].override, NULL };
      g_autoptr (GError) error = NULL;
      g_autoptr (GString) expected = g_string_new (rows[i].error);

      g_string_replace (expected, "@F", path != NULL ? path : "", 0);
      g_assert_null (lectern_config_load (schema, path, environment, overrides, &error));
      assert_error (error, expected->str);
    }
}

static void
test_files (void)
{
  g_autoptr (LecternSchema) schema = make_schema ();
  g_autoptr (GError) error = NULL;
  g_autofree char *missing = g_build_filename (folder, "missing.conf", NULL);
  g_autofree char *good = put ("good.conf", "");
  g_autofree char *bad = put ("good.conf.d/x.conf", "[server]\nthreads = 0\n");
  g_autofree char *start = g_strconcat (bad, ":2: [server] threads:", NULL);

  g_assert_null (lectern_config_load (schema, missing, NULL, NULL, &error));
  assert_error (error, "cannot open '");
  g_clear_error (&error);
  g_assert_null (lectern_config_load (schema, folder, NULL, NULL, &error));
  assert_error (error, "'");
  g_clear_error (&error);
  g_assert_null (lectern_config_load (schema, good, NULL, NULL, &error));
  assert_error (error, start);
}

static void
test_secrets (void)
{
  g_autoptr (LecternSchema) schema = make_schema ();
  g_autoptr (GError) error = NULL;
  g_autofree char *path = put ("lectern.conf", "[http]\ntoken = secret.txt\n");
  g_autofree char *secret = put ("secret.txt", "hush hush\n");
  g_autofree char *start = g_strconcat (path, ":2: [http] token: '", secret, "' ", NULL);
  g_autofree char *cannot = g_strconcat (path, ":2: [http] token: cannot open '", NULL);
  static const char *const environment[] = { "LECTERN_HTTP_TOKEN=from the environment", NULL };
  static const char *const overrides[] = { "http.token=from the command line", NULL };
  static const int open_modes[] = { 0640, 0604, 0620, 0602, 0660, 0606, 0777 };
  LecternConfig *config = load (path, NULL, NULL);
  g_autoptr (LecternConfig) before = config;

  g_assert_cmpstr (lectern_config_get_string (config, "http", "token"), ==, "hush hush");
  for (guint i = 0; i < G_N_ELEMENTS (open_modes); i++)
    {
      g_chmod (secret, open_modes[i]);
      g_assert_null (lectern_config_load (schema, path, NULL, NULL, &error));
      assert_error (error, start);
      g_assert_null (strstr (error->message, "hush"));
      g_clear_error (&error);
    }
  g_chmod (secret, 0600);
  g_free (put ("secret.txt", "other"));
  config = load (path, NULL, NULL);
  g_assert_true (lectern_config_group_differs (before, config, "http"));
  lectern_config_unref (config);

  g_unlink (secret);
  g_assert_null (lectern_config_load (schema, path, NULL, NULL, &error));
  assert_error (error, cannot);
  g_clear_error (&error);
  g_mkdir (secret, 0700);
  g_assert_null (lectern_config_load (schema, path, NULL, NULL, &error));
  assert_error (error, start);
  g_clear_error (&error);
  g_rmdir (secret);

  /* Given otherwise, the file is not asked for. */
  config = load (path, environment, NULL);
  g_assert_cmpstr (lectern_config_get_string (config, "http", "token"), ==, "from the environment");
  lectern_config_unref (config);
  config = load (path, environment, overrides);
  g_assert_cmpstr (lectern_config_get_string (config, "http", "token"), ==,
                   "from the command line");
  lectern_config_unref (config);
}

/* Only without root's rights can a file of our own be closed to us. */
static void
test_unreadable (void)
{
  g_autoptr (LecternSchema) schema = make_schema ();
  g_autoptr (GError) error = NULL;
  g_autofree char *path = put ("lectern.conf", "[http]\ntoken = secret.txt\n");
  g_autofree char *secret = put ("secret.txt", "hush");
  g_autofree char *cannot = g_strconcat (path, ":2: [http] token: cannot open '", NULL);
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);

  g_chmod (secret, 0);
  if (geteuid () != 0)
    {
      g_assert_null (lectern_config_load (schema, path, NULL, NULL, &error));
      assert_error (error, cannot);
      g_clear_error (&error);
    }
  /* A pipe nobody writes to must not hold us. */
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_null (lectern_config_load (schema, fifo, NULL, NULL, &error));
  assert_error (error, "'");
}

static void
test_schema (void)
{
  static const LecternSetting bad_initial[]
      = { { "k", LECTERN_SETTING_INTEGER, "0", "1", NULL, "" }, { NULL } };
  static const LecternSetting secret_initial[]
      = { { "k", LECTERN_SETTING_SECRET, "x", NULL, NULL, "" }, { NULL } };
  static const LecternSetting no_words[]
      = { { "k", LECTERN_SETTING_CHOICE, NULL, NULL, NULL, "" }, { NULL } };
  g_autoptr (LecternSchema) schema = make_schema ();
  g_autoptr (GPtrArray) groups = lectern_schema_get_groups (schema);
  const LecternSetting *const tables[] = { bad_initial, secret_initial, no_words };

  g_assert_cmpuint (groups->len, ==, 2);
  g_assert_cmpstr (groups->pdata[0], ==, "server");
  g_assert_cmpstr (groups->pdata[1], ==, "http");
  g_assert_true (lectern_schema_get_settings (schema, "http") == http);
  g_assert_null (lectern_schema_get_settings (schema, "none"));
  for (guint i = 0; i < G_N_ELEMENTS (tables); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (lectern_schema_add_group (schema, "x", tables[i], &error));
      assert_error (error, "the table of [x] is wrong: k: ");
    }
  g_assert_false (lectern_schema_add_group (schema, "http", http, NULL));
  g_assert_false (lectern_schema_add_group (schema, "plugins", http, NULL));
  g_assert_false (lectern_schema_add_plugin (schema, "rtmp", TRUE, NULL));
}

static void
in_folder (gconstpointer func)
{
  setup ();
  ((void (*) (void)) func) ();
  teardown ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/defaults", test_defaults);
  g_test_add_data_func ("/config/the-last-layer-wins", test_layers, in_folder);
  g_test_add_func ("/config/tells-what-differs", test_differs);
  g_test_add_data_func ("/config/errors-name-place-range-and-nearest", test_errors, in_folder);
  g_test_add_data_func ("/config/files-must-be-there", test_files, in_folder);
  g_test_add_data_func ("/config/secrets-are-private-files", test_secrets, in_folder);
  g_test_add_data_func ("/config/unreadable-files", test_unreadable, in_folder);
  g_test_add_func ("/config/schema-refuses-bad-tables", test_schema);
  return g_test_run ();
}
