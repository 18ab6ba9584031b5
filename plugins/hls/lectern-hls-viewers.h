/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternHlsViewers: who watches. A player is known by the session id that its first playlist put
 * into every address; it is gone when it has asked for nothing for a while. */
typedef struct _LecternHlsViewers LecternHlsViewers;

/* Thread: control. */
LecternHlsViewers *lectern_hls_viewers_new (LecternSessions *sessions);
void lectern_hls_viewers_free (LecternHlsViewers *self);
/* Returns: (transfer full): a new id. Thread: any. */
char *lectern_hls_viewers_make_id (void);
/* The player @id asked for @bytes bytes of @request's thing; begins its session at the first time.
 * FALSE: it was ended by the server. Thread: any. */
gboolean lectern_hls_viewers_touch (LecternHlsViewers *self, const char *id,
                                    LecternAccessRequest *request, LecternIdentity *identity,
                                    gsize bytes);
/* Ends those of the stream @thing; who goes on watching what is left of it begins anew.
 * Thread: control. */
void lectern_hls_viewers_end (LecternHlsViewers *self, const char *thing);
/* Ends those that have been silent for @silence_us. Thread: control. */
void lectern_hls_viewers_expire (LecternHlsViewers *self, gint64 silence_us);
