/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternSrtCaller: one caller of the worker: what it may do, and what it publishes.
 * Thread: the service's reactor. */
typedef struct _LecternSrtCaller LecternSrtCaller;

/* What its owner does. */
typedef struct
{
  /* It may publish @thing: returns a free lane of the worker, taken until the caller is freed, or
   * -1 with LIMIT. */
  int (*take_lane) (LecternSrtCaller *caller, const char *thing, GError **error,
                    gpointer user_data);
  /* The worker is to hear "allow" or "close". */
  void (*send) (LecternSrtCaller *caller, JsonObject *message, gpointer user_data);
  /* It was refused or cut off. */
  void (*report) (LecternSrtCaller *caller, const GError *error, gpointer user_data);
} LecternSrtCallerOwner;

/* @id: the worker's number for it. @peer: where it calls from. */
LecternSrtCaller *lectern_srt_caller_new (LecternHost *host, gint64 id, const char *stream_id,
                                          const LecternAddress *peer,
                                          const LecternSrtCallerOwner *owner, gpointer user_data);
/* Asks the access chain; the answer may come before this returns. */
void lectern_srt_caller_ask (LecternSrtCaller *self);
/* Returns: its id, for a table of callers. */
const gint64 *lectern_srt_caller_get_key (LecternSrtCaller *self);
/* Returns: "192.0.2.1:1234". */
const char *lectern_srt_caller_get_name (LecternSrtCaller *self);
/* Returns: (nullable): what it asked for. */
const char *lectern_srt_caller_get_thing (LecternSrtCaller *self);
gboolean lectern_srt_caller_is_publishing (LecternSrtCaller *self);
void lectern_srt_caller_set_track (LecternSrtCaller *self, LecternTrack *track);
void lectern_srt_caller_push (LecternSrtCaller *self, LecternPacket *packet);
/* What the worker says of the connection. @max_bitrate: bits a second, 0: any. */
void lectern_srt_caller_take_statistics (LecternSrtCaller *self, JsonObject *message,
                                         gint64 max_bitrate);
/* It is gone: frees it. @lost: the stream waits for its return. @reason: for the log. */
void lectern_srt_caller_free (LecternSrtCaller *self, gboolean lost, const char *reason);
