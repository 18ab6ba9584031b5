/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-stream-registry.h"

#include "media/lectern-stream-private.h"

struct _LecternStreamRegistry
{
  GObject parent_instance;

  LecternSessions *sessions;
  GMainContext *context; /* the control thread's */

  GMutex lock; /* before a stream's */
  LecternMediaLimits limits;
  GHashTable *streams; /* name → LecternStream, held */
  guint waiting;
  GHashTable *carried; /* "app" or "app/name" → how many bring it */
  GHashTable *wanted;  /* names for which "wanted" is on its way */
};

G_DEFINE_FINAL_TYPE (LecternStreamRegistry, lectern_stream_registry, G_TYPE_OBJECT)

enum
{
  LIVE,
  AWAY,
  ENDED,
  LADDER,
  WARNING,
  WANTED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void
lectern_stream_registry_finalize (GObject *object)
{
  LecternStreamRegistry *self = LECTERN_STREAM_REGISTRY (object);

  g_hash_table_unref (self->streams);
  g_hash_table_unref (self->carried);
  g_hash_table_unref (self->wanted);
  g_clear_object (&self->sessions);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (lectern_stream_registry_parent_class)->finalize (object);
}

static guint
add_signal (const char *name)
{
  return g_signal_new (name, LECTERN_TYPE_STREAM_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                       G_TYPE_NONE, 1, LECTERN_TYPE_STREAM);
}

static void
lectern_stream_registry_class_init (LecternStreamRegistryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lectern_stream_registry_finalize;
  signals[LIVE] = add_signal ("live");
  signals[AWAY] = add_signal ("away");
  signals[ENDED] = add_signal ("ended");
  signals[LADDER] = add_signal ("ladder");
  signals[WARNING] = add_signal ("warning");
  signals[WANTED] = g_signal_new ("wanted", LECTERN_TYPE_STREAM_REGISTRY, G_SIGNAL_RUN_LAST, 0,
                                  NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_POINTER);
}

static void
lectern_stream_registry_init (LecternStreamRegistry *self)
{
  g_mutex_init (&self->lock);
  self->context = g_main_context_ref_thread_default ();
  self->streams = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                         (GDestroyNotify) lectern_stream_unref);
  self->carried = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->wanted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

LecternStreamRegistry *
lectern_stream_registry_new (LecternSessions *sessions, const LecternMediaLimits *limits)
{
  LecternStreamRegistry *self = g_object_new (LECTERN_TYPE_STREAM_REGISTRY, NULL);

  self->sessions = g_object_ref (sessions);
  self->limits = *limits;
  return self;
}

void
lectern_stream_registry_set_limits (LecternStreamRegistry *self, const LecternMediaLimits *limits)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->limits = *limits;
}

LecternSessions *
lectern_stream_registry_get_sessions (LecternStreamRegistry *self)
{
  return self->sessions;
}

/* Returns: the length of a valid part, 0 when it is not. */
static gsize
get_part_length (const char *part)
{
  gsize length
      = strspn (part, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~-");

  if (length > 128 || strspn (part, ".") == length)
    return 0;
  return length;
}

gboolean
lectern_stream_name_is_valid (const char *name)
{
  gsize length = get_part_length (name);

  if (length == 0 || name[length] != '/')
    return FALSE;
  name += length + 1;
  length = get_part_length (name);
  if (length > 0 && name[length] == '@')
    {
      name += length + 1;
      length = get_part_length (name);
    }
  return length > 0 && name[length] == '\0';
}

LecternStream *
lectern_stream_registry_lookup (LecternStreamRegistry *self, const char *name)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  LecternStream *stream = g_hash_table_lookup (self->streams, name);

  return stream != NULL ? lectern_stream_ref (stream) : NULL;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (lectern_stream_get_name (*(LecternStream *const *) a),
                 lectern_stream_get_name (*(LecternStream *const *) b));
}

GPtrArray *
lectern_stream_registry_list (LecternStreamRegistry *self)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) lectern_stream_unref);
  GHashTableIter iter;
  gpointer stream;

  g_mutex_lock (&self->lock);
  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, NULL, &stream))
    g_ptr_array_add (list, lectern_stream_ref (stream));
  g_mutex_unlock (&self->lock);
  g_ptr_array_sort (list, compare_names);
  return list;
}

/* Returns: (transfer full): the stream @name, made when there is none; @guest: counts one. */
static LecternStream *
get_stream (LecternStreamRegistry *self, const char *name, gboolean guest, GError **error)
{
  g_autoptr (GMutexLocker) locker = NULL;
  LecternStream *stream;

  if (!lectern_stream_name_is_valid (name))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                   "not a stream name: APP/NAME, each of letters, digits, '_', '.', '~', '-'");
      return NULL;
    }
  locker = g_mutex_locker_new (&self->lock);
  stream = g_hash_table_lookup (self->streams, name);
  if (stream == NULL)
    {
      if (g_hash_table_size (self->streams) >= self->limits.max_streams)
        {
          g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "%u streams are open already",
                       self->limits.max_streams);
          return NULL;
        }
      stream = lectern_stream_new (self, name, &self->limits);
      g_hash_table_insert (self->streams, (char *) lectern_stream_get_name (stream), stream);
    }
  stream->guests += guest;
  return lectern_stream_ref (stream);
}

LecternStream *
lectern_stream_registry_view (LecternStreamRegistry *self, const char *name, GError **error)
{
  return get_stream (self, name, TRUE, error);
}

void
lectern_stream_registry_leave (LecternStreamRegistry *self, LecternStream *stream)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  stream->guests--;
  if (stream->guests == 0 && lectern_stream_get_state (stream) == LECTERN_STREAM_IDLE
      && g_hash_table_lookup (self->streams, stream->name) == stream)
    g_hash_table_remove (self->streams, stream->name);
}

void
lectern_stream_registry_forget (LecternStreamRegistry *self, LecternStream *stream)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (g_hash_table_lookup (self->streams, stream->name) == stream)
    g_hash_table_remove (self->streams, stream->name);
}

/* A stream may end between the look-up and the publication; the next look-up then finds a new one.
 */
static LecternPublisher *
publish (LecternStreamRegistry *self, const char *name, LecternIdentity *identity,
         LecternStream *source, LecternPublisherLostFunc lost, gpointer user_data, GError **error)
{
  LecternPublisher *publisher = NULL;

  for (guint attempt = 0; attempt < 3 && publisher == NULL; attempt++)
    {
      g_autoptr (LecternStream) stream = get_stream (self, name, TRUE, error);

      if (stream == NULL)
        return NULL;
      g_clear_error (error);
      publisher = lectern_stream_publish (stream, identity, source, lost, user_data, error);
      lectern_stream_registry_leave (self, stream);
      if (publisher == NULL && lectern_stream_get_state (stream) != LECTERN_STREAM_ENDED)
        return NULL;
    }
  if (publisher != NULL)
    g_clear_error (error);
  return publisher;
}

LecternPublisher *
lectern_stream_registry_publish (LecternStreamRegistry *self, const char *name,
                                 LecternIdentity *identity, LecternPublisherLostFunc lost,
                                 gpointer user_data, GError **error)
{
  if (strchr (name, '@') == NULL)
    return publish (self, name, identity, NULL, lost, user_data, error);
  g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                       "not a stream's name: renditions are made by the server");
  return NULL;
}

LecternPublisher *
lectern_stream_registry_publish_rendition (LecternStreamRegistry *self, LecternStream *source,
                                           const char *rung, LecternPublisherLostFunc lost,
                                           gpointer user_data, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%s@%s", source->name, rung);
  g_autoptr (LecternIdentity) identity = lectern_identity_new ("rendition", name, NULL);

  return publish (self, name, identity, source, lost, user_data, error);
}

gboolean
lectern_stream_registry_end (LecternStreamRegistry *self, const char *name, const GError *reason)
{
  g_autoptr (LecternStream) stream = lectern_stream_registry_lookup (self, name);

  if (stream == NULL)
    return FALSE;
  lectern_stream_end (stream, reason);
  return TRUE;
}

void
lectern_stream_registry_end_all (LecternStreamRegistry *self)
{
  g_autoptr (GPtrArray) list = lectern_stream_registry_list (self);
  g_autoptr (GError) reason
      = g_error_new (LECTERN_ERROR, LECTERN_ERROR_CLOSED, "the server is shutting down");

  for (guint i = 0; i < list->len; i++)
    lectern_stream_end (g_ptr_array_index (list, i), reason);
}

gboolean
lectern_stream_registry_add_waiting (LecternStreamRegistry *self, int change, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (change > 0 && self->waiting >= self->limits.max_waiting)
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "%u viewers are waiting already",
                   self->limits.max_waiting);
      return FALSE;
    }
  self->waiting += change;
  return TRUE;
}

typedef struct
{
  LecternStreamRegistry *registry;
  LecternStream *stream;
  guint signal;
} Notice;

static void
notice_free (Notice *notice)
{
  g_object_unref (notice->registry);
  lectern_stream_unref (notice->stream);
  g_free (notice);
}

static gboolean
on_notice (gpointer user_data)
{
  Notice *notice = user_data;

  if (notice->signal != signals[LADDER] && notice->signal != signals[WARNING]
      && strchr (notice->stream->name, '@') == NULL)
    g_message ("'%s' is %s", lectern_stream_get_name (notice->stream),
               g_signal_name (notice->signal));
  g_signal_emit (notice->registry, notice->signal, 0, notice->stream);
  return G_SOURCE_REMOVE;
}

void
lectern_stream_registry_notify (LecternStreamRegistry *self, LecternStream *stream,
                                const char *signal)
{
  g_autoptr (GSource) source = g_idle_source_new ();
  Notice *notice = g_new (Notice, 1);

  notice->registry = g_object_ref (self);
  notice->stream = lectern_stream_ref (stream);
  notice->signal = g_signal_lookup (signal, LECTERN_TYPE_STREAM_REGISTRY);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_notice, notice, (GDestroyNotify) notice_free);
  g_source_attach (source, self->context);
}

static gboolean
on_grace_over (gpointer user_data)
{
  lectern_stream_end_grace (user_data);
  return G_SOURCE_REMOVE;
}

GSource *
lectern_stream_registry_start_grace (LecternStreamRegistry *self, LecternStream *stream)
{
  GSource *source = g_timeout_source_new (stream->grace_us / 1000);

  g_source_set_callback (source, on_grace_over, lectern_stream_ref (stream),
                         (GDestroyNotify) lectern_stream_unref);
  g_source_attach (source, self->context);
  return source;
}

void
lectern_stream_registry_carry (LecternStreamRegistry *self, const char *scope)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  guint count = GPOINTER_TO_UINT (g_hash_table_lookup (self->carried, scope));

  g_hash_table_replace (self->carried, g_strdup (scope), GUINT_TO_POINTER (count + 1));
}

void
lectern_stream_registry_uncarry (LecternStreamRegistry *self, const char *scope)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  guint count = GPOINTER_TO_UINT (g_hash_table_lookup (self->carried, scope));

  if (count > 1)
    g_hash_table_replace (self->carried, g_strdup (scope), GUINT_TO_POINTER (count - 1));
  else
    g_hash_table_remove (self->carried, scope);
}

typedef struct
{
  LecternStreamRegistry *registry;
  char *name;
  LecternAccessRequest *request; /* or NULL */
} Want;

static void
want_free (gpointer data)
{
  Want *want = data;

  g_clear_pointer (&want->request, lectern_access_request_unref);
  g_object_unref (want->registry);
  g_free (want->name);
  g_free (want);
}

static gboolean
on_want (gpointer user_data)
{
  Want *want = user_data;

  g_mutex_lock (&want->registry->lock);
  g_hash_table_remove (want->registry->wanted, want->name);
  g_mutex_unlock (&want->registry->lock);
  g_signal_emit (want->registry, signals[WANTED], 0, want->name, want->request);
  return G_SOURCE_REMOVE;
}

/* Under the lock. */
static gboolean
is_carried (LecternStreamRegistry *self, const char *name)
{
  g_autofree char *app = g_strndup (name, strcspn (name, "/"));

  return g_hash_table_contains (self->carried, name) || g_hash_table_contains (self->carried, app);
}

/* Under the lock. Returns: whether it is not on its way already, and nobody publishes it. */
static gboolean
note_want (LecternStreamRegistry *self, const char *name)
{
  LecternStream *stream = g_hash_table_lookup (self->streams, name);

  return (stream == NULL || lectern_stream_get_state (stream) == LECTERN_STREAM_IDLE)
         && g_hash_table_size (self->wanted) < self->limits.max_streams
         && g_hash_table_add (self->wanted, g_strdup (name));
}

gboolean
lectern_stream_registry_want (LecternStreamRegistry *self, const char *name,
                              const LecternAccessRequest *request)
{
  g_autofree char *source_name = g_strndup (name, strcspn (name, "@"));
  g_autoptr (GSource) source = NULL;
  gboolean carried;
  gboolean fresh;
  Want *want;

  if (!lectern_stream_name_is_valid (source_name))
    return FALSE;
  g_mutex_lock (&self->lock);
  carried = is_carried (self, source_name);
  fresh = carried && note_want (self, source_name);
  g_mutex_unlock (&self->lock);
  if (!fresh)
    return carried;
  want = g_new (Want, 1);
  want->registry = g_object_ref (self);
  want->name = g_steal_pointer (&source_name);
  want->request
      = request != NULL ? lectern_access_request_ref ((LecternAccessRequest *) request) : NULL;
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_want, want, want_free);
  g_source_attach (source, self->context);
  return TRUE;
}

gint64
lectern_stream_registry_get_wait (LecternStreamRegistry *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->limits.wait_us;
}
