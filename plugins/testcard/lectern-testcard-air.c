/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-testcard-air.h"

struct _LecternTestcardAir
{
  gint refs; /* the plugin's, the reactor's, and messages' on their way */
  LecternReactor *reactor;
  LecternStreamRegistry *streams;
  LecternWorkers *workers;
  char *stream;
  char *title;
  JsonObject *parameters;

  /* The control thread's. */
  LecternTestcardOverFunc over; /* NULL once freed */
  gpointer user_data;

  /* The reactor's. */
  LecternWorker *worker;
  LecternPublisher *publisher;
  gboolean ended;
};

static void
air_unref (LecternTestcardAir *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  json_object_unref (self->parameters);
  g_object_unref (self->streams);
  g_object_unref (self->reactor);
  g_free (self->stream);
  g_free (self->title);
  g_free (self);
}

static LecternTestcardAir *
air_ref (LecternTestcardAir *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

/* ── back to the control thread ── */

typedef struct
{
  LecternTestcardAir *air;
  LecternTestcardEnd how;
  GError *error;
} Over;

static gboolean
tell_over (gpointer data)
{
  Over *message = data;
  LecternTestcardAir *self = message->air;

  if (self->over != NULL)
    self->over (message->how, message->error, self->user_data);
  air_unref (self);
  g_clear_error (&message->error);
  g_free (message);
  return G_SOURCE_REMOVE;
}

/* ── on the reactor ── */

static void
end (LecternTestcardAir *self)
{
  self->ended = TRUE;
  g_clear_pointer (&self->worker, lectern_worker_free);
  if (self->publisher != NULL)
    lectern_publisher_end (self->publisher, FALSE);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
}

/* @error: (nullable). */
static void
be_over (LecternTestcardAir *self, LecternTestcardEnd how, const GError *error)
{
  Over *message;

  if (self->ended)
    return;
  end (self);
  message = g_new0 (Over, 1);
  message->air = air_ref (self);
  message->how = how;
  message->error = error != NULL ? g_error_copy (error) : NULL;
  g_main_context_invoke (NULL, tell_over, message);
}

static LecternTestcardEnd
classify (const GError *error)
{
  return g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT) ? LECTERN_TESTCARD_TAKEN
                                                                        : LECTERN_TESTCARD_ENDED;
}

static void
on_lost_right (LecternPublisher *publisher, const GError *reason, gpointer user_data)
{
  be_over (user_data, classify (reason), reason);
}

static gboolean
publish (LecternTestcardAir *self)
{
  g_autoptr (LecternIdentity) identity
      = lectern_identity_new (LECTERN_PLUGIN_NAME, self->stream, NULL);
  g_autoptr (GError) error = NULL;

  if (self->publisher != NULL)
    return TRUE;
  self->publisher = lectern_stream_registry_publish (self->streams, self->stream, identity,
                                                     on_lost_right, self, &error);
  if (self->publisher != NULL)
    lectern_publisher_set_yielding (self->publisher);
  else
    be_over (self, classify (error), error);
  return self->publisher != NULL;
}

static void
on_track (LecternWorker *worker, guint lane, LecternTrack *track, gpointer user_data)
{
  LecternTestcardAir *self = user_data;

  if (publish (self))
    lectern_publisher_set_track (self->publisher, track);
}

static void
on_packet (LecternWorker *worker, guint lane, LecternPacket *packet, gpointer user_data)
{
  LecternTestcardAir *self = user_data;

  lectern_publisher_push (self->publisher, packet->track->media, packet->flags, packet->dts,
                          packet->pts, packet->payload);
}

static void
on_ended (LecternWorker *worker, const GError *error, gpointer user_data)
{
  be_over (user_data, LECTERN_TESTCARD_FAILED, error);
}

static const LecternWorkerEvents events
    = { .track = on_track, .packet = on_packet, .ended = on_ended };

static void
begin (gpointer data)
{
  LecternTestcardAir *self = data;
  const LecternWorkerSpec spec
      = { .job = "testcard", .title = self->title, .parameters = self->parameters };

  if (!self->ended)
    self->worker = lectern_worker_new (self->workers, &spec, self->reactor, &events, self);
}

static void
finish (gpointer data)
{
  LecternTestcardAir *self = data;

  if (!self->ended)
    end (self);
  air_unref (self); /* the reactor's */
  air_unref (self); /* the plugin's */
}

LecternTestcardAir *
lectern_testcard_air_new (LecternHost *host, const char *stream, JsonObject *parameters,
                          LecternTestcardOverFunc over, gpointer user_data)
{
  LecternTestcardAir *self = g_new0 (LecternTestcardAir, 1);

  self->refs = 2;
  self->reactor = g_object_ref (lectern_reactor_pool_pick (lectern_host_get_reactors (host)));
  self->streams = g_object_ref (lectern_host_get_streams (host));
  self->workers = lectern_host_get_workers (host);
  self->stream = g_strdup (stream);
  self->title = g_strdup_printf ("testcard %s", stream);
  self->parameters = json_object_ref (parameters);
  self->over = over;
  self->user_data = user_data;
  lectern_reactor_post (self->reactor, begin, self, NULL);
  return self;
}

void
lectern_testcard_air_free (LecternTestcardAir *self)
{
  self->over = NULL;
  lectern_reactor_post (self->reactor, finish, self, NULL);
}
