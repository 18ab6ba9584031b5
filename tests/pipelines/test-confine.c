/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each case shuts a process of its own in and tries the doors. */
#include "lectern-confine.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const allowed = "allowed";

/* A folder with a file, in the environment of the process that is shut in. */
static char *
make_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("lectern-confine-XXXXXX", &error);
  g_autofree char *file = g_build_filename (folder, "file", NULL);

  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (file, allowed, -1, NULL));
  g_setenv ("FOLDER", folder, TRUE);
  return folder;
}

static void
remove_folder (char *folder)
{
  static const char *const names[] = { "file", "new", "renamed" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
  g_free (folder);
}

/* Runs the case anew as a process of its own, which calls the function again. */
static void
run_inside (void)
{
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

static void
confine (const char *read_path, const char *write_path)
{
  const LecternConfinement confinement = { .nice = 3,
                                           .memory = G_GUINT64_CONSTANT (4) << 30,
                                           .read_path = read_path,
                                           .write_path = write_path };
  g_autoptr (GError) error = NULL;

  g_assert_true (lectern_confine_is_possible ());
  lectern_confine (&confinement, &error);
  g_assert_no_error (error);
}

static gboolean
has_landlock (void)
{
  if (syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1)
    return TRUE;
  g_test_skip ("this kernel has no Landlock");
  return FALSE;
}

static gboolean
has_seccomp (void)
{
  if (prctl (PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
    return TRUE;
  g_test_skip ("this kernel has no seccomp");
  return FALSE;
}

static void
check_refused (int result)
{
  int number = errno;

  g_assert_cmpint (result, ==, -1);
  g_assert_true (number == EACCES || number == EPERM);
}

static void
no_network (void)
{
  if (!has_seccomp ())
    return;
  if (!g_test_subprocess ())
    {
      run_inside ();
      return;
    }
  confine (NULL, NULL);
  check_refused (socket (AF_INET, SOCK_STREAM, 0));
  check_refused (socket (AF_INET6, SOCK_DGRAM, 0));
  check_refused (socket (AF_UNIX, SOCK_STREAM, 0));
  check_refused (socket (AF_NETLINK, SOCK_RAW, 0));
  _exit (0);
}

static gpointer
return_data (gpointer data)
{
  return data;
}

static void
check_connects (void)
{
  struct sockaddr_in address
      = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int server = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int client = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);

  g_assert_cmpint (bind (server, (struct sockaddr *) &address, size), ==, 0);
  g_assert_cmpint (listen (server, 1), ==, 0);
  g_assert_cmpint (getsockname (server, (struct sockaddr *) &address, &size), ==, 0);
  g_assert_true (connect (client, (struct sockaddr *) &address, size) == 0 || errno == EINPROGRESS);
  g_assert_cmpint (accept4 (server, NULL, NULL, SOCK_CLOEXEC), >=, 0);
}

static void
a_network_is_tcp_and_udp (void)
{
  const LecternConfinement confinement = { .network = TRUE };
  g_autoptr (GError) error = NULL;
  int pair[2];

  if (!has_seccomp ())
    return;
  if (!g_test_subprocess ())
    {
      run_inside ();
      return;
    }
  lectern_confine (&confinement, &error);
  g_assert_no_error (error);
  check_connects ();
  g_assert_true (socket (AF_INET6, SOCK_STREAM, 0) >= 0 || errno == EAFNOSUPPORT);
  g_assert_cmpint (socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), >=, 0);
  g_assert_cmpint (socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP), >=, 0);
  check_refused (socket (AF_UNIX, SOCK_STREAM, 0));
  check_refused (socket (AF_NETLINK, SOCK_RAW, 0));
  check_refused (socket (AF_PACKET, SOCK_DGRAM, 0));
  check_refused (socket (AF_VSOCK, SOCK_STREAM, 0));
  check_refused (socket (AF_INET, SOCK_RAW, IPPROTO_TCP));
  check_refused (socket (AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
  check_refused (socket (AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP));
  check_refused (open ("/etc/hosts", O_RDONLY));
  check_refused (fork ());
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
  g_assert_true (g_thread_join (g_thread_new ("one", return_data, "x")) != NULL);
  _exit (0);
}

static void
no_other_processes (void)
{
  char *const arguments[] = { (char *) "true", NULL };
  struct rlimit limit;

  if (!has_seccomp ())
    return;
  if (!g_test_subprocess ())
    {
      run_inside ();
      return;
    }
  confine (NULL, NULL);
  check_refused (fork ());
  check_refused (execv ("/bin/true", arguments));
  check_refused (kill (getppid (), 0));
  check_refused ((int) ptrace (PTRACE_ATTACH, getppid (), NULL, NULL));
  check_refused (unshare (CLONE_NEWUSER));
  check_refused ((int) syscall (SYS_pidfd_open, getppid (), 0));
  check_refused ((int) syscall (SYS_tgkill, getppid (), getppid (), 0));
  check_refused (prlimit (getppid (), RLIMIT_CORE, NULL, &limit));
  g_assert_cmpint (raise (0), ==, 0);
  _exit (0);
}

static void
threads_and_memory_remain (void)
{
  struct rlimit limit;
  gpointer memory;

  if (!g_test_subprocess ())
    {
      run_inside ();
      return;
    }
  confine (NULL, NULL);
  g_assert_true (g_thread_join (g_thread_new ("one", return_data, "x")) != NULL);
  memory = g_malloc (64 << 20);
  memset (memory, 1, 64 << 20);
  g_free (memory);
  g_assert_cmpint (getpriority (PRIO_PROCESS, 0), >=, 3);
  g_assert_cmpint (getrlimit (RLIMIT_CORE, &limit), ==, 0);
  g_assert_cmpuint (limit.rlim_max, ==, 0);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  g_assert_cmpuint (limit.rlim_max, <=, 1 << 20);
  g_assert_cmpint (prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), ==, 1);
  _exit (0);
}

static void
files_outside_are_out_of_reach (void)
{
  g_autofree char *environment = NULL;
  char *folder;

  if (!has_landlock ())
    return;
  if (!g_test_subprocess ())
    {
      folder = make_folder ();
      run_inside ();
      remove_folder (folder);
      return;
    }
  confine (NULL, NULL);
  environment = g_strdup_printf ("/proc/%d/environ", (int) getppid ());
  check_refused (open ("/etc/passwd", O_RDONLY));
  check_refused (open (environment, O_RDONLY));
  check_refused (open ("/", O_RDONLY | O_DIRECTORY));
  check_refused (open (g_getenv ("FOLDER"), O_RDONLY | O_DIRECTORY));
  g_assert_cmpint (open ("/usr", O_RDONLY | O_DIRECTORY), >=, 0);
  _exit (0);
}

static void
a_named_file_can_be_read (void)
{
  g_autofree char *file = NULL;
  g_autofree char *text = NULL;
  char *folder;

  if (!has_landlock ())
    return;
  if (!g_test_subprocess ())
    {
      folder = make_folder ();
      run_inside ();
      remove_folder (folder);
      return;
    }
  file = g_build_filename (g_getenv ("FOLDER"), "file", NULL);
  confine (file, NULL);
  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, allowed);
  check_refused (open (file, O_WRONLY));
  check_refused (open (file, O_RDWR | O_TRUNC));
  check_refused (g_unlink (file));
  check_refused (open (g_getenv ("FOLDER"), O_RDONLY | O_DIRECTORY));
  _exit (0);
}

/* Without Landlock too. */
static void
readers_write_nothing (void)
{
  g_autofree char *file = NULL;
  char *folder;

  if (!has_seccomp ())
    return;
  if (!g_test_subprocess ())
    {
      folder = make_folder ();
      run_inside ();
      remove_folder (folder);
      return;
    }
  file = g_build_filename (g_getenv ("FOLDER"), "new", NULL);
  confine (NULL, NULL);
  check_refused (open (file, O_WRONLY | O_CREAT, 0600));
  check_refused (g_mkdir (file, 0700));
  check_refused (symlink ("/", file));
  _exit (0);
}

static void
a_named_folder_can_be_written (void)
{
  g_autofree char *file = NULL;
  g_autofree char *renamed = NULL;
  char *folder;

  if (!has_landlock ())
    return;
  if (!g_test_subprocess ())
    {
      folder = make_folder ();
      run_inside ();
      remove_folder (folder);
      return;
    }
  file = g_build_filename (g_getenv ("FOLDER"), "new", NULL);
  renamed = g_build_filename (g_getenv ("FOLDER"), "renamed", NULL);
  confine (NULL, g_getenv ("FOLDER"));
  g_assert_true (g_file_set_contents (file, "x", 1, NULL));
  g_assert_cmpint (g_rename (file, renamed), ==, 0);
  g_assert_cmpint (truncate (renamed, 0), ==, 0);
  g_assert_cmpint (g_unlink (renamed), ==, 0);
  check_refused (open ("/tmp/lectern-confine-outside", O_WRONLY | O_CREAT, 0600));
  _exit (0);
}

static void
a_missing_path_is_an_error (void)
{
  const LecternConfinement confinement = { .read_path = "/nowhere/at/all" };
  g_autoptr (GError) error = NULL;

  if (!has_landlock ())
    return;
  if (!g_test_subprocess ())
    {
      run_inside ();
      return;
    }
  g_assert_false (lectern_confine (&confinement, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND);
  _exit (0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/confine/no-network", no_network);
  g_test_add_func ("/confine/a-network-is-tcp-and-udp", a_network_is_tcp_and_udp);
  g_test_add_func ("/confine/no-other-processes", no_other_processes);
  g_test_add_func ("/confine/threads-and-memory-remain", threads_and_memory_remain);
  g_test_add_func ("/confine/files-outside-are-out-of-reach", files_outside_are_out_of_reach);
  g_test_add_func ("/confine/a-named-file-can-be-read", a_named_file_can_be_read);
  g_test_add_func ("/confine/readers-write-nothing", readers_write_nothing);
  g_test_add_func ("/confine/a-named-folder-can-be-written", a_named_folder_can_be_written);
  g_test_add_func ("/confine/a-missing-path-is-an-error", a_missing_path_is_an_error);
  return g_test_run ();
}
