/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* User and password: what a server asks for and what it is answered, by vectors made elsewhere. */
#include "../lectern-rtmp-login.h"

#include <string.h>

#define REJECT "[ AccessManager.Reject ] : "

static LecternRtmpLogin
make_login (const char *user)
{
  LecternRtmpLogin login = { .user = g_strdup (user), .password = g_strdup ("secret") };

  return login;
}

static void
check_answer (LecternRtmpLogin *login, const char *description, const char *app,
              const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = lectern_rtmp_login_answer (login, description, app, "00000001", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (answer, ==, expected);
}

static void
check_refusal (LecternRtmpLogin *login, const char *description, LecternError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (lectern_rtmp_login_answer (login, description, "live", NULL, &error));
  g_assert_error (error, LECTERN_ERROR, (int) code);
  g_assert_null (strstr (error->message, "secret"));
}

static void
test_is_asked (void)
{
  g_assert_true (lectern_rtmp_login_is_asked (REJECT "[ code=403 need auth; authmod=adobe ] : "));
  g_assert_false (lectern_rtmp_login_is_asked ("no such application"));
}

static void
test_adobe (void)
{
  g_auto (LecternRtmpLogin) login = make_login ("me");

  check_answer (&login, REJECT "[ code=403 need auth; authmod=adobe ] : ", "live",
                "authmod=adobe&user=me");
  check_answer (&login,
                REJECT "[ authmod=adobe ] : ?reason=needauth&user=me&salt=SALT&challenge=CHA"
                       "&opaque=OPQ=",
                "live",
                "authmod=adobe&user=me&challenge=00000001&response=JQDyloa73X0MbfMlrzK7RQ==&opaque="
                "OPQ=");
  check_refusal (&login, REJECT "[ authmod=adobe ] : ?reason=needauth&salt=SALT&challenge=CHA",
                 LECTERN_ERROR_DENIED);
}

/* It may ask at once, and more may stand behind. */
static void
test_adobe_without_opaque (void)
{
  g_auto (LecternRtmpLogin) login = make_login ("me");

  check_answer (
      &login, "[ authmod=adobe ] : ?reason=needauth&user=me&salt=SALT&challenge=CHA\r\n more",
      "live", "authmod=adobe&user=me&challenge=00000001&response=711fYESEO1oaM5LrEzVfjw==");
}

static void
test_llnw (void)
{
  static const struct
  {
    const char *app;
    const char *response;
  } rows[] = { { "live", "e6c34b7456eec7e1d432b43f6d67f99b" },
               { "live/x", "6f9978a7047a7439f013b9437b41149c" } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (LecternRtmpLogin) login = make_login ("me");
      g_autofree char *expected = g_strconcat (
          "authmod=llnw&user=me&nonce=NON&cnonce=00000001&nc=00000001&response=", rows[i].response,
          NULL);

      check_answer (&login, "[ authmod=llnw ] : ?reason=needauth&user=me&nonce=NON", rows[i].app,
                    expected);
    }
}

static void
test_a_user_is_escaped (void)
{
  g_auto (LecternRtmpLogin) login = make_login ("a&b c");

  check_answer (&login, "code=403 need auth; authmod=llnw", "live", "authmod=llnw&user=a%26b%20c");
}

static void
test_refusals (void)
{
  static const char *const rejected[] = {
    "[ authmod=adobe ] : ?reason=authfailed&opaque=a",
    "[ authmod=adobe ] : ?reason=nosuchuser",
  };
  static const char *const broken[] = {
    "[ authmod=adobe ] : ?reason=needauth",
    "[ authmod=adobe ] : ?reason=needauth&challenge=a",
    "[ authmod=adobe ] : ?reason=needauth&salt=a\001b",
    "[ authmod=adobe ] : ?reason=needauth&salt=a&opaque=b#c",
    "[ authmod=llnw ] : ?reason=needauth&salt=a",
  };
  LecternRtmpLogin nobody = { NULL };
  g_autofree char *salt = g_strnfill (1000, 's');
  g_autofree char *huge = g_strconcat ("authmod=adobe ?reason=needauth&salt=", salt, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (rejected); i++)
    {
      g_auto (LecternRtmpLogin) login = make_login ("me");

      check_refusal (&login, rejected[i], LECTERN_ERROR_DENIED);
    }
  for (guint i = 0; i <= G_N_ELEMENTS (broken); i++)
    {
      g_auto (LecternRtmpLogin) login = make_login ("me");

      check_refusal (&login, i < G_N_ELEMENTS (broken) ? broken[i] : huge,
                     LECTERN_ERROR_INVALID_DATA);
    }
  check_refusal (&nobody, "code=403 need auth; authmod=adobe", LECTERN_ERROR_DENIED);
  check_refusal (&nobody, "authmod=other", LECTERN_ERROR_NOT_SUPPORTED);
}

static void
test_named_in_vain (void)
{
  g_auto (LecternRtmpLogin) login = make_login ("me");

  check_answer (&login, "code=403 need auth; authmod=adobe", "live", "authmod=adobe&user=me");
  check_refusal (&login, "code=403 need auth; authmod=adobe", LECTERN_ERROR_DENIED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtmp/login/is-asked", test_is_asked);
  g_test_add_func ("/rtmp/login/adobe", test_adobe);
  g_test_add_func ("/rtmp/login/adobe-without-opaque", test_adobe_without_opaque);
  g_test_add_func ("/rtmp/login/llnw", test_llnw);
  g_test_add_func ("/rtmp/login/a-user-is-escaped", test_a_user_is_escaped);
  g_test_add_func ("/rtmp/login/refusals", test_refusals);
  g_test_add_func ("/rtmp/login/named-in-vain", test_named_in_vain);
  return g_test_run ();
}
