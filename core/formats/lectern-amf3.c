/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-amf3.h"

#include <string.h>

enum
{
  MARKER_UNDEFINED = 0x00,
  MARKER_NULL = 0x01,
  MARKER_FALSE = 0x02,
  MARKER_TRUE = 0x03,
  MARKER_INTEGER = 0x04,
  MARKER_DOUBLE = 0x05,
  MARKER_STRING = 0x06,
  MARKER_DATE = 0x08,
  MARKER_ARRAY = 0x09,
  MARKER_OBJECT = 0x0a,
  MARKER_BYTE_ARRAY = 0x0c,
};

/* The names a class gives its sealed members; their bytes count once for each object of it. */
typedef struct
{
  GPtrArray *names;
  gsize bytes;
  gboolean dynamic;
} Traits;

/* An entry of the table of object references. */
typedef struct
{
  GVariant *value; /* NULL while it is being read */
  guint members;
  gsize bytes;
} Reference;

typedef struct
{
  guint reference;
  Traits *traits; /* NULL: an array */
  guint next;     /* sealed member, or dense element */
  guint32 dense;  /* elements of an array */
  gboolean named; /* members with names still come */
} Level;

typedef struct
{
  LecternByteReader reader;
  LecternAmfBuilder *builder;
  guint base; /* the builder's depth outside */
  Level levels[LECTERN_AMF_MAX_DEPTH];
  GPtrArray *strings;
  GPtrArray *traits;
  guint names; /* sealed members of all traits */
  GArray *references;
} Amf3;

static void
free_traits (gpointer data)
{
  Traits *traits = data;

  g_ptr_array_unref (traits->names);
  g_free (traits);
}

static void
clear_reference (gpointer data)
{
  Reference *reference = data;

  g_clear_pointer (&reference->value, g_variant_unref);
}

static void
clear_amf3 (Amf3 *self)
{
  g_ptr_array_unref (self->strings);
  g_ptr_array_unref (self->traits);
  g_array_unref (self->references);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Amf3, clear_amf3)

static gboolean
invalid (GError **error, const char *what)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "%s in an AMF3 value", what);
  return FALSE;
}

static gboolean
read_u29 (Amf3 *self, guint32 *value, GError **error)
{
  guint32 sum = 0;
  guint8 byte;

  for (guint i = 0; i < 4; i++)
    {
      if (!lectern_byte_reader_read_u8 (&self->reader, &byte))
        return invalid (error, "truncated number");
      if (i == 3)
        sum = sum << 8 | byte;
      else
        sum = sum << 7 | (byte & 0x7f);
      if (i == 3 || (byte & 0x80) == 0)
        break;
    }
  *value = sum;
  return TRUE;
}

/* @text: (transfer none): owned by the table, or static. */
static gboolean
read_text (Amf3 *self, const char **text, GError **error)
{
  guint32 head;
  gsize length;
  const guint8 *at;
  char *valid;

  if (!read_u29 (self, &head, error))
    return FALSE;
  if ((head & 1) == 0)
    {
      if (head >> 1 >= self->strings->len)
        return invalid (error, "unknown string reference");
      *text = g_ptr_array_index (self->strings, head >> 1);
      return TRUE;
    }
  length = head >> 1;
  *text = "";
  if (length == 0)
    return TRUE;
  if (length > LECTERN_AMF_MAX_STRING)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "AMF string longer than %d bytes",
                   LECTERN_AMF_MAX_STRING);
      return FALSE;
    }
  at = lectern_byte_reader_take (&self->reader, length);
  if (at == NULL)
    return invalid (error, "truncated string");
  valid = g_utf8_make_valid ((const char *) at, (gssize) length);
  g_ptr_array_add (self->strings, valid);
  *text = valid;
  return TRUE;
}

/* Reads a string that becomes part of the value. */
static gboolean
read_kept_text (Amf3 *self, const char **text, GError **error)
{
  return read_text (self, text, error)
         && lectern_amf_builder_charge (self->builder, 0, strlen (*text), error);
}

static guint
add_reference (Amf3 *self, GVariant *value, gsize bytes)
{
  Reference reference = { .value = value != NULL ? g_variant_ref (value) : NULL, .bytes = bytes };

  g_array_append_val (self->references, reference);
  return self->references->len - 1;
}

/* Finds an object read before; what it holds counts again, because the value holds it again. */
static gboolean
use_reference (Amf3 *self, guint32 index, const char *type, GVariant **value, GError **error)
{
  Reference *reference;

  if (index >= self->references->len)
    return invalid (error, "unknown object reference");
  reference = &g_array_index (self->references, Reference, index);
  if (reference->value == NULL)
    return invalid (error, "reference to an object that holds it");
  if (type != NULL && !g_variant_is_of_type (reference->value, G_VARIANT_TYPE (type)))
    return invalid (error, "reference of another type");
  if (!lectern_amf_builder_charge (self->builder, reference->members, reference->bytes, error))
    return FALSE;
  *value = g_variant_ref (reference->value);
  return TRUE;
}

static gboolean
read_date (Amf3 *self, GVariant **value, GError **error)
{
  guint32 head;
  double milliseconds;

  if (!read_u29 (self, &head, error))
    return FALSE;
  if ((head & 1) == 0)
    return use_reference (self, head >> 1, "d", value, error);
  if (!lectern_byte_reader_read_double (&self->reader, &milliseconds))
    return invalid (error, "truncated date");
  *value = g_variant_ref_sink (g_variant_new_double (milliseconds));
  add_reference (self, *value, 0);
  return TRUE;
}

static gboolean
read_bytes (Amf3 *self, GVariant **value, GError **error)
{
  guint32 head;
  gsize length;
  const guint8 *at;

  if (!read_u29 (self, &head, error))
    return FALSE;
  if ((head & 1) == 0)
    return use_reference (self, head >> 1, "ay", value, error);
  length = head >> 1;
  if (length > LECTERN_AMF_MAX_STRING)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "AMF byte array longer than %d bytes",
                   LECTERN_AMF_MAX_STRING);
      return FALSE;
    }
  at = lectern_byte_reader_take (&self->reader, length);
  if (at == NULL)
    return invalid (error, "truncated byte array");
  if (!lectern_amf_builder_charge (self->builder, 0, length, error))
    return FALSE;
  *value = g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, at, length, 1));
  add_reference (self, *value, length);
  return TRUE;
}

static gboolean
open_level (Amf3 *self, const Level *level, gboolean object, GError **error)
{
  if (!lectern_amf_builder_open (self->builder, object, error))
    return FALSE;
  self->levels[self->builder->depth - 1] = *level;
  self->levels[self->builder->depth - 1].reference = add_reference (self, NULL, 0);
  return TRUE;
}

static gboolean
read_array (Amf3 *self, GVariant **value, GError **error)
{
  guint32 head;

  if (!read_u29 (self, &head, error))
    return FALSE;
  if ((head & 1) == 0)
    return use_reference (self, head >> 1, NULL, value, error);
  return open_level (self, &(Level){ .dense = head >> 1, .named = TRUE }, FALSE, error);
}

static gboolean
read_traits (Amf3 *self, guint32 head, Traits **traits, GError **error)
{
  const char *name;
  guint32 count = head >> 4;

  if ((head & 2) == 0)
    {
      if (head >> 2 >= self->traits->len)
        return invalid (error, "unknown class reference");
      *traits = g_ptr_array_index (self->traits, head >> 2);
      return TRUE;
    }
  if ((head & 4) != 0)
    return invalid (error, "externalizable object");
  if (count > LECTERN_AMF_MAX_MEMBERS - self->names || self->traits->len >= LECTERN_AMF_MAX_MEMBERS)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "AMF value with more than %d members",
                   LECTERN_AMF_MAX_MEMBERS);
      return FALSE;
    }
  self->names += count;
  *traits = g_new0 (Traits, 1);
  (*traits)->names = g_ptr_array_new_with_free_func (g_free);
  (*traits)->dynamic = (head & 8) != 0;
  g_ptr_array_add (self->traits, *traits);
  if (!read_text (self, &name, error))
    return FALSE;
  for (guint32 i = 0; i < count; i++)
    {
      if (!read_kept_text (self, &name, error))
        return FALSE;
      (*traits)->bytes += strlen (name);
      g_ptr_array_add ((*traits)->names, g_strdup (name));
    }
  return TRUE;
}

static gboolean
read_object (Amf3 *self, GVariant **value, GError **error)
{
  guint32 head;
  Traits *traits;

  if (!read_u29 (self, &head, error))
    return FALSE;
  if ((head & 1) == 0)
    return use_reference (self, head >> 1, NULL, value, error);
  return read_traits (self, head, &traits, error)
         && lectern_amf_builder_charge (self->builder, 0, traits->bytes, error)
         && open_level (self, &(Level){ .traits = traits, .named = traits->dynamic }, TRUE, error);
}

static gboolean
read_scalar (Amf3 *self, guint8 marker, GVariant **value, GError **error)
{
  guint32 integer;
  double number;
  const char *text;

  switch (marker)
    {
    case MARKER_UNDEFINED:
    case MARKER_NULL:
      *value = g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
      return TRUE;
    case MARKER_FALSE:
    case MARKER_TRUE:
      *value = g_variant_new_boolean (marker == MARKER_TRUE);
      return TRUE;
    case MARKER_INTEGER:
      if (!read_u29 (self, &integer, error))
        return FALSE;
      *value = g_variant_new_double (integer < 1u << 28 ? (double) integer
                                                        : (double) integer - (1u << 29));
      return TRUE;
    case MARKER_DOUBLE:
      if (!lectern_byte_reader_read_double (&self->reader, &number))
        return invalid (error, "truncated number");
      *value = g_variant_new_double (number);
      return TRUE;
    case MARKER_STRING:
      if (!read_kept_text (self, &text, error))
        return FALSE;
      *value = g_variant_new_string (text);
      return TRUE;
    default:
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "AMF3 value of type 0x%02x is not accepted", marker);
      return FALSE;
    }
}

/* Reads a marker and what follows. *@value is NULL when that opened a container. */
static gboolean
read_item (Amf3 *self, GVariant **value, GError **error)
{
  guint8 marker;

  if (!lectern_byte_reader_read_u8 (&self->reader, &marker))
    return invalid (error, "truncated member");
  switch (marker)
    {
    case MARKER_DATE:
      return read_date (self, value, error);
    case MARKER_BYTE_ARRAY:
      return read_bytes (self, value, error);
    case MARKER_ARRAY:
      return read_array (self, value, error);
    case MARKER_OBJECT:
      return read_object (self, value, error);
    default:
      if (!read_scalar (self, marker, value, error))
        return FALSE;
      g_variant_ref_sink (*value);
      return TRUE;
    }
}

static void
close_level (Amf3 *self, GVariant **value)
{
  LecternAmfContainer *top = lectern_amf_builder_get_top (self->builder);
  Reference *reference = &g_array_index (self->references, Reference,
                                         self->levels[self->builder->depth - 1].reference);

  reference->members = self->builder->members - top->members_before;
  reference->bytes = self->builder->bytes - top->bytes_before;
  if (self->levels[self->builder->depth - 1].traits != NULL)
    reference->bytes += self->levels[self->builder->depth - 1].traits->bytes;
  *value = g_variant_ref_sink (lectern_amf_builder_close (self->builder));
  reference->value = g_variant_ref (*value);
}

/* Reads the name of the next member, or finds the container's end, in which case *@value is all of
 * it. */
static gboolean
read_next (Amf3 *self, GVariant **value, GError **error)
{
  Level *level = &self->levels[self->builder->depth - 1];
  LecternAmfContainer *top = lectern_amf_builder_get_top (self->builder);
  const char *name;

  if (level->traits != NULL && level->next < level->traits->names->len)
    {
      top->key = g_strdup (g_ptr_array_index (level->traits->names, level->next++));
      return TRUE;
    }
  if (level->named)
    {
      if (!read_kept_text (self, &name, error))
        return FALSE;
      if (name[0] != '\0')
        {
          top->object = TRUE;
          top->key = g_strdup (name);
          return TRUE;
        }
      level->named = FALSE;
    }
  if (level->next < level->dense)
    {
      if (top->object)
        top->key = g_strdup_printf ("%u", level->next);
      level->next++;
      return TRUE;
    }
  close_level (self, value);
  return TRUE;
}

static GVariant *
read_value (Amf3 *self, GError **error)
{
  while (TRUE)
    {
      g_autoptr (GVariant) value = NULL;

      if (self->builder->depth > self->base && !read_next (self, &value, error))
        return NULL;
      if (value == NULL && !read_item (self, &value, error))
        return NULL;
      if (value == NULL)
        continue;
      if (self->builder->depth == self->base)
        return g_steal_pointer (&value);
      if (!lectern_amf_builder_add (self->builder, value, error))
        return NULL;
    }
}

GVariant *
lectern_amf3_read_within (LecternByteReader *reader, LecternAmfBuilder *builder, GError **error)
{
  g_auto (Amf3) self = {
    .reader = *reader,
    .builder = builder,
    .base = builder->depth,
    .strings = g_ptr_array_new_with_free_func (g_free),
    .traits = g_ptr_array_new_with_free_func (free_traits),
    .references = g_array_new (FALSE, FALSE, sizeof (Reference)),
  };
  GVariant *value;

  g_array_set_clear_func (self.references, clear_reference);
  value = read_value (&self, error);
  if (value != NULL)
    *reader = self.reader;
  return value;
}

GVariant *
lectern_amf3_read (LecternByteReader *reader, GError **error)
{
  g_auto (LecternAmfBuilder) builder = { .depth = 0 };

  return lectern_amf3_read_within (reader, &builder, error);
}
