/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTSP play: DESCRIBE, SETUP of each media, PLAY; then RTP, interleaved or as datagrams. */
#include "viewers.h"
#include "bench-flv.h"

#include <stdlib.h>
#include <string.h>

enum
{
  FRAMING = 4,
  RTP_HEAD = 12,
  MAX_MEDIA = 2,
  MAX_ANSWER = 16384,
  NAL_IDR = 5,
  NAL_FU_A = 28,
};

typedef struct _RtspState
{
  gboolean udp;
  int media; /* described */
  int ready; /* set up */
  gboolean video[MAX_MEDIA];
  char *control[MAX_MEDIA];
  char *base;
  char *session;
  int sequence;
  /* the frame that comes */
  Message frame;
  gboolean key;
  /* of an interleaved packet */
  guint8 framing[FRAMING];
  guint got;
  GByteArray *packet;
} RtspState;

static void
ask (Viewer *viewer, const char *method, const char *url, const char *more)
{
  RtspState *state = viewer->rtsp;
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text, "%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, url, ++state->sequence);
  if (state->session != NULL)
    g_string_append_printf (text, "Session: %s\r\n", state->session);
  g_string_append_printf (text, "%s\r\n", more);
  viewer_send (viewer, text->str, text->len);
}

static char *
get_address (void)
{
  return g_strdup_printf ("rtsp://%s:%d%s", viewers_url.host, viewers_url.port, viewers_url.path);
}

static void
set_up_next (Viewer *viewer)
{
  RtspState *state = viewer->rtsp;
  int i = state->ready++;
  g_autofree char *transport = NULL;
  g_autofree char *url = NULL;

  if (state->udp)
    {
      guint16 port = viewer_open_ports (viewer, 2 * i);

      transport
          = g_strdup_printf ("Transport: RTP/AVP;unicast;client_port=%u-%u\r\n", port, port + 1);
    }
  else
    transport = g_strdup_printf ("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d\r\n", 2 * i,
                                 2 * i + 1);
  if (strstr (state->control[i], "://") != NULL)
    url = g_strdup (state->control[i]);
  else
    url = g_strdup_printf ("%s%s%s", state->base, g_str_has_suffix (state->base, "/") ? "" : "/",
                           state->control[i]);
  ask (viewer, "SETUP", url, transport);
}

/* The lines of a description that matter. */
static void
read_description (RtspState *state, const char *body)
{
  g_auto (GStrv) lines = g_strsplit (body, "\n", -1);
  int media = -1;

  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *line = g_strstrip (lines[i]);

      if (g_str_has_prefix (line, "m=") && ++media < MAX_MEDIA)
        state->video[media] = g_str_has_prefix (line, "m=video");
      else if (g_str_has_prefix (line, "a=control:") && media >= 0 && media < MAX_MEDIA)
        {
          g_free (state->control[media]);
          state->control[media] = g_strdup (line + strlen ("a=control:"));
          state->media = media + 1;
        }
    }
}

/* Returns: (transfer full) (nullable): a header's value. */
static char *
get_header (const char *head, const char *name)
{
  g_auto (GStrv) lines = g_strsplit (head, "\r\n", -1);
  gsize length = strlen (name);

  for (guint i = 0; lines[i] != NULL; i++)
    if (g_ascii_strncasecmp (lines[i], name, length) == 0 && lines[i][length] == ':')
      return g_strstrip (g_strdup (lines[i] + length + 1));
  return NULL;
}

static void
on_answer (Viewer *viewer, const char *head, const char *body)
{
  RtspState *state = viewer->rtsp;

  if (strncmp (head, "RTSP/1.0 200", 12) != 0)
    {
      viewer_drop (viewer);
      return;
    }
  if (state->media == 0)
    {
      state->base = get_header (head, "Content-Base");
      if (state->base == NULL)
        state->base = get_address ();
      read_description (state, body);
    }
  else if (state->session == NULL)
    {
      state->session = get_header (head, "Session");
      if (state->session != NULL)
        state->session[strcspn (state->session, ";")] = '\0';
    }
  if (state->ready < state->media)
    set_up_next (viewer);
  else if (state->ready == state->media)
    {
      state->ready++; /* asked once */
      ask (viewer, "PLAY", state->base, "Range: npt=now-\r\n");
    }
}

/* Takes bytes of an answer. Returns: how many. */
static gsize
feed_answer (Viewer *viewer, const guint8 *data, gsize size)
{
  guint before = viewer->text->len;
  g_autofree char *length = NULL;
  g_autofree char *head = NULL;
  g_autofree char *body = NULL;
  const guint8 *end;
  gsize whole;

  g_byte_array_append (viewer->text, data, (guint) size);
  end = memmem (viewer->text->data, viewer->text->len, "\r\n\r\n", 4);
  if (end == NULL)
    {
      if (viewer->text->len > MAX_ANSWER)
        viewer_drop (viewer);
      return size;
    }
  head = g_strndup ((char *) viewer->text->data, (gsize) (end - viewer->text->data));
  length = get_header (head, "Content-Length");
  whole
      = (gsize) (end - viewer->text->data) + 4 + (length != NULL ? strtoul (length, NULL, 10) : 0);
  if (viewer->text->len < whole)
    return size;
  body = g_strndup ((const char *) end + 4, (gsize) (viewer->text->data + whole - (end + 4)));
  g_byte_array_set_size (viewer->text, 0);
  on_answer (viewer, head, body);
  return whole - before;
}

/* RTP: a frame ends with the packet that has the marker. */
static void
on_video (Viewer *viewer, const guint8 *rtp, gsize size)
{
  static const guint8 head[5] = { 0x27, 1 };
  RtspState *state = viewer->rtsp;
  const guint8 *payload = rtp + RTP_HEAD;
  gsize length = size - RTP_HEAD;
  gint64 sent;
  guint32 number;

  if (state->frame.kept == 0)
    {
      state->frame = (Message){ .type = BENCH_VIDEO };
      state->key = FALSE;
      viewer_message_keep (&state->frame, head, sizeof head);
    }
  state->frame.size += (guint32) length;
  if (length > 1
      && ((payload[0] & 31) == NAL_IDR
          || ((payload[0] & 31) == NAL_FU_A && (payload[1] & 31) == NAL_IDR)))
    state->key = TRUE;
  if (bench_get_stamp (payload, MIN (length, MESSAGE_HEAD), &sent, &number))
    viewer_message_keep (&state->frame, payload, length);
  if (rtp[1] >> 7 == 0)
    return;
  state->frame.head[0] = state->key ? 0x17 : 0x27;
  viewer_message (viewer, &state->frame);
  state->frame.kept = 0;
}

static void
rtsp_hear (Viewer *viewer, int channel, const guint8 *data, gsize size)
{
  RtspState *state = viewer->rtsp;
  Message sound = { .type = BENCH_AUDIO };

  if (channel % 2 == 1 || channel / 2 >= MAX_MEDIA || size <= RTP_HEAD)
    return;
  if (state->video[channel / 2])
    {
      on_video (viewer, data, size);
      return;
    }
  sound.size = (guint32) (size - RTP_HEAD);
  viewer_message (viewer, &sound);
}

/* Takes bytes of an interleaved packet. Returns: how many. */
static gsize
feed_packet (Viewer *viewer, const guint8 *data, gsize size)
{
  RtspState *state = viewer->rtsp;
  gsize used = 0;
  gsize length;
  gsize part;

  while (state->got < FRAMING && used < size)
    state->framing[state->got++] = data[used++];
  if (state->got < FRAMING)
    return used;
  length = (gsize) (state->framing[2] << 8 | state->framing[3]);
  part = MIN (length - state->packet->len, size - used);
  if (state->packet->len == 0 && part == length)
    rtsp_hear (viewer, state->framing[1], data + used, length);
  else
    {
      g_byte_array_append (state->packet, data + used, (guint) part);
      if (state->packet->len < length)
        return used + part;
      rtsp_hear (viewer, state->framing[1], state->packet->data, length);
      g_byte_array_set_size (state->packet, 0);
    }
  state->got = 0;
  return used + part;
}

static void
rtsp_feed (Viewer *viewer, const guint8 *data, gsize size)
{
  RtspState *state = viewer->rtsp;

  while (size > 0 && viewer->fd >= 0)
    {
      gsize taken = state->got > 0 || (viewer->text->len == 0 && data[0] == '$')
                        ? feed_packet (viewer, data, size)
                        : feed_answer (viewer, data, size);

      data += taken;
      size -= taken;
    }
}

static void
begin (Viewer *viewer, gboolean udp)
{
  g_autofree char *url = get_address ();

  viewer->text = g_byte_array_new ();
  viewer->rtsp = g_new0 (RtspState, 1);
  viewer->rtsp->udp = udp;
  viewer->rtsp->packet = g_byte_array_new ();
  ask (viewer, "DESCRIBE", url, "Accept: application/sdp\r\n");
}

static void
rtsp_begin (Viewer *viewer)
{
  begin (viewer, FALSE);
}

static void
rtsp_udp_begin (Viewer *viewer)
{
  begin (viewer, TRUE);
}

const ViewerFormat viewer_format_rtsp = { "rtsp", rtsp_begin, rtsp_feed, NULL };
const ViewerFormat viewer_format_rtsp_udp = { "rtsp-udp", rtsp_udp_begin, rtsp_feed, rtsp_hear };
