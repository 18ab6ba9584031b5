/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-access.h"

#include <string.h>

#define MAX_PARAMETER 1024

static const char *const action_names[] = {
  [LECTERN_ACTION_PUBLIC] = "public",   [LECTERN_ACTION_PLAY] = "play",
  [LECTERN_ACTION_PUBLISH] = "publish", [LECTERN_ACTION_JOIN] = "join",
  [LECTERN_ACTION_TEACH] = "teach",     [LECTERN_ACTION_MANAGE] = "manage",
};

const char *
lectern_action_get_name (LecternAction action)
{
  g_return_val_if_fail ((guint) action < G_N_ELEMENTS (action_names), "unknown");
  return action_names[action];
}

LecternAccessRequest *
lectern_access_request_new (LecternAction action, const char *thing, const char *protocol,
                            const LecternAddress *peer)
{
  LecternAccessRequest *self = g_new0 (LecternAccessRequest, 1);

  self->refs = 1;
  self->action = action;
  self->thing = g_strdup (thing);
  self->protocol = g_strdup (protocol);
  if (peer != NULL)
    self->peer = *peer;
  return self;
}

LecternAccessRequest *
lectern_access_request_ref (LecternAccessRequest *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_access_request_unref (LecternAccessRequest *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_free (self->thing);
  g_free (self->protocol);
  g_free (self->origin);
  g_free (self->referer);
  g_free (self->query);
  g_free (self->credential);
  g_free (self->via);
  g_free (self->method);
  g_clear_pointer (&self->identity, lectern_identity_unref);
  g_free (self);
}

/* Returns: (nullable): where the value of @name starts. */
static const char *
find_parameter (const char *query, const char *name, gsize *length)
{
  gsize name_length = strlen (name);

  while (*query != '\0')
    {
      gsize end = strcspn (query, "&");

      if (end > name_length && query[name_length] == '=' && memcmp (query, name, name_length) == 0)
        {
          *length = end - name_length - 1;
          return query + name_length + 1;
        }
      query += end;
      if (*query == '&')
        query++;
    }
  return NULL;
}

char *
lectern_access_request_get_parameter (LecternAccessRequest *self, const char *name)
{
  const char *value;
  gsize length;
  g_autofree char *decoded = NULL;

  value = self->query != NULL ? find_parameter (self->query, name, &length) : NULL;
  if (value == NULL || length > 3 * MAX_PARAMETER)
    return NULL;
  /* NULL for a bad escape and for an encoded zero byte. */
  decoded = g_uri_unescape_segment (value, value + length, NULL);
  if (decoded == NULL || strlen (decoded) > MAX_PARAMETER || !g_utf8_validate (decoded, -1, NULL))
    return NULL;
  return g_steal_pointer (&decoded);
}
