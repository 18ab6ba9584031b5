/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ORC keeps its machine code in a file in memory of 64 KiB, so it is not 0 for those who write
 * none. */
#define FILE_SIZE (1024 * 1024)
#define DESCRIPTORS 512
#define TYPE_MASK 0xf /* of a socket: SOCK_TYPE_MASK in Linux */

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN TRUE /* its shadow memory takes 16 TiB of addresses */
#else
#define UNDER_ASAN FALSE
#endif

/* ── Landlock (Documentation/userspace-api/landlock.rst); later kernels' parts by number ── */

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define TRUNCATE (1u << 14)
#define WRITE_RIGHTS                                                                               \
  (READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE                    \
   | LANDLOCK_ACCESS_FS_MAKE_REG | TRUNCATE)
#define FILE_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE)

typedef struct
{
  guint64 fs;
  guint64 net;
  guint64 scoped;
} Ruleset;

/* What each version of the interface can hold back, from the first on. */
static const Ruleset versions[] = {
  { (1 << 13) - 1, 0, 0 }, { (1 << 14) - 1, 0, 0 }, { (1 << 15) - 1, 0, 0 },
  { (1 << 15) - 1, 3, 0 }, { (1 << 16) - 1, 3, 0 }, { (1 << 16) - 1, 3, 3 },
};

/* What programs read that only compute: libraries, time zones, how many processors there are. */
static const char *const system_paths[]
    = { "/usr",       "/lib",          "/lib64",        "/etc/ld.so.cache",        "/etc/localtime",
        "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/dev/urandom",
        "/dev/null" };

/* Whom TLS may trust, for those with a network. */
static const char *const network_paths[] = { "/etc/ssl/certs", "/etc/pki/tls/certs" };

static gboolean
allow (int ruleset, const char *path, guint64 rights, guint64 handled, GError **error)
{
  struct landlock_path_beneath_attr rule = { .allowed_access = rights & handled };
  struct stat status;
  gboolean done;

  rule.parent_fd = open (path, O_PATH | O_CLOEXEC);
  if (rule.parent_fd < 0 || fstat (rule.parent_fd, &status) != 0)
    {
      lectern_error_set_errno (error, errno, "cannot open '%s'", path);
      return FALSE;
    }
  if (!S_ISDIR (status.st_mode))
    rule.allowed_access &= FILE_RIGHTS;
  done = syscall (SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  if (!done)
    lectern_error_set_errno (error, errno, "cannot be confined to '%s'", path);
  close (rule.parent_fd);
  return done;
}

static gboolean
allow_paths (int ruleset, const LecternConfinement *self, guint64 handled, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (system_paths); i++)
    (void) allow (ruleset, system_paths[i], READ_RIGHTS, handled, NULL);
  for (gsize i = 0; self->network && i < G_N_ELEMENTS (network_paths); i++)
    (void) allow (ruleset, network_paths[i], READ_RIGHTS, handled, NULL);
  return (self->read_path == NULL || allow (ruleset, self->read_path, READ_RIGHTS, handled, error))
         && (self->write_path == NULL
             || allow (ruleset, self->write_path, WRITE_RIGHTS, handled, error));
}

static gboolean
restrict_files (const LecternConfinement *self, GError **error)
{
  long version = syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  Ruleset attribute;
  gboolean done;
  int ruleset;

  if (version < 1)
    {
      g_info ("this kernel has no Landlock: files are not held back");
      return TRUE;
    }
  attribute = versions[MIN ((gsize) version, G_N_ELEMENTS (versions)) - 1];
  if (self->network)
    attribute.net = 0;
  ruleset = (int) syscall (SYS_landlock_create_ruleset, &attribute,
                           version >= 6   ? 24
                           : version >= 4 ? 16
                                          : 8,
                           0);
  if (ruleset < 0)
    {
      lectern_error_set_errno (error, errno, "cannot be confined");
      return FALSE;
    }
  done = allow_paths (ruleset, self, attribute.fs, error);
  if (done && syscall (SYS_landlock_restrict_self, ruleset, 0) != 0)
    {
      lectern_error_set_errno (error, errno, "cannot be confined");
      done = FALSE;
    }
  close (ruleset);
  return done;
}

/* ── system calls ── */

/* None of these is of use for work on pictures and sound, and each is a way out or up. */
static const int denied[] = {
  SCMP_SYS (execve),
  SCMP_SYS (execveat),
  SCMP_SYS (fork),
  SCMP_SYS (vfork),
  SCMP_SYS (ptrace),
  SCMP_SYS (process_vm_readv),
  SCMP_SYS (process_vm_writev),
  SCMP_SYS (process_madvise),
  SCMP_SYS (kill),
  SCMP_SYS (tkill),
  SCMP_SYS (rt_sigqueueinfo),
  SCMP_SYS (pidfd_open),
  SCMP_SYS (pidfd_getfd),
  SCMP_SYS (pidfd_send_signal),
  SCMP_SYS (kcmp),
  SCMP_SYS (mount),
  SCMP_SYS (umount2),
  SCMP_SYS (pivot_root),
  SCMP_SYS (chroot),
  SCMP_SYS (open_tree),
  SCMP_SYS (move_mount),
  SCMP_SYS (fsopen),
  SCMP_SYS (fsmount),
  SCMP_SYS (setns),
  SCMP_SYS (unshare),
  SCMP_SYS (keyctl),
  SCMP_SYS (add_key),
  SCMP_SYS (request_key),
  SCMP_SYS (bpf),
  SCMP_SYS (perf_event_open),
  SCMP_SYS (userfaultfd),
  SCMP_SYS (io_uring_setup),
  SCMP_SYS (io_uring_enter),
  SCMP_SYS (io_uring_register),
  SCMP_SYS (kexec_load),
  SCMP_SYS (init_module),
  SCMP_SYS (finit_module),
  SCMP_SYS (delete_module),
  SCMP_SYS (open_by_handle_at),
  SCMP_SYS (name_to_handle_at),
  SCMP_SYS (fanotify_init),
  SCMP_SYS (inotify_init1),
  SCMP_SYS (personality),
  SCMP_SYS (acct),
  SCMP_SYS (quotactl),
  SCMP_SYS (swapon),
  SCMP_SYS (swapoff),
  SCMP_SYS (reboot),
  SCMP_SYS (syslog),
  SCMP_SYS (setuid),
  SCMP_SYS (setgid),
  SCMP_SYS (setreuid),
  SCMP_SYS (setregid),
  SCMP_SYS (setresuid),
  SCMP_SYS (setresgid),
  SCMP_SYS (setgroups),
  SCMP_SYS (capset),
  SCMP_SYS (shmget),
  SCMP_SYS (msgget),
  SCMP_SYS (semget),
  SCMP_SYS (mq_open),
  SCMP_SYS (chmod),
  SCMP_SYS (chown),
  SCMP_SYS (lchown),
  SCMP_SYS (fchownat),
  SCMP_SYS (mknod),
  SCMP_SYS (mknodat),
  SCMP_SYS (setxattr),
  SCMP_SYS (lsetxattr),
  SCMP_SYS (fsetxattr),
};

/* These are for those with a network only. */
static const int denied_without_network[]
    = { SCMP_SYS (socket), SCMP_SYS (connect), SCMP_SYS (bind),
        SCMP_SYS (listen), SCMP_SYS (accept),  SCMP_SYS (accept4) };

/* And these not for one who writes no files, wherever the kernel has no Landlock. */
static const int denied_to_readers[]
    = { SCMP_SYS (creat),     SCMP_SYS (mkdir),    SCMP_SYS (mkdirat), SCMP_SYS (rmdir),
        SCMP_SYS (unlink),    SCMP_SYS (unlinkat), SCMP_SYS (rename),  SCMP_SYS (renameat),
        SCMP_SYS (renameat2), SCMP_SYS (link),     SCMP_SYS (linkat),  SCMP_SYS (symlink),
        SCMP_SYS (symlinkat), SCMP_SYS (truncate), SCMP_SYS (fchmodat) };

/* Returns: 0, or the first failure; a call that this processor does not have is none. */
static int
deny (scmp_filter_ctx filter, const int *calls, gsize count)
{
  for (gsize i = 0; i < count; i++)
    {
      int result = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), calls[i], 0);

      if (result != 0 && result != -EDOM && result != -EINVAL)
        return result;
    }
  return 0;
}

static int
deny_writing (scmp_filter_ctx filter)
{
  static const guint flags[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC };
  int result = deny (filter, denied_to_readers, G_N_ELEMENTS (denied_to_readers));

  /* It hides its flags from the filter. */
  if (result == 0)
    result = seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOSYS), SCMP_SYS (openat2), 0);

  for (gsize i = 0; i < G_N_ELEMENTS (flags) && result == 0; i++)
    {
      result = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (openat), 1,
                                 SCMP_A2 (SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
      if (result == 0)
        result = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (open), 1,
                                   SCMP_A1 (SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
    }
  return result;
}

static int
deny_sockets (scmp_filter_ctx filter, struct scmp_arg_cmp test)
{
  return seccomp_rule_add_array (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (socket), 1, &test);
}

/* A rule looks at an argument but once, so what lies between the allowed values is gone through. */
static int
deny_other_sockets (scmp_filter_ctx filter)
{
  int result = deny_sockets (filter, SCMP_A0 (SCMP_CMP_LT, AF_INET));

  for (int family = AF_INET + 1; family < AF_INET6 && result == 0; family++)
    result = deny_sockets (filter, SCMP_A0 (SCMP_CMP_EQ, (guint) family));
  if (result == 0)
    result = deny_sockets (filter, SCMP_A0 (SCMP_CMP_GT, AF_INET6));
  /* Flags may be added to a type. */
  for (guint type = 0; type <= TYPE_MASK && result == 0; type++)
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
      result = deny_sockets (filter, SCMP_A1 (SCMP_CMP_MASKED_EQ, TYPE_MASK, type));
  if (result == 0)
    result = deny_sockets (filter, SCMP_A2 (SCMP_CMP_EQ, IPPROTO_ICMP));
  if (result == 0)
    result = deny_sockets (filter, SCMP_A2 (SCMP_CMP_GT, IPPROTO_UDP));
  return result;
}

/* Signals and limits are for this process alone. */
static int
deny_other_targets (scmp_filter_ctx filter)
{
  int result = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (tgkill), 1,
                                 SCMP_A0 (SCMP_CMP_NE, getpid ()));

  if (result == 0)
    result = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (prlimit64), 1,
                               SCMP_A0 (SCMP_CMP_NE, 0));
  return result;
}

/* Threads are made by clone; clone3 hides its flags from the filter, and glibc does without it. */
static int
deny_processes (scmp_filter_ctx filter)
{
  int result = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (clone), 1,
                                 SCMP_A0 (SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));

  return result != 0 ? result
                     : seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOSYS), SCMP_SYS (clone3), 0);
}

static gboolean
restrict_calls (const LecternConfinement *self, GError **error)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);
  int result = filter != NULL ? deny (filter, denied, G_N_ELEMENTS (denied)) : -ENOMEM;

  /* Threads that a library has started are held back too. */
  if (result == 0)
    result = seccomp_attr_set (filter, SCMP_FLTATR_CTL_TSYNC, 1);
  if (result == 0)
    result = deny_other_targets (filter);
  if (result == 0)
    result = deny_processes (filter);
  if (result == 0 && self->network)
    result = deny_other_sockets (filter);
  else if (result == 0)
    result = deny (filter, denied_without_network, G_N_ELEMENTS (denied_without_network));
  if (result == 0 && self->write_path == NULL)
    result = deny_writing (filter);
  if (result == 0)
    result = seccomp_load (filter);
  if (filter != NULL)
    seccomp_release (filter);
  if (result == -ENOSYS || result == -EINVAL)
    {
      g_info ("this kernel has no seccomp filters: system calls are not held back");
      return TRUE;
    }
  if (result != 0)
    lectern_error_set_errno (error, -result, "system calls cannot be held back");
  return result == 0;
}

/* ── limits ── */

static gboolean
set_limit (__rlimit_resource_t resource, guint64 value, GError **error)
{
  struct rlimit limit;

  if (getrlimit (resource, &limit) == 0)
    {
      limit.rlim_max = MIN (limit.rlim_max, value);
      limit.rlim_cur = limit.rlim_max;
      if (setrlimit (resource, &limit) == 0)
        return TRUE;
    }
  lectern_error_set_errno (error, errno, "cannot limit a resource");
  return FALSE;
}

static gboolean
set_limits (const LecternConfinement *self, GError **error)
{
  /* A write beyond the limit is an error then, and no end. */
  signal (SIGXFSZ, SIG_IGN);
  if (self->nice > 0)
    (void) setpriority (PRIO_PROCESS, 0, self->nice);
  return set_limit (RLIMIT_CORE, 0, error) && set_limit (RLIMIT_NOFILE, DESCRIPTORS, error)
         && (self->write_path != NULL || set_limit (RLIMIT_FSIZE, FILE_SIZE, error))
         && (self->memory == 0 || UNDER_ASAN || set_limit (RLIMIT_AS, self->memory, error));
}

gboolean
lectern_confine_is_possible (void)
{
  g_autoptr (GDir) threads = g_dir_open ("/proc/self/task", 0, NULL);

  return threads == NULL
         || (g_dir_read_name (threads) != NULL && g_dir_read_name (threads) == NULL);
}

gboolean
lectern_confine (const LecternConfinement *confinement, GError **error)
{
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    {
      lectern_error_set_errno (error, errno, "cannot give up privileges");
      return FALSE;
    }
  return set_limits (confinement, error) && restrict_files (confinement, error)
         && restrict_calls (confinement, error);
}
