/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER_MODE 0750
#define FILE_MODE 0640

int
lectern_beneath_open_root (const char *path, GError **error)
{
  int fd = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    lectern_error_set_errno (error, errno, "cannot open the folder '%s'", path);
  return fd;
}

int
lectern_beneath_open (int root, const char *path, int flags, mode_t mode)
{
  struct open_how how
      = { .flags = (guint64) (flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
          .mode = flags & O_CREAT ? mode : 0,
          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

  return (int) syscall (SYS_openat2, root, path, &how, sizeof how);
}

static gboolean
make_folders (int root, const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  int at = lectern_beneath_open (root, ".", O_RDONLY | O_DIRECTORY, 0);

  for (guint i = 0; names[i] != NULL && at >= 0; i++)
    {
      gboolean made = mkdirat (at, names[i], FOLDER_MODE) == 0;
      int next;

      /* A new name is there after a power cut, too. */
      if (made ? fsync (at) != 0 : errno != EEXIST)
        {
          close (at);
          return FALSE;
        }
      next = lectern_beneath_open (at, names[i], O_RDONLY | O_DIRECTORY, 0);
      close (at);
      at = next;
    }
  if (at < 0)
    return FALSE;
  close (at);
  return TRUE;
}

int
lectern_beneath_open_folder (int root, const char *path, gboolean create)
{
  int fd = lectern_beneath_open (root, path, O_RDONLY | O_DIRECTORY, 0);

  if (fd >= 0 || errno != ENOENT || !create)
    return fd;
  if (!make_folders (root, path))
    return -1;
  return lectern_beneath_open (root, path, O_RDONLY | O_DIRECTORY, 0);
}

gboolean
lectern_beneath_write_all (int fd, const void *data, gsize length, off_t offset)
{
  const guint8 *at = data;

  while (length > 0)
    {
      gssize written = pwrite (fd, at, length, offset);

      if (written < 0 && errno == EINTR)
        continue;
      if (written <= 0)
        return FALSE;
      at += written;
      offset += written;
      length -= (gsize) written;
    }
  return TRUE;
}

GBytes *
lectern_beneath_read (int fd, gsize max)
{
  struct stat about;
  g_autofree guint8 *data = NULL;
  gsize size;
  gsize at = 0;

  if (fstat (fd, &about) != 0)
    return NULL;
  size = (gsize) MIN ((guint64) about.st_size, max);
  data = g_malloc (MAX (size, 1));
  while (at < size)
    {
      gssize got = pread (fd, data + at, size - at, (off_t) at);

      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return NULL;
      if (got == 0)
        break;
      at += (gsize) got;
    }
  return g_bytes_new_take (g_steal_pointer (&data), at);
}

static gboolean
write_and_sync (int fd, GBytes *bytes)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  return lectern_beneath_write_all (fd, data, size, 0) && fsync (fd) == 0;
}

gboolean
lectern_beneath_replace (int folder, const char *name, GBytes *bytes, GError **error)
{
  g_autofree char *temporary = g_strconcat (name, ".tmp", NULL);
  int fd = lectern_beneath_open (folder, temporary, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE);
  gboolean done = fd >= 0 && write_and_sync (fd, bytes);
  int number = errno;

  if (fd >= 0)
    close (fd);
  if (done && renameat (folder, temporary, folder, name) == 0 && fsync (folder) == 0)
    return TRUE;
  number = done ? errno : number;
  unlinkat (folder, temporary, 0);
  lectern_error_set_errno (error, number, "cannot write '%s'", name);
  return FALSE;
}
