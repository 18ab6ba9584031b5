/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The floor of RTSP: RTP packets that lie ready behind "$", channel and length, sent as they are to
 * players by TCP, and as datagrams, many with one call, to players by UDP. */
#include "bench-common.h"
#include "floor.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum
{
  FRAMING = 4,
  RTP_HEAD = 12,
  ROOM = 1400,
  FLV_VIDEO = 5, /* before the NAL units of a message */
  FLV_AUDIO = 2,
  BATCH = 64, /* as many as the kernel cuts one message into */
  MAX_MESSAGE = 65000,
  NAL_FU_A = 28,
  /* of a message: a packet for each NAL unit, of which the test stream has few, and for each piece
   */
  OVERHEAD = 8192,
};

static guint8 *
put_packet (guint8 *to, guint8 channel, guint8 type, gboolean marker, gsize size)
{
  static guint16 sequences[4];
  guint16 sequence = sequences[channel]++;
  gsize all = RTP_HEAD + size;

  memset (to, 0, FRAMING + RTP_HEAD);
  to[0] = '$';
  to[1] = channel;
  to[2] = (guint8) (all >> 8);
  to[3] = (guint8) all;
  to[4] = 0x80;
  to[5] = type | (marker ? 0x80 : 0);
  to[6] = (guint8) (sequence >> 8);
  to[7] = (guint8) sequence;
  to[15] = channel + 1;
  return to + FRAMING + RTP_HEAD;
}

/* Returns: behind the packets of a NAL unit. */
static guint8 *
put_nal (guint8 *to, const guint8 *nal, gsize size, gboolean last)
{
  if (size <= ROOM)
    {
      memcpy (put_packet (to, 0, 96, last, size), nal, size);
      return to + FRAMING + RTP_HEAD + size;
    }
  for (gsize at = 1; at < size;)
    {
      gsize part = MIN (size - at, ROOM - 2);
      guint8 *payload = put_packet (to, 0, 96, last && at + part == size, part + 2);

      payload[0] = (nal[0] & 0xe0) | NAL_FU_A;
      payload[1] = (nal[0] & 0x1f) | (at == 1 ? 0x80 : 0) | (at + part == size ? 0x40 : 0);
      memcpy (payload + 2, nal + at, part);
      to = payload + 2 + part;
      at += part;
    }
  return to;
}

static gsize
put_rtsp (guint8 *to, const BenchTag *tag)
{
  guint8 *start = to;

  if (tag->type == BENCH_AUDIO)
    {
      gsize size = tag->size - FLV_AUDIO;
      guint8 *payload = put_packet (to, 2, 97, TRUE, size + 4);

      payload[0] = 0;
      payload[1] = 16;
      payload[2] = (guint8) (size >> 5);
      payload[3] = (guint8) (size << 3);
      memcpy (payload + 4, tag->data + FLV_AUDIO, size);
      return FRAMING + RTP_HEAD + 4 + size;
    }
  for (gsize at = FLV_VIDEO; at + 4 < tag->size;)
    {
      gsize size = MIN (bench_get32 (tag->data + at), tag->size - at - 4);

      if (size == 0) /* what is no NAL unit goes as one */
        size = tag->size - at - 4;
      at += 4;
      to = put_nal (to, tag->data + at, size, at + size + 4 >= tag->size);
      at += size;
    }
  return (gsize) (to - start);
}

/* There is nothing to be sent before: parameter sets are in the description. */
static void
begin_rtsp (GByteArray *out, GArray *tags)
{
}

static void
say (FloorViewer *viewer, const char *request, const char *more)
{
  const char *cseq = strstr (request, "CSeq: ");
  g_autofree char *answer = g_strdup_printf ("RTSP/1.0 200 OK\r\nCSeq: %ld\r\nSession: 1\r\n%s",
                                             cseq != NULL ? strtol (cseq + 6, NULL, 10) : 0, more);

  floor_send (viewer, answer, strlen (answer));
}

static void
answer_setup (FloorViewer *viewer, const char *request)
{
  const char *port = strstr (request, "client_port=");
  int channel = 2 * (viewer->asked++ % 2);
  g_autofree char *more = NULL;
  struct sockaddr_in peer;
  socklen_t length = sizeof peer;

  if (port != NULL && getpeername (viewer->fd, (struct sockaddr *) &peer, &length) == 0)
    {
      peer.sin_port = htons ((guint16) strtoul (port + 12, NULL, 10));
      viewer->ports[channel] = peer;
    }
  more = g_strdup_printf ("Transport: RTP/AVP%s;unicast;interleaved=%d-%d\r\n\r\n",
                          port != NULL ? "" : "/TCP", channel, channel + 1);
  say (viewer, request, more);
}

/* Our own viewers send a request with one call and wait for each answer. */
static gboolean
answer_rtsp (FloorViewer *viewer, const guint8 *data, gsize size)
{
  static const char description[] = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                                    "a=control:a\r\nm=audio 0 RTP/AVP 97\r\na=control:b\r\n";
  g_autofree char *request = g_strndup ((const char *) data, size);
  g_autofree char *more = NULL;

  if (g_str_has_prefix (request, "SETUP"))
    answer_setup (viewer, request);
  else if (g_str_has_prefix (request, "PLAY"))
    {
      say (viewer, request, "\r\n");
      return TRUE;
    }
  else if (g_str_has_prefix (request, "DESCRIBE"))
    {
      more = g_strdup_printf ("Content-Length: %zu\r\n\r\n%s", strlen (description), description);
      say (viewer, request, more);
    }
  return FALSE;
}

/* Datagrams to one port that follow each other and are of one size, but for the last, are one
 * message, which the kernel cuts (UDP_SEGMENT). */
typedef struct
{
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  guint8 controls[BATCH][CMSG_SPACE (sizeof (guint16))];
  unsigned count, part_count;
  gsize segment; /* of the newest message */
  gsize size;
  gboolean closed; /* nothing may follow in it */
} Batch;

static void
flush (Batch *batch)
{
  static int sender = -1;

  if (sender < 0)
    sender = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (unsigned done = 0; done < batch->count;)
    {
      int sent = sendmmsg (sender, batch->messages + done, batch->count - done, 0);

      if (sent < 0 && errno != EINTR)
        break;
      done += (unsigned) MAX (sent, 0);
    }
  batch->count = batch->part_count = 0;
}

static void
set_segment (Batch *batch, struct msghdr *message)
{
  struct cmsghdr *control = (struct cmsghdr *) batch->controls[batch->count - 1];
  guint16 segment = (guint16) batch->segment;

  message->msg_control = control;
  message->msg_controllen = sizeof batch->controls[0];
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN (sizeof segment);
  memcpy (CMSG_DATA (control), &segment, sizeof segment);
}

static void
put_datagram (Batch *batch, struct sockaddr_in *to, const guint8 *data, gsize size)
{
  struct msghdr *message = batch->count > 0 ? &batch->messages[batch->count - 1].msg_hdr : NULL;
  struct iovec *part;

  if (batch->part_count == BATCH)
    {
      flush (batch);
      message = NULL;
    }
  part = &batch->parts[batch->part_count++];
  *part = (struct iovec){ (guint8 *) data, size };
  if (message != NULL && message->msg_name == to && !batch->closed && size <= batch->segment
      && batch->size + size <= MAX_MESSAGE)
    {
      message->msg_iovlen++;
      set_segment (batch, message);
    }
  else
    {
      message = &batch->messages[batch->count++].msg_hdr;
      *message = (struct msghdr){
        .msg_name = to, .msg_namelen = sizeof *to, .msg_iov = part, .msg_iovlen = 1
      };
      batch->segment = size;
      batch->size = 0;
    }
  batch->size += size;
  batch->closed = size < batch->segment;
}

static gsize
send_datagrams (FloorViewer *viewer, const guint8 *data, gsize size)
{
  static Batch batch;

  for (gsize at = 0; at < size;)
    {
      gsize length = (gsize) (data[at + 2] << 8 | data[at + 3]);

      put_datagram (&batch, &viewer->ports[data[at + 1]], data + at + FRAMING, length);
      at += FRAMING + length;
    }
  flush (&batch);
  return size;
}

enum
{
  STAMP_AT = FRAMING + RTP_HEAD + BENCH_STAMP_AT - FLV_VIDEO - 4,
};
const FloorFormat floor_format_rtsp
    = { "rtsp", put_rtsp, OVERHEAD, 0, STAMP_AT, answer_rtsp, begin_rtsp, NULL };
const FloorFormat floor_format_rtsp_udp
    = { "rtsp-udp", put_rtsp, OVERHEAD, 0, STAMP_AT, answer_rtsp, begin_rtsp, send_datagrams };
