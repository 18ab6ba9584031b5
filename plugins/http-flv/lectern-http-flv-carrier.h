/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* Streams that other servers send as FLV over HTTP and HTTPS; user data is the host. */
extern const LecternCarrier lectern_http_flv_carrier;
