/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#define LECTERN_WEBSOCKET_HEADER_MAX 14
#define LECTERN_WEBSOCKET_CONTROL_MAX 125

typedef enum
{
  LECTERN_WEBSOCKET_TEXT = 1,
  LECTERN_WEBSOCKET_BINARY = 2,
  LECTERN_WEBSOCKET_CLOSE = 8,
  LECTERN_WEBSOCKET_PING = 9,
  LECTERN_WEBSOCKET_PONG = 10,
} LecternWebsocketOpcode;

typedef enum
{
  LECTERN_WEBSOCKET_EVENT_NONE, /* more is needed */
  LECTERN_WEBSOCKET_EVENT_MESSAGE,
  LECTERN_WEBSOCKET_EVENT_PING,
  LECTERN_WEBSOCKET_EVENT_PONG,
  LECTERN_WEBSOCKET_EVENT_CLOSE, /* the peer's; @code 1005: it named none */
  LECTERN_WEBSOCKET_EVENT_ERROR, /* a broken rule; close with @code. Feed no more */
} LecternWebsocketEventKind;

/* @data is valid until the codec is fed again. */
typedef struct
{
  LecternWebsocketEventKind kind;
  gboolean text;
  guint16 code;
  const guint8 *data;
  gsize length;
} LecternWebsocketEvent;

/* LecternUtf8: checks UTF-8 (RFC 3629) that comes in pieces. */
typedef struct
{
  guint8 needed; /* continuation bytes to come */
  guint8 low;    /* bounds of the next one */
  guint8 high;
} LecternUtf8;

/* Returns: whether @data may follow what came before. Complete when needed is 0. */
gboolean lectern_utf8_feed (LecternUtf8 *self, const guint8 *data, gsize length);

/* LecternWebsocketCodec: reads a client's frames (RFC 6455), as strict as it asks. Payload is taken
 * as it comes, so no more than a header or a control frame need be kept for it; between messages it
 * owns nothing. */
typedef struct
{
  gsize max_message;
  /*< private >*/
  GByteArray *message; /* so far, unmasked, or NULL */
  guint64 left;        /* of the data frame's payload */
  guint8 mask[4];
  guint8 mask_at;
  guint8 opcode; /* of the message, 0: between messages */
  gboolean in_frame;
  gboolean final;     /* the frame is the message's last */
  gboolean delivered; /* @message was handed out, to be dropped at the next feed */
  LecternUtf8 utf8;
  guint8 control[LECTERN_WEBSOCKET_CONTROL_MAX];
} LecternWebsocketCodec;

void lectern_websocket_codec_init (LecternWebsocketCodec *self, gsize max_message);
void lectern_websocket_codec_clear (LecternWebsocketCodec *self);
/* Reads up to one event. Returns: bytes consumed; unconsumed ones are to be fed again, with more
 * behind them after a NONE. */
gsize lectern_websocket_codec_feed (LecternWebsocketCodec *self, const guint8 *data, gsize length,
                                    LecternWebsocketEvent *event);
/* Returns: whether a peer may send @code in a close frame (RFC 6455, 7.4). */
gboolean lectern_websocket_code_is_valid (guint code);
/* Writes the header of an unmasked, final frame; @to has room for 10. Returns: its size. */
gsize lectern_websocket_codec_put_header (guint8 *to, LecternWebsocketOpcode opcode,
                                          guint64 length);
