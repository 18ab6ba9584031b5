/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-options.h"

#include "access/lectern-token-guard.h"
#include "base/lectern-address.h"
#include "base/lectern-json.h"
#include "daemon/lectern-pid-file.h"
#include "plugin/lectern-host-private.h"

#include <libsoup/soup.h>
#include <string.h>

#define TIMEOUT_S 5

/* Returns: (transfer full): the running server's "http://127.0.0.1:8000". */
static char *
find_address (const char *state_dir, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, LECTERN_HOST_LISTENERS_FILE, NULL);
  g_autofree char *text = NULL;
  g_autofree char *host = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_auto (GStrv) addresses = NULL;
  LecternAddress address;
  gsize length;

  if (lectern_pid_file_find (state_dir, error) == 0)
    return NULL;
  if (!g_file_get_contents (path, &text, &length, error))
    {
      lectern_error_convert (error);
      return NULL;
    }
  root = lectern_json_parse (text, length, error);
  if (root == NULL)
    return NULL;
  addresses = g_strsplit (
      json_object_get_string_member_with_default (json_node_get_object (root), "http", ""), ";",
      -1);
  if (!lectern_address_parse (addresses[0] != NULL ? addresses[0] : "", &address, NULL))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND,
                           "the server can only be asked over plain HTTP: see [http] listen");
      return NULL;
    }
  /* A server that listens everywhere listens here. */
  if (g_str_has_prefix (addresses[0], "0.0.0.0:") || g_str_has_prefix (addresses[0], "[::]:"))
    return g_strdup_printf ("http://localhost:%u", address.port);
  host = lectern_address_to_string (&address);
  return g_strconcat ("http://", host, NULL);
}

/* Returns: (transfer full): what the server at @address says of itself. */
static GBytes *
ask (const char *address, const char *token, GError **error)
{
  g_autoptr (SoupSession) session = soup_session_new_with_options ("timeout", TIMEOUT_S, NULL);
  g_autofree char *url = g_strconcat (address, "/api/v1/server", NULL);
  g_autofree char *credential = g_strconcat ("Bearer ", token, NULL);
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GBytes) body = NULL;

  soup_message_headers_append (soup_message_get_request_headers (message), "Authorization",
                               credential);
  body = soup_session_send_and_read (session, message, NULL, error);
  if (body == NULL)
    {
      lectern_error_convert (error);
      g_prefix_error (error, "%s: ", url);
      return NULL;
    }
  if (soup_message_get_status (message) == SOUP_STATUS_OK)
    return g_steal_pointer (&body);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_FAILED,
               "%s answers %u %s; is the plugin 'stats' on?", url,
               soup_message_get_status (message), soup_message_get_reason_phrase (message));
  return NULL;
}

static void
print_object (const char *title, JsonObject *object)
{
  g_autoptr (GList) names = json_object_get_members (object);

  g_print ("%s", title);
  for (GList *link = names; link != NULL; link = link->next)
    g_print (" %s %" G_GINT64_FORMAT, (const char *) link->data,
             json_object_get_int_member_with_default (object, link->data, 0));
  g_print ("\n");
}

static JsonObject *
get_object (JsonObject *from, const char *name)
{
  JsonNode *node = json_object_get_member (from, name);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static void
print_text (JsonObject *server)
{
  static const struct
  {
    const char *member;
    const char *title;
  } rows[] = {
    { "streams", N_ ("Streams:") },
    { "viewers", N_ ("Viewers:") },
    { "bytes", N_ ("Bytes:") },
  };

  g_print (_ ("Lectern %s, up %lld s, %.1f s of processor time, %.1f MiB\n"),
           json_object_get_string_member_with_default (server, "version", ""),
           (long long) json_object_get_int_member_with_default (server, "uptime", 0),
           json_object_get_double_member_with_default (server, "cpu_seconds", 0),
           json_object_get_int_member_with_default (server, "memory", 0) / 1048576.0);
  g_print (_ ("Connections: %lld, publishers: %lld\n"),
           (long long) json_object_get_int_member_with_default (server, "connections", 0),
           (long long) json_object_get_int_member_with_default (server, "publishers", 0));
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      JsonObject *object = get_object (server, rows[i].member);

      if (object != NULL)
        print_object (_ (rows[i].title), object);
    }
}

static LecternExit
show (const char *state_dir, gboolean json)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *address = find_address (state_dir, &error);
  g_autofree char *token
      = address != NULL ? lectern_token_load_or_create (state_dir, &error) : NULL;
  g_autoptr (GBytes) body = token != NULL ? ask (address, token, &error) : NULL;
  g_autoptr (JsonNode) root = NULL;
  const char *text;
  gsize length;

  if (body == NULL)
    return lectern_command_fail (error);
  text = g_bytes_get_data (body, &length);
  root = lectern_json_parse (text, length, &error);
  if (root == NULL)
    return lectern_command_fail (error);
  if (json)
    g_print ("%.*s\n", (int) length, text);
  else if (JSON_NODE_HOLDS_OBJECT (root))
    print_text (json_node_get_object (root));
  return LECTERN_EXIT_OK;
}

LecternExit
lectern_command_status (int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry own[] = {
    { "json", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, &json, N_ ("Print JSON"), NULL },
    { NULL },
  };
  g_auto (LecternOptions) options = { NULL };
  g_auto (LecternSetup) setup = { NULL };
  g_autofree char *state_dir = NULL;
  g_autoptr (GError) error = NULL;

  if (!lectern_options_parse (&options, "", _ ("Asks the running server how it is."), own, 0, 0,
                              &argc, &argv))
    return LECTERN_EXIT_USAGE;
  if (!lectern_setup_load (&setup, &options, &error))
    return lectern_command_fail (error);
  state_dir = lectern_host_dup_state_dir (setup.config);
  return show (state_dir, json);
}
