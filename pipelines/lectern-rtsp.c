/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp.h"

#include "lectern-reach.h"

#include <gio/gio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* Enough for a TEARDOWN, and less than the server gives a worker to end. */
#define LEAVE_US (700 * 1000)
#define CLOSE_US (400 * 1000)

/* Written once, before there are threads that read it. */
static guint mark;

static char *
copy_string (JsonObject *object, const char *name)
{
  return g_strdup (json_object_get_string_member_with_default (object, name, NULL));
}

/* The elements write this header as it is, with each request, and have no place for another. */
static char *
make_agent (JsonObject *object)
{
  static const char harmless[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.,/ ";
  const char *agent = json_object_get_string_member_with_default (object, "user_agent", "Lectern");
  const char *via = json_object_get_string_member_with_default (object, "via", "");
  GString *text = g_string_new (NULL);
  char *clean;

  clean = g_strcanon (g_strdup (agent), harmless, '_');
  g_string_append (text, clean);
  g_free (clean);
  clean = g_strcanon (g_strdup (via), harmless, '_');
  if (*clean != '\0')
    g_string_append_printf (text, "\r\nLectern-Via: %s", clean);
  g_free (clean);
  return g_string_free (text, FALSE);
}

static gboolean
read_transport (LecternRtspTarget *self, const char *transport, gboolean secure, GError **error)
{
  static const char *const rows[][2]
      = { { "tcp", "tcp" }, { "udp", "udp" }, { "auto", "udp+tcp" } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_equal (transport, rows[i][0]))
      {
        self->protocols = secure ? "tcp+tls" : rows[i][1];
        return TRUE;
      }
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "no transport '%.20s'",
               transport);
  return FALSE;
}

static gboolean
read_url (LecternRtspTarget *self, JsonObject *object, GError **error)
{
  JsonArray *addresses = json_object_has_member (object, "addresses")
                             ? json_object_get_array_member (object, "addresses")
                             : NULL;
  g_autofree char *scheme = NULL;
  g_autofree char *user = NULL;
  g_autofree char *host = NULL;

  self->url = copy_string (object, "url");
  if (self->url == NULL
      || !g_uri_split (self->url, G_URI_FLAGS_NONE, &scheme, &user, &host, NULL, NULL, NULL, NULL,
                       NULL)
      || (!g_str_equal (scheme, "rtsp") && !g_str_equal (scheme, "rtsps")) || user != NULL
      || host == NULL || *host == '\0')
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "the URL is none of rtsp or rtsps without a user");
      return FALSE;
    }
  return read_transport (self,
                         json_object_get_string_member_with_default (object, "transport", "auto"),
                         g_str_equal (scheme, "rtsps"), error)
         && lectern_reach_allow (host, addresses, error);
}

/* Of GSocketClient's "event": its third value is the connection, which has a socket by now. */
static gboolean
on_connecting (GSignalInvocationHint *hint, guint n_values, const GValue *values, gpointer unused)
{
  gpointer connection = g_value_get_object (&values[3]);

  if (g_value_get_enum (&values[1]) == G_SOCKET_CLIENT_CONNECTING
      && G_IS_SOCKET_CONNECTION (connection))
    lectern_dscp_apply (g_socket_get_fd (g_socket_connection_get_socket (connection)), mark);
  return TRUE;
}

/* GStreamer's elements have no setting for the mark of their connection, nor do they show it. */
static void
read_mark (JsonObject *object)
{
  gint64 dscp = json_object_get_int_member_with_default (object, "dscp", 0);

  mark = (guint) CLAMP (dscp, 0, 63);
  if (mark == 0)
    return;
  g_type_class_unref (g_type_class_ref (G_TYPE_SOCKET_CLIENT)); /* which makes the signal known */
  g_signal_add_emission_hook (g_signal_lookup ("event", G_TYPE_SOCKET_CLIENT), 0, on_connecting,
                              NULL, NULL);
}

gboolean
lectern_rtsp_target_read (LecternRtspTarget *self, JsonObject *object, GError **error)
{
  self->user = copy_string (object, "user");
  self->password = copy_string (object, "password");
  self->agent = make_agent (object);
  self->ca_file = copy_string (object, "ca_file");
  read_mark (object);
  self->timeout_ms = json_object_get_int_member_with_default (object, "timeout_ms", 10000);
  if (self->timeout_ms < 1000 || self->timeout_ms > 600000)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                   "timeout_ms is %" G_GINT64_FORMAT ", and must be 1000 to 600000",
                   self->timeout_ms);
      return FALSE;
    }
  return read_url (self, object, error);
}

void
lectern_rtsp_target_clear (LecternRtspTarget *self)
{
  g_free (self->url);
  g_free (self->user);
  g_free (self->password);
  g_free (self->agent);
  g_free (self->ca_file);
}

static gboolean
apply_certificates (const LecternRtspTarget *self, GstElement *element, GError **error)
{
  g_autoptr (GTlsDatabase) database = NULL;

  if (self->ca_file == NULL)
    return TRUE;
  database = g_tls_file_database_new (self->ca_file, error);
  if (database == NULL)
    {
      lectern_error_convert (error);
      return FALSE;
    }
  g_object_set (element, "tls-database", database, NULL);
  return TRUE;
}

static gboolean
on_client_event (GSignalInvocationHint *hint, guint n_values, const GValue *values, gpointer unused)
{
  GSocketClientEvent event = g_value_get_enum (&values[1]);
  gpointer stream = g_value_get_object (&values[3]);

  if (event == G_SOCKET_CLIENT_CONNECTED && G_IS_SOCKET_CONNECTION (stream))
    g_socket_set_option (g_socket_connection_get_socket (stream), IPPROTO_TCP, TCP_NODELAY, 1,
                         NULL);
  return TRUE;
}

/* The elements keep their sockets to themselves, and to Nagle's algorithm: small packets would wait
 * for the receipt of those before them, 40 ms on Linux. */
static void
send_at_once (void)
{
  g_autoptr (GTypeClass) class = g_type_class_ref (G_TYPE_SOCKET_CLIENT);

  g_signal_add_emission_hook (g_signal_lookup ("event", G_TYPE_SOCKET_CLIENT), 0, on_client_event,
                              NULL, NULL);
}

gboolean
lectern_rtsp_target_apply (const LecternRtspTarget *self, GstElement *element, GError **error)
{
  guint64 timeout_us = (guint64) self->timeout_ms * 1000;
  gboolean may_try = strchr (self->protocols, '+') != NULL;

  gst_util_set_object_arg (G_OBJECT (element), "protocols", self->protocols);
  /* Half of it leaves time to try TCP after UDP; what comes by one of them alone is ours to miss.
   */
  g_object_set (element, "location", self->url, "tcp-timeout", timeout_us, "timeout",
                may_try ? timeout_us / 2 : G_GUINT64_CONSTANT (0), NULL);
  if (self->user != NULL)
    g_object_set (element, "user-id", self->user, "user-pw",
                  self->password != NULL ? self->password : "", NULL);
  g_object_set (element, "user-agent", self->agent, NULL);
  send_at_once ();
  return apply_certificates (self, element, error);
}

/* FALSE: the job fails. */
static gboolean
check_destination (LecternJob *job, const char *host)
{
  if (lectern_reach_is_allowed (host))
    return TRUE;
  lectern_job_fail (job, g_error_new (LECTERN_ERROR, LECTERN_ERROR_DENIED,
                                      "the server wants packets to be sent to '%.50s'", host));
  return FALSE;
}

/* What rtspclientsink sends by has its destinations added one by one. */
static void
on_destination (GstElement *sink, const char *host, int port, gpointer job)
{
  if (!check_destination (job, host))
    g_signal_emit_by_name (sink, "remove", host, port);
}

static void
on_element (GstBin *bin, GstBin *parent, GstElement *element, gpointer job)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const char *name = factory != NULL ? GST_OBJECT_NAME (factory) : "";
  g_autofree char *host = NULL;

  if (mark > 0 && g_object_class_find_property (G_OBJECT_GET_CLASS (element), "qos-dscp") != NULL)
    g_object_set (element, "qos-dscp", (gint) mark, NULL);
  if (g_str_equal (name, "multiudpsink"))
    g_signal_connect (element, "client-added", G_CALLBACK (on_destination), job);
  if (!g_str_equal (name, "udpsink"))
    return;
  g_object_get (element, "host", &host, NULL);
  check_destination (job, host);
}

void
lectern_rtsp_guard (LecternJob *job, GstElement *pipeline)
{
  g_signal_connect (pipeline, "deep-element-added", G_CALLBACK (on_element), job);
}

gboolean
lectern_rtsp_is_loss (GstMessage *message)
{
  g_autoptr (GError) error = NULL;

  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_WARNING)
    return FALSE;
  gst_message_parse_warning (message, &error, NULL);
  return g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ);
}

static GMutex leave_lock;
static GCond leave_cond;
static gboolean has_left;

/* The elements close by threads of their own, and stop in the middle of it when they are told to
 * forget it all. */
static void
wait_closed (GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  gint64 end_us = g_get_monotonic_time () + CLOSE_US;
  gboolean closed = FALSE;

  while (!closed && g_get_monotonic_time () < end_us)
    {
      g_autoptr (GstMessage) message
          = gst_bus_timed_pop_filtered (bus, CLOSE_US * 1000, GST_MESSAGE_PROGRESS);
      g_autofree char *code = NULL;
      GstProgressType type;

      if (message == NULL)
        return;
      gst_message_parse_progress (message, &type, &code, NULL);
      closed = g_strcmp0 (code, "close") == 0 && type >= GST_PROGRESS_TYPE_COMPLETE;
    }
}

static gpointer
leave (gpointer pipeline)
{
  if (gst_element_set_state (pipeline, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE)
    wait_closed (pipeline);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_mutex_lock (&leave_lock);
  has_left = TRUE;
  g_cond_signal (&leave_cond);
  g_mutex_unlock (&leave_lock);
  return NULL;
}

gboolean
lectern_rtsp_leave (GstElement *pipeline)
{
  gint64 end_us = g_get_monotonic_time () + LEAVE_US;

  g_thread_unref (g_thread_new ("leave", leave, pipeline));
  g_mutex_lock (&leave_lock);
  while (!has_left && g_cond_wait_until (&leave_cond, &leave_lock, end_us))
    ;
  g_mutex_unlock (&leave_lock);
  return has_left;
}
