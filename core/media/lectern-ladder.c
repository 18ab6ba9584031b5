/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-ladder.h"

static void
rung_free (gpointer data)
{
  LecternRung *rung = data;

  g_free (rung->name);
  g_free (rung);
}

LecternLadder *
lectern_ladder_new (const char *leader, gboolean replaces_video, gboolean replaces_audio)
{
  LecternLadder *self = g_new0 (LecternLadder, 1);

  self->refs = 1;
  self->rungs = g_ptr_array_new_with_free_func (rung_free);
  self->leader = g_strdup (leader);
  self->replaces_video = replaces_video;
  self->replaces_audio = replaces_audio;
  return self;
}

static int
compare_rungs (gconstpointer a, gconstpointer b)
{
  const LecternRung *left = *(LecternRung *const *) a;
  const LecternRung *right = *(LecternRung *const *) b;

  if (left->media != right->media)
    return left->media < right->media ? -1 : 1;
  if (left->height != right->height)
    return left->height > right->height ? -1 : 1;
  return left->bitrate > right->bitrate ? -1 : left->bitrate < right->bitrate;
}

void
lectern_ladder_add (LecternLadder *self, const char *name, LecternMedia media, guint height,
                    guint64 bitrate)
{
  LecternRung *rung = g_new0 (LecternRung, 1);

  rung->name = g_strdup (name);
  rung->media = media;
  rung->height = height;
  rung->bitrate = bitrate;
  g_ptr_array_add (self->rungs, rung);
  g_ptr_array_sort (self->rungs, compare_rungs);
}

LecternLadder *
lectern_ladder_ref (LecternLadder *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_ladder_unref (LecternLadder *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_ptr_array_unref (self->rungs);
  g_free (self->leader);
  g_free (self);
}

const LecternRung *
lectern_ladder_find (LecternLadder *self, const char *name)
{
  for (guint i = 0; i < self->rungs->len; i++)
    {
      const LecternRung *rung = g_ptr_array_index (self->rungs, i);

      if (g_str_equal (rung->name, name))
        return rung;
    }
  return NULL;
}
