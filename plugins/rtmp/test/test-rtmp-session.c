/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server's end against a client made of the same parts. */
#include "../lectern-rtmp-chunk-reader.h"
#include "../lectern-rtmp-chunk-writer.h"
#include "../lectern-rtmp-command.h"
#include "../lectern-rtmp-handshake.h"
#include "../lectern-rtmp-server.h"
#include "rtmp-bytes.h"

#include <math.h>
#include <string.h>

typedef struct
{
  LecternRtmpServer *server;
  LecternRtmpChunkReader *reader; /* of what the server says */
  LecternByteWriter out;          /* of the client, not yet fed */
  GByteArray *in;                 /* from the server, not yet read */
  LecternRtmpEvent event;         /* the last one */
  GError *error;                  /* the last one */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->server = lectern_rtmp_server_new ();
  fixture->reader = lectern_rtmp_chunk_reader_new ();
  fixture->in = g_byte_array_new ();
  lectern_byte_writer_init (&fixture->out, 64 * 1024 * 1024);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  lectern_rtmp_event_clear (&fixture->event);
  g_clear_error (&fixture->error);
  lectern_rtmp_server_free (fixture->server);
  lectern_rtmp_chunk_reader_free (fixture->reader);
  lectern_byte_writer_clear (&fixture->out);
  g_byte_array_unref (fixture->in);
}

/* Feeds what the client wrote until an event or the end; TRUE with an event. */
static gboolean
feed (Fixture *fixture)
{
  g_autoptr (GBytes) output = NULL;
  gsize used;

  lectern_rtmp_event_clear (&fixture->event);
  g_clear_error (&fixture->error);
  used = lectern_rtmp_server_input (fixture->server, fixture->out.data, fixture->out.size,
                                    &fixture->event, &fixture->error);
  memmove (fixture->out.data, fixture->out.data + used, fixture->out.size - used);
  fixture->out.size -= used;
  output = lectern_rtmp_server_take_output (fixture->server);
  if (output != NULL)
    g_byte_array_append (fixture->in, g_bytes_get_data (output, NULL),
                         (guint) g_bytes_get_size (output));
  return fixture->event.type != LECTERN_RTMP_EVENT_NONE;
}

static void
expect_event (Fixture *fixture, LecternRtmpEventType type)
{
  feed (fixture);
  g_assert_no_error (fixture->error);
  g_assert_cmpint (fixture->event.type, ==, type);
}

static void
expect_error (Fixture *fixture, gint code)
{
  g_assert_false (feed (fixture));
  g_assert_error (fixture->error, LECTERN_ERROR, code);
}

static void
take_output (Fixture *fixture)
{
  g_autoptr (GBytes) output = lectern_rtmp_server_take_output (fixture->server);

  if (output != NULL)
    g_byte_array_append (fixture->in, g_bytes_get_data (output, NULL),
                         (guint) g_bytes_get_size (output));
}

static gboolean
read_message (Fixture *fixture, LecternRtmpMessage *message)
{
  g_autoptr (GError) error = NULL;
  gsize used;

  take_output (fixture);
  used = lectern_rtmp_chunk_reader_read (fixture->reader, fixture->in->data, fixture->in->len,
                                         message, &error);
  g_assert_no_error (error);
  g_byte_array_remove_range (fixture->in, 0, (guint) used);
  return message->payload != NULL;
}

/* The server's next command, past all other messages; @code: (nullable): in its last argument. */
static void
expect_command (Fixture *fixture, const char *name, const char *code)
{
  for (;;)
    {
      g_auto (LecternRtmpMessage) message = { 0 };
      g_auto (LecternRtmpCommand) command = { NULL };
      g_autoptr (GError) error = NULL;
      const char *real_code = NULL;

      g_assert_true (read_message (fixture, &message));
      if (message.type != LECTERN_RTMP_COMMAND)
        continue;
      lectern_rtmp_command_parse (&message, &command, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (command.name, ==, name);
      if (code == NULL)
        return;
      g_assert_cmpuint (command.n_arguments, >, 0);
      g_variant_lookup (command.arguments[command.n_arguments - 1], "code", "&s", &real_code);
      g_assert_cmpstr (real_code, ==, code);
      return;
    }
}

static void
expect_silence (Fixture *fixture)
{
  take_output (fixture);
  g_assert_cmpuint (fixture->in->len, ==, 0);
}

static void
shake_hands (Fixture *fixture)
{
  LecternRtmpHandshake client;

  lectern_rtmp_handshake_init_client (&client, FALSE, &fixture->out);
  put_fill (&fixture->out, 0, LECTERN_RTMP_HANDSHAKE_SIZE);
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  g_assert_cmpuint (fixture->in->len, ==, 1 + 2 * LECTERN_RTMP_HANDSHAKE_SIZE);
  g_byte_array_set_size (fixture->in, 0);
  put_chunk (&fixture->out, 0, 2, 0, 4, LECTERN_RTMP_SET_CHUNK_SIZE, 0);
  lectern_byte_writer_put_u32 (&fixture->out, LECTERN_RTMP_CHUNK_SIZE);
}

static GVariant *
make_connect (const char *key, GVariant *value)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (g_strcmp0 (key, "app") != 0)
    g_variant_builder_add (&builder, "{sv}", "app", g_variant_new_string ("live?k=app"));
  if (key != NULL)
    g_variant_builder_add (&builder, "{sv}", key, value);
  return g_variant_builder_end (&builder);
}

static void
connect_client (Fixture *fixture)
{
  shake_hands (fixture);
  lectern_rtmp_write_command (&fixture->out, 0, "connect", 1,
                              make_connect ("pageUrl", g_variant_new_string ("http://page/")),
                              NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_CONNECT);
  g_assert_cmpstr (lectern_rtmp_server_get_query (fixture->server), ==, "k=app");
  g_assert_cmpstr (lectern_rtmp_server_get_page_url (fixture->server), ==, "http://page/");
  lectern_rtmp_server_answer (fixture->server, NULL);
  expect_command (fixture, "_result", "NetConnection.Connect.Success");
}

static void
create_stream (Fixture *fixture, double id)
{
  g_auto (LecternRtmpMessage) message = { 0 };
  g_auto (LecternRtmpCommand) command = { NULL };

  lectern_rtmp_write_command (&fixture->out, 0, "createStream", 4, NULL, NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  g_assert_true (read_message (fixture, &message));
  g_assert_true (lectern_rtmp_command_parse (&message, &command, NULL));
  g_assert_cmpstr (command.name, ==, "_result");
  g_assert_cmpfloat (command.transaction, ==, 4);
  g_assert_cmpfloat (g_variant_get_double (command.arguments[0]), ==, id);
}

static void
request (Fixture *fixture, const char *command, guint32 stream, const char *name)
{
  lectern_rtmp_write_command (&fixture->out, stream, command, 5, NULL, g_variant_new_string (name),
                              NULL);
}

static void
publish (Fixture *fixture)
{
  connect_client (fixture);
  create_stream (fixture, 1);
  request (fixture, "publish", 1, "physics?key=1");
  expect_event (fixture, LECTERN_RTMP_EVENT_PUBLISH);
  lectern_rtmp_server_answer (fixture->server, NULL);
  expect_command (fixture, "onStatus", "NetStream.Publish.Start");
}

static void
play (Fixture *fixture)
{
  connect_client (fixture);
  create_stream (fixture, 1);
  request (fixture, "play", 1, "physics@480p");
  expect_event (fixture, LECTERN_RTMP_EVENT_PLAY);
  lectern_rtmp_server_answer (fixture->server, NULL);
  expect_command (fixture, "onStatus", "NetStream.Play.Reset");
  expect_command (fixture, "onStatus", "NetStream.Play.Start");
}

static void
put_media (Fixture *fixture, guint8 type, guint32 timestamp, guint8 value, gsize size)
{
  LecternRtmpHeader header = { 6, type, 1, timestamp };
  g_autofree guint8 *body = g_malloc (size + 1);

  memset (body, value, size);
  lectern_rtmp_write_message (&fixture->out, &header, body, size, LECTERN_RTMP_CHUNK_SIZE);
}

static void
test_connect (Fixture *fixture, gconstpointer unused)
{
  static const guint8 types[]
      = { LECTERN_RTMP_WINDOW_SIZE, LECTERN_RTMP_PEER_BANDWIDTH, LECTERN_RTMP_COMMAND };
  GVariantBuilder codecs;
  g_autoptr (GVariant) info = NULL;
  double encoding;

  g_variant_builder_init (&codecs, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&codecs, "v", g_variant_new_string ("*"));
  shake_hands (fixture);
  lectern_rtmp_write_command (&fixture->out, 0, "connect", 1,
                              make_connect ("fourCcList", g_variant_builder_end (&codecs)), NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_CONNECT);
  /* Nothing is taken while the question waits. */
  request (fixture, "createStream", 0, "");
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  g_assert_cmpuint (fixture->out.size, >, 0);
  expect_silence (fixture);
  lectern_rtmp_server_answer (fixture->server, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_auto (LecternRtmpMessage) message = { 0 };
      g_auto (LecternRtmpCommand) command = { NULL };

      g_assert_true (read_message (fixture, &message));
      g_assert_cmpuint (message.type, ==, types[i]);
      if (i < 2)
        continue;
      g_assert_true (lectern_rtmp_command_parse (&message, &command, NULL));
      g_assert_cmpfloat (command.transaction, ==, 1);
      info = g_variant_ref (command.arguments[0]);
    }
  g_assert_true (g_variant_lookup (info, "objectEncoding", "d", &encoding));
  g_assert_cmpfloat (encoding, ==, 0);
  {
    g_autoptr (GVariant) list = g_variant_lookup_value (info, "fourCcList", G_VARIANT_TYPE ("av"));

    g_assert_cmpuint (g_variant_n_children (list), >=, 6);
  }
}

static void
test_connect_refused (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error
      = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_DENIED, "the secret reason");

  shake_hands (fixture);
  lectern_rtmp_write_command (&fixture->out, 0, "connect", 1, make_connect (NULL, NULL), NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_CONNECT);
  lectern_rtmp_server_answer (fixture->server, error);
  take_output (fixture);
  g_assert_null (memmem (fixture->in->data, fixture->in->len, "secret", 6));
  expect_command (fixture, "_error", "NetConnection.Connect.Rejected");
}

/* */
static void
test_bad_connect (Fixture *fixture, gconstpointer unused)
{
  static const char *const keys[] = { "app", "tcUrl", "flashVer", "pageUrl" };
  static const char *const texts[] = { "a\r\nb", "a\x7f", "a\xff", "\x01" };
  g_autofree char *long_text = g_strnfill (60 * 1024, 'a');

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    for (guint j = 0; j < G_N_ELEMENTS (texts) + 2; j++)
      {
        GVariant *value;

        tear_down (fixture, NULL);
        *fixture = (Fixture){ NULL };
        set_up (fixture, NULL);
        shake_hands (fixture);
        if (j < G_N_ELEMENTS (texts))
          value = g_variant_new_take_string (g_utf8_make_valid (texts[j], -1));
        else if (j == G_N_ELEMENTS (texts))
          value = g_variant_new_string (long_text);
        else
          value = g_variant_new_double (1);
        lectern_rtmp_write_command (&fixture->out, 0, "connect", 1, make_connect (keys[i], value),
                                    NULL);
        feed (fixture);
        g_assert_nonnull (fixture->error);
        expect_silence (fixture);
      }
}

static void
test_before_connect (Fixture *fixture, gconstpointer unused)
{
  static const char *const commands[] = { "createStream", "publish", "play", "FCPublish", "x" };
  static const guint8 types[]
      = { LECTERN_RTMP_AUDIO, LECTERN_RTMP_VIDEO, LECTERN_RTMP_DATA, LECTERN_RTMP_AGGREGATE, 99 };

  for (guint i = 0; i < G_N_ELEMENTS (commands) + G_N_ELEMENTS (types); i++)
    {
      tear_down (fixture, NULL);
      *fixture = (Fixture){ NULL };
      set_up (fixture, NULL);
      shake_hands (fixture);
      if (i < G_N_ELEMENTS (commands))
        request (fixture, commands[i], 1, "physics");
      else
        put_media (fixture, types[i - G_N_ELEMENTS (commands)], 0, 0x17, 10);
      expect_error (fixture, LECTERN_ERROR_INVALID_DATA);
      expect_silence (fixture);
    }
}

/* a stranger holds little. */
static void
test_stranger_budget (Fixture *fixture, gconstpointer unused)
{
  shake_hands (fixture);
  put_media (fixture, LECTERN_RTMP_VIDEO, 0, 0x17, 9000);
  expect_error (fixture, LECTERN_ERROR_LIMIT);
}

static void
test_second_connect (Fixture *fixture, gconstpointer unused)
{
  connect_client (fixture);
  lectern_rtmp_write_command (&fixture->out, 0, "connect", 1, make_connect (NULL, NULL), NULL);
  expect_error (fixture, LECTERN_ERROR_INVALID_DATA);
}

static void
test_streams (Fixture *fixture, gconstpointer unused)
{
  connect_client (fixture);
  for (guint i = 1; i <= LECTERN_RTMP_MAX_STREAMS; i++)
    create_stream (fixture, i);
  lectern_rtmp_write_command (&fixture->out, 0, "deleteStream", 0, NULL, g_variant_new_double (3),
                              NULL);
  create_stream (fixture, 3);
  lectern_rtmp_write_command (&fixture->out, 0, "createStream", 9, NULL, NULL);
  expect_error (fixture, LECTERN_ERROR_LIMIT);
  expect_command (fixture, "_error", "NetConnection.Call.Failed");
}

static void
test_publish (Fixture *fixture, gconstpointer unused)
{
  publish (fixture);
  g_assert_cmpstr (lectern_rtmp_server_get_thing (fixture->server), ==, "live/physics");
  g_assert_cmpstr (lectern_rtmp_server_get_query (fixture->server), ==, "key=1&k=app");
  put_media (fixture, LECTERN_RTMP_VIDEO, 0xfffffff0, 0x17, 200000);
  expect_event (fixture, LECTERN_RTMP_EVENT_MEDIA);
  g_assert_cmpuint (fixture->event.message.timestamp, ==, 0xfffffff0);
  g_assert_cmpuint (g_bytes_get_size (fixture->event.message.payload), ==, 200000);
  lectern_rtmp_write_data (&fixture->out, 1, "@setDataFrame", g_variant_new_string ("onMetaData"),
                           make_connect (NULL, NULL), NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_METADATA);
  g_assert_cmpuint (g_variant_n_children (fixture->event.value), ==, 1);
  lectern_rtmp_write_data (&fixture->out, 1, "onCuePoint", g_variant_new_double (1), NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_SCRIPT);
  lectern_rtmp_write_data (&fixture->out, 1, "onMetaData", g_variant_new_double (1), NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_STRAY);
  request (fixture, "FCUnpublish", 0, "physics");
  expect_event (fixture, LECTERN_RTMP_EVENT_STOP);
  expect_command (fixture, "_result", NULL);
  expect_command (fixture, "onFCUnpublish", "NetStream.Unpublish.Success");
  expect_command (fixture, "onStatus", "NetStream.Unpublish.Success");
  lectern_rtmp_write_command (&fixture->out, 0, "deleteStream", 0, NULL, g_variant_new_double (1),
                              NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  put_media (fixture, LECTERN_RTMP_VIDEO, 0, 0x17, 10);
  expect_event (fixture, LECTERN_RTMP_EVENT_STRAY);
  expect_silence (fixture);
}

static void
check_refusal (Fixture *fixture, gint code, const char *command, const char *expected)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, code, "x");
  gboolean is_publish = strcmp (command, "publish") == 0;

  request (fixture, command, 1, "physics");
  expect_event (fixture, is_publish ? LECTERN_RTMP_EVENT_PUBLISH : LECTERN_RTMP_EVENT_PLAY);
  lectern_rtmp_server_answer (fixture->server, error);
  expect_command (fixture, "onStatus", expected);
  g_assert_cmpint (lectern_rtmp_server_get_role (fixture->server), ==, LECTERN_RTMP_ROLE_NONE);
}

static void
test_refusals (Fixture *fixture, gconstpointer unused)
{
  connect_client (fixture);
  create_stream (fixture, 1);
  check_refusal (fixture, LECTERN_ERROR_CONFLICT, "publish", "NetStream.Publish.BadName");
  check_refusal (fixture, LECTERN_ERROR_DENIED, "publish", "NetStream.publish.Unauthorized");
  check_refusal (fixture, LECTERN_ERROR_LIMIT, "publish", "NetStream.Publish.Denied");
  check_refusal (fixture, LECTERN_ERROR_DENIED, "play", "NetStream.play.Unauthorized");
  check_refusal (fixture, LECTERN_ERROR_NOT_FOUND, "play", "NetStream.Play.StreamNotFound");
  check_refusal (fixture, LECTERN_ERROR_LIMIT, "play", "NetStream.Play.Failed");
}

/* the name never gets as far as a question. */
static void
test_bad_names (Fixture *fixture, gconstpointer user_data)
{
  static const char *const names[] = { "../../tmp/x", "a/b", "%2e%2e", "a\\b", "%s%n", "" };
  const char *command = user_data;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      tear_down (fixture, NULL);
      *fixture = (Fixture){ NULL };
      set_up (fixture, NULL);
      connect_client (fixture);
      create_stream (fixture, 1);
      request (fixture, command, 1, names[i]);
      expect_error (fixture, LECTERN_ERROR_INVALID_DATA);
      expect_command (fixture, "onStatus",
                      strcmp (command, "play") == 0 ? "NetStream.Play.StreamNotFound"
                                                    : "NetStream.Publish.BadName");
    }
}

/* */
static void
test_name_of_wrong_type (Fixture *fixture, gconstpointer user_data)
{
  connect_client (fixture);
  create_stream (fixture, 1);
  lectern_rtmp_write_command (&fixture->out, 1, user_data, 5, NULL, g_variant_new_boolean (TRUE),
                              NULL);
  expect_error (fixture, LECTERN_ERROR_INVALID_DATA);
}

static void
test_unknown_stream (Fixture *fixture, gconstpointer user_data)
{
  connect_client (fixture);
  create_stream (fixture, 1);
  request (fixture, user_data, 0x7fffffff, "physics");
  expect_error (fixture, LECTERN_ERROR_INVALID_DATA);
}

static void
test_one_thing_at_a_time (Fixture *fixture, gconstpointer unused)
{
  publish (fixture);
  request (fixture, "play", 1, "physics");
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  expect_command (fixture, "onStatus", "NetStream.Play.BadConnection");
  request (fixture, "publish", 1, "maths");
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  expect_command (fixture, "onStatus", "NetStream.Publish.BadConnection");
  g_assert_cmpstr (lectern_rtmp_server_get_thing (fixture->server), ==, "live/physics");
  put_media (fixture, LECTERN_RTMP_AUDIO, 0, 0x2f, 10);
  expect_event (fixture, LECTERN_RTMP_EVENT_MEDIA);
}

static void
test_play (Fixture *fixture, gconstpointer unused)
{
  play (fixture);
  lectern_rtmp_write_command (&fixture->out, 1, "pause", 0, NULL, g_variant_new_boolean (TRUE),
                              g_variant_new_double (0), NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_PAUSE);
  expect_command (fixture, "onStatus", "NetStream.Pause.Notify");
  lectern_rtmp_write_command (&fixture->out, 1, "pause", 0, NULL, g_variant_new_boolean (FALSE),
                              NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_RESUME);
  expect_command (fixture, "onStatus", "NetStream.Unpause.Notify");
  lectern_rtmp_write_command (&fixture->out, 1, "seek", 0, NULL, g_variant_new_double (0), NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  expect_command (fixture, "onStatus", "NetStream.Seek.Notify");
  lectern_rtmp_server_end (fixture->server, NULL);
  expect_command (fixture, "onStatus", "NetStream.Play.UnpublishNotify");
  expect_command (fixture, "onStatus", "NetStream.Play.Stop");
  /* And once more on the same stream. */
  request (fixture, "play", 1, "physics");
  expect_event (fixture, LECTERN_RTMP_EVENT_PLAY);
}

static void
test_nobody_came (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_TIMED_OUT, "x");

  play (fixture);
  lectern_rtmp_server_end (fixture->server, error);
  expect_command (fixture, "onStatus", "NetStream.Play.StreamNotFound");
}

static void
test_taken_over (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (GError) error = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "x");

  publish (fixture);
  lectern_rtmp_server_end (fixture->server, error);
  expect_command (fixture, "onStatus", "NetStream.Publish.BadName");
}

static void
test_harmless (Fixture *fixture, gconstpointer unused)
{
  static const char *const commands[]
      = { "releaseStream", "_checkbw", "getStreamLength", "FCUnsubscribe" };

  connect_client (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      request (fixture, commands[i], 0, "physics");
      expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
      expect_command (fixture, "_result", NULL);
    }
  request (fixture, "FCPublish", 0, "physics?key=secret");
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  g_assert_null (memmem (fixture->in->data, fixture->in->len, "secret", 6));
  expect_command (fixture, "_result", NULL);
  expect_command (fixture, "onFCPublish", "NetStream.Publish.Start");
  request (fixture, "makeCoffee", 0, "");
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  expect_command (fixture, "_error", "NetConnection.Call.Failed");
  lectern_rtmp_write_command (&fixture->out, 0, "makeTea", 0, NULL, NULL);
  lectern_rtmp_write_command (&fixture->out, 0, "_result", 1, NULL, NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  expect_silence (fixture);
}

static void
test_receive (Fixture *fixture, gconstpointer unused)
{
  connect_client (fixture);
  lectern_rtmp_write_command (&fixture->out, 1, "receiveVideo", 0, NULL,
                              g_variant_new_boolean (FALSE), NULL);
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  g_assert_false (lectern_rtmp_server_wants (fixture->server, LECTERN_MEDIA_VIDEO));
  g_assert_true (lectern_rtmp_server_wants (fixture->server, LECTERN_MEDIA_AUDIO));
}

/* */
static void
test_acknowledgement (Fixture *fixture, gconstpointer unused)
{
  g_auto (LecternRtmpMessage) message = { 0 };

  publish (fixture);
  lectern_rtmp_write_control (&fixture->out, LECTERN_RTMP_WINDOW_SIZE, 1);
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  expect_silence (fixture);
  lectern_rtmp_write_control (&fixture->out, LECTERN_RTMP_WINDOW_SIZE, 100000);
  put_media (fixture, LECTERN_RTMP_VIDEO, 0, 0x17, 90000);
  expect_event (fixture, LECTERN_RTMP_EVENT_MEDIA);
  expect_silence (fixture);
  put_media (fixture, LECTERN_RTMP_VIDEO, 0, 0x17, 20000);
  expect_event (fixture, LECTERN_RTMP_EVENT_MEDIA);
  g_assert_true (read_message (fixture, &message));
  g_assert_cmpuint (message.type, ==, LECTERN_RTMP_ACKNOWLEDGEMENT);
  expect_silence (fixture);
}

static void
test_pings (Fixture *fixture, gconstpointer unused)
{
  g_auto (LecternRtmpMessage) message = { 0 };

  connect_client (fixture);
  for (guint i = 0; i < 10000; i++)
    lectern_rtmp_write_user_control (&fixture->out, LECTERN_RTMP_PING_REQUEST, i);
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  g_assert_true (read_message (fixture, &message));
  g_assert_cmpuint (message.type, ==, LECTERN_RTMP_USER_CONTROL);
  g_assert_cmpmem (g_bytes_get_data (message.payload, NULL), 6, "\0\7\0\0\x27\x0f", 6);
  expect_silence (fixture);
}

static void
test_pings_the_player (Fixture *fixture, gconstpointer unused)
{
  g_auto (LecternRtmpMessage) message = { 0 };

  play (fixture);
  lectern_rtmp_server_ping (fixture->server, 0x01020304);
  g_assert_true (read_message (fixture, &message));
  g_assert_cmpmem (g_bytes_get_data (message.payload, NULL), 6, "\0\6\1\2\3\4", 6);
}

static void
put_aggregated (LecternByteWriter *to, guint8 type, guint32 time, gsize size)
{
  lectern_byte_writer_put_u8 (to, type);
  lectern_byte_writer_put_u24 (to, (guint32) size);
  lectern_byte_writer_put_u24 (to, time & 0xffffff);
  lectern_byte_writer_put_u8 (to, (guint8) (time >> 24));
  lectern_byte_writer_put_u24 (to, 0);
  put_fill (to, 0x17, size);
  lectern_byte_writer_put_u32 (to, (guint32) (size + 11));
}

static void
test_aggregate (Fixture *fixture, gconstpointer unused)
{
  static const guint32 times[] = { 100, 140, 0x1000000 };
  LecternRtmpHeader header = { 6, LECTERN_RTMP_AGGREGATE, 1, 1100 };
  g_auto (LecternByteWriter) body = { NULL };

  publish (fixture);
  lectern_byte_writer_init (&body, 4096);
  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    put_aggregated (&body, i == 1 ? LECTERN_RTMP_AUDIO : LECTERN_RTMP_VIDEO, times[i], 50 + i);
  lectern_rtmp_write_message (&fixture->out, &header, body.data, body.size,
                              LECTERN_RTMP_CHUNK_SIZE);
  for (guint i = 0; i < G_N_ELEMENTS (times); i++)
    {
      expect_event (fixture, LECTERN_RTMP_EVENT_MEDIA);
      g_assert_cmpuint (fixture->event.message.timestamp, ==, 1000 + times[i]);
      g_assert_cmpuint (g_bytes_get_size (fixture->event.message.payload), ==, 50 + i);
    }
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
  /* One that is cut within its second tag. */
  lectern_rtmp_write_message (&fixture->out, &header, body.data, 100, LECTERN_RTMP_CHUNK_SIZE);
  expect_event (fixture, LECTERN_RTMP_EVENT_MEDIA);
  expect_event (fixture, LECTERN_RTMP_EVENT_STRAY);
  expect_event (fixture, LECTERN_RTMP_EVENT_NONE);
}

/* All at once, in one piece, and then byte by byte. */
static void
test_pieces (Fixture *fixture, gconstpointer unused)
{
  static const LecternRtmpEventType expected[]
      = { LECTERN_RTMP_EVENT_CONNECT, LECTERN_RTMP_EVENT_PUBLISH, LECTERN_RTMP_EVENT_MEDIA,
          LECTERN_RTMP_EVENT_STOP };
  LecternByteWriter all;
  LecternRtmpHandshake client;
  guint next = 0;

  lectern_rtmp_handshake_init_client (&client, TRUE, &fixture->out);
  put_fill (&fixture->out, 0, LECTERN_RTMP_HANDSHAKE_SIZE);
  put_chunk (&fixture->out, 0, 2, 0, 4, LECTERN_RTMP_SET_CHUNK_SIZE, 0);
  lectern_byte_writer_put_u32 (&fixture->out, LECTERN_RTMP_CHUNK_SIZE);
  lectern_rtmp_write_command (&fixture->out, 0, "connect", 1, make_connect (NULL, NULL), NULL);
  lectern_rtmp_write_command (&fixture->out, 0, "createStream", 2, NULL, NULL);
  request (fixture, "publish", 1, "physics");
  put_media (fixture, LECTERN_RTMP_VIDEO, 0, 0x17, 1000);
  request (fixture, "closeStream", 1, "physics");
  all = fixture->out;
  lectern_byte_writer_init (&fixture->out, 4096);
  for (gsize i = 0; i < all.size; i++)
    {
      lectern_byte_writer_put_u8 (&fixture->out, all.data[i]);
      if (!feed (fixture))
        continue;
      g_assert_cmpint (fixture->event.type, ==, expected[next++]);
      if (lectern_rtmp_server_is_waiting (fixture->server))
        lectern_rtmp_server_answer (fixture->server, NULL);
    }
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (next, ==, G_N_ELEMENTS (expected));
  lectern_byte_writer_clear (&all);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*func) (Fixture *, gconstpointer);
    gconstpointer data;
  } tests[] = {
    { "connect", test_connect, NULL },
    { "connect-refused-without-the-reason", test_connect_refused, NULL },
    { "refuses-bad-connects", test_bad_connect, NULL },
    { "nothing-before-connect", test_before_connect, NULL },
    { "a-stranger-holds-little", test_stranger_budget, NULL },
    { "refuses-a-second-connect", test_second_connect, NULL },
    { "eight-message-streams", test_streams, NULL },
    { "publish", test_publish, NULL },
    { "refusals-have-codes", test_refusals, NULL },
    { "refuses-bad-names-to-publish", test_bad_names, "publish" },
    { "refuses-bad-names-to-play", test_bad_names, "play" },
    { "refuses-no-name-to-publish", test_name_of_wrong_type, "publish" },
    { "refuses-no-name-to-play", test_name_of_wrong_type, "play" },
    { "refuses-to-publish-on-no-stream", test_unknown_stream, "publish" },
    { "refuses-to-play-on-no-stream", test_unknown_stream, "play" },
    { "one-thing-at-a-time", test_one_thing_at_a_time, NULL },
    { "play", test_play, NULL },
    { "play-what-nobody-publishes", test_nobody_came, NULL },
    { "publisher-is-told-of-the-take-over", test_taken_over, NULL },
    { "harmless-commands", test_harmless, NULL },
    { "receive-audio-only", test_receive, NULL },
    { "acknowledges-each-window", test_acknowledgement, NULL },
    { "one-pong-for-a-flood", test_pings, NULL },
    { "pings-the-player", test_pings_the_player, NULL },
    { "takes-aggregates-apart", test_aggregate, NULL },
    { "byte-by-byte", test_pieces, NULL },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/rtmp/session/", tests[i].path, NULL);

      g_test_add (path, Fixture, tests[i].data, set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
