/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-reactor.h"
#include "segment/lectern-presentation.h"

/* LecternArrivals: viewers who wait for presentations that somebody brings. Guarded by a lock of
 * its own, a leaf. Thread: any. */
typedef struct _LecternArrivals LecternArrivals;

LecternArrivals *lectern_arrivals_new (void);
/* Nobody may wait any more. */
void lectern_arrivals_free (LecternArrivals *self);

/* Calls @func once, on the calling reactor: with the presentation @name when it has come, else
 * after
 * @limit_us with @instead (nullable). FALSE: too many wait (4096), or the caller is no reactor.
 * Thread: a reactor's. */
gboolean lectern_arrivals_wait (LecternArrivals *self, const char *name, gint64 limit_us,
                                LecternPresentation *instead, LecternPresentationFunc func,
                                gpointer user_data);
/* It has come. */
void lectern_arrivals_tell (LecternArrivals *self, LecternPresentation *presentation);
/* Nothing more comes: whoever waits gets what there is instead. */
void lectern_arrivals_end (LecternArrivals *self);
