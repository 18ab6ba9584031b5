/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-stream-private.h"

#include "base/lectern-clock.h"
#include "base/lectern-log.h"

#define SETTLE_NS (300 * G_GINT64_CONSTANT (1000000))
#define AUDIO_FLUSH_US 40000
#define TAPE_KEEP_MARGIN_US 500000

LecternStream *
lectern_stream_new (LecternStreamRegistry *registry, const char *name,
                    const LecternMediaLimits *limits)
{
  LecternStream *self = g_new0 (LecternStream, 1);

  self->refs = 1;
  self->name = g_strdup (name);
  self->registry = g_object_ref (registry);
  self->limits = *limits;
  self->first_dts = -1;
  self->tapes = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_tape_unref);
  self->audiences = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_audience_unref);
  self->feeds = g_ptr_array_new ();
  lectern_gop_cache_init (&self->gop, limits->gop_size);
  g_mutex_init (&self->lock);
  return self;
}

G_DEFINE_BOXED_TYPE (LecternStream, lectern_stream, lectern_stream_ref, lectern_stream_unref)

LecternStream *
lectern_stream_ref (LecternStream *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_stream_unref (LecternStream *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (self->tracks); i++)
    g_clear_pointer (&self->tracks[i], lectern_track_unref);
  g_clear_pointer (&self->metadata, g_variant_unref);
  g_clear_pointer (&self->ladder, lectern_ladder_unref);
  g_free (self->warning);
  g_clear_pointer (&self->owner, lectern_identity_unref);
  g_ptr_array_unref (self->feeds);
  g_ptr_array_unref (self->audiences);
  g_ptr_array_unref (self->tapes);
  lectern_gop_cache_clear (&self->gop);
  g_mutex_clear (&self->lock);
  g_object_unref (self->registry);
  g_free (self->name);
  g_free (self);
}

const char *
lectern_stream_get_name (LecternStream *self)
{
  return self->name;
}

LecternStreamState
lectern_stream_get_state (LecternStream *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->state;
}

const char *
lectern_stream_state_get_name (LecternStreamState state)
{
  static const char *const names[] = { "idle", "live", "away", "ended" };

  return (guint) state < G_N_ELEMENTS (names) ? names[state] : "unknown";
}

static guint
count_viewers (LecternStream *self)
{
  guint sum = 0;

  for (guint i = 0; i < self->audiences->len; i++)
    sum += lectern_audience_get_size (g_ptr_array_index (self->audiences, i));
  return sum;
}

void
lectern_stream_get_info (LecternStream *self, LecternStreamInfo *info)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternTrack *video = self->tracks[LECTERN_MEDIA_VIDEO];
  LecternTrack *audio = self->tracks[LECTERN_MEDIA_AUDIO];
  gboolean live = self->state == LECTERN_STREAM_LIVE;

  *info = (LecternStreamInfo){
    .state = self->state,
    .settled = self->settled,
    .started_us = self->started_us,
    .bytes_in = self->bytes_in,
    .packets_in = self->packets_in,
    .bitrate = live ? self->rate.bitrate : 0,
    .fps = live ? self->rate.fps : 0,
    .viewers = count_viewers (self),
    .waiting = g_atomic_int_get (&self->waiting),
    .gop_bytes = self->gop.bytes,
    .gop_duration = self->gop.duration,
    .video = video != NULL ? lectern_track_ref (video) : NULL,
    .audio = audio != NULL ? lectern_track_ref (audio) : NULL,
    .metadata = self->metadata != NULL ? g_variant_ref (self->metadata) : NULL,
    .warning = g_strdup (self->warning),
    .is_received = self->is_received,
    .reception = self->reception,
  };
}

void
lectern_stream_info_clear (LecternStreamInfo *info)
{
  g_clear_pointer (&info->video, lectern_track_unref);
  g_clear_pointer (&info->audio, lectern_track_unref);
  g_clear_pointer (&info->metadata, g_variant_unref);
  g_clear_pointer (&info->warning, g_free);
}

void
lectern_stream_set_warning (LecternStream *self, const char *warning)
{
  g_mutex_lock (&self->lock);
  g_free (self->warning);
  self->warning = g_strdup (warning);
  g_mutex_unlock (&self->lock);
  lectern_stream_registry_notify (self->registry, self, "warning");
}

void
lectern_stream_set_ladder (LecternStream *self, LecternLadder *ladder)
{
  g_autoptr (LecternLadder) old = NULL;

  g_mutex_lock (&self->lock);
  old = g_steal_pointer (&self->ladder);
  self->ladder = ladder != NULL ? lectern_ladder_ref (ladder) : NULL;
  g_mutex_unlock (&self->lock);
  lectern_stream_registry_notify (self->registry, self, "ladder");
}

LecternLadder *
lectern_stream_get_ladder (LecternStream *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->ladder != NULL ? lectern_ladder_ref (self->ladder) : NULL;
}

static void
wake_audiences (LecternStream *self)
{
  for (guint i = 0; i < self->audiences->len; i++)
    lectern_audience_wake (g_ptr_array_index (self->audiences, i));
}

/* Under the lock. */
static void
set_state (LecternStream *self, LecternStreamState state)
{
  static const char *const signals[] = { NULL, "live", "away", "ended" };

  self->state = state;
  for (guint i = 0; i < self->audiences->len; i++)
    lectern_audience_tell (g_ptr_array_index (self->audiences, i), state);
  for (guint i = 0; i < self->feeds->len; i++)
    lectern_feed_tell (g_ptr_array_index (self->feeds, i), state);
  lectern_stream_registry_notify (self->registry, self, signals[state]);
}

static LecternTapeSetup
get_setup (LecternStream *self, LecternTrack *video, LecternTrack *audio, gint64 dts)
{
  return (
      LecternTapeSetup){ .video = video, .audio = audio, .metadata = self->metadata, .dts = dts };
}

/* Writes the GOP cache onto a new tape, or onto one whose viewers waited for the tracks. */
static void
fill_tape (LecternStream *self, LecternTape *tape, gint64 now_us)
{
  LecternTapeSetup setup = get_setup (self, self->gop.video, self->gop.audio, self->gop.started);

  for (guint i = 0; i < self->gop.packets->len; i++)
    lectern_tape_write (tape, g_ptr_array_index (self->gop.packets, i), i == 0, &setup, now_us);
}

/* Under the lock. Viewers begin when the tracks are known: both, or one after a moment, so that the
 * header they get first is right. */
static void
settle (LecternStream *self, gint64 dts, gint64 now_us)
{
  gboolean both
      = self->tracks[LECTERN_MEDIA_VIDEO] != NULL && self->tracks[LECTERN_MEDIA_AUDIO] != NULL;

  if (!both && dts - self->first_dts < SETTLE_NS)
    return;
  self->settled = TRUE;
  for (guint i = 0; i < self->tapes->len; i++)
    fill_tape (self, g_ptr_array_index (self->tapes, i), now_us);
}

static void
update_rate (LecternStreamRate *rate, LecternPacket *packet, gint64 now_us)
{
  gint64 passed_us = now_us - rate->began_us;

  if (passed_us > 2 * G_USEC_PER_SEC)
    {
      if (rate->began_us > 0)
        {
          rate->bitrate = rate->bytes * 8 * G_USEC_PER_SEC / passed_us;
          rate->fps = (double) rate->frames * G_USEC_PER_SEC / passed_us;
        }
      rate->bytes = 0;
      rate->frames = 0;
      rate->began_us = now_us;
    }
  rate->bytes += lectern_packet_get_size (packet);
  rate->frames += lectern_packet_is_video (packet);
}

static gboolean
is_flush_due (LecternStream *self, LecternPacket *packet, gint64 now_us)
{
  return lectern_packet_is_video (packet) || now_us - self->last_flush_us >= AUDIO_FLUSH_US;
}

/* Under the lock. */
static void
append (LecternStream *self, LecternPacket *packet, gint64 now_us)
{
  LecternTrack *video = self->tracks[LECTERN_MEDIA_VIDEO];
  LecternTrack *audio = self->tracks[LECTERN_MEDIA_AUDIO];
  gboolean key = lectern_gop_cache_push (&self->gop, packet, video, audio);
  LecternTapeSetup setup = get_setup (self, video, audio, packet->dts);

  if (!(packet->flags & LECTERN_PACKET_CONFIG))
    for (guint i = 0; i < self->feeds->len; i++)
      lectern_feed_push (g_ptr_array_index (self->feeds, i), packet, key);
  if (!self->settled)
    {
      settle (self, packet->dts, now_us);
      if (self->settled)
        wake_audiences (self);
      return;
    }
  for (guint i = 0; i < self->tapes->len; i++)
    lectern_tape_write (g_ptr_array_index (self->tapes, i), packet, key, &setup, now_us);
  if (!is_flush_due (self, packet, now_us))
    return;
  self->last_flush_us = now_us;
  wake_audiences (self);
}

void
lectern_stream_push (LecternStream *self, LecternPublisher *publisher, LecternMedia media,
                     LecternPacketFlags flags, gint64 dts, gint64 pts, GBytes *payload)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autoptr (LecternPacket) packet = NULL;
  gint64 now_us = lectern_clock_now_us ();

  if (self->publisher != publisher)
    return;
  if (self->tracks[media] == NULL)
    {
      self->dropped_in++;
      return;
    }
  if (lectern_time_repair_apply (&self->time, media, now_us, &dts, &pts))
    flags |= LECTERN_PACKET_DISCONTINUITY;
  packet = lectern_packet_new (self->tracks[media], flags, dts, pts, 0, payload);
  if (self->first_dts < 0)
    self->first_dts = dts;
  self->packets_in++;
  self->bytes_in += lectern_packet_get_size (packet);
  update_rate (&self->rate, packet, now_us);
  append (self, packet, now_us);
}

static gboolean
is_other_codec (LecternStream *self, LecternTrack *track)
{
  LecternTrack *old = self->tracks[track->media];

  return track->media <= LECTERN_MEDIA_AUDIO && (old == NULL || old->codec != track->codec);
}

/* Under the lock. Ends viewers who could not follow to other codecs; those who come begin a new
 * tape, on which the old codecs must not be. */
static void
change_codecs (LecternStream *self)
{
  lectern_gop_cache_reset (&self->gop);
  for (guint i = self->audiences->len; i > 0; i--)
    {
      LecternAudience *audience = g_ptr_array_index (self->audiences, i - 1);

      if (!lectern_tape_has_fixed_codecs (lectern_audience_get_tape (audience)))
        continue;
      lectern_audience_tell (audience, LECTERN_STREAM_ENDED);
      g_ptr_array_remove_index_fast (self->audiences, i - 1);
    }
  for (guint i = self->tapes->len; i > 0; i--)
    if (lectern_tape_has_fixed_codecs (g_ptr_array_index (self->tapes, i - 1)))
      g_ptr_array_remove_index_fast (self->tapes, i - 1);
}

void
lectern_stream_set_track (LecternStream *self, LecternPublisher *publisher, LecternTrack *track)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autoptr (LecternPacket) packet = NULL;

  if (self->publisher != publisher || lectern_track_equal (self->tracks[track->media], track))
    return;
  if (self->settled && is_other_codec (self, track))
    change_codecs (self);
  g_clear_pointer (&self->tracks[track->media], lectern_track_unref);
  self->tracks[track->media] = lectern_track_ref (track);
  /* Until viewers begin, a track joins what they are told first. */
  if ((!self->settled && lectern_gop_cache_add_track (&self->gop, track)) || track->config == NULL)
    return;
  packet = lectern_packet_new (track, LECTERN_PACKET_CONFIG, self->time.newest, self->time.newest,
                               0, track->config);
  append (self, packet, lectern_clock_now_us ());
}

void
lectern_stream_set_metadata (LecternStream *self, LecternPublisher *publisher, GVariant *metadata)
{
  g_autoptr (GVariant) held = g_variant_ref_sink (metadata);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autoptr (LecternPacket) packet = NULL;

  if (self->publisher != publisher
      || (self->metadata != NULL && g_variant_equal (self->metadata, held)))
    return;
  g_clear_pointer (&self->metadata, g_variant_unref);
  self->metadata = g_variant_ref (held);
  if (!self->settled)
    return;
  packet = lectern_packet_new_metadata (self->time.newest, held);
  append (self, packet, lectern_clock_now_us ());
}

/* Under the lock. The lost right is told in the publisher's own context. */
static void
drop_publisher (LecternStream *self, const GError *reason)
{
  LecternPublisher *publisher = g_steal_pointer (&self->publisher);

  if (publisher == NULL)
    return;
  if (reason != NULL)
    lectern_publisher_tell_lost (publisher, reason);
  lectern_publisher_unref (publisher);
}

static gboolean
may_take (LecternStream *self, LecternIdentity *identity)
{
  if (self->state == LECTERN_STREAM_IDLE)
    return TRUE;
  if (self->state == LECTERN_STREAM_ENDED)
    return FALSE;
  if (self->yields)
    return TRUE;
  if (self->owner != NULL)
    return lectern_identity_equal (self->owner, identity);
  return self->state == LECTERN_STREAM_AWAY;
}

static void
clear_grace (LecternStream *self)
{
  if (self->grace == NULL)
    return;
  g_source_destroy (self->grace);
  g_clear_pointer (&self->grace, g_source_unref);
}

static gint64
get_started (LecternStream *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->started_us;
}

LecternPublisher *
lectern_stream_publish (LecternStream *self, LecternIdentity *identity, LecternStream *source,
                        LecternPublisherLostFunc lost, gpointer user_data, GError **error)
{
  gint64 started_us = source != NULL ? get_started (source) : lectern_clock_wall_us ();
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autoptr (GError) reason = NULL;
  gboolean was_live = self->state == LECTERN_STREAM_LIVE;

  if (!may_take (self, identity))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "somebody else is publishing '%s'",
                   self->name);
      return NULL;
    }
  g_set_error (&reason, LECTERN_ERROR, LECTERN_ERROR_CONFLICT,
               self->yields ? "somebody publishes '%s' now"
                            : "the same key publishes '%s' from elsewhere now",
               self->name);
  drop_publisher (self, reason);
  clear_grace (self);
  g_clear_pointer (&self->owner, lectern_identity_unref);
  self->owner = identity != NULL ? lectern_identity_ref (identity) : NULL;
  self->yields = FALSE;
  self->absent = NULL;
  self->grace_us = self->limits.grace_us;
  self->is_received = FALSE;
  self->publisher = lectern_publisher_new (self, lost, user_data);
  self->time.trusted = source != NULL;
  lectern_time_repair_restart (&self->time);
  if (self->started_us == 0)
    self->started_us = started_us;
  if (!was_live)
    set_state (self, LECTERN_STREAM_LIVE);
  return lectern_publisher_ref (self->publisher);
}

void
lectern_stream_set_yielding (LecternStream *self, LecternPublisher *publisher)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->publisher == publisher)
    self->yields = TRUE;
}

void
lectern_stream_set_grace (LecternStream *self, LecternPublisher *publisher, gint64 grace_us)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->publisher == publisher)
    self->grace_us = grace_us;
}

void
lectern_stream_set_reception (LecternStream *self, LecternPublisher *publisher,
                              const LecternReception *reception)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (self->publisher != publisher)
    return;
  self->is_received = TRUE;
  self->reception = *reception;
}

/* Under the lock. */
static void
end_locked (LecternStream *self, const GError *reason)
{
  drop_publisher (self, reason);
  clear_grace (self);
  self->absent = NULL;
  set_state (self, LECTERN_STREAM_ENDED);
}

void
lectern_stream_unpublish (LecternStream *self, LecternPublisher *publisher, gboolean lost)
{
  gboolean ended = FALSE;

  g_mutex_lock (&self->lock);
  if (self->publisher == publisher)
    {
      drop_publisher (self, NULL);
      ended = !lost || self->grace_us == 0;
      if (!ended)
        {
          self->absent = publisher;
          self->grace = lectern_stream_registry_start_grace (self->registry, self);
          set_state (self, LECTERN_STREAM_AWAY);
        }
    }
  else
    ended = !lost && self->state == LECTERN_STREAM_AWAY && self->absent == publisher;
  if (ended)
    end_locked (self, NULL);
  g_mutex_unlock (&self->lock);
  if (ended)
    lectern_stream_registry_forget (self->registry, self);
}

void
lectern_stream_end (LecternStream *self, const GError *reason)
{
  gboolean ended = FALSE;

  g_mutex_lock (&self->lock);
  if (self->state != LECTERN_STREAM_ENDED)
    {
      end_locked (self, reason);
      ended = TRUE;
    }
  g_mutex_unlock (&self->lock);
  if (ended)
    lectern_stream_registry_forget (self->registry, self);
}

void
lectern_stream_end_grace (LecternStream *self)
{
  gboolean over = FALSE;

  g_mutex_lock (&self->lock);
  if (self->state == LECTERN_STREAM_AWAY)
    {
      end_locked (self, NULL);
      over = TRUE;
    }
  g_mutex_unlock (&self->lock);
  if (over)
    lectern_stream_registry_forget (self->registry, self);
}

void
lectern_stream_add_feed (LecternStream *self, LecternFeed *feed)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  lectern_feed_tell (feed, self->state);
  for (guint i = 0; i < self->gop.packets->len; i++)
    {
      LecternPacket *packet = g_ptr_array_index (self->gop.packets, i);

      if (!(packet->flags & LECTERN_PACKET_CONFIG))
        lectern_feed_push (feed, packet, i == 0);
    }
  g_ptr_array_add (self->feeds, feed);
}

void
lectern_stream_remove_feed (LecternStream *self, LecternFeed *feed)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  g_ptr_array_remove_fast (self->feeds, feed);
}

static LecternTape *
get_tape (LecternStream *self, const LecternTapeFormat *format, LecternTapeParts parts)
{
  gint64 keep_us = self->limits.late_us + TAPE_KEEP_MARGIN_US;
  LecternTape *tape;

  for (guint i = 0; i < self->tapes->len; i++)
    {
      tape = g_ptr_array_index (self->tapes, i);
      if (lectern_tape_matches (tape, format, parts))
        return tape;
    }
  tape = lectern_tape_new (format, parts, self->limits.tape_size, keep_us);
  if (self->settled)
    fill_tape (self, tape, lectern_clock_now_us ());
  g_ptr_array_add (self->tapes, tape);
  return tape;
}

LecternAudience *
lectern_stream_get_audience (LecternStream *self, const LecternTapeFormat *format,
                             LecternTapeParts parts, LecternReactor *reactor)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternTape *tape = get_tape (self, format, parts);
  LecternAudience *audience;

  for (guint i = 0; i < self->audiences->len; i++)
    {
      audience = g_ptr_array_index (self->audiences, i);
      if (lectern_audience_get_tape (audience) == tape
          && lectern_audience_get_reactor (audience) == reactor)
        return lectern_audience_ref (audience);
    }
  audience = lectern_audience_new (tape, reactor, &self->limits, self->state);
  g_ptr_array_add (self->audiences, audience);
  return lectern_audience_ref (audience);
}

void
lectern_stream_drop_audience (LecternStream *self, LecternAudience *audience)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternTape *tape = lectern_audience_get_tape (audience);

  if (lectern_audience_get_size (audience) > 0)
    return;
  g_ptr_array_remove_fast (self->audiences, audience);
  for (guint i = 0; i < self->audiences->len; i++)
    if (lectern_audience_get_tape (g_ptr_array_index (self->audiences, i)) == tape)
      return;
  g_ptr_array_remove_fast (self->tapes, tape);
}
