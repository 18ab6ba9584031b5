/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "formats/lectern-bit-reader.h"
#include "formats/lectern-h264.h"

/* What the sequence parameter sets of H.264 and H.265 have in common. */
#define LECTERN_PICTURE_MAX_SIDE 16384
#define LECTERN_PICTURE_MAX_REORDER 16

typedef struct
{
  guint32 left;
  guint32 right;
  guint32 top;
  guint32 bottom;
  guint unit_x; /* luma samples for each */
  guint unit_y;
} LecternPictureCrop;

void lectern_picture_read_crop (LecternBitReader *bits, LecternPictureCrop *crop);
/* FALSE when nothing is left, or a side is over the limit. */
gboolean lectern_picture_set_size (LecternVideoParameters *parameters, guint64 width,
                                   guint64 height, const LecternPictureCrop *crop);
/* Shortens the fraction; leaves it unknown when it is not one. */
void lectern_picture_set_rate (LecternVideoParameters *parameters, guint64 numerator,
                               guint64 denominator);
/* From the aspect ratio to the chroma location of the VUI (E.2.1 of both). */
void lectern_picture_skip_vui_start (LecternBitReader *bits);
