/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Returns: the reason phrase for @status (RFC 9110, 15); static; "" for an unknown one. */
const char *lectern_http_status_get_phrase (guint status);
/* Returns: the name of the error code that fits @status best ("limit" for 413); static. */
const char *lectern_http_status_get_name (guint status);
/* Returns: (transfer full): RFC 9457 problem+json. @name: (nullable): the error code's name, NULL:
 * the one of @status. @detail: static text. */
GBytes *lectern_http_status_make_problem (guint status, const char *name, const char *detail);
/* Adds @number in decimal digits. */
void lectern_http_status_put_number (GString *head, guint64 number);
/* Adds the status line, Date and what every answer says for safety to @head. */
void lectern_http_status_put_start (GString *head, guint status, const char *date);
