/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/lectern-worker-spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the link is in the child, and what lies above it is closed there. */
#define LINK_FD 3

/* Of our environment a child gets the variables that begin so; secrets are not among them. */
static const char *const passed_on[] = {
  "PATH=",         "HOME=", "LANG",     "LC_",      "TZ=",     "TMPDIR=",       "LD_LIBRARY_PATH=",
  "GST_",          "ORC_",  "G_SLICE=", "G_DEBUG=", "MALLOC_", "ASAN_OPTIONS=", "UBSAN_OPTIONS=",
  "LECTERN_DEBUG="
};

static gboolean
is_passed_on (const char *variable)
{
  for (gsize i = 0; i < G_N_ELEMENTS (passed_on); i++)
    if (g_str_has_prefix (variable, passed_on[i]))
      return TRUE;
  return FALSE;
}

static GStrv
make_environment (const char *registry)
{
  g_auto (GStrv) all = g_get_environ ();
  GStrvBuilder *builder = g_strv_builder_new ();
  GStrv environment;

  for (guint i = 0; all[i] != NULL; i++)
    if (is_passed_on (all[i]))
      g_strv_builder_add (builder, all[i]);
  environment = g_strv_builder_end (builder);
  g_strv_builder_unref (builder);
  if (registry != NULL)
    environment = g_environ_setenv (environment, "GST_REGISTRY", registry, FALSE);
  /* The scanner is a child of its own, which a worker may not have. */
  return g_environ_setenv (environment, "GST_REGISTRY_FORK", "no", TRUE);
}

/* Moves @fd above the numbers that the child's own descriptors get, so that none is overwritten
 * before it is used. */
static int
lift (int fd)
{
  int lifted = fd >= 0 && fd <= LINK_FD ? fcntl (fd, F_DUPFD_CLOEXEC, LINK_FD + 1) : fd;

  if (lifted != fd)
    close (fd);
  return lifted;
}

static void
close_pair (int pair[2])
{
  for (guint i = 0; i < 2; i++)
    if (pair[i] >= 0)
      close (pair[i]);
}

static int
spawn (const char *program, const char *job, GStrv environment, int link, int log, pid_t *pid)
{
  g_autofree char *parent = g_strdup_printf ("%d", (int) getpid ());
  char *const argv[] = { (char *) program, (char *) job, parent, NULL };
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t signals;
  int failure;

  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2 (&actions, log, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2 (&actions, log, STDERR_FILENO);
  posix_spawn_file_actions_adddup2 (&actions, link, LINK_FD);
  posix_spawn_file_actions_addclosefrom_np (&actions, LINK_FD + 1);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setflags (&attributes,
                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  sigemptyset (&signals);
  posix_spawnattr_setsigmask (&attributes, &signals);
  sigfillset (&signals);
  posix_spawnattr_setsigdefault (&attributes, &signals);
  failure = posix_spawn (pid, program, &actions, &attributes, argv, environment);
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&actions);
  return failure;
}

/* A process that we cannot watch must not be. */
static gboolean
watch_process (LecternWorkerProcess *process, GError **error)
{
  process->pid_fd = (int) syscall (SYS_pidfd_open, process->pid, 0);
  if (process->pid_fd >= 0)
    return TRUE;
  lectern_error_set_errno (error, errno, "cannot watch a worker process");
  (void) kill (process->pid, SIGKILL);
  (void) waitpid (process->pid, NULL, 0);
  return FALSE;
}

gboolean
lectern_worker_spawn (const char *program, const char *job, const char *registry,
                      LecternWorkerProcess *process, GError **error)
{
  g_auto (GStrv) environment = make_environment (registry);
  int link[2] = { -1, -1 };
  int log[2] = { -1, -1 };
  int failure = 0;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) != 0 || pipe2 (log, O_CLOEXEC) != 0)
    failure = errno;
  if (failure == 0 && ((link[1] = lift (link[1])) < 0 || (log[1] = lift (log[1])) < 0))
    failure = errno;
  if (failure == 0)
    failure = spawn (program, job, environment, link[1], log[1], &process->pid);
  if (failure != 0)
    lectern_error_set_errno (error, failure, "cannot start '%s'", program);
  else if (watch_process (process, error))
    {
      process->link = link[0];
      process->log = log[0];
      (void) fcntl (log[0], F_SETFL, O_NONBLOCK);
      close (link[1]);
      close (log[1]);
      return TRUE;
    }
  close_pair (link);
  close_pair (log);
  return FALSE;
}
