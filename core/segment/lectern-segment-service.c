/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "segment/lectern-segment-service.h"

#include "base/lectern-error.h"
#include "base/lectern-log.h"
#include "base/lectern-units.h"
#include "segment/lectern-carried-query.h"
#include "segment/lectern-segment-viewers.h"
#include "segment/lectern-segment-wait.h"

#include <string.h>

#define EXPIRE_SECONDS 2
#define SILENCE_US (30 * G_USEC_PER_SEC)
/* Before the guards that have to look something up. */
#define GUARD_PRIORITY 50

struct _LecternSegmentService
{
  GObject parent_instance;
  LecternPresentations *presentations;
  LecternHttpServer *http;
  LecternAccessChain *access;
  LecternSegmentViewers *viewers;
  GMainContext *context;
  guint routes[2]; /* 0: none */
  guint guard;
  GSource *timer;
};

G_DEFINE_FINAL_TYPE (LecternSegmentService, lectern_segment_service, G_TYPE_OBJECT)

static void
respond_not_found (LecternHttpExchange *exchange, const char *what)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, what);

  lectern_http_exchange_respond_error (exchange, error);
}

static void
respond_ended (LecternHttpExchange *exchange)
{
  g_autoptr (GError) error
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the session was ended");

  lectern_http_exchange_respond_error (exchange, error);
}

char *
lectern_segment_service_begin (LecternSegmentService *self, LecternHttpExchange *exchange)
{
  g_autofree char *session
      = lectern_segment_viewers_begin (self->viewers, lectern_http_exchange_get_access (exchange),
                                       lectern_http_exchange_get_identity (exchange));

  if (session != NULL)
    return lectern_carried_query_make (lectern_http_exchange_get_query (exchange), session);
  respond_ended (exchange);
  return NULL;
}

gboolean
lectern_segment_service_count (LecternSegmentService *self, LecternHttpExchange *exchange,
                               gsize bytes)
{
  if (lectern_segment_viewers_touch (self->viewers, lectern_http_exchange_get_access (exchange),
                                     lectern_http_exchange_get_identity (exchange), bytes))
    return TRUE;
  respond_ended (exchange);
  return FALSE;
}

char *
lectern_segment_service_carry (LecternHttpExchange *exchange)
{
  const char *query = lectern_http_exchange_get_query (exchange);
  gsize size = 0;
  const char *session = lectern_carried_query_find_session (query, &size);
  g_autofree char *kept = session != NULL ? g_strndup (session, size) : NULL;

  if (kept != NULL && strspn (kept, "abcdefghijklmnopqrstuvwxyz0123456789") != size)
    g_clear_pointer (&kept, g_free);
  return lectern_carried_query_make (query, kept);
}

/* What a request asks for, by its address. */
typedef struct
{
  LecternSegmentService *service;
  LecternHttpExchange *exchange;
  gboolean init;
  gint64 number;
  gint64 part; /* -1: the whole segment */
} Ask;

static const char *
get_type_of (LecternPresentation *presentation, const char *rendition)
{
  return lectern_presentation_get_media (presentation, rendition) == LECTERN_MEDIA_AUDIO
             ? "audio/mp4"
             : "video/mp4";
}

/* Segments never change. */
static gboolean
begin_media (LecternSegmentService *self, LecternHttpExchange *exchange, gsize bytes)
{
  if (!lectern_segment_service_count (self, exchange, bytes))
    return FALSE;
  lectern_http_exchange_set_header (exchange, "Cache-Control", "max-age=3600, immutable");
  lectern_http_exchange_set_header (exchange, "Accept-Ranges", "bytes");
  return TRUE;
}

static void
respond_bytes (LecternSegmentService *self, const LecternSegmentAsk *ask, GBytes *bytes)
{
  if (begin_media (self, ask->exchange, g_bytes_get_size (bytes)))
    lectern_http_exchange_respond (ask->exchange, 200,
                                   get_type_of (ask->presentation, ask->rendition), bytes);
}

static void
respond_segment (LecternSegmentService *self, const LecternSegmentAsk *ask, LecternSegment *segment)
{
  g_autoptr (GBytes) bytes = lectern_segment_read (segment);

  if (bytes == NULL)
    respond_not_found (ask->exchange, "the segment's file is damaged");
  else
    respond_bytes (self, ask, bytes);
}

static void
respond_range (const LecternSegmentAsk *ask, LecternSegment *segment)
{
  const char *type = get_type_of (ask->presentation, ask->rendition);

  if (segment->bytes != NULL)
    lectern_http_exchange_respond_shared (ask->exchange, 200, type, segment->bytes,
                                          segment->file->fd, segment->offset);
  else
    lectern_http_exchange_respond_file (ask->exchange, 200, type, segment->file->fd,
                                        segment->offset, segment->size);
}

static void
answer_segment (LecternSegmentService *self, const LecternSegmentAsk *ask)
{
  g_autoptr (LecternSegment) found
      = lectern_presentation_get_segment (ask->presentation, ask->rendition, ask->number);

  if (found == NULL || found->gap)
    respond_not_found (ask->exchange, "no such segment");
  else if (!lectern_segment_is_range (found))
    respond_segment (self, ask, found);
  else if (begin_media (self, ask->exchange, found->size))
    respond_range (ask, found);
}

static void
answer_part (LecternSegmentService *self, const LecternSegmentAsk *ask)
{
  g_autoptr (LecternPart) found
      = lectern_presentation_get_part (ask->presentation, ask->rendition, ask->number, ask->part);

  if (found == NULL)
    respond_not_found (ask->exchange, "no such part");
  else
    respond_bytes (self, ask, found->bytes);
}

static void
answer_init (LecternSegmentService *self, const LecternSegmentAsk *ask)
{
  g_autoptr (GBytes) init
      = lectern_presentation_get_init (ask->presentation, ask->rendition, (guint) ask->number);

  if (init == NULL)
    respond_not_found (ask->exchange, "no such init segment");
  else
    respond_bytes (self, ask, init);
}

static void
answer_media (const LecternSegmentAsk *ask, gpointer user_data)
{
  if (ask->part == G_MAXUINT)
    answer_segment (user_data, ask);
  else
    answer_part (user_data, ask);
}

static void
wait_for_it (LecternSegmentService *self, const LecternSegmentAsk *ask)
{
  gint64 limit_us
      = lectern_segment_wait_limit (lectern_presentation_get_targets (ask->presentation));

  lectern_segment_wait (ask, limit_us, answer_media, self, self);
}

static void
answer (LecternPresentation *presentation, const Ask *asked)
{
  LecternSegmentService *self = asked->service;
  LecternSegmentAsk ask = {
    .exchange = asked->exchange,
    .presentation = presentation,
    .rendition = lectern_http_exchange_get_parameter (asked->exchange, "rendition"),
    .number = (guint64) asked->number,
    .part = asked->part < 0 ? G_MAXUINT : (guint) asked->part,
  };

  if (presentation == NULL)
    respond_not_found (asked->exchange, "the stream is not on the air");
  else if (asked->init)
    answer_init (self, &ask);
  else if (lectern_presentation_is_next_part (presentation, ask.rendition, ask.number, ask.part))
    wait_for_it (self, &ask);
  else
    answer_media (&ask, self);
}

static void
on_opened (LecternPresentation *presentation, gpointer user_data)
{
  Ask *asked = user_data;

  answer (presentation, asked);
  lectern_http_exchange_unref (asked->exchange);
  g_object_unref (asked->service);
  g_free (asked);
}

static void
open_and_answer (const Ask *asked)
{
  const char *thing = lectern_http_exchange_get_access (asked->exchange)->thing;
  LecternPresentations *presentations = asked->service->presentations;
  g_autoptr (LecternPresentation) found = lectern_presentations_lookup (presentations, thing);
  Ask *later;

  if (found != NULL)
    {
      answer (found, asked);
      return;
    }
  later = g_new (Ask, 1);
  *later = *asked;
  g_object_ref (later->service);
  lectern_http_exchange_ref (later->exchange);
  lectern_presentations_open (presentations, thing, on_opened, later);
}

/* FALSE: the text is no number in 0 … @limit. */
static gboolean
read_number (const char *text, gint64 limit, gint64 *number)
{
  return lectern_units_parse_integer (text, number, NULL) && *number >= 0 && *number <= limit;
}

/* "12" a segment, "12.3" a part of it. */
static void
on_segment (LecternHttpExchange *exchange, gpointer user_data)
{
  Ask ask = { .service = user_data, .exchange = exchange, .part = -1 };
  g_autofree char *file = g_strdup (lectern_http_exchange_get_parameter (exchange, "file"));
  char *dot = strchr (file, '.');

  if (dot != NULL)
    *dot++ = '\0';
  if (!read_number (file, G_MAXINT64, &ask.number)
      || (dot != NULL && !read_number (dot, G_MAXINT, &ask.part)))
    respond_not_found (exchange, "no such segment");
  else
    open_and_answer (&ask);
}

static void
on_init (LecternHttpExchange *exchange, gpointer user_data)
{
  Ask ask = { .service = user_data, .exchange = exchange, .init = TRUE, .part = -1 };

  if (read_number (lectern_http_exchange_get_parameter (exchange, "number"), G_MAXINT, &ask.number))
    open_and_answer (&ask);
  else
    respond_not_found (exchange, "no such init segment");
}

static gboolean
on_expire (gpointer user_data)
{
  lectern_segment_viewers_expire (LECTERN_SEGMENT_SERVICE (user_data)->viewers, SILENCE_US);
  return G_SOURCE_CONTINUE;
}

static void
on_used (LecternPresentations *presentations, gpointer user_data)
{
  static const struct
  {
    const char *pattern;
    LecternHttpHandler handler;
  } routes[] = { { "/{app}/{name}/{rendition}/init-{number}.mp4", on_init },
                 { "/{app}/{name}/{rendition}/{file}.m4s", on_segment } };
  LecternSegmentService *self = user_data;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    {
      self->routes[i] = lectern_http_server_add_route (
          self->http, "GET", routes[i].pattern, LECTERN_ACTION_PLAY, "{app}/{name}",
          routes[i].handler, g_object_ref (self), g_object_unref, &error);
      if (self->routes[i] == 0)
        g_warning ("segments cannot be served: %s", error->message);
      g_clear_error (&error);
    }
  self->guard = lectern_access_chain_add_guard (self->access, LECTERN_GUARD (self->viewers),
                                                GUARD_PRIORITY);
  self->timer = g_timeout_source_new_seconds (EXPIRE_SECONDS);
  g_source_set_callback (self->timer, on_expire, self, NULL);
  g_source_attach (self->timer, self->context);
}

static void
on_unused (LecternPresentations *presentations, gpointer user_data)
{
  LecternSegmentService *self = user_data;

  for (guint i = 0; i < G_N_ELEMENTS (self->routes); i++)
    if (self->routes[i] != 0)
      lectern_http_server_remove_route (self->http, self->routes[i]);
  lectern_access_chain_remove_guard (self->access, self->guard);
  g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
  lectern_segment_viewers_end (self->viewers, NULL);
}

static void
on_ended (LecternPresentations *presentations, LecternPresentation *presentation,
          gpointer user_data)
{
  lectern_segment_viewers_end (LECTERN_SEGMENT_SERVICE (user_data)->viewers,
                               lectern_presentation_get_name (presentation));
}

void
lectern_segment_service_close (LecternSegmentService *self)
{
  lectern_segment_viewers_close (self->viewers);
}

static void
lectern_segment_service_finalize (GObject *object)
{
  LecternSegmentService *self = LECTERN_SEGMENT_SERVICE (object);

  g_object_unref (self->viewers);
  g_object_unref (self->presentations);
  g_object_unref (self->http);
  g_object_unref (self->access);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (lectern_segment_service_parent_class)->finalize (object);
}

static void
lectern_segment_service_class_init (LecternSegmentServiceClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lectern_segment_service_finalize;
}

static void
lectern_segment_service_init (LecternSegmentService *self)
{
  self->context = g_main_context_ref_thread_default ();
}

LecternSegmentService *
lectern_segment_service_new (LecternPresentations *presentations, LecternHttpServer *http,
                             LecternAccessChain *access, LecternSessions *sessions)
{
  LecternSegmentService *self = g_object_new (LECTERN_TYPE_SEGMENT_SERVICE, NULL);

  self->presentations = g_object_ref (presentations);
  self->http = g_object_ref (http);
  self->access = g_object_ref (access);
  self->viewers = lectern_segment_viewers_new (sessions);
  g_signal_connect_object (presentations, "used", G_CALLBACK (on_used), self, 0);
  g_signal_connect_object (presentations, "unused", G_CALLBACK (on_unused), self, 0);
  g_signal_connect_object (presentations, "ended", G_CALLBACK (on_ended), self, 0);
  return self;
}
