/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternRtspTarget: what a request's URL names (RFC 2326, 3.2). Plain memory, zero-initialised.
 * Thread: any. */
typedef struct
{
  char *thing;   /* "live/physics"; NULL for "*" and for a URL without a path */
  char *query;   /* without "?", still encoded; NULL: none */
  char *control; /* the part of it, "trackID=1" or "streamid=0"; NULL: the whole */
  char *base;    /* the URL without query and control, for Content-Base */
} LecternRtspTarget;

/* rtsp://host/app/name[/control][?query][/control]: clients that append the control to the whole
 * URL put it behind the query. @self: is overwritten; clear it. Errors: INVALID_DATA, NOT_FOUND:
 * not a stream's name. */
gboolean lectern_rtsp_target_parse (LecternRtspTarget *self, const char *url, GError **error);
void lectern_rtsp_target_clear (LecternRtspTarget *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtspTarget, lectern_rtsp_target_clear)
