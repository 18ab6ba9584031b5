/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "formats/lectern-h264.h"

/* HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) with its first SPS (ITU-T
 * H.265, 7.3.2.2.1). Errors: INVALID_DATA. Thread: any. */
LECTERN_API gboolean lectern_h265_parse_config (const guint8 *data, gsize size,
                                                LecternVideoParameters *parameters, GError **error);
LECTERN_API gboolean lectern_h265_parse_sps (const guint8 *data, gsize size,
                                             LecternVideoParameters *parameters, GError **error);
