/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-transcode-plan.h"

#include <string.h>

#define MIN_HEIGHT 64
#define MAX_HEIGHT 4320
/* What the job takes: of a picture, and of sound. */
#define MIN_PICTURE 10000
#define MAX_PICTURE 100000000
#define MIN_SOUND 8000
#define MAX_SOUND 512000

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
read_bitrate (const char *item, const char *text, gboolean sound, gint64 *bitrate, GError **error)
{
  if (lectern_units_parse_bitrate (text, bitrate, NULL)
      && *bitrate >= (sound ? MIN_SOUND : MIN_PICTURE)
      && *bitrate <= (sound ? MAX_SOUND : MAX_PICTURE))
    return TRUE;
  return refuse (item,
                 sound ? "must have a bit rate from 8k to 512k"
                       : "must have a bit rate from 10k to 100M",
                 error);
}

static gboolean
read_item (LecternTranscodePlan *self, const char *item, GError **error)
{
  const char *colon = strchr (item, ':');
  gboolean sound = g_str_has_prefix (item, "audio:");
  gint64 bitrate;
  guint height;

  if (colon == NULL || colon == item)
    return refuse (item, "has no bit rate", error);
  if (!read_bitrate (item, colon + 1, sound, &bitrate, error))
    return FALSE;
  if (!sound)
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
