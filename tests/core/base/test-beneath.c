/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *path;
  int root;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = g_dir_make_tmp ("lectern-beneath-XXXXXX", NULL);
  fixture->root = lectern_beneath_open_root (fixture->path, NULL);
  g_assert_cmpint (fixture->root, >=, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  close (fixture->root);
  g_assert_cmpint (g_rmdir (fixture->path), ==, 0);
  g_free (fixture->path);
}

static void
nothing_outside_is_reached (Fixture *fixture, gconstpointer data)
{
  static const char *const paths[]
      = { "/etc/passwd", "../etc/passwd", "link", "link/passwd", "a/../../x", "" };
  g_autofree char *link = g_build_filename (fixture->path, "link", NULL);

  g_assert_cmpint (symlink ("/etc", link), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_assert_cmpint (lectern_beneath_open (fixture->root, paths[i], O_RDONLY, 0), <, 0);
      g_assert_cmpint (lectern_beneath_open_folder (fixture->root, paths[i], TRUE), <, 0);
    }
  g_assert_cmpint (g_unlink (link), ==, 0);
  /* What could be made on the way out was made inside. */
  g_assert_cmpint (unlinkat (fixture->root, "a", AT_REMOVEDIR), ==, 0);
}

static void
folders_are_made_on_the_way (Fixture *fixture, gconstpointer data)
{
  struct stat about;
  int fd;

  g_assert_cmpint (lectern_beneath_open_folder (fixture->root, "a/b", FALSE), <, 0);
  g_assert_cmpint (errno, ==, ENOENT);
  for (guint i = 0; i < 2; i++)
    {
      fd = lectern_beneath_open_folder (fixture->root, "a/b", TRUE);
      g_assert_cmpint (fstat (fd, &about), ==, 0);
      g_assert_true (S_ISDIR (about.st_mode));
      close (fd);
    }
  g_assert_cmpint (unlinkat (fixture->root, "a/b", AT_REMOVEDIR), ==, 0);
  g_assert_cmpint (unlinkat (fixture->root, "a", AT_REMOVEDIR), ==, 0);
}

static void
file_is_replaced_whole (Fixture *fixture, gconstpointer data)
{
  static const char *const texts[] = { "first", "the second, longer", "3" };
  int folder = lectern_beneath_open_folder (fixture->root, ".", FALSE);

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GBytes) bytes = g_bytes_new_static (texts[i], strlen (texts[i]));
      g_autoptr (GBytes) read = NULL;
      g_autoptr (GBytes) start = NULL;
      int fd;

      g_assert_true (lectern_beneath_replace (folder, "file", bytes, NULL));
      fd = lectern_beneath_open (folder, "file", O_RDONLY, 0);
      read = lectern_beneath_read (fd, 1000);
      start = lectern_beneath_read (fd, 1);
      close (fd);
      g_assert_true (g_bytes_equal (read, bytes));
      g_assert_cmpuint (g_bytes_get_size (start), ==, 1);
    }
  g_assert_cmpint (lectern_beneath_open (folder, "file.tmp", O_RDONLY, 0), <, 0);
  g_assert_cmpint (unlinkat (folder, "file", 0), ==, 0);
  close (folder);
}

static void
missing_root_is_told (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (lectern_beneath_open_root ("/nowhere/at/all", &error), <, 0);
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND);
}

int
main (int argc, char **argv)
{
#define ADD(name, func) g_test_add ("/beneath/" name, Fixture, NULL, set_up, func, tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("H-06-nothing-outside-is-reached", nothing_outside_is_reached);
  ADD ("folders-are-made-on-the-way", folders_are_made_on_the_way);
  ADD ("file-is-replaced-whole", file_is_replaced_whole);
  g_test_add_func ("/beneath/missing-root-is-told", missing_root_is_told);
  return g_test_run ();
}
