/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lectern-worker JOB PARENT: does one job for the server that started it, whose process id is
 * PARENT, and shuts itself in before it looks at what it is given. */
#include "lectern-code-memory.h"
#include "lectern-confine.h"
#include "lectern-job-private.h"
#include "lectern-reach.h"

#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define LINK_FD 3
/* Set in the environment of a second start, see restart_single. */
#define AGAIN "LECTERN_WORKER_AGAIN"

static const LecternJobClass *const jobs[]
    = { &lectern_finish_job, &lectern_poster_job,   &lectern_pull_job,     &lectern_push_job,
        &lectern_srt_job,    &lectern_testcard_job, &lectern_transcode_job };

#if defined(__SANITIZE_ADDRESS__)
/* Leaks are searched by a process that traces this one, which it may not have. */
const char *__asan_default_options (void);

const char *
__asan_default_options (void)
{
  return "detect_leaks=0";
}
#endif

static const LecternJobClass *
find_job (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (jobs); i++)
    if (g_str_equal (jobs[i]->name, name))
      return jobs[i];
  return NULL;
}

/* What G_DEBUG makes fatal in jobs with a network, whose elements stumble most; not by GLib, which
 * does not ask whose it is. */
static GLogLevelFlags fatal_levels;

/* The server reads these lines; the level is written as for the journal. */
static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer unused)
{
  const char *message = NULL;
  int number = level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL) ? 3
               : level & G_LOG_LEVEL_WARNING                      ? 4
               : level & G_LOG_LEVEL_MESSAGE                      ? 5
               : level & G_LOG_LEVEL_INFO                         ? 6
                                                                  : 7;

  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE"))
      message = fields[i].value;
    /* Its elements stumble over each other when a pipeline breaks, which is told by other means. */
    else if (g_str_equal (fields[i].key, "GLIB_DOMAIN") && number < 6
             && g_str_equal (fields[i].value, "GStreamer"))
      number = 6;
  if (message != NULL)
    {
      g_autofree char *line = g_strdup_printf ("<%d>%s\n", number, message);

      (void) !write (STDERR_FILENO, line, strlen (line));
    }
  if ((level & fatal_levels) != 0 && number < 6)
    abort ();
  return G_LOG_WRITER_HANDLED;
}

/* TRUE: this process ends with @parent, which is still there. */
static gboolean
bind_to_parent (const char *parent)
{
  gint64 pid;

  return lectern_units_parse_integer (parent, &pid, NULL)
         && prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid () == pid;
}

/* Their libraries are loaded while they still can be. One that is missing is missed later, by the
 * job, which may know another. */
static void
load_elements (const LecternJobClass *job)
{
  for (guint i = 0; job->elements != NULL && job->elements[i] != NULL; i++)
    {
      g_autoptr (GstElementFactory) factory = gst_element_factory_find (job->elements[i]);
      g_autoptr (GstPluginFeature) loaded
          = factory != NULL ? gst_plugin_feature_load (GST_PLUGIN_FEATURE (factory)) : NULL;

      if (loaded == NULL)
        g_info ("GStreamer has no element '%s' here", job->elements[i]);
    }
}

static gboolean
load_network (GError **error)
{
  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    g_info ("GIO has no TLS here: glib-networking is missing");
  return lectern_reach_init (error);
}

/* The first start on a machine loads every plugin to list it, and some start threads. The list is
 * kept, so a second start has none. */
static void
restart_single (char **argv)
{
  if (lectern_confine_is_possible () || g_getenv (AGAIN) != NULL)
    return;
  g_setenv (AGAIN, "1", TRUE);
  execv ("/proc/self/exe", argv);
}

static gboolean
shut_in (JsonObject *start, GError **error)
{
  const LecternConfinement confinement = {
    .nice = json_object_get_int_member_with_default (start, "nice", 0),
    .memory = json_object_get_int_member_with_default (start, "memory", 0),
    .read_path = json_object_get_string_member_with_default (start, "read", NULL),
    .write_path = json_object_get_string_member_with_default (start, "write", NULL),
    .network = json_object_get_boolean_member_with_default (start, "network", FALSE),
  };

  tzset ();
  if (!lectern_confine_is_possible ())
    g_message ("a library has started threads, which may read what the server may");
  return lectern_confine (&confinement, error);
}

static gboolean
on_terminate (gpointer job)
{
  lectern_job_quit (job);
  return G_SOURCE_CONTINUE;
}

static gboolean
work (LecternJob *job)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) start = lectern_job_read_start (job, &error);
  g_autoptr (JsonObject) parameters = NULL;

  if (start != NULL && shut_in (start, &error))
    {
      parameters = json_object_has_member (start, "parameters")
                       ? json_object_ref (json_object_get_object_member (start, "parameters"))
                       : json_object_new ();
      g_unix_signal_add (SIGTERM, on_terminate, job);
      return lectern_job_run (job, parameters);
    }
  lectern_job_refuse (job, error);
  return FALSE;
}

int
main (int argc, char **argv)
{
  const LecternJobClass *class = argc == 3 ? find_job (argv[1]) : NULL;
  g_autoptr (GError) error = NULL;

  if (class == NULL)
    {
      g_printerr ("lectern-worker: started by the server, as: lectern-worker JOB PARENT\n");
      return 2;
    }
  /* After a second start it would be "exe". */
  prctl (PR_SET_NAME, "lectern-worker");
  setlocale (LC_ALL, "C.UTF-8");
  signal (SIGPIPE, SIG_IGN);
  g_log_set_writer_func (write_log, NULL, NULL);
  if (class->network)
    fatal_levels = g_log_set_always_fatal (G_LOG_FATAL_MASK) & ~G_LOG_FATAL_MASK;
  if (!bind_to_parent (argv[2]))
    return 1;
  lectern_code_memory_reserve ();
  if (!gst_init_check (NULL, NULL, &error))
    {
      g_warning ("GStreamer cannot be used: %s", error->message);
      return 1;
    }
  load_elements (class);
  if (class->network && !load_network (&error))
    {
      g_warning ("%s", error->message);
      return 1;
    }
  restart_single (argv);
  /* Threads of the pipeline may still run: nothing is to be torn down under them. */
  _exit (work (lectern_job_new (class, LINK_FD)) ? 0 : 1);
}
