/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-carrier.h"

#include <string.h>

/* A carrier in its place; kept by the set and by each of its transfers. */
typedef struct
{
  guint id;
  const LecternCarrier *carrier;
  gpointer user_data;
  gpointer owner;
  GDestroyNotify release;
} Entry;

struct _LecternTransfer
{
  Entry *entry;
  gpointer transfer;
};

struct _LecternCarriers
{
  GMutex lock;
  GPtrArray *entries;
  guint last_id;
};

static void
clear_entry (gpointer data)
{
  Entry *self = data;

  if (self->release != NULL)
    self->release (self->owner);
}

static void
entry_unref (gpointer self)
{
  g_atomic_rc_box_release_full (self, clear_entry);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Entry, entry_unref)

guint64
lectern_transfer_get_bytes (LecternTransfer *self)
{
  return self->entry->carrier->get_bytes (self->transfer);
}

void
lectern_transfer_stop (LecternTransfer *self)
{
  self->entry->carrier->stop (self->transfer);
  entry_unref (self->entry);
  g_free (self);
}

LecternCarriers *
lectern_carriers_new (void)
{
  LecternCarriers *self = g_atomic_rc_box_new0 (LecternCarriers);

  g_mutex_init (&self->lock);
  self->entries = g_ptr_array_new_with_free_func (entry_unref);
  return self;
}

LecternCarriers *
lectern_carriers_ref (LecternCarriers *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  LecternCarriers *self = data;

  g_ptr_array_unref (self->entries);
  g_mutex_clear (&self->lock);
}

void
lectern_carriers_unref (LecternCarriers *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

guint
lectern_carriers_add (LecternCarriers *self, const LecternCarrier *carrier, gpointer user_data,
                      gpointer owner, GDestroyNotify release)
{
  Entry *entry = g_atomic_rc_box_new0 (Entry);
  guint id;

  entry->carrier = carrier;
  entry->user_data = user_data;
  entry->owner = owner;
  entry->release = release;
  g_mutex_lock (&self->lock);
  id = entry->id = ++self->last_id;
  g_ptr_array_add (self->entries, entry);
  g_mutex_unlock (&self->lock);
  return id;
}

void
lectern_carriers_remove (LecternCarriers *self, guint id)
{
  g_autoptr (Entry) removed = NULL;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->entries->len && removed == NULL; i++)
    if (((Entry *) g_ptr_array_index (self->entries, i))->id == id)
      removed = g_ptr_array_steal_index (self->entries, i);
  g_mutex_unlock (&self->lock);
  g_return_if_fail (removed != NULL);
}

static gboolean
carries (const LecternCarrier *carrier, LecternCarryWay way, const char *scheme)
{
  if (way == LECTERN_CARRY_PULL ? carrier->pull == NULL : carrier->push == NULL)
    return FALSE;
  for (guint i = 0; carrier->schemes[i] != NULL; i++)
    if (g_ascii_strcasecmp (carrier->schemes[i], scheme) == 0)
      return TRUE;
  return FALSE;
}

/* Returns: (transfer full) (nullable). */
static Entry *
find (LecternCarriers *self, LecternCarryWay way, const char *url)
{
  const char *colon = strstr (url, "://");
  g_autofree char *scheme = g_strndup (url, colon != NULL ? (gsize) (colon - url) : 0);
  Entry *found = NULL;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->entries->len && found == NULL; i++)
    {
      Entry *entry = g_ptr_array_index (self->entries, i);

      if (carries (entry->carrier, way, scheme))
        found = g_atomic_rc_box_acquire (entry);
    }
  g_mutex_unlock (&self->lock);
  return found;
}

gboolean
lectern_carriers_can (LecternCarriers *self, LecternCarryWay way, const char *url)
{
  g_autoptr (Entry) entry = find (self, way, url);

  return entry != NULL;
}

static Entry *
find_or_fail (LecternCarriers *self, LecternCarryWay way, const char *url, GError **error)
{
  g_autofree char *masked = NULL;
  Entry *entry = find (self, way, url);

  if (entry != NULL)
    return entry;
  masked = lectern_carrier_mask_url (url);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED, "no plugin %s '%s'",
               way == LECTERN_CARRY_PULL ? "fetches from" : "sends to", masked);
  return NULL;
}

static LecternTransfer *
transfer_new (Entry *entry, gpointer transfer)
{
  LecternTransfer *self = g_new (LecternTransfer, 1);

  *self = (LecternTransfer){ entry, transfer };
  return self;
}

LecternTransfer *
lectern_carriers_pull (LecternCarriers *self, const LecternCarrierSpec *spec,
                       const LecternCarrierEvents *events, gpointer events_data, GError **error)
{
  Entry *entry = find_or_fail (self, LECTERN_CARRY_PULL, spec->url, error);

  if (entry == NULL)
    return NULL;
  return transfer_new (entry, entry->carrier->pull (spec, events, events_data, entry->user_data));
}

LecternTransfer *
lectern_carriers_push (LecternCarriers *self, const LecternCarrierSpec *spec, LecternStream *stream,
                       const LecternCarrierEvents *events, gpointer events_data, GError **error)
{
  Entry *entry = find_or_fail (self, LECTERN_CARRY_PUSH, spec->url, error);

  if (entry == NULL)
    return NULL;
  return transfer_new (entry,
                       entry->carrier->push (spec, stream, events, events_data, entry->user_data));
}

char *
lectern_carrier_mask_url (const char *url)
{
  gsize length = strcspn (url, "?#");
  const char *host = strstr (url, "://");
  const char *at = NULL;
  const char *tail = url[length] == '\0' ? "" : url[length] == '?' ? "?…" : "#…";

  host = host != NULL && host < url + length ? host + 3 : url;
  /* A password may hold a "/" or "@" that should have been escaped: mask up to the last one. */
  for (const char *each = host; each < url + length; each++)
    if (*each == '@')
      at = each;
  if (at == NULL)
    return g_strdup_printf ("%.*s%s", (int) length, url, tail);
  return g_strdup_printf ("%.*s…%.*s%s", (int) (host - url), url, (int) (url + length - at), at,
                          tail);
}
