/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin/lectern-doors.h"

typedef struct
{
  char *name;
  LecternListener *listener; /* NULL: a worker's door */
  LecternAddress address;
} Door;

struct _LecternDoors
{
  GPtrArray *doors;
};

static void
door_free (gpointer data)
{
  Door *door = data;

  if (door->listener != NULL)
    lectern_listener_stop (door->listener);
  g_clear_object (&door->listener);
  g_free (door->name);
  g_free (door);
}

LecternDoors *
lectern_doors_new (void)
{
  LecternDoors *self = g_new (LecternDoors, 1);

  self->doors = g_ptr_array_new_with_free_func (door_free);
  return self;
}

void
lectern_doors_free (LecternDoors *self)
{
  g_ptr_array_unref (self->doors);
  g_free (self);
}

void
lectern_doors_add (LecternDoors *self, const char *name, LecternListener *listener)
{
  Door *door = g_new (Door, 1);

  *door = (Door){ g_strdup (name), listener, *lectern_listener_get_address (listener) };
  g_ptr_array_add (self->doors, door);
}

gpointer
lectern_doors_add_other (LecternDoors *self, const char *name, const LecternAddress *address)
{
  Door *door = g_new (Door, 1);

  *door = (Door){ g_strdup (name), NULL, *address };
  g_ptr_array_add (self->doors, door);
  return door;
}

void
lectern_doors_remove_other (LecternDoors *self, gpointer door)
{
  g_ptr_array_remove (self->doors, door);
}

void
lectern_doors_remove (LecternDoors *self, LecternListener *listener)
{
  for (guint i = 0; i < self->doors->len; i++)
    if (((Door *) self->doors->pdata[i])->listener == listener)
      {
        g_ptr_array_remove_index (self->doors, i);
        return;
      }
}

void
lectern_doors_set_dscp (LecternDoors *self, const char *name, guint dscp)
{
  for (guint i = 0; i < self->doors->len; i++)
    {
      Door *door = g_ptr_array_index (self->doors, i);

      if (g_str_equal (door->name, name))
        lectern_listener_set_dscp (door->listener, dscp);
    }
}

void
lectern_doors_stop (LecternDoors *self)
{
  for (guint i = 0; i < self->doors->len; i++)
    {
      Door *door = g_ptr_array_index (self->doors, i);

      if (door->listener != NULL)
        lectern_listener_stop (door->listener);
    }
}

void
lectern_doors_clear (LecternDoors *self)
{
  g_ptr_array_set_size (self->doors, 0);
}

GArray *
lectern_doors_list_addresses (LecternDoors *self)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (LecternAddress));

  for (guint i = 0; i < self->doors->len; i++)
    g_array_append_val (
        list, *lectern_listener_get_address (((Door *) self->doors->pdata[i])->listener));
  return list;
}

JsonNode *
lectern_doors_describe (LecternDoors *self)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  for (guint i = 0; i < self->doors->len; i++)
    {
      Door *door = g_ptr_array_index (self->doors, i);
      g_autofree char *address = lectern_address_to_string (&door->address);
      const char *present = json_object_get_string_member_with_default (object, door->name, NULL);
      g_autofree char *all
          = present != NULL ? g_strconcat (present, ";", address, NULL) : g_strdup (address);

      json_object_set_string_member (object, door->name, all);
    }
  json_node_take_object (node, object);
  return node;
}
