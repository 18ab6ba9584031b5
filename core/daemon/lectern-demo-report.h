/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plugin/lectern-plugin-list.h"

/* Prints, in the language of the terminal, where the page is, where @stream ("live/demo") is pushed
 * to with @key, and where it is watched through the plugins that run. */
void lectern_demo_report (LecternHost *host, LecternPluginList *plugins, const char *stream,
                          const char *key);
