/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-job.h"

/* PushHold: keeps the packets back, which wait in the sinks for the server to record, until it has
 * had a report of each track (RFC 3550, 6.4.1), and so can line them up from the first packet on.
 * Embed it in its owner. */
typedef struct
{
  GMutex lock; /* guards what follows, but what is said to be atomic */
  GPtrArray *sinks;
  GPtrArray *sessions;
  gboolean released;
  gint untold; /* atomic: tracks of which no report is out */
} PushHold;

void push_hold_init (PushHold *self);
/* Only when no thread of the pipeline runs any more. */
void push_hold_clear (PushHold *self);
/* Before any data: reports of so many. Thread: main. */
void push_hold_expect (PushHold *self, guint n_tracks);
/* An element has come to the pipeline. Thread: any. */
void push_hold_note_element (PushHold *self, GstElement *element);
/* Lets the packets go, whatever was told. Thread: main. */
void push_hold_release (PushHold *self);
