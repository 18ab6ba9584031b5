/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

#include <gst/gst.h>

/* What an encoder or a parser gives, as tracks and packets. Thread: any. */

/* @caps: with codec_data video/x-h264 (avc), video/x-h265 (hvc1), or audio/mpeg of version 4 (raw);
 * audio/mpeg of version 1, layer 3; audio/x-opus, audio/x-alaw, audio/x-mulaw. Returns: (transfer
 * full). Errors: NOT_SUPPORTED, INVALID_DATA. */
LecternTrack *lectern_sample_make_track (GstCaps *caps, GError **error);
/* The frame in @sample, whose memory is not copied, at its running time plus @offset ns: encoders
 * shift time stamps and segments alike. Returns: (transfer full) (nullable): NULL: it has no time.
 */
LecternPacket *lectern_sample_make_packet (GstSample *sample, LecternTrack *track, gint64 offset);
/* Returns: (transfer full) (nullable): what an appsrc is to say of @track. */
GstCaps *lectern_sample_make_caps (LecternTrack *track);
