/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-exchange.h"
#include "media/lectern-stream-registry.h"
#include "segment/lectern-presentation.h"

/* LecternArrivals: viewers who wait for presentations that somebody brings. Guarded by a lock of
 * its own, a leaf. Thread: any. */
typedef struct _LecternArrivals LecternArrivals;

/* Those who wait count among the waiting viewers of @streams, which must outlive it. */
LecternArrivals *lectern_arrivals_new (LecternStreamRegistry *streams);
/* Nobody may wait any more. */
void lectern_arrivals_free (LecternArrivals *self);

/* Calls @func once, on the calling reactor: with the presentation @name when it has come, else with
 * @instead (nullable) after @limit_us, or when the peer of @exchange (nullable) has left. @func's
 * data must hold @exchange. FALSE: too many wait, the peer has left already, or the caller is no
 * reactor. Thread: the connection's reactor. */
gboolean lectern_arrivals_wait (LecternArrivals *self, const char *name,
                                LecternHttpExchange *exchange, gint64 limit_us,
                                LecternPresentation *instead, LecternPresentationFunc func,
                                gpointer user_data);
/* It has come. */
void lectern_arrivals_tell (LecternArrivals *self, LecternPresentation *presentation);
/* Whoever waits gets what there is instead. @for_good: nobody may wait any more. */
void lectern_arrivals_end (LecternArrivals *self, gboolean for_good);
