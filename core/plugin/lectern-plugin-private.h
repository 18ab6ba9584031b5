/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plugin/lectern-plugin.h"

/* What the host does with a plugin. No virtual function is called from anywhere else: a runner
 * times the call, names the plugin in what it says, and a refusal without a reason becomes a real
 * error. Thread: control. */

/* A call that takes longer is reported. */
#define LECTERN_PLUGIN_SLOW_US (5 * G_USEC_PER_SEC)

/* Returns: (transfer full): a new plugin of @descriptor's type. Errors: FAILED. */
LecternPlugin *lectern_plugin_new (const LecternPluginDescriptor *descriptor, LecternHost *host,
                                   GError **error);
/* What a failed start has registered is undone. */
gboolean lectern_plugin_run_start (LecternPlugin *self, GError **error);
/* Stops, then undoes the registrations, last first. Idempotent. */
void lectern_plugin_run_stop (LecternPlugin *self);
gboolean lectern_plugin_run_reload (LecternPlugin *self, GError **error);
