/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access/lectern-guard.h"
#include "base/lectern-metrics.h"
#include "config/lectern-config.h"
#include "http/lectern-http-server.h"
#include "media/lectern-carrier.h"
#include "media/lectern-relays.h"
#include "media/lectern-stream-registry.h"
#include "net/lectern-listener.h"
#include "segment/lectern-presentation.h"
#include "segment/lectern-segment-service.h"
#include "store/lectern-store.h"
#include "worker/lectern-worker.h"

/* LecternHost: what a plugin reaches: one of each noun. Made by the daemon (or a test) with
 * lectern_host_new, then opened. The getters are Thread: any; the rest Thread: control. */
#define LECTERN_TYPE_HOST (lectern_host_get_type ())
LECTERN_API
G_DECLARE_FINAL_TYPE (LecternHost, lectern_host, LECTERN, HOST, GObject)

/* Returns: the settings in force; a new object after a reload. (transfer full) */
LECTERN_API LecternConfig *lectern_host_get_config (LecternHost *self);
/* Returns: a name of this run of the server, 12 characters of a-z and 0-9: what a stream that goes
 * from server to server is marked with, see LecternCarrierSpec.via. */
LECTERN_API const char *lectern_host_get_id (LecternHost *self);
LECTERN_API LecternReactorPool *lectern_host_get_reactors (LecternHost *self);
LECTERN_API LecternGate *lectern_host_get_gate (LecternHost *self);
/* Returns: (nullable): NULL without a certificate. */
LECTERN_API LecternTls *lectern_host_get_tls (LecternHost *self);
LECTERN_API LecternAccessChain *lectern_host_get_access (LecternHost *self);
LECTERN_API LecternHttpServer *lectern_host_get_http (LecternHost *self);
LECTERN_API LecternStreamRegistry *lectern_host_get_streams (LecternHost *self);
/* For connections that this server makes. */
LECTERN_API LecternDialer *lectern_host_get_dialer (LecternHost *self);
/* The protocols that fetch streams from other servers and bring them there. */
LECTERN_API LecternCarriers *lectern_host_get_carriers (LecternHost *self);
LECTERN_API LecternRelays *lectern_host_get_relays (LecternHost *self);
LECTERN_API LecternPresentations *lectern_host_get_presentations (LecternHost *self);
LECTERN_API LecternSegmentService *lectern_host_get_segments (LecternHost *self);
LECTERN_API LecternWorkers *lectern_host_get_workers (LecternHost *self);
LECTERN_API LecternSessions *lectern_host_get_sessions (LecternHost *self);
LECTERN_API LecternStore *lectern_host_get_store (LecternHost *self);
/* Returns: (transfer full) (element-type LecternAddress): the addresses on which this server listens
 * now. Thread: control. */
LECTERN_API GArray *lectern_host_list_addresses (LecternHost *self);
/* The directory for the server's files; exists, mode 0750. */
LECTERN_API const char *lectern_host_get_state_dir (LecternHost *self);
/* Where read-only files of this version lie (page, player), from the build tree or the
 * installation. Returns: (transfer full) (nullable): the path of "NAME/…" for a plugin's folder
 * NAME, if it exists. */
LECTERN_API char *lectern_host_find_data (LecternHost *self, const char *name);
