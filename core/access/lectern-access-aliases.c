/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-access-aliases.h"

#include <string.h>

typedef struct
{
  guint id;
  char *prefix;
  LecternAccessAliasFunc func;
  gpointer user_data;
} Alias;

struct _LecternAccessAliases
{
  GPtrArray *aliases;
};

static void
alias_free (gpointer data)
{
  Alias *alias = data;

  g_free (alias->prefix);
  g_free (alias);
}

LecternAccessAliases *
lectern_access_aliases_new (void)
{
  LecternAccessAliases *self = g_new0 (LecternAccessAliases, 1);

  self->aliases = g_ptr_array_new_with_free_func (alias_free);
  return self;
}

void
lectern_access_aliases_free (LecternAccessAliases *self)
{
  g_ptr_array_unref (self->aliases);
  g_free (self);
}

void
lectern_access_aliases_add (LecternAccessAliases *self, guint id, const char *prefix,
                            LecternAccessAliasFunc func, gpointer user_data)
{
  Alias *alias = g_new (Alias, 1);

  *alias = (Alias){ id, g_strconcat (prefix, "/", NULL), func, user_data };
  g_ptr_array_add (self->aliases, alias);
}

void
lectern_access_aliases_remove (LecternAccessAliases *self, guint id)
{
  for (guint i = 0; i < self->aliases->len; i++)
    if (((Alias *) g_ptr_array_index (self->aliases, i))->id == id)
      {
        g_ptr_array_remove_index (self->aliases, i);
        return;
      }
}

static const Alias *
find (LecternAccessAliases *self, const char *thing)
{
  for (guint i = 0; thing != NULL && i < self->aliases->len; i++)
    {
      const Alias *alias = g_ptr_array_index (self->aliases, i);

      if (g_str_has_prefix (thing, alias->prefix))
        return alias;
    }
  return NULL;
}

gboolean
lectern_access_aliases_has (LecternAccessAliases *self, const char *thing)
{
  return find (self, thing) != NULL;
}

LecternAccessRequest *
lectern_access_aliases_resolve (LecternAccessAliases *self, LecternAccessRequest *request)
{
  const Alias *alias = find (self, request->thing);
  g_autofree char *thing = NULL;
  LecternAccessRequest *resolved;

  if (alias != NULL)
    thing = alias->func (request->thing, alias->user_data);
  if (thing == NULL)
    return lectern_access_request_ref (request);
  resolved = lectern_access_request_new (request->action, thing, request->protocol, &request->peer);
  resolved->secure = request->secure;
  resolved->origin = g_strdup (request->origin);
  resolved->referer = g_strdup (request->referer);
  resolved->query = g_strdup (request->query);
  resolved->credential = g_strdup (request->credential);
  resolved->via = g_strdup (request->via);
  if (request->identity != NULL)
    resolved->identity = lectern_identity_ref (request->identity);
  return resolved;
}
