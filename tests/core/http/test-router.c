/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-router.h"

#include <string.h>

static void
ignore (LecternHttpExchange *exchange, gpointer user_data)
{
}

static void
count_free (gpointer data)
{
  *(guint *) data += 1;
}

static LecternHttpRoute *
make_route (const char *method, const char *pattern, const char *thing, GError **error)
{
  return lectern_http_route_new (method, pattern, LECTERN_ACTION_PLAY, thing, ignore,
                                 g_main_context_default (), error);
}

typedef struct
{
  const char *method;
  const char *pattern;
} RouteRow;

/* Ids are the row's number and one. In an order that is not the order of the match. */
static const RouteRow rows[] = {
  { "GET", "/{path*}" },
  { "GET", "/{app}/{name}" },
  { "GET", "/live/{name}" },
  { "GET", "/live/{name}.flv" },
  { "WEBSOCKET", "/live/{name}.flv" },
  { "GET", "/live/{name}.m3u8" },
  { "GET", "/live/special.flv" },
  { "GET", "/live/s{name}.flv" },
  { "GET", "/live/{name}/index.m3u8" },
  { "GET", "/" },
  { "POST", "/api/v1/streams" },
  { "GET", "/api/v1/streams" },
  { "DELETE", "/api/v1/streams/{id}" },
  { "GET", "/page/" },
  { "GET", "/files/{path*}" },
  { "OPTIONS", "/api/v1/{any}" },
  { "WEBSOCKET", "/socket/" },
};

typedef struct
{
  const char *method;
  const char *path;
  guint id; /* 0: none */
  const char *parameters;
} FindRow;

static const FindRow finds[] = {
  { "GET", "/", 10, "" },
  { "GET", "/live/special.flv", 7, "" },
  { "GET", "/live/spatial.flv", 8, "name=patial" },
  { "GET", "/live/maths.flv", 4, "name=maths" },
  { "HEAD", "/live/maths.flv", 4, "name=maths" },
  { "WEBSOCKET", "/live/maths.flv", 5, "name=maths" },
  { "WEBSOCKET", "/live/special.flv", 5, "name=special" },
  { "GET", "/live/maths.m3u8", 6, "name=maths" },
  { "HEAD", "/live/maths.m3u8", 6, "name=maths" },
  { "GET", "/live/a.b.flv", 4, "name=a.b" },
  { "GET", "/live/.flv", 3, "name=.flv" },
  { "GET", "/live/maths", 3, "name=maths" },
  { "GET", "/live/maths/index.m3u8", 9, "name=maths" },
  { "GET", "/other/maths", 2, "app=other name=maths" },
  { "GET", "/other", 1, "path=other" },
  { "GET", "/a/b/c/d", 1, "path=a/b/c/d" },
  { "GET", "/files/a/b", 15, "path=a/b" },
  { "GET", "/files/a", 15, "path=a" },
  { "GET", "/page/", 14, "" },
  { "GET", "/page", 1, "path=page" },
  { "POST", "/api/v1/streams", 11, "" },
  { "DELETE", "/api/v1/streams/7", 13, "id=7" },
  { "OPTIONS", "/api/v1/streams", 16, "any=streams" },
  { "GET", "/a/", 1, "path=a/" },
  { "GET", "/live/", 1, "path=live/" },
  { "GET", "//a", 0, NULL },
  { "GET", "//etc/passwd", 0, NULL },
  { "GET", "/files//etc/passwd", 0, NULL },
  { "GET", "/files/a//b", 0, NULL },
  { "POST", "/live/maths.flv", 0, NULL },
  { "PUT", "/", 0, NULL },
  { "DELETE", "/api/v1/streams", 0, NULL },
  { "DELETE", "/api/v1/streams/", 0, NULL },
  { "DELETE", "/api/v1/streams/7/8", 0, NULL },
  { "WEBSOCKET", "/socket", 0, NULL },
};

static LecternHttpRouter *
make_router (LecternHttpRoute **routes)
{
  g_autoptr (LecternHttpRouter) router = lectern_http_router_new ();
  guint i;

  for (i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      LecternHttpRouter *more;

      routes[i] = make_route (rows[i].method, rows[i].pattern, NULL, &error);
      g_assert_no_error (error);
      more = lectern_http_router_add (router, routes[i], i + 1, &error);
      g_assert_no_error (error);
      lectern_http_router_unref (router);
      router = more;
    }
  return g_steal_pointer (&router);
}

static void
clear_routes (LecternHttpRoute **routes)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (rows); i++)
    lectern_http_route_unref (routes[i]);
}

static char *
print_match (const LecternHttpMatch *match)
{
  GString *text = g_string_new (NULL);
  guint i;

  for (i = 0; i < match->size; i++)
    g_string_append_printf (text, "%s%s=%s", i > 0 ? " " : "", match->names[i], match->values[i]);
  return g_string_free (text, FALSE);
}

static void
test_find (void)
{
  LecternHttpRoute *routes[G_N_ELEMENTS (rows)];
  g_autoptr (LecternHttpRouter) router = make_router (routes);
  LecternHttpMatch match = { 0 };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (finds); i++)
    {
      g_autoptr (LecternHttpRoute) found
          = lectern_http_router_find (router, finds[i].method, finds[i].path, &match);
      g_autofree char *parameters = print_match (&match);

      g_test_message ("%s %s", finds[i].method, finds[i].path);
      g_assert_true (found == (finds[i].id > 0 ? routes[finds[i].id - 1] : NULL));
      g_assert_cmpstr (parameters, ==, finds[i].id > 0 ? finds[i].parameters : "");
    }
  lectern_http_match_clear (&match);
  clear_routes (routes);
}

static void
test_methods (void)
{
  static const struct
  {
    const char *path;
    const char *methods;
    gboolean websocket;
  } cases[] = {
    { "/live/x.flv", "GET, HEAD, OPTIONS", TRUE },
    { "/api/v1/streams", "GET, HEAD, POST, OPTIONS", FALSE },
    { "/socket/", "GET, HEAD, OPTIONS", TRUE },
    { "//", NULL, FALSE },
  };
  LecternHttpRoute *routes[G_N_ELEMENTS (rows)];
  g_autoptr (LecternHttpRouter) router = make_router (routes);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gboolean websocket;
      g_autofree char *methods
          = lectern_http_router_list_methods (router, cases[i].path, &websocket);

      g_assert_cmpstr (methods, ==, cases[i].methods);
      g_assert_cmpint (websocket, ==, cases[i].websocket);
    }
  clear_routes (routes);
}

static void
test_conflicts (void)
{
  static const char *const taken[]
      = { "/live/{other}.flv", "/live/special.flv", "/", "/{anything*}", "/{a}/{b}" };
  LecternHttpRoute *routes[G_N_ELEMENTS (rows)];
  g_autoptr (LecternHttpRouter) router = make_router (routes);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (taken); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LecternHttpRoute) route = make_route ("GET", taken[i], NULL, NULL);

      g_assert_null (lectern_http_router_add (router, route, 100, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
    }
  clear_routes (routes);
}

static void
test_patterns (void)
{
  static const char *const bad[] = {
    "",
    "a",
    "*",
    "//",
    "/a//b",
    "/{}",
    "/{*}",
    "/{a",
    "/a}",
    "/{a}{b}",
    "/{a}x{b}",
    "/{a*}x",
    "/x{a*}",
    "/}a{",
    "/{{a}",
    "/{a}}",
    "/{a*}/b",
    "/{a**}",
    "/a/{b}/{c*}/",
    "/}",
    "/{",
    "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad[i]);
      g_assert_null (make_route ("GET", bad[i], NULL, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA);
    }
}

static void
test_things (void)
{
  static const struct
  {
    const char *pattern;
    const char *thing;
    const char *path;
    const char *filled; /* NULL: refused */
  } cases[] = {
    { "/{app}/{name}.flv", "{app}/{name}", "/live/a.flv", "live/a" },
    { "/{app}/{name}", "{name}/{app}!", "/live/a", "a/live!" },
    { "/x/{name}", "live/{name}", "/x/a", "live/a" },
    { "/x/{name}", "fixed", "/x/a", "fixed" },
    { "/x/{name*}", "live/{name}", "/x/a", "live/a" },
    { "/x/{name*}", "live/{name}", "/x/a/b", NULL },
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LecternHttpRoute) route
          = make_route ("GET", cases[i].pattern, cases[i].thing, NULL);
      g_autoptr (LecternHttpRouter) empty = lectern_http_router_new ();
      g_autoptr (LecternHttpRouter) router = lectern_http_router_add (empty, route, 1, NULL);
      g_autofree char *filled = NULL;
      LecternHttpMatch match = { 0 };
      LecternHttpRoute *found = lectern_http_router_find (router, "GET", cases[i].path, &match);

      g_assert_true (found == route);
      g_assert_cmpint (lectern_http_route_fill_thing (found, &match, &filled), ==,
                       cases[i].filled != NULL);
      g_assert_cmpstr (filled, ==, cases[i].filled);
      lectern_http_match_clear (&match);
      lectern_http_route_unref (found);
    }
  g_assert_null (make_route ("GET", "/{a}", "{b}", NULL));
  g_assert_null (make_route ("GET", "/{a}", "{a", NULL));
}

static void
test_remove (void)
{
  g_autoptr (LecternHttpRouter) empty = lectern_http_router_new ();
  g_autoptr (LecternHttpRouter) one = NULL;
  g_autoptr (LecternHttpRouter) none = NULL;
  LecternHttpRoute *route = make_route ("GET", "/a", NULL, NULL);
  LecternHttpMatch match = { 0 };
  guint freed = 0;

  lectern_http_route_set_user_data (route, &freed, count_free);
  one = lectern_http_router_add (empty, route, 5, NULL);
  lectern_http_route_unref (route);
  none = lectern_http_router_remove (one, 5);
  g_assert_null (lectern_http_router_find (empty, "GET", "/a", &match));
  g_assert_null (lectern_http_router_find (none, "GET", "/a", &match));
  route = lectern_http_router_find (one, "GET", "/a", &match);
  g_assert_nonnull (route);
  g_clear_pointer (&one, lectern_http_router_unref);
  g_assert_cmpuint (freed, ==, 0);
  lectern_http_route_unref (route);
  g_assert_cmpuint (freed, ==, 1);
}

static void
test_limit (void)
{
  g_autoptr (LecternHttpRouter) router = lectern_http_router_new ();
  g_autoptr (GError) error = NULL;
  guint i;

  for (i = 0; error == NULL; i++)
    {
      g_autofree char *pattern = g_strdup_printf ("/%u", i);
      g_autoptr (LecternHttpRoute) route = make_route ("GET", pattern, NULL, NULL);
      LecternHttpRouter *more = lectern_http_router_add (router, route, i + 1, &error);

      if (more == NULL)
        break;
      lectern_http_router_unref (router);
      router = more;
    }
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT);
  g_assert_cmpuint (i, ==, LECTERN_HTTP_ROUTES_MAX);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/router/finds-the-most-literal", test_find);
  g_test_add_func ("/http/router/lists-methods", test_methods);
  g_test_add_func ("/http/router/refuses-a-taken-route", test_conflicts);
  g_test_add_func ("/http/router/refuses-bad-patterns", test_patterns);
  g_test_add_func ("/http/router/fills-things-without-slashes", test_things);
  g_test_add_func ("/http/router/frees-a-route-after-its-last-user", test_remove);
  g_test_add_func ("/http/router/is-bounded", test_limit);
  return g_test_run ();
}
