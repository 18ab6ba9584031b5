/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-file.h"

#include "lectern-relay-fence.h"

/* One file being played. */
typedef struct
{
  LecternCarriage carriage; /* first */
  LecternWorker *worker;
} Play;

static void
halt (LecternCarriage *carriage)
{
  g_clear_pointer (&((Play *) carriage)->worker, lectern_worker_free);
}

static void
on_track (LecternWorker *worker, guint lane, LecternTrack *track, gpointer user_data)
{
  lectern_carriage_take_track (user_data, track);
}

static void
on_packet (LecternWorker *worker, guint lane, LecternPacket *packet, gpointer user_data)
{
  lectern_carriage_take_packet (user_data, packet);
}

static void
on_ended (LecternWorker *worker, const GError *error, gpointer user_data)
{
  lectern_carriage_end (user_data, error);
}

static void
start_worker (Play *self, LecternHost *host, const char *path)
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
  self->worker = lectern_worker_new (lectern_host_get_workers (host), &spec, self->carriage.reactor,
                                     &events, self);
}

static const LecternCarriageClass class = { .halt = halt };

static gpointer
pull (const LecternCarrierSpec *spec, const LecternCarrierEvents *events, gpointer events_data,
      gpointer user_data)
{
  g_autofree char *path = lectern_relay_fence_dup_path (spec->url);
  Play *self = lectern_carriage_new (sizeof (Play), &class, spec, NULL, events, events_data);

  if (path != NULL && g_utf8_validate (path, -1, NULL))
    start_worker (self, LECTERN_HOST (user_data), path);
  else
    lectern_carriage_fail (
        &self->carriage,
        g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                             "not a file's address, like file:///srv/media/clip.mp4"));
  return self;
}

const LecternCarrier *
lectern_relay_file_get_carrier (void)
{
  static const char *const schemes[] = { "file", NULL };
  static const LecternCarrier carrier = { .schemes = schemes,
                                          .pull = pull,
                                          .stop = lectern_carriage_stop,
                                          .get_bytes = lectern_carriage_get_bytes };

  return &carrier;
}
