/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-http-flv-carrier.h"

#include "lectern-http-flv-url.h"

#include <string.h>

#define INPUT_LIMIT (64 * 1024) /* of an answer's head */
#define TAG_MAX (8 * 1024 * 1024 + 64)

/* One stream on its way. */
typedef struct
{
  LecternCarriage carriage; /* first */
  char *request;
  LecternHttpReply *reply;
  GByteArray *body; /* not yet a whole tag */
  gboolean headed;  /* the file's header was read */
  LecternFlvIngest ingest;
} Transfer;

static void
clear (LecternCarriage *carriage)
{
  Transfer *self = (Transfer *) carriage;

  lectern_http_reply_free (self->reply);
  g_byte_array_unref (self->body);
  g_free (self->request);
}

static void
halt (LecternCarriage *carriage)
{
  lectern_flv_ingest_clear (&((Transfer *) carriage)->ingest);
  if (carriage->connection != NULL)
    lectern_connection_close (carriage->connection, NULL);
}

/* Media */

/* FALSE with @why, (nullable): a tag that is dropped. */
static gboolean
take_script (Transfer *self, const LecternFlvTag *tag, GBytes *body, GError **why)
{
  g_auto (LecternFlvScript) script = { NULL };

  if (!lectern_flv_script_parse (body, &script, why))
    return FALSE;
  if (script.metadata != NULL)
    lectern_carriage_take_metadata (&self->carriage, script.metadata);
  if (script.script == NULL || self->carriage.publisher == NULL)
    return TRUE;
  return lectern_flv_ingest_take (&self->ingest, (guint8) tag->type, tag->timestamp_ms,
                                  script.script, why);
}

static gboolean
take_tag (Transfer *self, const LecternFlvTag *tag, GError **error)
{
  g_autoptr (GBytes) body = g_bytes_new (tag->body, tag->body_size);
  g_autoptr (GError) why = NULL;
  gboolean script = tag->type == LECTERN_FLV_TAG_SCRIPT;

  if (!script && !lectern_carriage_publish (&self->carriage))
    return TRUE;
  if (!script)
    lectern_carriage_heard (&self->carriage);
  self->ingest.publisher = self->carriage.publisher;
  self->carriage.bytes += tag->body_size;
  if (script ? take_script (self, tag, body, &why)
             : lectern_flv_ingest_take (&self->ingest, (guint8) tag->type, tag->timestamp_ms, body,
                                        &why))
    return TRUE;
  return lectern_flv_ingest_count_bad (&self->ingest, why, lectern_clock_now_us (), error);
}

/* Takes what is whole of the body. */
static gboolean
take_body (Transfer *self, GError **error)
{
  GError *local_error = NULL;
  LecternByteReader reader;
  LecternFlvTag tag;
  guint8 flags;

  lectern_byte_reader_init (&reader, self->body->data, self->body->len);
  if (!self->headed)
    self->headed = lectern_flv_read_header (&reader, &flags, &local_error);
  while (self->headed && !self->carriage.over && local_error == NULL
         && lectern_flv_read_tag (&reader, &tag, &local_error))
    take_tag (self, &tag, &local_error);
  if (local_error != NULL)
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }
  g_byte_array_remove_range (self->body, 0, (guint) reader.offset);
  if (self->body->len <= TAG_MAX)
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "an FLV tag is too large");
  return FALSE;
}

/* The connection */

static gboolean
check_status (guint status, GError **error)
{
  LecternError code = status == 401 || status == 403   ? LECTERN_ERROR_DENIED
                      : status == 404 || status == 410 ? LECTERN_ERROR_NOT_FOUND
                      : status == 409                  ? LECTERN_ERROR_CONFLICT
                      : status < 400                   ? LECTERN_ERROR_NOT_SUPPORTED
                                                       : LECTERN_ERROR_FAILED;

  if (status == 200)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, (int) code, "the server answers with status %u", status);
  return FALSE;
}

static gsize
input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  Transfer *self = user_data;
  g_autoptr (GError) error = NULL;
  gsize used;

  lectern_carriage_ref (&self->carriage);
  used = lectern_http_reply_input (self->reply, data, length, self->body, &error);
  if (error == NULL && lectern_http_reply_get_status (self->reply) != 0
      && check_status (lectern_http_reply_get_status (self->reply), &error))
    take_body (self, &error);
  if (error != NULL)
    lectern_carriage_end (&self->carriage, error);
  else if (lectern_http_reply_is_done (self->reply))
    lectern_carriage_end (&self->carriage, NULL);
  lectern_carriage_unref (&self->carriage);
  return used;
}

static const LecternConnectionHandler handler
    = { .input = input, .closed = lectern_carriage_closed };

static void
connected (LecternCarriage *carriage, LecternConnection *connection)
{
  Transfer *self = (Transfer *) carriage;

  lectern_connection_set_input_limit (connection, INPUT_LIMIT);
  lectern_connection_set_handler (connection, &handler, self);
  (void) lectern_connection_write (connection, self->request, strlen (self->request));
}

static const LecternCarriageClass class = { .halt = halt, .clear = clear, .connected = connected };

static gpointer
pull (const LecternCarrierSpec *spec, const LecternCarrierEvents *events, gpointer events_data,
      gpointer user_data)
{
  Transfer *self
      = lectern_carriage_new (sizeof (Transfer), &class, spec, NULL, events, events_data);
  g_autoptr (LecternConfig) config = lectern_host_get_config (user_data);
  LecternDialTarget target = { .dscp = lectern_config_get_dscp (config, "http", "dscp") };
  g_autofree char *host = NULL;
  GError *error = NULL;

  self->reply = lectern_http_reply_new ();
  self->body = g_byte_array_new ();
  if (!lectern_http_flv_url_parse (spec->url, spec->via, &host, &target.port, &target.secure,
                                   &self->request, &error))
    {
      lectern_carriage_fail (&self->carriage, error);
      return self;
    }
  target.host = host;
  lectern_carriage_dial (&self->carriage, lectern_host_get_dialer (user_data), &target);
  return self;
}

const LecternCarrier lectern_http_flv_carrier = {
  .schemes = (const char *const[]){ "http", "https", NULL },
  .pull = pull,
  .stop = lectern_carriage_stop,
  .get_bytes = lectern_carriage_get_bytes,
};
