/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/lectern-relay-backoff.h"
#include "relay/lectern-relay-rule.h"

#include <string.h>

static void
good_values (void)
{
  static const struct
  {
    LecternRelayMode mode;
    const char *text;
    const char *stream;
    const char *shown;
  } table[] = {
    { LECTERN_RELAY_PULL, "live/a rtmp://h/live/b", "live/a", "rtmp://h/live/b" },
    { LECTERN_RELAY_PULL, "  live/a \t rtmp://u:p@h:99/live/b?key=s  ", "live/a",
      "rtmp://…@h:99/live/b?…" },
    { LECTERN_RELAY_PULL, "live/a file:///srv/a%20b.mp4", "live/a", "file:///srv/a%20b.mp4" },
    { LECTERN_RELAY_PULL, "live/a rtsp://h/x udp", "live/a", "rtsp://h/x" },
    { LECTERN_RELAY_ON_DEMAND, "live http://h/live/{name}.flv", "live",
      "http://h/live/{name}.flv" },
    { LECTERN_RELAY_ON_DEMAND, "live/a rtmp://[2001:db8::1]/live/a", "live/a",
      "rtmp://[2001:db8::1]/live/a" },
    { LECTERN_RELAY_PUSH, "live rtmp://h/app", "live", "rtmp://h/app" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LecternRelayRule) rule
          = lectern_relay_rule_parse (table[i].mode, table[i].text, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (rule->stream, ==, table[i].stream);
      g_assert_cmpstr (rule->shown, ==, table[i].shown);
      g_assert_cmpuint (strlen (rule->id), ==, 8);
      g_assert_true (rule->fixed);
    }
}

static void
bad_values (void)
{
  static const struct
  {
    LecternRelayMode mode;
    const char *text;
  } table[] = {
    { LECTERN_RELAY_PULL, "" },
    { LECTERN_RELAY_PULL, "live/a" },
    { LECTERN_RELAY_PULL, "rtmp://h/live/a" },
    { LECTERN_RELAY_PULL, "live rtmp://h/live" },
    { LECTERN_RELAY_PULL, "live/a@480p rtmp://h/live/a" },
    { LECTERN_RELAY_PULL, "live/../a rtmp://h/live/a" },
    { LECTERN_RELAY_PULL, "live/a h/live/a" },
    { LECTERN_RELAY_PULL, "live/a rtmp:///live/a" },
    { LECTERN_RELAY_PULL, "live/a rtmp://h:0/live/a" },
    { LECTERN_RELAY_PULL, "live/a rtmp://h:99999/live/a" },
    { LECTERN_RELAY_PULL, "live/a rtmp://h/live/a#x" },
    { LECTERN_RELAY_PULL, "live/a rtmp://h/live/\"a" },
    { LECTERN_RELAY_PULL, "live/a rtmp://h/live/\xc3\xa9" },
    { LECTERN_RELAY_PULL, "live/a rtmp://h/live/a udp" },
    { LECTERN_RELAY_PULL, "live/a rtsp://h/live/a quic" },
    { LECTERN_RELAY_PULL, "live/a rtsp://h/live/a udp tcp" },
    { LECTERN_RELAY_PULL, "live/a file://host/x.mp4" },
    { LECTERN_RELAY_PULL, "live/a file:///" },
    { LECTERN_RELAY_PULL, "live/a file:x.mp4" },
    { LECTERN_RELAY_ON_DEMAND, "live file:///srv" },
    { LECTERN_RELAY_ON_DEMAND, "li@ve rtmp://h/live" },
    { LECTERN_RELAY_PUSH, "live/a/b rtmp://h/live" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (lectern_relay_rule_parse (table[i].mode, table[i].text, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
    }
}

static void
secrets_are_not_told (void)
{
  g_autofree char *long_url = g_strnfill (3000, 's');
  g_autofree char *text = g_strconcat ("live/a rtmp://u:hush@h/", long_url, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (lectern_relay_rule_parse (LECTERN_RELAY_PULL, text, &error));
  g_assert_null (strstr (error->message, "hush"));
  g_clear_error (&error);
  g_assert_null (lectern_relay_rule_new ("ID", LECTERN_RELAY_PULL, "live/a", "rtmp://u:hush@h:0/a",
                                         NULL, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
  g_assert_null (strstr (error->message, "hush"));
}

static void
keys_in_the_path_of_a_push_are_not_told (void)
{
  static const struct
  {
    const char *text;
    const char *shown;
  } rows[] = {
    { "live/a rtmp://u:p@h/live2/abcd-efgh", "rtmp://…@h/live2/…" },
    { "live/a rtmps://h:443/rtmp/FB-1?s_bl=1", "rtmps://h:443/rtmp/…?…" },
    { "live/a rtmp://h/live/a", "rtmp://h/live/a" },
    { "live/a rtmp://h/live/{name}", "rtmp://h/live/{name}" },
    { "live/a rtmp://h", "rtmp://h" },
    { "live rtmp://h/app", "rtmp://h/app" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (LecternRelayRule) rule
          = lectern_relay_rule_parse (LECTERN_RELAY_PUSH, rows[i].text, NULL);

      g_assert_cmpstr (rule->shown, ==, rows[i].shown);
    }
}

static void
addresses_of_streams (void)
{
  static const struct
  {
    LecternRelayMode mode;
    const char *stream;
    const char *url;
    const char *name;
    const char *query;
    const char *expected;
  } table[] = {
    { LECTERN_RELAY_ON_DEMAND, "live", "rtmp://h/live", "live/a", NULL, "rtmp://h/live/a" },
    { LECTERN_RELAY_ON_DEMAND, "live", "rtmp://h/live/", "live/a", "t=1&gop=0",
      "rtmp://h/live/a?t=1" },
    { LECTERN_RELAY_ON_DEMAND, "live", "rtmp://h/live?key=k", "live/a", "t=1",
      "rtmp://h/live/a?key=k" },
    { LECTERN_RELAY_ON_DEMAND, "live", "http://h/x/{name}.flv", "live/a",
      "session=x&video=0&a=b&_HLS_msn=3&c=d", "http://h/x/a.flv?a=b&c=d" },
    { LECTERN_RELAY_ON_DEMAND, "live", "rtmp://h/live", "live/a", "a=\"b&#", "rtmp://h/live/a" },
    { LECTERN_RELAY_ON_DEMAND, "live/a", "rtmp://h/live/b", "live/a", "t=1",
      "rtmp://h/live/b?t=1" },
    { LECTERN_RELAY_PULL, "live/a", "rtmp://h/live/b?x", "live/a", NULL, "rtmp://h/live/b?x" },
    { LECTERN_RELAY_PUSH, "live", "rtmp://h/up?key=k", "live/a", NULL, "rtmp://h/up/a?key=k" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (LecternRelayRule) rule
          = lectern_relay_rule_new ("ID", table[i].mode, table[i].stream, table[i].url, NULL, NULL);
      g_autofree char *url = lectern_relay_rule_make_url (rule, table[i].name, table[i].query);

      g_assert_cmpstr (url, ==, table[i].expected);
      g_assert_true (lectern_relay_rule_matches (rule, table[i].name));
    }
}

static void
what_a_rule_is_about (void)
{
  g_autoptr (LecternRelayRule) app
      = lectern_relay_rule_new ("A", LECTERN_RELAY_PUSH, "live", "rtmp://h/x", NULL, NULL);
  g_autoptr (LecternRelayRule) one
      = lectern_relay_rule_new ("B", LECTERN_RELAY_PUSH, "live/a", "rtmp://h/x", NULL, NULL);

  g_assert_true (lectern_relay_rule_matches (app, "live/a"));
  g_assert_false (lectern_relay_rule_matches (app, "live2/a"));
  g_assert_false (lectern_relay_rule_matches (app, "live/a@480p"));
  g_assert_true (lectern_relay_rule_matches (one, "live/a"));
  g_assert_false (lectern_relay_rule_matches (one, "live/ab"));
  g_assert_true (lectern_relay_url_names ("rtmp://h/live/a?x", "live/a"));
  g_assert_true (lectern_relay_url_names ("http://h/live/a.flv", "live/a"));
  g_assert_true (lectern_relay_url_names ("http://h/li%76e/a.flv", "live/a"));
  g_assert_false (lectern_relay_url_names ("http://h/live/ab.flv", "live/a"));
  g_assert_false (lectern_relay_url_names ("http://h/copy/a", "live/a"));
}

static void
same_content_same_id (void)
{
  g_autoptr (LecternRelayRule) a
      = lectern_relay_rule_parse (LECTERN_RELAY_PULL, "live/a rtmp://h/live/a", NULL);
  g_autoptr (LecternRelayRule) b
      = lectern_relay_rule_parse (LECTERN_RELAY_PULL, " live/a  rtmp://h/live/a", NULL);
  g_autoptr (LecternRelayRule) c
      = lectern_relay_rule_parse (LECTERN_RELAY_PULL, "live/a rtmp://h/live/c", NULL);

  g_assert_cmpstr (a->id, ==, b->id);
  g_assert_cmpstr (a->id, !=, c->id);
}

static void
backoff_doubles (void)
{
  static const gint64 seconds[] = { 1, 2, 4, 8, 16, 30, 30 };
  LecternRelayBackoff backoff = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (seconds); i++)
    g_assert_cmpint (lectern_relay_backoff_next (&backoff, FALSE, 0), ==,
                     seconds[i] * G_USEC_PER_SEC);
  g_assert_cmpint (lectern_relay_backoff_next (&backoff, TRUE, 0), ==, G_USEC_PER_SEC);
  g_assert_cmpint (lectern_relay_backoff_next (&backoff, FALSE, 1), ==,
                   30 * G_USEC_PER_SEC * 3 / 4);
}

static void
backoff_is_forgotten_by_what_works (void)
{
  LecternRelayBackoff backoff = { .failures = 4 };

  lectern_relay_backoff_worked (&backoff, G_USEC_PER_SEC);
  g_assert_cmpint (lectern_relay_backoff_next (&backoff, FALSE, 0), ==, 16 * G_USEC_PER_SEC);
  lectern_relay_backoff_worked (&backoff, 10 * G_USEC_PER_SEC);
  g_assert_cmpint (lectern_relay_backoff_next (&backoff, FALSE, 0), ==, 100000);
  g_assert_cmpint (lectern_relay_backoff_next (&backoff, FALSE, 0), ==, G_USEC_PER_SEC);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/relay/rule/good-values", good_values);
  g_test_add_func ("/relay/rule/bad-values", bad_values);
  g_test_add_func ("/relay/rule/secrets-are-not-told", secrets_are_not_told);
  g_test_add_func ("/relay/rule/keys-in-the-path-of-a-push-are-not-told",
                   keys_in_the_path_of_a_push_are_not_told);
  g_test_add_func ("/relay/rule/addresses-of-streams", addresses_of_streams);
  g_test_add_func ("/relay/rule/what-a-rule-is-about", what_a_rule_is_about);
  g_test_add_func ("/relay/rule/same-content-same-id", same_content_same_id);
  g_test_add_func ("/relay/backoff/doubles", backoff_doubles);
  g_test_add_func ("/relay/backoff/is-forgotten-by-what-works", backoff_is_forgotten_by_what_works);
  return g_test_run ();
}
