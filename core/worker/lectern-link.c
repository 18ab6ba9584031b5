/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/lectern-link.h"

#include "base/lectern-byte-writer.h"

#include <string.h>

#define MAGIC 0x4c574b31u /* "LWK1" */
#define MAX_MEDIA LECTERN_MEDIA_DATA
#define PACKET_FLAGS (LECTERN_PACKET_KEY | LECTERN_PACKET_DISCONTINUITY)
#define TRACK_FIELDS (2 + 2 + 4 * 4 + 1 + PROFILE)
#define PROFILE 24

typedef struct
{
  guint8 type;
  guint8 lane;
  guint8 media;
  guint8 flags;
  guint32 size;
  guint32 duration;
  gint64 dts;
  gint64 pts;
} Header;

struct _LecternLinkReader
{
  guint8 head[LECTERN_LINK_HEADER];
  gsize head_size; /* bytes of it that are there */
  Header header;   /* valid once head_size is whole */
  guint8 *payload; /* of header.size bytes */
  gsize payload_size;
  LecternTrack *tracks[LECTERN_LINK_MAX_LANES][MAX_MEDIA + 1];
};

void
lectern_link_frame_clear (LecternLinkFrame *frame)
{
  g_clear_pointer (&frame->object, json_object_unref);
  g_clear_pointer (&frame->track, lectern_track_unref);
  g_clear_pointer (&frame->packet, lectern_packet_unref);
}

LecternLinkReader *
lectern_link_reader_new (void)
{
  return g_new0 (LecternLinkReader, 1);
}

void
lectern_link_reader_free (LecternLinkReader *self)
{
  for (guint lane = 0; lane < LECTERN_LINK_MAX_LANES; lane++)
    for (guint media = 0; media <= MAX_MEDIA; media++)
      g_clear_pointer (&self->tracks[lane][media], lectern_track_unref);
  g_free (self->payload);
  g_free (self);
}

static gsize
get_max_payload (guint type)
{
  switch (type)
    {
    case LECTERN_LINK_START:
    case LECTERN_LINK_MESSAGE:
    case LECTERN_LINK_FAILED:
      return LECTERN_JSON_MAX_SIZE;
    case LECTERN_LINK_TRACK:
      return TRACK_FIELDS + LECTERN_LINK_MAX_CONFIG;
    case LECTERN_LINK_PACKET:
      return LECTERN_LINK_MAX_PAYLOAD;
    default:
      return 0;
    }
}

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA, "the link is broken: %s", why);
  return FALSE;
}

static void
unpack_header (const guint8 *head, guint32 *magic, Header *header)
{
  LecternByteReader reader;
  guint64 dts;
  guint64 pts;

  lectern_byte_reader_init (&reader, head, LECTERN_LINK_HEADER);
  lectern_byte_reader_read_u32 (&reader, magic);
  lectern_byte_reader_read_u8 (&reader, &header->type);
  lectern_byte_reader_read_u8 (&reader, &header->lane);
  lectern_byte_reader_read_u8 (&reader, &header->media);
  lectern_byte_reader_read_u8 (&reader, &header->flags);
  lectern_byte_reader_read_u32 (&reader, &header->size);
  lectern_byte_reader_read_u32 (&reader, &header->duration);
  lectern_byte_reader_read_u64 (&reader, &dts);
  lectern_byte_reader_read_u64 (&reader, &pts);
  header->dts = (gint64) dts;
  header->pts = (gint64) pts;
}

static gboolean
parse_header (const guint8 *head, Header *header, GError **error)
{
  guint32 magic;

  unpack_header (head, &magic, header);
  if (magic != MAGIC)
    return refuse (error, "no frame begins there");
  if (header->type < LECTERN_LINK_START || header->type > LECTERN_LINK_FAILED)
    return refuse (error, "unknown type of frame");
  if (header->lane >= LECTERN_LINK_MAX_LANES || header->media > MAX_MEDIA
      || (header->flags & ~PACKET_FLAGS) != 0)
    return refuse (error, "lane, media or flags out of range");
  if (header->size <= get_max_payload (header->type))
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
               "the link is broken: a frame of %u bytes where %" G_GSIZE_FORMAT " are allowed",
               header->size, get_max_payload (header->type));
  return FALSE;
}

static gboolean
take_object (LecternLinkReader *self, LecternLinkFrame *frame, GError **error)
{
  g_autoptr (JsonNode) node
      = lectern_json_parse ((const char *) self->payload, self->header.size, error);

  if (node == NULL)
    {
      g_prefix_error (error, "the link is broken: ");
      return FALSE;
    }
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return refuse (error, "a message that is no object");
  frame->object = json_node_dup_object (node);
  return TRUE;
}

static gboolean
read_track_fields (LecternByteReader *reader, LecternTrack *fields)
{
  const guint8 *profile;
  guint16 codec;
  guint16 bits;
  guint8 fourcc;

  if (!lectern_byte_reader_read_u16 (reader, &codec) || codec > LECTERN_CODEC_SCRIPT
      || !lectern_byte_reader_read_u16 (reader, &bits)
      || !lectern_byte_reader_read_u32 (reader, &fields->width)
      || !lectern_byte_reader_read_u32 (reader, &fields->height)
      || !lectern_byte_reader_read_u32 (reader, &fields->rate)
      || !lectern_byte_reader_read_u32 (reader, &fields->channels)
      || !lectern_byte_reader_read_u8 (reader, &fourcc)
      || (profile = lectern_byte_reader_take (reader, PROFILE)) == NULL)
    return FALSE;
  fields->codec = codec;
  fields->bits = bits;
  fields->fourcc = fourcc != 0;
  memcpy (fields->profile, profile, PROFILE);
  return TRUE;
}

static gboolean
take_track (LecternLinkReader *self, LecternLinkFrame *frame, GError **error)
{
  LecternTrack fields = { 0 };
  g_autoptr (GBytes) config = NULL;
  LecternByteReader reader;
  gsize left;

  lectern_byte_reader_init (&reader, self->payload, self->header.size);
  if (!read_track_fields (&reader, &fields)
      || self->header.media != lectern_codec_get_media (fields.codec))
    return refuse (error, "a track that is none");
  left = lectern_byte_reader_get_remaining (&reader);
  if (left > 0)
    config = g_bytes_new (lectern_byte_reader_take (&reader, left), left);
  fields.media = self->header.media;
  fields.config = config;
  frame->track = lectern_track_new (&fields);
  g_clear_pointer (&self->tracks[frame->lane][fields.media], lectern_track_unref);
  self->tracks[frame->lane][fields.media] = lectern_track_ref (frame->track);
  return TRUE;
}

static gboolean
take_packet (LecternLinkReader *self, LecternLinkFrame *frame, GError **error)
{
  const Header *header = &self->header;
  LecternTrack *track = self->tracks[header->lane][header->media];
  g_autoptr (GBytes) payload = NULL;

  if (track == NULL)
    return refuse (error, "a packet of no track");
  payload = g_bytes_new_take (g_steal_pointer (&self->payload), header->size);
  frame->packet = lectern_packet_new (track, header->flags, header->dts, header->pts,
                                      header->duration, payload);
  return TRUE;
}

static gboolean
take_frame (LecternLinkReader *self, LecternLinkFrame *frame, GError **error)
{
  *frame = (LecternLinkFrame){ .type = self->header.type, .lane = self->header.lane };
  switch (frame->type)
    {
    case LECTERN_LINK_START:
    case LECTERN_LINK_MESSAGE:
    case LECTERN_LINK_FAILED:
      return take_object (self, frame, error);
    case LECTERN_LINK_TRACK:
      return take_track (self, frame, error);
    case LECTERN_LINK_PACKET:
      return take_packet (self, frame, error);
    default:
      return TRUE;
    }
}

/* Moves bytes to @to until @wanted are there. Returns: whether they are. */
static gboolean
fill (LecternByteReader *bytes, guint8 *to, gsize *size, gsize wanted)
{
  gsize count = MIN (wanted - *size, lectern_byte_reader_get_remaining (bytes));

  if (count > 0)
    memcpy (to + *size, lectern_byte_reader_take (bytes, count), count);
  *size += count;
  return *size == wanted;
}

gboolean
lectern_link_reader_read (LecternLinkReader *self, LecternByteReader *bytes,
                          LecternLinkFrame *frame, GError **error)
{
  gboolean taken;

  if (self->head_size < LECTERN_LINK_HEADER)
    {
      if (!fill (bytes, self->head, &self->head_size, LECTERN_LINK_HEADER)
          || !parse_header (self->head, &self->header, error))
        return FALSE;
      self->payload = g_malloc (MAX (self->header.size, 1));
      self->payload_size = 0;
    }
  if (!fill (bytes, self->payload, &self->payload_size, self->header.size))
    return FALSE;
  taken = take_frame (self, frame, error);
  g_clear_pointer (&self->payload, g_free);
  self->head_size = 0;
  return taken;
}

static void
put_header (LecternByteWriter *writer, const Header *header)
{
  lectern_byte_writer_put_u32 (writer, MAGIC);
  lectern_byte_writer_put_u8 (writer, header->type);
  lectern_byte_writer_put_u8 (writer, header->lane);
  lectern_byte_writer_put_u8 (writer, header->media);
  lectern_byte_writer_put_u8 (writer, header->flags);
  lectern_byte_writer_put_u32 (writer, header->size);
  lectern_byte_writer_put_u32 (writer, header->duration);
  lectern_byte_writer_put_u64 (writer, (guint64) header->dts);
  lectern_byte_writer_put_u64 (writer, (guint64) header->pts);
}

GBytes *
lectern_link_write (LecternLinkType type)
{
  Header header = { .type = type };
  g_auto (LecternByteWriter) writer = { 0 };

  lectern_byte_writer_init (&writer, LECTERN_LINK_HEADER);
  put_header (&writer, &header);
  return lectern_byte_writer_steal (&writer);
}

GBytes *
lectern_link_write_object (LecternLinkType type, JsonObject *object, GError **error)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autoptr (GBytes) text = lectern_json_print (node);
  Header header = { .type = type, .size = g_bytes_get_size (text) };
  g_auto (LecternByteWriter) writer = { 0 };

  if (g_bytes_get_size (text) > LECTERN_JSON_MAX_SIZE)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                   "a message of %" G_GSIZE_FORMAT " bytes is too long", g_bytes_get_size (text));
      return NULL;
    }
  lectern_byte_writer_init (&writer, LECTERN_LINK_HEADER + header.size);
  put_header (&writer, &header);
  lectern_byte_writer_put (&writer, g_bytes_get_data (text, NULL), header.size);
  return lectern_byte_writer_steal (&writer);
}

GBytes *
lectern_link_write_track (guint lane, LecternTrack *track, GError **error)
{
  gsize config = track->config != NULL ? g_bytes_get_size (track->config) : 0;
  Header header = { .type = LECTERN_LINK_TRACK,
                    .lane = lane,
                    .media = lectern_codec_get_media (track->codec) };
  g_auto (LecternByteWriter) writer = { 0 };

  g_return_val_if_fail (lane < LECTERN_LINK_MAX_LANES, NULL);
  if (config > LECTERN_LINK_MAX_CONFIG)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                   "a codec's configuration of %" G_GSIZE_FORMAT " bytes is too long", config);
      return NULL;
    }
  header.size = TRACK_FIELDS + config;
  lectern_byte_writer_init (&writer, LECTERN_LINK_HEADER + header.size);
  put_header (&writer, &header);
  lectern_byte_writer_put_u16 (&writer, track->codec);
  lectern_byte_writer_put_u16 (&writer, track->bits);
  lectern_byte_writer_put_u32 (&writer, track->width);
  lectern_byte_writer_put_u32 (&writer, track->height);
  lectern_byte_writer_put_u32 (&writer, track->rate);
  lectern_byte_writer_put_u32 (&writer, track->channels);
  lectern_byte_writer_put_u8 (&writer, track->fourcc != FALSE);
  lectern_byte_writer_put (&writer, track->profile, PROFILE);
  if (config > 0)
    lectern_byte_writer_put (&writer, g_bytes_get_data (track->config, NULL), config);
  return lectern_byte_writer_steal (&writer);
}

GBytes *
lectern_link_write_packet_header (guint lane, LecternPacket *packet, GError **error)
{
  gsize size = lectern_packet_get_size (packet);
  Header header
      = { .type = LECTERN_LINK_PACKET,
          .lane = lane,
          .flags = packet->flags & PACKET_FLAGS,
          .size = size,
          .duration
          = packet->duration > 0 && packet->duration <= G_MAXUINT32 ? packet->duration : 0,
          .dts = packet->dts,
          .pts = packet->pts };
  g_auto (LecternByteWriter) writer = { 0 };

  g_return_val_if_fail (lane < LECTERN_LINK_MAX_LANES, NULL);
  if (packet->track == NULL || (packet->flags & LECTERN_PACKET_CONFIG))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "only frames go over the link");
      return NULL;
    }
  if (size > LECTERN_LINK_MAX_PAYLOAD)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT,
                   "a frame of %" G_GSIZE_FORMAT " bytes is too long", size);
      return NULL;
    }
  header.media = lectern_codec_get_media (packet->track->codec);
  lectern_byte_writer_init (&writer, LECTERN_LINK_HEADER);
  put_header (&writer, &header);
  return lectern_byte_writer_steal (&writer);
}
