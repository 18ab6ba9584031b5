/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

typedef enum
{
  LECTERN_SETTING_BOOLEAN,
  LECTERN_SETTING_INTEGER,
  LECTERN_SETTING_DURATION, /* "40ms", "10s"; read as microseconds */
  LECTERN_SETTING_SIZE,     /* "4MiB"; read as bytes */
  LECTERN_SETTING_BITRATE,  /* "2500k"; read as bits a second */
  LECTERN_SETTING_STRING,
  LECTERN_SETTING_LIST,    /* values separated by ";" */
  LECTERN_SETTING_CHOICE,  /* one of the words in min, separated by "|" */
  LECTERN_SETTING_PATH,    /* absolute, or relative to the file that sets it */
  LECTERN_SETTING_SECRET,  /* never printed; the path of a file (0600), or from the environment */
  LECTERN_SETTING_ADDRESS, /* "0.0.0.0:1935", several separated by ";", empty: none */
  LECTERN_SETTING_DSCP     /* "af41", "46"; read as its six bits */
} LecternSettingType;

/* LecternSetting:
 *
 * One row of a settings table; tables end with { NULL } and are constant data, read before any code
 * of a plugin runs. `lectern settings`, `lectern check`, docs/configuration.md and the man page
 * come from these rows. @min and @max are written as a value would be ("0s", "30s"); NULL: no
 * bound. For a CHOICE, @min holds the words. @initial NULL means unset. @sentence is marked with
 * N_(). */
typedef struct
{
  const char *key;
  LecternSettingType type;
  const char *initial;
  const char *min;
  const char *max;
  const char *sentence;
} LecternSetting;

/* Returns: the word for the type ("duration"); static. Thread: any. */
LECTERN_API const char *lectern_setting_type_get_name (LecternSettingType type);

/* Checks @text against the row's type and range. Errors: INVALID_CONFIG, with the allowed range in
 * the message. Thread: any. */
LECTERN_API gboolean lectern_setting_check (const LecternSetting *self, const char *text,
                                            GError **error);

/* Returns: (transfer full): "0s … 30s", "a | b | c", or "" when unbounded. Thread: any. */
LECTERN_API char *lectern_setting_describe_range (const LecternSetting *self);
