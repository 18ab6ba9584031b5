/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-dispatch.h"

#include "http/lectern-websocket-private.h"

#include <string.h>

#define ALL_METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

static LecternAccessRequest *
answer (LecternHttpExchange *exchange, guint status, const char *detail)
{
  lectern_http_exchange_respond_problem (exchange, status, detail);
  return NULL;
}

/* An OPTIONS of our own, and the question of a browser before a request to another origin. */
static LecternAccessRequest *
answer_options (LecternHttpExchange *exchange, const char *methods)
{
  const char *wanted
      = lectern_http_request_get (&exchange->request, "Access-Control-Request-Headers");

  lectern_http_exchange_set_header (exchange, "Allow", methods);
  if (lectern_http_request_get (&exchange->request, "Access-Control-Request-Method") != NULL)
    {
      lectern_http_exchange_set_header (exchange, "Access-Control-Allow-Methods", methods);
      lectern_http_exchange_set_header (exchange, "Access-Control-Max-Age", "600");
      if (wanted != NULL)
        lectern_http_exchange_set_header (exchange, "Access-Control-Allow-Headers",
                                          "Authorization, Content-Type, Range, If-Range, "
                                          "If-None-Match");
    }
  lectern_http_exchange_respond (exchange, 204, NULL, NULL);
  return NULL;
}

/* Nothing serves the method: says why. */
static LecternAccessRequest *
answer_unrouted (LecternHttpExchange *exchange, LecternHttpRouter *router)
{
  const LecternHttpRequest *request = &exchange->request;
  gboolean websocket;
  g_autofree char *methods = lectern_http_router_list_methods (router, request->path, &websocket);

  if (methods == NULL)
    return answer (exchange, 404, "There is no such thing here.");
  if (strcmp (request->method, "OPTIONS") == 0)
    return answer_options (exchange, methods);
  if (websocket && strcmp (request->method, "GET") == 0)
    {
      lectern_http_exchange_set_header (exchange, "Sec-WebSocket-Version", "13");
      return answer (exchange, 426, "This address is for WebSockets.");
    }
  lectern_http_exchange_set_header (exchange, "Allow", methods);
  return answer (exchange, 405, "This address has no such method.");
}

/* Returns: whether @origin is where the request was sent to. */
static gboolean
is_same_host (LecternHttpExchange *exchange, const char *origin)
{
  const char *scheme = lectern_http_exchange_is_secure (exchange) ? "https://" : "http://";
  const char *host = exchange->request.host;
  const char *usual = lectern_http_exchange_is_secure (exchange) ? ":443" : ":80";
  g_autofree char *full = NULL;

  if (host == NULL)
    return FALSE;
  if (g_str_has_suffix (host, usual))
    full = g_strndup (host, strlen (host) - strlen (usual));
  else
    full = g_strdup (host);
  /* A proxy in front of us may speak TLS where we do not, so the scheme may be the better one. */
  if (g_str_has_prefix (origin, scheme))
    origin += strlen (scheme);
  else if (g_str_has_prefix (origin, "https://"))
    origin += strlen ("https://");
  else
    return FALSE;
  return g_ascii_strcasecmp (origin, full) == 0;
}

static gboolean
check_websocket (LecternHttpExchange *exchange)
{
  const char *origin = lectern_http_request_get (&exchange->request, "Origin");
  LecternHttpRefusal refusal;

  if (!lectern_websocket_check_request (&exchange->request, &refusal))
    {
      lectern_http_exchange_set_header (exchange, "Sec-WebSocket-Version", "13");
      lectern_http_exchange_respond_problem (exchange, refusal.status, refusal.reason);
      return FALSE;
    }
  if (origin != NULL && !is_same_host (exchange, origin)
      && !lectern_http_server_is_origin_allowed (exchange->server, origin))
    {
      lectern_http_exchange_respond_problem (exchange, 403, "This page may not connect here.");
      return FALSE;
    }
  return TRUE;
}

static LecternAccessRequest *
make_request (LecternHttpExchange *exchange, const char *thing, gboolean websocket)
{
  const LecternHttpRequest *from = &exchange->request;
  LecternAccessRequest *request = lectern_access_request_new (
      lectern_http_route_get_action (exchange->route), thing, websocket ? "ws" : "http",
      lectern_connection_get_peer (exchange->connection));

  request->secure = lectern_connection_is_secure (exchange->connection);
  request->origin = g_strdup (lectern_http_request_get (from, "Origin"));
  request->referer = g_strdup (lectern_http_request_get (from, "Referer"));
  request->query = g_strdup (from->query);
  request->credential = g_strdup (lectern_http_request_get (from, "Authorization"));
  request->via = g_strdup (lectern_http_request_get (from, "Lectern-Via"));
  return request;
}

static gboolean
find_route (LecternHttpExchange *exchange, LecternHttpRouter *router, gboolean *websocket)
{
  const LecternHttpRequest *request = &exchange->request;

  *websocket = FALSE;
  if (request->wants_websocket)
    {
      exchange->route = lectern_http_router_find (router, LECTERN_HTTP_WEBSOCKET, request->path,
                                                  &exchange->match);
      *websocket = exchange->route != NULL;
    }
  if (exchange->route == NULL)
    exchange->route
        = lectern_http_router_find (router, request->method, request->path, &exchange->match);
  return exchange->route != NULL;
}

static gboolean
is_preflight (const LecternHttpRequest *request)
{
  return strcmp (request->method, "OPTIONS") == 0
         && lectern_http_request_get (request, "Origin") != NULL
         && lectern_http_request_get (request, "Access-Control-Request-Method") != NULL;
}

LecternAccessRequest *
lectern_http_dispatch_route (LecternHttpExchange *exchange)
{
  const LecternHttpRequest *request = &exchange->request;
  g_autoptr (LecternHttpRouter) router = lectern_http_server_get_router (exchange->server);
  g_autofree char *thing = NULL;
  gboolean websocket;

  if (strcmp (request->path, "*") == 0)
    return answer_options (exchange, ALL_METHODS);
  if (request->content_length > 0
      && (guint64) request->content_length
             > lectern_http_server_get_limits (exchange->server)->body_size)
    return answer (exchange, 413, "The body is too large.");
  if (is_preflight (request) || !find_route (exchange, router, &websocket))
    return answer_unrouted (exchange, router);
  if (websocket && !check_websocket (exchange))
    return NULL;
  if (!lectern_http_route_fill_thing (exchange->route, &exchange->match, &thing))
    return answer (exchange, 404, "There is no such thing here.");
  return make_request (exchange, thing, websocket);
}

/* Returns: (nullable): what a peer is asked for that has not said who it is, or not rightly. Behind
 * a password that is wrong nobody is known; behind a wrong token nobody can do better. */
static const char *
get_challenge (LecternHttpExchange *exchange)
{
  const char *credential = lectern_http_request_get (&exchange->request, "Authorization");
  LecternAction action = lectern_http_route_get_action (exchange->route);
  const char *challenge;

  if (credential != NULL && g_ascii_strncasecmp (credential, "Basic ", 6) != 0)
    return NULL;
  challenge = lectern_access_chain_get_challenge (lectern_http_server_get_access (exchange->server),
                                                  exchange->access);
  if (challenge == NULL && (action == LECTERN_ACTION_MANAGE || action == LECTERN_ACTION_TEACH))
    challenge = "Bearer";
  return challenge;
}

void
lectern_http_dispatch_deny (LecternHttpExchange *exchange, const GError *error)
{
  g_autoptr (GError) told = NULL;
  const char *challenge;

  if (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT)
      || g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND))
    {
      lectern_http_exchange_respond_error (exchange, error);
      return;
    }
  challenge = get_challenge (exchange);
  if (challenge != NULL)
    {
      lectern_http_exchange_set_header (exchange, "WWW-Authenticate", challenge);
      lectern_http_exchange_respond_problem (exchange, 401, "You have to say who you are.");
      return;
    }
  told = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_DENIED, "denied");
  lectern_http_exchange_respond_error (exchange, told);
}
