/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-cell.h"

#include "base/lectern-clock.h"

#include <time.h>

LecternHttpCell *
lectern_http_cell_new (LecternReactor *reactor)
{
  LecternHttpCell *self = g_new0 (LecternHttpCell, 1);

  self->refs = 1;
  self->reactor = g_object_ref (reactor);
  lectern_rate_limiter_init (&self->refusals, 0.1, 10, lectern_clock_now_us ());
  return self;
}

LecternHttpCell *
lectern_http_cell_ref (LecternHttpCell *self)
{
  g_atomic_int_inc (&self->refs);
  return self;
}

void
lectern_http_cell_unref (LecternHttpCell *self)
{
  if (!g_atomic_int_dec_and_test (&self->refs))
    return;
  g_object_unref (self->reactor);
  g_free (self->piece);
  g_free (self);
}

/* IMF-fixdate (RFC 9110, 5.6.7); by hand, as strftime speaks the operator's language. */
const char *
lectern_http_cell_get_date (LecternHttpCell *self)
{
  static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
  static const char *const months[]
      = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  gint64 second = lectern_clock_wall_us () / G_USEC_PER_SEC;
  time_t when = (time_t) second;
  struct tm parts;

  if (second == self->date_second || gmtime_r (&when, &parts) == NULL)
    return self->date;
  self->date_second = second;
  g_snprintf (self->date, sizeof self->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
              days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900,
              parts.tm_hour, parts.tm_min, parts.tm_sec);
  return self->date;
}

guint8 *
lectern_http_cell_get_piece (LecternHttpCell *self)
{
  if (self->piece == NULL)
    self->piece = g_malloc (LECTERN_HTTP_PIECE);
  return self->piece;
}
