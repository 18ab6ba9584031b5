/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

typedef enum
{
  LECTERN_RELAY_PULL,      /* fetched always */
  LECTERN_RELAY_ON_DEMAND, /* fetched while somebody watches */
  LECTERN_RELAY_PUSH,      /* brought elsewhere while it is published */
} LecternRelayMode;
#define LECTERN_RELAY_N_MODES 3

/* Returns: "pull", "on-demand", "push"; static. */
const char *lectern_relay_mode_get_name (LecternRelayMode mode);
gboolean lectern_relay_mode_parse (const char *text, LecternRelayMode *mode);

/* LecternRelayRule: which streams go where. Immutable, atomically reference-counted. Thread: any.
 */
typedef struct
{
  LecternRelayMode mode;
  char *id;        /* of a keyfile's rule: made of its content; else given */
  char *stream;    /* "app/name"; but for PULL also "app": every stream of it */
  char *url;       /* a secret; may hold "{name}" */
  char *shown;     /* without what is secret */
  char *transport; /* "tcp", "udp", or NULL */
  gboolean fixed;  /* the keyfile's */
} LecternRelayRule;

LecternRelayRule *lectern_relay_rule_ref (LecternRelayRule *self);
void lectern_relay_rule_unref (LecternRelayRule *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LecternRelayRule, lectern_relay_rule_unref)

/* @id: (nullable): NULL: the keyfile's. @transport: (nullable). Returns: (transfer full).
 * Errors: INVALID_DATA; the message holds nothing secret. */
LecternRelayRule *lectern_relay_rule_new (const char *id, LecternRelayMode mode, const char *stream,
                                          const char *url, const char *transport, GError **error);
/* One value of the keyfile: "STREAM URL [tcp|udp]". Errors: INVALID_CONFIG. */
LecternRelayRule *lectern_relay_rule_parse (LecternRelayMode mode, const char *text,
                                            GError **error);

/* Whether it is about the stream @name. */
gboolean lectern_relay_rule_matches (const LecternRelayRule *self, const char *name);
/* Returns: (transfer full): where the stream @name comes from or goes to; @query: (nullable): a
 * viewer's, which is passed on when the rule has none, without what is for this server. */
char *lectern_relay_rule_make_url (const LecternRelayRule *self, const char *name,
                                   const char *query);

/* Returns: (transfer full): @url, which is for the stream @name, without what is secret. Platforms
 * give out their keys as the last part of an address, so where one pushes to it is left out, unless
 * it is the stream's own name. */
char *lectern_relay_rule_show (const LecternRelayRule *self, const char *name, const char *url);

/* Returns: (transfer full) (nullable): the scheme in lower case. */
char *lectern_relay_url_get_scheme (const char *url);
/* Whether @url may mean the stream @name, if it leads to this server: its path is "/app/name",
 * perhaps with an ending. */
gboolean lectern_relay_url_names (const char *url, const char *name);
