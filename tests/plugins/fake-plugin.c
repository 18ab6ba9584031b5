/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plugin that behaves as the build tells it to, and writes down in the host what is done with it.
 */
#include <lectern.h>

typedef enum
{
  SUCCEED,
  FAIL,
  FAIL_SILENTLY,
  SUCCEED_WITH_ERROR,
} Behaviour;

#ifndef FAKE_START
#define FAKE_START SUCCEED
#endif
#ifndef FAKE_RELOAD
#define FAKE_RELOAD SUCCEED
#endif
#ifndef FAKE_NEEDS
#define FAKE_NEEDS NULL
#endif
#ifndef FAKE_AFTER
#define FAKE_AFTER NULL
#endif

/* One type name for each module, as they share the process. */
typedef struct
{
  LecternPlugin parent_instance;
} LecternFakePlugin;

typedef struct
{
  LecternPluginClass parent_class;
} LecternFakePluginClass;

static void
note (LecternPlugin *plugin, const char *what)
{
  GString *journal = g_object_get_data (G_OBJECT (lectern_plugin_get_host (plugin)), "journal");

  if (journal != NULL)
    g_string_append_printf (journal, "%s %s;", lectern_plugin_get_name (plugin), what);
}

static gboolean
behave (Behaviour behaviour, GError **error)
{
  if (behaviour == FAIL || behaviour == SUCCEED_WITH_ERROR)
    g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_FAILED, "I was built to fail");
  return behaviour == SUCCEED || behaviour == SUCCEED_WITH_ERROR;
}

#ifdef FAKE_REGISTER
static void
note_undo (gpointer plugin)
{
  note (plugin, "undo");
}

static gboolean
note_tick (gpointer plugin)
{
  note (plugin, "tick");
  return G_SOURCE_CONTINUE;
}

static void
answer (LecternHttpExchange *exchange, gpointer user_data)
{
  lectern_http_exchange_respond (exchange, 204, NULL, NULL);
}

static void
refuse (LecternConnection *connection, gpointer user_data)
{
}

static gpointer
pull (const LecternCarrierSpec *spec, const LecternCarrierEvents *events, gpointer events_data,
      gpointer plugin)
{
  return plugin;
}

static const LecternCarrier carrier = {
  .schemes = (const char *const[]){ "rich", NULL },
  .pull = pull,
};

static gboolean
register_things (LecternPlugin *plugin, GError **error)
{
  lectern_plugin_add_undo (plugin, note_undo, plugin);
  lectern_plugin_add_timer (plugin, 1000, note_tick, plugin);
  lectern_plugin_add_carrier (plugin, &carrier, plugin);
  return lectern_plugin_add_route (plugin, "GET", "/rich", LECTERN_ACTION_PUBLIC, NULL, answer,
                                   plugin, error)
         && lectern_plugin_add_listeners (plugin, "listen", FALSE, refuse, plugin, NULL, error);
}
#endif

static gboolean
start (LecternPlugin *plugin, GError **error)
{
  note (plugin, "start");
#ifdef FAKE_REGISTER
  if (!register_things (plugin, error))
    return FALSE;
#endif
  return behave (FAKE_START, error);
}

static void
stop (LecternPlugin *plugin)
{
  note (plugin, "stop");
}

static gboolean
reload (LecternPlugin *plugin, GError **error)
{
#ifdef FAKE_SETTINGS
  g_autofree char *word = lectern_plugin_dup_string (plugin, "word");
  g_autofree char *what = g_strconcat ("reload ", word, NULL);

  note (plugin, what);
  /* Only the word "old" is to its taste. */
  if (FAKE_RELOAD == FAIL && g_strcmp0 (word, "old") == 0)
    return TRUE;
#endif
  return behave (FAKE_RELOAD, error);
}

static void
class_init (gpointer class, gpointer data)
{
  LECTERN_PLUGIN_CLASS (class)->start = start;
  LECTERN_PLUGIN_CLASS (class)->stop = stop;
  LECTERN_PLUGIN_CLASS (class)->reload = reload;
}

GType lectern_fake_plugin_get_type (void);

GType
lectern_fake_plugin_get_type (void)
{
  static GType type;

  if (type == 0)
    type = g_type_register_static_simple (LECTERN_TYPE_PLUGIN, "LecternFake-" LECTERN_PLUGIN_NAME,
                                          sizeof (LecternFakePluginClass), class_init,
                                          sizeof (LecternFakePlugin), NULL, 0);
  return type;
}

#ifdef FAKE_SETTINGS
static const LecternSetting rows[] = {
  { "word", LECTERN_SETTING_STRING, "old", NULL, NULL, N_ ("A word") },
  { "number", LECTERN_SETTING_INTEGER, "1", "1", "9", N_ ("A number") },
  { "listen", LECTERN_SETTING_ADDRESS, "127.0.0.1:0", NULL, NULL, N_ ("Where to listen") },
  { NULL },
};
#else
#define rows NULL
#endif

LECTERN_PLUGIN_DEFINE (fake, .summary = N_ ("For tests"), .settings = rows, .needs = FAKE_NEEDS,
                       .after = FAKE_AFTER)
