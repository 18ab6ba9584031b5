/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/lectern-pid-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct flock whole_file = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

static char *
get_path (const char *state_dir)
{
  return g_build_filename (state_dir, "lectern.pid", NULL);
}

static gboolean
write_pid (int fd)
{
  char text[32];
  int length = snprintf (text, sizeof text, "%ld\n", (long) getpid ());

  return ftruncate (fd, 0) == 0 && write (fd, text, length) == length;
}

int
lectern_pid_file_take (const char *state_dir, GError **error)
{
  g_autofree char *path = get_path (state_dir);
  struct flock lock = whole_file;
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

  if (fd < 0)
    {
      lectern_error_set_errno (error, errno, "cannot write '%s'", path);
      return -1;
    }
  if (fcntl (fd, F_SETLK, &lock) == 0 && write_pid (fd))
    return fd;
  if (errno == EACCES || errno == EAGAIN)
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT,
                 "another server uses the state directory '%s'", state_dir);
  else
    lectern_error_set_errno (error, errno, "cannot write '%s'", path);
  close (fd);
  return -1;
}

gint64
lectern_pid_file_find (const char *state_dir, GError **error)
{
  g_autofree char *path = get_path (state_dir);
  struct flock lock = whole_file;
  int fd = open (path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  int problem = errno;

  if (fd >= 0)
    {
      problem = fcntl (fd, F_GETLK, &lock) == 0 ? 0 : errno;
      close (fd);
    }
  if (problem != 0 && problem != ENOENT)
    {
      lectern_error_set_errno (error, problem, "cannot read '%s'", path);
      return 0;
    }
  if (problem == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
    return lock.l_pid;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "no server runs with '%s'",
               state_dir);
  return 0;
}
