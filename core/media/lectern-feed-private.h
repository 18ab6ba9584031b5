/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "media/lectern-feed.h"

/* The stream's side, under its lock. */
void lectern_feed_push (LecternFeed *self, LecternPacket *packet, gboolean begins_group);
void lectern_feed_tell (LecternFeed *self, LecternStreamState state);
