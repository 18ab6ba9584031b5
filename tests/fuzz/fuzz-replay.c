/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target over every file of its corpus, so that each ordinary test run replays it. */
#include <glib.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
main (int argc, char **argv)
{
  g_autoptr (GDir) folder = NULL;
  g_autoptr (GError) error = NULL;
  const char *name;
  guint count = 0;

  if (argc != 2 || (folder = g_dir_open (argv[1], 0, &error)) == NULL)
    {
      fprintf (stderr, "no corpus: %s\n", error != NULL ? error->message : "usage: PROGRAM FOLDER");
      return 1;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (argv[1], name, NULL);
      g_autofree char *data = NULL;
      gsize size;

      if (!g_file_get_contents (path, &data, &size, &error))
        {
          fprintf (stderr, "%s\n", error->message);
          return 1;
        }
      LLVMFuzzerTestOneInput ((const guint8 *) data, size);
      count++;
    }
  printf ("%u inputs replayed\n", count);
  return count > 0 ? 0 : 1;
}
