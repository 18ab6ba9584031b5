/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

/* Whether the running program lies in a build tree, and where that is, so that it finds plugins and
 * data without being installed. Thread: any. */

/* Returns: (nullable): the tree's folder; static. */
LECTERN_API const char *lectern_build_tree_get_path (void);
/* Returns: (nullable): the folder of its sources; static. */
LECTERN_API const char *lectern_build_tree_get_source (void);
