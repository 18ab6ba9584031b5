/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* /api/relay: the relays that another plugin runs, in the words of this API. Thread: control. */
gboolean lectern_nms_api_relays_add_routes (LecternPlugin *plugin, GError **error);
