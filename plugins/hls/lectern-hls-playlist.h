/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-hls-text.h"

/* Playlists (RFC 8216bis) from what a presentation holds, bytes out, no I/O. Addresses are
 * relative. */

/* The multivariant playlist. Returns: (transfer full) (nullable): NULL while nothing can be played.
 */
LecternHlsText *lectern_hls_write_master (LecternPresentation *presentation);

typedef struct
{
  const char *rendition;
  gboolean low_latency;
  gboolean skip; /* _HLS_skip=YES: leave out old segments the client has */
} LecternHlsRequest;

/* One rendition's playlist. Returns: (transfer full) (nullable): NULL: no such rendition, or
 * nothing in it. */
LecternHlsText *lectern_hls_write_media (LecternPresentation *presentation,
                                         const LecternHlsRequest *request);
