/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

#include <sys/types.h>

/* Files below a folder, kept there by the kernel (openat2: RESOLVE_BENEATH, no symbolic links, no
 * magic links): whatever the path holds, nothing outside is reached. Each blocks. Thread: any. */

/* Returns: a descriptor of the folder @path itself (O_PATH), -1 with @error. */
LECTERN_API int lectern_beneath_open_root (const char *path, GError **error);
/* Opens @path, relative to the folder @root, with @flags of open(2) and always O_CLOEXEC,
 * O_NOCTTY and O_NONBLOCK, for a pipe of that name must hold nobody. Returns: -1 with errno. */
LECTERN_API int lectern_beneath_open (int root, const char *path, int flags, mode_t mode);
/* Opens the folder @path below @root, which may be listed; with @create it is made where it is
 * missing, mode 0750, with all above it. Returns: -1 with errno. */
LECTERN_API int lectern_beneath_open_folder (int root, const char *path, gboolean create);
/* Writes all of @bytes into the file @name of the folder @folder so that after a crash either
 * the old or the new file is there, whole. Errors: FAILED, LIMIT. */
LECTERN_API gboolean lectern_beneath_replace (int folder, const char *name, GBytes *bytes,
                                              GError **error);
/* Writes @length bytes at @offset, over interruptions and partial writes. FALSE with errno. */
LECTERN_API gboolean lectern_beneath_write_all (int fd, const void *data, gsize length,
                                                off_t offset);
/* Returns: (transfer full) (nullable): the first @max bytes at most; NULL with errno. */
LECTERN_API GBytes *lectern_beneath_read (int fd, gsize max);
