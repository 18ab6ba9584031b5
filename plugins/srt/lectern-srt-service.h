/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternSrtService: the worker that listens, on a reactor of its own choice, and its callers.
 * Thread: control. */
typedef struct _LecternSrtService LecternSrtService;

/* What may change while it runs. */
typedef struct
{
  gint64 latency_us;
  char *passphrase; /* never NULL; "": none */
  gint64 pbkeylen;  /* bytes, 0: the caller's choice */
  guint max_publishers;
  gint64 read_timeout_us;
  gint64 max_bitrate; /* bits a second, 0: any */
} LecternSrtSettings;

/* @addresses: (element-type LecternAddress): where the worker listens. @dscp: 0 … 63. */
LecternSrtService *lectern_srt_service_new (LecternHost *host, GArray *addresses, guint dscp,
                                            const LecternSrtSettings *settings);
/* Holds for callers that come later, the last three for all. */
void lectern_srt_service_set (LecternSrtService *self, const LecternSrtSettings *settings);
/* Ends what is published. */
void lectern_srt_service_free (LecternSrtService *self);
