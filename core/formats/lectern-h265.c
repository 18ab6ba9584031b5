/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-h265.h"

#include "base/lectern-byte-reader.h"
#include "formats/lectern-bit-reader.h"
#include "formats/lectern-picture.h"

#define NAL_SPS 33
#define MAX_SPS 31
#define MAX_SPS_SIZE 4096
#define MAX_REFERENCE_SETS 64
#define MAX_REFERENCES 16 /* pictures in a set */
#define MAX_LONG_TERM 32

static void
name_profile (LecternVideoParameters *parameters)
{
  static const char *const names[]
      = { "Profile",         "Main",      "Main 10",  "Main Still", "RExt",
          "High Throughput", "Multiview", "Scalable", "3D",         "Screen" };
  const char *name
      = parameters->profile < G_N_ELEMENTS (names) ? names[parameters->profile] : names[0];

  g_snprintf (parameters->name, sizeof parameters->name, "%s %u.%u", name, parameters->level / 30,
              parameters->level % 30 / 3);
}

static void
read_profile_tier_level (LecternBitReader *bits, guint sub_layers,
                         LecternVideoParameters *parameters)
{
  guint32 present;

  lectern_bit_reader_skip (bits, 3);
  parameters->profile = lectern_bit_reader_read (bits, 5);
  lectern_bit_reader_skip (bits, 32 + 48);
  parameters->level = lectern_bit_reader_read (bits, 8);
  if (sub_layers == 0)
    return;
  present = lectern_bit_reader_read (bits, 16);
  for (guint i = 0; i < sub_layers; i++)
    {
      if ((present >> (15 - 2 * i) & 1) != 0)
        lectern_bit_reader_skip (bits, 88);
      if ((present >> (14 - 2 * i) & 1) != 0)
        lectern_bit_reader_skip (bits, 8);
    }
}

static gboolean
read_picture (LecternBitReader *bits, LecternVideoParameters *parameters)
{
  guint chroma = lectern_bit_reader_read_ue (bits);
  gboolean separate = chroma == 3 && lectern_bit_reader_read_flag (bits);
  guint64 width = lectern_bit_reader_read_ue (bits);
  guint64 height = lectern_bit_reader_read_ue (bits);
  LecternPictureCrop crop = { 0 };

  parameters->chroma = chroma;
  if (lectern_bit_reader_read_flag (bits))
    {
      lectern_picture_read_crop (bits, &crop);
      crop.unit_x = !separate && (chroma == 1 || chroma == 2) ? 2 : 1;
      crop.unit_y = !separate && chroma == 1 ? 2 : 1;
    }
  return !bits->overrun && chroma <= 3
         && lectern_picture_set_size (parameters, width, height, &crop);
}

static void
skip_scaling_lists (LecternBitReader *bits)
{
  for (guint size = 0; size < 4; size++)
    for (guint matrix = 0; matrix < 6; matrix += size == 3 ? 3 : 1)
      {
        guint count = MIN (64, 1u << (4 + 2 * size));

        if (!lectern_bit_reader_read_flag (bits))
          {
            lectern_bit_reader_read_ue (bits);
            continue;
          }
        if (size > 1)
          lectern_bit_reader_read_se (bits);
        for (guint i = 0; i < count && !bits->overrun; i++)
          lectern_bit_reader_read_se (bits);
      }
}

/* st_ref_pic_set (7.3.7) inside an SPS. @before: pictures in the set before. Returns: pictures in
 * this one. */
static guint
read_reference_set (LecternBitReader *bits, guint index, guint before)
{
  guint count = 0;
  guint32 negative;
  guint32 positive;

  if (index > 0 && lectern_bit_reader_read_flag (bits))
    {
      lectern_bit_reader_skip (bits, 1);
      lectern_bit_reader_read_ue (bits);
      for (guint i = 0; i <= before; i++)
        if (lectern_bit_reader_read_flag (bits) || lectern_bit_reader_read_flag (bits))
          count++;
      return count;
    }
  negative = lectern_bit_reader_read_ue (bits);
  positive = lectern_bit_reader_read_ue (bits);
  if (negative > MAX_REFERENCES || positive > MAX_REFERENCES)
    {
      bits->overrun = TRUE;
      return 0;
    }
  for (guint i = 0; i < negative + positive; i++)
    {
      lectern_bit_reader_read_ue (bits);
      lectern_bit_reader_skip (bits, 1);
    }
  return negative + positive;
}

static void
skip_reference_sets (LecternBitReader *bits)
{
  guint32 sets = lectern_bit_reader_read_ue (bits);
  guint before = 0;

  if (sets > MAX_REFERENCE_SETS)
    bits->overrun = TRUE;
  for (guint i = 0; i < sets && !bits->overrun; i++)
    {
      before = read_reference_set (bits, i, before);
      if (before > 2 * MAX_REFERENCES)
        bits->overrun = TRUE;
    }
}

/* From the bit depths to the VUI. */
static void
skip_tools (LecternBitReader *bits, guint sub_layers, LecternVideoParameters *parameters)
{
  guint32 reorder = 0;
  guint32 log2_max_lsb;
  guint32 long_term;

  parameters->luma_bits = 8 + (lectern_bit_reader_read_ue (bits) & 7);
  parameters->chroma_bits = 8 + (lectern_bit_reader_read_ue (bits) & 7);
  log2_max_lsb = lectern_bit_reader_read_ue (bits);
  for (guint i = lectern_bit_reader_read_flag (bits) ? 0 : sub_layers; i <= sub_layers; i++)
    {
      lectern_bit_reader_read_ue (bits);
      reorder = lectern_bit_reader_read_ue (bits);
      lectern_bit_reader_read_ue (bits);
    }
  parameters->reorder
      = !bits->overrun && reorder <= LECTERN_PICTURE_MAX_REORDER ? (gint) reorder : -1;
  for (guint i = 0; i < 6; i++)
    lectern_bit_reader_read_ue (bits);
  if (lectern_bit_reader_read_flag (bits) && lectern_bit_reader_read_flag (bits))
    skip_scaling_lists (bits);
  lectern_bit_reader_skip (bits, 2);
  if (lectern_bit_reader_read_flag (bits))
    {
      lectern_bit_reader_skip (bits, 8);
      lectern_bit_reader_read_ue (bits);
      lectern_bit_reader_read_ue (bits);
      lectern_bit_reader_skip (bits, 1);
    }
  skip_reference_sets (bits);
  if (lectern_bit_reader_read_flag (bits))
    {
      long_term = lectern_bit_reader_read_ue (bits);
      if (log2_max_lsb > 12 || long_term > MAX_LONG_TERM)
        bits->overrun = TRUE;
      else
        lectern_bit_reader_skip (bits, (gsize) long_term * (log2_max_lsb + 5));
    }
  lectern_bit_reader_skip (bits, 2);
}

/* A broken end of the SPS leaves the frame rate unknown: the picture is known by then. */
static void
read_frame_rate (LecternBitReader *bits, LecternVideoParameters *parameters)
{
  guint32 units;
  guint32 scale;

  if (!lectern_bit_reader_read_flag (bits))
    return;
  lectern_picture_skip_vui_start (bits);
  lectern_bit_reader_skip (bits, 3);
  if (lectern_bit_reader_read_flag (bits))
    for (guint i = 0; i < 4; i++)
      lectern_bit_reader_read_ue (bits);
  if (!lectern_bit_reader_read_flag (bits))
    return;
  units = lectern_bit_reader_read (bits, 32);
  scale = lectern_bit_reader_read (bits, 32);
  if (!bits->overrun)
    lectern_picture_set_rate (parameters, scale, units);
}

gboolean
lectern_h265_parse_sps (const guint8 *data, gsize size, LecternVideoParameters *parameters,
                        GError **error)
{
  guint8 plain[MAX_SPS_SIZE];
  LecternBitReader bits;
  LecternVideoParameters read = { .luma_bits = 8, .chroma_bits = 8 };
  guint sub_layers;

  lectern_bit_reader_init (&bits, plain,
                           lectern_bit_reader_unescape (data, size, plain, sizeof plain));
  if ((lectern_bit_reader_read (&bits, 16) >> 9 & 0x7f) != NAL_SPS)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "not an H.265 sequence parameter set");
      return FALSE;
    }
  lectern_bit_reader_skip (&bits, 4);
  sub_layers = lectern_bit_reader_read (&bits, 3);
  lectern_bit_reader_skip (&bits, 1);
  read_profile_tier_level (&bits, sub_layers, &read);
  read.id = lectern_bit_reader_read_ue (&bits);
  if (sub_layers > 6 || !read_picture (&bits, &read))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "broken H.265 sequence parameter set");
      return FALSE;
    }
  skip_tools (&bits, sub_layers, &read);
  read_frame_rate (&bits, &read);
  name_profile (&read);
  *parameters = read;
  return TRUE;
}

/* Moves past one array of parameter sets; counts sequence parameter sets and keeps the first. */
static gboolean
read_array (LecternByteReader *reader, guint *found, LecternByteReader *sps)
{
  guint8 type;
  guint16 count;

  if (!lectern_byte_reader_read_u8 (reader, &type)
      || !lectern_byte_reader_read_u16 (reader, &count))
    return FALSE;
  for (guint i = 0; i < count; i++)
    {
      LecternByteReader set;
      guint16 length;

      if (!lectern_byte_reader_read_u16 (reader, &length) || length == 0
          || !lectern_byte_reader_read_part (reader, length, &set))
        return FALSE;
      if ((type & 0x3f) != NAL_SPS)
        continue;
      if ((*found)++ == 0)
        *sps = set;
    }
  return TRUE;
}

gboolean
lectern_h265_parse_config (const guint8 *data, gsize size, LecternVideoParameters *parameters,
                           GError **error)
{
  LecternByteReader reader;
  LecternByteReader sps = { NULL };
  const guint8 *head;
  gboolean whole;
  guint found = 0;

  lectern_byte_reader_init (&reader, data, size);
  head = lectern_byte_reader_take (&reader, 23);
  whole = head != NULL && head[0] == 1 && (head[21] & 3) != 2;
  for (guint i = 0; whole && i < head[22]; i++)
    whole = read_array (&reader, &found, &sps);
  if (!whole || found == 0 || found > MAX_SPS)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "broken H.265 configuration record");
      return FALSE;
    }
  if (!lectern_h265_parse_sps (sps.data, sps.size, parameters, error))
    return FALSE;
  parameters->nal_length_size = (head[21] & 3) + 1u;
  return TRUE;
}
