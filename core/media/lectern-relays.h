/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-json.h"
#include "media/lectern-carrier.h"

/* LecternRelays: the relays of this server, for who shows or changes them without knowing the
 * plugin that runs them. That plugin offers them with lectern_plugin_offer_relays. Atomically
 * reference-counted. */
typedef struct _LecternRelays LecternRelays;

/* A relay that is wanted. */
typedef struct
{
  LecternCarryWay way;
  const char *stream;    /* "app/name" here */
  const char *url;       /* there: a secret */
  const char *transport; /* "tcp", "udp"; NULL: as the protocol likes */
  gboolean on_demand;    /* a pull only while somebody watches; @stream may be an app */
} LecternRelaySpec;

/* @answer: (nullable): what was asked for, lives for the call; NULL with @error, and for what has
 * no answer. */
typedef void (*LecternRelaysFunc) (JsonNode *answer, const GError *error, gpointer user_data);

/* What the plugin does. Each calls @func (…, @data) exactly once, now or later; strings live for
 * the call. A relay is an object with the members "id" (eight characters of A-Z and 0-9), "mode"
 * ("pull", "push", or what the plugin has beside), "stream", "url" (masked) and "started" (RFC 3339
 * or null), and what else the plugin tells. Thread: control. */
typedef struct
{
  /* Answers an array of all. */
  void (*list) (LecternRelaysFunc func, gpointer data, gpointer user_data);
  /* Answers the new one. */
  void (*create) (const LecternRelaySpec *spec, LecternRelaysFunc func, gpointer data,
                  gpointer user_data);
  /* Answers NULL. Errors: NOT_FOUND. */
  void (*remove) (const char *id, LecternRelaysFunc func, gpointer data, gpointer user_data);
} LecternRelaysTable;

/* Thread: control, where the table's functions run. */
LECTERN_API LecternRelays *lectern_relays_new (void);
LECTERN_API LecternRelays *lectern_relays_ref (LecternRelays *self);
LECTERN_API void lectern_relays_unref (LecternRelays *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRelays, lectern_relays_unref)
/* @table: constant; NULL: nobody offers any now. Thread: control. */
LECTERN_API void lectern_relays_offer (LecternRelays *self, const LecternRelaysTable *table,
                                       gpointer user_data);

/* Each asks, and @func runs in the caller's thread-default context, later; then @free_user_data
 * (nullable), which also runs, on any thread, when that context ends first.
 * Errors: NOT_FOUND: nobody offers relays; LIMIT: too many questions are under way; the
 * plugin's. Thread: any that runs a main context. */
LECTERN_API void lectern_relays_list (LecternRelays *self, LecternRelaysFunc func,
                                      gpointer user_data, GDestroyNotify free_user_data);
LECTERN_API void lectern_relays_create (LecternRelays *self, const LecternRelaySpec *spec,
                                        LecternRelaysFunc func, gpointer user_data,
                                        GDestroyNotify free_user_data);
LECTERN_API void lectern_relays_remove (LecternRelays *self, const char *id, LecternRelaysFunc func,
                                        gpointer user_data, GDestroyNotify free_user_data);
