/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-job.h"

#include <srt/access_control.h>
#include <srt/srt.h>
#include <worker/lectern-link.h>

/* A peer that is not heard of for so long, not even by its keep-alives, is lost. */
#define SRT_CALLER_IDLE_MS 5000

/* SrtCaller: one connected caller. Thread: the door's. */
typedef struct _SrtCaller SrtCaller;

/* Tells the server of it. @socket: owned from now on. */
SrtCaller *srt_caller_new (LecternJob *job, SRTSOCKET socket, guint id, const LecternAddress *peer);
SRTSOCKET srt_caller_get_socket (SrtCaller *self);
guint srt_caller_get_id (SrtCaller *self);
/* Whether the server has not answered yet; refused ones do not wait. */
gboolean srt_caller_is_waiting (SrtCaller *self);
/* What it sends becomes frames of @lane. Errors: NOT_SUPPORTED. */
gboolean srt_caller_allow (SrtCaller *self, guint lane, GError **error);
/* The server says no. It is closed a moment later, by srt_caller_check: one who is about to end its
 * own handshake would not hear of it before it times out. */
void srt_caller_refuse (SrtCaller *self);
/* Reads what is there. FALSE with @error: it is to be closed; *@orderly: the peer hung up. */
gboolean srt_caller_read (SrtCaller *self, gboolean *orderly, GError **error);
/* To be called often: times out, and tells the server how the connection is. FALSE: as above. */
gboolean srt_caller_check (SrtCaller *self, gint64 now_us, gint64 timeout_us, gboolean *orderly,
                           GError **error);
/* Closes and frees it, and tells the server. */
void srt_caller_close (SrtCaller *self, gboolean orderly, const char *reason);
