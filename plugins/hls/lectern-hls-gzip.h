/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* Returns: whether the Accept-Encoding header @text (nullable) takes gzip (RFC 9110, 12.5.3). */
gboolean lectern_hls_gzip_is_accepted (const char *text);
/* Returns: (transfer full): @bytes compressed (RFC 1952), or themselves when that is no gain.
 * Thread: any. */
GBytes *lectern_hls_gzip (GBytes *bytes);
