/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/lectern-relays.h"

#include <string.h>

typedef struct
{
  GThread *control;
  LecternRelays *relays;
  LecternRelaysFunc late_func; /* create answers later */
  gpointer late_data;
} Offer;

static JsonNode *given; /* what list has answered */

#define ALL "[{\"id\":\"A\",\"n\":7,\"x\":0.5,\"on\":true,\"none\":null,\"streams\":[{}]}]"

static void
list (LecternRelaysFunc func, gpointer data, gpointer user_data)
{
  Offer *self = user_data;

  g_assert_true (g_thread_self () == self->control);
  given = lectern_json_parse (ALL, strlen (ALL), NULL);
  func (given, NULL, data);
}

static gboolean
answer_late (gpointer user_data)
{
  Offer *self = user_data;
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (node, json_object_new ());
  json_object_set_string_member (json_node_get_object (node), "id", "ABCD1234");
  self->late_func (node, NULL, self->late_data);
  return G_SOURCE_REMOVE;
}

static void
create (const LecternRelaySpec *spec, LecternRelaysFunc func, gpointer data, gpointer user_data)
{
  Offer *self = user_data;

  g_assert_cmpint (spec->way, ==, LECTERN_CARRY_PUSH);
  g_assert_cmpstr (spec->stream, ==, "live/a");
  g_assert_cmpstr (spec->url, ==, "rtmp://there/live/b");
  g_assert_null (spec->transport);
  self->late_func = func;
  self->late_data = data;
  g_idle_add (answer_late, self);
}

static void
remove_one (const char *id, LecternRelaysFunc func, gpointer data, gpointer user_data)
{
  g_autoptr (GError) error = g_error_new (LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND, "no %s", id);

  func (NULL, error, data);
}

static const LecternRelaysTable table = { list, create, remove_one };

/* What one question came to, on the thread that asked. */
typedef struct
{
  GMainLoop *loop;
  GThread *thread;
  char *answer;
  GError *error;
  guint freed;
} Question;

/* json-glib counts without locks. */
static void
check_nothing_is_shared (JsonArray *theirs, JsonArray *ours)
{
  JsonObject *there = json_array_get_object_element (theirs, 0);
  JsonObject *here = json_array_get_object_element (ours, 0);

  g_assert_true (theirs != ours);
  g_assert_true (there != here);
  g_assert_true (json_object_get_array_member (there, "streams")
                 != json_object_get_array_member (here, "streams"));
}

static void
note (JsonNode *answer, const GError *error, gpointer user_data)
{
  Question *self = user_data;

  g_assert_true (g_thread_self () == self->thread);
  if (answer != NULL && JSON_NODE_HOLDS_ARRAY (answer))
    check_nothing_is_shared (json_node_get_array (given), json_node_get_array (answer));
  if (answer != NULL)
    {
      g_autoptr (GBytes) text = lectern_json_print (answer);

      self->answer = g_strndup (g_bytes_get_data (text, NULL), g_bytes_get_size (text));
    }
  self->error = error != NULL ? g_error_copy (error) : NULL;
}

static void
note_freed (gpointer user_data)
{
  Question *self = user_data;

  self->freed++;
  g_main_loop_quit (self->loop);
}

static void
ask (LecternRelays *relays)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  Question question = { .loop = g_main_loop_new (context, FALSE), .thread = g_thread_self () };
  LecternRelaySpec spec = { LECTERN_CARRY_PUSH, "live/a", "rtmp://there/live/b", NULL };

  g_main_context_push_thread_default (context);
  lectern_relays_list (relays, note, &question, note_freed);
  g_main_loop_run (question.loop);
  g_assert_cmpstr (question.answer, ==, ALL);
  g_clear_pointer (&question.answer, g_free);

  lectern_relays_create (relays, &spec, note, &question, note_freed);
  g_main_loop_run (question.loop);
  g_assert_cmpstr (question.answer, ==, "{\"id\":\"ABCD1234\"}");
  g_clear_pointer (&question.answer, g_free);

  lectern_relays_remove (relays, "X", note, &question, note_freed);
  g_main_loop_run (question.loop);
  g_assert_null (question.answer);
  g_assert_error (question.error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND);
  g_clear_error (&question.error);

  g_assert_cmpuint (question.freed, ==, 3);
  g_main_context_pop_thread_default (context);
  g_main_loop_unref (question.loop);
}

typedef struct
{
  LecternRelays *relays;
  GMainLoop *loop; /* the control thread's */
} Asker;

static gpointer
ask_and_tell (gpointer user_data)
{
  Asker *self = user_data;

  ask (self->relays);
  g_main_loop_quit (self->loop);
  return NULL;
}

static void
test_other_threads_ask (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Offer offer = { .control = g_thread_self (), .relays = lectern_relays_new () };
  Asker asker = { offer.relays, loop };
  GThread *thread;

  lectern_relays_offer (offer.relays, &table, &offer);
  thread = g_thread_new ("asker", ask_and_tell, &asker);
  g_main_loop_run (loop);
  g_thread_join (thread);
  lectern_relays_unref (offer.relays);
  json_node_unref (given);
}

static void
test_without_an_offer_there_are_none (void)
{
  g_autoptr (LecternRelays) relays = lectern_relays_new ();
  Question question = { .loop = g_main_loop_new (NULL, FALSE), .thread = g_thread_self () };

  lectern_relays_list (relays, note, &question, note_freed);
  g_main_loop_run (question.loop);
  g_assert_error (question.error, LECTERN_ERROR, LECTERN_ERROR_NOT_FOUND);
  g_clear_error (&question.error);
  g_main_loop_unref (question.loop);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/media/relays/other-threads-ask", test_other_threads_ask);
  g_test_add_func ("/media/relays/without-an-offer-there-are-none",
                   test_without_an_offer_there_are_none);
  return g_test_run ();
}
