/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-mailbox.h"

typedef struct
{
  LecternMailboxFunc func;
  gpointer data;
  GDestroyNotify discard;
} Message;

/* The mailbox is its source, so that it ends with its context even when nobody closes it. */
struct _LecternMailbox
{
  GSource source;
  GMutex lock;
  GArray *waiting;         /* of Message, guarded by @lock; NULL once closed */
  GMainContext *shared_by; /* the key in @shared, or NULL; never dereferenced */
};

static GMutex shared_lock;
static GHashTable *shared; /* GMainContext → LecternMailbox, neither owned; guarded */

static void
discard_all (GArray *messages)
{
  for (guint i = 0; i < messages->len; i++)
    {
      Message *message = &g_array_index (messages, Message, i);

      message->discard (message->data);
    }
}

static GArray *
take_waiting (LecternMailbox *self, GArray *replacement)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GArray *taken = self->waiting;

  if (taken != NULL)
    self->waiting = replacement;
  return taken;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  LecternMailbox *self = (LecternMailbox *) source;
  g_autoptr (GArray) empty = g_array_new (FALSE, FALSE, sizeof (Message));
  g_autoptr (GArray) messages = NULL;

  /* Before the queue is taken: who posts after that wakes us again. */
  g_source_set_ready_time (source, -1);
  messages = take_waiting (self, empty);
  if (messages == NULL)
    return G_SOURCE_REMOVE;
  g_steal_pointer (&empty);
  for (guint i = 0; i < messages->len; i++)
    {
      Message *message = &g_array_index (messages, Message, i);

      message->func (message->data);
    }
  return G_SOURCE_CONTINUE;
}

static void
finalize (GSource *source)
{
  LecternMailbox *self = (LecternMailbox *) source;

  if (self->waiting != NULL)
    {
      discard_all (self->waiting);
      g_array_unref (self->waiting);
    }
  g_mutex_clear (&self->lock);
}

static GSourceFuncs source_funcs = { .dispatch = dispatch, .finalize = finalize };

/* Called at the last reference, under which lectern_mailbox_get_shared may still take a new one. */
static void
forget_shared (GSource *source)
{
  LecternMailbox *self = (LecternMailbox *) source;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&shared_lock);

  if (g_hash_table_lookup (shared, self->shared_by) == self)
    g_hash_table_remove (shared, self->shared_by);
}

LecternMailbox *
lectern_mailbox_new (GMainContext *context)
{
  GSource *source = g_source_new (&source_funcs, sizeof (LecternMailbox));
  LecternMailbox *self = (LecternMailbox *) source;

  g_mutex_init (&self->lock);
  self->waiting = g_array_new (FALSE, FALSE, sizeof (Message));
  g_source_set_static_name (source, "lectern-mailbox");
  g_source_attach (source, context);
  return self;
}

LecternMailbox *
lectern_mailbox_get_shared (GMainContext *context)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&shared_lock);
  LecternMailbox *self;

  if (shared == NULL)
    shared = g_hash_table_new (NULL, NULL);
  self = g_hash_table_lookup (shared, context);
  /* A destroyed one belonged to an earlier context at this address. */
  if (self != NULL && !g_source_is_destroyed (&self->source))
    return lectern_mailbox_ref (self);
  self = lectern_mailbox_new (context);
  self->shared_by = context;
  g_source_set_dispose_function (&self->source, forget_shared);
  g_hash_table_replace (shared, context, self);
  return self;
}

LecternMailbox *
lectern_mailbox_ref (LecternMailbox *self)
{
  g_source_ref (&self->source);
  return self;
}

void
lectern_mailbox_unref (LecternMailbox *self)
{
  g_source_unref (&self->source);
}

void
lectern_mailbox_post (LecternMailbox *self, LecternMailboxFunc func, gpointer data,
                      GDestroyNotify discard)
{
  Message message = { func, data, discard };
  gboolean accepted = FALSE;
  gboolean wake = FALSE;

  if (!g_source_is_destroyed (&self->source))
    {
      g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

      if (self->waiting != NULL)
        {
          accepted = TRUE;
          wake = self->waiting->len == 0;
          g_array_append_val (self->waiting, message);
        }
    }
  if (!accepted)
    discard (data);
  else if (wake)
    g_source_set_ready_time (&self->source, 0);
}

void
lectern_mailbox_close (LecternMailbox *self)
{
  g_autoptr (GArray) messages = take_waiting (self, NULL);

  g_source_destroy (&self->source);
  if (messages != NULL)
    discard_all (messages);
}
