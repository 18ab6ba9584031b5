/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-http-flv-carrier.h"

#include "lectern-http-flv-url.h"

#include <string.h>

#define INPUT_LIMIT (64 * 1024) /* of an answer's head */
#define TAG_MAX (8 * 1024 * 1024 + 64)
#define TIMEOUT_US (10 * G_USEC_PER_SEC)

/* One stream on its way. */
typedef struct
{
  guint refs;
  LecternReactor *reactor;
  const LecternCarrierEvents *events;
  gpointer events_data;
  gint64 timeout_us;
  LecternTimer timer; /* looks whether it is silent */
  gint64 heard_us;    /* when media last came */
  GError *error;      /* found before it began */
  char *request;

  LecternDial *dial;
  LecternConnection *connection;
  LecternHttpReply *reply;
  GByteArray *body; /* not yet a whole tag */
  gboolean headed;  /* the file's header was read */
  gboolean over;    /* no more events */

  LecternPublisher *publisher; /* once there is media */
  LecternFlvIngest ingest;
  GVariant *metadata; /* that came before */
  guint64 bytes;
} Transfer;

static void
transfer_unref (Transfer *self)
{
  if (--self->refs > 0)
    return;
  g_object_unref (self->reactor);
  lectern_http_reply_free (self->reply);
  g_byte_array_unref (self->body);
  g_clear_error (&self->error);
  g_clear_pointer (&self->metadata, g_variant_unref);
  g_free (self->request);
  g_free (self);
}

/* Ends all but telling. */
static void
tear_down (Transfer *self)
{
  self->over = TRUE;
  lectern_timer_stop (&self->timer);
  g_clear_pointer (&self->dial, lectern_dial_cancel);
  lectern_flv_ingest_clear (&self->ingest);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
  if (self->connection == NULL)
    return;
  lectern_connection_set_handler (self->connection, NULL, NULL);
  lectern_connection_close (self->connection, NULL);
  g_clear_pointer (&self->connection, lectern_connection_unref);
}

/* @error: (nullable). */
static void
end (Transfer *self, const GError *error)
{
  if (self->over)
    return;
  self->refs++;
  tear_down (self);
  self->events->ended (error, self->events_data);
  transfer_unref (self);
}

static void
end_with (Transfer *self, LecternError code, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, (int) code, text);

  end (self, error);
}

/* Media */

static gboolean
begin_publish (Transfer *self, GError **error)
{
  LecternPublisher *publisher = self->events->publish (self->events_data, error);

  if (self->over)
    {
      g_clear_pointer (&publisher, lectern_publisher_unref);
      return TRUE;
    }
  if (publisher == NULL)
    return FALSE;
  self->ingest.publisher = self->publisher = publisher;
  if (self->metadata != NULL)
    lectern_publisher_set_metadata (publisher, self->metadata);
  return TRUE;
}

static void
take_metadata (Transfer *self, GVariant *metadata)
{
  if (self->publisher != NULL)
    {
      lectern_publisher_set_metadata (self->publisher, metadata);
      return;
    }
  g_clear_pointer (&self->metadata, g_variant_unref);
  self->metadata = g_variant_ref (metadata);
}

/* FALSE with @why, (nullable): a tag that is dropped. */
static gboolean
take_script (Transfer *self, const LecternFlvTag *tag, GBytes *body, GError **why)
{
  g_auto (LecternFlvScript) script = { NULL };

  if (!lectern_flv_script_parse (body, &script, why))
    return FALSE;
  if (script.metadata != NULL)
    take_metadata (self, script.metadata);
  if (script.script == NULL || self->publisher == NULL)
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

  if (!script && self->publisher == NULL && !begin_publish (self, error))
    return FALSE;
  if (self->over)
    return TRUE;
  if (!script)
    self->heard_us = lectern_clock_now_us ();
  self->bytes += tag->body_size;
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
  while (self->headed && !self->over && local_error == NULL
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

  self->refs++;
  used = lectern_http_reply_input (self->reply, data, length, self->body, &error);
  if (error == NULL && lectern_http_reply_get_status (self->reply) != 0
      && check_status (lectern_http_reply_get_status (self->reply), &error))
    take_body (self, &error);
  if (error != NULL)
    end (self, error);
  else if (lectern_http_reply_is_done (self->reply))
    end (self, NULL);
  transfer_unref (self);
  return used;
}

/* A body without a length ends so whether the stream has ended or the server. */
static void
closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  Transfer *self = user_data;

  g_clear_pointer (&self->connection, lectern_connection_unref);
  if (error != NULL)
    end (self, error);
  else
    end_with (self, LECTERN_ERROR_CLOSED, "the server closed the connection");
}

static const LecternConnectionHandler handler = { .input = input, .closed = closed };

static void
on_dialled (LecternConnection *connection, const GError *error, gpointer user_data)
{
  Transfer *self = user_data;

  self->dial = NULL;
  if (connection == NULL)
    {
      end (self, error);
      return;
    }
  self->heard_us = lectern_clock_now_us ();
  self->connection = lectern_connection_ref (connection);
  lectern_connection_set_input_limit (connection, INPUT_LIMIT);
  lectern_connection_set_handler (connection, &handler, self);
  (void) lectern_connection_write (connection, self->request, strlen (self->request));
}

/* Life */

static void
on_time (LecternTimer *timer)
{
  Transfer *self = (Transfer *) ((char *) timer - G_STRUCT_OFFSET (Transfer, timer));
  gint64 left_us = self->heard_us + self->timeout_us - lectern_clock_now_us ();

  if (self->error != NULL)
    end (self, self->error);
  else if (left_us <= 0 && self->dial == NULL)
    end_with (self, LECTERN_ERROR_TIMED_OUT,
              self->publisher != NULL ? "the server sends nothing" : "the server sends no stream");
  else
    lectern_timer_start (timer, self->reactor, left_us > 0 ? left_us : self->timeout_us, on_time);
}

static gpointer
pull (const LecternCarrierSpec *spec, const LecternCarrierEvents *events, gpointer events_data,
      gpointer user_data)
{
  Transfer *self = g_new0 (Transfer, 1);
  LecternDialTarget target = { .filter = spec->filter, .filter_data = spec->filter_data };
  g_autofree char *host = NULL;

  self->refs = 1;
  self->reactor = g_object_ref (spec->reactor);
  self->events = events;
  self->events_data = events_data;
  self->timeout_us = target.timeout_us = spec->timeout_us > 0 ? spec->timeout_us : TIMEOUT_US;
  self->heard_us = lectern_clock_now_us ();
  self->reply = lectern_http_reply_new ();
  self->body = g_byte_array_new ();
  if (!lectern_http_flv_url_parse (spec->url, spec->via, &host, &target.port, &target.secure,
                                   &self->request, &self->error))
    {
      lectern_timer_start (&self->timer, self->reactor, 0, on_time);
      return self;
    }
  target.host = host;
  self->dial = lectern_dialer_dial (lectern_host_get_dialer (user_data), self->reactor, &target,
                                    on_dialled, self);
  lectern_timer_start (&self->timer, self->reactor, self->timeout_us, on_time);
  return self;
}

static void
stop (gpointer transfer)
{
  Transfer *self = transfer;

  if (!self->over)
    tear_down (self);
  transfer_unref (self);
}

static guint64
get_bytes (gpointer transfer)
{
  return ((Transfer *) transfer)->bytes;
}

const LecternCarrier lectern_http_flv_carrier = {
  .schemes = (const char *const[]){ "http", "https", NULL },
  .pull = pull,
  .stop = stop,
  .get_bytes = get_bytes,
};
