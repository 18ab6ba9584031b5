/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plugin/lectern-host.h"
#include "plugin/lectern-plugin-list.h"

/* The host's life, for the daemon and for tests: new, open, (plugins start), listen, …, stop.
 * Exported, but not installed. Thread: control. */

/* In the state directory of a running server: what lectern_host_describe_listeners gives. */
#define LECTERN_HOST_LISTENERS_FILE "listeners.json"

LECTERN_API LecternHost *lectern_host_new (LecternConfig *config);

/* The server's directory as @config says, or the place that fits: the system's for an installed
 * server whose user may write there, else the user's ($XDG_STATE_HOME/lectern). */
LECTERN_API char *lectern_host_dup_state_dir (LecternConfig *config);
/* Makes it if it is not there. Errors: DENIED, others. */
LECTERN_API gboolean lectern_host_make_state_dir (const char *path, GError **error);

/* Makes the state directory and everything the getters give.
 * Errors: INVALID_CONFIG, INVALID_DATA (a damaged file), others. */
LECTERN_API gboolean lectern_host_open (LecternHost *self, GError **error);

/* Opens the HTTP listeners; after the plugins have added their routes.
 * Errors: CONFLICT: an address is in use. */
LECTERN_API gboolean lectern_host_listen (LecternHost *self, GError **error);

/* Listens on @address under @name, for lectern_plugin_add_listeners. @free_user_data runs also when
 * it fails. Returns: (transfer none): until lectern_host_remove_listener. */
LecternListener *lectern_host_add_listener (LecternHost *self, const char *name,
                                            const char *address, gboolean secure,
                                            LecternListenerFunc func, gpointer user_data,
                                            GDestroyNotify free_user_data, GError **error);
void lectern_host_remove_listener (LecternHost *self, LecternListener *listener);
/* Finds out whether UDP @address is free for a worker, and names it under @name; *@found: with its
 * port. Returns: (transfer none): until lectern_host_remove_door; NULL with @error. */
gpointer lectern_host_add_udp_door (LecternHost *self, const char *name, const char *address,
                                    LecternAddress *found, GError **error);
void lectern_host_remove_door (LecternHost *self, gpointer door);

/* Whether a listener could not be opened because its address was in use. */
LECTERN_API gboolean lectern_host_get_address_in_use (LecternHost *self);

/* Returns: (transfer full): {"http": "127.0.0.1:8000", …}; several addresses of one name are
 * separated by ";", as in the settings. */
LECTERN_API JsonNode *lectern_host_describe_listeners (LecternHost *self);

/* Puts @config in force: limits, origins, open doors, certificate files. What cannot change while
 * the server runs is named in the log. On an error nothing has changed. */
LECTERN_API gboolean lectern_host_reload (LecternHost *self, LecternConfig *config, GError **error);

/* The graceful end: stops accepting, tells HTTP peers, ends streams, lets viewers take what is
 * left, stops @plugins (nullable), waits until the connections are gone; then ends reactors and
 * store. At most @timeout_us until the last step. Runs the main context meanwhile. Idempotent. */
LECTERN_API void lectern_host_stop (LecternHost *self, LecternPluginList *plugins,
                                    gint64 timeout_us);
/* Makes a running lectern_host_stop wait no longer. */
LECTERN_API void lectern_host_hurry (LecternHost *self);
