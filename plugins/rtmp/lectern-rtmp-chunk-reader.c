/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-rtmp-chunk-reader.h"

#include <string.h>

#define MAX_CHUNK_SIZE 0xffffff /* a longer chunk than the longest message says no more */
#define EXTENDED 0xffffff
#define FIRST_ALLOCATION 4096

/* What chunk headers leave behind for the next one of their chunk stream. */
typedef struct
{
  guint32 csid;
  guint32 timestamp;
  guint32 delta;
  guint32 extended; /* the last extended timestamp field; valid with has_extended */
  guint32 length;
  guint32 message_stream;
  guint8 type;
  gboolean has_extended;
} ChunkHeader;

typedef struct
{
  ChunkHeader header;
  guint8 *buffer; /* of an unfinished message, else NULL */
  gsize capacity;
  gsize filled;
  gboolean open; /* a message has begun */
} ChunkStream;

struct _LecternRtmpChunkReader
{
  GArray *streams; /* ChunkStream */
  gint current;    /* index of the stream whose chunk is being read, -1 between chunks */
  gsize chunk_left;
  guint32 chunk_size;
  gsize held[2]; /* other, video */
  gsize budget[2];
};

static void
drop_buffer (LecternRtmpChunkReader *self, ChunkStream *stream)
{
  gboolean video
      = stream->header.type == LECTERN_RTMP_VIDEO || stream->header.type == LECTERN_RTMP_AGGREGATE;

  self->held[video] -= stream->capacity;
  g_clear_pointer (&stream->buffer, g_free);
  stream->capacity = stream->filled = 0;
  stream->open = FALSE;
}

LecternRtmpChunkReader *
lectern_rtmp_chunk_reader_new (void)
{
  LecternRtmpChunkReader *self = g_new0 (LecternRtmpChunkReader, 1);

  self->streams = g_array_sized_new (FALSE, TRUE, sizeof (ChunkStream), 4);
  self->current = -1;
  self->chunk_size = LECTERN_RTMP_INITIAL_CHUNK_SIZE;
  lectern_rtmp_chunk_reader_set_budget (self, LECTERN_RTMP_MAX_VIDEO, 4 * LECTERN_RTMP_MAX_OTHER);
  return self;
}

void
lectern_rtmp_chunk_reader_free (LecternRtmpChunkReader *self)
{
  for (guint i = 0; i < self->streams->len; i++)
    g_free (g_array_index (self->streams, ChunkStream, i).buffer);
  g_array_unref (self->streams);
  g_free (self);
}

void
lectern_rtmp_chunk_reader_set_budget (LecternRtmpChunkReader *self, gsize video, gsize other)
{
  self->budget[TRUE] = video;
  self->budget[FALSE] = other;
}

gsize
lectern_rtmp_chunk_reader_get_held (LecternRtmpChunkReader *self)
{
  return self->held[FALSE] + self->held[TRUE];
}

static gint
find_stream (LecternRtmpChunkReader *self, guint32 csid)
{
  for (guint i = 0; i < self->streams->len; i++)
    if (g_array_index (self->streams, ChunkStream, i).header.csid == csid)
      return i;
  return -1;
}

static gboolean
read_basic_header (LecternByteReader *reader, guint *format, guint32 *csid)
{
  const guint8 *more;
  guint8 first;

  if (!lectern_byte_reader_read_u8 (reader, &first))
    return FALSE;
  *format = first >> 6;
  *csid = first & 0x3f;
  if (*csid >= 2)
    return TRUE;
  more = lectern_byte_reader_take (reader, *csid + 1);
  if (more == NULL)
    return FALSE;
  *csid = *csid == 0 ? 64u + more[0] : 64u + more[0] + 256u * more[1];
  return TRUE;
}

/* The fields of formats 0 to 2; @wire is the timestamp or delta. FALSE: more bytes are needed. */
static gboolean
read_message_header (LecternByteReader *reader, guint format, ChunkHeader *header, guint32 *wire)
{
  if (!lectern_byte_reader_read_u24 (reader, wire))
    return FALSE;
  if (format <= 1
      && !(lectern_byte_reader_read_u24 (reader, &header->length)
           && lectern_byte_reader_read_u8 (reader, &header->type)))
    return FALSE;
  if (format == 0 && !lectern_byte_reader_read_u32_le (reader, &header->message_stream))
    return FALSE;
  header->has_extended = *wire == EXTENDED;
  if (!header->has_extended)
    return TRUE;
  if (!lectern_byte_reader_read_u32 (reader, wire))
    return FALSE;
  header->extended = *wire;
  return TRUE;
}

/* Behind a format 3 header the extended timestamp is repeated (5.3.1.3), but not by everybody: it
 * is there when it has the same value. FALSE: more bytes are needed to tell. */
static gboolean
skip_repeated_timestamp (LecternByteReader *reader, const ChunkHeader *header)
{
  gsize available = MIN (lectern_byte_reader_get_remaining (reader), 4);
  guint32 repeated = GUINT32_TO_BE (header->extended);

  if (!header->has_extended)
    return TRUE;
  if (memcmp (reader->data + reader->offset, &repeated, available) != 0)
    return TRUE;
  return lectern_byte_reader_skip (reader, 4);
}

static gboolean
check_header (const ChunkHeader *header, GError **error)
{
  gsize limit = LECTERN_RTMP_MAX_OTHER;

  if (header->type <= LECTERN_RTMP_PEER_BANDWIDTH)
    limit = LECTERN_RTMP_MAX_CONTROL;
  else if (header->type == LECTERN_RTMP_VIDEO || header->type == LECTERN_RTMP_AGGREGATE)
    limit = LECTERN_RTMP_MAX_VIDEO;
  else if (header->type == LECTERN_RTMP_COMMAND || header->type == LECTERN_RTMP_COMMAND_AMF3)
    limit = LECTERN_RTMP_MAX_COMMAND;
  if (header->length <= limit)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
               "a message of type %u announces %u bytes, %" G_GSIZE_FORMAT " are allowed",
               header->type, header->length, limit);
  return FALSE;
}

static gboolean
check_format (guint format, guint32 csid, const ChunkStream *stream, GError **error)
{
  /* librtmp begins its control messages with format 1. */
  if (stream == NULL && format != 0 && !(format == 1 && csid == LECTERN_RTMP_CSID_CONTROL))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "chunk stream %u begins with a header of format %u", csid, format);
      return FALSE;
    }
  if (stream != NULL && stream->open && format != 3)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "a message on chunk stream %u is broken off by another", csid);
      return FALSE;
    }
  return TRUE;
}

static void
advance_time (ChunkHeader *header, guint format, guint32 wire)
{
  if (format == 0)
    {
      header->timestamp = wire;
      /* A format 3 message behind it repeats this value as its delta (5.3.1.2.4). Those who follow
       * the specification do so near the start of their clock; all others mean "the same time". */
      header->delta = wire < 1000 ? wire : 0;
      return;
    }
  if (format < 3)
    header->delta = wire;
  header->timestamp += header->delta;
}

/* Reads a chunk's header and makes its stream the current one. FALSE without an error: more bytes
 * are needed, and nothing has changed. */
static gboolean
begin_chunk (LecternRtmpChunkReader *self, LecternByteReader *reader, GError **error)
{
  ChunkHeader header = { 0 };
  ChunkStream *stream = NULL;
  guint32 wire = 0;
  guint32 csid;
  guint format;
  gint index;

  if (!read_basic_header (reader, &format, &csid))
    return FALSE;
  index = find_stream (self, csid);
  if (index >= 0)
    {
      stream = &g_array_index (self->streams, ChunkStream, index);
      header = stream->header;
    }
  if (!check_format (format, csid, stream, error))
    return FALSE;
  if (format == 3 ? !skip_repeated_timestamp (reader, &header)
                  : !read_message_header (reader, format, &header, &wire))
    return FALSE;
  if (!check_header (&header, error))
    return FALSE;
  if (stream == NULL)
    {
      if (self->streams->len >= LECTERN_RTMP_MAX_CHUNK_STREAMS)
        {
          g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "more than %u chunk streams",
                       LECTERN_RTMP_MAX_CHUNK_STREAMS);
          return FALSE;
        }
      header.csid = csid;
      index = self->streams->len;
      g_array_set_size (self->streams, index + 1);
      stream = &g_array_index (self->streams, ChunkStream, index);
    }
  if (!stream->open)
    {
      advance_time (&header, format, wire);
      stream->header = header;
      stream->open = TRUE;
    }
  self->current = index;
  self->chunk_left = MIN (self->chunk_size, stream->header.length - stream->filled);
  return TRUE;
}

static gboolean
append (LecternRtmpChunkReader *self, ChunkStream *stream, const guint8 *data, gsize length,
        GError **error)
{
  gboolean video
      = stream->header.type == LECTERN_RTMP_VIDEO || stream->header.type == LECTERN_RTMP_AGGREGATE;
  gsize needed = stream->filled + length;
  gsize capacity;

  if (needed > stream->capacity)
    {
      capacity = MAX (MAX (needed, 2 * stream->capacity), FIRST_ALLOCATION);
      capacity = MIN (capacity, stream->header.length);
      if (self->held[video] - stream->capacity + capacity > self->budget[video])
        {
          g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                       "unfinished messages hold more than %" G_GSIZE_FORMAT " bytes",
                       self->budget[video]);
          return FALSE;
        }
      self->held[video] += capacity - stream->capacity;
      stream->buffer = g_realloc (stream->buffer, capacity);
      stream->capacity = capacity;
    }
  if (length > 0)
    memcpy (stream->buffer + stream->filled, data, length);
  stream->filled = needed;
  return TRUE;
}

static gboolean
apply_chunk_size (LecternRtmpChunkReader *self, guint32 value, GError **error)
{
  if (value == 0 || value > G_MAXINT32)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "chunk size %u", value);
      return FALSE;
    }
  self->chunk_size = MIN (value, MAX_CHUNK_SIZE);
  return TRUE;
}

static void
apply_abort (LecternRtmpChunkReader *self, guint32 csid)
{
  gint index = find_stream (self, csid);

  if (index >= 0 && g_array_index (self->streams, ChunkStream, index).open)
    drop_buffer (self, &g_array_index (self->streams, ChunkStream, index));
}

/* Set Chunk Size and Abort concern nobody above. */
static gboolean
apply_message (LecternRtmpChunkReader *self, ChunkStream *stream, GError **error)
{
  LecternByteReader reader;
  guint8 type = stream->header.type;
  guint32 value;

  lectern_byte_reader_init (&reader, stream->buffer, stream->filled);
  if (!lectern_byte_reader_read_u32 (&reader, &value))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "a control message of type %u is too short", type);
      return FALSE;
    }
  drop_buffer (self, stream);
  if (type == LECTERN_RTMP_SET_CHUNK_SIZE)
    return apply_chunk_size (self, value, error);
  apply_abort (self, value);
  return TRUE;
}

static gboolean
finish_message (LecternRtmpChunkReader *self, ChunkStream *stream, LecternRtmpMessage *message,
                GError **error)
{
  guint8 *buffer;
  gsize filled;

  if (stream->header.type == LECTERN_RTMP_SET_CHUNK_SIZE
      || stream->header.type == LECTERN_RTMP_ABORT)
    return apply_message (self, stream, error);
  message->type = stream->header.type;
  message->stream = stream->header.message_stream;
  message->timestamp = stream->header.timestamp;
  filled = stream->filled;
  buffer = g_steal_pointer (&stream->buffer);
  drop_buffer (self, stream);
  message->payload = g_bytes_new_take (buffer, filled);
  return TRUE;
}

gsize
lectern_rtmp_chunk_reader_read (LecternRtmpChunkReader *self, const guint8 *data, gsize length,
                                LecternRtmpMessage *message, GError **error)
{
  gsize used = 0;

  message->payload = NULL;
  while (message->payload == NULL)
    {
      ChunkStream *stream;
      gsize part;

      if (self->current < 0)
        {
          LecternByteReader reader;

          lectern_byte_reader_init (&reader, data + used, length - used);
          if (!begin_chunk (self, &reader, error))
            return used;
          used += reader.offset;
        }
      stream = &g_array_index (self->streams, ChunkStream, self->current);
      part = MIN (self->chunk_left, length - used);
      if (!append (self, stream, data + used, part, error))
        return used;
      used += part;
      self->chunk_left -= part;
      if (self->chunk_left > 0)
        return used;
      self->current = -1;
      if (stream->filled == stream->header.length && !finish_message (self, stream, message, error))
        return used;
    }
  return used;
}
