/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtsp-batch.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#define MAX_MESSAGE 65000 /* below what IP carries, headers included */

void
lectern_rtsp_batch_init (LecternRtspBatch *self, gboolean plain)
{
  self->fd = -1;
  self->plain = plain;
  self->count = self->parts = self->dropped = 0;
  self->segment = self->size = 0;
  self->closed = TRUE;
}

/* Tells the kernel where to cut the newest message. */
static void
set_segment (LecternRtspBatch *self)
{
  struct msghdr *message = &self->messages[self->count - 1].msg_hdr;
  struct cmsghdr *control = &self->controls[self->count - 1].header;
  guint16 segment = (guint16) self->segment;

  message->msg_control = control;
  message->msg_controllen = sizeof self->controls[0].bytes;
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN (sizeof segment);
  memcpy (CMSG_DATA (control), &segment, sizeof segment);
}

static gboolean
may_join (const LecternRtspBatch *self, const void *to, gsize size)
{
  return !self->plain && self->count > 0 && !self->closed
         && self->messages[self->count - 1].msg_hdr.msg_name == to && size <= self->segment
         && self->size + size <= MAX_MESSAGE;
}

void
lectern_rtsp_batch_put (LecternRtspBatch *self, int fd, const void *to, socklen_t to_length,
                        const guint8 *data, gsize size)
{
  struct iovec *part;

  if (self->parts == LECTERN_RTSP_BATCH_SIZE || (self->count > 0 && self->fd != fd))
    lectern_rtsp_batch_flush (self);
  self->fd = fd;
  part = &self->data[self->parts++];
  *part = (struct iovec){ (void *) data, size };
  if (may_join (self, to, size))
    {
      self->messages[self->count - 1].msg_hdr.msg_iovlen++;
      set_segment (self);
    }
  else
    {
      self->messages[self->count++].msg_hdr = (struct msghdr){
        .msg_name = (void *) to, .msg_namelen = to_length, .msg_iov = part, .msg_iovlen = 1
      };
      self->segment = size;
      self->size = 0;
    }
  self->size += size;
  self->closed = size < self->segment;
}

/* A path too narrow for the segments, or a card or kernel that does not cut. */
static void
send_apart (LecternRtspBatch *self, const struct msghdr *message)
{
  for (gsize i = 0; i < message->msg_iovlen; i++)
    if (sendto (self->fd, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len, MSG_DONTWAIT,
                message->msg_name, message->msg_namelen)
        < 0)
      self->dropped++;
}

void
lectern_rtsp_batch_flush (LecternRtspBatch *self)
{
  guint done = 0;

  while (done < self->count)
    {
      const struct msghdr *message = &self->messages[done].msg_hdr;
      int sent = sendmmsg (self->fd, self->messages + done, self->count - done, MSG_DONTWAIT);

      if (sent > 0)
        {
          done += (guint) sent;
          continue;
        }
      if (errno == EINTR)
        continue;
      if (message->msg_controllen > 0 && errno != EAGAIN && errno != ENOBUFS)
        {
          self->plain = TRUE;
          send_apart (self, message);
        }
      else
        self->dropped += (guint) message->msg_iovlen;
      done++;
    }
  self->count = self->parts = 0;
}
