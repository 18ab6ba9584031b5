/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#include <string.h>

/* Frames that ffmpeg made, from tests/core/formats/data. */

static inline LecternPacket *
make_packet (LecternTrack *track, LecternPacketFlags flags, gint64 dts, gint64 pts,
             const void *data, gsize size)
{
  g_autoptr (GBytes) payload = g_bytes_new (data, size);

  return lectern_packet_new (track, flags, dts, pts, 0, payload);
}

static inline LecternTrack *
make_plain_track (LecternCodec codec, guint rate, guint channels)
{
  LecternTrack fields = {
    .media = lectern_codec_get_media (codec), .codec = codec, .rate = rate, .channels = channels
  };

  return lectern_track_new (&fields);
}

/* Returns: (transfer full): the packets of @media in FLV file @name, without configs. */
static inline GPtrArray *
load_packets (const char *name, LecternMedia media)
{
  g_autofree char *path = g_build_filename (g_getenv ("LECTERN_SOURCE_DIR"), "tests", "core",
                                            "formats", "data", name, NULL);
  GPtrArray *packets = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_packet_unref);
  g_autoptr (LecternTrack) track = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *data = NULL;
  LecternByteReader reader;
  LecternFlvTag tag;
  guint8 flags;
  gsize size;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  lectern_byte_reader_init (&reader, data, size);
  g_assert_true (lectern_flv_read_header (&reader, &flags, NULL));
  while (lectern_flv_read_tag (&reader, &tag, &error))
    {
      gboolean video = tag.type == LECTERN_FLV_TAG_VIDEO;
      gint64 dts = tag.timestamp_ms * G_GINT64_CONSTANT (1000000);
      LecternFlvBody body;

      if (tag.type != (video ? LECTERN_FLV_TAG_VIDEO : LECTERN_FLV_TAG_AUDIO)
          || video != (media == LECTERN_MEDIA_VIDEO)
          || !(video ? lectern_flv_parse_video : lectern_flv_parse_audio) (tag.body, tag.body_size,
                                                                           &body, NULL))
        continue;
      if (body.kind == LECTERN_FLV_CONFIG
          || (track == NULL && !lectern_codec_needs_config (body.codec)))
        {
          g_autoptr (GBytes) config
              = body.kind == LECTERN_FLV_CONFIG
                    ? g_bytes_new (tag.body + body.payload_offset, body.payload_size)
                    : NULL;

          g_clear_pointer (&track, lectern_track_unref);
          track = lectern_flv_make_track (&body, config, &error);
          g_assert_no_error (error);
        }
      if (body.kind == LECTERN_FLV_FRAME && body.payload_size > 0)
        g_ptr_array_add (packets,
                         make_packet (track, body.key ? LECTERN_PACKET_KEY : LECTERN_PACKET_NONE,
                                      dts, dts + body.composition_ms * G_GINT64_CONSTANT (1000000),
                                      tag.body + body.payload_offset, body.payload_size));
    }
  g_assert_no_error (error);
  g_assert_cmpuint (packets->len, >, 0);
  return packets;
}

static inline LecternTrack *
get_track (GPtrArray *packets)
{
  return ((LecternPacket *) packets->pdata[0])->track;
}
