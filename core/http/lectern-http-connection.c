/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-connection.h"

#include "base/lectern-clock.h"
#include "base/lectern-log.h"
#include "base/lectern-metrics.h"
#include "http/lectern-http-dispatch.h"
#include "http/lectern-http-exchange-private.h"
#include "http/lectern-http-status.h"

/* Sent at most for one turn of the reactor, so that one fast peer does not hold up the others. */
#define TURN_MAX (512 * 1024)
/* The next request waits until no more than this is kept for the peer. */
#define PENDING_MAX (64 * 1024)
/* What may lie behind a head while it is dealt with: two reads of the reactor. */
#define INPUT_SLACK (128 * 1024)
/* What a connection has at first, and again when it is handed over. */
#define USUAL_INPUT (64 * 1024)

typedef enum
{
  IDLE,    /* between two requests */
  HEAD,    /* part of a head came */
  CHECK,   /* the access chain is asked */
  BODY,    /* the body comes */
  ANSWER,  /* the route's handler works on it */
  SENDING, /* the answer goes out */
  ENDING,  /* nothing more is read */
} State;

struct _LecternHttpConnection
{
  LecternConnection *connection;
  LecternHttpServer *server;
  LecternHttpCell *cell;
  GList link;
  LecternTimer timer;
  State state;
  LecternHttpScanner scanner;
  LecternHttpExchange *exchange; /* owned until the handler has it */
  LecternHttpPayload payload;
  gint64 since_us; /* the first byte of the head, the start of the body */
  gboolean in_input;
  gboolean close_after;
  gboolean handed_over;
};

static void on_time (LecternTimer *timer);

static const LecternHttpLimits *
limits_of (LecternHttpConnection *self)
{
  return lectern_http_server_get_limits (self->server);
}

static void
free_connection (LecternHttpConnection *self)
{
  lectern_timer_stop (&self->timer);
  g_queue_unlink (&self->cell->connections, &self->link);
  lectern_http_payload_clear (&self->payload);
  lectern_http_cell_unref (self->cell);
  g_object_unref (self->server);
  lectern_connection_unref (self->connection);
  g_free (self);
}

static void
wait_for_request (LecternHttpConnection *self)
{
  const LecternHttpLimits *limits = limits_of (self);

  self->state = IDLE;
  lectern_http_scanner_init (&self->scanner, limits->head_size, limits->headers);
  lectern_timer_start (&self->timer, self->cell->reactor, limits->idle_timeout_us, on_time);
}

static void
end (LecternHttpConnection *self)
{
  self->state = ENDING;
  lectern_timer_stop (&self->timer);
  lectern_connection_finish (self->connection);
}

/* The answer is sent. Kept bytes of the next request are offered when reading resumes; within
 * input the loop goes on by itself. */
static void
end_answer (LecternHttpConnection *self)
{
  lectern_http_payload_clear (&self->payload);
  if (self->close_after || lectern_http_server_is_draining (self->server))
    {
      end (self);
      return;
    }
  wait_for_request (self);
  lectern_connection_set_reading (self->connection, TRUE);
}

static void
pump (LecternHttpConnection *self)
{
  gssize budget = TURN_MAX;
  gboolean all = TRUE;

  while (all && budget > 0 && self->payload.left > 0)
    {
      gssize taken = lectern_http_payload_send (&self->payload, self->connection, self->cell, &all);

      if (taken < 0)
        {
          g_autoptr (GError) error = g_error_new_literal (
              LECTERN_ERROR, LECTERN_ERROR_FAILED, "a file became shorter while it was sent");

          lectern_connection_close (self->connection, error);
          return;
        }
      budget -= taken;
    }
  if (self->payload.left == 0 && lectern_connection_get_pending (self->connection) <= PENDING_MAX)
    end_answer (self);
  else if (self->payload.left > 0 && all)
    lectern_timer_start (&self->timer, self->cell->reactor, 0, on_time);
}

void
lectern_http_connection_send (LecternHttpConnection *self, GString *head,
                              LecternHttpPayload *payload, gboolean close)
{
  self->exchange = NULL;
  self->payload = *payload;
  *payload = LECTERN_HTTP_PAYLOAD_NONE;
  self->close_after |= close;
  self->state = SENDING;
  lectern_timer_stop (&self->timer);
  lectern_http_payload_join (&self->payload, head);
  if (!(self->payload.left > 0
            ? lectern_connection_write_more (self->connection, head->str, head->len)
            : lectern_connection_write (self->connection, head->str, head->len)))
    return;
  pump (self);
}

LecternConnection *
lectern_http_connection_hand_over (LecternHttpConnection *self, const GString *head)
{
  LecternConnection *connection = self->connection;

  self->exchange = NULL;
  self->state = SENDING;
  if (lectern_connection_is_closed (connection)
      || !lectern_connection_write (connection, head->str, head->len))
    return NULL;
  lectern_connection_ref (connection);
  lectern_connection_set_handler (connection, NULL, NULL);
  lectern_connection_set_input_limit (connection, USUAL_INPUT);
  lectern_connection_set_reading (connection, TRUE);
  self->handed_over = TRUE;
  if (!self->in_input)
    free_connection (self);
  return connection;
}

LecternHttpCell *
lectern_http_connection_get_cell (LecternHttpConnection *self)
{
  return self->cell;
}

void
lectern_http_connection_forget_exchange (LecternHttpConnection *self)
{
  self->exchange = NULL;
}

static void
note_refusal (LecternHttpConnection *self, const LecternHttpRefusal *refusal)
{
  static LecternMetric *metric;

  if (g_once_init_enter (&metric))
    g_once_init_leave (&metric,
                       lectern_metrics_get_counter ("lectern_http_refused_total",
                                                    "HTTP requests that broke a rule", NULL, NULL));
  lectern_metric_add (metric, 1);
  if (lectern_rate_limiter_take (&self->cell->refusals, lectern_clock_now_us ()))
    g_message ("refused a request of %s with %u: %s",
               lectern_connection_get_peer_name (self->connection), refusal->status,
               refusal->reason);
}

/* Answers what is not a request, or not within the limits; where the next one begins is not known
 * then, so it is the last. */
static void
refuse (LecternHttpConnection *self, const LecternHttpRefusal *refusal)
{
  g_autoptr (GString) head = g_string_sized_new (512);
  g_autoptr (GBytes) body
      = lectern_http_status_make_problem (refusal->status, NULL, refusal->reason);
  LecternHttpPayload payload
      = { .bytes = g_bytes_ref (body), .fd = -1, .left = g_bytes_get_size (body) };

  note_refusal (self, refusal);
  lectern_http_status_put_start (head, refusal->status, lectern_http_cell_get_date (self->cell));
  g_string_append_printf (head,
                          "Content-Type: application/problem+json\r\nContent-Length: "
                          "%" G_GSIZE_FORMAT "\r\nConnection: close\r\n\r\n",
                          g_bytes_get_size (body));
  lectern_http_connection_send (self, head, &payload, TRUE);
}

/* Ends an exchange whose handler has not been called. */
static void
refuse_exchange (LecternHttpConnection *self, const LecternHttpRefusal *refusal)
{
  g_autoptr (LecternHttpExchange) exchange = g_steal_pointer (&self->exchange);

  exchange->owner = NULL;
  exchange->answered = TRUE;
  refuse (self, refusal);
}

/* The handler works on the caller's reference, and may have taken one of its own. */
static void
call_handler (LecternHttpConnection *self)
{
  g_autoptr (LecternHttpExchange) exchange = self->exchange;

  self->state = ANSWER;
  lectern_timer_stop (&self->timer);
  if (exchange->incoming != NULL)
    exchange->body = g_byte_array_free_to_bytes (g_steal_pointer (&exchange->incoming));
  exchange->unread = FALSE;
  lectern_http_route_call (exchange->route, exchange);
}

static void
start_body (LecternHttpConnection *self)
{
  static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
  LecternHttpExchange *exchange = self->exchange;

  self->state = BODY;
  self->since_us = lectern_clock_now_us ();
  exchange->incoming = g_byte_array_new ();
  lectern_http_chunked_init (&exchange->chunked);
  lectern_timer_start (&self->timer, self->cell->reactor, limits_of (self)->body_grace_us, on_time);
  if (exchange->request.expects_continue)
    lectern_connection_write (self->connection, go_on, sizeof go_on - 1);
  lectern_connection_set_reading (self->connection, TRUE);
}

static void
go_on (LecternHttpConnection *self)
{
  if (self->exchange->unread)
    start_body (self);
  else
    call_handler (self);
}

/* The access chain's answer, in the reactor's context; the peer may be gone. */
static void
checked (LecternIdentity *identity, const GError *error, gpointer user_data)
{
  g_autofree LecternHttpTicket *ticket = user_data;
  LecternHttpExchange *exchange = ticket->exchange;
  LecternHttpConnection *self;

  if (exchange == NULL)
    return;
  self = exchange->owner;
  exchange->ticket = NULL;
  if (identity != NULL)
    exchange->identity = lectern_identity_ref (identity);
  if (error != NULL)
    {
      if (lectern_rate_limiter_take (&self->cell->refusals, lectern_clock_now_us ()))
        g_info ("%s: %s", lectern_connection_get_peer_name (self->connection), error->message);
      lectern_http_dispatch_deny (exchange, error);
      lectern_http_exchange_unref (exchange);
    }
  else
    go_on (self);
}

static void
dispatch (LecternHttpConnection *self)
{
  LecternHttpExchange *exchange = self->exchange;
  g_autoptr (LecternAccessRequest) request = NULL;
  LecternAccessChain *access = lectern_http_server_get_access (self->server);

  self->state = CHECK;
  lectern_timer_stop (&self->timer);
  exchange->unread = exchange->request.chunked || exchange->request.content_length > 0;
  request = lectern_http_dispatch_route (exchange);
  if (request == NULL)
    {
      lectern_http_exchange_unref (exchange);
      return;
    }
  exchange->access = lectern_access_request_ref (request);
  if (lectern_access_chain_check_now (access, request, &exchange->identity))
    {
      go_on (self);
      return;
    }
  exchange->ticket = g_new0 (LecternHttpTicket, 1);
  exchange->ticket->exchange = exchange;
  lectern_access_chain_check (access, request, checked, exchange->ticket);
}

static gsize
read_head (LecternHttpConnection *self, const guint8 *data, gsize length)
{
  LecternHttpRefusal refusal;
  gsize size;

  if (!lectern_http_scanner_feed (&self->scanner, data, length, &size, &refusal))
    {
      refuse (self, &refusal);
      return length;
    }
  if (size == 0 && self->state == IDLE)
    {
      self->state = HEAD;
      self->since_us = lectern_clock_now_us ();
      lectern_timer_start (&self->timer, self->cell->reactor, limits_of (self)->head_timeout_us,
                           on_time);
    }
  if (size == 0)
    return 0;
  self->exchange = lectern_http_exchange_new (self, self->connection, self->server);
  if (lectern_connection_get_bytes_sent (self->connection) > 0)
    self->exchange->accepted_us = self->state == HEAD ? self->since_us : lectern_clock_now_us ();
  if (lectern_http_request_parse (&self->exchange->request, data, size, &refusal))
    dispatch (self);
  else
    refuse_exchange (self, &refusal);
  return size;
}

static gsize
read_body (LecternHttpConnection *self, const guint8 *data, gsize length)
{
  LecternHttpExchange *exchange = self->exchange;
  LecternHttpRefusal refusal;
  gsize taken;
  gboolean done;

  if (exchange->request.chunked)
    {
      if (!lectern_http_chunked_feed (&exchange->chunked, data, length, exchange->incoming,
                                      limits_of (self)->body_size, &taken, &refusal))
        {
          refuse_exchange (self, &refusal);
          return length;
        }
      done = lectern_http_chunked_is_done (&exchange->chunked);
    }
  else
    {
      taken = MIN (length, (gsize) exchange->request.content_length - exchange->incoming->len);
      g_byte_array_append (exchange->incoming, data, (guint) taken);
      done = exchange->incoming->len == (gsize) exchange->request.content_length;
    }
  if (done)
    call_handler (self);
  return taken;
}

/* Returns: bytes consumed; 0: more is needed, or nothing can be taken now. */
static gsize
step (LecternHttpConnection *self, const guint8 *data, gsize length)
{
  switch (self->state)
    {
    case IDLE:
    case HEAD:
      return read_head (self, data, length);
    case BODY:
      return read_body (self, data, length);
    case ENDING:
      return length;
    default:
      lectern_connection_set_reading (self->connection, FALSE);
      return 0;
    }
}

static gsize
input (LecternConnection *connection, const guint8 *data, gsize length, gpointer user_data)
{
  LecternHttpConnection *self = user_data;
  gsize used = 0, size = 1;

  self->in_input = TRUE;
  while (used < length && size > 0 && !self->handed_over
         && !lectern_connection_is_closed (connection))
    {
      size = step (self, data + used, length - used);
      used += size;
    }
  self->in_input = FALSE;
  if (self->handed_over)
    free_connection (self);
  return used;
}

static void
writable (LecternConnection *connection, gpointer user_data)
{
  LecternHttpConnection *self = user_data;

  if (self->state == SENDING)
    pump (self);
}

static void
closed (LecternConnection *connection, const GError *error, gpointer user_data)
{
  LecternHttpConnection *self = user_data;
  LecternHttpExchange *exchange = g_steal_pointer (&self->exchange);
  gboolean is_asked = self->state == ANSWER; /* its handler has it */

  free_connection (self);
  if (exchange == NULL)
    return;
  exchange->owner = NULL;
  if (is_asked)
    lectern_http_exchange_tell_gone (exchange);
  else
    lectern_http_exchange_unref (exchange);
}

static const LecternConnectionHandler handler = { input, writable, closed };

/* After the grace each second must bring a KiB. */
static void
check_body_rate (LecternHttpConnection *self)
{
  static const LecternHttpRefusal late = { 408, "The body came too slowly." };
  gint64 received = self->exchange->incoming->len;
  gint64 due_us
      = self->since_us + limits_of (self)->body_grace_us + received * G_USEC_PER_SEC / 1024;
  gint64 now_us = lectern_clock_now_us ();

  if (now_us >= due_us)
    refuse_exchange (self, &late);
  else
    lectern_timer_start (&self->timer, self->cell->reactor, due_us - now_us, on_time);
}

static void
on_time (LecternTimer *timer)
{
  static const LecternHttpRefusal late = { 408, "The request's head came too slowly." };
  LecternHttpConnection *self
      = (LecternHttpConnection *) ((char *) timer - G_STRUCT_OFFSET (LecternHttpConnection, timer));

  switch (self->state)
    {
    case IDLE:
      end (self);
      break;
    case HEAD:
      refuse (self, &late);
      break;
    case BODY:
      check_body_rate (self);
      break;
    case SENDING:
      pump (self);
      break;
    default:
      break;
    }
}

void
lectern_http_connection_drain (LecternHttpConnection *self)
{
  if (self->state == IDLE)
    end (self);
}

void
lectern_http_connection_start (LecternConnection *connection, LecternHttpServer *server,
                               LecternHttpCell *cell)
{
  LecternHttpConnection *self = g_new0 (LecternHttpConnection, 1);

  self->connection = lectern_connection_ref (connection);
  self->server = g_object_ref (server);
  self->cell = lectern_http_cell_ref (cell);
  self->payload = LECTERN_HTTP_PAYLOAD_NONE;
  self->link.data = self;
  g_queue_push_tail_link (&cell->connections, &self->link);
  lectern_connection_set_input_limit (connection, limits_of (self)->head_size + INPUT_SLACK);
  wait_for_request (self);
  lectern_connection_set_handler (connection, &handler, self);
}
