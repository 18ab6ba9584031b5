/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AudioSpecificConfig. */
#include "formats/lectern-aac.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  LecternAacParameters parameters;

  if (!lectern_aac_parse_config (data, size, &parameters, &error))
    {
      g_assert_true (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA));
      return 0;
    }
  g_assert_true (error == NULL && size >= 2);
  g_assert_true (parameters.rate > 0 && parameters.rate <= 192000);
  g_assert_true (parameters.channels > 0 && parameters.channels < 256);
  g_assert_true (parameters.name[0] != '\0');
  return 0;
}
