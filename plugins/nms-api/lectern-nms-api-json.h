/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* What the answers have in common. Thread: any. */

/* The thing that all routes are about; the guard allows it to who has the password. */
#define LECTERN_NMS_API_THING "nms-api"

/* Sets @name to @wall_us as JavaScript writes times, "2026-03-01T08:00:00.250Z", or to null for 0.
 */
void lectern_nms_api_json_set_time (JsonObject *object, const char *name, gint64 wall_us);
/* Sets @name to @text, or to null. */
void lectern_nms_api_json_set_text (JsonObject *object, const char *name, const char *text);
/* Returns: (transfer none): the object @name in @object, made when it is not there. */
JsonObject *lectern_nms_api_json_get_object (JsonObject *object, const char *name);
/* Answers 200 with @object or @array (taken). */
void lectern_nms_api_json_respond (LecternHttpExchange *exchange, JsonObject *object);
void lectern_nms_api_json_respond_array (LecternHttpExchange *exchange, JsonArray *array);
/* Answers 200 with @text as JSON. */
void lectern_nms_api_json_respond_text (LecternHttpExchange *exchange, const char *text);
/* Answers with {"error": @text}. */
void lectern_nms_api_json_refuse (LecternHttpExchange *exchange, guint status, const char *text);
