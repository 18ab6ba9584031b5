/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-http-flv-url.h"

#include <string.h>

#define PORT 80
#define SECURE_PORT 443

static gboolean
refuse (GError **error)
{
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "the address is none of HTTP");
  return FALSE;
}

/* What stands in a request's head must not end its line. */
static gboolean
is_printable (const char *text)
{
  for (; *text != '\0'; text++)
    if (*text <= ' ' || *text == 0x7f)
      return FALSE;
  return TRUE;
}

static void
add_credential (GString *head, const char *user)
{
  g_autofree char *plain = user != NULL ? g_uri_unescape_string (user, NULL) : NULL;
  g_autofree char *encoded = NULL;

  if (plain == NULL)
    return;
  encoded = g_base64_encode ((const guchar *) plain, strlen (plain));
  g_string_append_printf (head, "Authorization: Basic %s\r\n", encoded);
}

gboolean
lectern_http_flv_url_parse (const char *text, const char *via, char **host, guint16 *port,
                            gboolean *secure, char **request, GError **error)
{
  g_autofree char *scheme = NULL;
  g_autofree char *user = NULL;
  g_autofree char *path = NULL;
  g_autofree char *query = NULL;
  g_autofree char *name = NULL;
  g_autoptr (GString) head = NULL;
  int number;

  if (strlen (text) > LECTERN_HTTP_FLV_MAX_URL || !is_printable (text)
      || (via != NULL && !is_printable (via))
      || !g_uri_split (text, G_URI_FLAGS_ENCODED, &scheme, &user, &name, &number, &path, &query,
                       NULL, NULL)
      || name == NULL || *name == '\0' || number == 0 || number > G_MAXUINT16)
    return refuse (error);
  *secure = g_ascii_strcasecmp (scheme, "https") == 0;
  if (!*secure && g_ascii_strcasecmp (scheme, "http") != 0)
    return refuse (error);
  *port = number > 0 ? (guint16) number : *secure ? SECURE_PORT : PORT;

  head = g_string_new ("GET ");
  g_string_append_printf (head, "%s%s%s HTTP/1.1\r\n", *path != '\0' ? path : "/",
                          query != NULL ? "?" : "", query != NULL ? query : "");
  g_string_append_printf (head, strchr (name, ':') != NULL ? "Host: [%s]" : "Host: %s", name);
  if (number > 0)
    g_string_append_printf (head, ":%d", number);
  g_string_append (head, "\r\nUser-Agent: Lectern\r\nAccept: */*\r\nConnection: close\r\n");
  if (via != NULL)
    g_string_append_printf (head, "Lectern-Via: %s\r\n", via);
  add_credential (head, user);
  g_string_append (head, "\r\n");
  *request = g_string_free (g_steal_pointer (&head), FALSE);
  *host = g_steal_pointer (&name);
  return TRUE;
}
