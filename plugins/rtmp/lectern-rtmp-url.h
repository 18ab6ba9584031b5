/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#define LECTERN_RTMP_MAX_URL 4096

/* LecternRtmpUrl: where a stream is on another server:
 * "rtmp://[USER:PASSWORD@]HOST[:1935]/APP/NAME?QUERY", where APP may have several parts. */
typedef struct
{
  gboolean secure; /* rtmps, port 443 */
  char *host;      /* without brackets */
  guint16 port;
  char *app;
  char *name;   /* with its query */
  char *tc_url; /* of the application, without the user */
  char *user;   /* NULL: none is given */
  char *password;
} LecternRtmpUrl;

void lectern_rtmp_url_clear (LecternRtmpUrl *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtmpUrl, lectern_rtmp_url_clear)

/* Errors, which do not tell the address: INVALID_DATA. */
gboolean lectern_rtmp_url_parse (const char *text, LecternRtmpUrl *self, GError **error);

/* The stream of @self in the application at @redirect, to which its server refers. User and
 * password go along to the same host alone. Returns: (transfer full): its address. Errors, which do
 * not tell it: INVALID_DATA; DENIED: it would leave TLS. */
char *lectern_rtmp_url_redirect (const LecternRtmpUrl *self, const char *redirect,
                                 LecternRtmpUrl *target, GError **error);
