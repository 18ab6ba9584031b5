/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "net/lectern-tls.h"

#include <openssl/ssl.h>

/* Returns: (transfer full) (nullable): with the newest certificate. Thread: any. */
SSL *lectern_tls_new_ssl (LecternTls *self);
