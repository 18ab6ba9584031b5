/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* H.264 and H.265 configuration records and sequence parameter sets. */
#include "formats/lectern-h265.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

typedef gboolean (*ParseFunc) (const guint8 *data, gsize size, LecternVideoParameters *parameters,
                               GError **error);

static void
check (ParseFunc parse, const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  LecternVideoParameters parameters;

  if (!parse (data, size, &parameters, &error))
    {
      g_assert_true (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA));
      return;
    }
  g_assert_true (error == NULL);
  g_assert_true (parameters.width > 0 && parameters.width <= 16384);
  g_assert_true (parameters.height > 0 && parameters.height <= 16384);
  g_assert_true ((parameters.numerator == 0) == (parameters.denominator == 0));
  g_assert_true (parameters.name[0] != '\0' && strlen (parameters.name) < sizeof parameters.name);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  check (lectern_h264_parse_config, data, size);
  check (lectern_h264_parse_sps, data, size);
  check (lectern_h265_parse_config, data, size);
  check (lectern_h265_parse_sps, data, size);
  for (guint length = 1; length <= 4; length++)
    lectern_h264_check_nal_lengths (data, size, length);
  return 0;
}
