/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* RTSP 1.0 (RFC 2326) as bytes: what a client sends, and the head of an answer. Lines end with CR
 * LF, nothing is folded, sizes are bounded. Thread: any, one at a time. */

#define LECTERN_RTSP_MAX_HEAD (16 * 1024)
#define LECTERN_RTSP_MAX_HEADERS 64
#define LECTERN_RTSP_MAX_URL 2048
#define LECTERN_RTSP_MAX_BODY (64 * 1024)

typedef enum
{
  LECTERN_RTSP_OPTIONS,
  LECTERN_RTSP_DESCRIBE,
  LECTERN_RTSP_ANNOUNCE,
  LECTERN_RTSP_SETUP,
  LECTERN_RTSP_PLAY,
  LECTERN_RTSP_PAUSE,
  LECTERN_RTSP_RECORD,
  LECTERN_RTSP_TEARDOWN,
  LECTERN_RTSP_GET_PARAMETER,
  LECTERN_RTSP_SET_PARAMETER,
  LECTERN_RTSP_OTHER, /* a word that is none of these */
} LecternRtspMethod;

typedef struct
{
  LecternRtspMethod method;
  char *word; /* the method as it was sent */
  char *url;
  gboolean has_cseq;
  guint32 cseq;
  GPtrArray *headers; /* name, value, name, value, … */
  GBytes *body;       /* NULL: none */
} LecternRtspRequest;

void lectern_rtsp_request_free (LecternRtspRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRtspRequest, lectern_rtsp_request_free)
/* Returns: (nullable): the first value of @name, compared without case. */
const char *lectern_rtsp_request_get_header (const LecternRtspRequest *self, const char *name);

typedef enum
{
  LECTERN_RTSP_NOTHING, /* more bytes are needed, or what was taken says nothing */
  LECTERN_RTSP_REQUEST,
  LECTERN_RTSP_FRAME, /* "$": a packet of a channel (10.12) */
} LecternRtspKind;

typedef struct
{
  LecternRtspKind kind;
  LecternRtspRequest *request; /* (transfer full), else NULL */
  guint8 channel;
  const guint8 *data; /* within what was read */
  gsize size;
} LecternRtspInput;

/* Reads one thing from the start of @data. Returns: how many bytes it took; 0: more are needed. A
 * client's answer to a request of ours is taken and says nothing. With @error nothing can be read
 * any more; a request whose head was readable is in @input all the same, so that it can be
 * answered. Errors: INVALID_DATA; LIMIT: the body is too large; NOT_SUPPORTED: another protocol or
 * version. */
gsize lectern_rtsp_read (const guint8 *data, gsize length, LecternRtspInput *input, GError **error);

/* Returns: (transfer full): the head's first lines: status, CSeq of @request (nullable), Date and
 * Server; more lines, an empty one and a body may follow. */
GString *lectern_rtsp_begin_response (guint status, const LecternRtspRequest *request);
/* Returns: the reason phrase; static. */
const char *lectern_rtsp_get_reason (guint status);
