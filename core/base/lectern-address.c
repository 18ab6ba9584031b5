/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const guint8 ipv4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void
set_ipv4 (LecternAddress *self, const void *ip)
{
  memcpy (self->ip, ipv4_prefix, sizeof ipv4_prefix);
  memcpy (self->ip + sizeof ipv4_prefix, ip, 4);
}

static gboolean
parse_port (const char *text, guint16 *port)
{
  guint value = 0;
  gsize length = strspn (text, "0123456789");

  if (length == 0 || length > 5 || text[length] != '\0')
    return FALSE;
  for (gsize i = 0; i < length; i++)
    value = value * 10 + (guint) (text[i] - '0');
  if (value > G_MAXUINT16)
    return FALSE;
  *port = (guint16) value;
  return TRUE;
}

static gboolean
parse_ip (const char *host, gsize length, LecternAddress *self)
{
  char text[INET6_ADDRSTRLEN];
  guint8 ip[4];

  if (length == 0 || (length == 1 && host[0] == '*'))
    {
      memset (self->ip, 0, sizeof self->ip);
      return TRUE;
    }
  if (host[0] == '[')
    {
      if (host[length - 1] != ']' || length < 3)
        return FALSE;
      host++;
      length -= 2;
      if (length >= sizeof text || memchr (host, ':', length) == NULL)
        return FALSE;
      memcpy (text, host, length);
      text[length] = '\0';
      return inet_pton (AF_INET6, text, self->ip) == 1;
    }
  if (length >= sizeof text)
    return FALSE;
  memcpy (text, host, length);
  text[length] = '\0';
  if (inet_pton (AF_INET, text, ip) != 1)
    return FALSE;
  set_ipv4 (self, ip);
  return TRUE;
}

gboolean
lectern_address_parse (const char *text, LecternAddress *self, GError **error)
{
  LecternAddress parsed;
  const char *colon = strrchr (text, ':');

  if (colon == NULL || !parse_port (colon + 1, &parsed.port)
      || !parse_ip (text, (gsize) (colon - text), &parsed))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "'%.64s' is not an address like 127.0.0.1:1935, [::]:8000 or *:8000", text);
      return FALSE;
    }
  *self = parsed;
  return TRUE;
}

gboolean
lectern_address_from_socket (const struct sockaddr *from, LecternAddress *self)
{
  if (from->sa_family == AF_INET)
    {
      struct sockaddr_in in;

      memcpy (&in, from, sizeof in);
      set_ipv4 (self, &in.sin_addr);
      self->port = ntohs (in.sin_port);
      return TRUE;
    }
  if (from->sa_family == AF_INET6)
    {
      struct sockaddr_in6 in6;

      memcpy (&in6, from, sizeof in6);
      memcpy (self->ip, &in6.sin6_addr, sizeof self->ip);
      self->port = ntohs (in6.sin6_port);
      return TRUE;
    }
  return FALSE;
}

socklen_t
lectern_address_to_socket (const LecternAddress *self, struct sockaddr_storage *to)
{
  memset (to, 0, sizeof *to);
  if (lectern_address_is_ipv4 (self))
    {
      struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons (self->port) };

      memcpy (&in.sin_addr, self->ip + sizeof ipv4_prefix, 4);
      memcpy (to, &in, sizeof in);
      return sizeof in;
    }
  else
    {
      struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons (self->port) };

      memcpy (&in6.sin6_addr, self->ip, sizeof self->ip);
      memcpy (to, &in6, sizeof in6);
      return sizeof in6;
    }
}

gboolean
lectern_address_is_ipv4 (const LecternAddress *self)
{
  return memcmp (self->ip, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

gboolean
lectern_address_is_loopback (const LecternAddress *self)
{
  static const guint8 loopback[16] = { [15] = 1 };

  if (lectern_address_is_ipv4 (self))
    return self->ip[12] == 127;
  return memcmp (self->ip, loopback, sizeof loopback) == 0;
}

char *
lectern_address_to_ip_string (const LecternAddress *self)
{
  char text[INET6_ADDRSTRLEN] = "";

  if (lectern_address_is_ipv4 (self))
    inet_ntop (AF_INET, self->ip + sizeof ipv4_prefix, text, sizeof text);
  else
    inet_ntop (AF_INET6, self->ip, text, sizeof text);
  return g_strdup (text);
}

char *
lectern_address_to_string (const LecternAddress *self)
{
  g_autofree char *ip = lectern_address_to_ip_string (self);

  if (self->port == 0)
    return g_steal_pointer (&ip);
  if (lectern_address_is_ipv4 (self))
    return g_strdup_printf ("%s:%u", ip, self->port);
  return g_strdup_printf ("[%s]:%u", ip, self->port);
}
