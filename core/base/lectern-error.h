/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"

#include <gio/gio.h>

/* LECTERN_ERROR:
 *
 * The one error domain. Errors of GIO, OpenSSL, sqlite and the C library are converted where they
 * enter. Messages are lower case, without a full stop, prefixed on the way up with the thing:
 * "cannot play 'live/physics': no such stream". An error is returned or logged, never both. */
#define LECTERN_ERROR (lectern_error_quark ())
LECTERN_API GQuark lectern_error_quark (void);

typedef enum
{
  LECTERN_ERROR_FAILED,         /* anything that has no better code */
  LECTERN_ERROR_INVALID_CONFIG, /* the operator's settings are wrong */
  LECTERN_ERROR_INVALID_DATA,   /* a peer sent bytes that break a rule */
  LECTERN_ERROR_NOT_FOUND,      /* the named thing does not exist */
  LECTERN_ERROR_NOT_SUPPORTED,  /* understood, but not offered here */
  LECTERN_ERROR_DENIED,         /* the access chain said no */
  LECTERN_ERROR_CONFLICT,       /* somebody else holds the thing */
  LECTERN_ERROR_LIMIT,          /* a stated maximum was reached */
  LECTERN_ERROR_TIMED_OUT,      /* nothing happened in the time allowed */
  LECTERN_ERROR_CLOSED,         /* the peer or the thing went away */
} LecternError;

/* Returns the HTTP status for @error: 500, 400, 404, 501, 403, 409, 429, 408 or 410; any domain
 * but LECTERN_ERROR is 500. INVALID_CONFIG is 500.
 * Thread: any. */
LECTERN_API guint lectern_error_get_http_status (const GError *error);

/* Returns the public, stable word for @error's code ("not-found", ...); static.
 * Thread: any. */
LECTERN_API const char *lectern_error_get_name (const GError *error);

/* Returns the one sentence about @error's code that a peer may see (the detail stays in the log);
 * static. Thread: any. */
LECTERN_API const char *lectern_error_get_public_text (const GError *error);

/* Sets @error from an errno value: ENOENT is NOT_FOUND, EACCES and EPERM are DENIED, EADDRINUSE and
 * EEXIST are CONFLICT, EMFILE, ENFILE, ENOSPC and ENOMEM are LIMIT, ETIMEDOUT is TIMED_OUT,
 * EPIPE and ECONNRESET are CLOSED, others FAILED. The message is @format, ": " and the system's.
 * Thread: any. */
LECTERN_API void lectern_error_set_errno (GError **error, int number, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Turns @error, of any domain, into LECTERN_ERROR in place, keeping its message; a GIO or GLib file
 * error gets the code that fits. NULL and empty are ignored. Thread: any. */
LECTERN_API void lectern_error_convert (GError **error);
