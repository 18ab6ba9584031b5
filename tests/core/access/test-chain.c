/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/lectern-guard.h"

#define SHORT_US (30 * G_TIME_SPAN_MILLISECOND)
#define LONG_US (20 * G_TIME_SPAN_SECOND)

/* A guard that says what it is told to say: to any thread, at once, in check_async, later, or
 * never. */
typedef enum
{
  NOW,
  AT_ONCE,
  INLINE,
  LATER,
  NEVER,
} Manner;

typedef struct
{
  GObject parent;
  LecternVerdict verdict;
  Manner manner;
  gboolean fails;
  guint asked;
  char thing[32]; /* that it was asked about last */
  GTask *held;
} TestGuard;

typedef struct
{
  GObjectClass parent;
} TestGuardClass;

static LecternVerdict
say (TestGuard *self, LecternIdentity **identity, GError **error)
{
  if (self->fails)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "the guard broke");
  if (self->verdict == LECTERN_VERDICT_ALLOW)
    *identity = lectern_identity_new ("test", "somebody", NULL);
  return self->verdict;
}

static LecternVerdict
check (LecternGuard *guard, LecternAccessRequest *request, LecternIdentity **identity,
       GError **error)
{
  TestGuard *self = (TestGuard *) guard;

  self->asked++;
  g_strlcpy (self->thing, request->thing != NULL ? request->thing : "", sizeof self->thing);
  return say (self, identity, error);
}

static void
check_async (LecternGuard *guard, LecternAccessRequest *request, GCancellable *cancellable,
             GAsyncReadyCallback callback, gpointer user_data)
{
  TestGuard *self = (TestGuard *) guard;
  GTask *task;

  self->asked++;
  if (self->manner == INLINE)
    {
      callback (G_OBJECT (self), NULL, user_data);
      return;
    }
  task = g_task_new (self, self->manner == LATER ? cancellable : NULL, callback, user_data);
  if (self->manner == LATER)
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
    }
  else
    self->held = task;
}

static LecternVerdict
check_finish (LecternGuard *guard, GAsyncResult *result, LecternIdentity **identity, GError **error)
{
  if (result != NULL)
    g_assert_true (g_task_propagate_boolean (G_TASK (result), NULL));
  return say ((TestGuard *) guard, identity, error);
}

static void
at_once_init (LecternGuardInterface *iface)
{
  iface->check = check;
}

static gboolean
check_now (LecternGuard *guard, LecternAccessRequest *request, LecternVerdict *verdict,
           LecternIdentity **identity)
{
  TestGuard *self = (TestGuard *) guard;

  if (self->fails)
    return FALSE;
  *verdict = say (self, identity, NULL);
  return TRUE;
}

static void
now_init (LecternGuardInterface *iface)
{
  iface->check = check;
  iface->check_now = check_now;
}

static void
async_init (LecternGuardInterface *iface)
{
  iface->check_async = check_async;
  iface->check_finish = check_finish;
}

typedef TestGuard SyncGuard;
typedef TestGuardClass SyncGuardClass;
typedef TestGuard AsyncGuard;
typedef TestGuardClass AsyncGuardClass;
typedef TestGuard NowGuard;
typedef TestGuardClass NowGuardClass;
static GType sync_guard_get_type (void);
static GType async_guard_get_type (void);
static GType now_guard_get_type (void);
G_DEFINE_TYPE_WITH_CODE (SyncGuard, sync_guard, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, at_once_init))
G_DEFINE_TYPE_WITH_CODE (AsyncGuard, async_guard, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, async_init))
G_DEFINE_TYPE_WITH_CODE (NowGuard, now_guard, G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, now_init))

static void
sync_guard_class_init (SyncGuardClass *klass)
{
}

static void
sync_guard_init (SyncGuard *self)
{
}

static void
async_guard_class_init (AsyncGuardClass *klass)
{
}

static void
async_guard_init (AsyncGuard *self)
{
}

static void
now_guard_class_init (NowGuardClass *klass)
{
}

static void
now_guard_init (NowGuard *self)
{
}

static TestGuard *
add (LecternAccessChain *chain, Manner manner, LecternVerdict verdict, int priority, guint *id)
{
  GType type = manner == NOW       ? now_guard_get_type ()
               : manner == AT_ONCE ? sync_guard_get_type ()
                                   : async_guard_get_type ();
  TestGuard *guard = g_object_new (type, NULL);
  guint added;

  guard->manner = manner;
  guard->verdict = verdict;
  added = lectern_access_chain_add_guard (chain, LECTERN_GUARD (guard), priority);
  if (id != NULL)
    *id = added;
  g_object_unref (guard);
  return guard;
}

typedef struct
{
  guint answers;
  gboolean allowed;
  gboolean known;
  int code;
  char *message;
  GThread *thread;
} Answer;

static void
on_answer (LecternIdentity *identity, const GError *error, gpointer user_data)
{
  Answer *answer = user_data;

  answer->answers++;
  answer->allowed = error == NULL;
  answer->known = identity != NULL;
  answer->code = error != NULL ? error->code : -1;
  if (error != NULL)
    g_assert_true (error->domain == LECTERN_ERROR);
  g_free (answer->message);
  answer->message = error != NULL ? g_strdup (error->message) : NULL;
  answer->thread = g_thread_self ();
}

static void
start (LecternAccessChain *chain, Answer *answer)
{
  g_autoptr (LecternAccessRequest) request
      = lectern_access_request_new (LECTERN_ACTION_PUBLISH, "live/physics", "test", NULL);

  lectern_access_chain_check (chain, request, on_answer, answer);
  g_assert_cmpuint (answer->answers, ==, 0);
}

static void
await (Answer *answer)
{
  while (answer->answers == 0)
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (answer->answers, ==, 1);
  g_assert_true (answer->thread == g_thread_self ());
  g_clear_pointer (&answer->message, g_free);
}

/* A guard that held its answer gives it, late. */
static void
let_go (TestGuard *guard)
{
  g_task_return_boolean (guard->held, TRUE);
  g_clear_object (&guard->held);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_verdicts (void)
{
  static const struct
  {
    LecternVerdict first, second;
    gboolean allowed;
    guint second_asked;
  } rows[] = {
    { LECTERN_VERDICT_ALLOW, LECTERN_VERDICT_DENY, TRUE, 0 },
    { LECTERN_VERDICT_DENY, LECTERN_VERDICT_ALLOW, FALSE, 0 },
    { LECTERN_VERDICT_ABSTAIN, LECTERN_VERDICT_ALLOW, TRUE, 1 },
    { LECTERN_VERDICT_ABSTAIN, LECTERN_VERDICT_DENY, FALSE, 1 },
    { LECTERN_VERDICT_ABSTAIN, LECTERN_VERDICT_ABSTAIN, FALSE, 1 },
    { (LecternVerdict) 77, LECTERN_VERDICT_ALLOW, FALSE, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows) * 9; i++)
    {
      g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
      guint row = i / 9;
      TestGuard *second = add (chain, (Manner) (i % 3), rows[row].second, 20, NULL);
      Answer answer = { 0 };

      /* Added later, asked first: the priority counts. */
      add (chain, (Manner) (i / 3 % 3), rows[row].first, 10, NULL);
      start (chain, &answer);
      await (&answer);
      g_assert_cmpint (answer.allowed, ==, rows[row].allowed);
      g_assert_cmpint (answer.known, ==, rows[row].allowed);
      g_assert_cmpint (answer.code, ==, rows[row].allowed ? -1 : LECTERN_ERROR_DENIED);
      g_assert_cmpuint (second->asked, ==, rows[row].second_asked);
    }
}

static void
test_silence (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
  Answer answer = { 0 };

  start (chain, &answer);
  await (&answer);
  g_assert_false (answer.allowed);
  g_assert_cmpint (answer.code, ==, LECTERN_ERROR_DENIED);
}

static void
test_equal_priority (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
  Answer answer = { 0 };

  add (chain, AT_ONCE, LECTERN_VERDICT_DENY, 5, NULL);
  add (chain, AT_ONCE, LECTERN_VERDICT_ALLOW, 5, NULL);
  start (chain, &answer);
  await (&answer);
  g_assert_false (answer.allowed);
}

static void
test_failing_guard (void)
{
  for (guint i = 0; i < 9; i++)
    {
      g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
      TestGuard *guard = add (chain, (Manner) (i % 3), (LecternVerdict) (i / 3), 1, NULL);
      TestGuard *next = add (chain, AT_ONCE, LECTERN_VERDICT_ALLOW, 2, NULL);
      Answer answer = { 0 };

      guard->fails = TRUE;
      start (chain, &answer);
      await (&answer);
      g_assert_false (answer.allowed);
      g_assert_false (answer.known);
      g_assert_cmpint (answer.code, ==, LECTERN_ERROR_FAILED);
      g_assert_cmpuint (next->asked, ==, 0);
    }
}

static void
test_time_out (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (SHORT_US);
  TestGuard *guard = add (chain, NEVER, LECTERN_VERDICT_ALLOW, 1, NULL);
  TestGuard *next = add (chain, AT_ONCE, LECTERN_VERDICT_ALLOW, 2, NULL);
  Answer answer = { 0 };

  start (chain, &answer);
  while (answer.answers == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (answer.code, ==, LECTERN_ERROR_TIMED_OUT);
  g_assert_nonnull (strstr (answer.message, "AsyncGuard did not answer within 30ms"));
  g_assert_cmpuint (next->asked, ==, 0);

  /* The late answer changes nothing. */
  let_go (guard);
  await (&answer);
  g_assert_false (answer.allowed);

  /* And the chain still times the next one. */
  answer.answers = 0;
  start (chain, &answer);
  await (&answer);
  g_assert_cmpint (answer.code, ==, LECTERN_ERROR_TIMED_OUT);
  let_go (guard);
}

static void
test_removed (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
  guint id;
  g_autoptr (GObject) guard
      = g_object_ref ((GObject *) add (chain, NEVER, LECTERN_VERDICT_DENY, 1, &id));
  Answer answer = { 0 };

  add (chain, LATER, LECTERN_VERDICT_ALLOW, 2, NULL);
  start (chain, &answer);
  while (((TestGuard *) guard)->asked == 0)
    g_main_context_iteration (NULL, TRUE);
  lectern_access_chain_remove_guard (chain, id);
  await (&answer);
  g_assert_true (answer.allowed);
  let_go ((TestGuard *) guard);

  answer.answers = 0;
  start (chain, &answer);
  await (&answer);
  g_assert_true (answer.allowed);
  g_assert_cmpuint (((TestGuard *) guard)->asked, ==, 1);
}

/* A check is only queued when its guard goes: the guard must not be asked any more. */
static void
test_removed_before (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
  guint id;
  Answer answer = { 0 };

  add (chain, AT_ONCE, LECTERN_VERDICT_ALLOW, 1, &id);
  start (chain, &answer);
  lectern_access_chain_remove_guard (chain, id);
  await (&answer);
  g_assert_false (answer.allowed);
}

static void
test_ended (void)
{
  LecternAccessChain *chain = lectern_access_chain_new (LONG_US);
  g_autoptr (GObject) guard
      = g_object_ref ((GObject *) add (chain, NEVER, LECTERN_VERDICT_ALLOW, 1, NULL));
  Answer asked = { 0 };
  Answer queued = { 0 };

  start (chain, &asked);
  while (((TestGuard *) guard)->asked == 0)
    g_main_context_iteration (NULL, TRUE);
  start (chain, &queued);
  g_object_unref (chain);
  await (&asked);
  await (&queued);
  g_assert_cmpint (asked.code, ==, LECTERN_ERROR_CLOSED);
  g_assert_cmpint (queued.code, ==, LECTERN_ERROR_CLOSED);
  let_go ((TestGuard *) guard);
}

#define N_THREADS 4
#define N_CHECKS 5000

typedef struct
{
  LecternAccessChain *chain;
  guint allowed;
  guint denied;
  GThread *thread;
  gint *running;
} Caller;

static void
on_many (LecternIdentity *identity, const GError *error, gpointer user_data)
{
  Caller *caller = user_data;

  g_assert_true (caller->thread == g_thread_self ());
  if (error == NULL)
    caller->allowed++;
  else
    caller->denied++;
}

static gpointer
call_many (gpointer data)
{
  Caller *caller = data;
  g_autoptr (GMainContext) context = g_main_context_new ();

  caller->thread = g_thread_self ();
  g_main_context_push_thread_default (context);
  for (guint i = 0; i < N_CHECKS; i++)
    {
      g_autoptr (LecternAccessRequest) request
          = lectern_access_request_new (LECTERN_ACTION_PLAY, i % 2 ? "live/a" : NULL, "test", NULL);

      lectern_access_chain_check (caller->chain, request, on_many, caller);
      while (g_main_context_iteration (context, FALSE))
        ;
    }
  while (caller->allowed + caller->denied < N_CHECKS)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
  g_atomic_int_add (caller->running, -1);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
  Caller callers[N_THREADS];
  GThread *threads[N_THREADS];
  gint running = N_THREADS;
  gint64 began = g_get_monotonic_time ();
  guint id = 0;
  guint turn = 0;

  add (chain, AT_ONCE, LECTERN_VERDICT_ABSTAIN, 1, NULL);
  add (chain, LATER, LECTERN_VERDICT_ALLOW, 3, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    {
      callers[i] = (Caller){ .chain = chain, .running = &running };
      threads[i] = g_thread_new ("caller", call_many, &callers[i]);
    }
  while (g_atomic_int_get (&running) > 0)
    {
      g_main_context_iteration (NULL, TRUE);
      /* Guards come and go meanwhile. */
      if (turn++ % 2 == 0)
        add (chain, LATER, LECTERN_VERDICT_ABSTAIN, 2, &id);
      else
        lectern_access_chain_remove_guard (chain, id);
    }
  for (guint i = 0; i < N_THREADS; i++)
    {
      g_thread_join (threads[i]);
      g_assert_cmpuint (callers[i].allowed, ==, N_CHECKS);
    }
  g_test_message ("%d checks in %" G_GINT64_FORMAT " us", N_THREADS * N_CHECKS,
                  g_get_monotonic_time () - began);
}

/* The caller's context may end before the answer comes. */
static void
test_context_gone (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
  Answer lost = { 0 };
  Answer answer = { 0 };

  add (chain, LATER, LECTERN_VERDICT_ALLOW, 1, NULL);
  for (guint i = 0; i < 3; i++)
    {
      GMainContext *context = g_main_context_new ();

      g_main_context_push_thread_default (context);
      start (chain, &lost);
      g_main_context_pop_thread_default (context);
      g_main_context_unref (context);
      start (chain, &answer);
      await (&answer);
      answer.answers = 0;
    }
  g_assert_cmpuint (lost.answers, ==, 0);
}

static gboolean
check_at_once (LecternAccessChain *chain, gboolean known)
{
  g_autoptr (LecternAccessRequest) request
      = lectern_access_request_new (LECTERN_ACTION_PUBLISH, "live/physics", "test", NULL);
  g_autoptr (LecternIdentity) identity = NULL;
  gboolean allowed = lectern_access_chain_check_now (chain, request, &identity);

  g_assert_cmpint (identity != NULL, ==, allowed && known);
  return allowed;
}

static void
test_now (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
  TestGuard *first;
  guint id;

  g_assert_false (check_at_once (chain, FALSE));
  first = add (chain, NOW, LECTERN_VERDICT_ABSTAIN, 1, NULL);
  g_assert_false (check_at_once (chain, FALSE));
  add (chain, NOW, LECTERN_VERDICT_ALLOW, 3, NULL);
  g_assert_true (check_at_once (chain, TRUE));
  /* One that can only be asked on the control thread might say no. */
  add (chain, AT_ONCE, LECTERN_VERDICT_ABSTAIN, 2, &id);
  g_assert_false (check_at_once (chain, FALSE));
  lectern_access_chain_remove_guard (chain, id);
  g_assert_true (check_at_once (chain, TRUE));
  first->fails = TRUE;
  g_assert_false (check_at_once (chain, FALSE));
  first->fails = FALSE;
  first->verdict = LECTERN_VERDICT_DENY;
  g_assert_false (check_at_once (chain, FALSE));
  first->verdict = LECTERN_VERDICT_ABSTAIN;
  g_object_run_dispose (G_OBJECT (chain));
  g_assert_false (check_at_once (chain, FALSE));
}

typedef struct
{
  LecternAccessChain *chain;
  gint running; /* atomic */
} Asker;

static gpointer
ask_at_once (gpointer data)
{
  Asker *asker = data;

  while (g_atomic_int_get (&asker->running))
    check_at_once (asker->chain, TRUE);
  return NULL;
}

static void
test_now_while_guards_come_and_go (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
  Asker asker = { chain, TRUE };
  GThread *thread = g_thread_new ("asker", ask_at_once, &asker);

  for (guint i = 0; i < 2000; i++)
    {
      guint id;

      add (chain, NOW, LECTERN_VERDICT_ALLOW, 1, &id);
      lectern_access_chain_remove_guard (chain, id);
    }
  g_atomic_int_set (&asker.running, FALSE);
  g_thread_join (thread);
}

static char *
name_owner (const char *thing, gpointer user_data)
{
  return g_str_equal (thing, "replay/known") ? g_strdup (user_data) : NULL;
}

/* Returns: whether it is allowed. */
static gboolean
ask (LecternAccessChain *chain, LecternAction action, const char *thing)
{
  g_autoptr (LecternAccessRequest) request
      = lectern_access_request_new (action, thing, "test", NULL);
  Answer answer = { 0 };

  lectern_access_chain_check (chain, request, on_answer, &answer);
  await (&answer);
  return answer.allowed;
}

static void
test_alias (void)
{
  g_autoptr (LecternAccessChain) chain = lectern_access_chain_new (LONG_US);
  g_autoptr (LecternAccessRequest) publish
      = lectern_access_request_new (LECTERN_ACTION_PUBLISH, "replay/known", "test", NULL);
  g_autoptr (LecternAccessRequest) play
      = lectern_access_request_new (LECTERN_ACTION_PLAY, "replay/known", "test", NULL);
  g_autoptr (LecternIdentity) identity = NULL;
  TestGuard *guard = add (chain, AT_ONCE, LECTERN_VERDICT_ALLOW, 1, NULL);
  guint id = lectern_access_chain_add_alias (chain, "replay", name_owner, "live/physics");

  g_assert_true (ask (chain, LECTERN_ACTION_PLAY, "replay/known"));
  g_assert_cmpstr (guard->thing, ==, "live/physics");
  g_assert_true (ask (chain, LECTERN_ACTION_PLAY, "replay/unknown"));
  g_assert_cmpstr (guard->thing, ==, "replay/unknown");
  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "replays/known"));
  guard->asked = 0;
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "replay/known"));
  g_assert_false (ask (chain, LECTERN_ACTION_PUBLISH, "replay/unknown"));
  g_assert_cmpuint (guard->asked, ==, 0);
  lectern_access_chain_remove_alias (chain, id);
  g_assert_true (ask (chain, LECTERN_ACTION_PUBLISH, "replay/known"));
  g_assert_cmpstr (guard->thing, ==, "replay/known");

  g_object_unref (g_steal_pointer (&chain));
  chain = lectern_access_chain_new (LONG_US);
  add (chain, NOW, LECTERN_VERDICT_ALLOW, 1, NULL);
  lectern_access_chain_add_alias (chain, "replay", name_owner, "live/physics");
  g_assert_false (lectern_access_chain_check_now (chain, publish, &identity));
  g_assert_true (lectern_access_chain_check_now (chain, play, &identity));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/access/chain/first-verdict-wins-by-priority", test_verdicts);
  g_test_add_func ("/access/chain/silence-is-no", test_silence);
  g_test_add_func ("/access/chain/equal-priority-asks-the-older-first", test_equal_priority);
  g_test_add_func ("/access/chain/an-error-is-a-no", test_failing_guard);
  g_test_add_func ("/access/chain/a-silent-guard-is-a-no-in-time", test_time_out);
  g_test_add_func ("/access/chain/a-guard-removed-while-asked-abstains", test_removed);
  g_test_add_func ("/access/chain/a-removed-guard-is-not-asked", test_removed_before);
  g_test_add_func ("/access/chain/the-end-answers-what-is-open", test_ended);
  g_test_add_func ("/access/chain/answers-each-thread-once-in-its-context", test_threads);
  g_test_add_func ("/access/chain/outlives-a-caller's-context", test_context_gone);
  g_test_add_func ("/access/chain/what-belongs-to-another-is-asked-about-as-that", test_alias);
  g_test_add_func ("/access/chain/answers-at-once-where-each-guard-can", test_now);
  g_test_add_func ("/access/chain/answers-at-once-while-guards-come-and-go",
                   test_now_while_guards_come_and_go);
  return g_test_run ();
}
