/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-status.h"

#include "base/lectern-json.h"
#include "base/lectern-metrics.h"

#include <string.h>

static const struct
{
  guint status;
  const char *phrase;
  const char *name;
} statuses[] = {
  { 101, "Switching Protocols", NULL },
  { 200, "OK", NULL },
  { 201, "Created", NULL },
  { 202, "Accepted", NULL },
  { 204, "No Content", NULL },
  { 206, "Partial Content", NULL },
  { 301, "Moved Permanently", NULL },
  { 302, "Found", NULL },
  { 303, "See Other", NULL },
  { 304, "Not Modified", NULL },
  { 307, "Temporary Redirect", NULL },
  { 308, "Permanent Redirect", NULL },
  { 400, "Bad Request", "invalid-data" },
  { 401, "Unauthorized", "denied" },
  { 403, "Forbidden", "denied" },
  { 404, "Not Found", "not-found" },
  { 405, "Method Not Allowed", "not-supported" },
  { 406, "Not Acceptable", "not-supported" },
  { 408, "Request Timeout", "timed-out" },
  { 409, "Conflict", "conflict" },
  { 410, "Gone", "closed" },
  { 412, "Precondition Failed", "conflict" },
  { 413, "Content Too Large", "limit" },
  { 414, "URI Too Long", "limit" },
  { 415, "Unsupported Media Type", "not-supported" },
  { 416, "Range Not Satisfiable", "invalid-data" },
  { 417, "Expectation Failed", "not-supported" },
  { 422, "Unprocessable Content", "invalid-data" },
  { 426, "Upgrade Required", "not-supported" },
  { 429, "Too Many Requests", "limit" },
  { 431, "Request Header Fields Too Large", "limit" },
  { 500, "Internal Server Error", "failed" },
  { 501, "Not Implemented", "not-supported" },
  { 503, "Service Unavailable", "limit" },
  { 505, "HTTP Version Not Supported", "not-supported" },
};

const char *
lectern_http_status_get_phrase (guint status)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (statuses); i++)
    if (statuses[i].status == status)
      return statuses[i].phrase;
  return "";
}

const char *
lectern_http_status_get_name (guint status)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (statuses); i++)
    if (statuses[i].status == status && statuses[i].name != NULL)
      return statuses[i].name;
  return status >= 500 ? "failed" : "invalid-data";
}

GBytes *
lectern_http_status_make_problem (guint status, const char *name, const char *detail)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), detail);
  g_autoptr (GBytes) quoted = lectern_json_print (node);
  char *text;

  if (name == NULL)
    name = lectern_http_status_get_name (status);
  text = g_strdup_printf ("{\"type\":\"urn:lectern:error:%s\",\"title\":\"%s\",\"status\":%u,"
                          "\"detail\":%.*s,\"code\":\"%s\"}\n",
                          name, lectern_http_status_get_phrase (status), status,
                          (int) g_bytes_get_size (quoted),
                          (const char *) g_bytes_get_data (quoted, NULL), name);
  return g_bytes_new_take (text, strlen (text));
}

static void
count (guint status)
{
  static const char *const classes[] = { "1xx", "2xx", "3xx", "4xx", "5xx" };
  static LecternMetric *metrics[G_N_ELEMENTS (classes)];
  guint index = CLAMP (status / 100, 1, 5) - 1;
  LecternMetric *metric = g_atomic_pointer_get (&metrics[index]);

  if (metric == NULL)
    {
      metric = lectern_metrics_get_counter ("lectern_http_responses_total",
                                            "Answers to HTTP requests by class of status", "class",
                                            classes[index]);
      g_atomic_pointer_set (&metrics[index], metric);
    }
  lectern_metric_add (metric, 1);
}

void
lectern_http_status_put_number (GString *head, guint64 number)
{
  char digits[20];
  gsize at = sizeof digits;

  do
    digits[--at] = (char) ('0' + number % 10);
  while ((number /= 10) > 0);
  g_string_append_len (head, digits + at, (gssize) (sizeof digits - at));
}

void
lectern_http_status_put_start (GString *head, guint status, const char *date)
{
  count (status);
  /* By hand: each answer has these, and formats are dear. */
  g_string_append (head, "HTTP/1.1 ");
  lectern_http_status_put_number (head, status);
  g_string_append_c (head, ' ');
  g_string_append (head, lectern_http_status_get_phrase (status));
  g_string_append (head, "\r\nDate: ");
  g_string_append (head, date);
  g_string_append (
      head, "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
}
