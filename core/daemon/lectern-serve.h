/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/lectern-options.h"

/* The server listens. Thread: control. */
typedef void (*LecternServeFunc) (LecternHost *host, LecternPluginList *plugins,
                                  gpointer user_data);

/* Runs a server until it is told to end. @ready_file: (nullable): gets the addresses once it
 * listens. @started: (nullable). */
LecternExit lectern_serve_run (const LecternOptions *options, const char *ready_file,
                               LecternServeFunc started, gpointer user_data);
