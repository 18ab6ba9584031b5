/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-amf0.h"

#include "formats/lectern-amf-builder.h"
#include "formats/lectern-amf3.h"

enum
{
  MARKER_NUMBER = 0x00,
  MARKER_BOOLEAN = 0x01,
  MARKER_STRING = 0x02,
  MARKER_OBJECT = 0x03,
  MARKER_NULL = 0x05,
  MARKER_UNDEFINED = 0x06,
  MARKER_ECMA_ARRAY = 0x08,
  MARKER_OBJECT_END = 0x09,
  MARKER_STRICT_ARRAY = 0x0a,
  MARKER_DATE = 0x0b,
  MARKER_LONG_STRING = 0x0c,
  MARKER_UNSUPPORTED = 0x0d,
  MARKER_TYPED_OBJECT = 0x10,
  MARKER_AMF3 = 0x11,
};

/* Each level of a value is a member, which may itself be wrapped once more. */
#define MAX_WRITE_DEPTH (LECTERN_AMF_MAX_DEPTH * 2)

typedef struct
{
  LecternByteReader reader;
  LecternAmfBuilder builder;
  guint32 remaining[LECTERN_AMF_MAX_DEPTH]; /* values to come in a strict array */
} Amf0;

static void
clear_amf0 (Amf0 *self)
{
  lectern_amf_builder_clear (&self->builder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Amf0, clear_amf0)

static gboolean
truncated (GError **error)
{
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "truncated AMF0 value");
  return FALSE;
}

static gboolean
read_text (Amf0 *self, gboolean wide, char **text, GError **error)
{
  guint32 length;
  guint16 narrow;
  const guint8 *at;

  if (wide ? !lectern_byte_reader_read_u32 (&self->reader, &length)
           : !lectern_byte_reader_read_u16 (&self->reader, &narrow))
    return truncated (error);
  if (!wide)
    length = narrow;
  if (length > LECTERN_AMF_MAX_STRING)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "AMF string longer than %d bytes",
                   LECTERN_AMF_MAX_STRING);
      return FALSE;
    }
  at = lectern_byte_reader_take (&self->reader, length);
  if (at == NULL)
    return truncated (error);
  if (!lectern_amf_builder_charge (&self->builder, 0, length, error))
    return FALSE;
  *text = g_utf8_make_valid ((const char *) at, (gssize) length);
  return TRUE;
}

static gboolean
open_container (Amf0 *self, guint8 marker, GError **error)
{
  guint32 count = 0;
  g_autofree char *type = NULL;

  if (marker == MARKER_TYPED_OBJECT && !read_text (self, FALSE, &type, error))
    return FALSE;
  if ((marker == MARKER_ECMA_ARRAY || marker == MARKER_STRICT_ARRAY)
      && !lectern_byte_reader_read_u32 (&self->reader, &count))
    return truncated (error);
  if (!lectern_amf_builder_open (&self->builder, marker != MARKER_STRICT_ARRAY, error))
    return FALSE;
  self->remaining[self->builder.depth - 1] = count;
  return TRUE;
}

static gboolean
read_number (Amf0 *self, guint8 marker, GVariant **value, GError **error)
{
  double number;

  if (!lectern_byte_reader_read_double (&self->reader, &number)
      || (marker == MARKER_DATE && !lectern_byte_reader_skip (&self->reader, 2)))
    return truncated (error);
  *value = g_variant_new_double (number);
  return TRUE;
}

/* Reads a marker and what follows. *@value is NULL when that opened a container. */
static gboolean
read_item (Amf0 *self, GVariant **value, GError **error)
{
  guint8 marker;
  guint8 flag;
  char *text;

  if (!lectern_byte_reader_read_u8 (&self->reader, &marker))
    return truncated (error);
  switch (marker)
    {
    case MARKER_NUMBER:
    case MARKER_DATE:
      return read_number (self, marker, value, error);
    case MARKER_BOOLEAN:
      if (!lectern_byte_reader_read_u8 (&self->reader, &flag))
        return truncated (error);
      *value = g_variant_new_boolean (flag != 0);
      return TRUE;
    case MARKER_STRING:
    case MARKER_LONG_STRING:
      if (!read_text (self, marker == MARKER_LONG_STRING, &text, error))
        return FALSE;
      *value = g_variant_new_take_string (text);
      return TRUE;
    case MARKER_NULL:
    case MARKER_UNDEFINED:
    case MARKER_UNSUPPORTED:
      *value = g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
      return TRUE;
    case MARKER_OBJECT:
    case MARKER_ECMA_ARRAY:
    case MARKER_STRICT_ARRAY:
    case MARKER_TYPED_OBJECT:
      return open_container (self, marker, error);
    case MARKER_AMF3:
      *value = lectern_amf3_read_within (&self->reader, &self->builder, error);
      return *value != NULL;
    default:
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "AMF0 value of type 0x%02x is not accepted", marker);
      return FALSE;
    }
}

/* Reads the key of the next member, or finds the container's end, in which case *@value is all of
 * it. */
static gboolean
read_next (Amf0 *self, GVariant **value, GError **error)
{
  LecternAmfContainer *top = lectern_amf_builder_get_top (&self->builder);
  guint8 marker;

  if (!top->object && self->remaining[self->builder.depth - 1] > 0)
    {
      self->remaining[self->builder.depth - 1]--;
      return TRUE;
    }
  if (top->object)
    {
      if (!read_text (self, FALSE, &top->key, error))
        return FALSE;
      if (top->key[0] != '\0')
        return TRUE;
      if (!lectern_byte_reader_peek_u8 (&self->reader, &marker))
        return truncated (error);
      if (marker != MARKER_OBJECT_END)
        return TRUE;
      lectern_byte_reader_skip (&self->reader, 1);
    }
  *value = lectern_amf_builder_close (&self->builder);
  return TRUE;
}

static GVariant *
read_value (Amf0 *self, GError **error)
{
  while (TRUE)
    {
      GVariant *read = NULL;
      g_autoptr (GVariant) value = NULL;

      if (self->builder.depth > 0 && !read_next (self, &read, error))
        return NULL;
      if (read == NULL && !read_item (self, &read, error))
        return NULL;
      if (read == NULL)
        continue;
      value = g_variant_take_ref (read);
      if (self->builder.depth == 0)
        return g_steal_pointer (&value);
      if (!lectern_amf_builder_add (&self->builder, value, error))
        return NULL;
    }
}

GVariant *
lectern_amf0_read (LecternByteReader *reader, GError **error)
{
  g_auto (Amf0) self = { .reader = *reader };
  GVariant *value = read_value (&self, error);

  if (value != NULL)
    *reader = self.reader;
  return value;
}

typedef struct
{
  GVariant *value; /* owned */
  gsize next;
  gsize count;
  gboolean object;
} WriteLevel;

typedef struct
{
  LecternByteWriter *writer;
  WriteLevel levels[MAX_WRITE_DEPTH];
  guint depth;
} Amf0Writer;

static void
clear_amf0_writer (Amf0Writer *self)
{
  while (self->depth > 0)
    g_variant_unref (self->levels[--self->depth].value);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Amf0Writer, clear_amf0_writer)

static gboolean
get_number (GVariant *value, double *number)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
      *number = g_variant_get_byte (value);
      return TRUE;
    case G_VARIANT_CLASS_INT16:
      *number = g_variant_get_int16 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT16:
      *number = g_variant_get_uint16 (value);
      return TRUE;
    case G_VARIANT_CLASS_INT32:
      *number = g_variant_get_int32 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      *number = g_variant_get_uint32 (value);
      return TRUE;
    case G_VARIANT_CLASS_INT64:
      *number = (double) g_variant_get_int64 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      *number = (double) g_variant_get_uint64 (value);
      return TRUE;
    case G_VARIANT_CLASS_DOUBLE:
      *number = g_variant_get_double (value);
      return TRUE;
    default:
      return FALSE;
    }
}

static gboolean
write_text (LecternByteWriter *writer, GVariant *value)
{
  gsize length;
  const char *text = g_variant_get_string (value, &length);

  if (length <= G_MAXUINT16)
    return lectern_byte_writer_put_u8 (writer, MARKER_STRING)
           && lectern_byte_writer_put_u16 (writer, (guint16) length)
           && lectern_byte_writer_put (writer, text, length);
  return length <= G_MAXUINT32 && lectern_byte_writer_put_u8 (writer, MARKER_LONG_STRING)
         && lectern_byte_writer_put_u32 (writer, (guint32) length)
         && lectern_byte_writer_put (writer, text, length);
}

static gboolean
write_start (Amf0Writer *self, GVariant *value, guint8 marker)
{
  gsize count = g_variant_n_children (value);

  if (self->depth == MAX_WRITE_DEPTH || count > G_MAXUINT32)
    return FALSE;
  self->levels[self->depth++] = (WriteLevel){ .value = g_variant_ref (value),
                                              .count = count,
                                              .object = marker != MARKER_STRICT_ARRAY };
  return lectern_byte_writer_put_u8 (self->writer, marker)
         && (marker == MARKER_OBJECT
             || lectern_byte_writer_put_u32 (self->writer, (guint32) count));
}

static gboolean
write_item (Amf0Writer *self, GVariant *value, guint8 object_marker)
{
  double number;

  if (get_number (value, &number))
    return lectern_byte_writer_put_u8 (self->writer, MARKER_NUMBER)
           && lectern_byte_writer_put_double (self->writer, number);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return lectern_byte_writer_put_u8 (self->writer, MARKER_BOOLEAN)
           && lectern_byte_writer_put_u8 (self->writer, g_variant_get_boolean (value) ? 1 : 0);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return write_text (self->writer, value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return write_start (self, value, object_marker);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    return write_start (self, value, MARKER_STRICT_ARRAY);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("mv")) && g_variant_n_children (value) == 0)
    return lectern_byte_writer_put_u8 (self->writer, MARKER_NULL);
  return FALSE;
}

/* Returns: (transfer full): what is inside of variants and maybes around it. */
static GVariant *
unwrap (GVariant *value)
{
  GVariant *inner = g_variant_ref (value);

  while (
      g_variant_is_of_type (inner, G_VARIANT_TYPE_VARIANT)
      || (g_variant_is_of_type (inner, G_VARIANT_TYPE_MAYBE) && g_variant_n_children (inner) == 1))
    {
      GVariant *outer = inner;

      inner = g_variant_get_child_value (outer, 0);
      g_variant_unref (outer);
    }
  return inner;
}

/* Writes the next member of the innermost container, or its end. */
static gboolean
write_member (Amf0Writer *self)
{
  WriteLevel *level = &self->levels[self->depth - 1];
  g_autoptr (GVariant) member = NULL;
  g_autoptr (GVariant) wrapped = NULL;
  g_autoptr (GVariant) value = NULL;

  if (level->next == level->count)
    {
      gboolean object = level->object;

      g_variant_unref (level->value);
      self->depth--;
      return !object || lectern_byte_writer_put_u24 (self->writer, MARKER_OBJECT_END);
    }
  member = g_variant_get_child_value (level->value, level->next++);
  if (level->object)
    {
      g_autoptr (GVariant) key = g_variant_get_child_value (member, 0);
      gsize length;
      const char *text = g_variant_get_string (key, &length);

      if (length > G_MAXUINT16 || !lectern_byte_writer_put_u16 (self->writer, (guint16) length)
          || !lectern_byte_writer_put (self->writer, text, length))
        return FALSE;
      wrapped = g_variant_get_child_value (member, 1);
    }
  value = unwrap (wrapped != NULL ? wrapped : member);
  return write_item (self, value, MARKER_OBJECT);
}

static gboolean
write_value (LecternByteWriter *writer, GVariant *value, guint8 object_marker)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (value);
  g_autoptr (GVariant) inner = unwrap (held);
  g_auto (Amf0Writer) self = { .writer = writer };
  gsize start = writer->size;
  gboolean written = write_item (&self, inner, object_marker);

  while (written && self.depth > 0)
    written = write_member (&self);
  if (!written)
    writer->size = start;
  return written;
}

gboolean
lectern_amf0_write (LecternByteWriter *writer, GVariant *value)
{
  return write_value (writer, value, MARKER_OBJECT);
}

gboolean
lectern_amf0_write_ecma_array (LecternByteWriter *writer, GVariant *value)
{
  return write_value (writer, value, MARKER_ECMA_ARRAY);
}

gboolean
lectern_amf_text_is_clean (const char *text)
{
  for (; *text != '\0'; text++)
    if ((guchar) *text < 0x20 || *text == 0x7f)
      return FALSE;
    else if ((guchar) *text == 0xef && g_str_has_prefix (text, "\xef\xbf\xbd"))
      return FALSE;
  return TRUE;
}
