/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-demo-report.h"

#include "plugin/lectern-host-private.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

/* Columns before an address. */
#define LABEL_WIDTH 22

/* Where a stream is watched through each plugin; %s: the stream. */
static const struct
{
  const char *plugin;
  const char *label;
  const char *scheme;
  const char *path;
} ways[] = {
  { "http-flv", "HTTP-FLV", "http", "/%s.flv" },
  { "ws-flv", "WS-FLV", "ws", "/%s.flv" },
  { "hls", "HLS", "http", "/%s/index.m3u8" },
  { "dash", "DASH", "http", "/%s/index.mpd" },
  { "rtmp", "RTMP", "rtmp", "/%s" },
  { "rtsp", "RTSP", "rtsp", "/%s" },
};

static gboolean
is_running (LecternPluginList *plugins, const char *name)
{
  g_autoptr (GPtrArray) all = lectern_plugin_list_get_all (plugins);

  for (guint i = 0; i < all->len; i++)
    {
      const LecternPluginInfo *info = g_ptr_array_index (all, i);

      if (g_str_equal (info->name, name))
        return info->state == LECTERN_PLUGIN_STATE_STARTED;
    }
  return FALSE;
}

/* Returns: (transfer full): "localhost:8000" for a listener, without a port that is @usual. */
static char *
get_place (LecternHost *host, const char *listener, const char *machine, const char *usual)
{
  g_autoptr (JsonNode) listeners = lectern_host_describe_listeners (host);
  const char *text
      = json_object_get_string_member_with_default (json_node_get_object (listeners), listener, "");
  g_auto (GStrv) addresses = g_strsplit (text, ";", 2);
  const char *port = addresses[0] != NULL ? strrchr (addresses[0], ':') : NULL;

  if (port == NULL || g_strcmp0 (port + 1, usual) == 0)
    return g_strdup (machine);
  return g_strconcat (machine, port, NULL);
}

/* Returns: (transfer full) (nullable): this machine's address in its network. */
static char *
find_own_address (void)
{
  struct ifaddrs *all = NULL;
  char *found = NULL;

  if (getifaddrs (&all) != 0)
    return NULL;
  for (struct ifaddrs *each = all; each != NULL && found == NULL; each = each->ifa_next)
    {
      char text[INET_ADDRSTRLEN];

      if (each->ifa_addr == NULL || each->ifa_addr->sa_family != AF_INET
          || (each->ifa_flags & (IFF_LOOPBACK | IFF_UP)) != IFF_UP)
        continue;
      if (inet_ntop (AF_INET, &((struct sockaddr_in *) each->ifa_addr)->sin_addr, text, sizeof text)
          != NULL)
        found = g_strdup (text);
    }
  freeifaddrs (all);
  return found;
}

/* Chinese characters take two columns. @indent: for what belongs to the row before. */
static void
print_row (int indent, const char *label, const char *text)
{
  int columns = indent;

  for (const char *at = label; *at != '\0'; at = g_utf8_next_char (at))
    columns += g_unichar_iswide (g_utf8_get_char (at)) ? 2 : 1;
  g_print ("  %*s%s%*s%s\n", indent, "", label, MAX (LABEL_WIDTH - columns, 1), "", text);
}

static void print_format (int indent, const char *label, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
print_format (int indent, const char *label, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  print_row (indent, label, text);
}

/* Whether the listener can be reached from this machine alone. */
static gboolean
is_private (LecternHost *host, const char *listener)
{
  g_autoptr (JsonNode) listeners = lectern_host_describe_listeners (host);
  const char *text
      = json_object_get_string_member_with_default (json_node_get_object (listeners), listener, "");

  return g_str_has_prefix (text, "127.") || g_str_has_prefix (text, "[::1]");
}

static void
print_pages (LecternHost *host, LecternPluginList *plugins, const char *stream)
{
  g_autofree char *here = get_place (host, "http", "localhost", "80");
  g_autofree char *address = is_private (host, "http") ? NULL : find_own_address ();
  g_autofree char *there = get_place (host, "http", address != NULL ? address : "", "80");

  print_format (0, _ ("Page"), "http://%s/", here);
  if (address != NULL)
    print_format (2, _ ("from other devices"), "http://%s/", there);
  if (is_running (plugins, "page"))
    print_format (2, _ ("players"), "http://%s/demo/?%s", here, stream);
}

static void
print_push (LecternHost *host, const char *stream, const char *key)
{
  g_autofree char *place = get_place (host, "rtmp", "localhost", "1935");
  g_auto (GStrv) parts = g_strsplit (stream, "/", 2);

  g_print ("\n");
  print_format (0, _ ("Push"), "rtmp://%s/%s?key=%s", place, stream, key);
  print_format (2, _ ("OBS: server"), "rtmp://%s/%s", place, parts[0]);
  print_format (2, _ ("OBS: stream key"), "%s?key=%s", parts[1], key);
  print_row (2, _ ("or ffmpeg"), "ffmpeg -re -i FILE -c:v libx264 -tune zerolatency -g 50 \\");
  print_format (0, "", "  -c:a aac -f flv 'rtmp://%s/%s?key=%s'", place, stream, key);
}

/* A listener, and the port that an address may leave out. */
typedef struct
{
  const char *listener;
  const char *usual;
} Door;

static const Door *
find_door (const char *scheme)
{
  static const Door http = { "http", "80" };
  static const Door others[] = { { "rtmp", "1935" }, { "rtsp", "554" } };

  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    if (g_str_equal (others[i].listener, scheme))
      return &others[i];
  return &http;
}

static void
print_ways (LecternHost *host, LecternPluginList *plugins, const char *stream)
{
  g_print ("\n");
  g_print ("  %s\n", _ ("Watch"));
  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autoptr (GString) path = g_string_new (ways[i].path);
      const Door *door = find_door (ways[i].scheme);
      g_autofree char *place = get_place (host, door->listener, "localhost", door->usual);

      if (!is_running (plugins, ways[i].plugin))
        continue;
      g_string_replace (path, "%s", stream, 1);
      print_format (2, ways[i].label, "%s://%s%s", ways[i].scheme, place, path->str);
    }
}

void
lectern_demo_report (LecternHost *host, LecternPluginList *plugins, const char *stream,
                     const char *key)
{
  g_print ("\n");
  print_pages (host, plugins, stream);
  if (is_running (plugins, "rtmp"))
    print_push (host, stream, key);
  print_ways (host, plugins, stream);
  g_print ("\n  %s\n", is_running (plugins, "testcard")
                           ? _ ("A test picture is on the air; it steps aside when you push.")
                           : _ ("There is no test picture here: push one."));
  g_print ("  %s\n\n", _ ("End: Ctrl-C"));
}
