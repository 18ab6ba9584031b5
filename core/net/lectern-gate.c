/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/lectern-gate.h"

#include "base/lectern-clock.h"
#include "base/lectern-rate-limiter.h"

#include <string.h>

/* Addresses remembered at once, so that a flood from many does not take the memory. */
#define MAX_ENTRIES 65536
/* A full bucket is a second's worth, so an address that has been away for two seconds has one. */
#define FORGET_US (2 * G_USEC_PER_SEC)

typedef struct
{
  guint8 key[16];
  guint seed;
  guint open;
  gint64 idle_since_us;
  LecternRateLimiter limiter;
  GList link; /* in the idle queue while nothing is open */
} Entry;

struct _LecternGate
{
  GMutex lock;
  GHashTable *entries;
  GQueue idle; /* oldest first */
  guint seed;
  guint per_address;
  guint rate;
  guint total;
  guint open;
};

static guint
mix (guint hash, guint word)
{
  hash = (hash ^ word) * 0x9e3779b1u;
  return hash ^ (hash >> 15);
}

static guint
entry_hash (gconstpointer data)
{
  const Entry *self = data;
  guint hash = self->seed;

  for (guint i = 0; i < 4; i++)
    {
      guint32 word;

      memcpy (&word, self->key + 4 * i, sizeof word);
      hash = mix (hash, word);
    }
  return mix (hash, self->seed);
}

static gboolean
entry_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (((const Entry *) a)->key, ((const Entry *) b)->key, 16) == 0;
}

LecternGate *
lectern_gate_new (guint per_address, guint rate, guint total)
{
  LecternGate *self = g_atomic_rc_box_new0 (LecternGate);

  g_mutex_init (&self->lock);
  self->entries = g_hash_table_new_full (entry_hash, entry_equal, NULL, g_free);
  g_queue_init (&self->idle);
  self->seed = g_random_int ();
  lectern_gate_set_limits (self, per_address, rate, total);
  return self;
}

LecternGate *
lectern_gate_ref (LecternGate *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  LecternGate *self = data;

  g_hash_table_unref (self->entries);
  g_mutex_clear (&self->lock);
}

void
lectern_gate_unref (LecternGate *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

void
lectern_gate_set_limits (LecternGate *self, guint per_address, guint rate, guint total)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  self->per_address = per_address;
  self->rate = rate;
  self->total = total;
}

static void
set_key (LecternGate *self, Entry *entry, const LecternAddress *address)
{
  gboolean whole = lectern_address_is_ipv4 (address);

  memset (entry->key, 0, sizeof entry->key);
  memcpy (entry->key, address->ip, whole ? 16 : 8);
  entry->seed = self->seed;
}

static Entry *
find (LecternGate *self, const LecternAddress *address)
{
  Entry key = { .open = 0 };

  set_key (self, &key, address);
  return g_hash_table_lookup (self->entries, &key);
}

static void
forget (LecternGate *self, Entry *entry)
{
  g_queue_unlink (&self->idle, &entry->link);
  g_hash_table_remove (self->entries, entry);
}

static void
make_idle (LecternGate *self, Entry *entry, gint64 now_us)
{
  entry->idle_since_us = now_us;
  g_queue_push_tail_link (&self->idle, &entry->link);
}

/* Two at a time: more than can have come since the last call. */
static void
forget_old (LecternGate *self, gint64 now_us)
{
  for (guint i = 0; i < 2; i++)
    {
      Entry *oldest = g_queue_peek_head (&self->idle);

      if (oldest == NULL || now_us - oldest->idle_since_us < FORGET_US)
        return;
      forget (self, oldest);
    }
}

/* Returns: (nullable): the entry, in the idle queue when it has nothing open. */
static Entry *
find_or_add (LecternGate *self, const LecternAddress *address, gint64 now_us)
{
  Entry *entry = find (self, address);

  if (entry != NULL)
    return entry;
  if (g_hash_table_size (self->entries) >= MAX_ENTRIES)
    {
      if (g_queue_is_empty (&self->idle))
        return NULL;
      forget (self, g_queue_peek_head (&self->idle));
    }
  entry = g_new0 (Entry, 1);
  entry->link.data = entry;
  set_key (self, entry, address);
  lectern_rate_limiter_init (&entry->limiter, self->rate, self->rate, now_us);
  g_hash_table_add (self->entries, entry);
  make_idle (self, entry, now_us);
  return entry;
}

static gboolean
is_too_fast (LecternGate *self, Entry *entry, gint64 now_us)
{
  if (self->rate == 0)
    return FALSE;
  if (entry->limiter.rate != (double) self->rate)
    lectern_rate_limiter_init (&entry->limiter, self->rate, self->rate, now_us);
  return !lectern_rate_limiter_take (&entry->limiter, now_us);
}

gboolean
lectern_gate_enter (LecternGate *self, const LecternAddress *address, const char **reason)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  gint64 now_us = lectern_clock_now_us ();
  Entry *entry = NULL;

  *reason = NULL;
  forget_old (self, now_us);
  if (self->total == 0 || self->open < self->total)
    entry = find_or_add (self, address, now_us);
  if (entry == NULL)
    *reason = "total";
  else if (self->per_address > 0 && entry->open >= self->per_address)
    *reason = "address";
  else if (is_too_fast (self, entry, now_us))
    *reason = "rate";
  if (*reason != NULL)
    return FALSE;

  if (entry->open == 0)
    g_queue_unlink (&self->idle, &entry->link);
  entry->open++;
  self->open++;
  return TRUE;
}

void
lectern_gate_leave (LecternGate *self, const LecternAddress *address)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  gint64 now_us = lectern_clock_now_us ();
  Entry *entry = find (self, address);

  g_return_if_fail (entry != NULL && entry->open > 0);

  entry->open--;
  self->open--;
  if (entry->open == 0)
    make_idle (self, entry, now_us);
  forget_old (self, now_us);
}
