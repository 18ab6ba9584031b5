/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/lectern-config.h"
#include "http/lectern-http-server.h"
#include "media/lectern-stream-registry.h"
#include "segment/lectern-presentation.h"
#include "worker/lectern-workers.h"

/* The settings of the core: the groups server, http, access, media, segment and workers. */

/* Adds them to @schema. Errors: CONFLICT. Thread: control. */
LECTERN_API gboolean lectern_core_settings_extend (LecternSchema *schema, GError **error);

void lectern_core_settings_read_http (LecternConfig *config, LecternHttpLimits *limits);
void lectern_core_settings_read_media (LecternConfig *config, LecternMediaLimits *limits);
void lectern_core_settings_read_segment (LecternConfig *config, LecternSegmentTargets *targets);
/* Fills what an operator sets, and the times; the program may stay NULL. */
void lectern_core_settings_read_workers (LecternConfig *config, LecternWorkersSettings *settings);

/* Says in the log that [group] key needs a restart, if it differs between @before and @after. */
void lectern_core_settings_report_restart (const char *group, const char *key,
                                           LecternConfig *before, LecternConfig *after);
/* The same for all of the core's settings that are read once, at the start. */
void lectern_core_settings_report_restarts (LecternConfig *before, LecternConfig *after);
