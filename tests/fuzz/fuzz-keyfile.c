/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/lectern-setting.h"
#include "config/lectern-keyfile.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static const LecternSetting rows[] = {
  { "boolean", LECTERN_SETTING_BOOLEAN, "no", NULL, NULL, "" },
  { "integer", LECTERN_SETTING_INTEGER, NULL, "-5", "10", "" },
  { "duration", LECTERN_SETTING_DURATION, NULL, "0s", "30s", "" },
  { "size", LECTERN_SETTING_SIZE, NULL, NULL, "1GiB", "" },
  { "bitrate", LECTERN_SETTING_BITRATE, NULL, "64k", NULL, "" },
  { "choice", LECTERN_SETTING_CHOICE, NULL, "red | green", NULL, "" },
  { "address", LECTERN_SETTING_ADDRESS, NULL, NULL, NULL, "" },
  { "list", LECTERN_SETTING_LIST, NULL, NULL, NULL, "" },
};

/* Every value is tried as every type. */
static gboolean
on_entry (const char *group, const char *key, const char *value, guint line, gpointer user_data,
          GError **error)
{
  guint *last = user_data;

  g_assert (group != NULL && line >= *last);
  g_assert ((key == NULL) == (value == NULL));
  *last = line;
  for (guint i = 0; key != NULL && i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) local = NULL;

      if (!lectern_setting_check (&rows[i], value, &local))
        g_assert (local != NULL && local->code == LECTERN_ERROR_INVALID_CONFIG);
    }
  return TRUE;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  guint last = 0;

  if (!lectern_keyfile_read ("fuzz", (const char *) data, size, on_entry, &last, &error))
    g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
  return 0;
}
