/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#define LECTERN_RTMP_HANDSHAKE_SIZE 1536

/* LecternRtmpHandshake: the first 3073 bytes each way (5.2), sans I/O, for both ends. The digest
 * form of the Flash player and its server is spoken when the client speaks it. Plain memory. */
typedef struct
{
  gboolean server;
  gboolean digest; /* the peer used it */
  enum
  {
    LECTERN_RTMP_HANDSHAKE_HELLO, /* waiting for C0 and C1, or S0 and S1 */
    LECTERN_RTMP_HANDSHAKE_ECHO,  /* waiting for C2 or S2 */
    LECTERN_RTMP_HANDSHAKE_DONE,
  } state;
} LecternRtmpHandshake;

void lectern_rtmp_handshake_init_server (LecternRtmpHandshake *self);
/* Writes C0 and C1, with a digest if @digest, to @out. */
void lectern_rtmp_handshake_init_client (LecternRtmpHandshake *self, gboolean digest,
                                         LecternByteWriter *out);

/* Takes whole steps from @data and appends the answer to @out. Returns: the bytes consumed; the
 * rest must come again with more behind it, or belongs to the chunks once the state is DONE.
 * Errors: NOT_SUPPORTED: RTMPE, RTMPT, HTTP or TLS; INVALID_DATA: no RTMP at all. */
gsize lectern_rtmp_handshake_input (LecternRtmpHandshake *self, const guint8 *data, gsize length,
                                    LecternByteWriter *out, GError **error);
