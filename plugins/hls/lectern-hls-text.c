/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-hls-text.h"

#include <string.h>

#define MAX_ENTRIES 1024

struct _LecternHlsText
{
  gint refs;
  GBytes *text;  /* without the marks */
  GArray *marks; /* of guint32: where the query goes */
};

LecternHlsText *
lectern_hls_text_new (GString *text)
{
  LecternHlsText *self = g_new (LecternHlsText, 1);
  gsize to = 0;

  self->refs = 1;
  self->marks = g_array_new (FALSE, FALSE, sizeof (guint32));
  for (gsize i = 0; i < text->len; i++)
    if (text->str[i] == LECTERN_HLS_QUERY_MARK)
      {
        guint32 at = (guint32) to;

        g_array_append_val (self->marks, at);
      }
    else
      text->str[to++] = text->str[i];
  g_string_truncate (text, to);
  self->text = g_string_free_to_bytes (text);
  return self;
}

LecternHlsText *
lectern_hls_text_ref (LecternHlsText *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_hls_text_unref (LecternHlsText *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_bytes_unref (self->text);
  g_array_unref (self->marks);
  g_free (self);
}

GBytes *
lectern_hls_text_fill (LecternHlsText *self, const char *query)
{
  gsize extra = strlen (query);
  gsize size;
  const char *text = g_bytes_get_data (self->text, &size);
  char *filled;
  gsize from = 0;
  gsize to = 0;

  if (extra == 0)
    return g_bytes_ref (self->text);
  filled = g_malloc (size + self->marks->len * (extra + 1));
  for (guint i = 0; i < self->marks->len; i++)
    {
      gsize mark = g_array_index (self->marks, guint32, i);

      memcpy (filled + to, text + from, mark - from);
      to += mark - from;
      filled[to++] = '?';
      memcpy (filled + to, query, extra);
      to += extra;
      from = mark;
    }
  memcpy (filled + to, text + from, size - from);
  return g_bytes_new_take (filled, to + size - from);
}

typedef struct
{
  guint64 stamp;
  LecternHlsText *text;
} Entry;

struct _LecternHlsCache
{
  GMutex lock;
  GHashTable *entries; /* key → Entry */
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  lectern_hls_text_unref (entry->text);
  g_free (entry);
}

LecternHlsCache *
lectern_hls_cache_new (void)
{
  LecternHlsCache *self = g_new0 (LecternHlsCache, 1);

  g_mutex_init (&self->lock);
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  return self;
}

void
lectern_hls_cache_free (LecternHlsCache *self)
{
  g_hash_table_unref (self->entries);
  g_mutex_clear (&self->lock);
  g_free (self);
}

LecternHlsText *
lectern_hls_cache_get (LecternHlsCache *self, const char *key, guint64 stamp)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Entry *entry = g_hash_table_lookup (self->entries, key);

  return entry != NULL && entry->stamp == stamp ? lectern_hls_text_ref (entry->text) : NULL;
}

void
lectern_hls_cache_put (LecternHlsCache *self, const char *key, guint64 stamp, LecternHlsText *text)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Entry *entry = g_new (Entry, 1);

  *entry = (Entry){ stamp, lectern_hls_text_ref (text) };
  if (g_hash_table_size (self->entries) >= MAX_ENTRIES)
    g_hash_table_remove_all (self->entries);
  g_hash_table_replace (self->entries, g_strdup (key), entry);
}
