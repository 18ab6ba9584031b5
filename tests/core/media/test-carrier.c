/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The set of carriers, with two that only note what they are asked. */
#include "media/lectern-carrier.h"

typedef struct
{
  guint pulls;
  guint pushes;
  guint stops;
  guint released;
} Notes;

static gpointer
begin_pull (const LecternCarrierSpec *spec, const LecternCarrierEvents *events,
            gpointer events_data, gpointer user_data)
{
  ((Notes *) user_data)->pulls++;
  return user_data;
}

static gpointer
begin_push (const LecternCarrierSpec *spec, LecternStream *stream,
            const LecternCarrierEvents *events, gpointer events_data, gpointer user_data)
{
  ((Notes *) user_data)->pushes++;
  return user_data;
}

static void
stop (gpointer transfer)
{
  ((Notes *) transfer)->stops++;
}

static guint64
get_bytes (gpointer transfer)
{
  return 42;
}

static void
note_release (gpointer owner)
{
  ((Notes *) owner)->released++;
}

static const LecternCarrier both = {
  .schemes = (const char *const[]){ "two", "twos", NULL },
  .pull = begin_pull,
  .push = begin_push,
  .stop = stop,
  .get_bytes = get_bytes,
};
static const LecternCarrier puller = {
  .schemes = (const char *const[]){ "one", "two", NULL },
  .pull = begin_pull,
  .stop = stop,
  .get_bytes = get_bytes,
};
static const LecternCarrierEvents no_events = { NULL, NULL, NULL };

static void
test_finds_by_scheme (void)
{
  g_autoptr (LecternCarriers) carriers = lectern_carriers_new ();
  Notes first = { 0 }, second = { 0 };
  LecternCarrierSpec spec = { .url = "TWO://host/live/name" };
  g_autoptr (GError) error = NULL;
  LecternTransfer *transfer;

  g_assert_null (lectern_carriers_pull (carriers, &spec, &no_events, NULL, &error));
  g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_NOT_SUPPORTED);
  lectern_carriers_add (carriers, &puller, &first, NULL, NULL);
  lectern_carriers_add (carriers, &both, &second, NULL, NULL);
  g_assert_true (lectern_carriers_can (carriers, LECTERN_CARRY_PULL, "one://host"));
  g_assert_false (lectern_carriers_can (carriers, LECTERN_CARRY_PUSH, "one://host"));
  g_assert_true (lectern_carriers_can (carriers, LECTERN_CARRY_PUSH, "twos://host"));
  g_assert_false (lectern_carriers_can (carriers, LECTERN_CARRY_PULL, "tw://host"));
  g_assert_false (lectern_carriers_can (carriers, LECTERN_CARRY_PULL, "two"));

  transfer = lectern_carriers_pull (carriers, &spec, &no_events, NULL, NULL);
  g_assert_cmpuint (first.pulls, ==, 1);
  g_assert_cmpuint (lectern_transfer_get_bytes (transfer), ==, 42);
  lectern_transfer_stop (transfer);
  g_assert_cmpuint (first.stops, ==, 1);
  transfer = lectern_carriers_push (carriers, &spec, NULL, &no_events, NULL, NULL);
  g_assert_cmpuint (second.pushes, ==, 1);
  lectern_transfer_stop (transfer);
}

static void
test_keeps_the_owner_for_its_transfers (void)
{
  g_autoptr (LecternCarriers) carriers = lectern_carriers_new ();
  Notes notes = { 0 };
  LecternCarrierSpec spec = { .url = "one://host" };
  guint id = lectern_carriers_add (carriers, &puller, &notes, &notes, note_release);
  LecternTransfer *transfer = lectern_carriers_pull (carriers, &spec, &no_events, NULL, NULL);

  lectern_carriers_remove (carriers, id);
  g_assert_false (lectern_carriers_can (carriers, LECTERN_CARRY_PULL, "one://host"));
  g_assert_cmpuint (notes.released, ==, 0);
  lectern_transfer_stop (transfer);
  g_assert_cmpuint (notes.released, ==, 1);
}

static void
test_masks_secrets (void)
{
  static const char *const urls[][2] = {
    { "rtmp://host:1935/live/name", "rtmp://host:1935/live/name" },
    { "rtmp://host/live/name?key=secret", "rtmp://host/live/name?…" },
    { "rtsp://me:p@ss@host/a?b#c", "rtsp://…@host/a?…" },
    { "http://user@host/#x", "http://…@host/#…" },
    { "nonsense?x", "nonsense?…" },
    { "", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (urls); i++)
    {
      g_autofree char *masked = lectern_carrier_mask_url (urls[i][0]);

      g_assert_cmpstr (masked, ==, urls[i][1]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/media/carrier/finds-by-scheme", test_finds_by_scheme);
  g_test_add_func ("/media/carrier/keeps-the-owner-for-its-transfers",
                   test_keeps_the_owner_for_its_transfers);
  g_test_add_func ("/media/carrier/masks-secrets", test_masks_secrets);
  return g_test_run ();
}
