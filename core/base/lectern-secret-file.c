/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-secret-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIZE (64 * 1024)

static gboolean
refuse (GError **error, const char *path, const char *why)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "'%s' %s", path, why);
  return FALSE;
}

static gboolean
check_file (int fd, const char *path, GError **error)
{
  struct stat info;

  if (fstat (fd, &info) != 0)
    {
      lectern_error_set_errno (error, errno, "cannot look at '%s'", path);
      return FALSE;
    }
  if (!S_ISREG (info.st_mode))
    return refuse (error, path, "is not a file");
  if ((info.st_mode & 077) != 0)
    return refuse (error, path, "can be read by others than its owner (chmod 600 helps)");
  return info.st_size <= MAX_SIZE || refuse (error, path, "is larger than 64 KiB");
}

static gssize
read_all (int fd, char *text, gsize size)
{
  gsize length = 0;

  while (length < size)
    {
      gssize got = read (fd, text + length, size - length);

      if (got == 0)
        break;
      if (got < 0 && errno != EINTR)
        return -1;
      length += got > 0 ? (gsize) got : 0;
    }
  return (gssize) length;
}

static char *
read_open (int fd, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gssize length;

  if (!check_file (fd, path, error))
    return NULL;
  text = g_malloc0 (MAX_SIZE + 1);
  length = read_all (fd, text, MAX_SIZE);
  if (length < 0)
    {
      lectern_error_set_errno (error, errno, "cannot read '%s'", path);
      return NULL;
    }
  while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
    text[--length] = '\0';
  if (!g_utf8_validate_len (text, (gsize) length, NULL))
    {
      refuse (error, path, "is not UTF-8 text");
      return NULL;
    }
  if (length == 0)
    {
      refuse (error, path, "is empty");
      return NULL;
    }
  return g_strdup (text);
}

char *
lectern_secret_file_read (const char *path, GError **error)
{
  /* Not blocking, so that a named pipe cannot hold us. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  char *text;

  if (fd < 0)
    {
      lectern_error_set_errno (error, errno, "cannot open '%s'", path);
      return NULL;
    }
  text = read_open (fd, path, error);
  close (fd);
  return text;
}
