/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-handshake.h"

#include <string.h>
#include <sys/random.h>

#define SIZE LECTERN_RTMP_HANDSHAKE_SIZE
#define VERSION 3
#define DIGEST_SIZE 32

/* The two names are keys as they stand; with the constant behind them they sign the echo. */
static const guint8 player_key[62]
    = "Genuine Adobe Flash Player 001"
      "\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57"
      "\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae";
static const guint8 server_key[68]
    = "Genuine Adobe Flash Media Server 001"
      "\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57"
      "\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae";
#define PLAYER_NAME_SIZE 30
#define SERVER_NAME_SIZE 36

static void
sign (const guint8 *key, gsize key_size, const guint8 *first, gsize first_size,
      const guint8 *second, gsize second_size, guint8 digest[DIGEST_SIZE])
{
  GHmac *hmac = g_hmac_new (G_CHECKSUM_SHA256, key, key_size);
  gsize size = DIGEST_SIZE;

  g_hmac_update (hmac, first, first_size);
  if (second_size > 0)
    g_hmac_update (hmac, second, second_size);
  g_hmac_get_digest (hmac, digest, &size);
  g_hmac_unref (hmac);
}

/* The digest lies at a place that four bytes name, in the half of the packet that the scheme says:
 * behind them at 8 (the player's first scheme) or at 772 (its second). */
static gsize
digest_offset (const guint8 *packet, guint scheme)
{
  gsize base = scheme == 0 ? 8 : 772;
  guint sum = packet[base] + packet[base + 1] + packet[base + 2] + packet[base + 3];

  return base + 4 + sum % 728;
}

static void
sign_packet (const guint8 *packet, gsize offset, const guint8 *key, gsize key_size,
             guint8 digest[DIGEST_SIZE])
{
  sign (key, key_size, packet, offset, packet + offset + DIGEST_SIZE, SIZE - offset - DIGEST_SIZE,
        digest);
}

static gboolean
find_digest (const guint8 *packet, const guint8 *key, gsize key_size, guint *scheme,
             const guint8 **digest)
{
  guint8 expected[DIGEST_SIZE];

  for (guint i = 0; i < 2; i++)
    {
      gsize offset = digest_offset (packet, i);

      sign_packet (packet, offset, key, key_size, expected);
      if (memcmp (expected, packet + offset, DIGEST_SIZE) != 0)
        continue;
      *scheme = i;
      *digest = packet + offset;
      return TRUE;
    }
  return FALSE;
}

/* Nothing secret depends on these bytes; they only have to differ. */
static void
fill (guint8 *to, gsize size)
{
  while (size > 0)
    {
      gsize part = MIN (size, 256);

      if (getrandom (to, part, 0) != (gssize) part)
        memset (to, 0x5a, part);
      to += part;
      size -= part;
    }
}

static void
write_hello (LecternByteWriter *out, gboolean server, gboolean digest, guint scheme)
{
  guint8 *packet = lectern_byte_writer_reserve (out, 1 + SIZE);

  if (packet == NULL)
    return;
  *packet++ = VERSION;
  fill (packet + 8, SIZE - 8);
  memset (packet, 0, 8);
  if (!digest)
    return;
  /* Any version but zero says that there is a digest. */
  memcpy (packet + 4, server ? "\x04\x05\x00\x01" : "\x09\x00\x7c\x02", 4);
  {
    gsize offset = digest_offset (packet, scheme);

    sign_packet (packet, offset, server ? server_key : player_key,
                 server ? SERVER_NAME_SIZE : PLAYER_NAME_SIZE, packet + offset);
  }
}

static void
write_echo (LecternByteWriter *out, gboolean server, const guint8 *peer_packet,
            const guint8 *peer_digest)
{
  guint8 key[DIGEST_SIZE];
  guint8 *packet = lectern_byte_writer_reserve (out, SIZE);

  if (packet == NULL)
    return;
  if (peer_digest == NULL)
    {
      memcpy (packet, peer_packet, SIZE);
      return;
    }
  fill (packet, SIZE - DIGEST_SIZE);
  sign (server ? server_key : player_key, server ? sizeof server_key : sizeof player_key,
        peer_digest, DIGEST_SIZE, NULL, 0, key);
  sign (key, sizeof key, packet, SIZE - DIGEST_SIZE, NULL, 0, packet + SIZE - DIGEST_SIZE);
}

void
lectern_rtmp_handshake_init_server (LecternRtmpHandshake *self)
{
  *self = (LecternRtmpHandshake){ .server = TRUE };
}

void
lectern_rtmp_handshake_init_client (LecternRtmpHandshake *self, gboolean digest,
                                    LecternByteWriter *out)
{
  *self = (LecternRtmpHandshake){ .server = FALSE };
  write_hello (out, FALSE, digest, 0);
}

static gboolean
check_version (guint8 version, GError **error)
{
  if (version == VERSION)
    return TRUE;
  if (version == 6 || version == 8 || version == 9)
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                 "the peer speaks RTMPE (version %u), which is not offered; use RTMP or RTMPS",
                 version);
  else if (version == 'P' || version == 'G' || version == 'O' || version == 'H')
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                 "the peer speaks HTTP or RTMPT on the RTMP port; use RTMP or RTMPS");
  else if (version == 0x16)
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                 "the peer speaks TLS on the RTMP port; RTMPS has a port of its own");
  else
    g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                 "the peer does not speak RTMP (first byte 0x%02x)", version);
  return FALSE;
}

static void
take_hello (LecternRtmpHandshake *self, const guint8 *packet, LecternByteWriter *out)
{
  const guint8 *digest = NULL;
  guint scheme = 0;

  if (memcmp (packet + 4, "\0\0\0", 4) != 0)
    self->digest
        = find_digest (packet, self->server ? player_key : server_key,
                       self->server ? PLAYER_NAME_SIZE : SERVER_NAME_SIZE, &scheme, &digest);
  if (self->server)
    write_hello (out, TRUE, self->digest, scheme);
  write_echo (out, self->server, packet, digest);
}

gsize
lectern_rtmp_handshake_input (LecternRtmpHandshake *self, const guint8 *data, gsize length,
                              LecternByteWriter *out, GError **error)
{
  gsize used = 0;

  if (self->state == LECTERN_RTMP_HANDSHAKE_HELLO)
    {
      if (length == 0 || !check_version (data[0], error) || length < 1 + SIZE)
        return 0;
      take_hello (self, data + 1, out);
      self->state = LECTERN_RTMP_HANDSHAKE_ECHO;
      used = 1 + SIZE;
    }
  /* What the echo holds is not looked at: too many encoders send nonsense there, and it proves
   * nothing. */
  if (self->state == LECTERN_RTMP_HANDSHAKE_ECHO && length - used >= SIZE)
    {
      self->state = LECTERN_RTMP_HANDSHAKE_DONE;
      used += SIZE;
    }
  return used;
}
