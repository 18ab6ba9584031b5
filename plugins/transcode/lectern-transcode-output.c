/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-transcode-output.h"

/* Sound that waits for its picture; beyond it the oldest goes without. */
#define MAX_HELD 512

struct _LecternTranscodeOutput
{
  LecternStreamRegistry *streams;
  LecternStream *source;
  char *rung;
  LecternMedia media;
  LecternPublisher *publisher; /* NULL before the first track, or when somebody ended it */
  gboolean taken;              /* it cannot be published, or not any more */
  gboolean resuming;
  gint64 newest;  /* PTS of its own media */
  gint64 last[3]; /* DTS by media; -1 none */
  GQueue held;    /* LecternPacket: sound */
};

LecternTranscodeOutput *
lectern_transcode_output_new (LecternStreamRegistry *streams, LecternStream *source,
                              const char *rung, LecternMedia media)
{
  LecternTranscodeOutput *self = g_new0 (LecternTranscodeOutput, 1);

  self->streams = g_object_ref (streams);
  self->source = lectern_stream_ref (source);
  self->rung = g_strdup (rung);
  self->media = media;
  self->newest = -1;
  for (guint i = 0; i < G_N_ELEMENTS (self->last); i++)
    self->last[i] = -1;
  g_queue_init (&self->held);
  return self;
}

void
lectern_transcode_output_free (LecternTranscodeOutput *self)
{
  if (self->publisher != NULL)
    lectern_publisher_end (self->publisher, FALSE);
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
  g_queue_clear_full (&self->held, (GDestroyNotify) lectern_packet_unref);
  lectern_stream_unref (self->source);
  g_object_unref (self->streams);
  g_free (self->rung);
  g_free (self);
}

const char *
lectern_transcode_output_get_rung (LecternTranscodeOutput *self)
{
  return self->rung;
}

LecternMedia
lectern_transcode_output_get_media (LecternTranscodeOutput *self)
{
  return self->media;
}

gint64
lectern_transcode_output_get_newest (LecternTranscodeOutput *self)
{
  return self->newest;
}

void
lectern_transcode_output_resume (LecternTranscodeOutput *self)
{
  self->resuming = self->newest >= 0;
  g_queue_clear_full (&self->held, (GDestroyNotify) lectern_packet_unref);
  g_queue_init (&self->held);
}

static void
on_lost (LecternPublisher *publisher, const GError *reason, gpointer user_data)
{
  LecternTranscodeOutput *self = user_data;

  self->taken = TRUE;
  g_clear_pointer (&self->publisher, lectern_publisher_unref);
}

static gboolean
publish (LecternTranscodeOutput *self)
{
  g_autoptr (GError) error = NULL;

  if (self->publisher != NULL || self->taken)
    return self->publisher != NULL;
  self->publisher = lectern_stream_registry_publish_rendition (self->streams, self->source,
                                                               self->rung, on_lost, self, &error);
  if (self->publisher != NULL)
    return TRUE;
  self->taken = TRUE;
  g_warning ("'%s@%s' cannot be published: %s", lectern_stream_get_name (self->source), self->rung,
             error->message);
  return FALSE;
}

void
lectern_transcode_output_set_track (LecternTranscodeOutput *self, LecternTrack *track)
{
  if (self->media == LECTERN_MEDIA_AUDIO && track->media != LECTERN_MEDIA_AUDIO)
    return;
  if (publish (self))
    lectern_publisher_set_track (self->publisher, track);
}

/* What viewers have seen is not sent again. */
static void
send_packet (LecternTranscodeOutput *self, LecternPacket *packet)
{
  LecternMedia media = packet->track->media;

  if (packet->dts <= self->last[media] || !publish (self))
    return;
  self->last[media] = packet->dts;
  lectern_publisher_push (self->publisher, media, packet->flags, packet->dts, packet->pts,
                          packet->payload);
}

static void
release_sound (LecternTranscodeOutput *self)
{
  LecternPacket *oldest;

  while ((oldest = g_queue_peek_head (&self->held)) != NULL
         && (oldest->dts <= self->last[LECTERN_MEDIA_VIDEO] || self->held.length > MAX_HELD))
    {
      g_queue_pop_head (&self->held);
      send_packet (self, oldest);
      lectern_packet_unref (oldest);
    }
}

static gboolean
may_resume (LecternTranscodeOutput *self, LecternPacket *packet)
{
  return packet->dts > self->last[self->media] && packet->pts > self->newest
         && (packet->flags & LECTERN_PACKET_KEY);
}

void
lectern_transcode_output_push (LecternTranscodeOutput *self, LecternPacket *packet)
{
  if (packet->track->media != self->media)
    {
      g_queue_push_tail (&self->held, lectern_packet_ref (packet));
      release_sound (self);
      return;
    }
  if (self->resuming && !may_resume (self, packet))
    return;
  self->resuming = FALSE;
  self->newest = MAX (self->newest, packet->pts);
  send_packet (self, packet);
  release_sound (self);
}
