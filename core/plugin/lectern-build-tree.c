/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin/lectern-build-tree.h"

#include <gio/gio.h>

#include <string.h>

/* Made by the build; its first line is the source folder. */
#define MARK "core/plugin/build-tree"
/* How far above the program its tree's folder may be. */
#define MAX_HEIGHT 8

static char *tree_path;
static char *tree_source;

static gboolean
look_into (const char *folder)
{
  g_autofree char *mark = g_build_filename (folder, MARK, NULL);
  g_autofree char *text = NULL;

  if (!g_file_get_contents (mark, &text, NULL, NULL))
    return FALSE;
  tree_path = g_strdup (folder);
  tree_source = g_strndup (text, strcspn (text, "\n"));
  return TRUE;
}

static void
look (void)
{
  static gsize done;
  g_autofree char *folder = NULL;

  if (!g_once_init_enter (&done))
    return;
  folder = g_file_read_link ("/proc/self/exe", NULL);
  for (guint i = 0; folder != NULL && i < MAX_HEIGHT; i++)
    {
      g_autofree char *inner = g_steal_pointer (&folder);

      folder = g_path_get_dirname (inner);
      if (look_into (folder))
        break;
    }
  g_once_init_leave (&done, 1);
}

const char *
lectern_build_tree_get_path (void)
{
  look ();
  return tree_path;
}

const char *
lectern_build_tree_get_source (void)
{
  look ();
  return tree_source;
}
