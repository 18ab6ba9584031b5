/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternNmsApiGuard: HTTP Basic (RFC 7617) for the thing LECTERN_NMS_API_THING and nothing else:
 * the right name and password may manage it, wrong ones are denied, and on all else it abstains.
 * Names and passwords are compared in constant time; after ten failures an address has one attempt
 * each six seconds. Thread: control. */
#define LECTERN_TYPE_NMS_API_GUARD (lectern_nms_api_guard_get_type ())
G_DECLARE_FINAL_TYPE (LecternNmsApiGuard, lectern_nms_api_guard, LECTERN, NMS_API_GUARD, GObject)

LecternNmsApiGuard *lectern_nms_api_guard_new (void);
/* @password: not empty. */
void lectern_nms_api_guard_set (LecternNmsApiGuard *self, const char *user, const char *password);
