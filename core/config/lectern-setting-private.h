/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/lectern-setting.h"

/* lectern_setting_check that hands out what it read: *@number for BOOLEAN, INTEGER, DURATION, SIZE,
 * BITRATE and DSCP. */
gboolean lectern_setting_parse (const LecternSetting *self, const char *text, gint64 *number,
                                GError **error);

/* Returns: (transfer full): the entries of a LIST or ADDRESS, trimmed, the empty ones dropped. */
char **lectern_setting_split (const char *text);
