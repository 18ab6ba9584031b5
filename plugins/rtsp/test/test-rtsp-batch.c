/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams arrive as they were put, however they are sent. */
#include "../lectern-rtsp-batch.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  int sender;
  int receivers[2];
  struct sockaddr_storage to[2];
} Fixture;

static int
open_receiver (struct sockaddr_storage *address)
{
  struct sockaddr_in *v4 = (struct sockaddr_in *) address;
  socklen_t length = sizeof *v4;
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  *v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  g_assert_cmpint (bind (fd, (struct sockaddr *) v4, length), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) v4, &length), ==, 0);
  return fd;
}

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->sender = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (guint i = 0; i < 2; i++)
    fixture->receivers[i] = open_receiver (&fixture->to[i]);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  close (fixture->sender);
  for (guint i = 0; i < 2; i++)
    close (fixture->receivers[i]);
}

static const gsize sizes[]
    = { 1412, 1412, 1412, 700, 1412, 60, 60, 60, 1412, 1412, 1412, 1412, 1413, 1, 1412, 1412 };

/* The datagram at @index goes to one, or every fifth to the other. */
static guint
choose (guint index)
{
  return index % 5 == 3 ? 1 : 0;
}

static void
expect_all (Fixture *fixture, const guint8 *data, guint count)
{
  for (guint i = 0; i < count; i++)
    {
      guint8 got[2048];
      gsize size = sizes[i % G_N_ELEMENTS (sizes)];
      gssize length = recv (fixture->receivers[choose (i)], got, sizeof got, 0);

      g_assert_cmpmem (got, length, data + i, size);
    }
}

static void
put_all (Fixture *fixture, LecternRtspBatch *batch, const guint8 *data, guint count)
{
  for (guint i = 0; i < count; i++)
    lectern_rtsp_batch_put (batch, fixture->sender, &fixture->to[choose (i)],
                            sizeof (struct sockaddr_in), data + i, sizes[i % G_N_ELEMENTS (sizes)]);
  lectern_rtsp_batch_flush (batch);
  g_assert_cmpuint (batch->dropped, ==, 0);
}

static guint8 *
make_data (void)
{
  guint8 *data = g_malloc (4096);

  for (guint i = 0; i < 4096; i++)
    data[i] = (guint8) (i * 7 + (i >> 8));
  return data;
}

static void
test_cut (Fixture *fixture, gconstpointer unused)
{
  g_autofree guint8 *data = make_data ();
  LecternRtspBatch batch;

  lectern_rtsp_batch_init (&batch, FALSE);
  /* Fewer messages than datagrams: those of one size are together. */
  for (guint i = 0; i < 3; i++)
    lectern_rtsp_batch_put (&batch, fixture->sender, &fixture->to[0], sizeof (struct sockaddr_in),
                            data + i, sizes[i]);
  g_assert_cmpuint (batch.count, ==, 1);
  g_assert_cmpuint (batch.parts, ==, 3);
  lectern_rtsp_batch_flush (&batch);
  expect_all (fixture, data, 3);
  put_all (fixture, &batch, data, 100);
  expect_all (fixture, data, 100);
}

static void
test_plain (Fixture *fixture, gconstpointer unused)
{
  g_autofree guint8 *data = make_data ();
  LecternRtspBatch batch;

  lectern_rtsp_batch_init (&batch, TRUE);
  put_all (fixture, &batch, data, 100);
  expect_all (fixture, data, 100);
  g_assert_true (batch.plain);
}

/* The kernel cuts nothing that has no checksum. */
static void
test_refused (Fixture *fixture, gconstpointer unused)
{
  g_autofree guint8 *data = make_data ();
  LecternRtspBatch batch;
  int on = 1;

  g_assert_cmpint (setsockopt (fixture->sender, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), ==, 0);
  lectern_rtsp_batch_init (&batch, FALSE);
  put_all (fixture, &batch, data, 100);
  expect_all (fixture, data, 100);
  g_assert_true (batch.plain);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/rtsp/batch/cut-by-the-kernel", Fixture, NULL, set_up, test_cut, tear_down);
  g_test_add ("/rtsp/batch/plain", Fixture, NULL, set_up, test_plain, tear_down);
  g_test_add ("/rtsp/batch/refused", Fixture, NULL, set_up, test_refused, tear_down);
  return g_test_run ();
}
