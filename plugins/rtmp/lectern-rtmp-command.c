/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-command.h"

#include "lectern-rtmp-chunk-writer.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define MAX_NAME 64
#define AMF0_STRING 0x02

void
lectern_rtmp_command_clear (LecternRtmpCommand *self)
{
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->object, g_variant_unref);
  for (guint i = 0; i < self->n_arguments; i++)
    g_clear_pointer (&self->arguments[i], g_variant_unref);
  self->n_arguments = 0;
}

static gboolean
is_command_name (const char *name)
{
  return *name != '\0' && strlen (name) <= MAX_NAME
         && strspn (name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_|") == strlen (name);
}

static gboolean
take_name (LecternRtmpCommand *self, LecternByteReader *reader, GError **error)
{
  g_autoptr (GVariant) value = lectern_amf0_read (reader, error);

  if (value == NULL)
    return FALSE;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
      || !is_command_name (g_variant_get_string (value, NULL)))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "a command without a name");
      return FALSE;
    }
  self->name = g_variant_dup_string (value, NULL);
  return TRUE;
}

static gboolean
take_transaction (LecternRtmpCommand *self, LecternByteReader *reader, GError **error)
{
  g_autoptr (GVariant) value = lectern_amf0_read (reader, error);

  if (value == NULL)
    return FALSE;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    self->transaction = g_variant_get_double (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE) && isfinite (self->transaction)
      && self->transaction >= 0)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
               "the command '%s' has no transaction number", self->name);
  return FALSE;
}

static gboolean
is_null (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE);
}

/* The command object; _result and _error put anything here. */
static gboolean
take_object (LecternRtmpCommand *self, LecternByteReader *reader, GError **error)
{
  g_autoptr (GVariant) value = lectern_amf0_read (reader, error);

  if (value == NULL)
    return FALSE;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    self->object = g_steal_pointer (&value);
  return TRUE;
}

gboolean
lectern_rtmp_command_parse (const LecternRtmpMessage *message, LecternRtmpCommand *self,
                            GError **error)
{
  LecternByteReader reader;
  gsize size;
  const guint8 *data = g_bytes_get_data (message->payload, &size);

  *self = (LecternRtmpCommand){ .name = NULL };
  lectern_byte_reader_init (&reader, data, size);
  /* The AMF3 form is a zero byte and then AMF0, in which values may switch to AMF3. */
  if (message->type == LECTERN_RTMP_COMMAND_AMF3 && size > 0 && data[0] != AMF0_STRING)
    lectern_byte_reader_skip (&reader, 1);
  if (!take_name (self, &reader, error) || !take_transaction (self, &reader, error))
    return FALSE;
  if (lectern_byte_reader_get_remaining (&reader) > 0 && !take_object (self, &reader, error))
    return FALSE;
  while (lectern_byte_reader_get_remaining (&reader) > 0)
    {
      GVariant *value;

      if (self->n_arguments == LECTERN_RTMP_MAX_ARGUMENTS)
        {
          g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                       "the command '%s' has more than %u arguments", self->name,
                       LECTERN_RTMP_MAX_ARGUMENTS);
          return FALSE;
        }
      value = lectern_amf0_read (&reader, error);
      if (value == NULL)
        return FALSE;
      self->arguments[self->n_arguments++] = value;
    }
  return TRUE;
}

/* Returns: (nullable): the argument when it is there and not null. */
static GVariant *
get_argument (const LecternRtmpCommand *self, guint index)
{
  return index < self->n_arguments && !is_null (self->arguments[index]) ? self->arguments[index]
                                                                        : NULL;
}

static gboolean
refuse_argument (const LecternRtmpCommand *self, guint index, GError **error)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
               "argument %u of the command '%s' is of a wrong kind", index + 1, self->name);
  return FALSE;
}

gboolean
lectern_rtmp_command_get_text (const LecternRtmpCommand *self, guint index, const char **text,
                               GError **error)
{
  GVariant *value = get_argument (self, index);

  *text = NULL;
  if (value == NULL)
    return TRUE;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
      || !lectern_amf_text_is_clean (g_variant_get_string (value, NULL)))
    return refuse_argument (self, index, error);
  *text = g_variant_get_string (value, NULL);
  return TRUE;
}

gboolean
lectern_rtmp_command_get_number (const LecternRtmpCommand *self, guint index, double initial,
                                 double *number, GError **error)
{
  GVariant *value = get_argument (self, index);

  *number = initial;
  if (value == NULL)
    return TRUE;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE)
      || !isfinite (g_variant_get_double (value)))
    return refuse_argument (self, index, error);
  *number = g_variant_get_double (value);
  return TRUE;
}

gboolean
lectern_rtmp_command_get_flag (const LecternRtmpCommand *self, guint index, gboolean initial,
                               gboolean *flag, GError **error)
{
  GVariant *value = get_argument (self, index);

  *flag = initial;
  if (value == NULL)
    return TRUE;
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return refuse_argument (self, index, error);
  *flag = g_variant_get_boolean (value);
  return TRUE;
}

GVariant *
lectern_rtmp_null (void)
{
  return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
}

static void
put_message (LecternByteWriter *out, guint8 type, guint32 stream, LecternByteWriter *body,
             guint32 chunk_size)
{
  LecternRtmpHeader header = { .type = type, .stream = stream };

  header.csid = type == LECTERN_RTMP_DATA ? LECTERN_RTMP_CSID_DATA : LECTERN_RTMP_CSID_COMMAND;
  if (body->overflow)
    out->overflow = TRUE;
  else
    lectern_rtmp_write_message (out, &header, body->data, body->size, chunk_size);
}

static void
put_values (LecternByteWriter *body, va_list values)
{
  GVariant *value;

  while ((value = va_arg (values, GVariant *)) != NULL)
    lectern_amf0_write (body, value);
}

static void
begin_command (LecternByteWriter *body, const char *name, double transaction, GVariant *object)
{
  lectern_byte_writer_init (body, LECTERN_RTMP_MAX_COMMAND);
  lectern_amf0_write (body, g_variant_new_string (name));
  lectern_amf0_write (body, g_variant_new_double (transaction));
  lectern_amf0_write (body, object != NULL ? object : lectern_rtmp_null ());
}

void
lectern_rtmp_write_connect (LecternByteWriter *out, double transaction, GVariant *object)
{
  g_auto (LecternByteWriter) body = { NULL };

  begin_command (&body, "connect", transaction, object);
  put_message (out, LECTERN_RTMP_COMMAND, 0, &body, LECTERN_RTMP_INITIAL_CHUNK_SIZE);
}

void
lectern_rtmp_write_command (LecternByteWriter *out, guint32 stream, const char *name,
                            double transaction, GVariant *object, ...)
{
  g_auto (LecternByteWriter) body = { NULL };
  va_list arguments;

  begin_command (&body, name, transaction, object);
  va_start (arguments, object);
  put_values (&body, arguments);
  va_end (arguments);
  put_message (out, LECTERN_RTMP_COMMAND, stream, &body, LECTERN_RTMP_CHUNK_SIZE);
}

void
lectern_rtmp_write_data (LecternByteWriter *out, guint32 stream, const char *name, ...)
{
  g_auto (LecternByteWriter) body = { NULL };
  va_list values;

  lectern_byte_writer_init (&body, LECTERN_RTMP_MAX_COMMAND);
  lectern_amf0_write (&body, g_variant_new_string (name));
  va_start (values, name);
  put_values (&body, values);
  va_end (values);
  put_message (out, LECTERN_RTMP_DATA, stream, &body, LECTERN_RTMP_CHUNK_SIZE);
}

GVariant *
lectern_rtmp_make_status (const char *level, const char *code, const char *description)
{
  GVariantBuilder info;

  g_variant_builder_init (&info, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&info, "{sv}", "level", g_variant_new_string (level));
  g_variant_builder_add (&info, "{sv}", "code", g_variant_new_string (code));
  g_variant_builder_add (&info, "{sv}", "description", g_variant_new_string (description));
  return g_variant_builder_end (&info);
}

void
lectern_rtmp_write_status (LecternByteWriter *out, guint32 stream, const char *level,
                           const char *code, const char *description)
{
  lectern_rtmp_write_command (out, stream, "onStatus", 0, NULL,
                              lectern_rtmp_make_status (level, code, description), NULL);
}
