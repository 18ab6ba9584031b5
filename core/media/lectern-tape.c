/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-tape.h"

#define MIN_BLOCK (64 * 1024)
#define MAX_BLOCK (4 * 1024 * 1024)
#define BLOCK_SPAN_US (2 * G_USEC_PER_SEC)
#define BYTES_PER_MARK 256

/* Where a message ends, and when it was written. */
typedef struct
{
  guint32 end;
  guint32 arrival_ms; /* since the block began */
} Mark;

struct _LecternTapeBlock
{
  gint refs;
  guint64 number;
  gint64 began_us;
  guint max_marks;
  gsize size;
  guint8 *data;
  Mark *marks;
  /* Written by the writer only; read with acquire. */
  gsize head;
  guint n_marks;
};

struct _LecternTape
{
  gint refs;
  const LecternTapeFormat *format;
  gpointer state; /* the format's */
  LecternTapeParts parts;
  gsize max_bytes;
  gint64 keep_us;

  LecternTapeBlock *current; /* the writer's own, under the stream's lock */
  guint64 n_blocks;          /* atomic; written by the writer */

  GMutex lock;
  GQueue blocks; /* lock: oldest first */
  gsize bytes;   /* lock */
  struct
  {
    guint64 number;
    LecternTapePosition position;
    GBytes *join_header;
    GBytes *jump_header;
  } key;              /* lock */
  guint64 key_number; /* atomic copy of key.number, 0 without a key */
};

static LecternTapeBlock *
block_ref (LecternTapeBlock *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

static void
block_unref (LecternTapeBlock *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_free (self->data);
  g_free (self->marks);
  g_free (self);
}

static LecternTapeBlock *
block_new (guint64 number, gsize size, gint64 now_us)
{
  LecternTapeBlock *self = g_new0 (LecternTapeBlock, 1);

  self->refs = 1;
  self->number = number;
  self->began_us = now_us;
  self->size = size;
  self->max_marks = size / BYTES_PER_MARK;
  self->data = g_malloc (size);
  self->marks = g_new (Mark, self->max_marks);
  return self;
}

static gsize
block_get_head (const LecternTapeBlock *self)
{
  return __atomic_load_n (&self->head, __ATOMIC_ACQUIRE);
}

static gsize
block_get_cost (const LecternTapeBlock *self)
{
  return self->size + self->max_marks * sizeof (Mark);
}

void
lectern_tape_position_clear (LecternTapePosition *position)
{
  g_clear_pointer (&position->block, block_unref);
  position->offset = 0;
}

static void
position_set (LecternTapePosition *position, LecternTapeBlock *block, gsize offset)
{
  LecternTapeBlock *held = block_ref (block);

  lectern_tape_position_clear (position);
  position->block = held;
  position->offset = offset;
}

LecternTape *
lectern_tape_new (const LecternTapeFormat *format, LecternTapeParts parts, gsize max_bytes,
                  gint64 keep_us)
{
  LecternTape *self = g_new0 (LecternTape, 1);

  self->refs = 1;
  self->format = format;
  self->state = g_malloc0 (format->state_size);
  self->parts = parts;
  self->max_bytes = max_bytes;
  self->keep_us = keep_us;
  g_mutex_init (&self->lock);
  g_queue_init (&self->blocks);
  return self;
}

LecternTape *
lectern_tape_ref (LecternTape *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

static void
clear_key (LecternTape *self)
{
  lectern_tape_position_clear (&self->key.position);
  g_clear_pointer (&self->key.join_header, g_bytes_unref);
  g_clear_pointer (&self->key.jump_header, g_bytes_unref);
  __atomic_store_n (&self->key_number, 0, __ATOMIC_RELEASE);
}

void
lectern_tape_unref (LecternTape *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  clear_key (self);
  g_queue_clear_full (&self->blocks, (GDestroyNotify)block_unref);
  g_mutex_clear (&self->lock);
  g_free (self->state);
  g_free (self);
}

gboolean
lectern_tape_matches (LecternTape *self, const LecternTapeFormat *format, LecternTapeParts parts)
{
  return self->format == format && !self->parts.no_video == !parts.no_video
         && !self->parts.no_audio == !parts.no_audio;
}

gboolean
lectern_tape_has_fixed_codecs (LecternTape *self)
{
  return self->format->fixed_codecs;
}

/* Blocks of about two seconds: few enough block ends not to cost calls, small enough to let go of
 * old bytes soon. */
static gsize
choose_block_size (LecternTape *self, gsize bound, gint64 now_us)
{
  gsize wanted = MIN_BLOCK * 4;

  if (self->current != NULL && now_us > self->current->began_us)
    wanted = (gdouble)self->current->head * BLOCK_SPAN_US / (now_us - self->current->began_us);
  if (self->current != NULL)
    wanted = MIN (wanted, self->current->size * 2);
  wanted = CLAMP (wanted, MIN_BLOCK, MIN (MAX_BLOCK, MAX (self->max_bytes / 4, MIN_BLOCK)));
  return MAX (wanted, bound);
}

/* Drops what nobody may start from any more: blocks before the newest key frame that are older than
 * a viewer may lag, and in any case what exceeds the bound. */
static void
drop_old_blocks (LecternTape *self, gint64 now_us)
{
  while (self->blocks.length > 1)
    {
      LecternTapeBlock *oldest = self->blocks.head->data;
      LecternTapeBlock *next = self->blocks.head->next->data;
      gboolean over = self->bytes > self->max_bytes;
      gboolean old = now_us - next->began_us > self->keep_us && self->key.position.block != NULL
                     && oldest->number < self->key.position.block->number;

      if (!over && !old)
        return;
      if (oldest == self->key.position.block)
        clear_key (self);
      self->bytes -= block_get_cost (oldest);
      g_queue_pop_head (&self->blocks);
      block_unref (oldest);
    }
}

static void
add_block (LecternTape *self, gsize bound, gint64 now_us)
{
  guint64 number = self->n_blocks + 1;
  LecternTapeBlock *block = block_new (number, choose_block_size (self, bound, now_us), now_us);

  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->blocks, block);
  self->bytes += block_get_cost (block);
  drop_old_blocks (self, now_us);
  g_mutex_unlock (&self->lock);
  self->current = block;
  __atomic_store_n (&self->n_blocks, number, __ATOMIC_RELEASE);
}

static gboolean
is_wanted (LecternTape *self, LecternPacket *packet)
{
  if (packet->track == NULL)
    return TRUE;
  if (packet->track->media == LECTERN_MEDIA_VIDEO)
    return !self->parts.no_video;
  if (packet->track->media == LECTERN_MEDIA_AUDIO)
    return !self->parts.no_audio;
  return TRUE;
}

/* Players trust onMetaData over the tracks they see, so it must not promise what is left out. */
static GVariant *
filter_metadata (LecternTape *self, GVariant *metadata)
{
  static const char *const video_keys[]
      = { "video", "width", "height", "framerate", "hasVideo", "hasKeyframes", NULL };
  static const char *const audio_keys[] = { "audio", "stereo", "hasAudio", NULL };
  GVariantBuilder builder;
  GVariantIter iter;
  const char *name;
  GVariant *value;

  if (metadata == NULL || (!self->parts.no_video && !self->parts.no_audio))
    return metadata != NULL ? g_variant_ref (metadata) : NULL;
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, metadata);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      const char *const *drop = self->parts.no_video ? video_keys : audio_keys;
      gboolean dropped = FALSE;

      for (guint i = 0; drop[i] != NULL; i++)
        dropped |= g_str_has_prefix (name, drop[i]);
      if (!dropped)
        g_variant_builder_add (&builder, "{sv}", name, value);
      g_variant_unref (value);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
mark_key (LecternTape *self, const LecternTapeSetup *setup)
{
  g_autoptr (GVariant) metadata = filter_metadata (self, setup->metadata);
  LecternTapeSetup own = { .video = self->parts.no_video ? NULL : setup->video,
                           .audio = self->parts.no_audio ? NULL : setup->audio,
                           .metadata = metadata,
                           .dts = setup->dts };
  GBytes *join_header = self->format->header (&own, TRUE, self->state);
  GBytes *jump_header = self->format->header (&own, FALSE, self->state);

  g_mutex_lock (&self->lock);
  clear_key (self);
  position_set (&self->key.position, self->current, self->current->head);
  self->key.join_header = join_header;
  self->key.jump_header = jump_header;
  self->key.number++;
  __atomic_store_n (&self->key_number, self->key.number, __ATOMIC_RELEASE);
  g_mutex_unlock (&self->lock);
}

static gboolean
has_room (const LecternTapeBlock *block, gsize bound)
{
  return block != NULL && block->size - block->head >= bound && block->n_marks < block->max_marks;
}

void
lectern_tape_write (LecternTape *self, LecternPacket *packet, gboolean key,
                    const LecternTapeSetup *setup, gint64 now_us)
{
  gboolean wanted = is_wanted (self, packet);
  LecternTapeBlock *block;
  gsize bound;
  gsize written;

  /* A key frame that is left out still marks where its audio begins. */
  if (!key && (!wanted || self->current == NULL))
    return;
  bound = wanted ? self->format->bound (packet) : 0;
  if (!has_room (self->current, bound))
    add_block (self, bound, now_us);
  block = self->current;
  if (key)
    mark_key (self, setup);
  written = wanted ? self->format->write (packet, block->data + block->head, self->state) : 0;
  if (written == 0)
    return;
  block->marks[block->n_marks].end = block->head + written;
  block->marks[block->n_marks].arrival_ms = (now_us - block->began_us) / 1000;
  __atomic_store_n (&block->n_marks, block->n_marks + 1, __ATOMIC_RELEASE);
  __atomic_store_n (&block->head, block->head + written, __ATOMIC_RELEASE);
}

GBytes *
lectern_tape_seek_newest_key (LecternTape *self, LecternTapePosition *position, gboolean join)
{
  GBytes *header = NULL;

  g_mutex_lock (&self->lock);
  if (self->key.position.block != NULL)
    {
      position_set (position, self->key.position.block, self->key.position.offset);
      header = g_bytes_ref (join ? self->key.join_header : self->key.jump_header);
    }
  g_mutex_unlock (&self->lock);
  return header;
}

gboolean
lectern_tape_is_key_ahead (LecternTape *self, const LecternTapePosition *position)
{
  const LecternTapePosition *key = &self->key.position;
  gboolean ahead = FALSE;

  g_mutex_lock (&self->lock);
  if (key->block != NULL && position->block == NULL)
    ahead = TRUE;
  else if (key->block != NULL)
    ahead = key->block->number > position->block->number
            || (key->block == position->block && key->offset > position->offset);
  g_mutex_unlock (&self->lock);
  return ahead;
}

guint64
lectern_tape_get_key_number (LecternTape *self)
{
  return __atomic_load_n (&self->key_number, __ATOMIC_ACQUIRE);
}

/* Finds the block after @number. *@lost: it has been dropped. */
static LecternTapeBlock *
find_next_block (LecternTape *self, guint64 number, gboolean *lost)
{
  LecternTapeBlock *next = NULL;

  g_mutex_lock (&self->lock);
  for (GList *item = self->blocks.tail; item != NULL; item = item->prev)
    {
      LecternTapeBlock *block = item->data;

      if (block->number <= number)
        break;
      next = block;
    }
  *lost = next != NULL && next->number != number + 1;
  next = next != NULL && !*lost ? block_ref (next) : NULL;
  g_mutex_unlock (&self->lock);
  return next;
}

gsize
lectern_tape_get_bytes (LecternTape *self, LecternTapePosition *position, const guint8 **data,
                        gboolean *lost)
{
  LecternTapeBlock *next;
  gsize head;

  *lost = FALSE;
  if (position->block == NULL)
    return 0;
  head = block_get_head (position->block);
  if (position->offset == head)
    {
      if (position->block->number == __atomic_load_n (&self->n_blocks, __ATOMIC_ACQUIRE))
        return 0;
      next = find_next_block (self, position->block->number, lost);
      if (next == NULL)
        return 0;
      /* The writer may have filled the old block up before it made the next. */
      head = block_get_head (position->block);
      if (position->offset == head)
        {
          block_unref (position->block);
          position->block = next;
          position->offset = 0;
          head = block_get_head (next);
        }
      else
        block_unref (next);
    }
  *data = position->block->data + position->offset;
  return head - position->offset;
}

gboolean
lectern_tape_is_followed (LecternTape *self, const LecternTapePosition *position)
{
  return position->block->number < __atomic_load_n (&self->n_blocks, __ATOMIC_ACQUIRE);
}

/* The first mark that ends beyond @offset, or n_marks. */
static guint
find_mark (const LecternTapeBlock *block, gsize offset)
{
  guint low = 0;
  guint high = __atomic_load_n (&block->n_marks, __ATOMIC_ACQUIRE);

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (block->marks[middle].end > offset)
        high = middle;
      else
        low = middle + 1;
    }
  return low;
}

gsize
lectern_tape_get_message_rest (const LecternTapePosition *position)
{
  guint mark;

  if (position->block == NULL || position->offset == 0)
    return 0;
  mark = find_mark (position->block, position->offset - 1);
  /* A message that ends at the offset is behind us. */
  return position->block->marks[mark].end - position->offset;
}

gsize
lectern_tape_get_message_size (const LecternTapePosition *position)
{
  guint mark;

  if (position->block == NULL)
    return 0;
  mark = find_mark (position->block, position->offset);
  if (mark == __atomic_load_n (&position->block->n_marks, __ATOMIC_ACQUIRE))
    return 0;
  return position->block->marks[mark].end - position->offset;
}

gint64
lectern_tape_get_arrival (const LecternTapePosition *position)
{
  guint mark;

  if (position->block == NULL)
    return G_MAXINT64;
  mark = find_mark (position->block, position->offset);
  if (mark == __atomic_load_n (&position->block->n_marks, __ATOMIC_ACQUIRE))
    return G_MAXINT64;
  return position->block->began_us + (gint64)position->block->marks[mark].arrival_ms * 1000;
}

gsize
lectern_tape_get_size (LecternTape *self)
{
  gsize bytes;

  g_mutex_lock (&self->lock);
  bytes = self->bytes;
  g_mutex_unlock (&self->lock);
  return bytes;
}
