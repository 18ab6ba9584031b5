/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternHlsText: a playlist but for the query that each of its addresses carries, so that all
 * viewers share one. Immutable, atomically reference-counted. Thread: any. */
typedef struct _LecternHlsText LecternHlsText;

/* What stands in a playlist's text for the query, "?" included. */
#define LECTERN_HLS_QUERY_MARK '\x01'

/* @text: (transfer full). */
LecternHlsText *lectern_hls_text_new (GString *text);
LecternHlsText *lectern_hls_text_ref (LecternHlsText *self);
void lectern_hls_text_unref (LecternHlsText *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternHlsText, lectern_hls_text_unref)
/* Returns: (transfer full): the playlist; @query: without "?", "" for none. */
GBytes *lectern_hls_text_fill (LecternHlsText *self, const char *query);

/* LecternHlsCache: the playlists that were last written. Bounded; has a lock of its own. Thread:
 * any. */
typedef struct _LecternHlsCache LecternHlsCache;

LecternHlsCache *lectern_hls_cache_new (void);
void lectern_hls_cache_free (LecternHlsCache *self);
/* Returns: (transfer full) (nullable): what was put as @key at @stamp. */
LecternHlsText *lectern_hls_cache_get (LecternHlsCache *self, const char *key, guint64 stamp);
void lectern_hls_cache_put (LecternHlsCache *self, const char *key, guint64 stamp,
                            LecternHlsText *text);
