/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-transcode-plan.h"

#include <string.h>

#define MIN_HEIGHT 64
#define MAX_HEIGHT 4320
#define MIN_BITRATE 8000
#define MAX_BITRATE 100000000

static gboolean
refuse (const char *item, const char *why, GError **error)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
               "[transcode] ladder: '%.64s' %s; a rung is like 480p:800k or audio:64k", item, why);
  return FALSE;
}

/* @end: behind the digits; "p" follows. */
static gboolean
read_height (const char *item, gsize length, guint *height, GError **error)
{
  g_autofree char *digits = g_strndup (item, length - 1);
  gint64 value;

  if (item[length - 1] != 'p' || !lectern_units_parse_integer (digits, &value, NULL))
    return refuse (item, "names no height", error);
  if (value < MIN_HEIGHT || value > MAX_HEIGHT || value % 2 != 0)
    return refuse (item, "must have an even height from 64 to 4320", error);
  *height = value;
  return TRUE;
}

static gboolean
add_step (LecternTranscodePlan *self, const char *item, guint height, guint64 bitrate,
          GError **error)
{
  guint at = 0;

  while (at < self->n_steps && self->steps[at].height > height)
    at++;
  if (at < self->n_steps && self->steps[at].height == height)
    return refuse (item, "is there twice", error);
  if (self->n_steps == G_N_ELEMENTS (self->steps))
    return refuse (item, "is one rung too many: at most six", error);
  memmove (&self->steps[at + 1], &self->steps[at],
           (self->n_steps - at) * sizeof (LecternTranscodeStep));
  self->steps[at] = (LecternTranscodeStep){ height, bitrate };
  self->n_steps++;
  return TRUE;
}

static gboolean
read_item (LecternTranscodePlan *self, const char *item, GError **error)
{
  const char *colon = strchr (item, ':');
  gint64 bitrate;
  guint height;

  if (colon == NULL || colon == item)
    return refuse (item, "has no bit rate", error);
  if (!lectern_units_parse_bitrate (colon + 1, &bitrate, NULL) || bitrate < MIN_BITRATE
      || bitrate > MAX_BITRATE)
    return refuse (item, "must have a bit rate from 8k to 100M", error);
  if (strncmp (item, "audio:", 6) != 0)
    return read_height (item, colon - item, &height, error)
           && add_step (self, item, height, bitrate, error);
  if (self->audio_bitrate > 0)
    return refuse (item, "is there twice", error);
  self->audio_bitrate = bitrate;
  return TRUE;
}

LecternTranscodePlan *
lectern_transcode_plan_new (const char *const *ladder, GError **error)
{
  g_autoptr (LecternTranscodePlan) self = g_new0 (LecternTranscodePlan, 1);

  self->refs = 1;
  for (guint i = 0; ladder != NULL && ladder[i] != NULL; i++)
    if (!read_item (self, ladder[i], error))
      return NULL;
  return g_steal_pointer (&self);
}

LecternTranscodePlan *
lectern_transcode_plan_ref (LecternTranscodePlan *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_transcode_plan_unref (LecternTranscodePlan *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_free (self->encoder);
  g_free (self->profile);
  g_free (self);
}
