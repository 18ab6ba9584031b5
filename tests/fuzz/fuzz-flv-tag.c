/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An FLV file, or tags without its header: reader, tag bodies, tracks. What is read is written in
 * both tape formats, and a written body reads the same again. */
#include "formats/lectern-flv.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

typedef gboolean (*ParseFunc) (const guint8 *data, gsize size, LecternFlvBody *body,
                               GError **error);

static void
check_tape (const LecternTapeFormat *format, const LecternPacket *packet)
{
  gsize bound = format->bound (packet);
  g_autofree guint8 *to = g_malloc (MAX (bound, 1));
  LecternTapeSetup setup = { .dts = packet->dts };
  g_autoptr (GBytes) header = NULL;

  g_assert_true (format->write (packet, to, NULL) <= bound);
  if (packet->track->media == LECTERN_MEDIA_VIDEO)
    setup.video = packet->track;
  else
    setup.audio = packet->track;
  header = format->header (&setup, TRUE, NULL);
  g_assert_true (g_bytes_get_size (header) >= 13);
}

static void
check_body (const LecternPacket *packet, const LecternFlvBody *body, ParseFunc parse)
{
  gsize bound = lectern_flv_body_bound (packet);
  g_autofree guint8 *to = g_malloc (MAX (bound, 1));
  LecternFlvTagType type;
  LecternFlvBody again;
  gsize size = lectern_flv_write_body (packet, to, &type);
  gsize payload;
  gconstpointer data = g_bytes_get_data (packet->payload, &payload);

  g_assert_true (size == bound);
  g_assert_true (parse (to, size, &again, NULL));
  g_assert_true (again.codec == body->codec && again.kind == body->kind);
  g_assert_true (again.payload_size == payload);
  g_assert_true (memcmp (to + again.payload_offset, data, payload) == 0);
}

static void
check_packet (const guint8 *data, const LecternFlvBody *body, guint32 ms, ParseFunc parse)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = g_bytes_new (data + body->payload_offset, body->payload_size);
  g_autoptr (LecternTrack) track = lectern_flv_make_track (body, payload, &error);
  gboolean config = body->kind == LECTERN_FLV_CONFIG;
  gint64 dts = (gint64) ms * 1000000;
  LecternPacket packet = {
    .flags = config ? LECTERN_PACKET_CONFIG : 0,
    .dts = dts,
    .pts = dts + (gint64) body->composition_ms * 1000000,
    .payload = payload,
  };
  LecternTrack fields = { .media = lectern_codec_get_media (body->codec),
                          .codec = body->codec,
                          .fourcc = body->fourcc,
                          .rate = body->rate };
  g_autoptr (LecternTrack) plain = lectern_track_new (&fields);

  g_assert_true ((track == NULL) == (error != NULL));
  packet.track = track != NULL ? track : plain;
  check_body (&packet, body, parse);
  check_tape (&lectern_flv_tape_format, &packet);
  check_tape (&lectern_websocket_flv_tape_format, &packet);
}

static void
check_media (const guint8 *data, gsize size, guint32 ms, ParseFunc parse)
{
  g_autoptr (GError) error = NULL;
  LecternFlvBody body;

  if (!parse (data, size, &body, &error))
    {
      g_assert_true (error != NULL);
      return;
    }
  g_assert_true (error == NULL && body.payload_offset <= size
                 && body.payload_size <= size - body.payload_offset);
  if (body.kind == LECTERN_FLV_FRAME || body.kind == LECTERN_FLV_CONFIG)
    check_packet (data, &body, ms, parse);
  else
    g_assert_true (body.payload_size == 0);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  LecternByteReader reader;
  LecternFlvTag tag;
  guint8 flags;

  lectern_byte_reader_init (&reader, data, size);
  if (size > 0 && data[0] == 'F' && !lectern_flv_read_header (&reader, &flags, &error))
    return 0;
  while (lectern_flv_read_tag (&reader, &tag, &error))
    if (tag.type != LECTERN_FLV_TAG_SCRIPT)
      check_media (tag.body, tag.body_size, tag.timestamp_ms,
                   tag.type == LECTERN_FLV_TAG_VIDEO ? lectern_flv_parse_video
                                                     : lectern_flv_parse_audio);
  /* The size behind a tag is hard to hit, so what is left is tried as a body too. */
  if (size > 0)
    {
      check_media (data, size, 0, lectern_flv_parse_video);
      check_media (data, size, 0, lectern_flv_parse_audio);
    }
  return 0;
}
