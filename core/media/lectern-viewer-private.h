/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-audience.h"
#include "media/lectern-viewer.h"

/* The audience's side of a viewer. Each may end with the viewer gone. */

/* Where the viewer stands in its audience's slots; the audience's own. */
typedef struct
{
  guint slot;
  guint index;
} LecternViewerSeat;

LecternViewerSeat *lectern_viewer_get_seat (LecternViewer *self);
/* Sends what there is. */
void lectern_viewer_flush (LecternViewer *self, gint64 now_us);
/* Looks whether it is late or stuck; about once a second. */
void lectern_viewer_check (LecternViewer *self, gint64 now_us);
void lectern_viewer_tell (LecternViewer *self, LecternStreamState state);
