/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-relay-transfer.h"

typedef enum
{
  LECTERN_RELAY_IDLE,       /* nothing to do */
  LECTERN_RELAY_CONNECTING, /* a try is under way */
  LECTERN_RELAY_RUNNING,
  LECTERN_RELAY_WAITING, /* until the next try */
  LECTERN_RELAY_FAILED,  /* for good: it would fail again */
} LecternRelayState;

/* Returns: "idle", "connecting", …; static. */
const char *lectern_relay_state_get_name (LecternRelayState state);

/* LecternRelayRun: one stream carried by one rule: tries until it is freed. Thread: control. */
typedef struct _LecternRelayRun LecternRelayRun;

/* It has nothing more to do; the last call. The run may be freed in it. */
typedef void (*LecternRelayRunFunc) (LecternRelayRun *run, gpointer user_data);

/* @spec: without `url`. @query: (nullable): a viewer's. Begins. Returns: (transfer full). */
LecternRelayRun *lectern_relay_run_new (const LecternRelayTransferSpec *spec, const char *query,
                                        LecternRelayRunFunc over, gpointer user_data);
/* What it fetched ends. */
void lectern_relay_run_free (LecternRelayRun *self);
/* Tries now, if it waits and the last try was not just now: a viewer has come. */
void lectern_relay_run_poke (LecternRelayRun *self);
/* The same for one that waits because somebody else had the stream: nobody has it any more. */
void lectern_relay_run_name_is_free (LecternRelayRun *self);
/* Settings have changed: what had failed for good is tried again. @fence: (nullable): from the next
 * try on. */
void lectern_relay_run_reconsider (LecternRelayRun *self, LecternRelayFence *fence);
/* For a push: the stream has ended; what is under way ends in order, if it can soon. */
void lectern_relay_run_wind_up (LecternRelayRun *self);

const char *lectern_relay_run_get_name (LecternRelayRun *self);
LecternStream *lectern_relay_run_get_stream (LecternRelayRun *self);
LecternRelayState lectern_relay_run_get_state (LecternRelayRun *self);
/* Returns: when the other side accepted for the first time, µs of the clock; 0: never yet. */
gint64 lectern_relay_run_get_first_ran (LecternRelayRun *self);
/* Fills in what the API tells: state, error, since, bytes, attempts, next try. */
void lectern_relay_run_describe (LecternRelayRun *self, JsonObject *object);
/* The same for a relay that carries nothing; @fault: (nullable): why it cannot. */
void lectern_relay_run_describe_none (const char *fault, JsonObject *object);
guint64 lectern_relay_run_get_bytes (LecternRelayRun *self);
