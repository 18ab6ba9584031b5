/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtp-format.h"

/* SDP (RFC 8866) as RTSP uses it (RFC 2326, C). Thread: any, one at a time. */

#define LECTERN_SDP_MAX_SIZE (64 * 1024)
#define LECTERN_SDP_MAX_LINE (32 * 1024)
#define LECTERN_SDP_MAX_MEDIA 16
#define LECTERN_SDP_MAX_CONTROL 1024
#define LECTERN_SDP_MAX_TYPES 16 /* payload types looked at in each media */
/* The control addresses that lectern_sdp_print gives out. */
#define LECTERN_SDP_CONTROL_VIDEO "trackID=1"
#define LECTERN_SDP_CONTROL_AUDIO "trackID=2"

typedef struct
{
  const LecternRtpFormat *video; /* (nullable) */
  const LecternRtpFormat *audio; /* (nullable) */
  const char *title;             /* (nullable); what is no text in it is left out */
  const char *address;           /* of this server, numeric */
  guint64 session;               /* unlike other sessions */
  guint video_kbps;              /* 0: not said */
  guint audio_kbps;
} LecternSdpOffer;

/* Returns: (transfer full): the answer to DESCRIBE. */
char *lectern_sdp_print (const LecternSdpOffer *offer);

typedef struct
{
  char *control; /* as it stands there, relative or absolute; NULL: none */
  /* FALSE: somebody may ask for its set-up, but nothing is taken of it: another kind, codec or
   * transport, or a second picture or sound. */
  gboolean used;
  LecternRtpFormat format; /* of what is used */
} LecternSdpMedia;

/* LecternSdp: an announced session. Plain memory, zero-initialised. */
typedef struct
{
  char *control; /* of the session; NULL: none */
  guint n_media;
  LecternSdpMedia media[LECTERN_SDP_MAX_MEDIA]; /* in their order */
  int video;                                    /* index in @media, -1: none */
  int audio;
} LecternSdp;

/* Reads the body of ANNOUNCE, or of an answer to DESCRIBE: the first picture and the first sound
 * that lectern_rtp_parameters_init takes are used. @self: is overwritten; clear it. Errors:
 * INVALID_DATA: no SDP, or over a limit, or broken parameters of what would be used; NOT_SUPPORTED:
 * nothing in it can be used. */
gboolean lectern_sdp_parse (LecternSdp *self, const char *text, gsize size, GError **error);
void lectern_sdp_clear (LecternSdp *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternSdp, lectern_sdp_clear)
