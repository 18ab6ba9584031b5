/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-transcode-task.h"

#include "lectern-transcode-output.h"

#define FEED_BYTES (16 * 1024 * 1024)
/* How long the second track may keep the first waiting. */
#define SETTLE_NS (500 * G_GINT64_CONSTANT (1000000))
/* Key frames of what we encode. */
#define KEY_MS 2000
#define USUAL_AUDIO_BITRATE 64000
#define MAX_OUTPUTS (LECTERN_TRANSCODE_MAX_RUNGS + 2)
/* A source beyond this, or one whose codec changes more often, is passed through only. */
#define MAX_PIXELS (4096 * 2304)
#define MAX_CHANGES 10
#define CHANGES_US (60 * G_USEC_PER_SEC)
/* How long a worker may take over what is left when a stream has ended. */
#define DRAIN_US (10 * G_USEC_PER_SEC)

struct _LecternTranscodeTask
{
  gint refs; /* the plugin's and the reactor's */
  LecternReactor *reactor;
  LecternStreamRegistry *streams;
  LecternWorkers *workers;
  LecternStream *stream;
  LecternTranscodePlan *plan;
  char *title;

  /* The reactor's. */
  LecternFeed *feed;
  LecternWorker *worker;
  LecternTimer drain;
  gboolean ready;   /* the worker takes packets */
  gboolean leaving; /* the plugin has let go */
  gboolean over;
  gboolean given_up;
  guint changes; /* of the tracks since then */
  gint64 changes_since_us;
  LecternTrack *tracks[3];                      /* what the worker was started for, by media */
  gboolean told[3];                             /* this child knows the track */
  gint64 first_dts;                             /* -1 */
  gint64 last_key;                              /* PTS of the source's newest key frame; -1 */
  gboolean encodes;                             /* the source's picture is encoded too */
  gboolean replaces_audio;                      /* and its sound */
  LecternTranscodeOutput *passed;               /* the source's picture with the worker's sound */
  gboolean passes;                              /* there is sound for it */
  LecternTranscodeOutput *outputs[MAX_OUTPUTS]; /* by lane - 1 */
  guint n_outputs;
  guint64 bitrates[MAX_OUTPUTS];
  guint heights[MAX_OUTPUTS];
  guint64 shed; /* bit n: lane n + 1 is left out */
};

static void
task_unref (LecternTranscodeTask *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  lectern_transcode_plan_unref (self->plan);
  lectern_stream_unref (self->stream);
  g_object_unref (self->streams);
  g_object_unref (self->reactor);
  g_free (self->title);
  g_free (self);
}

/* ── metrics ── */

static LecternMetric *
get_rungs (const char *state)
{
  return lectern_metrics_get_gauge ("lectern_transcode_rungs", "Renditions that are encoded",
                                    "state", state);
}

static void
observe_lag (gint64 lag_ms)
{
  static const double bounds[] = { 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10 };

  lectern_metric_observe (
      lectern_metrics_get_histogram ("lectern_transcode_lag_seconds",
                                     "How far encoders are behind their source, beyond what they "
                                     "hold back by design",
                                     bounds, G_N_ELEMENTS (bounds)),
      (double) lag_ms / 1000);
}

/* ── the ladder ── */

static gboolean
is_shed (LecternTranscodeTask *self, guint index)
{
  return (self->shed & (G_GUINT64_CONSTANT (1) << index)) != 0;
}

static void
tell_ladder (LecternTranscodeTask *self)
{
  const char *leader = self->encodes && self->n_outputs > 0
                           ? lectern_transcode_output_get_rung (self->outputs[0])
                           : NULL;
  g_autoptr (LecternLadder) ladder
      = lectern_ladder_new (leader, self->encodes, self->replaces_audio);

  for (guint i = 0; i < self->n_outputs; i++)
    if (!is_shed (self, i))
      lectern_ladder_add (ladder, lectern_transcode_output_get_rung (self->outputs[i]),
                          lectern_transcode_output_get_media (self->outputs[i]), self->heights[i],
                          self->bitrates[i]);
  lectern_stream_set_ladder (self->stream, ladder);
}

/* ── what is to be made ── */

/* MP3 only in files of its own: in MP4, as segments are, not everywhere. */
static gboolean
browsers_play (LecternCodec codec)
{
  switch (codec)
    {
    case LECTERN_CODEC_H264:
    case LECTERN_CODEC_AV1:
    case LECTERN_CODEC_VP9:
    case LECTERN_CODEC_AAC:
    case LECTERN_CODEC_OPUS:
      return TRUE;
    default:
      return FALSE;
    }
}

static const char *
get_codec_word (LecternTrack *track)
{
  static const char *const words[] = {
    [LECTERN_CODEC_H264] = "h264",
    [LECTERN_CODEC_H265] = "h265",
    [LECTERN_CODEC_AV1] = "av1",
    [LECTERN_CODEC_VP9] = "vp9",
    [LECTERN_CODEC_AAC] = "aac",
    [LECTERN_CODEC_MP3] = "mp3",
    [LECTERN_CODEC_OPUS] = "opus",
    [LECTERN_CODEC_SPEEX] = "speex",
    [LECTERN_CODEC_NELLYMOSER] = "nellymoser",
    [LECTERN_CODEC_PCMA] = "pcma",
    [LECTERN_CODEC_PCMU] = "pcmu",
  };

  return track != NULL && track->codec < G_N_ELEMENTS (words) ? words[track->codec] : NULL;
}

/* Takes an output of that name over from @before, or makes it. */
static void
add_output (LecternTranscodeTask *self, GPtrArray *before, const char *rung, LecternMedia media,
            guint height, guint64 bitrate)
{
  guint index = self->n_outputs++;

  self->heights[index] = height;
  self->bitrates[index] = bitrate;
  for (guint i = 0; i < before->len; i++)
    if (g_str_equal (lectern_transcode_output_get_rung (before->pdata[i]), rung))
      {
        self->outputs[index] = g_ptr_array_steal_index (before, i);
        lectern_transcode_output_resume (self->outputs[index]);
        return;
      }
  self->outputs[index] = lectern_transcode_output_new (self->streams, self->stream, rung, media);
}

static void
add_picture (LecternTranscodeTask *self, GPtrArray *before, JsonArray *rungs, guint height,
             guint64 bitrate)
{
  LecternTrack *video = self->tracks[LECTERN_MEDIA_VIDEO];
  g_autofree char *rung = g_strdup_printf ("%up", height);
  JsonObject *object = json_object_new ();
  guint width = (guint) ((guint64) video->width * height / video->height + 1) / 2 * 2;

  add_output (self, before, rung, LECTERN_MEDIA_VIDEO, height, bitrate);
  json_object_set_int_member (object, "lane", self->n_outputs);
  json_object_set_int_member (object, "width", MAX (width, 16));
  json_object_set_int_member (object, "height", height / 2 * 2);
  json_object_set_int_member (object, "bitrate", bitrate);
  json_array_add_object_element (rungs, object);
}

static void
add_pictures (LecternTranscodeTask *self, GPtrArray *before, JsonObject *parameters)
{
  LecternTrack *video = self->tracks[LECTERN_MEDIA_VIDEO];
  JsonArray *rungs;

  if (video == NULL || video->height == 0 || video->width == 0 || get_codec_word (video) == NULL
      || (guint64) video->width * video->height > MAX_PIXELS)
    return;
  rungs = json_array_new ();
  if (self->encodes)
    add_picture (self, before, rungs, video->height, self->plan->source_bitrate);
  for (guint i = 0; i < self->plan->n_steps; i++)
    if (self->plan->steps[i].height < video->height)
      add_picture (self, before, rungs, self->plan->steps[i].height, self->plan->steps[i].bitrate);
  if (json_array_get_length (rungs) > 0)
    json_object_set_string_member (parameters, "video", get_codec_word (video));
  json_object_set_array_member (parameters, "rungs", rungs);
}

static void
add_sound (LecternTranscodeTask *self, GPtrArray *before, JsonObject *parameters)
{
  LecternTrack *audio = self->tracks[LECTERN_MEDIA_AUDIO];
  guint64 bitrate = self->plan->audio_bitrate > 0 ? self->plan->audio_bitrate : USUAL_AUDIO_BITRATE;
  g_autofree char *rung = g_strdup_printf ("audio-%uk", (guint) (bitrate / 1000));

  if (get_codec_word (audio) == NULL || (self->plan->audio_bitrate == 0 && !self->replaces_audio))
    return;
  add_output (self, before, rung, LECTERN_MEDIA_AUDIO, 0, bitrate);
  json_object_set_string_member (parameters, "audio", get_codec_word (audio));
  json_object_set_int_member (parameters, "audio_lane", self->n_outputs);
  json_object_set_int_member (parameters, "audio_bitrate", bitrate);
}

/* For players of FLV, which have one stream at a time: a picture that needs no encoding with the
 * sound that does. It is no rung of the ladder, as HLS and DASH put the two together themselves. */
static void
add_passed (LecternTranscodeTask *self, GPtrArray *before)
{
  LecternTrack *video = self->tracks[LECTERN_MEDIA_VIDEO];
  g_autofree char *rung = NULL;

  if (!self->replaces_audio || self->n_outputs == 0 || self->encodes || video == NULL
      || video->height == 0)
    return;
  rung = g_strdup_printf ("%up", video->height);
  for (guint i = 0; self->passed == NULL && i < before->len; i++)
    if (g_str_equal (lectern_transcode_output_get_rung (before->pdata[i]), rung))
      self->passed = g_ptr_array_steal_index (before, i);
  self->passes = self->passed != NULL;
  if (self->passed == NULL)
    self->passed
        = lectern_transcode_output_new (self->streams, self->stream, rung, LECTERN_MEDIA_VIDEO);
  else
    lectern_transcode_output_set_track (self->passed, video);
}

static JsonObject *
make_parameters (LecternTranscodeTask *self, GPtrArray *before)
{
  const LecternTranscodePlan *plan = self->plan;
  JsonObject *object = json_object_new ();

  add_pictures (self, before, object);
  add_sound (self, before, object);
  add_passed (self, before);
  json_object_set_string_member (object, "encoder", plan->encoder);
  json_object_set_string_member (object, "profile", plan->profile);
  json_object_set_int_member (object, "key_ms", self->encodes ? KEY_MS : 0);
  json_object_set_int_member (object, "shed_lag_ms", plan->shed_lag_us / 1000);
  json_object_set_int_member (object, "shed_for_ms", plan->shed_after_us / 1000);
  json_object_set_int_member (object, "calm_lag_ms", plan->calm_lag_us / 1000);
  json_object_set_int_member (object, "calm_for_ms", plan->calm_after_us / 1000);
  return object;
}

/* ── starting and ending a worker ── */

static void on_feed (LecternFeed *feed, gpointer user_data);
static void feed_anew (LecternTranscodeTask *self);

static void
drop_worker (LecternTranscodeTask *self)
{
  self->ready = FALSE;
  g_clear_pointer (&self->worker, lectern_worker_free);
}

/* Returns: (transfer full) (element-type LecternTranscodeOutput): those that were. */
static GPtrArray *
take_outputs (LecternTranscodeTask *self)
{
  GPtrArray *outputs
      = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_transcode_output_free);

  for (guint i = 0; i < self->n_outputs; i++)
    {
      lectern_metric_add (get_rungs (is_shed (self, i) ? "shed" : "running"), -1);
      g_ptr_array_add (outputs, g_steal_pointer (&self->outputs[i]));
    }
  if (self->passed != NULL)
    g_ptr_array_add (outputs, g_steal_pointer (&self->passed));
  self->n_outputs = 0;
  self->shed = 0;
  return outputs;
}

static void
end_outputs (LecternTranscodeTask *self)
{
  g_autoptr (GPtrArray) outputs = take_outputs (self);

  if (outputs->len > 0)
    lectern_stream_set_ladder (self->stream, NULL);
}

/* Nothing follows. */
static void
be_over (LecternTranscodeTask *self)
{
  if (self->over)
    return;
  self->over = TRUE;
  lectern_timer_stop (&self->drain);
  drop_worker (self);
  end_outputs (self);
  g_clear_pointer (&self->feed, lectern_feed_free);
  for (guint i = 0; i < G_N_ELEMENTS (self->tracks); i++)
    g_clear_pointer (&self->tracks[i], lectern_track_unref);
  task_unref (self);
}

static void
on_ready (LecternWorker *worker, gpointer user_data)
{
  LecternTranscodeTask *self = user_data;
  g_autoptr (JsonObject) message = json_object_new ();
  gint64 resume = -1;

  for (guint i = 0; i < self->n_outputs; i++)
    if (lectern_transcode_output_get_media (self->outputs[i]) == LECTERN_MEDIA_VIDEO)
      resume = MAX (resume, lectern_transcode_output_get_newest (self->outputs[i]));
  json_object_set_int_member (message, "resume", resume);
  lectern_worker_send_message (worker, message);
  self->ready = TRUE;
  feed_anew (self);
}

static LecternTranscodeOutput *
find_output (LecternTranscodeTask *self, guint lane)
{
  return lane >= 1 && lane <= self->n_outputs ? self->outputs[lane - 1] : NULL;
}

/* Renditions with a picture carry the sound of the source when it is AAC, else the worker's. */
static gboolean
passes_sound (LecternTranscodeTask *self)
{
  LecternTrack *audio = self->tracks[LECTERN_MEDIA_AUDIO];

  return audio != NULL && audio->codec == LECTERN_CODEC_AAC;
}

static void
give_sound_to (LecternTranscodeOutput *output, LecternTrack *track, LecternPacket *packet)
{
  if (output == NULL || lectern_transcode_output_get_media (output) != LECTERN_MEDIA_VIDEO)
    return;
  if (packet == NULL)
    lectern_transcode_output_set_track (output, track);
  else
    lectern_transcode_output_push (output, packet);
}

static void
give_sound (LecternTranscodeTask *self, LecternTrack *track, LecternPacket *packet)
{
  for (guint i = 0; i < self->n_outputs; i++)
    give_sound_to (self->outputs[i], track, packet);
  give_sound_to (self->passed, track, packet);
}

static void
on_track (LecternWorker *worker, guint lane, LecternTrack *track, gpointer user_data)
{
  LecternTranscodeTask *self = user_data;
  LecternTranscodeOutput *output = find_output (self, lane);

  if (output == NULL)
    return;
  lectern_transcode_output_set_track (output, track);
  if (track->media == LECTERN_MEDIA_AUDIO && self->passed != NULL && !self->passes)
    {
      lectern_transcode_output_set_track (self->passed, self->tracks[LECTERN_MEDIA_VIDEO]);
      self->passes = TRUE;
    }
  if (track->media == LECTERN_MEDIA_AUDIO && !passes_sound (self))
    give_sound (self, track, NULL);
  if (track->media == LECTERN_MEDIA_VIDEO && passes_sound (self))
    lectern_transcode_output_set_track (output, self->tracks[LECTERN_MEDIA_AUDIO]);
}

static void
on_packet (LecternWorker *worker, guint lane, LecternPacket *packet, gpointer user_data)
{
  LecternTranscodeTask *self = user_data;
  LecternTranscodeOutput *output = find_output (self, lane);

  if (output == NULL)
    return;
  lectern_transcode_output_push (output, packet);
  if (packet->track->media == LECTERN_MEDIA_AUDIO && !passes_sound (self))
    give_sound (self, packet->track, packet);
}

static void
switch_rung (LecternTranscodeTask *self, guint lane, gboolean on, gint64 lag_ms)
{
  guint64 bit = G_GUINT64_CONSTANT (1) << (lane - 1);

  if (is_shed (self, lane - 1) == !on)
    return;
  self->shed = on ? self->shed & ~bit : self->shed | bit;
  lectern_metric_add (get_rungs ("shed"), on ? -1 : 1);
  lectern_metric_add (get_rungs ("running"), on ? 1 : -1);
  if (on)
    g_message ("'%s@%s' is encoded again", lectern_stream_get_name (self->stream),
               lectern_transcode_output_get_rung (self->outputs[lane - 1]));
  else
    g_message ("'%s@%s' is left out for now: encoding is %" G_GINT64_FORMAT
               " ms behind, as the machine is short of CPU",
               lectern_stream_get_name (self->stream),
               lectern_transcode_output_get_rung (self->outputs[lane - 1]), lag_ms);
  tell_ladder (self);
}

static void
on_message (LecternWorker *worker, JsonObject *message, gpointer user_data)
{
  LecternTranscodeTask *self = user_data;
  const char *event = json_object_get_string_member_with_default (message, "event", "");
  gint64 lane = json_object_get_int_member_with_default (message, "lane", 0);
  gint64 lag_ms = json_object_get_int_member_with_default (message, "lag_ms", 0);

  observe_lag (lag_ms);
  if (lane < 1 || lane > self->n_outputs)
    return;
  if (g_str_equal (event, "shed"))
    switch_rung (self, lane, FALSE, lag_ms);
  else if (g_str_equal (event, "back"))
    switch_rung (self, lane, TRUE, lag_ms);
}

/* The next child encodes every rung again. */
static void
on_lost (LecternWorker *worker, const GError *error, gpointer user_data)
{
  LecternTranscodeTask *self = user_data;

  self->ready = FALSE;
  for (guint i = 0; i < self->n_outputs; i++)
    {
      if (is_shed (self, i))
        switch_rung (self, i + 1, TRUE, 0);
      lectern_transcode_output_resume (self->outputs[i]);
    }
}

static void
on_ended (LecternWorker *worker, const GError *error, gpointer user_data)
{
  LecternTranscodeTask *self = user_data;

  drop_worker (self);
  if (self->leaving)
    {
      be_over (self);
      return;
    }
  self->given_up = error != NULL;
  end_outputs (self);
}

static const LecternWorkerEvents events = {
  .ready = on_ready,
  .track = on_track,
  .packet = on_packet,
  .message = on_message,
  .lost = on_lost,
  .ended = on_ended,
};

/* Begins with the tracks as they are; renditions that were there go on. */
static void
start_worker (LecternTranscodeTask *self)
{
  g_autoptr (GPtrArray) before = NULL;
  g_autoptr (JsonObject) parameters = NULL;
  LecternWorkerSpec spec = { .job = "transcode", .title = self->title };

  drop_worker (self);
  before = take_outputs (self);
  parameters = make_parameters (self, before);
  if (self->n_outputs == 0)
    {
      if (before->len > 0)
        lectern_stream_set_ladder (self->stream, NULL);
      return;
    }
  lectern_metric_add (get_rungs ("running"), self->n_outputs);
  spec.parameters = parameters;
  self->worker = lectern_worker_new (self->workers, &spec, self->reactor, &events, self);
  tell_ladder (self);
}

/* ── the source ── */

static gboolean
wants_encoding (LecternTranscodeTask *self, LecternTrack *video)
{
  return self->plan->source == LECTERN_TRANSCODE_ENCODE
         || (self->plan->source == LECTERN_TRANSCODE_AUTO && !browsers_play (video->codec));
}

static void
set_track (LecternTranscodeTask *self, LecternMedia media, LecternTrack *track)
{
  g_clear_pointer (&self->tracks[media], lectern_track_unref);
  self->tracks[media] = lectern_track_ref (track);
  if (media == LECTERN_MEDIA_VIDEO)
    self->encodes = wants_encoding (self, track);
  else
    self->replaces_audio = !browsers_play (track->codec);
}

/* Each change costs a process: a source that makes a sport of it gets none. */
static gboolean
changes_too_often (LecternTranscodeTask *self)
{
  gint64 now_us = lectern_clock_now_us ();

  if (now_us - self->changes_since_us > CHANGES_US)
    {
      self->changes_since_us = now_us;
      self->changes = 0;
    }
  return ++self->changes > MAX_CHANGES;
}

static void
give_up (LecternTranscodeTask *self)
{
  g_message ("'%s' is passed through only: its codec or picture changes too often",
             lectern_stream_get_name (self->stream));
  self->given_up = TRUE;
  drop_worker (self);
  end_outputs (self);
}

/* The first packets tell the tracks; the second of them may come a little later. */
static void
settle (LecternTranscodeTask *self, LecternPacket *packet)
{
  g_auto (LecternStreamInfo) info = { 0 };

  if (self->first_dts < 0)
    self->first_dts = packet->dts;
  lectern_stream_get_info (self->stream, &info);
  if ((info.video == NULL || info.audio == NULL) && packet->dts - self->first_dts < SETTLE_NS)
    return;
  if (info.video != NULL)
    set_track (self, LECTERN_MEDIA_VIDEO, info.video);
  if (info.audio != NULL)
    set_track (self, LECTERN_MEDIA_AUDIO, info.audio);
  start_worker (self);
}

/* Returns: whether key frames turn out to be too far apart for segments. */
static gboolean
is_key_too_far (LecternTranscodeTask *self, LecternPacket *packet)
{
  gint64 passed = self->last_key >= 0 ? packet->pts - self->last_key : 0;

  if (packet->flags & LECTERN_PACKET_KEY)
    self->last_key = packet->pts;
  return passed > self->plan->key_limit;
}

static void
switch_to_encoding (LecternTranscodeTask *self)
{
  self->encodes = TRUE;
  g_message ("the key frames of '%s' are more than %" G_GINT64_FORMAT
             " ms apart: its picture is encoded with one each 2 s",
             lectern_stream_get_name (self->stream), self->plan->key_limit / 1000000);
  start_worker (self);
}

static void
give_packet (LecternTranscodeTask *self, LecternPacket *packet)
{
  LecternMedia media = packet->track->media;

  if (!self->ready)
    return;
  if (media == LECTERN_MEDIA_AUDIO && passes_sound (self))
    give_sound (self, packet->track, packet);
  if (media == LECTERN_MEDIA_VIDEO && self->passed != NULL && self->passes)
    lectern_transcode_output_push (self->passed, packet);
  if (!self->told[media])
    self->told[media] = lectern_worker_send_track (self->worker, 0, packet->track);
  lectern_worker_send_packet (self->worker, 0, packet);
}

static void
take_packet (LecternTranscodeTask *self, LecternPacket *packet)
{
  LecternMedia media = packet->track != NULL ? packet->track->media : LECTERN_MEDIA_DATA;

  if (media >= G_N_ELEMENTS (self->tracks) || self->given_up)
    return;
  if (self->tracks[LECTERN_MEDIA_VIDEO] == NULL && self->tracks[LECTERN_MEDIA_AUDIO] == NULL)
    {
      settle (self, packet);
      return;
    }
  if (!lectern_track_equal (self->tracks[media], packet->track))
    {
      set_track (self, media, packet->track);
      if (changes_too_often (self))
        give_up (self);
      else
        start_worker (self);
      return;
    }
  if (media == LECTERN_MEDIA_VIDEO && is_key_too_far (self, packet) && !self->encodes
      && self->plan->source == LECTERN_TRANSCODE_AUTO)
    {
      switch_to_encoding (self);
      return;
    }
  give_packet (self, packet);
}

static void
drain (LecternTranscodeTask *self)
{
  g_clear_pointer (&self->feed, lectern_feed_free);
  if (self->worker != NULL)
    lectern_worker_finish (self->worker);
}

static void
on_feed (LecternFeed *feed, gpointer user_data)
{
  LecternTranscodeTask *self = user_data;
  LecternStreamState state = lectern_feed_get_state (feed);
  LecternPacket *packet;

  /* A worker that begins gets a feed of its own. */
  while (self->feed == feed && (packet = lectern_feed_pop (feed)) != NULL)
    {
      take_packet (self, packet);
      lectern_packet_unref (packet);
    }
  if (self->feed == feed && state == LECTERN_STREAM_ENDED)
    drain (self);
}

/* From the newest key frame on. */
static void
feed_anew (LecternTranscodeTask *self)
{
  g_clear_pointer (&self->feed, lectern_feed_free);
  for (guint i = 0; i < G_N_ELEMENTS (self->told); i++)
    self->told[i] = FALSE;
  self->last_key = -1;
  self->feed = lectern_feed_new (self->stream, self->reactor, FEED_BYTES, on_feed, self);
}

/* ── from the control thread ── */

static void
begin (gpointer data)
{
  feed_anew (data);
}

static void
on_drained (LecternTimer *timer)
{
  be_over (
      (LecternTranscodeTask *) ((char *) timer - G_STRUCT_OFFSET (LecternTranscodeTask, drain)));
}

static void
leave (gpointer data)
{
  LecternTranscodeTask *self = data;
  gboolean ended = lectern_stream_get_state (self->stream) == LECTERN_STREAM_ENDED;

  self->leaving = TRUE;
  if (!ended || self->worker == NULL)
    {
      be_over (self);
    }
  else
    {
      if (self->feed != NULL)
        on_feed (self->feed, self);
      lectern_timer_start (&self->drain, self->reactor, DRAIN_US, on_drained);
    }
  task_unref (self);
}

LecternTranscodeTask *
lectern_transcode_task_new (LecternHost *host, LecternStream *stream, LecternTranscodePlan *plan)
{
  LecternTranscodeTask *self = g_new0 (LecternTranscodeTask, 1);

  self->refs = 2;
  self->reactor = g_object_ref (lectern_reactor_pool_pick (lectern_host_get_reactors (host)));
  self->streams = g_object_ref (lectern_host_get_streams (host));
  self->workers = lectern_host_get_workers (host);
  self->stream = lectern_stream_ref (stream);
  self->plan = lectern_transcode_plan_ref (plan);
  self->title = g_strdup_printf ("transcode %s", lectern_stream_get_name (stream));
  self->first_dts = self->last_key = -1;
  lectern_reactor_post (self->reactor, begin, self, NULL);
  return self;
}

LecternStream *
lectern_transcode_task_get_stream (LecternTranscodeTask *self)
{
  return self->stream;
}

void
lectern_transcode_task_free (LecternTranscodeTask *self)
{
  lectern_reactor_post (self->reactor, leave, self, NULL);
}
