/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-carrier.h"

/* LecternCarriage: what the transfers of all carriers do alike: begin by the spec, connect, publish
 * once, notice silence, tell once that it is over. A carrier's transfer has it as its first member
 * and adds the protocol. Reference-counted, not atomically: its owner holds one until
 * lectern_carriage_stop, and whoever calls what may end it holds another meanwhile. Thread: the
 * spec's reactor. */
typedef struct _LecternCarriage LecternCarriage;

/* To how many other addresses in turn a remote may refer. */
#define LECTERN_CARRIAGE_MAX_REDIRECTS 3

/* What a protocol adds; constant. */
typedef struct
{
  /* Ends what is the protocol's own and still runs (workers, feeds, pushes): nothing of it may call
   * back. If there is a connection, it has no handler any more and is to be finished or closed.
   * Once. */
  void (*halt) (LecternCarriage *self);
  /* (nullable): frees what the transfer holds, but not its memory. */
  void (*clear) (LecternCarriage *self);
  /* (nullable): lectern_carriage_dial has led to a connection, which is to get a handler with @self
   * as its data. */
  void (*connected) (LecternCarriage *self, LecternConnection *connection);
} LecternCarriageClass;

struct _LecternCarriage
{
  const LecternCarriageClass *class;
  LecternReactor *reactor;
  LecternStream *stream;         /* of a push; NULL: a pull */
  LecternPublisher *publisher;   /* of a pull, once there is media; else NULL */
  LecternConnection *connection; /* that lectern_carriage_dial has made, else NULL */
  gint64 timeout_us;             /* the spec's, or the usual */
  guint64 bytes;                 /* of media so far; the protocol's to count */
  gboolean over;                 /* no more events */

  /*< private >*/
  guint refs;
  const LecternCarrierEvents *events;
  gpointer events_data;
  LecternDialFilter filter;
  LecternCarrierFollow follow;
  gpointer filter_data;
  guint redirects;
  LecternDial *dial;
  GVariant *metadata; /* that came before the publisher */
  LecternTimer timer;
  const char *otherwise; /* what is wrong after a silence; NULL: it may last */
  gint64 heard_us;
  GError *failure; /* found before it began */
};

/* @size: of the transfer whose first member it is; the rest is zero. @stream: (nullable): of a
 * push. Returns: (transfer full). */
LECTERN_API gpointer lectern_carriage_new (gsize size, const LecternCarriageClass *class,
                                           const LecternCarrierSpec *spec, LecternStream *stream,
                                           const LecternCarrierEvents *events,
                                           gpointer events_data);
LECTERN_API void lectern_carriage_ref (LecternCarriage *self);
LECTERN_API void lectern_carriage_unref (LecternCarriage *self);

/* Is over with @error, (transfer full), as soon as the call that begins it has returned. */
LECTERN_API void lectern_carriage_fail (LecternCarriage *self, GError *error);
/* Is over, and says so unless it has been; last. @error: (nullable): in order. */
LECTERN_API void lectern_carriage_end (LecternCarriage *self, const GError *error);
LECTERN_API void lectern_carriage_end_with (LecternCarriage *self, LecternError code,
                                            const char *text);
/* A LecternCarrier's `stop` and `get_bytes`; @transfer: a LecternCarriage. */
LECTERN_API void lectern_carriage_stop (gpointer transfer);
LECTERN_API guint64 lectern_carriage_get_bytes (gpointer transfer);

/* Connects to where @target says, as the spec allows and within its time, in place of a connection
 * there is; then `connected` runs, and something must be heard. @target's filter and time are set
 * here. */
LECTERN_API void lectern_carriage_dial (LecternCarriage *self, LecternDialer *dialer,
                                        LecternDialTarget *target);
/* A LecternConnectionHandler's `closed`: however it closed, that alone is no end in order, since it
 * is what a crash looks like. */
LECTERN_API void lectern_carriage_closed (LecternConnection *connection, const GError *error,
                                          gpointer self);
/* The remote refers to @url: may it be gone to? From then on the spec's filter is asked for that
 * one. Errors: LIMIT: too many; NOT_SUPPORTED: whoever wants the stream does not follow; DENIED. */
LECTERN_API gboolean lectern_carriage_follow (LecternCarriage *self, const char *url,
                                              GError **error);

/* From now on something must be heard within the spec's time, again and again; else it is over with
 * TIMED_OUT and @otherwise, a constant sentence. NULL: nothing needs to come. */
LECTERN_API void lectern_carriage_expect (LecternCarriage *self, const char *otherwise);
LECTERN_API void lectern_carriage_heard (LecternCarriage *self);

/* A pull has media: becomes the publisher, unless it is already. Returns: FALSE: it is over. */
LECTERN_API gboolean lectern_carriage_publish (LecternCarriage *self);
/* The publisher's metadata, now or later. */
LECTERN_API void lectern_carriage_take_metadata (LecternCarriage *self, GVariant *metadata);
/* What a worker sends of a pull; the first track is the beginning of media. */
LECTERN_API void lectern_carriage_take_track (LecternCarriage *self, LecternTrack *track);
LECTERN_API void lectern_carriage_take_packet (LecternCarriage *self, LecternPacket *packet);
/* A push was accepted. */
LECTERN_API void lectern_carriage_started (LecternCarriage *self);
