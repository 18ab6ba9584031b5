/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-relay-fence.h"
#include "lectern-relay-rule.h"

/* LecternRelayTransfer: one try to carry one stream, on a reactor, with what happens told to the
 * control thread. Thread: control. */
typedef struct _LecternRelayTransfer LecternRelayTransfer;

typedef enum
{
  LECTERN_RELAY_STARTED, /* the other side has accepted */
  LECTERN_RELAY_ENDED,   /* the last; @error: NULL: in order */
} LecternRelayEvent;

/* Why a transfer ended, beyond its error. */
typedef enum
{
  LECTERN_RELAY_LOST,    /* may be tried again */
  LECTERN_RELAY_REFUSED, /* by ourselves, and would be again */
  LECTERN_RELAY_TAKEN,   /* somebody here publishes the stream, or ended it */
} LecternRelayCause;

typedef void (*LecternRelayTransferFunc) (LecternRelayTransfer *transfer, LecternRelayEvent event,
                                          const GError *error, gpointer user_data);

/* Everything is copied or held. */
typedef struct
{
  LecternHost *host;
  LecternRelayRule *rule;
  const char *name; /* of the stream here */
  const char *url;
  const char *via;
  LecternStream *stream;    /* to be pushed; NULL: pull */
  LecternRelayFence *fence; /* NULL: the operator's own, leads anywhere */
  gint64 hold_us;           /* how long the stream waits for a pull that was lost */
  gint64 timeout_us;        /* until the other side has accepted */
  gint64 silence_us;        /* then */
} LecternRelayTransferSpec;

/* Begins. @func never runs inside a call of this interface. Returns: (transfer full). */
LecternRelayTransfer *lectern_relay_transfer_new (const LecternRelayTransferSpec *spec,
                                                  LecternRelayTransferFunc func,
                                                  gpointer user_data);
/* No call follows. What it published ends, unless the transfer had ended before. */
void lectern_relay_transfer_free (LecternRelayTransfer *self);
/* Returns: (transfer full) (nullable): after ENDED with an error: what was published, which is
 * away now; to give it up: lectern_publisher_end. */
LecternPublisher *lectern_relay_transfer_take_publisher (LecternRelayTransfer *self);
LecternRelayCause lectern_relay_transfer_get_cause (LecternRelayTransfer *self);
/* As of about a second ago. */
guint64 lectern_relay_transfer_get_bytes (LecternRelayTransfer *self);
