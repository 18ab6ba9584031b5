/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* Files as sources: "file:///srv/media/clip.mp4", over and over, by a worker. The carrier's user
 * data is the LecternHost. Returns: constant. */
const LecternCarrier *lectern_relay_file_get_carrier (void);
