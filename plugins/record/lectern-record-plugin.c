/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-record-api.h"
#include "lectern-record-jobs.h"
#include "lectern-record-replay.h"

#define LECTERN_TYPE_RECORD_PLUGIN (lectern_record_plugin_get_type ())
G_DECLARE_FINAL_TYPE (LecternRecordPlugin, lectern_record_plugin, LECTERN, RECORD_PLUGIN,
                      LecternPlugin)

#define TRIM_US (10 * G_USEC_PER_SEC)
/* How many times of these until what had no room to be finished is tried again. */
#define ROOM_TURNS 30

/* What the folder's thread and handlers reach lives until finalize; the rest goes at stop. */
struct _LecternRecordPlugin
{
  LecternPlugin parent_instance;

  LecternPresentations *presentations;
  LecternRecordCatalogue *catalogue;
  LecternRecordFolder *folder;
  LecternRecordJobs *jobs;
  LecternRecordApi api; /* its sessions are the plugin's */
  LecternRecordReplay replay;
  gboolean scanned; /* what an earlier server left is known */
  gboolean begun;   /* streams are recorded, or can be */
  guint turns;
};

G_DEFINE_FINAL_TYPE (LecternRecordPlugin, lectern_record_plugin, LECTERN_TYPE_PLUGIN)

/* ── steps: something on the folder's thread, then something on the control thread ── */

typedef struct
{
  LecternRecordPlugin *plugin;
  LecternRecordEntry *entry; /* or NULL */
  char *text;                /* or NULL */
  void (*work) (LecternRecordFolder *folder, LecternRecordPlugin *plugin, LecternRecordEntry *entry,
                const char *text);
  void (*then) (LecternRecordPlugin *plugin, LecternRecordEntry *entry); /* or NULL */
} Step;

static void
step_free (gpointer data)
{
  Step *step = data;

  g_clear_pointer (&step->entry, lectern_record_entry_unref);
  g_object_unref (step->plugin);
  g_free (step->text);
  g_free (step);
}

static gboolean
run_then (gpointer data)
{
  Step *step = data;

  /* Stopped meanwhile. */
  if (step->then != NULL && step->plugin->jobs != NULL)
    step->then (step->plugin, step->entry);
  return G_SOURCE_REMOVE;
}

static void
run_step (LecternRecordFolder *folder, gpointer data)
{
  Step *step = data;
  Step *rest = g_new (Step, 1);

  step->work (folder, step->plugin, step->entry, step->text);
  *rest = *step;
  rest->text = NULL;
  g_object_ref (rest->plugin);
  if (rest->entry != NULL)
    lectern_record_entry_ref (rest->entry);
  lectern_record_post (run_then, rest, step_free);
}

static void
begin_step (const Step *template)
{
  Step *step = g_new (Step, 1);

  *step = *template;
  step->text = g_strdup (template->text);
  g_object_ref (step->plugin);
  if (step->entry != NULL)
    lectern_record_entry_ref (step->entry);
  lectern_record_folder_run (step->plugin->folder, run_step, step, step_free);
}

/* ── finishing ── */

static void
read_index (LecternRecordFolder *folder, LecternRecordPlugin *self, LecternRecordEntry *entry,
            const char *text)
{
  lectern_record_folder_read_index (folder, entry);
  lectern_record_entry_set_file (entry, NULL);
}

static void
after_index (LecternRecordPlugin *self, LecternRecordEntry *entry)
{
  g_auto (LecternRecordInfo) info = { 0 };

  lectern_record_entry_get_info (entry, &info);
  lectern_record_entry_renew (entry, self->presentations);
  if (info.state == LECTERN_RECORD_READY && info.frames > 0 && !info.poster)
    lectern_record_jobs_push (self->jobs, LECTERN_RECORD_JOB_POSTER, entry);
}

static void
give_up (LecternRecordFolder *folder, LecternRecordPlugin *self, LecternRecordEntry *entry,
         const char *text)
{
  lectern_record_folder_give_up (folder, entry, text);
}

static void
on_finish_over (LecternRecordPlugin *self, LecternRecordEntry *entry, const GError *error)
{
  const char *path = lectern_record_entry_get_path (entry);

  if (error == NULL)
    {
      g_message ("recording '%s' is finished", path);
      begin_step (
          &(Step){ .plugin = self, .entry = entry, .work = read_index, .then = after_index });
      return;
    }
  lectern_record_entry_set_waits_for_room (
      entry, g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT));
  if (g_error_matches (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA))
    g_message ("recording '%s' cannot be finished: %s", path, error->message);
  else
    g_warning ("recording '%s' cannot be finished and stays as it is: %s", path, error->message);
  begin_step (&(Step){ .plugin = self, .entry = entry, .text = error->message, .work = give_up });
}

static void
on_job_over (LecternRecordJobKind kind, LecternRecordEntry *entry, const GError *error,
             gpointer user_data)
{
  if (kind == LECTERN_RECORD_JOB_FINISH)
    on_finish_over (user_data, entry, error);
  else if (error == NULL)
    lectern_record_entry_set_poster (entry);
  else
    g_message ("there is no picture of recording '%s': %s", lectern_record_entry_get_path (entry),
               error->message);
}

static void
on_closed (LecternRecordEntry *entry, gpointer user_data)
{
  LecternRecordPlugin *self = user_data;

  lectern_record_entry_renew (entry, self->presentations);
  lectern_record_jobs_push (self->jobs, LECTERN_RECORD_JOB_FINISH, entry);
}

/* ── recording ── */

static gboolean
is_when (LecternRecordPlugin *self, const char *word)
{
  g_autofree char *when = lectern_plugin_dup_string (LECTERN_PLUGIN (self), "when");

  return g_str_equal (when, word);
}

static void
on_live (LecternStreamRegistry *streams, LecternStream *stream, gpointer user_data)
{
  LecternRecordPlugin *self = user_data;

  if (is_when (self, "always"))
    lectern_record_sessions_begin (self->api.sessions, stream);
}

static void
on_ended (LecternStreamRegistry *streams, LecternStream *stream, gpointer user_data)
{
  LecternRecordPlugin *self = user_data;

  lectern_record_sessions_forget (self->api.sessions, lectern_stream_get_name (stream));
}

/* From here on streams are recorded: the parts that were there are known to be an earlier server's.
 */
static void
begin (LecternRecordPlugin *self)
{
  LecternPlugin *plugin = LECTERN_PLUGIN (self);
  LecternHost *host = lectern_plugin_get_host (plugin);
  LecternStreamRegistry *streams = lectern_host_get_streams (host);
  g_autoptr (GPtrArray) list = lectern_stream_registry_list (streams);

  self->begun = TRUE;
  lectern_plugin_add_signal (plugin, streams, "live", G_CALLBACK (on_live), self);
  lectern_plugin_add_signal (plugin, streams, "ended", G_CALLBACK (on_ended), self);
  for (guint i = 0; i < list->len; i++)
    on_live (streams, g_ptr_array_index (list, i), self);
}

/* ── the folder ── */

static void
scan (LecternRecordFolder *folder, LecternRecordPlugin *self, LecternRecordEntry *entry,
      const char *text)
{
  lectern_record_folder_scan (folder);
}

static void
trim (LecternRecordFolder *folder, LecternRecordPlugin *self, LecternRecordEntry *entry,
      const char *text)
{
  LecternPlugin *plugin = LECTERN_PLUGIN (self);

  lectern_record_folder_trim (folder, lectern_plugin_get_duration (plugin, "retention"),
                              (guint64) lectern_plugin_get_size (plugin, "max-size"));
}

static void
after_scan (LecternRecordPlugin *self, LecternRecordEntry *none)
{
  g_autoptr (GPtrArray) list = lectern_record_catalogue_list (self->catalogue, NULL);

  for (guint i = list->len; i > 0; i--)
    {
      LecternRecordEntry *entry = g_ptr_array_index (list, i - 1);

      if (lectern_record_entry_get_state (entry) == LECTERN_RECORD_FINISHING)
        {
          g_message ("recording '%s' was left unfinished", lectern_record_entry_get_path (entry));
          lectern_record_jobs_push (self->jobs, LECTERN_RECORD_JOB_FINISH, entry);
        }
      else
        begin_step (
            &(Step){ .plugin = self, .entry = entry, .work = read_index, .then = after_index });
    }
  begin_step (&(Step){ .plugin = self, .work = trim });
  self->scanned = TRUE;
  if (!is_when (self, "never"))
    begin (self);
}

static void
try_again (LecternRecordPlugin *self, GPtrArray *list)
{
  for (guint i = 0; i < list->len; i++)
    {
      LecternRecordEntry *entry = g_ptr_array_index (list, i);
      g_auto (LecternRecordInfo) info = { 0 };

      lectern_record_entry_get_info (entry, &info);
      if (info.state != LECTERN_RECORD_FAILED || !info.waits_for_room)
        continue;
      lectern_record_entry_set_state (entry, LECTERN_RECORD_FINISHING, NULL);
      lectern_record_jobs_push (self->jobs, LECTERN_RECORD_JOB_FINISH, entry);
    }
}

static gboolean
on_trim (gpointer user_data)
{
  LecternRecordPlugin *self = user_data;
  g_autoptr (GPtrArray) list = lectern_record_catalogue_list (self->catalogue, NULL);

  begin_step (&(Step){ .plugin = self, .work = trim });
  /* Whoever asks next gets what was recorded meanwhile, too. */
  for (guint i = 0; i < list->len; i++)
    if (lectern_record_entry_get_state (g_ptr_array_index (list, i)) == LECTERN_RECORD_RECORDING)
      lectern_record_entry_renew (g_ptr_array_index (list, i), self->presentations);
  if (++self->turns % ROOM_TURNS == 0)
    try_again (self, list);
  return G_SOURCE_CONTINUE;
}

/* ── the plugin ── */

static gboolean
lectern_record_plugin_reload (LecternPlugin *plugin, GError **error)
{
  LecternRecordPlugin *self = LECTERN_RECORD_PLUGIN (plugin);
  LecternRecorderOptions options = {
    .directory = lectern_record_folder_get_path (self->folder),
    .max_length = lectern_plugin_get_duration (plugin, "max-length") * 1000,
    .max_size = (guint64) lectern_plugin_get_size (plugin, "max-file-size"),
    .min_free = (guint64) lectern_plugin_get_size (plugin, "min-free"),
  };

  lectern_record_sessions_set_options (self->api.sessions, &options);
  lectern_record_sessions_set_allowed (self->api.sessions, !is_when (self, "never"));
  lectern_record_jobs_set_min_free (self->jobs, options.min_free);
  if (self->scanned && !self->begun && !is_when (self, "never"))
    begin (self);
  return TRUE;
}

static char *
dup_directory (LecternPlugin *plugin)
{
  char *set = lectern_plugin_dup_string (plugin, "directory");

  if (set != NULL && *set != '\0')
    return set;
  g_free (set);
  return g_build_filename (lectern_host_get_state_dir (lectern_plugin_get_host (plugin)),
                           "recordings", NULL);
}

static void
lectern_record_plugin_stop (LecternPlugin *plugin)
{
  LecternRecordPlugin *self = LECTERN_RECORD_PLUGIN (plugin);

  g_clear_pointer (&self->api.sessions, lectern_record_sessions_free);
  g_clear_pointer (&self->jobs, lectern_record_jobs_free);
  if (self->folder != NULL)
    lectern_record_folder_close (self->folder);
}

static gboolean
lectern_record_plugin_start (LecternPlugin *plugin, GError **error)
{
  LecternRecordPlugin *self = LECTERN_RECORD_PLUGIN (plugin);
  LecternHost *host = lectern_plugin_get_host (plugin);
  g_autofree char *directory = dup_directory (plugin);

  self->presentations = lectern_host_get_presentations (host);
  self->catalogue = lectern_record_catalogue_new ();
  self->folder = lectern_record_folder_new (directory, self->catalogue, self->presentations, error);
  if (self->folder == NULL)
    return FALSE;
  self->jobs = lectern_record_jobs_new (host, directory, on_job_over, self);
  self->api.catalogue = self->replay.catalogue = self->catalogue;
  self->api.folder = self->replay.folder = self->folder;
  self->api.sessions = lectern_record_sessions_new (host, self->catalogue, on_closed, self);
  lectern_record_plugin_reload (plugin, NULL);
  lectern_plugin_add_timer (plugin, TRIM_US, on_trim, self);
  if (!lectern_record_api_add_routes (&self->api, plugin, error)
      || !lectern_record_replay_start (&self->replay, plugin, error))
    {
      lectern_record_plugin_stop (plugin);
      return FALSE;
    }
  begin_step (&(Step){ .plugin = self, .work = scan, .then = after_scan });
  return TRUE;
}

static void
lectern_record_plugin_finalize (GObject *object)
{
  LecternRecordPlugin *self = LECTERN_RECORD_PLUGIN (object);

  g_clear_pointer (&self->folder, lectern_record_folder_free);
  g_clear_pointer (&self->catalogue, lectern_record_catalogue_free);
  G_OBJECT_CLASS (lectern_record_plugin_parent_class)->finalize (object);
}

static void
lectern_record_plugin_init (LecternRecordPlugin *self)
{
}

static void
lectern_record_plugin_class_init (LecternRecordPluginClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lectern_record_plugin_finalize;
  LECTERN_PLUGIN_CLASS (klass)->start = lectern_record_plugin_start;
  LECTERN_PLUGIN_CLASS (klass)->stop = lectern_record_plugin_stop;
  LECTERN_PLUGIN_CLASS (klass)->reload = lectern_record_plugin_reload;
}

static const LecternSetting settings[] = {
  { "when", LECTERN_SETTING_CHOICE, "always", "always|on-request|never", NULL,
    N_ ("Which streams are recorded: all, those that somebody asks for, or none") },
  { "directory", LECTERN_SETTING_PATH, NULL, NULL, NULL,
    N_ ("Where recordings lie; unset: the folder recordings of the state directory") },
  { "retention", LECTERN_SETTING_DURATION, "0", "0", "36500d",
    N_ ("How long recordings are kept; 0: for ever") },
  { "max-size", LECTERN_SETTING_SIZE, "0", "0", NULL,
    N_ ("How much all recordings may take; the oldest goes first; 0: no limit") },
  { "min-free", LECTERN_SETTING_SIZE, "1GiB", "0", NULL,
    N_ ("Recording stops before the disk has less room than this, or than a twentieth of it") },
  { "max-length", LECTERN_SETTING_DURATION, "6h", "1s", "24h",
    N_ ("How long one file may be; the recording goes on in the next") },
  { "max-file-size", LECTERN_SETTING_SIZE, "32GiB", "1MiB", NULL,
    N_ ("How large one file may be; the recording goes on in the next") },
  { NULL },
};

LECTERN_PLUGIN_DEFINE (record, .summary = N_ ("Records streams and plays the recordings"),
                       .settings = settings)
