/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lectern-rtsp-service.h"
#include "lectern-rtsp-transport.h"
#include "lectern-sdp.h"

/* LecternRtspPublication: one who sends (ANNOUNCE, SETUP, RECORD): its tracks, and the packets that
 * come interleaved or by UDP. Thread: the connection's reactor. */
typedef struct _LecternRtspPublication LecternRtspPublication;

/* The stream is taken away (kicked, taken over, too fast, silent); frees the publication. */
typedef void (*LecternRtspPublicationFunc) (LecternRtspPublication *publication,
                                            const GError *reason, gpointer user_data);

/* Takes the right to a session, and reads the @size bytes of SDP at @text. Errors: LIMIT; as of
 * lectern_sdp_parse. Returns: (transfer full). */
LecternRtspPublication *lectern_rtsp_publication_new (LecternRtspService *service,
                                                      LecternConnection *connection,
                                                      const char *text, gsize size,
                                                      LecternRtspPublicationFunc over,
                                                      gpointer user_data, GError **error);
/* Sets the track up that @control of the request's URL @url names, before it records. @answer: gets
 * the value of the answer's Transport. Errors: NOT_FOUND: no such track; INVALID_CONFIG: it is of a
 * kind that is not taken; CONFLICT: it records already, or the track is set up; as of
 * lectern_rtsp_ports_open. */
gboolean lectern_rtsp_publication_set_up (LecternRtspPublication *self, const char *url,
                                          const char *control,
                                          const LecternRtspTransport *transport, GString *answer,
                                          GError **error);
/* Begins to publish. @request: what the access chain has allowed. Errors: CONFLICT: nothing is set
 * up, or somebody else publishes; as of lectern_stream_registry_publish. */
gboolean lectern_rtsp_publication_record (LecternRtspPublication *self,
                                          LecternAccessRequest *request, LecternIdentity *identity,
                                          GError **error);
/* A packet of an interleaved channel; of others it is dropped. */
void lectern_rtsp_publication_take (LecternRtspPublication *self, guint8 channel,
                                    const guint8 *data, gsize size);
/* Whether all that was received has said BYE: what comes then is no loss. */
gboolean lectern_rtsp_publication_has_ended (LecternRtspPublication *self);
/* @lost: the connection broke: the publisher may come back. @reason: (nullable): for the session.
 */
void lectern_rtsp_publication_free (LecternRtspPublication *self, gboolean lost,
                                    const GError *reason);
