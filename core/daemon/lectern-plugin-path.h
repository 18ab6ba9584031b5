/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/lectern-options.h"

/* Where to look for plugins: [server] plugin-path, then the usual place. This one setting is read
 * before all others, as the others' tables lie in the plugins. What is wrong with the files is left
 * for the real reading to find. Returns: (transfer full). */
char *lectern_plugin_path_find (const LecternOptions *options);
