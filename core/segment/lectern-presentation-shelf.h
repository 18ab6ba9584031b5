/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-presentation.h"

/* LecternPresentationShelf: presentations that loaders bring from a disk, kept while they are used.
 * Has a lock of its own, which is not held during a call. */
typedef struct _LecternPresentationShelf LecternPresentationShelf;

/* Thread: control. */
LecternPresentationShelf *lectern_presentation_shelf_new (void);
void lectern_presentation_shelf_free (LecternPresentationShelf *self);
void lectern_presentation_shelf_add_loader (LecternPresentationShelf *self, const char *app,
                                            LecternPresentationLoadFunc func, gpointer user_data);
void lectern_presentation_shelf_remove_loader (LecternPresentationShelf *self, const char *app);
/* Returns: (transfer full) (nullable): what is at hand. Thread: any. */
LecternPresentation *lectern_presentation_shelf_lookup (LecternPresentationShelf *self,
                                                        const char *name);
/* Whether a loader brings names like @name. Thread: any. */
gboolean lectern_presentation_shelf_covers (LecternPresentationShelf *self, const char *name);
/* See lectern_presentations_open. Thread: any with a main context. */
void lectern_presentation_shelf_open (LecternPresentationShelf *self, const char *name,
                                      LecternPresentationFunc func, gpointer user_data);
void lectern_presentation_shelf_forget (LecternPresentationShelf *self, const char *name);
