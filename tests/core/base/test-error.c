/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-error.h"

#include <errno.h>
#include <string.h>

static void
test_table (void)
{
  static const struct
  {
    guint status;
    const char *name;
  } rows[] = {
    { 500, "failed" },    { 500, "invalid-config" }, { 400, "invalid-data" },
    { 404, "not-found" }, { 501, "not-supported" },  { 403, "denied" },
    { 409, "conflict" },  { 429, "limit" },          { 408, "timed-out" },
    { 410, "closed" },
  };
  g_autoptr (GError) foreign = g_error_new (G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "x");
  g_autoptr (GError) wild = g_error_new (LECTERN_ERROR, 77, "x");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = g_error_new (LECTERN_ERROR, (int) i, "x");

      g_assert_cmpuint (lectern_error_get_http_status (error), ==, rows[i].status);
      g_assert_cmpstr (lectern_error_get_name (error), ==, rows[i].name);
      g_assert_true (g_str_has_suffix (lectern_error_get_public_text (error), "."));
    }
  g_assert_cmpuint (lectern_error_get_http_status (foreign), ==, 500);
  g_assert_cmpuint (lectern_error_get_http_status (wild), ==, 500);
  g_assert_cmpuint (lectern_error_get_http_status (NULL), ==, 500);
}

static void
test_convert (void)
{
  static const struct
  {
    int from;
    LecternError to;
  } rows[] = {
    { G_IO_ERROR_NOT_FOUND, LECTERN_ERROR_NOT_FOUND },
    { G_IO_ERROR_CANCELLED, LECTERN_ERROR_CLOSED },
    { G_IO_ERROR_TIMED_OUT, LECTERN_ERROR_TIMED_OUT },
    { G_IO_ERROR_NO_SPACE, LECTERN_ERROR_LIMIT },
    { G_IO_ERROR_PERMISSION_DENIED, LECTERN_ERROR_DENIED },
    { G_IO_ERROR_EXISTS, LECTERN_ERROR_CONFLICT },
    { G_IO_ERROR_CONNECTION_CLOSED, LECTERN_ERROR_CLOSED },
    { G_IO_ERROR_NOT_SUPPORTED, LECTERN_ERROR_NOT_SUPPORTED },
    { G_IO_ERROR_INVALID_DATA, LECTERN_ERROR_INVALID_DATA },
    { G_IO_ERROR_BUSY, LECTERN_ERROR_FAILED },
  };
  g_autoptr (GError) missing = g_error_new (G_FILE_ERROR, G_FILE_ERROR_NOENT, "m");
  g_autoptr (GError) closed = g_error_new (G_FILE_ERROR, G_FILE_ERROR_ACCES, "c");
  GError *none = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = g_error_new (G_IO_ERROR, rows[i].from, "kept");

      lectern_error_convert (&error);
      g_assert_error (error, LECTERN_ERROR, (int) rows[i].to);
      g_assert_cmpstr (error->message, ==, "kept");
    }
  lectern_error_convert (&missing);
  g_assert_error (missing, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND);
  lectern_error_convert (&closed);
  g_assert_error (closed, LECTERN_ERROR, LECTERN_ERROR_DENIED);
  lectern_error_convert (&none);
  lectern_error_convert (NULL);
  g_assert_null (none);
}

static void
test_errno (void)
{
  static const struct
  {
    int number;
    LecternError code;
  } rows[] = {
    { ENOENT, LECTERN_ERROR_NOT_FOUND }, { EACCES, LECTERN_ERROR_DENIED },
    { EPERM, LECTERN_ERROR_DENIED },     { EEXIST, LECTERN_ERROR_CONFLICT },
    { EMFILE, LECTERN_ERROR_LIMIT },     { ENOSPC, LECTERN_ERROR_LIMIT },
    { ENOMEM, LECTERN_ERROR_LIMIT },     { ETIMEDOUT, LECTERN_ERROR_TIMED_OUT },
    { EPIPE, LECTERN_ERROR_CLOSED },     { ECONNRESET, LECTERN_ERROR_CLOSED },
    { EIO, LECTERN_ERROR_FAILED },
  };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) one = NULL;

      lectern_error_set_errno (&one, rows[i].number, "x");
      g_assert_error (one, LECTERN_ERROR, (int) rows[i].code);
    }

  lectern_error_set_errno (&error, EADDRINUSE, "cannot listen on %d", 80);
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT);
  g_assert_true (g_str_has_prefix (error->message, "cannot listen on 80: "));
  lectern_error_set_errno (NULL, EIO, "nobody asks");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/error/one-table", test_table);
  g_test_add_func ("/base/error/converts-in-place", test_convert);
  g_test_add_func ("/base/error/from-errno", test_errno);
  return g_test_run ();
}
