/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A pipe that polls writable takes this much (POSIX: PIPE_BUF), so such a line cannot block. */
#define MAX_LINE 4096
#define MAX_URL 512
#define MAX_FIELDS 32

typedef struct
{
  GPatternSpec *domain;
  GLogLevelFlags level;
} Rule;

static const struct
{
  const char *name;
  GLogLevelFlags level;
  const char *label;
  const char *priority; /* as syslog(3) counts */
} levels[] = {
  { "debug", G_LOG_LEVEL_DEBUG, "DEBUG", "7" },
  { "info", G_LOG_LEVEL_INFO, "INFO", "6" },
  { "message", G_LOG_LEVEL_MESSAGE, "MESSAGE", "5" },
  { "warning", G_LOG_LEVEL_WARNING, "WARNING", "4" },
  { "critical", G_LOG_LEVEL_CRITICAL, "CRITICAL", "3" },
  { "error", G_LOG_LEVEL_ERROR, "ERROR", "3" },
};

static GMutex lock; /* one line at a time, between asking for room and writing */
static GArray *rules;
static GLogLevelFlags threshold = G_LOG_LEVEL_MESSAGE;
static int journal = -1;
static gint64 dropped;

static guint
level_index (GLogLevelFlags flags)
{
  for (guint i = 0; i < G_N_ELEMENTS (levels); i++)
    {
      if ((flags & levels[i].level) != 0)
        return i;
    }
  return 0;
}

static gboolean
wanted (GLogLevelFlags flags, const char *domain)
{
  GLogLevelFlags least = threshold;

  if ((flags & G_LOG_FLAG_FATAL) != 0)
    return TRUE;
  for (guint i = 0; i < rules->len; i++)
    {
      Rule *rule = &g_array_index (rules, Rule, i);

      if (g_pattern_spec_match_string (rule->domain, domain))
        {
          least = rule->level;
          break;
        }
    }
  return level_index (flags) >= level_index (least);
}

static gboolean
printable (gunichar c)
{
  if (g_unichar_iscntrl (c) || c == 0x2028 || c == 0x2029)
    return FALSE;
  /* What turns the reading direction can make a log line look like another. */
  return !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

/* Appends one character, escaped where needed, unless it would make @out longer than @max. Returns
 * the bytes it took from @text, 0 when there was no room. */
static gsize
escape_one (GString *out, const char *text, gsize length, gsize max)
{
  gunichar c = g_utf8_get_char_validated (text, (gssize) length);
  gsize taken = 1;

  if (c != (gunichar) -1 && c != (gunichar) -2)
    taken = (gsize) g_unichar_to_utf8 (c, NULL);
  if (c != (gunichar) -1 && c != (gunichar) -2 && printable (c))
    {
      if (out->len + taken > max)
        return 0;
      g_string_append_len (out, text, (gssize) taken);
      return taken;
    }
  if (out->len + 4 * taken > max)
    return 0;
  for (gsize i = 0; i < taken; i++)
    g_string_append_printf (out, "\\x%02x", (guchar) text[i]);
  return taken;
}

/* Appends @text so that @out is at most @max long; a cut is marked by "...". */
static void
append_escaped (GString *out, const char *text, gsize length, gsize max)
{
  gsize safe_end = out->len; /* where "..." still fits */

  for (gsize i = 0; i < length;)
    {
      gsize taken = escape_one (out, text + i, length - i, max);

      if (taken == 0)
        {
          g_string_truncate (out, safe_end);
          if (out->len + 3 <= max)
            g_string_append (out, "...");
          return;
        }
      if (out->len + 3 <= max)
        safe_end = out->len;
      i += taken;
    }
}

char *
lectern_log_escape (const char *text, gssize length, gsize max)
{
  GString *out = g_string_new (NULL);

  append_escaped (out, text, length < 0 ? strlen (text) : (gsize) length, max);
  return g_string_free (out, FALSE);
}

/* A harmless parameter has a harmless value: anything longer may hide a second query. */
static gboolean
is_harmless (const char *name, gsize name_length, const char *value, gsize value_length)
{
  static const char *const harmless[] = { "gop", "audio", "video" };

  for (gsize i = 0; i < G_N_ELEMENTS (harmless); i++)
    {
      if (strlen (harmless[i]) == name_length && memcmp (harmless[i], name, name_length) == 0)
        return value_length <= 8
               && strspn (value, "0123456789.abcdefghijklmnopqrstuvwxyz") >= value_length;
    }
  return FALSE;
}

static void
mask_parameter (GString *out, const char *parameter, gsize length)
{
  const char *equals = memchr (parameter, '=', length);
  gsize name_length = equals != NULL ? (gsize) (equals - parameter) : 0;

  if (equals == NULL)
    g_string_append (out, length > 0 ? "***" : "");
  else if (is_harmless (parameter, name_length, equals + 1, length - name_length - 1))
    g_string_append_len (out, parameter, (gssize) length);
  else
    {
      g_string_append_len (out, parameter, (gssize) name_length + 1);
      g_string_append (out, "***");
    }
}

static void
mask_query (GString *out, const char *query, gsize length)
{
  for (gsize i = 0; i <= length;)
    {
      gsize end = i;

      while (end < length && query[end] != '&')
        end++;
      mask_parameter (out, query + i, end - i);
      if (end < length)
        g_string_append_c (out, '&');
      i = end + 1;
    }
}

/* Copies what stands before the query, without the password. */
static void
mask_place (GString *out, const char *place, gsize length)
{
  const char *scheme = g_strstr_len (place, (gssize) length, "://");
  gsize start = scheme != NULL ? (gsize) (scheme - place) + 3 : 0;
  gsize end = start;
  const char *at = NULL;

  for (; end < length && place[end] != '/'; end++)
    {
      if (place[end] == '@')
        at = place + end;
    }
  /* Without a scheme "physics@480p" is a name; with a colon before the @ it is a password. */
  if (at != NULL
      && (scheme != NULL || memchr (place + start, ':', (gsize) (at - place) - start) != NULL))
    {
      g_string_append_len (out, place, (gssize) start);
      g_string_append (out, "***");
      start = (gsize) (at - place);
      g_string_append_len (out, place + start, (gssize) (length - start));
    }
  else
    g_string_append_len (out, place, (gssize) length);
}

char *
lectern_log_mask_url (const char *url)
{
  g_autoptr (GString) masked = g_string_new (NULL);
  gsize place = strcspn (url, "?#");
  gsize length = place + strcspn (url + place, "#");

  mask_place (masked, url, place);
  if (length > place)
    {
      g_string_append_c (masked, '?');
      mask_query (masked, url + place + 1, length - place - 1);
    }
  if (url[length] == '#')
    g_string_append (masked, "#***");
  return lectern_log_escape (masked->str, (gssize) masked->len, MAX_URL);
}

static void
count_dropped (void)
{
  __atomic_fetch_add (&dropped, 1, __ATOMIC_RELAXED);
}

guint64
lectern_log_get_dropped (void)
{
  return (guint64) __atomic_load_n (&dropped, __ATOMIC_RELAXED);
}

static void
write_line (const GString *line)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);
  struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
  gssize written;

  written = send (STDERR_FILENO, line->str, line->len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (written < 0 && errno == ENOTSOCK)
    {
      if (poll (&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0)
        written = -1;
      else
        written = write (STDERR_FILENO, line->str, line->len);
    }
  if (written < 0)
    count_dropped ();
}

static void
print_stderr (guint level, const char *domain, const char *message, gsize length)
{
  g_autoptr (GString) line = g_string_sized_new (256);
  gint64 now = g_get_real_time ();
  time_t seconds = (time_t) (now / G_USEC_PER_SEC);
  struct tm local;

  localtime_r (&seconds, &local);
  g_string_printf (line, "%02d:%02d:%02d.%03d %s %s: ", local.tm_hour, local.tm_min, local.tm_sec,
                   (int) (now % G_USEC_PER_SEC / 1000), levels[level].label, domain);
  append_escaped (line, message, length, MAX_LINE - 1);
  g_string_append_c (line, '\n');
  write_line (line);
}

/* One field of the journal's datagram, in the form that may hold any bytes. */
static void
add_field (GByteArray *out, const char *key, const char *value, gsize length)
{
  guint64 little = GUINT64_TO_LE ((guint64) length);

  g_byte_array_append (out, (const guint8 *) key, (guint) strlen (key));
  g_byte_array_append (out, (const guint8 *) "\n", 1);
  g_byte_array_append (out, (const guint8 *) &little, sizeof little);
  g_byte_array_append (out, (const guint8 *) value, (guint) length);
  g_byte_array_append (out, (const guint8 *) "\n", 1);
}

static gsize
field_length (const GLogField *field)
{
  gsize length = field->length < 0 ? strlen (field->value) : (gsize) field->length;

  return MIN (length, MAX_LINE);
}

static void
print_journal (guint level, const GLogField *fields, gsize n_fields)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  static const struct sockaddr_un to = { AF_UNIX, "/run/systemd/journal/socket" };

  add_field (out, "SYSLOG_IDENTIFIER", "lectern", 7);
  add_field (out, "PRIORITY", levels[level].priority, 1);
  for (gsize i = 0; i < MIN (n_fields, MAX_FIELDS); i++)
    {
      if (strcmp (fields[i].key, "PRIORITY") != 0)
        add_field (out, fields[i].key, fields[i].value, field_length (&fields[i]));
    }
  if (sendto (journal, out->data, out->len, MSG_DONTWAIT | MSG_NOSIGNAL,
              (const struct sockaddr *) &to, sizeof to)
      < 0)
    count_dropped ();
}

static GLogWriterOutput
write_log (GLogLevelFlags flags, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  const char *domain = "lectern";
  const char *message = "";
  gsize length = 0;

  for (gsize i = 0; i < n_fields; i++)
    {
      if (strcmp (fields[i].key, "GLIB_DOMAIN") == 0 && fields[i].length < 0)
        domain = fields[i].value;
      else if (strcmp (fields[i].key, "MESSAGE") == 0)
        {
          message = fields[i].value;
          length = field_length (&fields[i]);
        }
    }
  if (!wanted (flags, domain))
    return G_LOG_WRITER_HANDLED;
  if (journal >= 0)
    print_journal (level_index (flags), fields, n_fields);
  else
    print_stderr (level_index (flags), domain, message, length);
  return G_LOG_WRITER_HANDLED;
}

static void
clear_rule (gpointer data)
{
  g_pattern_spec_free (((Rule *) data)->domain);
}

static void
add_rule (const char *text)
{
  const char *colon = strrchr (text, ':');
  g_autofree char *domain
      = colon != NULL ? g_strndup (text, (gsize) (colon - text)) : g_strdup (text);
  Rule rule = { .level = G_LOG_LEVEL_DEBUG };

  for (guint i = 0; colon != NULL && i < G_N_ELEMENTS (levels); i++)
    {
      if (strcmp (levels[i].name, colon + 1) == 0)
        rule.level = levels[i].level;
    }
  rule.domain = g_pattern_spec_new (domain);
  g_array_append_val (rules, rule);
}

void
lectern_log_init (gboolean verbose)
{
  g_auto (GStrv) texts = g_strsplit (g_getenv ("LECTERN_DEBUG") ?: "", ",", 64);

  rules = g_array_new (FALSE, FALSE, sizeof (Rule));
  g_array_set_clear_func (rules, clear_rule);
  for (char **text = texts; *text != NULL; text++)
    {
      if (**text != '\0')
        add_rule (*text);
    }
  threshold = verbose ? G_LOG_LEVEL_INFO : G_LOG_LEVEL_MESSAGE;
  if (g_log_writer_is_journald (STDERR_FILENO))
    journal = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  g_log_set_writer_func (write_log, NULL, NULL);
}
