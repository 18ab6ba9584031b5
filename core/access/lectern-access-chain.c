/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-access-aliases.h"
#include "access/lectern-guard.h"
#include "base/lectern-mailbox.h"
#include "base/lectern-units.h"

/* Beside the LecternVerdicts: the guard has not answered yet. */
#define PENDING (-1)

/* More checks than this under way at once are refused: something is stuck. */
#define MAX_CHECKS 65536

/* A guard in its place. */
typedef struct
{
  gint refs;
  guint id;
  int priority;
  gboolean removed;
  LecternGuard *guard;
} Entry;

typedef struct _Ask Ask;

/* One call of lectern_access_chain_check. Made by the caller, then the control thread's, then the
 * caller's again. */
typedef struct
{
  LecternAccessChain *chain; /* not owned */
  LecternAccessRequest *request;
  LecternAccessFunc func;
  gpointer user_data;
  LecternMailbox *answer_to;
  GPtrArray *entries; /* as they were when the check began */
  guint next;
  LecternIdentity *identity;
  GError *error;
} Check;

/* A question to an asynchronous guard; outlives its check when the answer is late. */
struct _Ask
{
  gint refs; /* one of the chain's queue, one of the guard's callback */
  GList link;
  Check *check; /* NULL: nobody waits any more */
  Entry *entry;
  GCancellable *cancellable;
  gint64 deadline_us;
  gboolean starting; /* check_async has not returned yet */
  int verdict;       /* what came while starting */
};

struct _LecternAccessChain
{
  GObject parent;
  gint64 timeout_us;
  /* Guards `entries` and `aliases` against threads that ask at once: the control thread writes, and
   * reads without it. */
  GRWLock lock;
  GPtrArray *entries; /* of Entry, in order; replaced, never changed */
  guint last_id;
  LecternAccessAliases *aliases;
  LecternMailbox *mailbox;
  GQueue asks; /* of Ask, by deadline */
  GSource *timer;
  gboolean armed;
  gint n_checks;
};

G_DEFINE_FINAL_TYPE (LecternAccessChain, lectern_access_chain, G_TYPE_OBJECT)

static void run_check (Check *check);

static void
entry_unref (gpointer data)
{
  Entry *self = data;

  if (--self->refs > 0)
    return;
  g_object_unref (self->guard);
  g_free (self);
}

static gpointer
entry_copy (gconstpointer source, gpointer user_data)
{
  Entry *self = (Entry *) source;

  self->refs++;
  return self;
}

static void
ask_unref (Ask *self)
{
  if (--self->refs > 0)
    return;
  entry_unref (self->entry);
  g_object_unref (self->cancellable);
  g_free (self);
}

static void
check_free (gpointer data)
{
  Check *self = data;

  g_clear_pointer (&self->entries, g_ptr_array_unref);
  g_clear_pointer (&self->identity, lectern_identity_unref);
  g_clear_error (&self->error);
  lectern_access_request_unref (self->request);
  lectern_mailbox_unref (self->answer_to);
  g_free (self);
}

/* Back in the caller's thread. */
static void
deliver (gpointer data)
{
  Check *check = data;

  check->func (check->identity, check->error, check->user_data);
  check_free (check);
}

static void
answer (Check *check)
{
  /* Guards belong to the control thread, so the last reference must not travel. */
  g_clear_pointer (&check->entries, g_ptr_array_unref);
  g_atomic_int_add (&check->chain->n_checks, -1);
  lectern_mailbox_post (check->answer_to, deliver, check, check_free);
}

static void
answer_error (Check *check, LecternError code, const char *why)
{
  g_clear_pointer (&check->identity, lectern_identity_unref);
  g_clear_error (&check->error);
  g_set_error (&check->error, LECTERN_ERROR, code, "cannot %s '%s': %s",
               lectern_action_get_name (check->request->action),
               check->request->thing != NULL ? check->request->thing : "the server", why);
  answer (check);
}

/* Takes what a guard said, which is in @check too. Returns whether that settled it. An error counts
 * as no, whatever the verdict beside it. */
static gboolean
settle (Check *check, Entry *entry, LecternVerdict verdict)
{
  if (check->error == NULL && verdict == LECTERN_VERDICT_ABSTAIN)
    {
      g_clear_pointer (&check->identity, lectern_identity_unref);
      return FALSE;
    }
  if (check->error == NULL && verdict == LECTERN_VERDICT_ALLOW)
    {
      answer (check);
      return TRUE;
    }
  if (check->error == NULL)
    {
      g_autofree char *why = g_strdup_printf ("%s says no", G_OBJECT_TYPE_NAME (entry->guard));

      answer_error (check, LECTERN_ERROR_DENIED, why);
      return TRUE;
    }
  g_clear_pointer (&check->identity, lectern_identity_unref);
  lectern_error_convert (&check->error);
  answer (check);
  return TRUE;
}

/* Armed for the oldest question and left alone while younger ones are answered: waking the loop
 * for each would cost more than a timer that finds nothing to do. */
static void
arm_timer (LecternAccessChain *self)
{
  Ask *first = g_queue_peek_head (&self->asks);

  self->armed = first != NULL;
  g_source_set_ready_time (self->timer, first != NULL ? first->deadline_us : -1);
}

/* Takes @ask off the queue: its guard's answer is not awaited any more. Returns its check. */
static Check *
end_ask (Ask *ask)
{
  Check *check = g_steal_pointer (&ask->check);

  g_queue_unlink (&check->chain->asks, &ask->link);
  ask_unref (ask);
  return check;
}

static void
on_guard_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Ask *ask = user_data;
  Check *check = ask->check;
  LecternGuardInterface *iface = LECTERN_GUARD_GET_IFACE (ask->entry->guard);

  if (check != NULL)
    {
      g_autoptr (LecternAccessChain) chain = g_object_ref (check->chain);

      ask->verdict
          = iface->check_finish (ask->entry->guard, result, &check->identity, &check->error);
      end_ask (ask);
      if (!ask->starting && !settle (check, ask->entry, (LecternVerdict) ask->verdict))
        run_check (check);
    }
  ask_unref (ask);
}

static int
ask_async (Check *check, Entry *entry)
{
  LecternAccessChain *chain = check->chain;
  Ask *ask = g_new0 (Ask, 1);
  int verdict;

  ask->refs = 3; /* the queue, the callback, and until this function returns */
  ask->link.data = ask;
  ask->check = check;
  ask->entry = entry_copy (entry, NULL);
  ask->cancellable = g_cancellable_new ();
  ask->deadline_us = g_get_monotonic_time () + chain->timeout_us;
  g_queue_push_tail_link (&chain->asks, &ask->link);
  if (!chain->armed)
    arm_timer (chain);
  ask->starting = TRUE;
  LECTERN_GUARD_GET_IFACE (entry->guard)
      ->check_async (entry->guard, check->request, ask->cancellable, on_guard_answer, ask);
  ask->starting = FALSE;
  verdict = ask->check == NULL ? ask->verdict : PENDING;
  ask_unref (ask);
  return verdict;
}

static int
ask_guard (Check *check, Entry *entry)
{
  LecternGuardInterface *iface = LECTERN_GUARD_GET_IFACE (entry->guard);

  if (iface->check != NULL)
    return (int) iface->check (entry->guard, check->request, &check->identity, &check->error);
  return ask_async (check, entry);
}

/* Asks the guards that are left until one settles it or lets us wait. */
static void
run_check (Check *check)
{
  while (check->next < check->entries->len)
    {
      Entry *entry = g_ptr_array_index (check->entries, check->next++);
      int verdict;

      if (entry->removed)
        continue;
      verdict = ask_guard (check, entry);
      if (verdict == PENDING || settle (check, entry, (LecternVerdict) verdict))
        return;
    }
  answer_error (check, LECTERN_ERROR_DENIED, "no guard allows it");
}

static gboolean
is_reserved (LecternAccessChain *self, LecternAccessRequest *request)
{
  return request->action == LECTERN_ACTION_PUBLISH
         && lectern_access_aliases_has (self->aliases, request->thing);
}

static void
begin_check (gpointer data)
{
  Check *check = data;
  g_autoptr (LecternAccessChain) chain = g_object_ref (check->chain);
  g_autoptr (LecternAccessRequest) asked = check->request;

  if (is_reserved (chain, asked))
    {
      check->request = lectern_access_request_ref (asked);
      answer_error (check, LECTERN_ERROR_DENIED, "the name is reserved");
      return;
    }
  check->request = lectern_access_aliases_resolve (chain->aliases, asked);
  check->entries = g_ptr_array_ref (chain->entries);
  run_check (check);
}

static void
refuse_closed (gpointer data)
{
  answer_error (data, LECTERN_ERROR_CLOSED, "the server is stopping");
}

void
lectern_access_chain_check (LecternAccessChain *self, LecternAccessRequest *request,
                            LecternAccessFunc func, gpointer user_data)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  Check *check = g_new0 (Check, 1);

  check->chain = self;
  check->request = lectern_access_request_ref (request);
  check->func = func;
  check->user_data = user_data;
  check->answer_to = lectern_mailbox_get_shared (context);
  if (g_atomic_int_add (&self->n_checks, 1) >= MAX_CHECKS)
    answer_error (check, LECTERN_ERROR_LIMIT, "too many checks are under way");
  else
    lectern_mailbox_post (self->mailbox, begin_check, check, refuse_closed);
}

gboolean
lectern_access_chain_check_now (LecternAccessChain *self, LecternAccessRequest *request,
                                LecternIdentity **identity)
{
  g_autoptr (GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new (&self->lock);

  g_autoptr (LecternAccessRequest) asked = NULL;

  *identity = NULL;
  if (is_reserved (self, request))
    return FALSE;
  asked = lectern_access_aliases_resolve (self->aliases, request);
  for (guint i = 0; self->entries != NULL && i < self->entries->len; i++)
    {
      LecternGuard *guard = ((Entry *) g_ptr_array_index (self->entries, i))->guard;
      LecternGuardInterface *iface = LECTERN_GUARD_GET_IFACE (guard);
      LecternVerdict verdict;

      if (iface->check_now == NULL || !iface->check_now (guard, asked, &verdict, identity))
        return FALSE;
      if (verdict != LECTERN_VERDICT_ABSTAIN)
        return verdict == LECTERN_VERDICT_ALLOW;
    }
  return FALSE;
}

const char *
lectern_access_chain_get_challenge (LecternAccessChain *self, LecternAccessRequest *request)
{
  g_autoptr (GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new (&self->lock);
  const char *challenge = NULL;

  for (guint i = 0; challenge == NULL && self->entries != NULL && i < self->entries->len; i++)
    {
      LecternGuard *guard = ((Entry *) g_ptr_array_index (self->entries, i))->guard;
      LecternGuardInterface *iface = LECTERN_GUARD_GET_IFACE (guard);

      if (iface->get_challenge != NULL)
        challenge = iface->get_challenge (guard, request);
    }
  return challenge;
}

static void
time_out (Ask *ask)
{
  Check *check = end_ask (ask);
  g_autofree char *limit = lectern_units_format_duration (check->chain->timeout_us);
  g_autofree char *why = g_strdup_printf ("%s did not answer within %s",
                                          G_OBJECT_TYPE_NAME (ask->entry->guard), limit);

  g_cancellable_cancel (ask->cancellable);
  answer_error (check, LECTERN_ERROR_TIMED_OUT, why);
}

static gboolean
on_timer (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_autoptr (LecternAccessChain) self = g_object_ref (user_data);
  gint64 now = g_get_monotonic_time ();
  Ask *ask;

  while ((ask = g_queue_peek_head (&self->asks)) != NULL && ask->deadline_us <= now)
    {
      ask->refs++;
      time_out (ask);
      ask_unref (ask);
    }
  arm_timer (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
never (gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

static GSourceFuncs timer_funcs = { .dispatch = on_timer };

LecternAccessChain *
lectern_access_chain_new (gint64 timeout_us)
{
  LecternAccessChain *self = g_object_new (LECTERN_TYPE_ACCESS_CHAIN, NULL);

  self->timeout_us = timeout_us;
  return self;
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const Entry *first = *(Entry *const *) a;
  const Entry *second = *(Entry *const *) b;

  if (first->priority != second->priority)
    return first->priority < second->priority ? -1 : 1;
  return first->id < second->id ? -1 : 1;
}

static void
replace_entries (LecternAccessChain *self, GPtrArray *entries)
{
  GPtrArray *old = self->entries;

  g_rw_lock_writer_lock (&self->lock);
  self->entries = entries;
  g_rw_lock_writer_unlock (&self->lock);
  g_clear_pointer (&old, g_ptr_array_unref);
}

guint
lectern_access_chain_add_guard (LecternAccessChain *self, LecternGuard *guard, int priority)
{
  GPtrArray *entries = g_ptr_array_copy (self->entries, entry_copy, NULL);
  Entry *entry = g_new0 (Entry, 1);

  entry->refs = 1;
  entry->id = ++self->last_id;
  entry->priority = priority;
  entry->guard = g_object_ref (guard);
  g_ptr_array_add (entries, entry);
  g_ptr_array_sort (entries, compare_entries);
  replace_entries (self, entries);
  return entry->id;
}

guint
lectern_access_chain_add_alias (LecternAccessChain *self, const char *prefix,
                                LecternAccessAliasFunc func, gpointer user_data)
{
  g_rw_lock_writer_lock (&self->lock);
  lectern_access_aliases_add (self->aliases, ++self->last_id, prefix, func, user_data);
  g_rw_lock_writer_unlock (&self->lock);
  return self->last_id;
}

void
lectern_access_chain_remove_alias (LecternAccessChain *self, guint id)
{
  g_rw_lock_writer_lock (&self->lock);
  lectern_access_aliases_remove (self->aliases, id);
  g_rw_lock_writer_unlock (&self->lock);
}

/* Whoever waits for @entry goes on without it. */
static void
abandon_entry (LecternAccessChain *self, Entry *entry)
{
  g_autoptr (GPtrArray) waiting = g_ptr_array_new ();
  GList *next;

  for (GList *at = self->asks.head; at != NULL; at = next)
    {
      Ask *ask = at->data;

      next = at->next;
      if (ask->entry != entry)
        continue;
      ask->refs++;
      g_ptr_array_add (waiting, ask);
    }
  for (guint i = 0; i < waiting->len; i++)
    {
      Ask *ask = g_ptr_array_index (waiting, i);
      Check *check = ask->check != NULL ? end_ask (ask) : NULL;

      ask->verdict = LECTERN_VERDICT_ABSTAIN;
      g_cancellable_cancel (ask->cancellable);
      if (check != NULL && !ask->starting)
        run_check (check);
      ask_unref (ask);
    }
}

void
lectern_access_chain_remove_guard (LecternAccessChain *self, guint id)
{
  g_autoptr (LecternAccessChain) chain = g_object_ref (self);
  GPtrArray *entries = g_ptr_array_copy (self->entries, entry_copy, NULL);
  Entry *found = NULL;

  for (guint i = 0; i < entries->len && found == NULL; i++)
    {
      Entry *entry = g_ptr_array_index (entries, i);

      if (entry->id == id)
        found = g_ptr_array_steal_index (entries, i);
    }
  replace_entries (self, entries);
  g_return_if_fail (found != NULL);
  found->removed = TRUE;
  abandon_entry (self, found);
  entry_unref (found);
}

static void
lectern_access_chain_dispose (GObject *object)
{
  LecternAccessChain *self = LECTERN_ACCESS_CHAIN (object);
  Ask *ask;

  if (self->mailbox != NULL)
    lectern_mailbox_close (self->mailbox);
  g_clear_pointer (&self->mailbox, lectern_mailbox_unref);
  while ((ask = g_queue_peek_head (&self->asks)) != NULL)
    {
      ask->refs++;
      refuse_closed (end_ask (ask));
      g_cancellable_cancel (ask->cancellable);
      ask_unref (ask);
    }
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
  replace_entries (self, NULL);
  G_OBJECT_CLASS (lectern_access_chain_parent_class)->dispose (object);
}

static void
lectern_access_chain_finalize (GObject *object)
{
  g_rw_lock_clear (&LECTERN_ACCESS_CHAIN (object)->lock);
  lectern_access_aliases_free (LECTERN_ACCESS_CHAIN (object)->aliases);
  G_OBJECT_CLASS (lectern_access_chain_parent_class)->finalize (object);
}

static void
lectern_access_chain_class_init (LecternAccessChainClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lectern_access_chain_dispose;
  G_OBJECT_CLASS (klass)->finalize = lectern_access_chain_finalize;
}

static void
lectern_access_chain_init (LecternAccessChain *self)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  g_rw_lock_init (&self->lock);
  self->entries = g_ptr_array_new_with_free_func (entry_unref);
  self->aliases = lectern_access_aliases_new ();
  self->mailbox = lectern_mailbox_new (context);
  self->timer = g_source_new (&timer_funcs, sizeof (GSource));
  g_source_set_static_name (self->timer, "lectern-access-chain");
  g_source_set_callback (self->timer, never, self, NULL);
  g_source_attach (self->timer, context);
}
