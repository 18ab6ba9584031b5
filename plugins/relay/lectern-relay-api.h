/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* Relays as resources: /api/v1/relays. Everything goes by the host's relays, which whoever asks for
 * on a reactor is answered by there. Thread: control. */
gboolean lectern_relay_api_add_routes (LecternPlugin *plugin, GError **error);
