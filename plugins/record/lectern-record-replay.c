/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-record-replay.h"

#include <string.h>
#include <unistd.h>

#define PREFIX LECTERN_RECORD_APP

/* ── whose they are ── */

static LecternRecordEntry *
find (LecternRecordReplay *self, const char *thing)
{
  if (!g_str_has_prefix (thing, PREFIX "/"))
    return NULL;
  return lectern_record_catalogue_lookup (self->catalogue, thing + strlen (PREFIX "/"));
}

static char *
name_owner (const char *thing, gpointer user_data)
{
  g_autoptr (LecternRecordEntry) entry = find (user_data, thing);

  return entry != NULL ? g_strdup (lectern_record_entry_get_stream (entry)) : NULL;
}

typedef struct
{
  LecternAccessChain *access;
  guint id;
} Alias;

static void
remove_alias (gpointer data)
{
  Alias *alias = data;

  lectern_access_chain_remove_alias (alias->access, alias->id);
  g_object_unref (alias->access);
  g_free (alias);
}

static void
add_alias (LecternRecordReplay *self, LecternPlugin *plugin)
{
  LecternHost *host = lectern_plugin_get_host (plugin);
  Alias *alias = g_new (Alias, 1);

  alias->access = g_object_ref (lectern_host_get_access (host));
  alias->id = lectern_access_chain_add_alias (alias->access, PREFIX, name_owner, self);
  lectern_plugin_add_undo (plugin, remove_alias, alias);
}

/* ── what hls and dash serve ── */

#define NS_PER_SECOND G_GINT64_CONSTANT (1000000000)
#define LINGER_US (60 * G_USEC_PER_SEC)
#define MAX_INDEX (64 * 1024 * 1024)

static LecternTrack *
find_track (const LecternRecordingIndex *index, LecternMedia media)
{
  for (guint i = 0; i < index->n_tracks; i++)
    if (index->tracks[i]->media == media)
      return index->tracks[i];
  return NULL;
}

/* Adds a segment that lies in @pieces; @fields: of its first fragment, with the sums of all. */
static void
add_segment (LecternPresentation *presentation, const LecternRecordingIndex *index,
             LecternSegmentFile *file, const LecternRecordingSegment *fields, GArray *pieces)
{
  guint32 timescale = lectern_cmaf_get_timescale (find_track (index, fields->media));
  const LecternSegmentPiece *first = (const LecternSegmentPiece *) pieces->data;
  gint64 start = lectern_cmaf_to_ns ((gint64) fields->ticks, timescale);
  gint64 end = lectern_cmaf_to_ns ((gint64) (fields->ticks + fields->duration_ticks), timescale);
  LecternSegment segment = { .number = fields->number,
                             .start = start,
                             .duration = end - start,
                             .ticks = fields->ticks,
                             .duration_ticks = fields->duration_ticks,
                             .date_us = fields->date_us,
                             .independent = fields->independent,
                             .discontinuity = fields->discontinuity,
                             .frames = fields->frames };
  g_autoptr (LecternSegment) made
      = pieces->len == 1 ? lectern_segment_new_in_file (&segment, file, first->offset, first->size)
                         : lectern_segment_new_in_pieces (&segment, file, first, pieces->len);

  lectern_presentation_add_segment (presentation,
                                    fields->media == LECTERN_MEDIA_VIDEO ? "video" : "audio", made);
}

static void
add_piece (GArray *pieces, const LecternRecordingSegment *fragment)
{
  LecternSegmentPiece piece = { fragment->offset, fragment->size };
  LecternSegmentPiece *last
      = pieces->len > 0 ? &g_array_index (pieces, LecternSegmentPiece, pieces->len - 1) : NULL;

  if (last != NULL && last->offset + last->size == piece.offset)
    last->size += piece.size;
  else
    g_array_append_val (pieces, piece);
}

/* A finished recording has each segment in one piece; one that is being written has its fragments
 * as they came, sound between pictures, and its last segment still grows, which no segment that
 * players were told of may do. Returns: how many there are. */
static guint
add_segments (LecternPresentation *presentation, const LecternRecordingIndex *index,
              LecternSegmentFile *file, LecternMedia media, gboolean grows)
{
  g_autoptr (GArray) pieces = g_array_new (FALSE, FALSE, sizeof (LecternSegmentPiece));
  LecternRecordingSegment sum = { 0 };
  guint count = 0;

  for (guint i = 0; i < index->segments->len; i++)
    {
      const LecternRecordingSegment *at
          = &g_array_index (index->segments, LecternRecordingSegment, i);

      if (at->media != media)
        continue;
      if (pieces->len > 0 && at->number != sum.number)
        {
          add_segment (presentation, index, file, &sum, pieces);
          g_array_set_size (pieces, 0);
          count++;
        }
      if (pieces->len == 0)
        sum = *at;
      else
        {
          sum.duration_ticks = (guint32) (at->ticks + at->duration_ticks - sum.ticks);
          sum.frames += at->frames;
        }
      add_piece (pieces, at);
    }
  if (pieces->len == 0 || grows)
    return count;
  add_segment (presentation, index, file, &sum, pieces);
  return count + 1;
}

/* Playlists promise that no segment is longer. */
static gint64
get_longest (const LecternRecordingIndex *index)
{
  gint64 longest = NS_PER_SECOND;
  gint64 start[LECTERN_MEDIA_DATA] = { 0 };
  guint32 number[LECTERN_MEDIA_DATA] = { 0 };

  for (guint i = 0; i < index->segments->len; i++)
    {
      const LecternRecordingSegment *at
          = &g_array_index (index->segments, LecternRecordingSegment, i);
      guint32 timescale = lectern_cmaf_get_timescale (find_track (index, at->media));

      if (at->number != number[at->media])
        start[at->media] = lectern_cmaf_to_ns ((gint64) at->ticks, timescale);
      number[at->media] = at->number;
      longest
          = MAX (longest, lectern_cmaf_to_ns ((gint64) (at->ticks + at->duration_ticks), timescale)
                              - start[at->media]);
    }
  return longest;
}

static gboolean
add_track (LecternPresentation *presentation, const LecternRecordingIndex *index, guint track,
           LecternSegmentFile *file, gboolean grows, GError **error)
{
  LecternMedia media = index->tracks[track]->media;

  if (!lectern_presentation_set_track (presentation,
                                       media == LECTERN_MEDIA_VIDEO ? "video" : "audio",
                                       index->tracks[track], error))
    return FALSE;
  if (add_segments (presentation, index, file, media, grows) > 0 || !grows)
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND,
                       "the recording has only just begun");
  return FALSE;
}

static LecternPresentation *
present (const char *name, const LecternRecordingIndex *index, LecternSegmentFile *file,
         gboolean grows, GError **error)
{
  LecternSegmentTargets targets = { .segment = 2 * NS_PER_SECOND,
                                    .segment_limit = get_longest (index),
                                    .part = 300 * 1000000,
                                    .window = 6,
                                    .window_bytes = G_MAXSIZE / 2,
                                    .linger_us = LINGER_US };
  g_autoptr (LecternPresentation) presentation
      = lectern_presentation_new (name, &targets, index->started_us);

  for (guint i = 0; i < index->n_tracks; i++)
    if (!add_track (presentation, index, i, file, grows, error))
      return NULL;
  lectern_presentation_end (presentation);
  return g_steal_pointer (&presentation);
}

static gboolean
read_index (LecternRecordReplay *self, LecternRecordEntry *entry, LecternRecordingIndex *index,
            GError **error)
{
  int fd = lectern_record_folder_open (self->folder, entry, LECTERN_RECORD_INDEX);
  g_autoptr (GBytes) bytes = fd >= 0 ? lectern_beneath_read (fd, MAX_INDEX) : NULL;

  if (fd >= 0)
    close (fd);
  if (bytes != NULL)
    return lectern_recording_index_read (index, g_bytes_get_data (bytes, NULL),
                                         g_bytes_get_size (bytes), TRUE, error);
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "the recording has no index");
  return FALSE;
}

/* What is being written is presented as far as it goes. *@fd: its file; FALSE: it is finished, or
 * was another server's. */
static gboolean
open_part (LecternRecordReplay *self, LecternRecordEntry *entry, LecternRecordingIndex *index,
           int *fd)
{
  g_autoptr (LecternRecordingFile) written = lectern_record_entry_get_file (entry);

  if (written == NULL)
    return FALSE;
  *fd = lectern_record_folder_open (self->folder, entry, LECTERN_RECORDING_PART_SUFFIX);
  if (*fd >= 0)
    lectern_recording_file_get_index (written, index);
  return *fd >= 0;
}

static gboolean
open_finished (LecternRecordReplay *self, LecternRecordEntry *entry, LecternRecordingIndex *index,
               int *fd, GError **error)
{
  if (!read_index (self, entry, index, error))
    return FALSE;
  *fd = lectern_record_folder_open (self->folder, entry, LECTERN_RECORD_MP4);
  if (*fd < 0)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "the recording is gone");
  return *fd >= 0;
}

static LecternPresentation *
load (const char *name, gpointer user_data, GError **error)
{
  LecternRecordReplay *self = user_data;
  g_autoptr (LecternRecordEntry) entry = find (self, name);
  g_autoptr (LecternSegmentFile) file = NULL;
  g_auto (LecternRecordingIndex) index = { 0 };
  gboolean grows;
  int fd;

  if (entry == NULL)
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "no such recording");
      return NULL;
    }
  grows = lectern_record_entry_get_state (entry) == LECTERN_RECORD_RECORDING;
  if (!open_part (self, entry, &index, &fd) && !open_finished (self, entry, &index, &fd, error))
    return NULL;
  file = lectern_segment_file_new (fd);
  return present (name, &index, file, grows, error);
}

static void
remove_loader (gpointer presentations)
{
  lectern_presentations_remove_loader (presentations, PREFIX);
  g_object_unref (presentations);
}

static void
add_loader (LecternRecordReplay *self, LecternPlugin *plugin)
{
  LecternPresentations *presentations
      = lectern_host_get_presentations (lectern_plugin_get_host (plugin));

  lectern_presentations_add_loader (presentations, PREFIX, load, self);
  lectern_plugin_add_undo (plugin, remove_loader, g_object_ref (presentations));
}

/* ── files ── */

static gboolean
has (LecternRecordReplay *self, LecternRecordEntry *entry, const char *suffix)
{
  int fd = lectern_record_folder_open (self->folder, entry, suffix);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

/* What is not finished yet, or could not be, plays too, as far as it goes; it may be finished just
 * now. */
static const char *
choose_suffix (LecternRecordReplay *self, LecternRecordEntry *entry)
{
  if (lectern_record_entry_get_state (entry) != LECTERN_RECORD_READY
      && has (self, entry, LECTERN_RECORDING_PART_SUFFIX))
    return LECTERN_RECORDING_PART_SUFFIX;
  return LECTERN_RECORD_MP4;
}

static void
serve (LecternRecordReplay *self, LecternHttpExchange *exchange, gboolean poster)
{
  const char *id = lectern_http_exchange_get_parameter (exchange, "id");
  g_autoptr (LecternRecordEntry) entry = lectern_record_catalogue_lookup (self->catalogue, id);
  g_autofree char *path = NULL;

  if (entry == NULL)
    {
      g_autoptr (GError) error
          = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "no such recording");

      lectern_http_exchange_respond_error (exchange, error);
      return;
    }
  path = g_strconcat (lectern_record_entry_get_path (entry),
                      poster ? LECTERN_RECORD_POSTER : choose_suffix (self, entry), NULL);
  lectern_http_exchange_set_header (exchange, "Cache-Control", "private, no-cache");
  lectern_http_files_serve (exchange, lectern_record_folder_get_path (self->folder), path);
}

static void
on_mp4 (LecternHttpExchange *exchange, gpointer user_data)
{
  serve (user_data, exchange, FALSE);
}

static void
on_poster (LecternHttpExchange *exchange, gpointer user_data)
{
  serve (user_data, exchange, TRUE);
}

gboolean
lectern_record_replay_start (LecternRecordReplay *self, LecternPlugin *plugin, GError **error)
{
  add_alias (self, plugin);
  add_loader (self, plugin);
  return lectern_plugin_add_route (plugin, "GET", "/" PREFIX "/{id}.mp4", LECTERN_ACTION_PLAY,
                                   PREFIX "/{id}", on_mp4, self, error)
         && lectern_plugin_add_route (plugin, "GET", "/" PREFIX "/{id}.jpg", LECTERN_ACTION_PLAY,
                                      PREFIX "/{id}", on_poster, self, error);
}
