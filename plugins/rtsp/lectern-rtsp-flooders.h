/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternRtspFlooders: addresses (IPv6: their /64) that asked too often. For a while all
 * connections of such an address share one allowance, so that connecting again gains nothing.
 * Bounded: of many the one that was quiet longest is forgotten. Thread: any. */
typedef struct _LecternRtspFlooders LecternRtspFlooders;

LecternRtspFlooders *lectern_rtsp_flooders_new (void);
void lectern_rtsp_flooders_free (LecternRtspFlooders *self);
/* A connection from @from asked too often. @rate: requests a second its address has from now on. */
void lectern_rtsp_flooders_note (LecternRtspFlooders *self, const LecternAddress *from, guint rate,
                                 gint64 now_us);
/* Returns: whether @from may ask now. */
gboolean lectern_rtsp_flooders_take (LecternRtspFlooders *self, const LecternAddress *from,
                                     gint64 now_us);
