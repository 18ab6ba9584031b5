/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* Tells the service manager how the server is (sd_notify's protocol: one datagram to the socket
 * named in NOTIFY_SOCKET; nothing without it). */

/* @text: "READY=1", lines separated by newlines. */
void lectern_notify (const char *text);

/* Returns: how often to send "WATCHDOG=1", in milliseconds; 0: never. */
guint lectern_notify_get_watchdog_interval (void);
