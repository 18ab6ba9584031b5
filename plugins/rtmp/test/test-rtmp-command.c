/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../lectern-rtmp-chunk-reader.h"
#include "../lectern-rtmp-command.h"
#include "../lectern-rtmp-target.h"

#include <math.h>
#include <string.h>

typedef struct
{
  LecternByteWriter body;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  lectern_byte_writer_init (&fixture->body, 1024 * 1024);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  lectern_byte_writer_clear (&fixture->body);
}

static void
put (Fixture *fixture, GVariant *value)
{
  g_assert_true (lectern_amf0_write (&fixture->body, value));
}

static void
put_text (Fixture *fixture, const char *text)
{
  put (fixture, g_variant_new_string (text));
}

static gboolean
parse (Fixture *fixture, guint8 type, LecternRtmpCommand *command, GError **error)
{
  g_auto (LecternRtmpMessage) message
      = { .type = type, .payload = g_bytes_new (fixture->body.data, fixture->body.size) };

  return lectern_rtmp_command_parse (&message, command, error);
}

static void
check_publish (Fixture *fixture, guint8 type)
{
  g_auto (LecternRtmpCommand) command = { NULL };
  g_autoptr (GError) error = NULL;
  const char *text;
  gboolean flag;
  double number;

  parse (fixture, type, &command, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (command.name, ==, "publish");
  g_assert_cmpfloat (command.transaction, ==, 5);
  g_assert_null (command.object);
  g_assert_cmpuint (command.n_arguments, ==, 3);
  g_assert_true (lectern_rtmp_command_get_text (&command, 0, &text, &error));
  g_assert_cmpstr (text, ==, "physics?key=1");
  g_assert_true (lectern_rtmp_command_get_number (&command, 1, 0, &number, &error));
  g_assert_cmpfloat (number, ==, 7);
  g_assert_true (lectern_rtmp_command_get_flag (&command, 2, FALSE, &flag, &error));
  g_assert_true (flag);
  g_assert_true (lectern_rtmp_command_get_number (&command, 3, 9, &number, &error));
  g_assert_cmpfloat (number, ==, 9);
  g_assert_false (lectern_rtmp_command_get_text (&command, 1, &text, NULL));
  g_assert_false (lectern_rtmp_command_get_number (&command, 2, 0, &number, NULL));
  g_assert_false (lectern_rtmp_command_get_flag (&command, 0, 0, &flag, NULL));
}

static void
put_publish (Fixture *fixture)
{
  put_text (fixture, "publish");
  put (fixture, g_variant_new_double (5));
  put (fixture, lectern_rtmp_null ());
  put_text (fixture, "physics?key=1");
  put (fixture, g_variant_new_double (7));
  put (fixture, g_variant_new_boolean (TRUE));
}

static void
test_amf0 (Fixture *fixture, gconstpointer unused)
{
  put_publish (fixture);
  check_publish (fixture, LECTERN_RTMP_COMMAND);
}

static void
test_amf3 (Fixture *fixture, gconstpointer unused)
{
  lectern_byte_writer_put_u8 (&fixture->body, 0);
  put_publish (fixture);
  check_publish (fixture, LECTERN_RTMP_COMMAND_AMF3);
}

/* cut anywhere it is an error or a shorter command, never more. */
static void
test_cut (Fixture *fixture, gconstpointer unused)
{
  gsize whole;

  put_publish (fixture);
  whole = fixture->body.size;
  for (gsize size = 0; size < whole; size++)
    {
      g_auto (LecternRtmpCommand) command = { NULL };
      g_autoptr (GError) error = NULL;

      fixture->body.size = size;
      g_assert_true (parse (fixture, LECTERN_RTMP_COMMAND, &command, &error) == (error == NULL));
      g_assert_cmpuint (command.n_arguments, <, 3);
    }
}

static void
check_refused (Fixture *fixture, gint code)
{
  g_auto (LecternRtmpCommand) command = { NULL };
  g_autoptr (GError) error = NULL;

  g_assert_false (parse (fixture, LECTERN_RTMP_COMMAND, &command, &error));
  g_assert_error (error, LECTERN_ERROR, code);
  fixture->body.size = 0;
}

static void
test_confusion (Fixture *fixture, gconstpointer unused)
{
  static const char *const names[] = { "", "a b", "a\n", "%s%n", "../x", "\xc3\xa4" };
  static const double transactions[] = { NAN, INFINITY, -INFINITY, -1 };

  put (fixture, g_variant_new_double (1));
  check_refused (fixture, LECTERN_ERROR_INVALID_DATA);
  put (fixture, g_variant_new_boolean (TRUE));
  check_refused (fixture, LECTERN_ERROR_INVALID_DATA);
  put (fixture, lectern_rtmp_null ());
  check_refused (fixture, LECTERN_ERROR_INVALID_DATA);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      put_text (fixture, names[i]);
      put (fixture, g_variant_new_double (1));
      check_refused (fixture, LECTERN_ERROR_INVALID_DATA);
    }
  for (guint i = 0; i < G_N_ELEMENTS (transactions); i++)
    {
      put_text (fixture, "connect");
      put (fixture, g_variant_new_double (transactions[i]));
      check_refused (fixture, LECTERN_ERROR_INVALID_DATA);
    }
  put_text (fixture, "connect");
  put_text (fixture, "1");
  check_refused (fixture, LECTERN_ERROR_INVALID_DATA);
}

static void
test_many_arguments (Fixture *fixture, gconstpointer unused)
{
  put_text (fixture, "play");
  put (fixture, g_variant_new_double (1));
  for (guint i = 0; i < 2 + LECTERN_RTMP_MAX_ARGUMENTS; i++)
    put (fixture, lectern_rtmp_null ());
  check_refused (fixture, LECTERN_ERROR_LIMIT);
}

static void
test_written (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LecternRtmpChunkReader) reader = lectern_rtmp_chunk_reader_new ();
  g_auto (LecternRtmpCommand) command = { NULL };
  g_auto (LecternRtmpMessage) message = { 0 };
  g_autoptr (GError) error = NULL;
  const char *code;

  lectern_rtmp_write_status (&fixture->body, 1, "status", "NetStream.Play.Start", "x");
  lectern_rtmp_chunk_reader_read (reader, fixture->body.data, fixture->body.size, &message, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (message.stream, ==, 1);
  g_assert_true (lectern_rtmp_command_parse (&message, &command, &error));
  g_assert_cmpstr (command.name, ==, "onStatus");
  g_assert_true (g_variant_lookup (command.arguments[0], "code", "&s", &code));
  g_assert_cmpstr (code, ==, "NetStream.Play.Start");
}

/* Data messages */

static void
parse_data (Fixture *fixture, LecternFlvScript *data)
{
  g_autoptr (GBytes) body = g_bytes_new (fixture->body.data, fixture->body.size);
  g_autoptr (GError) error = NULL;

  lectern_flv_script_parse (body, data, &error);
  g_assert_no_error (error);
}

static GVariant *
make_metadata (void)
{
  g_autofree char *text = g_strnfill (1000, 'x');
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "width", g_variant_new_double (1280));
  g_variant_builder_add (&builder, "{sv}", "stereo", g_variant_new_boolean (TRUE));
  g_variant_builder_add (&builder, "{sv}", "encoder", g_variant_new_string ("obs"));
  g_variant_builder_add (&builder, "{sv}", "duration", g_variant_new_double (NAN));
  g_variant_builder_add (&builder, "{sv}", "long", g_variant_new_string (text));
  g_variant_builder_add (&builder, "{sv}", "line", g_variant_new_string ("a\r\nb"));
  g_variant_builder_add (&builder, "{sv}", "bad\nkey", g_variant_new_double (1));
  g_variant_builder_add (&builder, "{sv}", "inner", g_variant_new ("a{sv}", NULL));
  return g_variant_builder_end (&builder);
}

static void
test_metadata (Fixture *fixture, gconstpointer user_data)
{
  g_auto (LecternFlvScript) data = { NULL };
  g_autofree char *printed = NULL;

  if (user_data != NULL)
    put_text (fixture, user_data);
  put_text (fixture, "onMetaData");
  g_assert_true (lectern_amf0_write_ecma_array (&fixture->body, make_metadata ()));
  parse_data (fixture, &data);
  printed = g_variant_print (data.metadata, FALSE);
  g_assert_cmpstr (printed, ==, "{'width': <1280.0>, 'stereo': <true>, 'encoder': <'obs'>}");
}

static void
test_clear_metadata (Fixture *fixture, gconstpointer unused)
{
  g_auto (LecternFlvScript) data = { NULL };

  put_text (fixture, "@clearDataFrame");
  put_text (fixture, "onMetaData");
  parse_data (fixture, &data);
  g_assert_cmpuint (g_variant_n_children (data.metadata), ==, 0);
}

static void
test_script (Fixture *fixture, gconstpointer user_data)
{
  g_auto (LecternFlvScript) data = { NULL };
  gsize start;

  if (user_data != NULL)
    put_text (fixture, user_data);
  start = fixture->body.size;
  put_text (fixture, "onTextData");
  put (fixture, make_metadata ());
  parse_data (fixture, &data);
  g_assert_null (data.metadata);
  g_assert_cmpmem (g_bytes_get_data (data.script, NULL), g_bytes_get_size (data.script),
                   fixture->body.data + start, fixture->body.size - start);
}

static void
test_private_data (Fixture *fixture, gconstpointer unused)
{
  g_auto (LecternFlvScript) data = { NULL };

  put_text (fixture, "|RtmpSampleAccess");
  put (fixture, g_variant_new_boolean (TRUE));
  parse_data (fixture, &data);
  g_assert_null (data.metadata);
  g_assert_null (data.script);
}

/* Names */

static void
check_app (const char *app, const char *tc_url, const char *expected, const char *expected_query)
{
  g_autofree char *name = NULL;
  g_autofree char *query = NULL;
  g_autoptr (GError) error = NULL;

  if (expected == NULL)
    {
      g_assert_false (lectern_rtmp_parse_app (app, tc_url, &name, &query, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
      return;
    }
  lectern_rtmp_parse_app (app, tc_url, &name, &query, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (name, ==, expected);
  g_assert_cmpstr (query, ==, expected_query);
}

static void
test_apps (Fixture *fixture, gconstpointer unused)
{
  g_autofree char *long_app = g_strnfill (64 * 1024, 'a');
  g_autofree char *long_query = g_strconcat ("live?", long_app, NULL);

  check_app ("live", NULL, "live", NULL);
  check_app ("live/", NULL, "live", NULL);
  check_app ("/live", NULL, "live", NULL);
  check_app ("/live/", "rtmp://host/live", "live", NULL);
  check_app ("live?", NULL, "live", NULL);
  check_app ("live?key=1", "rtmp://host/live?key=2", "live", "key=1");
  check_app ("live/?key=1", NULL, "live", "key=1");
  check_app ("live", "rtmp://host/live?key=2", "live", "key=2");
  check_app ("", NULL, NULL, NULL);
  check_app ("/", NULL, NULL, NULL);
  check_app ("a/b", NULL, NULL, NULL);
  check_app ("..", NULL, NULL, NULL);
  check_app ("../live", NULL, NULL, NULL);
  check_app ("live\\x", NULL, NULL, NULL);
  check_app ("%2e%2e", NULL, NULL, NULL);
  check_app ("li ve", NULL, NULL, NULL);
  check_app (long_app, NULL, NULL, NULL);
  check_app (long_query, NULL, NULL, NULL);
}

static void
check_name (const char *text, gboolean rendition, const char *expected, const char *expected_query)
{
  g_autofree char *thing = NULL;
  g_autofree char *query = NULL;
  g_autoptr (GError) error = NULL;

  if (expected == NULL)
    {
      g_assert_false (
          lectern_rtmp_parse_name ("live", "a=1", text, rendition, &thing, &query, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
      return;
    }
  lectern_rtmp_parse_name ("live", "a=1", text, rendition, &thing, &query, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (thing, ==, expected);
  g_assert_cmpstr (query, ==, expected_query);
}

/* */
static void
test_names (Fixture *fixture, gconstpointer unused)
{
  static const char *const refused[]
      = { "",     "..",     ".",      "../../tmp/x", "a/../b",        "%2e%2e",
          "a\\b", "/etc/x", "a\r\nb", "%s%n%x",      "\xc3\xa4",      "a\xff",
          "a b",  "a/b",    "a:b",    "?key=1",      "a\xef\xbf\xbd", "*",
          "a;b",  "a'b" };
  g_autofree char *long_name = g_strnfill (64 * 1024, 'a');
  g_autofree char *just_too_long = g_strnfill (129, 'a');

  check_name ("physics", FALSE, "live/physics", "a=1");
  check_name ("physics?key=1&b=2", FALSE, "live/physics", "key=1&b=2&a=1");
  check_name ("physics@480p", TRUE, "live/physics@480p", "a=1");
  check_name ("physics@480p", FALSE, NULL, NULL);
  check_name (NULL, TRUE, NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    check_name (refused[i], TRUE, NULL, NULL);
  check_name (long_name, TRUE, NULL, NULL);
  check_name (just_too_long, TRUE, NULL, NULL);
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
    { "command/amf0", test_amf0, NULL },
    { "command/amf3", test_amf3, NULL },
    { "command/cut-anywhere", test_cut, NULL },
    { "command/refuses-confused-types", test_confusion, NULL },
    { "command/refuses-many-arguments", test_many_arguments, NULL },
    { "command/reads-what-it-writes", test_written, NULL },
    { "data/metadata-is-sanitised", test_metadata, NULL },
    { "data/set-data-frame", test_metadata, "@setDataFrame" },
    { "data/clear-data-frame", test_clear_metadata, NULL },
    { "data/script", test_script, NULL },
    { "data/script-in-a-data-frame", test_script, "@setDataFrame" },
    { "data/private-is-dropped", test_private_data, NULL },
    { "target/apps", test_apps, NULL },
    { "target/names", test_names, NULL },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/rtmp/", tests[i].path, NULL);

      g_test_add (path, Fixture, tests[i].data, set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
