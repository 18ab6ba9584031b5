/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* Streams from and to other servers over RTMP and RTMPS; user data is the host. */
extern const LecternCarrier lectern_rtmp_carrier;
