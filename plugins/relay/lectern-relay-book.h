/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-relay-board.h"

/* LecternRelayBook: relays that are made and removed while the server runs, kept in the store so
 * that they survive it. Atomically reference-counted by calls under way. Thread: control. */
typedef struct _LecternRelayBook LecternRelayBook;

/* @board must live until _close. Begins to read what is kept. Returns: (transfer full). */
LecternRelayBook *lectern_relay_book_new (LecternHost *host, LecternRelayBoard *board);
/* Touches the board no more; calls under way are answered with CLOSED. */
void lectern_relay_book_close (LecternRelayBook *self);

/* Keeps a new relay and begins it; @func (…, @data) is called once, now or later, with it as JSON.
 * Errors: INVALID_DATA, DENIED, CONFLICT, LIMIT, NOT_SUPPORTED, the store's. */
void lectern_relay_book_create (LecternRelayBook *self, const LecternRelaySpec *spec,
                                LecternRelaysFunc func, gpointer data);
/* Ends and forgets one. Errors: NOT_FOUND; CONFLICT: the keyfile's. */
void lectern_relay_book_remove (LecternRelayBook *self, const char *id, LecternRelaysFunc func,
                                gpointer data);
