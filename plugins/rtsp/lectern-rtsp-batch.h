/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#include <sys/socket.h>

/* As many as the kernel cuts one message into. */
#define LECTERN_RTSP_BATCH_SIZE 64

/* LecternRtspBatch: datagrams that leave with few calls. Those that follow each other to one
 * address and are of one size, but for the last, as fragments of a picture are, go as one message,
 * which the kernel or the network card cuts (UDP_SEGMENT): a third less work. Plain memory, for the
 * stack. Thread: any, one at a time. */
typedef struct
{
  int fd;
  gboolean plain; /* this way cannot have them cut; stays set */
  guint count;    /* messages */
  guint parts;    /* datagrams */
  gsize segment;  /* of the newest message */
  gsize size;
  gboolean closed; /* nothing may follow in it */
  guint dropped;
  struct mmsghdr messages[LECTERN_RTSP_BATCH_SIZE];
  struct iovec data[LECTERN_RTSP_BATCH_SIZE];
  union
  {
    struct cmsghdr header;
    guint8 bytes[CMSG_SPACE (sizeof (guint16))];
  } controls[LECTERN_RTSP_BATCH_SIZE];
} LecternRtspBatch;

/* @plain: what the batch before to the same peer ended with. */
void lectern_rtsp_batch_init (LecternRtspBatch *self, gboolean plain);
/* @to: a socket address. @data, @to: must live until the batch is flushed. A full batch, or another
 * socket, flushes. */
void lectern_rtsp_batch_put (LecternRtspBatch *self, int fd, const void *to, socklen_t to_length,
                             const guint8 *data, gsize size);
/* Sends. What the system does not take is lost, as datagrams may be, and counted in @dropped. */
void lectern_rtsp_batch_flush (LecternRtspBatch *self);
