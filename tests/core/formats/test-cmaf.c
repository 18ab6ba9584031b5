/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-cmaf.h"

#include "base/lectern-byte-reader.h"
#include "base/lectern-error.h"
#include "formats/lectern-flv.h"

#include <glib/gstdio.h>
#include <string.h>

static char *
data_path (const char *name)
{
  return g_build_filename (g_getenv ("LECTERN_SOURCE_DIR"), "tests", "core", "formats", "data",
                           name, NULL);
}

/* A real recording read into its tracks and samples. */
typedef struct
{
  LecternTrack *tracks[3];
  GArray *samples[3];
  gint64 first_ms[3];
} Clip;

static void
clear_sample (LecternCmafSample *sample)
{
  g_bytes_unref (sample->payload);
}

static void
add_tag (Clip *clip, const LecternFlvTag *tag)
{
  gboolean video = tag->type == LECTERN_FLV_TAG_VIDEO;
  guint media = video ? LECTERN_MEDIA_VIDEO : LECTERN_MEDIA_AUDIO;
  LecternFlvBody body;
  LecternCmafSample sample = { 0 };
  gboolean parsed;

  if (tag->type == LECTERN_FLV_TAG_SCRIPT)
    return;
  parsed = video ? lectern_flv_parse_video (tag->body, tag->body_size, &body, NULL)
                 : lectern_flv_parse_audio (tag->body, tag->body_size, &body, NULL);
  g_assert_true (parsed);
  sample.payload = g_bytes_new (tag->body + body.payload_offset, body.payload_size);
  if (body.kind == LECTERN_FLV_CONFIG)
    {
      clip->tracks[media] = lectern_flv_make_track (&body, sample.payload, NULL);
      g_bytes_unref (sample.payload);
      return;
    }
  if (body.kind != LECTERN_FLV_FRAME)
    {
      g_bytes_unref (sample.payload);
      return;
    }
  sample.key = !video || body.key;
  sample.composition = body.composition_ms * 90;
  sample.duration = video ? 0 : 1024;
  if (clip->samples[media]->len == 0)
    clip->first_ms[media] = tag->timestamp_ms;
  else if (video)
    g_array_index (clip->samples[media], LecternCmafSample, clip->samples[media]->len - 1).duration
        = 90 * 40;
  g_array_append_val (clip->samples[media], sample);
}

static void
load (Clip *clip)
{
  g_autofree char *path = data_path ("h264-aac.flv");
  g_autofree char *data = NULL;
  LecternByteReader reader;
  LecternFlvTag tag;
  guint8 flags;
  gsize size;

  *clip = (Clip){ 0 };
  for (guint i = 1; i < 3; i++)
    {
      clip->samples[i] = g_array_new (FALSE, FALSE, sizeof (LecternCmafSample));
      g_array_set_clear_func (clip->samples[i], (GDestroyNotify) clear_sample);
    }
  g_assert_true (g_file_get_contents (path, &data, &size, NULL));
  lectern_byte_reader_init (&reader, data, size);
  g_assert_true (lectern_flv_read_header (&reader, &flags, NULL));
  while (lectern_flv_read_tag (&reader, &tag, NULL))
    add_tag (clip, &tag);
  for (guint i = 1; i < 3; i++)
    g_assert_cmpuint (clip->samples[i]->len, >, 3);
}

static void
clip_clear (Clip *clip)
{
  for (guint i = 1; i < 3; i++)
    {
      lectern_track_unref (clip->tracks[i]);
      g_array_unref (clip->samples[i]);
    }
}

/* Walks the boxes of one level; every size must fit exactly. */
static guint
count_boxes (const guint8 *data, gsize size, const char *type)
{
  LecternByteReader reader;
  guint count = 0;

  lectern_byte_reader_init (&reader, data, size);
  while (lectern_byte_reader_get_remaining (&reader) > 0)
    {
      const guint8 *name;
      guint32 box;

      g_assert_true (lectern_byte_reader_read_u32 (&reader, &box));
      name = lectern_byte_reader_take (&reader, 4);
      g_assert_nonnull (name);
      g_assert_cmpuint (box, >=, 8);
      g_assert_true (lectern_byte_reader_skip (&reader, box - 8));
      count += memcmp (name, type, 4) == 0;
    }
  return count;
}

static void
boxes_fill_their_sizes (void)
{
  g_autoptr (GBytes) init = NULL;
  g_autoptr (GBytes) fragment = NULL;
  const LecternCmafSample *samples;
  const guint8 *data;
  gsize size;
  Clip clip;

  load (&clip);
  init = lectern_cmaf_write_init (clip.tracks + 1, 2, NULL);
  data = g_bytes_get_data (init, &size);
  g_assert_cmpuint (count_boxes (data, size, "ftyp"), ==, 1);
  g_assert_cmpuint (count_boxes (data, size, "moov"), ==, 1);
  samples = (LecternCmafSample *) clip.samples[1]->data;
  fragment
      = lectern_cmaf_write_fragment (clip.tracks[1], 7, G_GUINT64_CONSTANT (1) << 40, samples, 3);
  data = g_bytes_get_data (fragment, &size);
  g_assert_cmpuint (count_boxes (data, size, "moof"), ==, 1);
  g_assert_cmpuint (count_boxes (data, size, "mdat"), ==, 1);
  /* The data offset points at the first sample. */
  {
    LecternByteReader reader;
    guint32 offset;
    guint32 moof;
    gsize first;
    gconstpointer payload = g_bytes_get_data (samples[0].payload, &first);

    lectern_byte_reader_init (&reader, data, size);
    g_assert_true (lectern_byte_reader_read_u32 (&reader, &moof));
    lectern_byte_reader_init (&reader, data + moof - 16 * 3 - 4, 4);
    g_assert_true (lectern_byte_reader_read_u32 (&reader, &offset));
    g_assert_cmpuint (offset, ==, moof + 8);
    g_assert_cmpmem (data + offset, first, payload, first);
  }
  clip_clear (&clip);
}

static void
write_file (Clip *clip, const char *path)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autoptr (GBytes) init = lectern_cmaf_write_init (clip->tracks + 1, 2, NULL);

  g_byte_array_append (file, g_bytes_get_data (init, NULL), g_bytes_get_size (init));
  for (guint media = 1; media < 3; media++)
    {
      guint32 timescale = lectern_cmaf_get_timescale (clip->tracks[media]);
      gint64 time = lectern_cmaf_from_ns (clip->first_ms[media] * 1000000, timescale);
      GArray *samples = clip->samples[media];

      for (guint i = 0; i < samples->len; i += 5)
        {
          guint count = MIN (5, samples->len - i);
          LecternCmafSample *first = &g_array_index (samples, LecternCmafSample, i);
          g_autoptr (GBytes) fragment
              = lectern_cmaf_write_fragment (clip->tracks[media], i + 1, time, first, count);

          for (guint k = 0; k < count; k++)
            time += first[k].duration;
          g_byte_array_append (file, g_bytes_get_data (fragment, NULL),
                               g_bytes_get_size (fragment));
        }
    }
  g_assert_true (g_file_set_contents (path, (char *) file->data, file->len, NULL));
}

static void
ffprobe_reads_every_frame (void)
{
  g_autofree char *ffprobe = g_find_program_in_path ("ffprobe");
  g_autofree char *folder = g_dir_make_tmp ("lectern-cmaf-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "clip.mp4", NULL);
  g_autofree char *expected = NULL;
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  const char *argv[] = { "ffprobe",
                         "-v",
                         "error",
                         "-count_frames",
                         "-show_entries",
                         "stream=codec_name,nb_read_frames",
                         "-of",
                         "csv=p=0",
                         path,
                         NULL };
  Clip clip;

  if (ffprobe == NULL)
    {
      g_test_skip ("no ffprobe");
      return;
    }
  load (&clip);
  write_file (&clip, path);
  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                               &err, NULL, NULL));
  expected = g_strdup_printf ("h264,%u\naac,%u\n", clip.samples[1]->len, clip.samples[2]->len);
  g_assert_cmpstr (err, ==, "");
  g_assert_cmpstr (out, ==, expected);
  g_unlink (path);
  g_rmdir (folder);
  clip_clear (&clip);
}

static void
expect_codec (LecternCodec codec, const void *config, gsize size, const char *expected)
{
  g_autoptr (GBytes) bytes = config != NULL ? g_bytes_new (config, size) : NULL;
  LecternTrack fields
      = { .media = lectern_codec_get_media (codec), .codec = codec, .config = bytes };
  g_autoptr (LecternTrack) track = lectern_track_new (&fields);
  g_autofree char *got = lectern_cmaf_get_codec_string (track);

  g_assert_cmpstr (got, ==, expected);
}

static void
codec_strings (void)
{
  static const guint8 hevc[] = { 1, 0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93 };

  expect_codec (LECTERN_CODEC_H264, "\x01\x64\x00\x1f", 4, "avc1.64001f");
  expect_codec (LECTERN_CODEC_H264, "\x01\x64\x00\x09", 4, "avc1.64000b");
  expect_codec (LECTERN_CODEC_H264, "\x01\x64", 2, NULL);
  expect_codec (LECTERN_CODEC_H265, hevc, sizeof hevc, "hvc1.1.6.L93.90");
  expect_codec (LECTERN_CODEC_AV1, "\x81\x04\x0c\x00", 4, "av01.0.04M.08");
  expect_codec (LECTERN_CODEC_VP9, "\x00\x0a\x82", 3, "vp09.00.10.08");
  expect_codec (LECTERN_CODEC_AAC, "\x12\x10", 2, "mp4a.40.2");
  expect_codec (LECTERN_CODEC_AAC, "\x2b\x92\x08\x00", 4, "mp4a.40.5");
  expect_codec (LECTERN_CODEC_OPUS, "OpusHead", 8, "opus");
  expect_codec (LECTERN_CODEC_MP3, NULL, 0, "mp4a.6B");
  expect_codec (LECTERN_CODEC_SPEEX, NULL, 0, NULL);
}

/* T-04: 40 days in ns times 90 kHz is far beyond 64 bits. */
static void
time_does_not_overflow (void)
{
  gint64 days = G_GINT64_CONSTANT (40) * 24 * 3600;

  g_assert_cmpint (lectern_cmaf_from_ns (days * 1000000000, 90000), ==, days * 90000);
  g_assert_cmpint (lectern_cmaf_to_ns (days * 90000, 90000), ==, days * 1000000000);
  g_assert_cmpint (lectern_cmaf_from_ns (33366666, 90000), ==, 3002);
}

static void
what_cannot_be_carried_is_refused (void)
{
  LecternTrack speex = { .media = LECTERN_MEDIA_AUDIO, .codec = LECTERN_CODEC_SPEEX };
  LecternTrack bare = { .media = LECTERN_MEDIA_VIDEO, .codec = LECTERN_CODEC_H264 };
  LecternTrack *tracks[] = { &speex };
  g_autoptr (GError) error = NULL;

  g_assert_false (lectern_cmaf_can_carry (&speex));
  g_assert_null (lectern_cmaf_write_init (tracks, 1, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  tracks[0] = &bare;
  g_assert_null (lectern_cmaf_write_init (tracks, 1, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cmaf/boxes-fill-their-sizes", boxes_fill_their_sizes);
  g_test_add_func ("/cmaf/ffprobe-reads-every-frame", ffprobe_reads_every_frame);
  g_test_add_func ("/cmaf/codec-strings", codec_strings);
  g_test_add_func ("/cmaf/T-04-time-does-not-overflow", time_does_not_overflow);
  g_test_add_func ("/cmaf/what-cannot-be-carried-is-refused", what_cannot_be_carried_is_refused);
  return g_test_run ();
}
