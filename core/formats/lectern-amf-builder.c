/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-amf-builder.h"

static void
clear_container (LecternAmfContainer *container)
{
  g_clear_pointer (&container->key, g_free);
  g_clear_pointer (&container->keys, g_ptr_array_unref);
  g_clear_pointer (&container->values, g_ptr_array_unref);
}

void
lectern_amf_builder_clear (LecternAmfBuilder *self)
{
  while (self->depth > 0)
    clear_container (&self->stack[--self->depth]);
}

LecternAmfContainer *
lectern_amf_builder_get_top (LecternAmfBuilder *self)
{
  return self->depth > 0 ? &self->stack[self->depth - 1] : NULL;
}

gboolean
lectern_amf_builder_open (LecternAmfBuilder *self, gboolean object, GError **error)
{
  if (self->depth == LECTERN_AMF_MAX_DEPTH)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "AMF value nested deeper than %d",
                   LECTERN_AMF_MAX_DEPTH);
      return FALSE;
    }
  self->stack[self->depth++] = (LecternAmfContainer){
    .object = object,
    .keys = g_ptr_array_new_with_free_func (g_free),
    .values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref),
    .members_before = self->members,
    .bytes_before = self->bytes,
  };
  return TRUE;
}

/* A repeated member keeps the place of its first and the value of its last. */
static GVariant *
close_object (LecternAmfContainer *container)
{
  g_autoptr (GHashTable) places = g_hash_table_new (g_str_hash, g_str_equal);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  gpointer *values = container->values->pdata;

  for (guint i = 0; i < container->keys->len; i++)
    {
      gpointer key = g_ptr_array_index (container->keys, i);
      gpointer place;

      if (g_hash_table_lookup_extended (places, key, NULL, &place))
        {
          gpointer older = values[GPOINTER_TO_UINT (place)];

          values[GPOINTER_TO_UINT (place)] = values[i];
          values[i] = older;
        }
      else
        g_hash_table_insert (places, key, GUINT_TO_POINTER (i));
    }
  for (guint i = 0; i < container->keys->len; i++)
    {
      const char *key = g_ptr_array_index (container->keys, i);

      if (g_hash_table_lookup (places, key) == GUINT_TO_POINTER (i))
        g_variant_builder_add (&builder, "{sv}", key, values[i]);
    }
  return g_variant_builder_end (&builder);
}

static GVariant *
close_array (LecternAmfContainer *container)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));

  for (guint i = 0; i < container->values->len; i++)
    g_variant_builder_add (&builder, "v", g_ptr_array_index (container->values, i));
  return g_variant_builder_end (&builder);
}

GVariant *
lectern_amf_builder_close (LecternAmfBuilder *self)
{
  LecternAmfContainer *container = lectern_amf_builder_get_top (self);
  GVariant *value;

  g_return_val_if_fail (container != NULL, NULL);
  value = container->object ? close_object (container) : close_array (container);
  clear_container (container);
  self->depth--;
  return value;
}

gboolean
lectern_amf_builder_add (LecternAmfBuilder *self, GVariant *value, GError **error)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  LecternAmfContainer *container = lectern_amf_builder_get_top (self);

  g_return_val_if_fail (container != NULL, FALSE);
  if (!lectern_amf_builder_charge (self, 1, 0, error))
    return FALSE;
  g_ptr_array_add (container->values, g_steal_pointer (&held));
  if (container->object)
    g_ptr_array_add (container->keys, g_steal_pointer (&container->key));
  return TRUE;
}

gboolean
lectern_amf_builder_charge (LecternAmfBuilder *self, guint members, gsize bytes, GError **error)
{
  if (members > LECTERN_AMF_MAX_MEMBERS - self->members)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "AMF value with more than %d members",
                   LECTERN_AMF_MAX_MEMBERS);
      return FALSE;
    }
  if (bytes > LECTERN_AMF_MAX_SIZE - self->bytes)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "AMF value with more than %d bytes",
                   LECTERN_AMF_MAX_SIZE);
      return FALSE;
    }
  self->members += members;
  self->bytes += bytes;
  return TRUE;
}
