/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternRelayFence: where relays may lead that were made by the API: to addresses of the public
 * Internet, and to what the operator names, so that who may make relays cannot look behind the
 * server's back. Immutable, atomically reference-counted. Thread: any. */
typedef struct _LecternRelayFence LecternRelayFence;

/* @allowed: "10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "origin.example.edu", "/srv/media";
 * (nullable). Returns: (transfer full). Errors: INVALID_CONFIG. */
LecternRelayFence *lectern_relay_fence_new (const char *const *allowed, GError **error);
LecternRelayFence *lectern_relay_fence_ref (LecternRelayFence *self);
void lectern_relay_fence_unref (LecternRelayFence *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRelayFence, lectern_relay_fence_unref)

/* Whether the operator named the host of @url, whatever its addresses are. */
gboolean lectern_relay_fence_names_host (LecternRelayFence *self, const char *url);
gboolean lectern_relay_fence_allows_address (LecternRelayFence *self,
                                             const LecternAddress *address);
/* Whether the file at @path, which must exist, lies in a folder that was named, symbolic links
 * resolved. Blocks on the disk. */
gboolean lectern_relay_fence_allows_path (LecternRelayFence *self, const char *path);
/* What is known before connecting: files, and hosts given as addresses. Errors: DENIED. */
gboolean lectern_relay_fence_check_url (LecternRelayFence *self, const char *url, GError **error);
/* Returns: (transfer full) (nullable): the path of a "file:" address. */
char *lectern_relay_fence_dup_path (const char *url);

/* Whether @address belongs to the public Internet (IANA's special-purpose registries), IPv4 within
 * IPv6 included. */
gboolean lectern_relay_address_is_public (const LecternAddress *address);
