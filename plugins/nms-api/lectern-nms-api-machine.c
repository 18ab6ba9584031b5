/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-nms-api-machine.h"

#include <string.h>
#include <sys/utsname.h>

/* Returns: (transfer full) (nullable): behind "NAME", spaces and ":" of the first such line. */
static char *
find_line (const char *text, const char *name)
{
  gsize size = strlen (name);

  for (const char *at = text; at != NULL && *at != '\0'; at = strchr (at, '\n'))
    {
      at += *at == '\n';
      if (strncmp (at, name, size) == 0)
        {
          const char *value = at + size + strspn (at + size, " \t:");

          return g_strndup (value, strcspn (value, "\n"));
        }
    }
  return NULL;
}

/* Returns: the number that a line of @path begins with, 0 unknown. */
static gint64
read_number (const char *path, const char *name)
{
  g_autofree char *text = NULL;
  g_autofree char *value = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  value = find_line (text, name);
  return value != NULL ? g_ascii_strtoll (value, NULL, 10) : 0;
}

void
lectern_nms_api_machine_init (LecternNmsApiMachine *self)
{
  g_autofree char *text = NULL;
  char *model = NULL;

  *self = (LecternNmsApiMachine){ 0 };
  if (g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL))
    model = find_line (text, "model name");
  self->model = model != NULL ? model : g_strdup ("");
  self->speed = read_number ("/proc/cpuinfo", "cpu MHz");
  lectern_nms_api_machine_sample (self);
}

void
lectern_nms_api_machine_clear (LecternNmsApiMachine *self)
{
  g_clear_pointer (&self->model, g_free);
}

/* "cpu  user nice system idle iowait irq …", in ticks. */
void
lectern_nms_api_machine_sample (LecternNmsApiMachine *self)
{
  g_autofree char *text = NULL;
  g_autofree char *line = NULL;
  g_auto (GStrv) fields = NULL;
  guint64 total = 0;
  guint64 idle = 0;

  if (!g_file_get_contents ("/proc/stat", &text, NULL, NULL)
      || (line = find_line (text, "cpu ")) == NULL)
    return;
  fields = g_strsplit (line, " ", -1);
  for (guint i = 0; fields[i] != NULL && i < 8; i++)
    {
      guint64 ticks = g_ascii_strtoull (fields[i], NULL, 10);

      total += ticks;
      idle += i == 3 || i == 4 ? ticks : 0;
    }
  if (total > self->total)
    g_atomic_int_set (&self->load,
                      (gint) ((total - idle - self->busy) * 100 / (total - self->total)));
  self->busy = total - idle;
  self->total = total;
}

JsonObject *
lectern_nms_api_machine_describe_os (void)
{
  JsonObject *object = json_object_new ();
  struct utsname name = { .machine = "" };

  (void) uname (&name);
  /* As Node names them. */
  json_object_set_string_member (object, "arch",
                                 strcmp (name.machine, "x86_64") == 0    ? "x64"
                                 : strcmp (name.machine, "aarch64") == 0 ? "arm64"
                                                                         : name.machine);
  json_object_set_string_member (object, "platform", "linux");
  json_object_set_string_member (object, "release", name.release);
  return object;
}

JsonObject *
lectern_nms_api_machine_describe_cpu (LecternNmsApiMachine *self)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "num", g_get_num_processors ());
  json_object_set_int_member (object, "load", CLAMP (g_atomic_int_get (&self->load), 0, 100));
  json_object_set_string_member (object, "model", self->model);
  json_object_set_int_member (object, "speed", self->speed);
  return object;
}

JsonObject *
lectern_nms_api_machine_describe_memory (void)
{
  JsonObject *object = json_object_new ();

  /* Spelt so since ever, and read so. */
  json_object_set_int_member (object, "totle", read_number ("/proc/meminfo", "MemTotal") * 1024);
  json_object_set_int_member (object, "free", read_number ("/proc/meminfo", "MemAvailable") * 1024);
  return object;
}
