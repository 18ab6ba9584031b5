/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "formats/lectern-amf-builder.h"

/* Reads one AMF3 value inside an AMF0 value whose open containers are @builder's. Returns:
 * (transfer full). */
GVariant *lectern_amf3_read_within (LecternByteReader *reader, LecternAmfBuilder *builder,
                                    GError **error);
