/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-json.h"
#include "net/lectern-listener.h"

/* LecternDoors: the server's listeners, each with the name under which the world may ask for it.
 * Thread: control. */
typedef struct _LecternDoors LecternDoors;

LecternDoors *lectern_doors_new (void);
/* Stops them all. */
void lectern_doors_free (LecternDoors *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternDoors, lectern_doors_free)

/* @listener: (transfer full). */
void lectern_doors_add (LecternDoors *self, const char *name, LecternListener *listener);
/* A door that a worker opens. @address: with its port. Returns: (transfer none): for _remove_other.
 */
gpointer lectern_doors_add_other (LecternDoors *self, const char *name,
                                  const LecternAddress *address);
void lectern_doors_remove_other (LecternDoors *self, gpointer door);
/* Stops @listener. */
void lectern_doors_remove (LecternDoors *self, LecternListener *listener);
/* See lectern_listener_set_dscp; for all listeners of @name. */
void lectern_doors_set_dscp (LecternDoors *self, const char *name, guint dscp);
/* Accepts nothing more; the doors stay in the list. */
void lectern_doors_stop (LecternDoors *self);
/* Stops and forgets all. */
void lectern_doors_clear (LecternDoors *self);
/* Returns: (transfer full) (element-type LecternAddress): where they listen. */
GArray *lectern_doors_list_addresses (LecternDoors *self);
/* Returns: (transfer full): {"http": "127.0.0.1:8000", …}; several addresses of one name are
 * separated by ";", as in the settings. */
JsonNode *lectern_doors_describe (LecternDoors *self);
