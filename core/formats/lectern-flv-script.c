/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-flv-script.h"

#include <math.h>
#include <string.h>

#define MAX_KEY 64

void
lectern_flv_script_clear (LecternFlvScript *self)
{
  g_clear_pointer (&self->metadata, g_variant_unref);
  g_clear_pointer (&self->script, g_bytes_unref);
}

static gboolean
is_kept (const char *key, GVariant *value)
{
  if (*key == '\0' || strlen (key) > MAX_KEY || !lectern_amf_text_is_clean (key))
    return FALSE;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return isfinite (g_variant_get_double (value));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_get_size (value) <= LECTERN_FLV_MAX_METADATA_TEXT
           && lectern_amf_text_is_clean (g_variant_get_string (value, NULL));
  return g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN);
}

static GVariant *
sanitise (GVariant *value)
{
  GVariantBuilder builder;
  GVariantIter iter;
  GVariant *member;
  const char *key;
  guint kept = 0;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &member))
    {
      if (kept < LECTERN_FLV_MAX_METADATA && is_kept (key, member))
        {
          g_variant_builder_add (&builder, "{sv}", key, member);
          kept++;
        }
      g_variant_unref (member);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static gboolean
read_name (LecternByteReader *reader, char **name, GError **error)
{
  g_autoptr (GVariant) value = lectern_amf0_read (reader, error);

  if (value == NULL)
    return FALSE;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "a data message without a name");
      return FALSE;
    }
  *name = g_variant_dup_string (value, NULL);
  return TRUE;
}

static gboolean
read_metadata (LecternByteReader *reader, LecternFlvScript *self, GError **error)
{
  g_autoptr (GVariant) value = lectern_amf0_read (reader, error);

  if (value == NULL)
    return FALSE;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "metadata that is no object");
      return FALSE;
    }
  self->metadata = sanitise (value);
  return TRUE;
}

gboolean
lectern_flv_script_parse (GBytes *body, LecternFlvScript *self, GError **error)
{
  g_autofree char *name = NULL;
  LecternByteReader reader;
  gsize size;
  gsize start = 0;
  const guint8 *data = g_bytes_get_data (body, &size);

  *self = (LecternFlvScript){ NULL };
  lectern_byte_reader_init (&reader, data, size);
  if (!read_name (&reader, &name, error))
    return FALSE;
  if (strcmp (name, "@clearDataFrame") == 0)
    {
      self->metadata = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
      return TRUE;
    }
  if (strcmp (name, "@setDataFrame") == 0)
    {
      g_clear_pointer (&name, g_free);
      start = reader.offset;
      if (!read_name (&reader, &name, error))
        return FALSE;
    }
  if (strcmp (name, "onMetaData") == 0)
    return read_metadata (&reader, self, error);
  if (!g_str_has_prefix (name, "on") || strcmp (name, "onStatus") == 0
      || size - start > LECTERN_AMF_MAX_STRING)
    return TRUE;
  /* Viewers get these bytes as they are, so they must be sound. */
  while (lectern_byte_reader_get_remaining (&reader) > 0)
    {
      g_autoptr (GVariant) value = lectern_amf0_read (&reader, error);

      if (value == NULL)
        return FALSE;
    }
  self->script = g_bytes_new_from_bytes (body, start, size - start);
  return TRUE;
}
