/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* Levels: debug for programmers; info for --verbose; message for the life of the daemon and of
 * streams; warning for what recovered but someone should look; critical for a bug of ours.
 * Use g_debug, g_info, g_message, g_warning with G_LOG_DOMAIN set by the build; nothing per packet. */

/* Installs the writer: journald when stderr is the journal, else one line on stderr
 * "HH:MM:SS.mmm LEVEL domain: text". LECTERN_DEBUG=DOMAIN-PATTERN:LEVEL,... overrides @verbose.
 * Never blocks the caller: when stderr cannot take a line at once the line is dropped and counted.
 * Thread: control, once, first thing in main. */
LECTERN_API void lectern_log_init (gboolean verbose);

/* How many lines were dropped because the log could not take them. Thread: any. */
LECTERN_API guint64 lectern_log_get_dropped (void);

/* Returns: (transfer full): @url fit for a log: the values of all query parameters but the harmless
 * ones (gop, audio, video) replaced by "***", user:password before an @ too, control characters
 * escaped, at most 512 bytes. Thread: any. */
LECTERN_API char *lectern_log_mask_url (const char *url);

/* Returns: (transfer full): outside text made printable: control and non-UTF-8 bytes as \xNN, at
 * most @max bytes, "..." after a cut. Thread: any. */
LECTERN_API char *lectern_log_escape (const char *text, gssize length, gsize max);
