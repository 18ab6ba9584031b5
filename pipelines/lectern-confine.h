/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* What a worker may have once it is shut in. */
typedef struct
{
  int nice;
  guint64 memory;         /* bytes of address space, 0: no limit */
  const char *read_path;  /* (nullable): a file or folder */
  const char *write_path; /* (nullable): a folder */
  gboolean network;       /* TCP and UDP over IPv4 and IPv6, and the system's certificates */
} LecternConfinement;

/* Whether this process has but one thread, as lectern_confine needs. */
gboolean lectern_confine_is_possible (void);

/* Shuts the process in for good: no new privileges, no programs, no processes, no sockets but those
 * named, no files but the system's libraries (Landlock, Linux 5.13) and those named, limits, less
 * priority. What the kernel does not have is left out and named in the log; the rest holds. Before
 * there are threads, as Landlock binds the calling one and those it will start.
 * Errors: FAILED, NOT_FOUND (a path). */
gboolean lectern_confine (const LecternConfinement *confinement, GError **error);
