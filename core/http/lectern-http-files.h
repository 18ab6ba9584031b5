/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-exchange.h"

/* Answers a GET or HEAD with the regular file @path ("hls/player.js", decoded, relative) below the
 * folder @root, with its type, an ETag and ranges; 404 for what is not there, is no file, or would
 * leave the folder or pass a symbolic link. A small file is read at once, a larger one is sent in
 * pieces as the peer takes them. Cache-Control is the caller's to set before.
 * Thread: the connection's reactor. */
LECTERN_API void lectern_http_files_serve (LecternHttpExchange *exchange, const char *root,
                                           const char *path);
/* Returns: the content type for a file's name by its ending; static. Thread: any. */
LECTERN_API const char *lectern_http_files_get_type (const char *name);
