/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-picture.h"

#define EXTENDED_SAR 255

void
lectern_picture_read_crop (LecternBitReader *bits, LecternPictureCrop *crop)
{
  crop->left = lectern_bit_reader_read_ue (bits);
  crop->right = lectern_bit_reader_read_ue (bits);
  crop->top = lectern_bit_reader_read_ue (bits);
  crop->bottom = lectern_bit_reader_read_ue (bits);
}

gboolean
lectern_picture_set_size (LecternVideoParameters *parameters, guint64 width, guint64 height,
                          const LecternPictureCrop *crop)
{
  guint64 off_x = ((guint64) crop->left + crop->right) * crop->unit_x;
  guint64 off_y = ((guint64) crop->top + crop->bottom) * crop->unit_y;

  if (off_x >= width || off_y >= height || width - off_x > LECTERN_PICTURE_MAX_SIDE
      || height - off_y > LECTERN_PICTURE_MAX_SIDE)
    return FALSE;
  parameters->width = (guint) (width - off_x);
  parameters->height = (guint) (height - off_y);
  return TRUE;
}

void
lectern_picture_set_rate (LecternVideoParameters *parameters, guint64 numerator,
                          guint64 denominator)
{
  guint64 a = numerator;
  guint64 b = denominator;

  if (numerator == 0 || denominator == 0)
    return;
  while (b != 0)
    {
      guint64 rest = a % b;

      a = b;
      b = rest;
    }
  if (numerator / a > G_MAXUINT32 || denominator / a > G_MAXUINT32)
    return;
  parameters->numerator = (guint) (numerator / a);
  parameters->denominator = (guint) (denominator / a);
}

void
lectern_picture_skip_vui_start (LecternBitReader *bits)
{
  if (lectern_bit_reader_read_flag (bits) && lectern_bit_reader_read (bits, 8) == EXTENDED_SAR)
    lectern_bit_reader_skip (bits, 32);
  if (lectern_bit_reader_read_flag (bits))
    lectern_bit_reader_skip (bits, 1);
  if (lectern_bit_reader_read_flag (bits))
    {
      lectern_bit_reader_skip (bits, 4);
      if (lectern_bit_reader_read_flag (bits))
        lectern_bit_reader_skip (bits, 24);
    }
  if (lectern_bit_reader_read_flag (bits))
    {
      lectern_bit_reader_read_ue (bits);
      lectern_bit_reader_read_ue (bits);
    }
}
