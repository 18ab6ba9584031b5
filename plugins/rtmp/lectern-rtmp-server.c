/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-server-private.h"

#include "lectern-rtmp-chunk-writer.h"

static gboolean
is_connected (LecternRtmpPeer *peer)
{
  return ((LecternRtmpServer *) peer)->connected;
}

static gboolean
wants_media (LecternRtmpPeer *peer)
{
  return ((LecternRtmpServer *) peer)->role == LECTERN_RTMP_ROLE_PUBLISHER;
}

static gboolean
handle_command (LecternRtmpPeer *peer, const LecternRtmpMessage *message, LecternRtmpEvent *event,
                GError **error)
{
  return lectern_rtmp_server_handle_command ((LecternRtmpServer *) peer, message, event, error);
}

static const LecternRtmpPeerClass class = {
  .command = handle_command,
  .is_connected = is_connected,
  .wants_media = wants_media,
};

LecternRtmpServer *
lectern_rtmp_server_new (void)
{
  LecternRtmpServer *self = g_new0 (LecternRtmpServer, 1);

  lectern_rtmp_peer_init (&self->peer, &class);
  lectern_rtmp_handshake_init_server (&self->peer.handshake);
  return self;
}

void
lectern_rtmp_server_free (LecternRtmpServer *self)
{
  lectern_rtmp_peer_clear (&self->peer);
  g_clear_pointer (&self->connect_object, g_variant_unref);
  g_free (self->app);
  g_free (self->app_query);
  g_free (self->page_url);
  g_free (self->via);
  g_free (self->thing);
  g_free (self->query);
  g_free (self);
}

gsize
lectern_rtmp_server_input (LecternRtmpServer *self, const guint8 *data, gsize length,
                           LecternRtmpEvent *event, GError **error)
{
  *event = (LecternRtmpEvent){ LECTERN_RTMP_EVENT_NONE };
  if (self->waiting != LECTERN_RTMP_EVENT_NONE)
    return 0;
  return lectern_rtmp_peer_input (&self->peer, data, length, event, error);
}

static const char *
choose_code (LecternRtmpRole role, const GError *error)
{
  gboolean publish = role == LECTERN_RTMP_ROLE_PUBLISHER;

  switch (error->domain == LECTERN_ERROR ? error->code : LECTERN_ERROR_FAILED)
    {
    case LECTERN_ERROR_DENIED:
    case LECTERN_ERROR_TIMED_OUT:
      return publish ? "NetStream.publish.Unauthorized" : "NetStream.play.Unauthorized";
    case LECTERN_ERROR_CONFLICT:
    case LECTERN_ERROR_INVALID_DATA:
    case LECTERN_ERROR_NOT_FOUND:
      return publish ? "NetStream.Publish.BadName" : "NetStream.Play.StreamNotFound";
    default:
      return publish ? "NetStream.Publish.Denied" : "NetStream.Play.Failed";
    }
}

static void
accept_publish (LecternRtmpServer *self)
{
  lectern_rtmp_chunk_reader_set_budget (self->peer.reader, LECTERN_RTMP_VIDEO_BUDGET,
                                        LECTERN_RTMP_OTHER_BUDGET);
  lectern_rtmp_write_user_control (&self->peer.out, LECTERN_RTMP_STREAM_BEGIN, self->media_stream);
  lectern_rtmp_write_status (&self->peer.out, self->media_stream, "status",
                             "NetStream.Publish.Start", "Publishing.");
}

/* No data messages (sample access, "data start"): no player needs them, and ffmpeg takes them for a
 * track. */
static void
accept_play (LecternRtmpServer *self)
{
  guint32 stream = self->media_stream;

  lectern_rtmp_write_user_control (&self->peer.out, LECTERN_RTMP_STREAM_BEGIN, stream);
  lectern_rtmp_write_status (&self->peer.out, stream, "status", "NetStream.Play.Reset",
                             "Playing and resetting.");
  lectern_rtmp_write_status (&self->peer.out, stream, "status", "NetStream.Play.Start",
                             "Started playing.");
}

void
lectern_rtmp_server_answer (LecternRtmpServer *self, const GError *error)
{
  LecternRtmpEventType question = self->waiting;

  self->waiting = LECTERN_RTMP_EVENT_NONE;
  if (question == LECTERN_RTMP_EVENT_CONNECT)
    {
      lectern_rtmp_chunk_reader_set_budget (self->peer.reader, LECTERN_RTMP_GUEST_BUDGET,
                                            LECTERN_RTMP_GUEST_BUDGET);
      lectern_rtmp_server_answer_connect (self, error);
      return;
    }
  if (error != NULL)
    {
      lectern_rtmp_write_status (&self->peer.out, self->media_stream, "error",
                                 choose_code (self->role, error),
                                 lectern_error_get_public_text (error));
      self->role = LECTERN_RTMP_ROLE_NONE;
    }
  else if (question == LECTERN_RTMP_EVENT_PUBLISH)
    {
      accept_publish (self);
    }
  else
    {
      accept_play (self);
    }
}

/* A player whose stream nobody published in time asked for what does not exist. */
static const char *
choose_end_code (LecternRtmpRole role, const GError *reason)
{
  if (role == LECTERN_RTMP_ROLE_PLAYER
      && g_error_matches (reason, LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT))
    return "NetStream.Play.StreamNotFound";
  return choose_code (role, reason);
}

void
lectern_rtmp_server_end (LecternRtmpServer *self, const GError *reason)
{
  LecternRtmpRole role = self->role;
  guint32 stream = self->media_stream;

  self->role = LECTERN_RTMP_ROLE_NONE;
  if (role == LECTERN_RTMP_ROLE_NONE)
    return;
  if (role == LECTERN_RTMP_ROLE_PLAYER)
    lectern_rtmp_write_user_control (&self->peer.out, LECTERN_RTMP_STREAM_EOF, stream);
  if (reason != NULL && !g_error_matches (reason, LECTERN_ERROR, LECTERN_ERROR_CLOSED))
    lectern_rtmp_write_status (&self->peer.out, stream, "error", choose_end_code (role, reason),
                               lectern_error_get_public_text (reason));
  else if (role == LECTERN_RTMP_ROLE_PUBLISHER)
    lectern_rtmp_write_status (&self->peer.out, stream, "status", "NetStream.Unpublish.Success",
                               "The stream was ended.");
  else
    lectern_rtmp_write_status (&self->peer.out, stream, "status", "NetStream.Play.UnpublishNotify",
                               "The stream has ended.");
  if (role == LECTERN_RTMP_ROLE_PLAYER)
    lectern_rtmp_write_status (&self->peer.out, stream, "status", "NetStream.Play.Stop",
                               "Stopped playing.");
}

void
lectern_rtmp_server_ping (LecternRtmpServer *self, guint32 timestamp)
{
  lectern_rtmp_write_user_control (&self->peer.out, LECTERN_RTMP_PING_REQUEST, timestamp);
}

GBytes *
lectern_rtmp_server_take_output (LecternRtmpServer *self)
{
  return lectern_rtmp_peer_take_output (&self->peer);
}

gboolean
lectern_rtmp_server_is_connected (LecternRtmpServer *self)
{
  return self->connected;
}

LecternRtmpRole
lectern_rtmp_server_get_role (LecternRtmpServer *self)
{
  return self->role;
}

gboolean
lectern_rtmp_server_is_waiting (LecternRtmpServer *self)
{
  return self->waiting != LECTERN_RTMP_EVENT_NONE;
}

const char *
lectern_rtmp_server_get_thing (LecternRtmpServer *self)
{
  return self->thing;
}

const char *
lectern_rtmp_server_get_query (LecternRtmpServer *self)
{
  return self->thing != NULL ? self->query : self->app_query;
}

const char *
lectern_rtmp_server_get_page_url (LecternRtmpServer *self)
{
  return self->page_url;
}

const char *
lectern_rtmp_server_get_via (LecternRtmpServer *self)
{
  return self->via;
}

gboolean
lectern_rtmp_server_wants (LecternRtmpServer *self, LecternMedia media)
{
  return media == LECTERN_MEDIA_VIDEO ? !self->no_video : !self->no_audio;
}
