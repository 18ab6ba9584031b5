/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-files.h"

#include "base/lectern-beneath.h"
#include "http/lectern-http-exchange-private.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files up to here are read into memory at once. */
#define MEMORY_MAX (1024 * 1024)

const char *
lectern_http_files_get_type (const char *name)
{
  static const struct
  {
    const char *ending;
    const char *type;
  } types[] = {
    { "html", "text/html; charset=utf-8" },
    { "js", "text/javascript; charset=utf-8" },
    { "mjs", "text/javascript; charset=utf-8" },
    { "css", "text/css; charset=utf-8" },
    { "json", "application/json" },
    { "map", "application/json" },
    { "webmanifest", "application/manifest+json" },
    { "txt", "text/plain; charset=utf-8" },
    { "md", "text/plain; charset=utf-8" },
    { "xml", "application/xml" },
    { "svg", "image/svg+xml" },
    { "png", "image/png" },
    { "jpg", "image/jpeg" },
    { "jpeg", "image/jpeg" },
    { "webp", "image/webp" },
    { "gif", "image/gif" },
    { "ico", "image/x-icon" },
    { "woff2", "font/woff2" },
    { "wasm", "application/wasm" },
    { "m3u8", "application/vnd.apple.mpegurl" },
    { "mpd", "application/dash+xml" },
    { "mp4", "video/mp4" },
    { "m4s", "video/iso.segment" },
    { "m4v", "video/mp4" },
    { "m4a", "audio/mp4" },
    { "ts", "video/mp2t" },
    { "flv", "video/x-flv" },
    { "vtt", "text/vtt; charset=utf-8" },
    { "pdf", "application/pdf" },
  };
  const char *dot = strrchr (name, '.');
  guint i;

  if (dot == NULL || strchr (dot, '/') != NULL)
    return "application/octet-stream";
  for (i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_ascii_strcasecmp (types[i].ending, dot + 1) == 0)
      return types[i].type;
  return "application/octet-stream";
}

/* Returns: -1 when there is no such thing below @root. */
static int
open_beneath (const char *root, const char *path)
{
  int folder = lectern_beneath_open_root (root, NULL);
  int fd;

  if (folder < 0)
    return -1;
  fd = lectern_beneath_open (folder, path, O_RDONLY, 0);
  close (folder);
  return fd;
}

static void
answer_missing (LecternHttpExchange *exchange)
{
  lectern_http_exchange_respond_problem (exchange, 404, "There is no such thing here.");
}

static void
describe (LecternHttpExchange *exchange, const struct stat *about)
{
  g_autofree char *etag = g_strdup_printf (
      "\"%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x-%lx\"", (guint64) about->st_size,
      (guint64) about->st_mtim.tv_sec, about->st_mtim.tv_nsec);

  lectern_http_exchange_set_header (exchange, "ETag", etag);
  lectern_http_exchange_set_header (exchange, "Accept-Ranges", "bytes");
}

void
lectern_http_files_serve (LecternHttpExchange *exchange, const char *root, const char *path)
{
  LecternHttpPayload payload = LECTERN_HTTP_PAYLOAD_NONE;
  struct stat about;

  payload.fd = *path != '\0' ? open_beneath (root, path) : -1;
  if (payload.fd < 0 || fstat (payload.fd, &about) != 0 || !S_ISREG (about.st_mode))
    {
      lectern_http_payload_clear (&payload);
      answer_missing (exchange);
      return;
    }
  payload.left = (guint64) about.st_size;
  if (payload.left <= MEMORY_MAX)
    {
      payload.bytes = lectern_beneath_read (payload.fd, payload.left);
      close (payload.fd);
      payload.fd = -1;
      if (payload.bytes == NULL)
        {
          answer_missing (exchange);
          return;
        }
      payload.left = g_bytes_get_size (payload.bytes);
    }
  describe (exchange, &about);
  lectern_http_exchange_respond_payload (exchange, 200, lectern_http_files_get_type (path),
                                         &payload);
}
