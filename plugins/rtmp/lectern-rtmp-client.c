/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-client.h"

#include "lectern-rtmp-chunk-writer.h"
#include "lectern-rtmp-command.h"
#include "lectern-rtmp-login.h"

#include <string.h>

#define WINDOW 2500000
#define BUFFER_MS 3000
#define MAX_SHOWN 200
#define FLASH_VERSION "FMLE/3.0 (compatible; Lectern)"

/* Which call an answer belongs to. */
enum
{
  CALL_CONNECT = 1,
  CALL_RELEASE,
  CALL_ANNOUNCE,
  CALL_CREATE,
  CALL_BEGIN,
  CALL_END,
};

struct _LecternRtmpClient
{
  LecternRtmpPeer peer; /* first */
  gboolean publish;
  char *app;
  char *name;
  char *tc_url;
  char *via;
  char *login;
  enum
  {
    STATE_SHAKING,
    STATE_CONNECTING,
    STATE_CREATING, /* connected, without a message stream */
    STATE_WAITING,  /* has asked to publish or to play */
    STATE_STARTED,
    STATE_ENDED,
  } state;
  guint32 stream;
  gboolean dry; /* the server says that nothing follows on the stream */
};

static LecternRtmpClient *
from_peer (LecternRtmpPeer *peer)
{
  return (LecternRtmpClient *) peer;
}

/* Speaking */

/* What Enhanced RTMP (Veovera) calls them; a server that knows sends no others. */
static void
add_codecs (GVariantBuilder *object)
{
  static const char *const codecs[] = { "avc1", "hvc1", "av01", "vp09", "Opus", "mp4a", ".mp3" };
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    g_variant_builder_add (&list, "v", g_variant_new_string (codecs[i]));
  g_variant_builder_add (object, "{sv}", "fourCcList", g_variant_builder_end (&list));
}

static void
add_text (GVariantBuilder *object, const char *key, const char *text)
{
  g_variant_builder_add (object, "{sv}", key, g_variant_new_string (text));
}

static void
add_number (GVariantBuilder *object, const char *key, double number)
{
  g_variant_builder_add (object, "{sv}", key, g_variant_new_double (number));
}

/* The application with its login, if there is one, behind @text. */
static void
add_place (LecternRtmpClient *self, GVariantBuilder *object, const char *key, const char *text)
{
  g_autofree char *whole
      = self->login != NULL ? g_strconcat (text, "?", self->login, NULL) : g_strdup (text);

  add_text (object, key, whole);
}

static void
connect_to_app (LecternRtmpClient *self)
{
  GVariantBuilder object;

  g_variant_builder_init (&object, G_VARIANT_TYPE_VARDICT);
  add_place (self, &object, "app", self->app);
  if (self->publish)
    add_text (&object, "type", "nonprivate");
  add_text (&object, "flashVer", FLASH_VERSION);
  add_place (self, &object, "tcUrl", self->tc_url);
  if (!self->publish)
    {
      g_variant_builder_add (&object, "{sv}", "fpad", g_variant_new_boolean (FALSE));
      add_number (&object, "capabilities", 15);
      add_number (&object, "audioCodecs", 0x0fff);
      add_number (&object, "videoCodecs", 0x00ff);
      add_number (&object, "videoFunction", 1);
    }
  add_number (&object, "objectEncoding", 0);
  add_codecs (&object);
  if (self->via != NULL)
    add_text (&object, "via", self->via);
  /* Servers take nothing before connect, so it goes in the chunks that are there from the start. */
  lectern_rtmp_write_connect (&self->peer.out, CALL_CONNECT, g_variant_builder_end (&object));
  lectern_rtmp_write_control (&self->peer.out, LECTERN_RTMP_SET_CHUNK_SIZE,
                              LECTERN_RTMP_CHUNK_SIZE);
  self->state = STATE_CONNECTING;
}

static GVariant *
make_name (LecternRtmpClient *self)
{
  return g_variant_new_string (self->name);
}

static void
create_stream (LecternRtmpClient *self)
{
  LecternByteWriter *out = &self->peer.out;

  lectern_rtmp_write_control (out, LECTERN_RTMP_WINDOW_SIZE, WINDOW);
  if (self->publish)
    {
      /* Flash Media Live Encoder began so, and some servers wait for it. */
      lectern_rtmp_write_command (out, 0, "releaseStream", CALL_RELEASE, NULL, make_name (self),
                                  NULL);
      lectern_rtmp_write_command (out, 0, "FCPublish", CALL_ANNOUNCE, NULL, make_name (self), NULL);
    }
  lectern_rtmp_write_command (out, 0, "createStream", CALL_CREATE, NULL, NULL);
  lectern_rtmp_chunk_reader_set_budget (self->peer.reader, LECTERN_RTMP_GUEST_BUDGET,
                                        LECTERN_RTMP_GUEST_BUDGET);
  self->state = STATE_CREATING;
}

static void
write_buffer_length (LecternRtmpClient *self)
{
  const LecternRtmpHeader header = { LECTERN_RTMP_CSID_CONTROL, LECTERN_RTMP_USER_CONTROL, 0, 0 };
  guint8 body[10];
  LecternByteWriter writer;

  lectern_byte_writer_init_static (&writer, body, sizeof body);
  lectern_byte_writer_put_u16 (&writer, LECTERN_RTMP_SET_BUFFER_LENGTH);
  lectern_byte_writer_put_u32 (&writer, self->stream);
  lectern_byte_writer_put_u32 (&writer, BUFFER_MS);
  lectern_rtmp_write_message (&self->peer.out, &header, body, sizeof body,
                              LECTERN_RTMP_INITIAL_CHUNK_SIZE);
}

static void
begin (LecternRtmpClient *self)
{
  LecternByteWriter *out = &self->peer.out;

  self->state = STATE_WAITING;
  if (self->publish)
    {
      lectern_rtmp_write_command (out, self->stream, "publish", CALL_BEGIN, NULL, make_name (self),
                                  g_variant_new_string ("live"), NULL);
      return;
    }
  lectern_rtmp_chunk_reader_set_budget (self->peer.reader, LECTERN_RTMP_VIDEO_BUDGET,
                                        LECTERN_RTMP_OTHER_BUDGET);
  /* -2: live if there is such a stream, and no other server takes it amiss. */
  lectern_rtmp_write_command (out, self->stream, "play", 0, NULL, make_name (self),
                              g_variant_new_double (-2), NULL);
  write_buffer_length (self);
}

/* Hearing */

static LecternError
choose_error (const char *code)
{
  static const struct
  {
    const char *code;
    LecternError error;
  } known[] = {
    { "NetConnection.Connect.Rejected", LECTERN_ERROR_DENIED },
    { "NetConnection.Connect.InvalidApp", LECTERN_ERROR_NOT_FOUND },
    { "NetStream.publish.Unauthorized", LECTERN_ERROR_DENIED },
    { "NetStream.Publish.Denied", LECTERN_ERROR_DENIED },
    { "NetStream.Publish.BadName", LECTERN_ERROR_CONFLICT },
    { "NetStream.play.Unauthorized", LECTERN_ERROR_DENIED },
    { "NetStream.Play.StreamNotFound", LECTERN_ERROR_NOT_FOUND },
  };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_ascii_strcasecmp (known[i].code, code) == 0)
      return known[i].error;
  return LECTERN_ERROR_FAILED;
}

/* @info: (nullable): what _error or onStatus carries. */
static gboolean
refuse (GVariant *info, GError **error)
{
  const char *code = "";
  const char *text = "";
  g_autofree char *shown_code = NULL;
  g_autofree char *shown = NULL;

  if (info != NULL)
    {
      g_variant_lookup (info, "code", "&s", &code);
      g_variant_lookup (info, "description", "&s", &text);
    }
  shown_code = lectern_log_escape (code, -1, MAX_SHOWN);
  shown = lectern_log_escape (text, -1, MAX_SHOWN);
  g_set_error (error, LECTERN_ERROR, (int) choose_error (code), "the server refuses: %s%s%s",
               *shown_code != '\0' ? shown_code : "without a reason", *shown != '\0' ? ": " : "",
               shown);
  return FALSE;
}

/* Returns: (nullable): the last argument, if it is an object. */
static GVariant *
get_info (const LecternRtmpCommand *command)
{
  GVariant *last = command->n_arguments > 0 ? command->arguments[command->n_arguments - 1] : NULL;

  return last != NULL && g_variant_is_of_type (last, G_VARIANT_TYPE_VARDICT) ? last : NULL;
}

static gboolean
take_stream (LecternRtmpClient *self, const LecternRtmpCommand *command, GError **error)
{
  double id;

  if (!lectern_rtmp_command_get_number (command, 0, 0, &id, error))
    return FALSE;
  if (id < 1 || id > G_MAXUINT32)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "the server made no message stream");
      return FALSE;
    }
  self->stream = (guint32) id;
  begin (self);
  return TRUE;
}

static gboolean
take_result (LecternRtmpClient *self, const LecternRtmpCommand *command, LecternRtmpEvent *event,
             GError **error)
{
  if (self->state == STATE_CONNECTING && command->transaction == CALL_CONNECT)
    create_stream (self);
  else if (self->state == STATE_CREATING && command->transaction == CALL_CREATE)
    return take_stream (self, command, error);
  return TRUE;
}

/* Returns: (transfer full) (nullable): where a server that refuses connect refers to: an
 * application's address. */
static char *
find_redirect (GVariant *info)
{
  g_autoptr (GVariant) more = g_variant_lookup_value (info, "ex", G_VARIANT_TYPE_VARDICT);
  char *url = NULL;
  double code = 0;

  if (more != NULL && g_variant_lookup (more, "code", "d", &code) && code == 302)
    g_variant_lookup (more, "redirect", "s", &url);
  return url;
}

/* A refused connect may be no end. */
static gboolean
take_rejection (LecternRtmpClient *self, GVariant *info, LecternRtmpEvent *event, GError **error)
{
  g_autofree char *redirect = info != NULL ? find_redirect (info) : NULL;
  const char *text = "";

  if (info != NULL)
    g_variant_lookup (info, "description", "&s", &text);
  if (redirect == NULL && !lectern_rtmp_login_is_asked (text))
    return refuse (info, error);
  event->type = redirect != NULL ? LECTERN_RTMP_EVENT_REDIRECT : LECTERN_RTMP_EVENT_LOGIN;
  event->value = g_variant_ref_sink (g_variant_new_string (redirect != NULL ? redirect : text));
  self->state = STATE_ENDED;
  return TRUE;
}

/* Not all servers know what only some ask for. */
static gboolean
take_refusal (LecternRtmpClient *self, const LecternRtmpCommand *command, LecternRtmpEvent *event,
              GError **error)
{
  if (command->transaction == CALL_CONNECT && self->state == STATE_CONNECTING)
    return take_rejection (self, get_info (command), event, error);
  if (command->transaction == CALL_CONNECT || command->transaction == CALL_CREATE
      || (command->transaction == CALL_BEGIN && self->publish))
    return refuse (get_info (command), error);
  return TRUE;
}

static void
start (LecternRtmpClient *self, LecternRtmpEvent *event)
{
  if (self->state != STATE_WAITING)
    return;
  self->state = STATE_STARTED;
  event->type = LECTERN_RTMP_EVENT_STARTED;
}

static void
stop (LecternRtmpClient *self, LecternRtmpEvent *event)
{
  if (self->state == STATE_ENDED)
    return;
  self->state = STATE_ENDED;
  event->type = LECTERN_RTMP_EVENT_STOP;
}

static gboolean
take_status (LecternRtmpClient *self, const LecternRtmpCommand *command, LecternRtmpEvent *event,
             GError **error)
{
  static const char *const ends[] = { "NetStream.Play.UnpublishNotify", "NetStream.Play.Stop",
                                      "NetStream.Play.Complete", "NetStream.Unpublish.Success" };
  GVariant *info = get_info (command);
  const char *level = "";
  const char *code = "";

  if (info == NULL || self->state < STATE_WAITING || self->state == STATE_ENDED)
    return TRUE;
  g_variant_lookup (info, "level", "&s", &level);
  g_variant_lookup (info, "code", "&s", &code);
  if (strcmp (level, "error") == 0)
    return refuse (info, error);
  if (strcmp (code, self->publish ? "NetStream.Publish.Start" : "NetStream.Play.Start") == 0)
    start (self, event);
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    if (strcmp (code, ends[i]) == 0)
      stop (self, event);
  return TRUE;
}

static gboolean
take_close (LecternRtmpClient *self, const LecternRtmpCommand *command, LecternRtmpEvent *event,
            GError **error)
{
  stop (self, event);
  return TRUE;
}

/* What else servers say is not for us, and need not be sound: ffmpeg's onFCPublish is a bare name.
 */
static gboolean
handle_command (LecternRtmpPeer *peer, const LecternRtmpMessage *message, LecternRtmpEvent *event,
                GError **error)
{
  static const struct
  {
    const char *name;
    gboolean (*take) (LecternRtmpClient *self, const LecternRtmpCommand *command,
                      LecternRtmpEvent *event, GError **error);
  } known[] = {
    { "_result", take_result },
    { "_error", take_refusal },
    { "onStatus", take_status },
    { "close", take_close },
  };
  g_auto (LecternRtmpCommand) command = { NULL };
  GError *local_error = NULL;

  lectern_rtmp_command_parse (message, &command, &local_error);
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    {
      if (g_strcmp0 (known[i].name, command.name) != 0)
        continue;
      if (local_error == NULL)
        return known[i].take (from_peer (peer), &command, event, error);
      g_propagate_error (error, local_error);
      return FALSE;
    }
  g_clear_error (&local_error);
  return TRUE;
}

static gboolean
is_connected (LecternRtmpPeer *peer)
{
  return from_peer (peer)->state > STATE_CONNECTING;
}

static gboolean
wants_media (LecternRtmpPeer *peer)
{
  LecternRtmpClient *self = from_peer (peer);

  return !self->publish && (self->state == STATE_WAITING || self->state == STATE_STARTED);
}

/* Some servers tell the end by this alone; those that say more do so behind it. */
static void
take_control (LecternRtmpPeer *peer, LecternRtmpControlEvent event, guint32 value)
{
  LecternRtmpClient *self = from_peer (peer);

  if (self->state != STATE_STARTED || value != self->stream)
    return;
  if (event == LECTERN_RTMP_STREAM_EOF)
    self->dry = TRUE;
  else if (event == LECTERN_RTMP_STREAM_BEGIN)
    self->dry = FALSE;
}

static const LecternRtmpPeerClass class = {
  .command = handle_command,
  .is_connected = is_connected,
  .wants_media = wants_media,
  .control = take_control,
};

/* Life */

LecternRtmpClient *
lectern_rtmp_client_new (const LecternRtmpClientTarget *target)
{
  LecternRtmpClient *self = g_new0 (LecternRtmpClient, 1);

  self->publish = target->publish;
  self->app = g_strdup (target->app);
  self->name = g_strdup (target->name);
  self->tc_url = g_strdup (target->tc_url);
  self->via = g_strdup (target->via);
  self->login = g_strdup (target->login);
  lectern_rtmp_peer_init (&self->peer, &class);
  lectern_rtmp_handshake_init_client (&self->peer.handshake, FALSE, &self->peer.out);
  return self;
}

void
lectern_rtmp_client_free (LecternRtmpClient *self)
{
  lectern_rtmp_peer_clear (&self->peer);
  g_free (self->app);
  g_free (self->name);
  g_free (self->tc_url);
  g_free (self->via);
  g_free (self->login);
  g_free (self);
}

gsize
lectern_rtmp_client_input (LecternRtmpClient *self, const guint8 *data, gsize length,
                           LecternRtmpEvent *event, GError **error)
{
  GError *local_error = NULL;
  gsize used = lectern_rtmp_peer_input (&self->peer, data, length, event, &local_error);

  if (local_error != NULL)
    {
      g_propagate_error (error, local_error);
      return used;
    }
  if (self->state == STATE_SHAKING && self->peer.handshake.state == LECTERN_RTMP_HANDSHAKE_DONE)
    connect_to_app (self);
  /* Some servers begin without a word. */
  if (event->type >= LECTERN_RTMP_EVENT_MEDIA && event->type <= LECTERN_RTMP_EVENT_SCRIPT
      && self->state == STATE_WAITING)
    self->state = STATE_STARTED;
  if (event->type == LECTERN_RTMP_EVENT_NONE && self->dry && self->state == STATE_STARTED)
    stop (self, event);
  return used;
}

void
lectern_rtmp_client_end (LecternRtmpClient *self)
{
  LecternByteWriter *out = &self->peer.out;

  if (self->stream == 0)
    return;
  if (self->publish)
    lectern_rtmp_write_command (out, 0, "FCUnpublish", 0, NULL, make_name (self), NULL);
  lectern_rtmp_write_command (out, 0, "deleteStream", 0, NULL, g_variant_new_double (self->stream),
                              NULL);
  self->state = STATE_ENDED;
}

GBytes *
lectern_rtmp_client_take_output (LecternRtmpClient *self)
{
  return lectern_rtmp_peer_take_output (&self->peer);
}

guint32
lectern_rtmp_client_get_stream (LecternRtmpClient *self)
{
  return self->stream;
}
