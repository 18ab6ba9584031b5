/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-parameter-sets.h"

#include "base/lectern-byte-writer.h"
#include "formats/lectern-bit-reader.h"
#include "formats/lectern-h265.h"

#include <string.h>

#define MAX_SET_SIZE 4096
#define MAX_SETS 31 /* of a kind, what five bits count */
#define MAX_CONFIG (3 * MAX_SETS * (MAX_SET_SIZE + 2) + 64)
#define H264_SPS 7
#define H264_PPS 8
#define H265_VPS 32
#define PROFILE_SIZE 12 /* profile_tier_level of H.265 without sub-layers */

typedef enum
{
  KIND_VIDEO, /* H.265 */
  KIND_SEQUENCE,
  KIND_PICTURE,
  N_KINDS,
} Kind;

typedef struct
{
  guint id;
  guint sequence; /* that a picture set belongs to */
  gboolean stale; /* its sequence set has changed since */
  GBytes *nal;
} Set;

struct _LecternParameterSets
{
  gboolean h265;
  GArray *sets[N_KINDS]; /* Set */
  gboolean changed;
  LecternTrack *track;
  int reorder;
};

static void
clear_set (gpointer set)
{
  g_bytes_unref (((Set *) set)->nal);
}

LecternParameterSets *
lectern_parameter_sets_new (LecternCodec codec)
{
  LecternParameterSets *self = g_new0 (LecternParameterSets, 1);

  g_return_val_if_fail (codec == LECTERN_CODEC_H264 || codec == LECTERN_CODEC_H265, self);
  self->h265 = codec == LECTERN_CODEC_H265;
  self->reorder = -1;
  for (guint i = 0; i < N_KINDS; i++)
    {
      self->sets[i] = g_array_new (FALSE, FALSE, sizeof (Set));
      g_array_set_clear_func (self->sets[i], clear_set);
    }
  return self;
}

void
lectern_parameter_sets_free (LecternParameterSets *self)
{
  for (guint i = 0; i < N_KINDS; i++)
    g_clear_pointer (&self->sets[i], g_array_unref);
  g_clear_pointer (&self->track, lectern_track_unref);
  g_free (self);
}

/* Returns: N_KINDS for what is no parameter set. */
static Kind
get_kind (const LecternParameterSets *self, const guint8 *nal, gsize size)
{
  guint type;

  if (size == 0)
    return N_KINDS;
  type = self->h265 ? nal[0] >> 1 & 0x3f : nal[0] & 0x1f;
  if (self->h265)
    return type >= H265_VPS && type < H265_VPS + N_KINDS ? (Kind) (type - H265_VPS) : N_KINDS;
  if (type == H264_SPS)
    return KIND_SEQUENCE;
  return type == H264_PPS ? KIND_PICTURE : N_KINDS;
}

static gboolean
parse_sequence (const LecternParameterSets *self, const guint8 *nal, gsize size,
                LecternVideoParameters *parameters)
{
  return self->h265 ? lectern_h265_parse_sps (nal, size, parameters, NULL)
                    : lectern_h264_parse_sps (nal, size, parameters, NULL);
}

/* Returns: FALSE for a broken set. */
static gboolean
read_ids (const LecternParameterSets *self, Kind kind, const guint8 *nal, gsize size, Set *set)
{
  guint8 plain[16];
  LecternBitReader bits;
  LecternVideoParameters parameters;

  if (kind == KIND_SEQUENCE)
    {
      if (!parse_sequence (self, nal, size, &parameters))
        return FALSE;
      set->id = parameters.id;
      return TRUE;
    }
  lectern_bit_reader_init (&bits, plain,
                           lectern_bit_reader_unescape (nal, size, plain, sizeof plain));
  lectern_bit_reader_skip (&bits, self->h265 ? 16 : 8);
  if (kind == KIND_VIDEO)
    set->id = lectern_bit_reader_read (&bits, 4);
  else
    {
      set->id = lectern_bit_reader_read_ue (&bits);
      set->sequence = lectern_bit_reader_read_ue (&bits);
    }
  return !bits.overrun && set->id <= 255 && set->sequence <= 31;
}

static Set *
find_set (GArray *sets, guint id)
{
  for (guint i = 0; i < sets->len; i++)
    if (g_array_index (sets, Set, i).id == id)
      return &g_array_index (sets, Set, i);
  return NULL;
}

static void
make_pictures_stale (LecternParameterSets *self, guint sequence)
{
  GArray *pictures = self->sets[KIND_PICTURE];

  for (guint i = 0; i < pictures->len; i++)
    if (g_array_index (pictures, Set, i).sequence == sequence)
      g_array_index (pictures, Set, i).stale = TRUE;
}

gboolean
lectern_parameter_sets_add (LecternParameterSets *self, const guint8 *nal, gsize size)
{
  Kind kind = get_kind (self, nal, size);
  Set set = { 0 };
  Set *old;

  if (kind == N_KINDS)
    return FALSE;
  if (size > MAX_SET_SIZE || !read_ids (self, kind, nal, size, &set))
    return TRUE;
  old = find_set (self->sets[kind], set.id);
  if (old != NULL && g_bytes_get_size (old->nal) == size
      && memcmp (g_bytes_get_data (old->nal, NULL), nal, size) == 0)
    {
      self->changed |= old->stale;
      old->stale = FALSE;
      return TRUE;
    }
  if (old == NULL && self->sets[kind]->len == MAX_SETS)
    return TRUE;
  set.nal = g_bytes_new (nal, size);
  self->changed = TRUE;
  if (old == NULL)
    {
      g_array_append_val (self->sets[kind], set);
      return TRUE;
    }
  clear_set (old);
  *old = set;
  if (kind == KIND_SEQUENCE)
    make_pictures_stale (self, set.id);
  return TRUE;
}

/* Whether a set still counts: a picture set from before its sequence set's change does only while
 * there is no newer one. */
static gboolean
is_current (const LecternParameterSets *self, Kind kind, const Set *set)
{
  GArray *pictures = self->sets[KIND_PICTURE];

  if (kind != KIND_PICTURE || !set->stale)
    return TRUE;
  for (guint i = 0; i < pictures->len; i++)
    if (!g_array_index (pictures, Set, i).stale)
      return FALSE;
  return TRUE;
}

static guint
count_sets (const LecternParameterSets *self, Kind kind)
{
  guint count = 0;

  for (guint i = 0; i < self->sets[kind]->len; i++)
    count += is_current (self, kind, &g_array_index (self->sets[kind], Set, i)) ? 1 : 0;
  return count;
}

static void
put_sets (const LecternParameterSets *self, Kind kind, LecternByteWriter *out)
{
  for (guint i = 0; i < self->sets[kind]->len; i++)
    {
      const Set *set = &g_array_index (self->sets[kind], Set, i);
      gsize size;
      const guint8 *nal = g_bytes_get_data (set->nal, &size);

      if (!is_current (self, kind, set))
        continue;
      lectern_byte_writer_put_u16 (out, (guint16) size);
      lectern_byte_writer_put (out, nal, size);
    }
}

static void
put_formats (const LecternVideoParameters *parameters, LecternByteWriter *out)
{
  lectern_byte_writer_put_u8 (out, (guint8) (0xfc | parameters->chroma));
  lectern_byte_writer_put_u8 (out, (guint8) (0xf8 | (parameters->luma_bits - 8)));
  lectern_byte_writer_put_u8 (out, (guint8) (0xf8 | (parameters->chroma_bits - 8)));
}

/* AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1). */
static void
put_h264_config (const LecternParameterSets *self, const guint8 *sequence,
                 const LecternVideoParameters *parameters, LecternByteWriter *out)
{
  guint profile = parameters->profile;

  lectern_byte_writer_put_u8 (out, 1);
  lectern_byte_writer_put (out, sequence + 1, 3);
  lectern_byte_writer_put_u8 (out, 0xff);
  lectern_byte_writer_put_u8 (out, (guint8) (0xe0 | self->sets[KIND_SEQUENCE]->len));
  put_sets (self, KIND_SEQUENCE, out);
  lectern_byte_writer_put_u8 (out, (guint8) count_sets (self, KIND_PICTURE));
  put_sets (self, KIND_PICTURE, out);
  if (profile != 66 && profile != 77 && profile != 88)
    {
      put_formats (parameters, out);
      lectern_byte_writer_put_u8 (out, 0);
    }
}

/* HEVCDecoderConfigurationRecord (8.3.3.1). */
static void
put_h265_config (const LecternParameterSets *self, const guint8 *sequence, gsize size,
                 const LecternVideoParameters *parameters, LecternByteWriter *out)
{
  guint8 plain[3 + PROFILE_SIZE] = { 0 };
  guint layers;

  lectern_bit_reader_unescape (sequence, size, plain, sizeof plain);
  layers = plain[2] >> 1 & 7;
  lectern_byte_writer_put_u8 (out, 1);
  lectern_byte_writer_put (out, plain + 3, PROFILE_SIZE);
  lectern_byte_writer_put_u16 (out, 0xf000);
  lectern_byte_writer_put_u8 (out, 0xfc);
  put_formats (parameters, out);
  lectern_byte_writer_put_u16 (out, 0);
  lectern_byte_writer_put_u8 (out, (guint8) ((layers + 1) << 3 | (plain[2] & 1u) << 2 | 3));
  lectern_byte_writer_put_u8 (out, N_KINDS);
  for (Kind kind = KIND_VIDEO; kind < N_KINDS; kind++)
    {
      lectern_byte_writer_put_u8 (out, (guint8) (0x80 | (H265_VPS + kind)));
      lectern_byte_writer_put_u16 (out, (guint16) count_sets (self, kind));
      put_sets (self, kind, out);
    }
}

/* Returns: (transfer full) (nullable). */
static LecternTrack *
make_track (LecternParameterSets *self)
{
  g_auto (LecternByteWriter) out = { NULL };
  g_autoptr (GBytes) config = NULL;
  LecternTrack fields = { .media = LECTERN_MEDIA_VIDEO };
  LecternVideoParameters parameters;
  const Set *first;
  const guint8 *sequence;
  gsize size;

  if (self->sets[KIND_SEQUENCE]->len == 0 || self->sets[KIND_PICTURE]->len == 0
      || (self->h265 && self->sets[KIND_VIDEO]->len == 0))
    return NULL;
  first = &g_array_index (self->sets[KIND_SEQUENCE], Set, 0);
  sequence = g_bytes_get_data (first->nal, &size);
  if (!parse_sequence (self, sequence, size, &parameters))
    return NULL;
  lectern_byte_writer_init (&out, MAX_CONFIG);
  if (self->h265)
    put_h265_config (self, sequence, size, &parameters, &out);
  else
    put_h264_config (self, sequence, &parameters, &out);
  config = lectern_byte_writer_steal (&out);
  fields.codec = self->h265 ? LECTERN_CODEC_H265 : LECTERN_CODEC_H264;
  fields.config = config;
  fields.width = parameters.width;
  fields.height = parameters.height;
  g_strlcpy (fields.profile, parameters.name, sizeof fields.profile);
  self->reorder = parameters.reorder;
  return config != NULL ? lectern_track_new (&fields) : NULL;
}

LecternTrack *
lectern_parameter_sets_get_track (LecternParameterSets *self)
{
  LecternTrack *track;

  if (!self->changed)
    return self->track;
  self->changed = FALSE;
  track = make_track (self);
  if (track == NULL || lectern_track_equal (track, self->track))
    {
      g_clear_pointer (&track, lectern_track_unref);
      return self->track;
    }
  g_clear_pointer (&self->track, lectern_track_unref);
  self->track = track;
  return track;
}

gint
lectern_parameter_sets_get_reorder (LecternParameterSets *self)
{
  return self->reorder;
}
