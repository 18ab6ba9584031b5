/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* LecternVideoParameters: what parameter sets say of the picture. */
typedef struct
{
  guint width; /* after cropping */
  guint height;
  guint profile;
  guint level;           /* level_idc: 40 is 4.0; H.265: general_level_idc, 120 is 4.0 */
  guint nal_length_size; /* 1, 2 or 4 */
  guint numerator;       /* frames a second as a fraction, 0/0 unknown */
  guint denominator;
  gint reorder;    /* at most so many pictures come before one and are shown after it; -1 unknown */
  guint id;        /* seq_parameter_set_id */
  guint chroma;    /* chroma_format_idc: 1 is 4:2:0 */
  guint luma_bits; /* of a sample */
  guint chroma_bits;
  char name[24]; /* "High 4.0", "Main 4.1" */
} LecternVideoParameters;

/* AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) with its first SPS (ITU-T
 * H.264, 7.3.2.1.1). 0 or more than 31 SPS, sizes beyond the record, and pictures over 16384 are
 * refused. Errors: INVALID_DATA. Thread: any. */
LECTERN_API gboolean lectern_h264_parse_config (const guint8 *data, gsize size,
                                                LecternVideoParameters *parameters, GError **error);
/* One SPS NAL unit with its header byte, emulation prevention included. */
LECTERN_API gboolean lectern_h264_parse_sps (const guint8 *data, gsize size,
                                             LecternVideoParameters *parameters, GError **error);
/* Whether the length-prefixed NAL units of @data fill it exactly. Thread: any. */
LECTERN_API gboolean lectern_h264_check_nal_lengths (const guint8 *data, gsize size,
                                                     guint nal_length_size);
