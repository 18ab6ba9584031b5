/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-file.h"

#include "lectern-relay-fence.h"

/* One file being played. The reactor's. */
typedef struct
{
  LecternHost *host;
  LecternReactor *reactor;
  const LecternCarrierEvents *events;
  gpointer events_data;
  LecternWorker *worker;
  LecternPublisher *publisher;
  LecternTimer failure; /* tells of @error after the call that began */
  GError *error;
  guint64 bytes;
} Play;

/* The last thing done: the owner may free us. */
static void
end (Play *self, const GError *error)
{
  static const LecternCarrierEvents none = { NULL };
  const LecternCarrierEvents *events = self->events;

  self->events = &none;
  if (events->ended != NULL)
    events->ended (error, self->events_data);
}

static gboolean
publish (Play *self)
{
  g_autoptr (GError) error = NULL;

  if (self->publisher != NULL || self->events->publish == NULL)
    return self->publisher != NULL;
  self->publisher = self->events->publish (self->events_data, &error);
  if (self->publisher != NULL)
    return TRUE;
  end (self, error);
  return FALSE;
}

static void
on_track (LecternWorker *worker, guint lane, LecternTrack *track, gpointer user_data)
{
  Play *self = user_data;

  if (publish (self))
    lectern_publisher_set_track (self->publisher, track);
}

static void
on_packet (LecternWorker *worker, guint lane, LecternPacket *packet, gpointer user_data)
{
  Play *self = user_data;

  if (self->publisher == NULL)
    return;
  self->bytes += lectern_packet_get_size (packet);
  lectern_publisher_push (self->publisher, packet->track->media, packet->flags, packet->dts,
                          packet->pts, packet->payload);
}

static void
on_ended (LecternWorker *worker, const GError *error, gpointer user_data)
{
  end (user_data, error);
}

static void
on_failure (LecternTimer *timer)
{
  Play *self = (Play *) ((char *) timer - G_STRUCT_OFFSET (Play, failure));
  g_autoptr (GError) error = g_steal_pointer (&self->error);

  end (self, error);
}

static void
start_worker (Play *self, const char *path)
{
  static const LecternWorkerEvents events
      = { .track = on_track, .packet = on_packet, .ended = on_ended };
  g_autoptr (JsonObject) parameters = json_object_new ();
  g_autofree char *title = g_strdup_printf ("play %s", path);
  const LecternWorkerSpec spec = {
    .job = "pull",
    .title = title,
    .parameters = parameters,
    .read_path = path,
    .once = TRUE,
  };

  json_object_set_string_member (parameters, "path", path);
  self->worker = lectern_worker_new (lectern_host_get_workers (self->host), &spec, self->reactor,
                                     &events, self);
}

static gpointer
pull (const LecternCarrierSpec *spec, const LecternCarrierEvents *events, gpointer events_data,
      gpointer user_data)
{
  g_autofree char *path = lectern_relay_fence_dup_path (spec->url);
  Play *self = g_new0 (Play, 1);

  self->host = g_object_ref (LECTERN_HOST (user_data));
  self->reactor = spec->reactor;
  self->events = events;
  self->events_data = events_data;
  if (path != NULL && g_utf8_validate (path, -1, NULL))
    {
      start_worker (self, path);
      return self;
    }
  self->error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                                     "not a file's address, like file:///srv/media/clip.mp4");
  lectern_timer_start (&self->failure, self->reactor, 0, on_failure);
  return self;
}

static void
stop (gpointer transfer)
{
  Play *self = transfer;

  lectern_timer_stop (&self->failure);
  g_clear_error (&self->error);
  g_clear_pointer (&self->worker, lectern_worker_free);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
  g_object_unref (self->host);
  g_free (self);
}

static guint64
get_bytes (gpointer transfer)
{
  return ((Play *) transfer)->bytes;
}

const LecternCarrier *
lectern_relay_file_get_carrier (void)
{
  static const char *const schemes[] = { "file", NULL };
  static const LecternCarrier carrier
      = { .schemes = schemes, .pull = pull, .stop = stop, .get_bytes = get_bytes };

  return &carrier;
}
