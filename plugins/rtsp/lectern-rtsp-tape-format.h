/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* A stream as framed RTP and RTCP packets: sent as they are to players that hear over their RTSP
 * connection, and as datagrams, without the frames, to those that hear by UDP. */
extern const LecternTapeFormat lectern_rtsp_tape_format;

/* The SSRC of all we send of @media: players know streams apart by their sessions. Thread: any. */
guint32 lectern_rtsp_get_ssrc (LecternMedia media);
