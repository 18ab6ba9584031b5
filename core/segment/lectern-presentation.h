/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http/lectern-http-exchange.h"
#include "media/lectern-stream-registry.h"
#include "net/lectern-reactor.h"
#include "segment/lectern-eras.h"
#include "segment/lectern-segment.h"

/* LecternRendition: one track of a presentation with its live window of segments: "video" and
 * "audio" of the source, "480p", "360p", … of the transcoder. Guarded by the presentation's lock;
 * what it gives out is immutable. Thread: any. */
typedef struct _LecternRendition LecternRendition;

/* LecternPresentation: a stream as segments: its renditions, cut at the same moments. It lives from
 * the stream's first frame until `linger` after its end, over absences of the publisher.
 * Atomically reference-counted. Thread: any. */
typedef struct _LecternPresentation LecternPresentation;

/* What the segmenter aims at; ns. */
typedef struct
{
  gint64 segment; /* a segment ends at the first key frame after so long: 2 s */
  gint64
      segment_limit;  /* and at any frame before it would exceed this, the published target: 4 s */
  gint64 part;        /* 300 ms; the published part target */
  guint window;       /* segments in the live window: 6 */
  gsize window_bytes; /* at most, of one rendition: 64 MiB */
  gint64 rewind;      /* how far back of a live stream is kept on a disk: 0 */
  gint64 linger_us;   /* how long an ended presentation can still be asked for */
} LecternSegmentTargets;

/* LecternRenditionView: a rendition at one moment, to write a playlist from. */
typedef struct
{
  const char *name;
  LecternTrack *track; /* (transfer full) */
  gchar *codecs;       /* (transfer full): RFC 6381 */
  guint64 bandwidth;   /* bits a second: the largest segment's rate, or what a rung may have */
  guint64 average_bandwidth;
  gboolean rung;       /* a transcoder makes it */
  double frame_rate;   /* 0 unknown or audio */
  guint64 version;     /* grows with each part and segment */
  GPtrArray *segments; /* (transfer full) (element-type LecternSegment): oldest first */
  GPtrArray *parts;    /* (transfer full) (element-type LecternPart): of the segment under way */
  guint64 next_number; /* of the segment under way */
  gint64 next_start;   /* its DTS, ns */
  gint64 next_date_us;
  guint next_init;
  gboolean next_discontinuity;
  guint64 next_timeline;
  gboolean all_independent; /* every segment so far begins with a key frame */
  gboolean ended;
  gboolean recorded; /* it was whole from the start: nothing was ever listed and left out again */
} LecternRenditionView;
LECTERN_API void lectern_rendition_view_clear (LecternRenditionView *view);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRenditionView, lectern_rendition_view_clear)

LECTERN_API LecternPresentation *lectern_presentation_ref (LecternPresentation *self);
LECTERN_API void lectern_presentation_unref (LecternPresentation *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternPresentation, lectern_presentation_unref)
LECTERN_API const char *lectern_presentation_get_name (LecternPresentation *self);
LECTERN_API const LecternSegmentTargets *
lectern_presentation_get_targets (LecternPresentation *self);
/* Wall time, µs, at which the stream's clock was 0; the same for all renditions. */
LECTERN_API gint64 lectern_presentation_get_epoch (LecternPresentation *self);
LECTERN_API gboolean lectern_presentation_is_ended (LecternPresentation *self);
/* Returns: a number that changes with all that a playlist may show, and that no other presentation
 * ever has: for caches. */
LECTERN_API guint64 lectern_presentation_get_stamp (LecternPresentation *self);
/* Returns: the number of the rendition's newest segment, whole or not; -1: none. */
LECTERN_API gint64 lectern_presentation_get_newest (LecternPresentation *self,
                                                    const char *rendition);
/* Returns: (transfer full): names: the source's picture and video rungs from the largest, then the
 * source's sound and audio rungs. */
LECTERN_API GStrv lectern_presentation_list (LecternPresentation *self);

/* LecternUnready: what a playlist should wait for. */
typedef struct
{
  char *rendition; /* (transfer full): NULL: any, as there is no segment yet */
  guint64 number;  /* which of its segments */
  gint64 patience_us;
} LecternUnready;
LECTERN_API void lectern_unready_clear (LecternUnready *unready);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternUnready, lectern_unready_clear)

/* A player reads the list of renditions once, so it must not come before each has a segment; but it
 * does not wait for rungs for ever. @rendition: the one that matters; NULL: all. FALSE: nothing is
 * waited for any more. */
LECTERN_API gboolean lectern_presentation_find_unready (LecternPresentation *self,
                                                        const char *rendition,
                                                        LecternUnready *unready);
/* FALSE: no such rendition, or not yet, or it has left. */
LECTERN_API gboolean lectern_presentation_view (LecternPresentation *self, const char *rendition,
                                                LecternRenditionView *view);
/* Returns: VIDEO too when there is no such rendition. */
LECTERN_API LecternMedia lectern_presentation_get_media (LecternPresentation *self,
                                                         const char *rendition);
/* Whether that part (G_MAXUINT: the segment under way) is the next that @rendition will have: worth
 * waiting for. */
LECTERN_API gboolean lectern_presentation_is_next_part (LecternPresentation *self,
                                                        const char *rendition, guint64 number,
                                                        guint part);
/* Returns: (transfer full) (nullable). */
LECTERN_API GBytes *lectern_presentation_get_init (LecternPresentation *self, const char *rendition,
                                                   guint number);
/* Returns: (transfer full) (nullable): the track that init segment @init describes. */
LECTERN_API LecternTrack *lectern_presentation_get_track (LecternPresentation *self,
                                                          const char *rendition, guint init);
/* The era that segment @number belongs to; FALSE: none that is held. */
LECTERN_API gboolean lectern_presentation_find_era (LecternPresentation *self, guint64 number,
                                                    LecternEra *era);
LECTERN_API LecternSegment *
lectern_presentation_get_segment (LecternPresentation *self, const char *rendition, guint64 number);
/* A part of a whole segment or of the one under way. */
LECTERN_API LecternPart *lectern_presentation_get_part (LecternPresentation *self,
                                                        const char *rendition, guint64 number,
                                                        guint part);

/* To make a presentation of what is kept somewhere: new, set_track, add_segment …, end. Nobody else
 * may have it before the end. @epoch_us: as of lectern_presentation_get_epoch. Returns: (transfer
 * full). Thread: any, one at a time. */
LECTERN_API LecternPresentation *
lectern_presentation_new (const char *name, const LecternSegmentTargets *targets, gint64 epoch_us);
/* Makes the rendition, or the next init segment for it when the track has changed: number 0, 1, …
 * Errors: those of lectern_cmaf_write_init. */
LECTERN_API gboolean lectern_presentation_set_track (LecternPresentation *self,
                                                     const char *rendition, LecternTrack *track,
                                                     GError **error);
/* Adds a whole segment behind the others, whatever the window. */
LECTERN_API void lectern_presentation_add_segment (LecternPresentation *self, const char *rendition,
                                                   LecternSegment *segment);
/* Nothing follows. */
LECTERN_API void lectern_presentation_end (LecternPresentation *self);

/* Waits until @rendition (NULL: any, and then a whole one) has part @part of segment @number
 * (G_MAXUINT: the whole segment), then calls @func in the caller's thread-default context; at most
 * once; also when the presentation ends. With it there already, @func runs soon. Returns: an id for
 * lectern_presentation_cancel_wait; 0: too many wait (4096). */
typedef void (*LecternPresentationFunc) (LecternPresentation *presentation, gpointer user_data);
LECTERN_API guint lectern_presentation_wait (LecternPresentation *self, const char *rendition,
                                             guint64 number, guint part,
                                             LecternPresentationFunc func, gpointer user_data);
/* In the context that waited; @func will not run. */
LECTERN_API void lectern_presentation_cancel_wait (LecternPresentation *self, guint id);

/* LecternPartNews: a part that has just been made. Lives for the call; take references. */
typedef struct
{
  const char *rendition; /* "video", "audio", a rung's name */
  LecternTrack *track;
  guint64 number;         /* of its segment */
  gint64 date_us;         /* wall time of the segment's start */
  gboolean first;         /* begins its segment */
  gboolean discontinuity; /* `first`, and time or codec break before it */
  LecternPart *part;
  guint64 ticks; /* as in its tfdt */
  guint64 duration_ticks;
} LecternPartNews;

/* LecternPartListener: hears of each part as it is made, rendition by rendition in order, on the
 * thread that cuts the stream: must not block. Another codec shows as another track. */
typedef struct
{
  void (*part) (const LecternPartNews *news, gpointer user_data);
  void (*ended) (gpointer user_data); /* nothing follows */
} LecternPartListener;

/* Hears of parts from now on; those of the segment under way are in the view. A presentation that
 * has ended says nothing more. @free_user_data: (nullable): runs after the last call, in any
 * thread. Returns: an id for _unlisten. */
LECTERN_API guint lectern_presentation_listen (LecternPresentation *self,
                                               const LecternPartListener *listener,
                                               gpointer user_data, GDestroyNotify free_user_data);
/* No call begins after this; one may be under way. */
LECTERN_API void lectern_presentation_unlisten (LecternPresentation *self, guint id);

/* LecternPresentations: a presentation for each live stream, made by a segmenter on a reactor.
 * Works only while somebody (hls, dash, record) uses it. Presentations of the past come from
 * loaders. Signals, on the control thread: "started", "ended" (LecternPresentation *); "used" and
 * "unused" (the first user came, the last one went). */
#define LECTERN_TYPE_PRESENTATIONS (lectern_presentations_get_type ())
LECTERN_API
G_DECLARE_FINAL_TYPE (LecternPresentations, lectern_presentations, LECTERN, PRESENTATIONS, GObject)
#define LECTERN_TYPE_PRESENTATION (lectern_presentation_get_type ())
LECTERN_API GType lectern_presentation_get_type (void);

/* Thread: control. */
LECTERN_API LecternPresentations *lectern_presentations_new (LecternStreamRegistry *streams,
                                                             LecternReactorPool *reactors,
                                                             const LecternSegmentTargets *targets);
/* Where segments go that are kept for rewinding; once, before the first use. Thread: control. */
LECTERN_API void lectern_presentations_set_folder (LecternPresentations *self, const char *folder);
LECTERN_API void lectern_presentations_set_targets (LecternPresentations *self,
                                                    const LecternSegmentTargets *targets);
/* From the first user on, streams are segmented; after the last, no more. Thread: control. */
LECTERN_API void lectern_presentations_use (LecternPresentations *self);
LECTERN_API void lectern_presentations_unuse (LecternPresentations *self);
/* Returns: (transfer full) (nullable): on the air, lingering, or loaded. Thread: any. */
LECTERN_API LecternPresentation *lectern_presentations_lookup (LecternPresentations *self,
                                                               const char *stream);

/* Makes the presentation @name ("replay/2024-algebra") of what is kept. On a thread of its own,
 * where it may block on a disk. Returns: (transfer full) (nullable): ended, as of
 * lectern_presentation_new. Errors: NOT_FOUND, and what else is worth a line in the log. */
typedef LecternPresentation *(*LecternPresentationLoadFunc) (const char *name, gpointer user_data,
                                                             GError **error);
/* Names under @app are brought by @func, once, and kept for the presentation's linger after the
 * last use. Thread: control. */
LECTERN_API void lectern_presentations_add_loader (LecternPresentations *self, const char *app,
                                                   LecternPresentationLoadFunc func,
                                                   gpointer user_data);
/* Waits for calls under way; none begins after it. What was loaded is dropped. Thread: control. */
LECTERN_API void lectern_presentations_remove_loader (LecternPresentations *self, const char *app);
/* Like lookup, but loads what is not at hand. Calls @func once, with NULL when there is none:
 * before it returns, or later in the caller's thread-default context. Thread: any with a main
 * context. */
LECTERN_API void lectern_presentations_open (LecternPresentations *self, const char *name,
                                             LecternPresentationFunc func, gpointer user_data);
/* Like open, for the viewer behind @exchange, who is allowed to play its thing: one that is live
 * but has no frame yet is waited for as long as for a segment. @begins: the viewer begins to play:
 * what is not live, and no loader's, is waited for as long as viewers may wait; an ended one will
 * do if nobody brings it anew, or for who was here before. @func's data must hold @exchange; it
 * runs early when the peer leaves. Thread: the connection's reactor. */
LECTERN_API void lectern_presentations_want (LecternPresentations *self,
                                             LecternHttpExchange *exchange, gboolean begins,
                                             LecternPresentationFunc func, gpointer user_data);
/* The server stops: nobody waits for what is not there. Thread: control. */
LECTERN_API void lectern_presentations_close (LecternPresentations *self);
/* What was loaded as @name is out of date: it is loaded anew. Thread: any. */
LECTERN_API void lectern_presentations_forget (LecternPresentations *self, const char *name);
