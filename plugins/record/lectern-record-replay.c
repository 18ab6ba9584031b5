/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-record-replay.h"

#include <string.h>
#include <unistd.h>

#define PREFIX "replay"

/* ── whose they are ── */

static LecternRecordEntry *
find (LecternRecordReplay *self, const char *thing)
{
  if (!g_str_has_prefix (thing, PREFIX "/"))
    return NULL;
  return lectern_record_catalogue_lookup (self->catalogue, thing + strlen (PREFIX "/"));
}

static char *
name_owner (const char *thing, gpointer user_data)
{
  g_autoptr (LecternRecordEntry) entry = find (user_data, thing);

  return entry != NULL ? g_strdup (lectern_record_entry_get_stream (entry)) : NULL;
}

typedef struct
{
  LecternAccessChain *access;
  guint id;
} Alias;

static void
remove_alias (gpointer data)
{
  Alias *alias = data;

  lectern_access_chain_remove_alias (alias->access, alias->id);
  g_object_unref (alias->access);
  g_free (alias);
}

static void
add_alias (LecternRecordReplay *self, LecternPlugin *plugin)
{
  LecternHost *host = lectern_plugin_get_host (plugin);
  Alias *alias = g_new (Alias, 1);

  alias->access = g_object_ref (lectern_host_get_access (host));
  alias->id = lectern_access_chain_add_alias (alias->access, PREFIX, name_owner, self);
  lectern_plugin_add_undo (plugin, remove_alias, alias);
}

/* ── files ── */

/* What is not finished yet, or could not be, plays too, as far as it goes. */
static const char *
choose_suffix (LecternRecordReplay *self, LecternRecordEntry *entry)
{
  int fd;

  switch (lectern_record_entry_get_state (entry))
    {
    case LECTERN_RECORD_RECORDING:
    case LECTERN_RECORD_FINISHING:
      return LECTERN_RECORDING_PART_SUFFIX;
    case LECTERN_RECORD_FAILED:
      fd = lectern_record_folder_open (self->folder, entry, LECTERN_RECORD_MP4);
      if (fd < 0)
        return LECTERN_RECORDING_PART_SUFFIX;
      close (fd);
      return LECTERN_RECORD_MP4;
    case LECTERN_RECORD_READY:
    default:
      return LECTERN_RECORD_MP4;
    }
}

static void
serve (LecternRecordReplay *self, LecternHttpExchange *exchange, gboolean poster)
{
  const char *id = lectern_http_exchange_get_parameter (exchange, "id");
  g_autoptr (LecternRecordEntry) entry = lectern_record_catalogue_lookup (self->catalogue, id);
  g_autofree char *path = NULL;

  if (entry == NULL)
    {
      g_autoptr (GError) error
          = g_error_new_literal (LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "no such recording");

      lectern_http_exchange_respond_error (exchange, error);
      return;
    }
  path = g_strconcat (lectern_record_entry_get_path (entry),
                      poster ? LECTERN_RECORD_POSTER : choose_suffix (self, entry), NULL);
  lectern_http_exchange_set_header (exchange, "Cache-Control", "private, no-cache");
  lectern_http_files_serve (exchange, lectern_record_folder_get_path (self->folder), path);
}

static void
on_mp4 (LecternHttpExchange *exchange, gpointer user_data)
{
  serve (user_data, exchange, FALSE);
}

static void
on_poster (LecternHttpExchange *exchange, gpointer user_data)
{
  serve (user_data, exchange, TRUE);
}

gboolean
lectern_record_replay_start (LecternRecordReplay *self, LecternPlugin *plugin, GError **error)
{
  add_alias (self, plugin);
  return lectern_plugin_add_route (plugin, "GET", "/" PREFIX "/{id}.mp4", LECTERN_ACTION_PLAY,
                                   PREFIX "/{id}", on_mp4, self, error)
         && lectern_plugin_add_route (plugin, "GET", "/" PREFIX "/{id}.jpg", LECTERN_ACTION_PLAY,
                                      PREFIX "/{id}", on_poster, self, error);
}
