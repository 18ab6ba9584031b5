/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* Playlists (RFC 8216bis) from what a presentation holds, bytes out, no I/O. Addresses are
 * relative, and carry @query (nullable; without "?"), the viewer's token and session. */

/* The multivariant playlist. Returns: (transfer full) (nullable): NULL while nothing can be played.
 */
char *lectern_hls_write_master (LecternPresentation *presentation, const char *query);

typedef struct
{
  const char *rendition;
  const char *query;
  gboolean low_latency;
  gboolean skip; /* _HLS_skip=YES: leave out old segments the client has */
} LecternHlsRequest;

/* One rendition's playlist. Returns: (transfer full) (nullable): NULL: no such rendition, or
 * nothing in it. */
char *lectern_hls_write_media (LecternPresentation *presentation, const LecternHlsRequest *request);
