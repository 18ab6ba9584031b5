/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

typedef struct
{
  guint object_type; /* 2 LC; 5 with SBR (HE), 29 with SBR and PS (HEv2) when signalled */
  guint rate;        /* Hz, of the output (SBR doubled when signalled) */
  guint channels;
  char name[24]; /* "LC", "HE", "HEv2" */
} LecternAacParameters;

/* AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). Errors: INVALID_DATA. Thread: any. */
LECTERN_API gboolean lectern_aac_parse_config (const guint8 *data, gsize size,
                                               LecternAacParameters *parameters, GError **error);
