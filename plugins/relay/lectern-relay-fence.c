/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-fence.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* IPv4 is kept IPv4-mapped, so its prefixes count from 96. */
#define V4 96

typedef struct
{
  guint8 ip[16];
  guint bits;
} Range;

struct _LecternRelayFence
{
  GArray *ranges;   /* element-type Range */
  GPtrArray *hosts; /* in lower case */
  GPtrArray *paths; /* without a slash at the end */
};

static void
clear_fence (gpointer data)
{
  LecternRelayFence *self = data;

  g_array_unref (self->ranges);
  g_ptr_array_unref (self->hosts);
  g_ptr_array_unref (self->paths);
}

LecternRelayFence *
lectern_relay_fence_ref (LecternRelayFence *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
lectern_relay_fence_unref (LecternRelayFence *self)
{
  g_atomic_rc_box_release_full (self, clear_fence);
}

/* ── addresses ── */

static gboolean
is_within (const guint8 *ip, const guint8 *prefix, guint bits)
{
  guint8 mask = (guint8) (0xff00 >> (bits % 8));

  return memcmp (ip, prefix, bits / 8) == 0
         && (bits % 8 == 0 || (ip[bits / 8] & mask) == (prefix[bits / 8] & mask));
}

static gboolean
parse_ip (const char *text, guint8 ip[16], guint *bits)
{
  static const guint8 mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

  *bits = 128;
  if (strchr (text, ':') != NULL)
    return inet_pton (AF_INET6, text, ip) == 1;
  memcpy (ip, mapped, sizeof mapped);
  return inet_pton (AF_INET, text, ip + sizeof mapped) == 1;
}

/* "IP" or "IP/BITS". */
static gboolean
parse_range (const char *text, Range *range)
{
  g_autofree char *ip = g_strndup (text, strcspn (text, "/"));
  const char *slash = strchr (text, '/');
  gboolean v6 = strchr (ip, ':') != NULL;
  gint64 bits;

  if (!parse_ip (ip, range->ip, &range->bits))
    return FALSE;
  if (slash == NULL)
    return TRUE;
  if (!lectern_units_parse_integer (slash + 1, &bits, NULL) || bits < 0 || bits > (v6 ? 128 : 32))
    return FALSE;
  range->bits = (guint) bits + (v6 ? 0 : V4);
  return TRUE;
}

/* IANA: IPv4 and IPv6 special-purpose address registries, multicast, and what is reserved. */
static const char *const closed_v4[]
    = { "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4" };
/* Of 2000::/3, which alone is given out: Teredo and others, documentation, 6to4. */
static const char *const closed_v6[] = { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" };

static gboolean
is_in_any (const guint8 *ip, const char *const *ranges, gsize n_ranges)
{
  for (gsize i = 0; i < n_ranges; i++)
    {
      Range range;

      if (parse_range (ranges[i], &range) && is_within (ip, range.ip, range.bits))
        return TRUE;
    }
  return FALSE;
}

gboolean
lectern_relay_address_is_public (const LecternAddress *address)
{
  if (lectern_address_is_ipv4 (address))
    return !is_in_any (address->ip, closed_v4, G_N_ELEMENTS (closed_v4));
  return (address->ip[0] & 0xe0) == 0x20
         && !is_in_any (address->ip, closed_v6, G_N_ELEMENTS (closed_v6));
}

gboolean
lectern_relay_fence_allows_address (LecternRelayFence *self, const LecternAddress *address)
{
  for (guint i = 0; i < self->ranges->len; i++)
    {
      const Range *range = &g_array_index (self->ranges, Range, i);

      if (is_within (address->ip, range->ip, range->bits))
        return TRUE;
    }
  return lectern_relay_address_is_public (address);
}

/* ── hosts and files ── */

static gboolean
has_text (GPtrArray *list, const char *text)
{
  for (guint i = 0; i < list->len; i++)
    if (g_str_equal (g_ptr_array_index (list, i), text))
      return TRUE;
  return FALSE;
}

static GUri *
parse_url (const char *url)
{
  return g_uri_parse (url, G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED | G_URI_FLAGS_NON_DNS,
                      NULL);
}

gboolean
lectern_relay_fence_names_host (LecternRelayFence *self, const char *url)
{
  g_autoptr (GUri) uri = parse_url (url);
  g_autofree char *host = NULL;

  if (uri == NULL || g_uri_get_host (uri) == NULL)
    return FALSE;
  host = g_ascii_strdown (g_uri_get_host (uri), -1);
  return has_text (self->hosts, host);
}

char *
lectern_relay_fence_dup_path (const char *url)
{
  if (!g_str_has_prefix (url, "file:///") || strpbrk (url, "?#") != NULL)
    return NULL;
  return g_filename_from_uri (url, NULL, NULL);
}

gboolean
lectern_relay_fence_allows_path (LecternRelayFence *self, const char *path)
{
  g_autofree char *real = realpath (path, NULL);

  for (guint i = 0; real != NULL && i < self->paths->len; i++)
    {
      const char *prefix = g_ptr_array_index (self->paths, i);
      gsize length = strlen (prefix);

      if (strncmp (real, prefix, length) == 0 && (real[length] == '/' || real[length] == '\0'))
        return TRUE;
    }
  return FALSE;
}

static gboolean
check_file (LecternRelayFence *self, const char *url, GError **error)
{
  g_autofree char *path = lectern_relay_fence_dup_path (url);

  if (path != NULL && lectern_relay_fence_allows_path (self, path))
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED,
                       "[relay] allow names no folder with that file");
  return FALSE;
}

gboolean
lectern_relay_fence_check_url (LecternRelayFence *self, const char *url, GError **error)
{
  g_autoptr (GUri) uri = NULL;
  LecternAddress address = { 0 };
  guint bits;

  if (g_ascii_strncasecmp (url, "file:", 5) == 0)
    return check_file (self, url, error);
  uri = parse_url (url);
  if (lectern_relay_fence_names_host (self, url) || uri == NULL || g_uri_get_host (uri) == NULL
      || !parse_ip (g_uri_get_host (uri), address.ip, &bits)
      || lectern_relay_fence_allows_address (self, &address))
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED,
                       "the address is not of the public Internet, and [relay] allow does not name "
                       "it");
  return FALSE;
}

/* ── making ── */

static gboolean
is_host (const char *text)
{
  return *text != '\0' && strlen (text) <= 253
         && strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_")
                == strlen (text)
         && strspn (text, "0123456789.") != strlen (text);
}

static gboolean
add (LecternRelayFence *self, const char *text)
{
  Range range;

  if (text[0] == '/')
    {
      /* Links within it are resolved as in what is compared. */
      g_autofree char *real = realpath (text, NULL);
      char *path = g_strdup (real != NULL ? real : text);

      while (g_str_has_suffix (path, "/"))
        path[strlen (path) - 1] = '\0';
      g_ptr_array_add (self->paths, path);
      return TRUE;
    }
  if (parse_range (text, &range))
    {
      g_array_append_val (self->ranges, range);
      return TRUE;
    }
  if (!is_host (text))
    return FALSE;
  g_ptr_array_add (self->hosts, g_ascii_strdown (text, -1));
  return TRUE;
}

LecternRelayFence *
lectern_relay_fence_new (const char *const *allowed, GError **error)
{
  LecternRelayFence *self = g_atomic_rc_box_new0 (LecternRelayFence);

  self->ranges = g_array_new (FALSE, FALSE, sizeof (Range));
  self->hosts = g_ptr_array_new_with_free_func (g_free);
  self->paths = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; allowed != NULL && allowed[i] != NULL; i++)
    if (!add (self, allowed[i]))
      {
        g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                     "[relay] allow: '%s' is no address, network (10.1.0.0/16), host or folder",
                     allowed[i]);
        g_clear_pointer (&self, lectern_relay_fence_unref);
        return NULL;
      }
  return self;
}
