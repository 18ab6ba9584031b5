/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-amf0.h"
#include "formats/lectern-flv.h"
#include "hex.h"

#define MS 1000000

typedef struct
{
  LecternTrack *video;
  LecternTrack *audio;
  guint written;
} Pass;

static void
clear_pass (Pass *self)
{
  g_clear_pointer (&self->video, lectern_track_unref);
  g_clear_pointer (&self->audio, lectern_track_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pass, clear_pass)

static LecternPacket *
packet_of_script (const LecternFlvTag *tag)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) name = NULL;
  g_autoptr (GVariant) value = NULL;
  LecternByteReader reader;

  lectern_byte_reader_init (&reader, tag->body, tag->body_size);
  name = lectern_amf0_read (&reader, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (name, NULL), ==, "onMetaData");
  value = lectern_amf0_read (&reader, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (lectern_byte_reader_get_remaining (&reader), ==, 0);
  return lectern_packet_new_metadata ((gint64) tag->timestamp_ms * MS, value);
}

/* What a protocol does with a tag: NULL when there is nothing to pass on. */
static LecternPacket *
packet_of_media (Pass *self, const LecternFlvTag *tag)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = NULL;
  gboolean video = tag->type == LECTERN_FLV_TAG_VIDEO;
  LecternTrack **track = video ? &self->video : &self->audio;
  LecternFlvBody body;
  gint64 dts = (gint64) tag->timestamp_ms * MS;
  gboolean parsed = video ? lectern_flv_parse_video (tag->body, tag->body_size, &body, &error)
                          : lectern_flv_parse_audio (tag->body, tag->body_size, &body, &error);

  g_assert_no_error (error);
  g_assert_true (parsed);
  if (body.kind == LECTERN_FLV_END)
    return NULL;
  payload = g_bytes_new (tag->body + body.payload_offset, body.payload_size);
  if (body.kind == LECTERN_FLV_CONFIG || *track == NULL)
    {
      g_clear_pointer (track, lectern_track_unref);
      *track = lectern_flv_make_track (&body, payload, &error);
      g_assert_no_error (error);
    }
  return lectern_packet_new (*track,
                             (body.key ? LECTERN_PACKET_KEY : 0)
                                 | (body.kind == LECTERN_FLV_CONFIG ? LECTERN_PACKET_CONFIG : 0),
                             dts, dts + (gint64) body.composition_ms * MS, 0, payload);
}

static void
assert_written (const LecternTapeFormat *format, const LecternPacket *packet, const guint8 *data,
                gsize size)
{
  gsize bound = format->bound (packet);
  g_autofree guint8 *to = g_malloc (MAX (bound, 1));
  gsize written = format->write (packet, to);

  g_assert_cmpuint (written, <=, bound);
  g_assert_cmpmem (to, written, data, size);
}

static void
pass_file (const char *name, Pass *self)
{
  g_autoptr (GBytes) bytes = load (name);
  g_autoptr (GError) error = NULL;
  LecternByteReader reader;
  LecternFlvTag tag;
  guint8 flags;

  lectern_byte_reader_init (&reader, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_assert_true (lectern_flv_read_header (&reader, &flags, &error));
  while (lectern_byte_reader_get_remaining (&reader) > 0)
    {
      gsize start = reader.offset;
      g_autoptr (LecternPacket) packet = NULL;

      g_assert_true (lectern_flv_read_tag (&reader, &tag, &error));
      packet = tag.type == LECTERN_FLV_TAG_SCRIPT ? packet_of_script (&tag)
                                                  : packet_of_media (self, &tag);
      if (packet == NULL)
        continue;
      assert_written (&lectern_flv_tape_format, packet, reader.data + start, reader.offset - start);
      self->written++;
    }
}

static void
test_passes_h264_and_aac_unchanged (void)
{
  g_auto (Pass) pass = { 0 };

  pass_file ("h264-aac.flv", &pass);
  g_assert_cmpuint (pass.written, >, 60);
  g_assert_cmpuint (pass.video->width, ==, 160);
  g_assert_cmpuint (pass.video->height, ==, 90);
  g_assert_cmpstr (pass.video->profile, ==, "High 1.1");
  g_assert_cmpuint (pass.audio->rate, ==, 44100);
  g_assert_cmpuint (pass.audio->channels, ==, 1);
  g_assert_cmpstr (pass.audio->profile, ==, "LC");
}

static void
test_passes_old_sound_unchanged (void)
{
  static const struct
  {
    const char *file;
    LecternCodec codec;
    guint rate;
  } cases[] = {
    { "speex.flv", LECTERN_CODEC_SPEEX, 16000 },
    { "nellymoser-16000.flv", LECTERN_CODEC_NELLYMOSER, 16000 },
    { "nellymoser-8000.flv", LECTERN_CODEC_NELLYMOSER, 8000 },
    { "nellymoser-22050.flv", LECTERN_CODEC_NELLYMOSER, 22050 },
    { "mp3-44100.flv", LECTERN_CODEC_MP3, 44100 },
    { "mp3-22050.flv", LECTERN_CODEC_MP3, 22050 },
    { "pcma.flv", LECTERN_CODEC_PCMA, 8000 },
    { "pcmu.flv", LECTERN_CODEC_PCMU, 8000 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Pass) pass = { 0 };

      pass_file (cases[i].file, &pass);
      g_assert_cmpint (pass.audio->codec, ==, cases[i].codec);
      g_assert_cmpuint (pass.audio->rate, ==, cases[i].rate);
      g_assert_cmpuint (pass.audio->channels, ==, 1);
      g_assert_cmpuint (pass.audio->bits, ==, 16);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/flv/passes-h264-and-aac-unchanged",
                   test_passes_h264_and_aac_unchanged);
  g_test_add_func ("/formats/flv/passes-old-sound-unchanged", test_passes_old_sound_unchanged);
  return g_test_run ();
}
