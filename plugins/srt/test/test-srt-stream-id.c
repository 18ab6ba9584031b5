/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "srt/lectern-srt-stream-id.h"

static void
test_what_is_understood (void)
{
  static const struct
  {
    const char *text, *thing, *query;
  } rows[] = {
    { "publish:live/a", "live/a", NULL },
    { "publish:live/a?", "live/a", NULL },
    { "publish:/live/a?key=k&x=%20", "live/a", "key=k&x=%20" },
    { "#!::r=live/a,m=publish", "live/a", NULL },
    { "#!::m=publish,r=/live/a,s=k", "live/a", "key=k" },
    { "#!::r=live/a?x=1,m=publish,s=k", "live/a", "x=1&key=k" },
    { "#!::r=live/a?key=k,m=publish", "live/a", "key=k" },
    { "#!::u=teacher,h=example.edu,t=stream,r=live/a,m=publish,key=k", "live/a", "key=k" },
    { "#!::r=live/a,m=publish,sign=a&b=c d,s=é", "live/a", "sign=a%26b%3Dc%20d&key=%C3%A9" },
    { "#!::r=live/a,m=publish,s=", "live/a", "key=" },
    { "#!::r=live/a,m=publish,s=a=b", "live/a", "key=a%3Db" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *thing = NULL;
      g_autofree char *query = NULL;

      g_assert_true (lectern_srt_stream_id_parse (rows[i].text, &thing, &query, &error));
      g_assert_no_error (error);
      g_assert_cmpstr (thing, ==, rows[i].thing);
      g_assert_cmpstr (query, ==, rows[i].query);
    }
}

static void
test_what_is_refused (void)
{
  g_autofree char *longest = g_strnfill (600, 'a');
  const struct
  {
    const char *text;
    LecternError code;
  } rows[] = {
    { "", LECTERN_ERROR_INVALID_DATA },
    { longest, LECTERN_ERROR_INVALID_DATA },
    { "publish:", LECTERN_ERROR_INVALID_DATA },
    { "publish:?key=k", LECTERN_ERROR_INVALID_DATA },
    { "publish:/", LECTERN_ERROR_INVALID_DATA },
    { "publish:a", LECTERN_ERROR_INVALID_DATA },
    { "publish:live/a/b", LECTERN_ERROR_INVALID_DATA },
    { "publish:live/..", LECTERN_ERROR_INVALID_DATA },
    { "publish:live/a@480p", LECTERN_ERROR_INVALID_DATA },
    { "publish:live/a\nb", LECTERN_ERROR_INVALID_DATA },
    { "publish:live/a?key=\xff", LECTERN_ERROR_INVALID_DATA },
    { "live/a", LECTERN_ERROR_NOT_SUPPORTED },
    { "read:live/a", LECTERN_ERROR_NOT_SUPPORTED },
    { "#!:{r=live/a}", LECTERN_ERROR_NOT_SUPPORTED },
    { "#!::", LECTERN_ERROR_NOT_SUPPORTED },
    { "#!::r=live/a", LECTERN_ERROR_NOT_SUPPORTED },
    { "#!::r=live/a,m=request", LECTERN_ERROR_NOT_SUPPORTED },
    { "#!::r=live/a,m=bidirectional", LECTERN_ERROR_NOT_SUPPORTED },
    { "#!::r=live/a,m=publish,t=file", LECTERN_ERROR_NOT_SUPPORTED },
    { "#!::m=publish,s=k", LECTERN_ERROR_INVALID_DATA },
    { "#!::r=live/a,r=live/b,m=publish", LECTERN_ERROR_INVALID_DATA },
    { "#!::r=live/a,m=publish,", LECTERN_ERROR_INVALID_DATA },
    { "#!::r=live/a,m=publish,=k", LECTERN_ERROR_INVALID_DATA },
    { "#!::r=live/a,m=publish,a&key=k", LECTERN_ERROR_INVALID_DATA },
    { "#!::r=live/a,m=publish,a=1,b=1,c=1,d=1,e=1,f=1,g=1,i=1,j=1,k=1,l=1,n=1,o=1,p=1,q=1",
      LECTERN_ERROR_INVALID_DATA },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *thing = NULL;
      g_autofree char *query = NULL;

      g_assert_false (lectern_srt_stream_id_parse (rows[i].text, &thing, &query, &error));
      g_assert_error (error, LECTERN_ERROR, (int) rows[i].code);
      g_assert_null (thing);
      g_assert_null (query);
    }
}

static void
test_keys_are_not_repeated_in_errors (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *thing = NULL;
  g_autofree char *query = NULL;

  g_assert_false (
      lectern_srt_stream_id_parse ("publish:live/a/b?key=secret", &thing, &query, &error));
  g_assert_null (strstr (error->message, "secret"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/srt/stream-id/what-is-understood", test_what_is_understood);
  g_test_add_func ("/srt/stream-id/what-is-refused", test_what_is_refused);
  g_test_add_func ("/srt/stream-id/keys-are-not-repeated-in-errors",
                   test_keys_are_not_repeated_in_errors);
  return g_test_run ();
}
