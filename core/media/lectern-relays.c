/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-relays.h"

#include "base/lectern-mailbox.h"

/* More questions than this under way at once are refused. */
#define MAX_ASKS 1024

typedef enum
{
  LIST,
  CREATE,
  REMOVE,
} Kind;

struct _LecternRelays
{
  LecternMailbox *mailbox;         /* the control thread's */
  gint n_asks;                     /* atomic */
  const LecternRelaysTable *table; /* the control thread's, NULL none */
  gpointer user_data;
};

/* One question: the asker's, the control thread's, then the asker's again. */
typedef struct
{
  LecternRelays *relays;
  Kind kind;
  LecternCarryWay way;
  gboolean on_demand;
  char *stream;
  char *url;
  char *transport;
  char *id;
  LecternMailbox *answer_to;
  LecternRelaysFunc func;
  gpointer user_data;
  GDestroyNotify free_user_data;
  JsonNode *answer;
  GError *error;
} Ask;

static void
ask_free (gpointer data)
{
  Ask *self = data;

  g_atomic_int_add (&self->relays->n_asks, -1);
  if (self->free_user_data != NULL)
    self->free_user_data (self->user_data);
  g_clear_pointer (&self->answer, json_node_unref);
  g_clear_error (&self->error);
  lectern_mailbox_unref (self->answer_to);
  lectern_relays_unref (self->relays);
  g_free (self->stream);
  g_free (self->url);
  g_free (self->transport);
  g_free (self->id);
  g_free (self);
}

/* Back in the asker's thread. */
static void
deliver (gpointer data)
{
  Ask *ask = data;

  ask->func (ask->answer, ask->error, ask->user_data);
  ask_free (ask);
}

static JsonNode *copy (JsonNode *node);

static void
copy_member (JsonObject *from, const char *name, JsonNode *node, gpointer to)
{
  json_object_set_member (to, name, copy (node));
}

static void
copy_element (JsonArray *from, guint index, JsonNode *node, gpointer to)
{
  json_array_add_element (to, copy (node));
}

/* All of it: json-glib counts references without locks, so two threads must not share any part, as
 * they would after json_node_copy. */
static JsonNode *
copy (JsonNode *node)
{
  JsonNode *made = json_node_new (json_node_get_node_type (node));
  g_auto (GValue) value = G_VALUE_INIT;

  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      json_node_take_object (made, json_object_new ());
      json_object_foreach_member (json_node_get_object (node), copy_member,
                                  json_node_get_object (made));
    }
  else if (JSON_NODE_HOLDS_ARRAY (node))
    {
      json_node_take_array (made, json_array_new ());
      json_array_foreach_element (json_node_get_array (node), copy_element,
                                  json_node_get_array (made));
    }
  else if (JSON_NODE_HOLDS_VALUE (node))
    {
      json_node_get_value (node, &value);
      json_node_set_value (made, &value);
    }
  return made;
}

static void
answer (JsonNode *node, const GError *error, gpointer data)
{
  Ask *ask = data;

  ask->answer = error == NULL && node != NULL ? copy (node) : NULL;
  ask->error = error != NULL ? g_error_copy (error) : NULL;
  lectern_mailbox_post (ask->answer_to, deliver, ask, ask_free);
}

static void
refuse (Ask *ask, LecternError code, const char *why)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, code, why);

  answer (NULL, error, ask);
}

static void
run (gpointer data)
{
  Ask *ask = data;
  const LecternRelaysTable *table = ask->relays->table;
  gpointer user_data = ask->relays->user_data;
  LecternRelaySpec spec = { ask->way, ask->stream, ask->url, ask->transport, ask->on_demand };

  if (table == NULL)
    refuse (ask, LECTERN_ERROR_NOT_FOUND, "there are no relays: [plugins] relay is off");
  else if (ask->kind == LIST)
    table->list (answer, ask, user_data);
  else if (ask->kind == CREATE)
    table->create (&spec, answer, ask, user_data);
  else
    table->remove (ask->id, answer, ask, user_data);
}

static Ask *
ask_new (LecternRelays *self, Kind kind, LecternRelaysFunc func, gpointer user_data,
         GDestroyNotify free_user_data)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  Ask *ask = g_new0 (Ask, 1);

  ask->relays = lectern_relays_ref (self);
  ask->kind = kind;
  ask->answer_to = lectern_mailbox_get_shared (context);
  ask->func = func;
  ask->user_data = user_data;
  ask->free_user_data = free_user_data;
  return ask;
}

static void
begin (Ask *ask)
{
  if (g_atomic_int_add (&ask->relays->n_asks, 1) < MAX_ASKS)
    lectern_mailbox_post (ask->relays->mailbox, run, ask, ask_free);
  else
    refuse (ask, LECTERN_ERROR_LIMIT, "too many questions about relays are under way");
}

void
lectern_relays_list (LecternRelays *self, LecternRelaysFunc func, gpointer user_data,
                     GDestroyNotify free_user_data)
{
  begin (ask_new (self, LIST, func, user_data, free_user_data));
}

void
lectern_relays_create (LecternRelays *self, const LecternRelaySpec *spec, LecternRelaysFunc func,
                       gpointer user_data, GDestroyNotify free_user_data)
{
  Ask *ask = ask_new (self, CREATE, func, user_data, free_user_data);

  ask->way = spec->way;
  ask->on_demand = spec->on_demand;
  ask->stream = g_strdup (spec->stream);
  ask->url = g_strdup (spec->url);
  ask->transport = g_strdup (spec->transport);
  begin (ask);
}

void
lectern_relays_remove (LecternRelays *self, const char *id, LecternRelaysFunc func,
                       gpointer user_data, GDestroyNotify free_user_data)
{
  Ask *ask = ask_new (self, REMOVE, func, user_data, free_user_data);

  ask->id = g_strdup (id);
  begin (ask);
}

LecternRelays *
lectern_relays_new (void)
{
  LecternRelays *self = g_atomic_rc_box_new0 (LecternRelays);
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  self->mailbox = lectern_mailbox_get_shared (context);
  return self;
}

LecternRelays *
lectern_relays_ref (LecternRelays *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear (gpointer data)
{
  lectern_mailbox_unref (((LecternRelays *) data)->mailbox);
}

void
lectern_relays_unref (LecternRelays *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

void
lectern_relays_offer (LecternRelays *self, const LecternRelaysTable *table, gpointer user_data)
{
  self->table = table;
  self->user_data = user_data;
}
