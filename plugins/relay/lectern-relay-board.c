/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-relay-board.h"

#include <string.h>

/* From the first picture to a player's first segments, when it begins to count as a viewer. */
#define UNSEEN_US (10 * G_USEC_PER_SEC)

/* One rule, with what it carries. */
typedef struct
{
  LecternRelayBoard *owner;
  LecternRelayRule *rule;
  char *fault;      /* why it does nothing; NULL: it does */
  GHashTable *runs; /* stream's name, the run's → Run */
  gboolean starved; /* there was no room for one */
} Desk;

/* One stream of one rule. */
typedef struct
{
  Desk *desk;
  LecternRelayRun *run;
  gint64 wanted_us;  /* when a viewer asked for it last */
  gint64 watched_us; /* when somebody watched it last; 0: nobody has yet */
} Run;

struct _LecternRelayBoard
{
  LecternHost *host;
  LecternStreamRegistry *streams;
  LecternRelayBoardOptions options;
  GPtrArray *desks; /* element-type Desk */
  guint n_runs;
  gboolean limit_told;
};

static void
run_free (gpointer data)
{
  Run *run = data;

  run->desk->owner->n_runs--;
  lectern_relay_run_free (run->run);
  g_free (run);
}

static void
desk_free (gpointer data)
{
  Desk *desk = data;

  if (desk->fault == NULL && desk->rule->mode != LECTERN_RELAY_PUSH)
    lectern_stream_registry_uncarry (desk->owner->streams, desk->rule->stream);
  g_free (desk->fault);
  g_hash_table_unref (desk->runs);
  lectern_relay_rule_unref (desk->rule);
  g_free (desk);
}

static void
take_options (LecternRelayBoard *self, const LecternRelayBoardOptions *options)
{
  LecternRelayFence *old = self->options.fence;

  self->options = *options;
  lectern_relay_fence_ref (options->fence);
  if (old != NULL)
    lectern_relay_fence_unref (old);
}

LecternRelayBoard *
lectern_relay_board_new (LecternHost *host, const LecternRelayBoardOptions *options)
{
  LecternRelayBoard *self = g_new0 (LecternRelayBoard, 1);

  self->host = g_object_ref (host);
  self->streams = lectern_host_get_streams (host);
  self->desks = g_ptr_array_new_with_free_func (desk_free);
  take_options (self, options);
  return self;
}

void
lectern_relay_board_free (LecternRelayBoard *self)
{
  g_ptr_array_unref (self->desks);
  lectern_relay_fence_unref (self->options.fence);
  g_object_unref (self->host);
  g_free (self);
}

static Desk *
find_desk (LecternRelayBoard *self, const char *id)
{
  for (guint i = 0; i < self->desks->len; i++)
    {
      Desk *desk = g_ptr_array_index (self->desks, i);

      if (g_str_equal (desk->rule->id, id))
        return desk;
    }
  return NULL;
}

/* ── runs ── */

static void
on_over (LecternRelayRun *over, gpointer user_data)
{
  Run *run = user_data;

  g_hash_table_remove (run->desk->runs, lectern_relay_run_get_name (over));
}

/* The servers that a stream has come through, and ours. */
static char *
make_via (LecternRelayBoard *self, const char *via)
{
  const char *id = lectern_host_get_id (self->host);

  return via != NULL && *via != '\0' ? g_strconcat (via, ",", id, NULL) : g_strdup (id);
}

/* Whoever asks for names that nobody has must not keep others from what is there: the oldest pull
 * on demand that has never worked goes. */
static gboolean
make_room (LecternRelayBoard *self)
{
  Run *oldest = NULL;

  for (guint i = 0; i < self->desks->len; i++)
    {
      Desk *desk = g_ptr_array_index (self->desks, i);
      GHashTableIter iter;
      gpointer run;

      if (desk->rule->mode != LECTERN_RELAY_ON_DEMAND)
        continue;
      g_hash_table_iter_init (&iter, desk->runs);
      while (g_hash_table_iter_next (&iter, NULL, &run))
        if (lectern_relay_run_get_first_ran (((Run *) run)->run) == 0
            && (oldest == NULL || ((Run *) run)->wanted_us < oldest->wanted_us))
          oldest = run;
    }
  return oldest != NULL
         && g_hash_table_remove (oldest->desk->runs, lectern_relay_run_get_name (oldest->run));
}

static gboolean
has_room (LecternRelayBoard *self, const char *name)
{
  if (self->n_runs < self->options.max_transfers || make_room (self))
    {
      self->limit_told = FALSE;
      return TRUE;
    }
  if (!self->limit_told)
    g_message ("'%s' is not relayed: [relay] max-transfers are already", name);
  self->limit_told = TRUE;
  return FALSE;
}

static void
begin_run (Desk *desk, const char *name, LecternStream *stream, const char *query, const char *via)
{
  LecternRelayBoard *self = desk->owner;
  g_autofree char *passed = make_via (self, via);
  LecternRelayTransferSpec spec = {
    .host = self->host,
    .rule = desk->rule,
    .name = name,
    .via = passed,
    .stream = stream,
    .fence = desk->rule->fixed ? NULL : self->options.fence,
    .hold_us = self->options.hold_us,
    .timeout_us = self->options.timeout_us,
    .silence_us = self->options.silence_us,
  };
  Run *run;

  if (!has_room (self, name))
    {
      desk->starved = TRUE;
      return;
    }
  self->n_runs++;
  run = g_new0 (Run, 1);
  run->desk = desk;
  run->wanted_us = lectern_clock_now_us ();
  run->run = lectern_relay_run_new (&spec, query, on_over, run);
  g_hash_table_insert (desk->runs, (char *) lectern_relay_run_get_name (run->run), run);
}

/* Returns: (transfer full) (nullable): the servers that the stream of this name came through. */
static char *
find_via (LecternRelayBoard *self, const char *name)
{
  g_autoptr (GPtrArray) sessions
      = lectern_sessions_list (lectern_host_get_sessions (self->host), name);

  for (guint i = 0; i < sessions->len; i++)
    {
      LecternSession *session = g_ptr_array_index (sessions, i);

      if (lectern_session_get_role (session) == LECTERN_SESSION_PUBLISH)
        return g_strdup (lectern_session_get_request (session)->via);
    }
  return NULL;
}

static void
push (Desk *desk, LecternStream *stream)
{
  const char *name = lectern_stream_get_name (stream);
  Run *run = g_hash_table_lookup (desk->runs, name);
  g_autofree char *via = NULL;

  if (run != NULL && lectern_relay_run_get_stream (run->run) == stream)
    {
      lectern_relay_run_poke (run->run);
      return;
    }
  if (run != NULL)
    g_hash_table_remove (desk->runs, name);
  via = find_via (desk->owner, name);
  begin_run (desk, name, stream, NULL, via);
}

static void
push_all (Desk *desk)
{
  g_autoptr (GPtrArray) list = lectern_stream_registry_list (desk->owner->streams);

  desk->starved = FALSE;
  for (guint i = 0; i < list->len; i++)
    {
      LecternStream *stream = g_ptr_array_index (list, i);

      if (lectern_relay_rule_matches (desk->rule, lectern_stream_get_name (stream))
          && lectern_stream_get_state (stream) == LECTERN_STREAM_LIVE)
        push (desk, stream);
    }
}

/* ── rules ── */

static gboolean
is_same_pull (const LecternRelayRule *a, const LecternRelayRule *b)
{
  return a->mode == b->mode && a->mode != LECTERN_RELAY_PUSH && g_str_equal (a->stream, b->stream);
}

/* Returns: whether @rule may stand beside all but @but. */
static gboolean
check_conflicts (LecternRelayBoard *self, const LecternRelayRule *rule, gboolean but_fixed,
                 GError **error)
{
  for (guint i = 0; i < self->desks->len; i++)
    {
      const Desk *desk = g_ptr_array_index (self->desks, i);
      const LecternRelayRule *other = desk->rule;

      if (desk->fault != NULL || (but_fixed && other->fixed)
          || (!g_str_equal (other->id, rule->id) && !is_same_pull (other, rule)))
        continue;
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_CONFLICT, "relay '%s' %s '%s' already",
                   other->id, rule->mode == LECTERN_RELAY_PUSH ? "pushes" : "pulls", rule->stream);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_carrier (LecternRelayBoard *self, const LecternRelayRule *rule, GError **error)
{
  LecternCarryWay way = rule->mode == LECTERN_RELAY_PUSH ? LECTERN_CARRY_PUSH : LECTERN_CARRY_PULL;

  if (lectern_carriers_can (lectern_host_get_carriers (self->host), way, rule->url))
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED,
               way == LECTERN_CARRY_PUSH ? "no plugin that is on sends to addresses like '%s'"
                                         : "no plugin that is on fetches from addresses like '%s'",
               rule->shown);
  return FALSE;
}

static gboolean
check_rule (LecternRelayBoard *self, const LecternRelayRule *rule, GError **error)
{
  return check_carrier (self, rule, error) && check_conflicts (self, rule, FALSE, error)
         && (rule->fixed || lectern_relay_fence_check_url (self->options.fence, rule->url, error));
}

static gboolean
check_count (LecternRelayBoard *self, guint count, GError **error)
{
  if (count < self->options.max_relays)
    return TRUE;
  g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "there are %u relays already", count);
  return FALSE;
}

gboolean
lectern_relay_board_check (LecternRelayBoard *self, LecternRelayRule *rule, GError **error)
{
  return check_count (self, self->desks->len, error) && check_rule (self, rule, error);
}

static Desk *
add_desk (LecternRelayBoard *self, LecternRelayRule *rule)
{
  Desk *desk = g_new0 (Desk, 1);

  desk->owner = self;
  desk->rule = lectern_relay_rule_ref (rule);
  desk->runs = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, run_free);
  g_ptr_array_add (self->desks, desk);
  return desk;
}

static void
open_desk (Desk *desk)
{
  LecternRelayBoard *self = desk->owner;
  LecternRelayRule *rule = desk->rule;

  if (rule->mode != LECTERN_RELAY_PUSH)
    lectern_stream_registry_carry (self->streams, rule->stream);
  if (rule->mode == LECTERN_RELAY_PULL)
    begin_run (desk, rule->stream, NULL, NULL, NULL);
  else if (rule->mode == LECTERN_RELAY_PUSH)
    push_all (desk);
}

gboolean
lectern_relay_board_add (LecternRelayBoard *self, LecternRelayRule *rule, GError **error)
{
  if (!lectern_relay_board_check (self, rule, error))
    return FALSE;
  open_desk (add_desk (self, rule));
  return TRUE;
}

void
lectern_relay_board_restore (LecternRelayBoard *self, LecternRelayRule *rule)
{
  g_autoptr (GError) error = NULL;

  if (lectern_relay_board_add (self, rule, &error))
    return;
  g_message ("relay '%s' of '%s' does not begin: %s", rule->id, rule->stream, error->message);
  add_desk (self, rule)->fault = g_strdup (error->message);
}

gboolean
lectern_relay_board_remove (LecternRelayBoard *self, const char *id)
{
  Desk *desk = find_desk (self, id);

  return desk != NULL && g_ptr_array_remove (self->desks, desk);
}

static gboolean
has_rule (GPtrArray *rules, const char *id)
{
  for (guint i = 0; i < rules->len; i++)
    if (g_str_equal (((LecternRelayRule *) g_ptr_array_index (rules, i))->id, id))
      return TRUE;
  return FALSE;
}

static gboolean
check_fixed (LecternRelayBoard *self, GPtrArray *rules, GError **error)
{
  for (guint i = 0; i < rules->len; i++)
    {
      LecternRelayRule *rule = g_ptr_array_index (rules, i);

      if (!check_carrier (self, rule, error) || !check_conflicts (self, rule, TRUE, error))
        {
          g_prefix_error (error, "[relay] %s: ", lectern_relay_mode_get_name (rule->mode));
          (*error)->code = LECTERN_ERROR_INVALID_CONFIG;
          return FALSE;
        }
      for (guint j = 0; j < i; j++)
        if (is_same_pull (rule, g_ptr_array_index (rules, j))
            || g_str_equal (rule->id, ((LecternRelayRule *) g_ptr_array_index (rules, j))->id))
          {
            g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG,
                         "[relay] %s: '%s' is there twice",
                         lectern_relay_mode_get_name (rule->mode), rule->stream);
            return FALSE;
          }
    }
  return TRUE;
}

static void
set_fixed (LecternRelayBoard *self, GPtrArray *rules)
{
  for (guint i = self->desks->len; i > 0; i--)
    {
      Desk *desk = g_ptr_array_index (self->desks, i - 1);

      if (desk->rule->fixed && !has_rule (rules, desk->rule->id))
        g_ptr_array_remove_index (self->desks, i - 1);
    }
  for (guint i = 0; i < rules->len; i++)
    {
      LecternRelayRule *rule = g_ptr_array_index (rules, i);

      if (find_desk (self, rule->id) == NULL)
        open_desk (add_desk (self, rule));
    }
}

/* Returns: how many do something. */
static guint
count_open (LecternRelayBoard *self)
{
  guint count = 0;

  for (guint i = 0; i < self->desks->len; i++)
    count += ((Desk *) g_ptr_array_index (self->desks, i))->fault == NULL;
  return count;
}

static void
reconsider (Desk *desk)
{
  LecternRelayBoard *self = desk->owner;
  g_autoptr (GError) error = NULL;
  GHashTableIter iter;
  gpointer run;

  if (desk->fault == NULL)
    {
      g_hash_table_iter_init (&iter, desk->runs);
      while (g_hash_table_iter_next (&iter, NULL, &run))
        lectern_relay_run_reconsider (((Run *) run)->run,
                                      desk->rule->fixed ? NULL : self->options.fence);
      return;
    }
  if (check_count (self, count_open (self), &error) && check_rule (self, desk->rule, &error))
    {
      g_clear_pointer (&desk->fault, g_free);
      open_desk (desk);
      return;
    }
  g_free (desk->fault);
  desk->fault = g_strdup (error->message);
}

gboolean
lectern_relay_board_reload (LecternRelayBoard *self, const LecternRelayBoardOptions *options,
                            GPtrArray *rules, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (!check_fixed (self, rules, &reason))
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
  take_options (self, options);
  set_fixed (self, rules);
  for (guint i = 0; i < self->desks->len; i++)
    reconsider (g_ptr_array_index (self->desks, i));
  return TRUE;
}

LecternRelayRule *
lectern_relay_board_lookup (LecternRelayBoard *self, const char *id)
{
  Desk *desk = find_desk (self, id);

  return desk != NULL ? desk->rule : NULL;
}

/* ── telling ── */

/* Of several streams: what a person would look at first. Returns: (nullable). */
static LecternRelayRun *
find_lead (Desk *desk)
{
  static const guint ranks[] = { [LECTERN_RELAY_IDLE] = 0,
                                 [LECTERN_RELAY_CONNECTING] = 1,
                                 [LECTERN_RELAY_WAITING] = 2,
                                 [LECTERN_RELAY_FAILED] = 3,
                                 [LECTERN_RELAY_RUNNING] = 4 };
  LecternRelayRun *lead = NULL;
  GHashTableIter iter;
  gpointer run;

  g_hash_table_iter_init (&iter, desk->runs);
  while (g_hash_table_iter_next (&iter, NULL, &run))
    if (lead == NULL
        || ranks[lectern_relay_run_get_state (((Run *) run)->run)]
               > ranks[lectern_relay_run_get_state (lead)])
      lead = ((Run *) run)->run;
  return lead;
}

static JsonArray *
describe_runs (Desk *desk)
{
  JsonArray *streams = json_array_new ();
  GHashTableIter iter;
  gpointer run;

  g_hash_table_iter_init (&iter, desk->runs);
  while (g_hash_table_iter_next (&iter, NULL, &run))
    {
      JsonObject *stream = json_object_new ();

      lectern_relay_run_describe (((Run *) run)->run, stream);
      json_array_add_object_element (streams, stream);
    }
  return streams;
}

static JsonObject *
describe (Desk *desk)
{
  JsonObject *object = json_object_new ();
  const LecternRelayRule *rule = desk->rule;
  LecternRelayRun *lead = find_lead (desk);

  json_object_set_string_member (object, "id", rule->id);
  json_object_set_string_member (object, "mode", lectern_relay_mode_get_name (rule->mode));
  if (lead != NULL)
    lectern_relay_run_describe (lead, object);
  else
    lectern_relay_run_describe_none (desk->fault, object);
  json_object_set_string_member (object, "stream", rule->stream);
  json_object_set_string_member (object, "url", rule->shown);
  if (rule->transport != NULL)
    json_object_set_string_member (object, "transport", rule->transport);
  json_object_set_string_member (object, "source", rule->fixed ? "keyfile" : "api");
  json_object_set_array_member (object, "streams", describe_runs (desk));
  return object;
}

JsonNode *
lectern_relay_board_describe (LecternRelayBoard *self, const char *id)
{
  Desk *desk = find_desk (self, id);
  JsonNode *node;

  if (desk == NULL)
    return NULL;
  node = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (node, describe (desk));
  return node;
}

JsonNode *
lectern_relay_board_describe_all (LecternRelayBoard *self)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();

  for (gint fixed = TRUE; fixed >= FALSE; fixed--)
    for (guint i = 0; i < self->desks->len; i++)
      {
        Desk *desk = g_ptr_array_index (self->desks, i);

        if (desk->rule->fixed == fixed)
          json_array_add_object_element (array, describe (desk));
      }
  json_node_take_array (node, array);
  return node;
}

/* ── news ── */

void
lectern_relay_board_stream_live (LecternRelayBoard *self, LecternStream *stream)
{
  const char *name = lectern_stream_get_name (stream);

  for (guint i = 0; i < self->desks->len; i++)
    {
      Desk *desk = g_ptr_array_index (self->desks, i);

      if (desk->fault == NULL && desk->rule->mode == LECTERN_RELAY_PUSH
          && lectern_relay_rule_matches (desk->rule, name))
        push (desk, stream);
    }
}

void
lectern_relay_board_stream_ended (LecternRelayBoard *self, LecternStream *stream)
{
  const char *name = lectern_stream_get_name (stream);

  for (guint i = 0; i < self->desks->len; i++)
    {
      Desk *desk = g_ptr_array_index (self->desks, i);
      Run *run = g_hash_table_lookup (desk->runs, name);

      if (run == NULL)
        continue;
      if (desk->rule->mode != LECTERN_RELAY_PUSH)
        lectern_relay_run_name_is_free (run->run);
      else if (lectern_relay_run_get_stream (run->run) == stream)
        lectern_relay_run_wind_up (run->run);
    }
}

/* Returns: (nullable): who brings @name: a rule for it alone comes before one for its app. */
static Desk *
find_bringer (LecternRelayBoard *self, const char *name)
{
  Desk *found = NULL;

  for (guint i = 0; i < self->desks->len; i++)
    {
      Desk *desk = g_ptr_array_index (self->desks, i);

      if (desk->fault == NULL && desk->rule->mode != LECTERN_RELAY_PUSH
          && lectern_relay_rule_matches (desk->rule, name)
          && (found == NULL || strlen (desk->rule->stream) > strlen (found->rule->stream)
              || desk->rule->mode == LECTERN_RELAY_PULL))
        found = desk;
    }
  return found;
}

void
lectern_relay_board_stream_wanted (LecternRelayBoard *self, const char *name,
                                   const LecternAccessRequest *request)
{
  Desk *desk = find_bringer (self, name);
  Run *run = desk != NULL ? g_hash_table_lookup (desk->runs, name) : NULL;

  /* What has failed for good is left to end, so that later wishes begin anew. */
  if (run != NULL && lectern_relay_run_get_state (run->run) != LECTERN_RELAY_FAILED)
    {
      run->wanted_us = lectern_clock_now_us ();
      lectern_relay_run_poke (run->run);
    }
  else if (run == NULL && desk != NULL)
    begin_run (desk, name, NULL, request != NULL ? request->query : NULL,
               request != NULL ? request->via : NULL);
}

/* Returns: (transfer full): names of the streams that somebody watches, or a rendition of. */
static GHashTable *
find_watched (LecternRelayBoard *self)
{
  g_autoptr (GPtrArray) sessions
      = lectern_sessions_list (lectern_host_get_sessions (self->host), NULL);
  GHashTable *watched = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < sessions->len; i++)
    {
      const LecternAccessRequest *request = lectern_session_get_request (sessions->pdata[i]);

      if (lectern_session_get_role (sessions->pdata[i]) == LECTERN_SESSION_PLAY
          && request->thing != NULL)
        g_hash_table_add (watched, g_strndup (request->thing, strcspn (request->thing, "@")));
    }
  return watched;
}

static gboolean
is_unwatched (const Run *run, gint64 wait_us, gint64 linger_us, gint64 now_us)
{
  gint64 first_ran_us = lectern_relay_run_get_first_ran (run->run);

  if (now_us - run->wanted_us <= wait_us)
    return FALSE;
  if (run->watched_us == 0 && first_ran_us > 0)
    return now_us - first_ran_us > UNSEEN_US + linger_us;
  return now_us - MAX (run->watched_us, run->wanted_us) > linger_us;
}

static void
drop_unwatched (Desk *desk, GHashTable *watched, gint64 now_us)
{
  gint64 wait_us = lectern_stream_registry_get_wait (desk->owner->streams);
  GHashTableIter iter;
  gpointer name, run;

  g_hash_table_iter_init (&iter, desk->runs);
  while (g_hash_table_iter_next (&iter, &name, &run))
    {
      if (g_hash_table_contains (watched, name))
        ((Run *) run)->watched_us = now_us;
      else if (is_unwatched (run, wait_us, desk->owner->options.linger_us, now_us))
        {
          g_message ("nobody watches '%s' any more; its relay ends", (char *) name);
          g_hash_table_iter_remove (&iter);
        }
    }
}

void
lectern_relay_board_tick (LecternRelayBoard *self)
{
  g_autoptr (GHashTable) watched = NULL;

  for (guint i = 0; i < self->desks->len; i++)
    {
      Desk *desk = g_ptr_array_index (self->desks, i);

      /* There was no room for it. */
      if (desk->rule->mode == LECTERN_RELAY_PULL && desk->fault == NULL
          && g_hash_table_size (desk->runs) == 0)
        begin_run (desk, desk->rule->stream, NULL, NULL, NULL);
      if (desk->rule->mode == LECTERN_RELAY_PUSH && desk->starved
          && self->n_runs < self->options.max_transfers)
        push_all (desk);
      if (desk->rule->mode != LECTERN_RELAY_ON_DEMAND || g_hash_table_size (desk->runs) == 0)
        continue;
      if (watched == NULL)
        watched = find_watched (self);
      drop_unwatched (desk, watched, lectern_clock_now_us ());
    }
}
