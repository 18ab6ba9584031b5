/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-h264.h"

#include "base/lectern-byte-reader.h"
#include "formats/lectern-bit-reader.h"
#include "formats/lectern-picture.h"

#define NAL_SPS 7
#define BASELINE 66
#define MAX_SPS_SIZE 4096
#define MAX_CYCLE 255 /* num_ref_frames_in_pic_order_cnt_cycle */

static const struct
{
  guint profile;
  const char *name;
} profiles[] = {
  { 44, "CAVLC 4:4:4" }, { 66, "Baseline" },    { 77, "Main" },       { 88, "Extended" },
  { 100, "High" },       { 110, "High 10" },    { 118, "Multiview" }, { 122, "High 4:2:2" },
  { 128, "Stereo" },     { 244, "High 4:4:4" },
};

static gboolean
has_chroma_format (guint profile)
{
  static const guint8 with[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135 };

  for (gsize i = 0; i < G_N_ELEMENTS (with); i++)
    if (with[i] == profile)
      return TRUE;
  return FALSE;
}

static void
name_profile (LecternVideoParameters *parameters, guint constraints)
{
  const char *name = "Profile";
  gboolean level_1b
      = parameters->level == 9
        || (parameters->level == 11 && parameters->profile <= 88 && (constraints & 0x10) != 0);

  for (gsize i = 0; i < G_N_ELEMENTS (profiles); i++)
    if (profiles[i].profile == parameters->profile)
      name = profiles[i].name;
  if (level_1b)
    g_snprintf (parameters->name, sizeof parameters->name, "%s 1b", name);
  else
    g_snprintf (parameters->name, sizeof parameters->name, "%s %u.%u", name, parameters->level / 10,
                parameters->level % 10);
}

static void
skip_scaling_list (LecternBitReader *bits, guint size)
{
  gint32 last = 8;
  gint32 next = 8;

  for (guint i = 0; i < size && next != 0 && !bits->overrun; i++)
    {
      next = (gint32) (((gint64) last + lectern_bit_reader_read_se (bits)) & 0xff);
      if (next != 0)
        last = next;
    }
}

/* Returns: chroma_format_idc. */
static guint
read_chroma_format (LecternBitReader *bits, gboolean *separate, LecternVideoParameters *parameters)
{
  guint chroma = lectern_bit_reader_read_ue (bits);

  if (chroma == 3)
    *separate = lectern_bit_reader_read_flag (bits);
  parameters->luma_bits = 8 + (lectern_bit_reader_read_ue (bits) & 7);
  parameters->chroma_bits = 8 + (lectern_bit_reader_read_ue (bits) & 7);
  lectern_bit_reader_skip (bits, 1);
  if (lectern_bit_reader_read_flag (bits))
    for (guint i = 0; i < (chroma == 3 ? 12 : 8); i++)
      if (lectern_bit_reader_read_flag (bits))
        skip_scaling_list (bits, i < 6 ? 16 : 64);
  return chroma;
}

static gboolean
skip_picture_order (LecternBitReader *bits, LecternVideoParameters *parameters)
{
  guint type = lectern_bit_reader_read_ue (bits);
  guint cycle;

  if (type > 2)
    return FALSE;
  /* Pictures are shown as they come (8.2.1.3), and so they are without B slices. */
  parameters->reorder = type == 2 || parameters->profile == BASELINE ? 0 : -1;
  if (type == 0)
    lectern_bit_reader_read_ue (bits);
  if (type != 1)
    return TRUE;
  lectern_bit_reader_skip (bits, 1);
  lectern_bit_reader_read_se (bits);
  lectern_bit_reader_read_se (bits);
  cycle = lectern_bit_reader_read_ue (bits);
  if (cycle > MAX_CYCLE)
    return FALSE;
  for (guint i = 0; i < cycle; i++)
    lectern_bit_reader_read_se (bits);
  return TRUE;
}

static void
read_frame_rate (LecternBitReader *bits, LecternVideoParameters *parameters)
{
  guint32 units;
  guint32 scale;

  if (!lectern_bit_reader_read_flag (bits))
    return;
  units = lectern_bit_reader_read (bits, 32);
  scale = lectern_bit_reader_read (bits, 32);
  lectern_bit_reader_skip (bits, 1);
  if (!bits->overrun)
    lectern_picture_set_rate (parameters, scale, (guint64) units * 2);
}

/* E.1.2. Returns: whether there was one. */
static gboolean
skip_buffer_model (LecternBitReader *bits)
{
  guint32 last;

  if (!lectern_bit_reader_read_flag (bits))
    return FALSE;
  last = lectern_bit_reader_read_ue (bits);
  if (last > 31)
    bits->overrun = TRUE;
  lectern_bit_reader_skip (bits, 8);
  for (guint i = 0; i <= last && !bits->overrun; i++)
    {
      lectern_bit_reader_read_ue (bits);
      lectern_bit_reader_read_ue (bits);
      lectern_bit_reader_skip (bits, 1);
    }
  lectern_bit_reader_skip (bits, 20);
  return TRUE;
}

static void
read_restriction (LecternBitReader *bits, LecternVideoParameters *parameters)
{
  guint32 reorder;

  if (!lectern_bit_reader_read_flag (bits))
    return;
  lectern_bit_reader_skip (bits, 1);
  for (guint i = 0; i < 4; i++)
    lectern_bit_reader_read_ue (bits);
  reorder = lectern_bit_reader_read_ue (bits);
  if (!bits->overrun && reorder <= LECTERN_PICTURE_MAX_REORDER)
    parameters->reorder = (gint) reorder;
}

/* A broken end leaves the rest unknown: the picture is known by then. */
static void
read_vui (LecternBitReader *bits, LecternVideoParameters *parameters)
{
  gboolean models;

  if (!lectern_bit_reader_read_flag (bits))
    return;
  lectern_picture_skip_vui_start (bits);
  read_frame_rate (bits, parameters);
  models = skip_buffer_model (bits);
  models = skip_buffer_model (bits) || models;
  lectern_bit_reader_skip (bits, models ? 2 : 1);
  read_restriction (bits, parameters);
}

static gboolean
read_picture (LecternBitReader *bits, guint chroma, LecternVideoParameters *parameters)
{
  guint64 width = ((guint64) lectern_bit_reader_read_ue (bits) + 1) * 16;
  guint64 height = ((guint64) lectern_bit_reader_read_ue (bits) + 1) * 16;
  gboolean frames_only = lectern_bit_reader_read_flag (bits);
  LecternPictureCrop crop = { 0 };

  height *= frames_only ? 1 : 2;
  if (!frames_only)
    lectern_bit_reader_skip (bits, 1);
  lectern_bit_reader_skip (bits, 1);
  if (lectern_bit_reader_read_flag (bits))
    {
      lectern_picture_read_crop (bits, &crop);
      crop.unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
      crop.unit_y = (chroma == 1 ? 2 : 1) * (frames_only ? 1 : 2);
    }
  return !bits->overrun && lectern_picture_set_size (parameters, width, height, &crop);
}

gboolean
lectern_h264_parse_sps (const guint8 *data, gsize size, LecternVideoParameters *parameters,
                        GError **error)
{
  guint8 plain[MAX_SPS_SIZE];
  LecternBitReader bits;
  LecternVideoParameters read = { .luma_bits = 8, .chroma_bits = 8 };
  guint constraints;
  guint chroma = 1;
  gboolean separate = FALSE;

  lectern_bit_reader_init (&bits, plain,
                           lectern_bit_reader_unescape (data, size, plain, sizeof plain));
  if ((lectern_bit_reader_read (&bits, 8) & 0x9f) != NAL_SPS)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "not an H.264 sequence parameter set");
      return FALSE;
    }
  read.profile = lectern_bit_reader_read (&bits, 8);
  constraints = lectern_bit_reader_read (&bits, 8);
  read.level = lectern_bit_reader_read (&bits, 8);
  read.id = lectern_bit_reader_read_ue (&bits);
  if (has_chroma_format (read.profile))
    chroma = read_chroma_format (&bits, &separate, &read);
  read.chroma = chroma;
  lectern_bit_reader_read_ue (&bits); /* log2_max_frame_num_minus4 */
  if (chroma > 3 || !skip_picture_order (&bits, &read))
    bits.overrun = TRUE;
  lectern_bit_reader_read_ue (&bits); /* max_num_ref_frames */
  lectern_bit_reader_skip (&bits, 1);
  if (!read_picture (&bits, separate ? 0 : chroma, &read))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "broken H.264 sequence parameter set");
      return FALSE;
    }
  read_vui (&bits, &read);
  name_profile (&read, constraints);
  *parameters = read;
  return TRUE;
}

/* Moves past @count parameter sets; *@first is the first of them. */
static gboolean
read_sets (LecternByteReader *reader, guint count, LecternByteReader *first)
{
  for (guint i = 0; i < count; i++)
    {
      LecternByteReader set;
      guint16 length;

      if (!lectern_byte_reader_read_u16 (reader, &length) || length == 0
          || !lectern_byte_reader_read_part (reader, length, &set))
        return FALSE;
      if (i == 0)
        *first = set;
    }
  return TRUE;
}

gboolean
lectern_h264_parse_config (const guint8 *data, gsize size, LecternVideoParameters *parameters,
                           GError **error)
{
  LecternByteReader reader;
  LecternByteReader sps = { NULL };
  LecternByteReader pps;
  const guint8 *head;
  guint8 pictures;
  guint nal_length_size;

  lectern_byte_reader_init (&reader, data, size);
  head = lectern_byte_reader_take (&reader, 6);
  if (head == NULL || head[0] != 1 || (head[4] & 3) == 2 || (head[5] & 0x1f) == 0
      || !read_sets (&reader, head[5] & 0x1f, &sps)
      || !lectern_byte_reader_read_u8 (&reader, &pictures) || !read_sets (&reader, pictures, &pps))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "broken H.264 configuration record");
      return FALSE;
    }
  nal_length_size = (head[4] & 3) + 1u;
  if (!lectern_h264_parse_sps (sps.data, sps.size, parameters, error))
    return FALSE;
  parameters->nal_length_size = nal_length_size;
  return TRUE;
}

gboolean
lectern_h264_check_nal_lengths (const guint8 *data, gsize size, guint nal_length_size)
{
  gsize offset = 0;

  g_return_val_if_fail (nal_length_size >= 1 && nal_length_size <= 4, FALSE);
  while (size - offset >= nal_length_size)
    {
      gsize length = 0;

      for (guint i = 0; i < nal_length_size; i++)
        length = length << 8 | data[offset + i];
      offset += nal_length_size;
      if (length > size - offset)
        return FALSE;
      offset += length;
    }
  return offset == size;
}
