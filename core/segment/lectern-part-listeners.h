/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-presentation.h"

/* LecternPartListeners: who hears of a presentation's parts. Has a lock of its own, which is not
 * held during a call. Thread: any. */
typedef struct _LecternPartListeners LecternPartListeners;

LecternPartListeners *lectern_part_listeners_new (void);
void lectern_part_listeners_free (LecternPartListeners *self);
guint lectern_part_listeners_add (LecternPartListeners *self, const LecternPartListener *listener,
                                  gpointer user_data, GDestroyNotify free_user_data);
void lectern_part_listeners_remove (LecternPartListeners *self, guint id);
void lectern_part_listeners_tell_part (LecternPartListeners *self, const LecternPartNews *news);
void lectern_part_listeners_tell_ended (LecternPartListeners *self);
