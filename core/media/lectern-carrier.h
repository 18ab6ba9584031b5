/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-publisher.h"
#include "net/lectern-dialer.h"
#include "net/lectern-reactor.h"

/* A carrier is a protocol as a client: it fetches a stream from another server (pull), or brings
 * one of ours there (push). A protocol's plugin registers its own with lectern_plugin_add_carrier;
 * whoever wants a stream carried begins a LecternTransfer and needs not know the protocol. The
 * carrier knows wire, name resolution, TLS and times; identity, retry and when to stop are the
 * beginner's. */

/* The remote refers to @url: may the transfer go on there? From then on @filter_data's filter is
 * asked for that one. Errors: why not. Thread: the reactor's. */
typedef gboolean (*LecternCarrierFollow) (const char *url, gpointer filter_data, GError **error);

/* What is to be carried. The strings and the table live for the call that begins; @reactor and what
 * @filter_data points to until the transfer is stopped. */
typedef struct
{
  const char *url;          /* "rtmp://host:1935/live/name?key=…": a secret, never logged whole */
  LecternReactor *reactor;  /* the caller's own; all events come there */
  const char *via;          /* ids of the servers the stream came through, separated by ",", ours
                               (lectern_host_get_id) last; NULL: nothing is said */
  const char *transport;    /* "tcp", "udp", or NULL: as the protocol likes */
  LecternDialFilter filter; /* NULL: any address */
  LecternCarrierFollow follow; /* NULL: nowhere */
  gpointer filter_data;        /* of both */
  gint64
      timeout_us; /* of connecting, and of silence, after which it ends with TIMED_OUT; 0: 10 s */
} LecternCarrierSpec;

/* What happens. None comes before the call that began has returned, and none after
 * lectern_transfer_stop, which may be called inside any of them. Thread: the reactor's. */
typedef struct
{
  /* Pull: the remote has accepted and media is about to come. Once. Returns: (transfer full): the
   * right to append; NULL with @error: the transfer ends with it. */
  LecternPublisher *(*publish) (gpointer user_data, GError **error);
  /* Push: the remote has accepted. Once. May be NULL. */
  void (*started) (gpointer user_data);
  /* It is over; last, once. @error: NULL: in order: the remote said that the stream ended, or, for
   * a push, ours did. The publisher has not been ended: that is the owner's, who knows whether it
   * was lost. */
  void (*ended) (const GError *error, gpointer user_data);
} LecternCarrierEvents;

/* LecternCarrier: the constant table of a protocol. What begins a transfer returns (transfer full)
 * it, never NULL: whatever is wrong comes through `ended`. A push begins with the stream's GOP
 * cache and holds its own reference to it. Thread: the spec's reactor. */
typedef struct
{
  const char *const *schemes; /* "rtmp", "rtmps", NULL */
  gpointer (*pull) (const LecternCarrierSpec *spec, const LecternCarrierEvents *events,
                    gpointer events_data, gpointer user_data); /* NULL: cannot */
  gpointer (*push) (const LecternCarrierSpec *spec, LecternStream *stream,
                    const LecternCarrierEvents *events, gpointer events_data,
                    gpointer user_data); /* NULL: cannot */
  /* Frees it, ended or not. Drops the publisher without ending it. No event follows. */
  void (*stop) (gpointer transfer);
  /* Bytes of media carried so far. */
  guint64 (*get_bytes) (gpointer transfer);
} LecternCarrier;

/* LecternTransfer: one stream being carried. Thread: the spec's reactor. */
typedef struct _LecternTransfer LecternTransfer;

LECTERN_API guint64 lectern_transfer_get_bytes (LecternTransfer *self);
/* Frees it. */
LECTERN_API void lectern_transfer_stop (LecternTransfer *self);

/* LecternCarriers: the protocols that can carry. Atomically reference-counted. */
typedef struct _LecternCarriers LecternCarriers;

typedef enum
{
  LECTERN_CARRY_PULL,
  LECTERN_CARRY_PUSH,
} LecternCarryWay;

LECTERN_API LecternCarriers *lectern_carriers_new (void);
LECTERN_API LecternCarriers *lectern_carriers_ref (LecternCarriers *self);
LECTERN_API void lectern_carriers_unref (LecternCarriers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternCarriers, lectern_carriers_unref)

/* Of two for one scheme the earlier is used. @release (@owner), (nullable), runs when it was
 * removed and the last of its transfers has been stopped, on any thread. Returns: an id. Thread:
 * any. */
LECTERN_API guint lectern_carriers_add (LecternCarriers *self, const LecternCarrier *carrier,
                                        gpointer user_data, gpointer owner, GDestroyNotify release);
/* No transfer begins any more; those that run go on. Thread: any. */
LECTERN_API void lectern_carriers_remove (LecternCarriers *self, guint id);

/* Whether a transfer from or to @url can begin now. Thread: any. */
LECTERN_API gboolean lectern_carriers_can (LecternCarriers *self, LecternCarryWay way,
                                           const char *url);
/* Begins. @events: a constant table. Returns: (transfer full). Errors: NOT_SUPPORTED: no carrier
 * for the scheme, or it cannot. Thread: the spec's reactor. */
LECTERN_API LecternTransfer *lectern_carriers_pull (LecternCarriers *self,
                                                    const LecternCarrierSpec *spec,
                                                    const LecternCarrierEvents *events,
                                                    gpointer events_data, GError **error);
LECTERN_API LecternTransfer *
lectern_carriers_push (LecternCarriers *self, const LecternCarrierSpec *spec, LecternStream *stream,
                       const LecternCarrierEvents *events, gpointer events_data, GError **error);

/* Returns: (transfer full): @url as it may be logged: user and password, and what follows "?" or
 * "#", become "…". Thread: any. */
LECTERN_API char *lectern_carrier_mask_url (const char *url);
