/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-process.h"

#include <dirent.h>
#include <time.h>
#include <unistd.h>

gint64
lectern_process_get_memory (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  /* "size resident shared …", in pages. */
  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    return 0;
  fields = g_strsplit (text, " ", 3);
  if (g_strv_length (fields) < 2)
    return 0;
  return g_ascii_strtoll (fields[1], NULL, 10) * sysconf (_SC_PAGESIZE);
}

guint
lectern_process_get_descriptors (void)
{
  DIR *folder = opendir ("/proc/self/fd");
  guint count = 0;

  if (folder == NULL)
    return 0;
  while (readdir (folder) != NULL)
    count++;
  closedir (folder);
  /* ".", ".." and the folder's own. */
  return count > 3 ? count - 3 : 0;
}

gint64
lectern_process_get_cpu_us (void)
{
  struct timespec used;

  if (clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
    return 0;
  return (gint64) used.tv_sec * G_USEC_PER_SEC + used.tv_nsec / 1000;
}
