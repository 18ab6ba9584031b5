/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-server-private.h"

#include "lectern-rtmp-chunk-writer.h"
#include "lectern-rtmp-target.h"

#include <math.h>
#include <string.h>

#define WINDOW 5000000
#define MAX_URL 4096
#define MAX_FLASH_VERSION 256
#define MAX_VIA 512

typedef struct
{
  LecternRtmpServer *server;
  const LecternRtmpMessage *message;
  const LecternRtmpCommand *command;
  LecternRtmpEvent *event;
} Call;

typedef gboolean (*CallFunc) (const Call *call, GError **error);

static gboolean
refuse (GError **error, const char *text)
{
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, text);
  return FALSE;
}

/* A text of the connect object: *@text NULL when it is missing or null. */
static gboolean
get_text (GVariant *object, const char *key, gsize max, const char **text, GError **error)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (object, key, NULL);

  *text = NULL;
  if (value == NULL || g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE))
    return TRUE;
  /* The text lives as long as @object. */
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    g_variant_lookup (object, key, "&s", text);
  if (*text != NULL && strlen (*text) <= max && lectern_amf_text_is_clean (*text))
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "connect with a bad '%s'", key);
  return FALSE;
}

static gboolean
on_connect (const Call *call, GError **error)
{
  LecternRtmpServer *self = call->server;
  GVariant *object = call->command->object;
  const char *app;
  const char *tc_url;
  const char *page_url;
  const char *flash_version;
  const char *via;

  if (self->connected)
    return refuse (error, "a second connect");
  if (object == NULL)
    return refuse (error, "connect without its object");
  if (!get_text (object, "app", MAX_URL, &app, error)
      || !get_text (object, "tcUrl", MAX_URL, &tc_url, error)
      || !get_text (object, "pageUrl", MAX_URL, &page_url, error)
      || !get_text (object, "flashVer", MAX_FLASH_VERSION, &flash_version, error)
      || !get_text (object, "via", MAX_VIA, &via, error)
      || !lectern_rtmp_parse_app (app != NULL ? app : "", tc_url, &self->app, &self->app_query,
                                  error))
    return FALSE;
  self->connected = TRUE;
  self->page_url = g_strdup (page_url);
  self->via = g_strdup (via);
  self->transaction = call->command->transaction;
  self->connect_object = g_variant_ref (object);
  self->waiting = call->event->type = LECTERN_RTMP_EVENT_CONNECT;
  return TRUE;
}

/* Enhanced RTMP: a client that names the codecs it knows is told which of them get through. */
static void
add_codecs (GVariantBuilder *info, GVariant *object)
{
  static const char *const codecs[] = { "avc1", "hvc1", "av01", "vp09", "Opus", "mp4a", ".mp3" };
  g_autoptr (GVariant) list = g_variant_lookup_value (object, "fourCcList", NULL);
  g_autoptr (GVariant) map = g_variant_lookup_value (object, "videoFourCcInfoMap", NULL);
  GVariantBuilder array;

  if (list != NULL)
    {
      g_variant_builder_init (&array, G_VARIANT_TYPE ("av"));
      for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
        g_variant_builder_add (&array, "v", g_variant_new_string (codecs[i]));
      g_variant_builder_add (info, "{sv}", "fourCcList", g_variant_builder_end (&array));
    }
  if (map != NULL)
    {
      g_variant_builder_init (&array, G_VARIANT_TYPE_VARDICT);
      for (guint i = 0; i < 4; i++) /* 4: can forward */
        g_variant_builder_add (&array, "{sv}", codecs[i], g_variant_new_double (4));
      g_variant_builder_add (info, "{sv}", "videoFourCcInfoMap", g_variant_builder_end (&array));
      g_variant_builder_add (info, "{sv}", "capsEx", g_variant_new_double (0));
    }
}

static void
write_connect_success (LecternRtmpServer *self)
{
  GVariantBuilder server;
  GVariantBuilder info;
  double encoding = 0;

  g_variant_builder_init (&server, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&server, "{sv}", "fmsVer", g_variant_new_string ("FMS/3,5,7,7009"));
  g_variant_builder_add (&server, "{sv}", "capabilities", g_variant_new_double (31));
  g_variant_builder_add (&server, "{sv}", "mode", g_variant_new_double (1));

  g_variant_builder_init (&info, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&info, "{sv}", "level", g_variant_new_string ("status"));
  g_variant_builder_add (&info, "{sv}", "code",
                         g_variant_new_string ("NetConnection.Connect.Success"));
  g_variant_builder_add (&info, "{sv}", "description",
                         g_variant_new_string ("Connection succeeded."));
  g_variant_lookup (self->connect_object, "objectEncoding", "d", &encoding);
  g_variant_builder_add (&info, "{sv}", "objectEncoding",
                         g_variant_new_double (encoding == 3 ? 3 : 0));
  add_codecs (&info, self->connect_object);
  lectern_rtmp_write_command (&self->peer.out, 0, "_result", self->transaction,
                              g_variant_builder_end (&server), g_variant_builder_end (&info), NULL);
}

void
lectern_rtmp_server_answer_connect (LecternRtmpServer *self, const GError *error)
{
  lectern_rtmp_write_control (&self->peer.out, LECTERN_RTMP_WINDOW_SIZE, WINDOW);
  lectern_rtmp_write_peer_bandwidth (&self->peer.out, WINDOW);
  lectern_rtmp_write_control (&self->peer.out, LECTERN_RTMP_SET_CHUNK_SIZE,
                              LECTERN_RTMP_CHUNK_SIZE);
  if (error == NULL)
    write_connect_success (self);
  else
    lectern_rtmp_write_command (&self->peer.out, 0, "_error", self->transaction, NULL,
                                lectern_rtmp_make_status ("error", "NetConnection.Connect.Rejected",
                                                          lectern_error_get_public_text (error)),
                                NULL);
  g_clear_pointer (&self->connect_object, g_variant_unref);
}

static void
write_result (const Call *call, GVariant *value)
{
  if (call->command->transaction > 0)
    lectern_rtmp_write_command (&call->server->peer.out, 0, "_result", call->command->transaction,
                                NULL, value, NULL);
  else
    g_variant_unref (g_variant_ref_sink (value));
}

static gboolean
on_create_stream (const Call *call, GError **error)
{
  for (guint id = 1; id <= LECTERN_RTMP_MAX_STREAMS; id++)
    {
      if (call->server->streams & 1u << id)
        continue;
      call->server->streams |= 1u << id;
      write_result (call, g_variant_new_double (id));
      return TRUE;
    }
  lectern_rtmp_write_command (
      &call->server->peer.out, 0, "_error", call->command->transaction, NULL,
      lectern_rtmp_make_status ("error", "NetConnection.Call.Failed", "Too many streams."), NULL);
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "more than %u message streams",
               LECTERN_RTMP_MAX_STREAMS);
  return FALSE;
}

/* What publish and play have in common. FALSE without @error: refused, but the connection goes on.
 */
static gboolean
begin_request (const Call *call, LecternRtmpRole role, GError **error)
{
  gboolean publish = role == LECTERN_RTMP_ROLE_PUBLISHER;
  LecternRtmpServer *self = call->server;
  guint32 stream = call->message->stream;
  const char *name;

  if (stream == 0 || stream > LECTERN_RTMP_MAX_STREAMS || !(self->streams & 1u << stream))
    return refuse (error, "publish or play on a message stream that was not created");
  if (self->role != LECTERN_RTMP_ROLE_NONE || (!publish && stream != LECTERN_RTMP_PLAY_STREAM))
    {
      lectern_rtmp_write_status (&self->peer.out, stream, "error",
                                 publish ? "NetStream.Publish.BadConnection"
                                         : "NetStream.Play.BadConnection",
                                 "One connection carries one stream.");
      return FALSE;
    }
  if (!lectern_rtmp_command_get_text (call->command, 0, &name, error))
    return FALSE;
  g_clear_pointer (&self->thing, g_free);
  g_clear_pointer (&self->query, g_free);
  if (!lectern_rtmp_parse_name (self->app, self->app_query, name, !publish, &self->thing,
                                &self->query, error))
    {
      lectern_rtmp_write_status (&self->peer.out, stream, "error",
                                 publish ? "NetStream.Publish.BadName"
                                         : "NetStream.Play.StreamNotFound",
                                 "The name is not allowed.");
      return FALSE;
    }
  self->role = role;
  self->media_stream = stream;
  self->waiting = call->event->type
      = publish ? LECTERN_RTMP_EVENT_PUBLISH : LECTERN_RTMP_EVENT_PLAY;
  return TRUE;
}

static gboolean
on_publish (const Call *call, GError **error)
{
  return begin_request (call, LECTERN_RTMP_ROLE_PUBLISHER, error);
}

static gboolean
on_play (const Call *call, GError **error)
{
  return begin_request (call, LECTERN_RTMP_ROLE_PLAYER, error);
}

static void
stop (const Call *call)
{
  LecternRtmpServer *self = call->server;

  if (self->role == LECTERN_RTMP_ROLE_NONE)
    return;
  if (self->role == LECTERN_RTMP_ROLE_PUBLISHER)
    lectern_rtmp_write_status (&self->peer.out, self->media_stream, "status",
                               "NetStream.Unpublish.Success", "Stopped publishing.");
  self->role = LECTERN_RTMP_ROLE_NONE;
  call->event->type = LECTERN_RTMP_EVENT_STOP;
}

static gboolean
on_close_stream (const Call *call, GError **error)
{
  stop (call);
  return TRUE;
}

static gboolean
on_delete_stream (const Call *call, GError **error)
{
  double id;

  if (!lectern_rtmp_command_get_number (call->command, 0, 0, &id, error))
    return FALSE;
  if (id < 1 || id > LECTERN_RTMP_MAX_STREAMS || id != floor (id))
    return TRUE;
  call->server->streams &= ~(1u << (guint) id);
  if ((guint32) id == call->server->media_stream)
    stop (call);
  return TRUE;
}

static gboolean
on_fc_publish (const Call *call, GError **error)
{
  write_result (call, lectern_rtmp_null ());
  lectern_rtmp_write_command (
      &call->server->peer.out, 0, "onFCPublish", 0, NULL,
      lectern_rtmp_make_status ("status", "NetStream.Publish.Start", "Ready."), NULL);
  return TRUE;
}

static gboolean
on_fc_unpublish (const Call *call, GError **error)
{
  write_result (call, lectern_rtmp_null ());
  lectern_rtmp_write_command (
      &call->server->peer.out, 0, "onFCUnpublish", 0, NULL,
      lectern_rtmp_make_status ("status", "NetStream.Unpublish.Success", "Stopped publishing."),
      NULL);
  if (call->server->role == LECTERN_RTMP_ROLE_PUBLISHER)
    stop (call);
  return TRUE;
}

static gboolean
on_fc_subscribe (const Call *call, GError **error)
{
  write_result (call, lectern_rtmp_null ());
  lectern_rtmp_write_command (&call->server->peer.out, 0, "onFCSubscribe", 0, NULL,
                              lectern_rtmp_make_status ("status", "NetStream.Play.Start", "Ready."),
                              NULL);
  return TRUE;
}

static gboolean
on_pause (const Call *call, GError **error)
{
  LecternRtmpServer *self = call->server;
  gboolean pause;

  if (!lectern_rtmp_command_get_flag (call->command, 0, TRUE, &pause, error))
    return FALSE;
  if (self->role != LECTERN_RTMP_ROLE_PLAYER)
    return TRUE;
  lectern_rtmp_write_status (&self->peer.out, self->media_stream, "status",
                             pause ? "NetStream.Pause.Notify" : "NetStream.Unpause.Notify",
                             pause ? "Paused." : "Goes on.");
  call->event->type = pause ? LECTERN_RTMP_EVENT_PAUSE : LECTERN_RTMP_EVENT_RESUME;
  return TRUE;
}

/* A live stream has no other place to go to; players want to hear that it worked. */
static gboolean
on_seek (const Call *call, GError **error)
{
  LecternRtmpServer *self = call->server;

  if (self->role == LECTERN_RTMP_ROLE_PLAYER)
    lectern_rtmp_write_status (&self->peer.out, self->media_stream, "status",
                               "NetStream.Seek.Notify", "Live.");
  return TRUE;
}

static gboolean
on_get_stream_length (const Call *call, GError **error)
{
  write_result (call, g_variant_new_double (0));
  return TRUE;
}

static gboolean
on_receive_audio (const Call *call, GError **error)
{
  gboolean wanted;

  if (!lectern_rtmp_command_get_flag (call->command, 0, TRUE, &wanted, error))
    return FALSE;
  call->server->no_audio = !wanted;
  return TRUE;
}

static gboolean
on_receive_video (const Call *call, GError **error)
{
  gboolean wanted;

  if (!lectern_rtmp_command_get_flag (call->command, 0, TRUE, &wanted, error))
    return FALSE;
  call->server->no_video = !wanted;
  return TRUE;
}

static gboolean
on_harmless (const Call *call, GError **error)
{
  write_result (call, lectern_rtmp_null ());
  return TRUE;
}

/* Answers to what we never asked, and notices. */
static gboolean
on_ignored (const Call *call, GError **error)
{
  return TRUE;
}

static const struct
{
  const char *name;
  CallFunc func;
} calls[] = {
  { "connect", on_connect },
  { "createStream", on_create_stream },
  { "publish", on_publish },
  { "play", on_play },
  { "closeStream", on_close_stream },
  { "deleteStream", on_delete_stream },
  { "releaseStream", on_harmless },
  { "initStream", on_harmless },
  { "FCPublish", on_fc_publish },
  { "FCUnpublish", on_fc_unpublish },
  { "FCSubscribe", on_fc_subscribe },
  { "FCUnsubscribe", on_harmless },
  { "pause", on_pause },
  { "seek", on_seek },
  { "getStreamLength", on_get_stream_length },
  { "receiveAudio", on_receive_audio },
  { "receiveVideo", on_receive_video },
  { "_checkbw", on_harmless },
  { "checkBandwidth", on_harmless },
  { "_result", on_ignored },
  { "_error", on_ignored },
  { "onStatus", on_ignored },
  { "onBWDone", on_ignored },
};

static void
answer_unknown (const Call *call)
{
  if (call->command->transaction > 0)
    lectern_rtmp_write_command (
        &call->server->peer.out, 0, "_error", call->command->transaction, NULL,
        lectern_rtmp_make_status ("error", "NetConnection.Call.Failed", "No such method."), NULL);
}

gboolean
lectern_rtmp_server_handle_command (LecternRtmpServer *self, const LecternRtmpMessage *message,
                                    LecternRtmpEvent *event, GError **error)
{
  g_auto (LecternRtmpCommand) command = { NULL };
  const Call call = { self, message, &command, event };
  GError *local_error = NULL;

  if (!lectern_rtmp_command_parse (message, &command, error))
    return FALSE;
  if (!self->connected && strcmp (command.name, "connect") != 0)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "the command '%s' before connect", command.name);
      return FALSE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      if (strcmp (calls[i].name, command.name) != 0)
        continue;
      calls[i].func (&call, &local_error);
      if (local_error != NULL)
        g_propagate_error (error, local_error);
      return local_error == NULL;
    }
  answer_unknown (&call);
  return TRUE;
}
