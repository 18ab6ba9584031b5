/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* What the answers of the API have in common. Thread: any. */

/* Sets @name to @wall_us in RFC 3339, or to null for 0. */
void lectern_stats_json_set_time (JsonObject *object, const char *name, gint64 wall_us);
/* Sets @name to @text, or to null. */
void lectern_stats_json_set_text (JsonObject *object, const char *name, const char *text);
/* {"packets", "lost", "jitter" (ms)}; null when nothing is known. */
void lectern_stats_json_set_reception (JsonObject *object, gboolean known,
                                       const LecternReception *reception);
/* Answers 200 with @object (taken), which is out of date at once. */
void lectern_stats_json_respond (LecternHttpExchange *exchange, JsonObject *object);
/* Answers with an error that has @code and @text. */
void lectern_stats_json_refuse (LecternHttpExchange *exchange, LecternError code, const char *text);
/* Answers 204. */
void lectern_stats_json_respond_done (LecternHttpExchange *exchange);
