/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pull.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A file with so little is not played over and over: that would only cost time. */
#define SHORTEST (100 * GST_MSECOND)
#define QUEUE "queue max-size-time=0 max-size-buffers=0 max-size-bytes=67108864"

typedef struct
{
  char *path;
  const char *demuxer;
  gboolean loop;
  GstClockTime base; /* of the clock, when time 0 was */
  gint64 begin;      /* ns: where this round begins */
} File;

static const struct
{
  const char *caps;
  LecternMedia media;
  const char *chain;
} kinds[] = {
  { "video/x-h264", LECTERN_MEDIA_VIDEO,
    QUEUE " ! h264parse ! video/x-h264,stream-format=avc,alignment=au" },
  { "video/x-h265", LECTERN_MEDIA_VIDEO,
    QUEUE " ! h265parse ! video/x-h265,stream-format=hvc1,alignment=au" },
  { "audio/mpeg,mpegversion=(int){2,4}", LECTERN_MEDIA_AUDIO,
    QUEUE " ! aacparse ! audio/mpeg,mpegversion=4,stream-format=raw" },
  { "audio/mpeg,mpegversion=1", LECTERN_MEDIA_AUDIO,
    QUEUE " ! mpegaudioparse ! audio/mpeg,mpegversion=1,layer=3" },
  { "audio/x-opus", LECTERN_MEDIA_AUDIO, QUEUE },
  { "audio/x-alaw", LECTERN_MEDIA_AUDIO, QUEUE },
  { "audio/x-mulaw", LECTERN_MEDIA_AUDIO, QUEUE },
};

static gssize
find_kind (GstCaps *caps)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (GstCaps) known = gst_caps_from_string (kinds[i].caps);

      if (gst_caps_can_intersect (caps, known))
        return (gssize) i;
    }
  return -1;
}

static void
ignore (Pull *self, GstPad *pad)
{
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);
  g_autoptr (GstPad) entry = gst_element_get_static_pad (sink, "sink");

  g_object_set (sink, "async", FALSE, "sync", FALSE, NULL);
  gst_bin_add (GST_BIN (self->pipeline), sink);
  gst_element_sync_state_with_parent (sink);
  gst_pad_link (pad, entry);
}

static void
on_pad (GstElement *demuxer, GstPad *pad, gpointer user_data)
{
  Pull *self = user_data;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  gssize kind;
  PullOutlet *outlet;
  GError *error = NULL;

  if (caps == NULL)
    caps = gst_pad_query_caps (pad, NULL);
  kind = gst_caps_is_fixed (caps) ? find_kind (caps) : -1;
  outlet = pull_find_outlet (self, gst_structure_get_name (gst_caps_get_structure (caps, 0)),
                             kind >= 0 ? kinds[kind].media : LECTERN_MEDIA_DATA);
  if (outlet == NULL)
    ignore (self, pad);
  else if (!pull_outlet_attach (outlet, self->pipeline, pad, kinds[kind].chain, TRUE, &error))
    lectern_job_fail (self->job, error);
}

static void
on_all_pads (GstElement *demuxer, gpointer user_data)
{
  Pull *self = user_data;

  if (!self->video.taken && !self->sound.taken)
    lectern_job_fail (self->job, g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
                                                      "the file has no track that can be carried"));
}

/* ── rounds ── */

static gboolean play (Pull *self, GError **error);

static void
forget_pipeline (Pull *self)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (self->pipeline);

  gst_bus_remove_watch (bus);
  gst_element_set_state (self->pipeline, GST_STATE_NULL);
  gst_clear_object (&self->pipeline);
  self->video.bin = self->sound.bin = NULL;
}

/* The next round begins where the longest track ends. */
static gboolean
go_on (gpointer user_data)
{
  Pull *self = user_data;
  File *file = self->file;
  gint64 end = MAX (self->video.end, self->sound.end);
  GError *error = NULL;

  if (end - file->begin < (gint64) SHORTEST)
    {
      lectern_job_fail (self->job, g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                                                        "the file has next to nothing in it"));
      return G_SOURCE_REMOVE;
    }
  forget_pipeline (self);
  file->begin = end;
  self->video.taken = self->sound.taken = FALSE;
  if (!play (self, &error))
    lectern_job_fail (self->job, error);
  return G_SOURCE_REMOVE;
}

static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Pull *self = user_data;
  File *file = self->file;

  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_EOS || !file->loop)
    return GST_BUS_PASS;
  g_idle_add (go_on, self);
  gst_message_unref (message);
  return GST_BUS_DROP;
}

static gboolean
play (Pull *self, GError **error)
{
  File *file = self->file;
  g_autofree char *description
      = g_strdup_printf ("filesrc name=file ! %s name=demuxer", file->demuxer);
  g_autoptr (GstElement) source = NULL;
  g_autoptr (GstElement) demuxer = NULL;
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  g_autoptr (GstBus) bus = NULL;

  self->pipeline = gst_parse_launch_full (description, NULL, GST_PARSE_FLAG_FATAL_ERRORS, error);
  if (self->pipeline == NULL)
    {
      lectern_error_convert (error);
      return FALSE;
    }
  source = gst_bin_get_by_name (GST_BIN (self->pipeline), "file");
  g_object_set (source, "location", file->path, NULL);
  demuxer = gst_bin_get_by_name (GST_BIN (self->pipeline), "demuxer");
  g_signal_connect (demuxer, "pad-added", G_CALLBACK (on_pad), self);
  g_signal_connect (demuxer, "no-more-pads", G_CALLBACK (on_all_pads), self);
  self->video.offset = self->sound.offset = file->begin;
  bus = gst_element_get_bus (self->pipeline);
  gst_bus_set_sync_handler (bus, on_message, self, NULL);
  lectern_job_watch (self->job, self->pipeline);
  gst_pipeline_use_clock (GST_PIPELINE (self->pipeline), clock);
  gst_element_set_start_time (self->pipeline, GST_CLOCK_TIME_NONE);
  if (file->base == 0)
    file->base = gst_clock_get_time (clock);
  gst_element_set_base_time (self->pipeline, file->base + file->begin);
  gst_element_set_state (self->pipeline, GST_STATE_PLAYING);
  return TRUE;
}

/* ── start ── */

static const char *
find_demuxer (const guint8 *head, gsize size)
{
  static const char *const boxes[] = { "ftyp", "moov", "mdat", "free", "wide", "skip", "styp" };

  if (size > 188 && head[0] == 0x47 && head[188] == 0x47)
    return "tsdemux";
  if (size >= 4 && memcmp (head, "FLV\1", 4) == 0)
    return "flvdemux";
  if (size >= 4 && memcmp (head, "\x1a\x45\xdf\xa3", 4) == 0)
    return "matroskademux";
  for (gsize i = 0; i < G_N_ELEMENTS (boxes) && size >= 8; i++)
    if (memcmp (head + 4, boxes[i], 4) == 0)
      return "qtdemux";
  return NULL;
}

static gboolean
look_into (File *self, GError **error)
{
  guint8 head[256];
  FILE *stream = fopen (self->path, "rbe");
  gsize size;

  if (stream == NULL)
    {
      lectern_error_set_errno (error, errno, "cannot read '%s'", self->path);
      return FALSE;
    }
  size = fread (head, 1, sizeof head, stream);
  fclose (stream);
  self->demuxer = find_demuxer (head, size);
  if (self->demuxer != NULL)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
               "'%s' is no MP4, FLV, Matroska or MPEG-TS file", self->path);
  return FALSE;
}

gboolean
pull_file_start (Pull *self, JsonObject *object, GError **error)
{
  File *file = g_new0 (File, 1);

  self->file = file;
  file->path = g_strdup (json_object_get_string_member_with_default (object, "path", ""));
  file->loop = json_object_get_boolean_member_with_default (object, "loop", TRUE);
  if (!look_into (file, error))
    return FALSE;
  /* Matroska has no times of decoding, and the parser guesses none. */
  self->video.shown_only = g_str_equal (file->demuxer, "matroskademux");
  return play (self, error);
}

void
pull_file_stop (Pull *self)
{
  File *file = self->file;

  if (file == NULL)
    return;
  g_free (file->path);
  g_free (file);
}
