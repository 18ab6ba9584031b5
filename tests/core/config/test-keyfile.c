/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/lectern-keyfile.h"

#include <string.h>

static gboolean
collect (const char *group, const char *key, const char *value, guint line, gpointer user_data,
         GError **error)
{
  if (key == NULL)
    g_string_append_printf (user_data, "%u[%s]", line, group);
  else
    g_string_append_printf (user_data, "%u %s=<%s>", line, key, value);
  if (g_strcmp0 (key, "stop") != 0)
    return TRUE;
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG, "told to stop");
  return FALSE;
}

static char *
read_text (const char *text, gsize length)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  /* Memory of its own, so that a read behind the end is seen. */
  g_autofree char *copy = g_memdup2 (text, length);

  if (lectern_keyfile_read ("f", copy, length, collect, seen, &error))
    return g_strdup (seen->str);
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
  return g_strdup (error->message);
}

static const struct
{
  const char *text;
  const char *expected; /* what was read, or the start of the error */
} rows[] = {
  { "", "" },
  { "\n\n", "" },
  { "# nothing\n  # more", "" },
  { "[a]", "1[a]" },
  { "[a]\nb=c", "1[a]2 b=<c>" },
  { "[a]\r\nb = c \r\n", "1[a]2 b=<c>" },
  { " [a] \n\t b\t=\t c d \t\n", "1[a]2 b=<c d>" },
  { "[a]\nb=", "1[a]2 b=<>" },
  { "[a]\nb=c=d#e;f", "1[a]2 b=<c=d#e;f>" },
  { "[a]\nb=\\sc\\s\\n\\t\\\\", "1[a]2 b=< c \n\t\\>" },
  { "[a]\nb=\xe4\xbd\xa0", "1[a]2 b=<\xe4\xbd\xa0>" },
  { "[a]\nb=1\n[b]\nb=2", "1[a]2 b=<1>3[b]4 b=<2>" },
  { "[a-b_C9]\nX-y_9=1", "1[a-b_C9]2 X-y_9=<1>" },
  { "b=c", "f:1: a key before the first group" },
  { "[a]\nb", "f:2: neither" },
  { "[a]\n=c", "f:2: a key is" },
  { "[a]\n b c = d", "f:2: a key is" },
  { "[a]\nb[de]=c", "f:2: keys for one language" },
  { "[a]\nb[]=c", "f:2: keys for one language" },
  { "[]", "f:1: a group's name" },
  { "[", "f:1: a group is" },
  { "[a", "f:1: a group is" },
  { "[a] # why", "f:1: a group is '[name]' alone on its line" },
  { "[a b]", "f:1: a group's name" },
  { "[a]]", "f:1: a group's name" },
  { "[\xe4\xbd\xa0]", "f:1: a group's name" },
  { "[a]\n[b]\n[a]", "f:3: group 'a' stands on line 1 already" },
  { "[a]\nb=1\nc=2\nb=3", "f:4: key 'b' stands on line 2 already" },
  { "[a]\nb=\\x", "f:2: '\\' must be followed" },
  { "[a]\nb=\\", "f:2: '\\' must be followed" },
  { "[a]\nb=\xff", "f:2: the line is not UTF-8" },
  { "[a]\nb=\xc3", "f:2: the line is not UTF-8" },
  { "[a]\n# \xff", "f:2: the line is not UTF-8" },
  { "[a]\nstop=1\nb=1", "f:2: told to stop" },
};

static void
test_table (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *seen = read_text (rows[i].text, strlen (rows[i].text));
      gboolean is_error = g_str_has_prefix (rows[i].expected, "f:");

      if (is_error)
        seen[MIN (strlen (seen), strlen (rows[i].expected))] = '\0';
      g_assert_cmpstr (seen, ==, rows[i].expected);
    }
}

static void
test_zero_byte (void)
{
  g_autofree char *in_value = read_text ("[a]\nb=c\0d", 9);
  g_autofree char *in_name = read_text ("[a\0]\n", 5);

  g_assert_true (g_str_has_prefix (in_value, "f:2: the line is not UTF-8"));
  g_assert_true (g_str_has_prefix (in_name, "f:1: the line is not UTF-8"));
}

static void
test_sizes (void)
{
  g_autofree char *megabyte = g_strnfill (1024 * 1024, 'x');
  g_autofree char *name = g_strnfill (65, 'n');
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *seen = NULL;

  /* One line of a megabyte. */
  seen = read_text (megabyte, 1024 * 1024);
  g_assert_true (g_str_has_prefix (seen, "f:1: the line is longer than 8192"));
  g_free (seen);

  /* More than a megabyte of good lines. */
  g_string_append (text, "[a]\n");
  while (text->len <= LECTERN_KEYFILE_MAX_SIZE)
    g_string_append_printf (text, "k%" G_GSIZE_FORMAT "=v\n", text->len);
  seen = read_text (text->str, text->len);
  g_assert_true (g_str_has_prefix (seen, "f:1: the file is larger than"));
  g_free (seen);

  /* A line just as long as allowed, and one byte more. */
  g_string_assign (text, "[a]\nb=");
  g_string_append_len (text, megabyte, LECTERN_KEYFILE_MAX_LINE - 2);
  seen = read_text (text->str, text->len);
  g_assert_true (g_str_has_prefix (seen, "1[a]2 b=<xxx"));
  g_free (seen);
  g_string_append_c (text, 'x');
  seen = read_text (text->str, text->len);
  g_assert_true (g_str_has_prefix (seen, "f:2: the line is longer"));
  g_free (seen);

  g_string_printf (text, "[%s]", name);
  seen = read_text (text->str, text->len);
  g_assert_true (g_str_has_prefix (seen, "f:1: a group's name"));
}

/* Each cut of a good file is read or refused, never worse. */
static void
test_cuts (void)
{
  static const char text[] = "# c\n[server]\nname = a\\sb\xc3\xa9\n\n[x]\ny=1;2;3\n";

  for (gsize length = 0; length < sizeof text; length++)
    {
      g_autofree char *seen = read_text (text, length);

      g_assert_nonnull (seen);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/keyfile/reads-and-refuses-with-the-line", test_table);
  g_test_add_func ("/config/keyfile/refuses-zero-bytes", test_zero_byte);
  g_test_add_func ("/config/keyfile/bounds-file-line-and-name", test_sizes);
  g_test_add_func ("/config/keyfile/survives-every-cut", test_cuts);
  return g_test_run ();
}
