/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "segment/lectern-presentation.h"

/* LecternSpool: puts whole segments on a disk, off the live path: a thread of its own, and a queue
 * bounded in bytes; what comes while it is full is not kept. A rendition has one file, which has no
 * name, so that nothing is left of it whatever happens. Atomically reference-counted. */
typedef struct _LecternSpool LecternSpool;

/* @folder: made when it is first needed. Thread: any. */
LecternSpool *lectern_spool_new (const char *folder);
LecternSpool *lectern_spool_ref (LecternSpool *self);
void lectern_spool_unref (LecternSpool *self);
/* Writes @segment behind the others of *@file, which is opened at the first time, and then gives a
 * twin that lies there to lectern_presentation_take_twin. Thread: any. */
void lectern_spool_write (LecternSpool *self, LecternPresentation *presentation,
                          const char *rendition, LecternSegment *segment);
/* Drops @segment (transfer full), which lies on the disk, and its place there. Thread: any. */
void lectern_spool_drop (LecternSpool *self, LecternSegment *segment);
