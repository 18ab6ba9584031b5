/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* Lets @plugin carry streams from and to other servers over RTSP and RTSPS, each in a worker
 * process of its own (jobs "pull" and "push"). Names are resolved and filtered here; the worker
 * reaches the addresses that are left and no others. Thread: control, in the plugin's start. */
void lectern_rtsp_carrier_register (LecternPlugin *plugin);
