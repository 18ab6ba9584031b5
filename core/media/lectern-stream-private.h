/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-audience.h"
#include "media/lectern-feed-private.h"
#include "media/lectern-gop-cache.h"
#include "media/lectern-publisher.h"
#include "media/lectern-stream-registry.h"
#include "media/lectern-time-repair.h"

/* How often bytes and frames became bits a second and frames a second. */
typedef struct
{
  gint64 began_us;
  guint64 bytes;
  guint frames;
  guint64 bitrate;
  double fps;
} LecternStreamRate;

struct _LecternStream
{
  gint refs;
  char *name;
  LecternStreamRegistry *registry;
  LecternMediaLimits limits; /* of when the stream was made */

  GMutex lock; /* guards everything below; before a tape's and a reactor's mailbox's */
  LecternStreamState state;
  LecternPublisher *publisher; /* held by the stream while it has the right; NULL when away */
  LecternIdentity *owner;
  gboolean yields; /* to anybody */
  LecternTrack *tracks[LECTERN_MEDIA_DATA + 1];
  GVariant *metadata;
  LecternLadder *ladder;
  gboolean is_received; /* the present publisher told its reception */
  LecternReception reception;
  char *warning;
  LecternTimeRepair time;
  LecternGopCache gop;
  gboolean settled; /* the tracks are known, so viewers may begin */
  gint64 first_dts; /* -1 before the first packet */
  gint64 last_flush_us;
  GPtrArray *tapes;     /* element-type LecternTape */
  GPtrArray *audiences; /* element-type LecternAudience */
  GPtrArray *feeds;     /* element-type LecternFeed, not held */
  gint64 started_us;
  guint64 bytes_in;
  guint64 packets_in;
  guint64 dropped_in;
  LecternStreamRate rate;
  GSource *grace;
  gint64 grace_us;          /* of the present publisher, or the lost one */
  LecternPublisher *absent; /* who was lost, while away; only to be compared with */

  guint guests; /* the registry's, under its lock: viewers that hold the stream */
  gint waiting; /* atomic */
};

struct _LecternPublisher
{
  gint refs;
  LecternStream *stream;
  GMainContext *context;
  LecternPublisherLostFunc lost; /* the context's thread only */
  gpointer user_data;
};

LecternPublisher *lectern_publisher_new (LecternStream *stream, LecternPublisherLostFunc lost,
                                         gpointer user_data);
/* Runs the lost function in the publisher's context. Thread: any. */
void lectern_publisher_tell_lost (LecternPublisher *self, const GError *reason);

LecternStream *lectern_stream_new (LecternStreamRegistry *registry, const char *name,
                                   const LecternMediaLimits *limits);

/* Takes the right to publish; @source: (nullable): the stream that it is a rendition of, and whose
 * clock it keeps. Errors: CONFLICT. */
LecternPublisher *lectern_stream_publish (LecternStream *self, LecternIdentity *identity,
                                          LecternStream *source, LecternPublisherLostFunc lost,
                                          gpointer user_data, GError **error);
/* Gives it back: away or ended; or, by who was lost, gives up the return. */
void lectern_stream_unpublish (LecternStream *self, LecternPublisher *publisher, gboolean lost);
/* Ends it for everybody; @reason: (nullable): goes to the publisher. */
void lectern_stream_end (LecternStream *self, const GError *reason);
/* Ends it if its publisher has not returned. */
void lectern_stream_end_grace (LecternStream *self);
void lectern_stream_push (LecternStream *self, LecternPublisher *publisher, LecternMedia media,
                          LecternPacketFlags flags, gint64 dts, gint64 pts, GBytes *payload);
void lectern_stream_set_track (LecternStream *self, LecternPublisher *publisher,
                               LecternTrack *track);
void lectern_stream_set_yielding (LecternStream *self, LecternPublisher *publisher);
void lectern_stream_set_grace (LecternStream *self, LecternPublisher *publisher, gint64 grace_us);
void lectern_stream_set_reception (LecternStream *self, LecternPublisher *publisher,
                                   const LecternReception *reception);
void lectern_stream_set_metadata (LecternStream *self, LecternPublisher *publisher,
                                  GVariant *metadata);

/* The viewers of this stream in @format on @reactor, made on first need, its tape filled from the
 * GOP cache. Returns: (transfer full). Thread: the reactor's. */
LecternAudience *lectern_stream_get_audience (LecternStream *self, const LecternTapeFormat *format,
                                              LecternTapeParts parts, LecternReactor *reactor);
/* Drops an audience without viewers. */
void lectern_stream_drop_audience (LecternStream *self, LecternAudience *audience);

/* Begins to give @feed the packets, those of the GOP cache first. */
void lectern_stream_add_feed (LecternStream *self, LecternFeed *feed);
void lectern_stream_remove_feed (LecternStream *self, LecternFeed *feed);

/* Emits @signal on the control thread. Thread: any. */
void lectern_stream_registry_notify (LecternStreamRegistry *self, LecternStream *stream,
                                     const char *signal);
/* A viewer comes to the stream @name, made idle when there is none.
 * Returns: (transfer full). Errors: INVALID_DATA, LIMIT. */
LecternStream *lectern_stream_registry_view (LecternStreamRegistry *self, const char *name,
                                             GError **error);
/* And goes: an idle stream nobody waits for is forgotten. */
void lectern_stream_registry_leave (LecternStreamRegistry *self, LecternStream *stream);
/* Forgets @stream, which has ended. */
void lectern_stream_registry_forget (LecternStreamRegistry *self, LecternStream *stream);
/* Calls lectern_stream_end_grace on the control thread after the grace period unless it is
 * destroyed first. Returns: (transfer full). */
GSource *lectern_stream_registry_start_grace (LecternStreamRegistry *self, LecternStream *stream);
