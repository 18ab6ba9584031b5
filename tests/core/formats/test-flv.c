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
  gsize written = format->write (packet, to, NULL);

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

  g_test_message ("%s", name);
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

static void
test_passes_fourcc_unchanged (void)
{
  static const struct
  {
    const char *file;
    LecternCodec codec;
    gboolean fourcc;
    const char *profile;
  } cases[] = {
    { "h264-fourcc.flv", LECTERN_CODEC_H264, TRUE, "High 1.1" },
    { "h265-fourcc.flv", LECTERN_CODEC_H265, TRUE, "Main 1.0" },
    { "h265-number.flv", LECTERN_CODEC_H265, FALSE, "Main 1.0" },
    { "av1-fourcc.flv", LECTERN_CODEC_AV1, TRUE, "Main 2.0" },
    { "vp9-fourcc.flv", LECTERN_CODEC_VP9, TRUE, "Profile 0" },
    { "opus-fourcc.flv", LECTERN_CODEC_OPUS, TRUE, "" },
    { "aac-fourcc.flv", LECTERN_CODEC_AAC, TRUE, "LC" },
    { "mp3-fourcc.flv", LECTERN_CODEC_MP3, TRUE, "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Pass) pass = { 0 };
      LecternTrack *track;

      pass_file (cases[i].file, &pass);
      track = pass.video != NULL ? pass.video : pass.audio;
      g_assert_cmpuint (pass.written, >, 9);
      g_assert_cmpint (track->codec, ==, cases[i].codec);
      g_assert_cmpint (track->fourcc, ==, cases[i].fourcc);
      g_assert_cmpstr (track->profile, ==, cases[i].profile);
    }
}

static LecternPacket *
make_packet (LecternCodec codec, LecternPacketFlags flags, gint64 dts, gint64 pts, gsize size)
{
  g_autoptr (GBytes) config = g_bytes_new_static ("config", 6);
  g_autoptr (GBytes) payload = g_bytes_new_take (g_malloc0 (MAX (size, 1)), size);
  g_autoptr (LecternTrack) track = lectern_track_new (
      &(LecternTrack){ .media = lectern_codec_get_media (codec),
                       .codec = codec,
                       .config = lectern_codec_needs_config (codec) ? config : NULL });

  return lectern_packet_new (track, flags, dts, pts, 0, payload);
}

static void
assert_tag (LecternPacket *packet, const char *hex)
{
  g_autoptr (GBytes) expected = unhex (hex);
  gsize size;
  const guint8 *data = g_bytes_get_data (expected, &size);

  assert_written (&lectern_flv_tape_format, packet, data, size);
}

static void
test_writes_times (void)
{
  static const struct
  {
    gint64 dts;
    gint64 pts;
    const char *tag;
  } cases[] = {
    { 0, 0, "09 000006 000000 00 000000 2701 000000 00 00000011" },
    { 1999999, 2000000, "09 000006 000001 00 000000 2701 000001 00 00000011" },
    { 40 * MS, 20 * MS, "09 000006 000028 00 000000 2701 ffffec 00 00000011" },
    { -1, 0, "09 000006 000000 00 000000 2701 000000 00 00000011" },
    { 0xffffffll * MS, 0xffffffll * MS, "09 000006 ffffff 00 000000 2701 000000 00 00000011" },
    { 0x1000000ll * MS, 0x1000000ll * MS, "09 000006 000000 01 000000 2701 000000 00 00000011" },
    { 0xffffffffll * MS, 0x100000001ll * MS, "09 000006 ffffff ff 000000 2701 000002 00 00000011" },
    { 0x100000001ll * MS, 0x100000001ll * MS,
      "09 000006 000001 00 000000 2701 000000 00 00000011" },
    { 0, 0x800000ll * MS, "09 000006 000000 00 000000 2701 7fffff 00 00000011" },
    { 0x900000ll * MS, 0, "09 000006 900000 00 000000 2701 800000 00 00000011" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LecternPacket) packet
          = make_packet (LECTERN_CODEC_H264, 0, cases[i].dts, cases[i].pts, 1);

      g_test_message ("%s", cases[i].tag);
      assert_tag (packet, cases[i].tag);
    }
}

static void
test_leaves_out_what_it_cannot_carry (void)
{
  g_autoptr (LecternPacket) long_frame = make_packet (LECTERN_CODEC_H264, 0, 0, 0, 0xffffff - 4);
  g_autoptr (LecternPacket) no_config
      = make_packet (LECTERN_CODEC_MP3, LECTERN_PACKET_CONFIG, 0, 0, 1);
  g_autoptr (LecternPacket) no_codec = make_packet (LECTERN_CODEC_NONE, 0, 0, 0, 1);
  g_autoptr (LecternPacket) odd
      = lectern_packet_new_metadata (0, g_variant_new_parsed ("{'a': <(1, 2)>}"));
  g_autoptr (LecternTrack) track = lectern_track_ref (no_config->track);
  g_autoptr (LecternPacket) empty
      = lectern_packet_new (track, LECTERN_PACKET_CONFIG, 0, 0, 0, NULL);
  LecternPacket *const packets[] = { long_frame, no_config, no_codec, odd, empty };
  g_autofree guint8 *to = g_malloc (0x1000000 + 64);

  for (gsize i = 0; i < G_N_ELEMENTS (packets); i++)
    {
      g_assert_cmpuint (lectern_flv_tape_format.bound (packets[i]), ==, 0);
      g_assert_cmpuint (lectern_flv_tape_format.write (packets[i], to, NULL), ==, 0);
      g_assert_cmpuint (lectern_websocket_flv_tape_format.bound (packets[i]), ==, 0);
      g_assert_cmpuint (lectern_websocket_flv_tape_format.write (packets[i], to, NULL), ==, 0);
    }
}

static void
test_writes_the_longest_frame (void)
{
  g_autoptr (LecternPacket) packet = make_packet (LECTERN_CODEC_H264, 0, 0, 0, 0xffffff - 5);
  gsize bound = lectern_websocket_flv_tape_format.bound (packet);
  g_autofree guint8 *to = g_malloc (bound);

  g_assert_cmpuint (lectern_websocket_flv_tape_format.write (packet, to, NULL), ==,
                    10 + 11 + 0xffffff + 4);
}

static void
test_writes_script_data_as_it_came (void)
{
  g_autoptr (LecternPacket) packet = make_packet (LECTERN_CODEC_SCRIPT, 0, 5 * MS, 5 * MS, 3);

  assert_tag (packet, "12 000003 000005 00 000000 000000 0000000e");
}

static void
test_prefix_is_what_precedes_the_payload (void)
{
  static const struct
  {
    LecternCodec codec;
    LecternPacketFlags flags;
    const char *prefix;
  } cases[] = {
    { LECTERN_CODEC_H264, LECTERN_PACKET_KEY, "17 01 000000" },
    { LECTERN_CODEC_H264, LECTERN_PACKET_CONFIG, "17 00 000000" },
    { LECTERN_CODEC_H265, 0, "2c 01 000000" },
    { LECTERN_CODEC_AV1, LECTERN_PACKET_KEY, "91 61763031" },
    { LECTERN_CODEC_AV1, LECTERN_PACKET_CONFIG, "90 61763031" },
    { LECTERN_CODEC_VP9, 0, "a1 76703039" },
    { LECTERN_CODEC_OPUS, LECTERN_PACKET_CONFIG, "90 4f707573" },
    { LECTERN_CODEC_OPUS, 0, "91 4f707573" },
    { LECTERN_CODEC_AAC, LECTERN_PACKET_CONFIG, "af 00" },
    { LECTERN_CODEC_AAC, 0, "af 01" },
    { LECTERN_CODEC_SCRIPT, 0, "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LecternPacket) packet = make_packet (cases[i].codec, cases[i].flags, 0, 0, 9);
      g_autoptr (GBytes) expected = unhex (cases[i].prefix);
      guint8 prefix[16];
      gsize size = lectern_flv_write_body_prefix (packet, prefix);

      g_assert_cmpmem (prefix, size, g_bytes_get_data (expected, NULL),
                       g_bytes_get_size (expected));
      g_assert_cmpuint (lectern_flv_body_bound (packet), ==, size + 9);
    }
}

static void
test_frames_for_websockets (void)
{
  static const struct
  {
    gsize tag;
    const char *header;
  } cases[] = {
    { 21, "82 15" },
    { 125, "82 7d" },
    { 126, "82 7e 007e" },
    { 65535, "82 7e ffff" },
    { 65536, "82 7f 0000000000010000" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LecternPacket) packet
          = make_packet (LECTERN_CODEC_H264, LECTERN_PACKET_KEY, 0, 0, cases[i].tag - 20);
      g_autoptr (GBytes) header = unhex (cases[i].header);
      gsize size = g_bytes_get_size (header);
      g_autofree guint8 *tag = g_malloc (cases[i].tag);
      g_autofree guint8 *frame = g_malloc (lectern_websocket_flv_tape_format.bound (packet));

      g_assert_cmpuint (lectern_flv_tape_format.write (packet, tag, NULL), ==, cases[i].tag);
      g_assert_cmpuint (lectern_websocket_flv_tape_format.write (packet, frame, NULL), ==,
                        size + cases[i].tag);
      g_assert_cmpmem (frame, size, g_bytes_get_data (header, NULL), size);
      g_assert_cmpmem (frame + size, cases[i].tag, tag, cases[i].tag);
    }
}

#define FILE_HEADER "464c5601 05 00000009 00000000"
#define META                                                                                       \
  "12 00001d 000000 00 000000 02 000a 6f6e4d65746144617461 08 00000001 0001 61 02 0002"            \
  "6869 000009 00000028"
#define VIDEO "09 00000b 0003e8 00 000000 17 00 000000 636f6e666967 00000016"
#define AUDIO "08 000008 0003e8 00 000000 af 00 636f6e666967 00000013"

static void
assert_header (const LecternTapeFormat *format, const LecternTapeSetup *setup, gboolean join,
               const char *hex)
{
  g_autoptr (GBytes) header = format->header (setup, join, NULL);
  g_autoptr (GBytes) expected = unhex (hex);

  g_assert_cmpmem (g_bytes_get_data (header, NULL), g_bytes_get_size (header),
                   g_bytes_get_data (expected, NULL), g_bytes_get_size (expected));
}

static void
test_begins_with_what_a_viewer_must_know (void)
{
  g_autoptr (LecternPacket) video = make_packet (LECTERN_CODEC_H264, 0, 0, 0, 1);
  g_autoptr (LecternPacket) audio = make_packet (LECTERN_CODEC_AAC, 0, 0, 0, 1);
  g_autoptr (LecternPacket) speech = make_packet (LECTERN_CODEC_SPEEX, 0, 0, 0, 1);
  g_autoptr (GVariant) metadata = g_variant_ref_sink (g_variant_new_parsed ("{'a': <'hi'>}"));
  LecternTapeSetup all = { video->track, audio->track, metadata, 1000 * MS };
  LecternTapeSetup picture = { video->track, NULL, NULL, 1000 * MS };
  LecternTapeSetup sound = { NULL, audio->track, NULL, 1000 * MS };
  LecternTapeSetup talk = { NULL, speech->track, NULL, 1000 * MS };

  assert_header (&lectern_flv_tape_format, &all, TRUE, FILE_HEADER META VIDEO AUDIO);
  assert_header (&lectern_flv_tape_format, &all, FALSE, VIDEO AUDIO);
  assert_header (&lectern_flv_tape_format, &picture, TRUE, "464c5601 01 00000009 00000000" VIDEO);
  assert_header (&lectern_flv_tape_format, &sound, TRUE, "464c5601 04 00000009 00000000" AUDIO);
  assert_header (&lectern_flv_tape_format, &talk, TRUE, "464c5601 04 00000009 00000000");
  assert_header (&lectern_flv_tape_format, &talk, FALSE, "");
  assert_header (&lectern_websocket_flv_tape_format, &all, TRUE,
                 "820d" FILE_HEADER "822c" META "821a" VIDEO "8217" AUDIO);
  assert_header (&lectern_websocket_flv_tape_format, &all, FALSE, "821a" VIDEO "8217" AUDIO);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/flv/passes-h264-and-aac-unchanged",
                   test_passes_h264_and_aac_unchanged);
  g_test_add_func ("/formats/flv/passes-old-sound-unchanged", test_passes_old_sound_unchanged);
  g_test_add_func ("/formats/flv/passes-fourcc-unchanged", test_passes_fourcc_unchanged);
  g_test_add_func ("/formats/flv/writes-times", test_writes_times);
  g_test_add_func ("/formats/flv/leaves-out-what-it-cannot-carry",
                   test_leaves_out_what_it_cannot_carry);
  g_test_add_func ("/formats/flv/writes-the-longest-frame", test_writes_the_longest_frame);
  g_test_add_func ("/formats/flv/writes-script-data-as-it-came",
                   test_writes_script_data_as_it_came);
  g_test_add_func ("/formats/flv/prefix-is-what-precedes-the-payload",
                   test_prefix_is_what_precedes_the_payload);
  g_test_add_func ("/formats/flv/frames-for-websockets", test_frames_for_websockets);
  g_test_add_func ("/formats/flv/begins-with-what-a-viewer-must-know",
                   test_begins_with_what_a_viewer_must_know);
  return g_test_run ();
}
