/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/lectern-worker-log.h"

#include "base/lectern-clock.h"
#include "base/lectern-log.h"

#include <string.h>

#define LINES_A_SECOND 20

/* Returns: whether one more line may be written in this second. */
static gboolean
may_write (LecternWorkerLog *self, const char *title)
{
  gint64 second = lectern_clock_now_us () / G_USEC_PER_SEC;

  if (second != self->second)
    {
      if (self->dropped > 0)
        g_message ("%s: %u lines left out", title, self->dropped);
      self->second = second;
      self->written = self->dropped = 0;
    }
  if (self->written >= LINES_A_SECOND)
    {
      self->dropped++;
      return FALSE;
    }
  self->written++;
  return TRUE;
}

static GLogLevelFlags
take_level (const char **line, gsize *size)
{
  static const GLogLevelFlags levels[]
      = { G_LOG_LEVEL_WARNING, G_LOG_LEVEL_WARNING, G_LOG_LEVEL_WARNING, G_LOG_LEVEL_WARNING,
          G_LOG_LEVEL_WARNING, G_LOG_LEVEL_MESSAGE, G_LOG_LEVEL_INFO,    G_LOG_LEVEL_DEBUG };
  const char *text = *line;

  if (*size < 3 || text[0] != '<' || text[1] < '0' || text[1] > '7' || text[2] != '>')
    return G_LOG_LEVEL_MESSAGE;
  *line += 3;
  *size -= 3;
  return levels[text[1] - '0'];
}

static void
write_line (LecternWorkerLog *self, const char *title)
{
  const char *line = self->line;
  gsize size = self->size;
  GLogLevelFlags level = take_level (&line, &size);
  g_autofree char *text = NULL;

  self->size = 0;
  if (size == 0 || !may_write (self, title))
    return;
  text = lectern_log_escape (line, size, sizeof self->line);
  g_log_structured (G_LOG_DOMAIN, level, "MESSAGE", "%s: %s", title, text);
}

void
lectern_worker_log_put (LecternWorkerLog *self, const char *title, const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (text[i] == '\n')
      {
        write_line (self, title);
        self->overlong = FALSE;
      }
    else if (!self->overlong)
      {
        self->line[self->size++] = text[i];
        if (self->size < sizeof self->line)
          continue;
        write_line (self, title);
        self->overlong = TRUE;
      }
}

void
lectern_worker_log_end (LecternWorkerLog *self, const char *title)
{
  write_line (self, title);
}
