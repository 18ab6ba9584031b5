/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtp-format.h"

/* Most parameter sets in fmtp, and the bytes of one. */
#define LECTERN_RTP_MAX_SETS 32
#define LECTERN_RTP_MAX_SET_SIZE 4096

/* LecternRtpParameters: what a format says, read. Plain memory, zero-initialised. Thread: any, one
 * at a time. */
typedef struct
{
  LecternCodec codec;
  guint clock_rate;
  guint channels;
  GPtrArray *sets; /* GBytes: parameter sets, NAL units with their headers; may be empty */
  GBytes *config;  /* AudioSpecificConfig, or NULL */
  gboolean latm;   /* AAC in LATM (RFC 6416), else with AU headers (RFC 3640) */
  /* RFC 3640, 4.1: bits of the fields of an AU header. */
  guint size_length;
  guint index_length;
  guint index_delta_length;
  guint constant_size;     /* bytes of each access unit, 0: as its header says */
  guint constant_duration; /* ticks of each access unit, 0: not said */
} LecternRtpParameters;

/* @self: is overwritten; clear it. Errors: NOT_SUPPORTED: another codec or way of packing;
 * INVALID_DATA: base64, hexadecimals or numbers in fmtp are broken, or AAC without a config. */
gboolean lectern_rtp_parameters_init (LecternRtpParameters *self, const LecternRtpFormat *format,
                                      GError **error);
void lectern_rtp_parameters_clear (LecternRtpParameters *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtpParameters, lectern_rtp_parameters_clear)
