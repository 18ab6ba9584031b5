/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-port-holder.h"

#include <string.h>
#include <unistd.h>

#define STATE_LISTEN "0A"
#define STATE_UNCONNECTED "07" /* of UDP */

/* One line of /proc/net/tcp or udp: "sl local remote state queues timer retransmits uid timeout inode". */
static gboolean
parse_line (const char *line, guint16 port, const char *state, char **inode)
{
  g_auto (GStrv) all = g_strsplit_set (line, " ", 64);
  const char *fields[10] = { NULL };
  const char *colon;
  guint count = 0;

  for (guint i = 0; all[i] != NULL && count < G_N_ELEMENTS (fields); i++)
    if (all[i][0] != '\0')
      fields[count++] = all[i];
  if (count < G_N_ELEMENTS (fields) || strcmp (fields[3], state) != 0)
    return FALSE;
  colon = strrchr (fields[1], ':');
  if (colon == NULL || g_ascii_strtoull (colon + 1, NULL, 16) != port)
    return FALSE;
  *inode = g_strdup (fields[9]);
  return TRUE;
}

static char *
find_inode (const char *path, guint16 port, const char *state)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  char *inode = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++)
    if (parse_line (lines[i], port, state, &inode))
      return inode;
  return NULL;
}

static gboolean
holds (const char *pid, const char *target)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "fd", NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *link = g_build_filename (path, name, NULL);
      char found[64];
      gssize length = readlink (link, found, sizeof found - 1);

      if (length <= 0)
        continue;
      found[length] = '\0';
      if (strcmp (found, target) == 0)
        return TRUE;
    }
  return FALSE;
}

static char *
describe (const char *pid)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "comm", NULL);
  g_autofree char *name = NULL;

  if (!g_file_get_contents (path, &name, NULL, NULL))
    return g_strdup_printf ("pid %s", pid);
  return g_strdup_printf ("%s (pid %s)", g_strstrip (name), pid);
}

char *
lectern_port_holder_find (guint16 port, gboolean udp)
{
  const char *state = udp ? STATE_UNCONNECTED : STATE_LISTEN;
  g_autofree char *inode = find_inode (udp ? "/proc/net/udp" : "/proc/net/tcp", port, state);
  g_autofree char *target = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (inode == NULL)
    inode = find_inode (udp ? "/proc/net/udp6" : "/proc/net/tcp6", port, state);
  if (inode == NULL)
    return NULL;
  target = g_strdup_printf ("socket:[%s]", inode);
  dir = g_dir_open ("/proc", 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_ascii_isdigit (name[0]) && holds (name, target))
      return describe (name);
  return NULL;
}
