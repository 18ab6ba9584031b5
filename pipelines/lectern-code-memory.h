/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Makes sure that ORC, which writes GStreamer's fast routines as machine code while they are first
 * needed, has memory for that once the process is shut in. Where memory may not be both written and
 * run (MemoryDenyWriteExecute of systemd.exec(5)), ORC maps a temporary file twice, and ends the
 * program when it may not make one; so that memory is taken now, or its plain routines are chosen.
 * Call it first thing: it sets the environment. */
void lectern_code_memory_reserve (void);
