/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-relay-run.h"

/* LecternRelayBoard: all relays on one board: their rules, and the streams that each carries now.
 * Thread: control. */
typedef struct _LecternRelayBoard LecternRelayBoard;

typedef struct
{
  LecternRelayFence *fence; /* (transfer none): for rules that are not fixed */
  gint64 linger_us;         /* a pull on demand after its last viewer */
  gint64 hold_us;           /* a stream after its upstream was lost */
  gint64 timeout_us;
  gint64 silence_us;
  guint max_relays;
  guint max_transfers;
} LecternRelayBoardOptions;

LecternRelayBoard *lectern_relay_board_new (LecternHost *host,
                                            const LecternRelayBoardOptions *options);
/* Everything ends. */
void lectern_relay_board_free (LecternRelayBoard *self);
/* Makes @rules the fixed ones; those that were there before go on undisturbed. What does nothing,
 * since something was against it, is looked at again. On an error nothing has changed. */
gboolean lectern_relay_board_reload (LecternRelayBoard *self,
                                     const LecternRelayBoardOptions *options, GPtrArray *rules,
                                     GError **error);

/* Begins. @rule: held. Errors: CONFLICT: the same, or another pull of that stream; LIMIT;
 * NOT_SUPPORTED: no plugin carries it; DENIED: the fence. */
gboolean lectern_relay_board_add (LecternRelayBoard *self, LecternRelayRule *rule, GError **error);
/* Whether lectern_relay_board_add would do it. */
gboolean lectern_relay_board_check (LecternRelayBoard *self, LecternRelayRule *rule,
                                    GError **error);
/* The same for one that was kept: where it cannot begin, it is there and says why. */
void lectern_relay_board_restore (LecternRelayBoard *self, LecternRelayRule *rule);
/* Ends. FALSE: no such relay. */
gboolean lectern_relay_board_remove (LecternRelayBoard *self, const char *id);
/* Returns: (transfer none) (nullable). */
LecternRelayRule *lectern_relay_board_lookup (LecternRelayBoard *self, const char *id);
/* Returns: (transfer full) (nullable): what the API tells of one. */
JsonNode *lectern_relay_board_describe (LecternRelayBoard *self, const char *id);
/* Returns: (transfer full): an array of all, the keyfile's first. */
JsonNode *lectern_relay_board_describe_all (LecternRelayBoard *self);

/* The registry's and the clock's news, from the plugin. */
void lectern_relay_board_stream_live (LecternRelayBoard *self, LecternStream *stream);
void lectern_relay_board_stream_ended (LecternRelayBoard *self, LecternStream *stream);
void lectern_relay_board_stream_wanted (LecternRelayBoard *self, const char *name,
                                        const LecternAccessRequest *request);
/* About once a second. */
void lectern_relay_board_tick (LecternRelayBoard *self);
