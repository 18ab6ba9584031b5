/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"
#include "formats/lectern-amf0.h"

/* LecternAmfBuilder: the containers that are open while one AMF value is read, and what the whole
 * value has used of its limits, so that the readers of AMF0 and AMF3 need no recursion. */
typedef struct
{
  gboolean object; /* a{sv}, else av */
  char *key;       /* of the member being read */
  GPtrArray *keys; /* of char *, objects only */
  GPtrArray *values;
  guint members_before; /* the value's, when this one was opened */
  gsize bytes_before;
} LecternAmfContainer;

typedef struct
{
  LecternAmfContainer stack[LECTERN_AMF_MAX_DEPTH];
  guint depth;
  guint members;
  gsize bytes;
} LecternAmfBuilder;

void lectern_amf_builder_clear (LecternAmfBuilder *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternAmfBuilder, lectern_amf_builder_clear)

/* Returns: (nullable): the innermost open container. */
LecternAmfContainer *lectern_amf_builder_get_top (LecternAmfBuilder *self);
/* Errors: LIMIT. */
gboolean lectern_amf_builder_open (LecternAmfBuilder *self, gboolean object, GError **error);
/* Closes the innermost. Returns: (transfer floating). */
GVariant *lectern_amf_builder_close (LecternAmfBuilder *self);
/* Adds a member to the innermost, under its key when it is an object. A floating @value is
 * consumed. Errors: LIMIT. */
gboolean lectern_amf_builder_add (LecternAmfBuilder *self, GVariant *value, GError **error);
/* Counts members and bytes that a reference repeats, or bytes about to be read. Errors: LIMIT. */
gboolean lectern_amf_builder_charge (LecternAmfBuilder *self, guint members, gsize bytes,
                                     GError **error);
