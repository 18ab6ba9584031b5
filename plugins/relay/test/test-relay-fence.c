/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/lectern-relay-fence.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static LecternAddress
parse (const char *ip)
{
  g_autofree char *text
      = strchr (ip, ':') != NULL ? g_strdup_printf ("[%s]:80", ip) : g_strdup_printf ("%s:80", ip);
  LecternAddress address = { 0 };

  g_assert_true (lectern_address_parse (text, &address, NULL));
  return address;
}

static void
only_public_addresses (void)
{
  static const char *const closed[] = { "0.0.0.0",
                                        "10.1.2.3",
                                        "100.64.0.1",
                                        "127.0.0.1",
                                        "127.255.0.1",
                                        "169.254.169.254",
                                        "172.16.0.1",
                                        "172.31.255.255",
                                        "192.0.0.192",
                                        "192.168.0.1",
                                        "198.18.0.1",
                                        "203.0.113.1",
                                        "224.0.0.1",
                                        "239.1.1.1",
                                        "255.255.255.255",
                                        "::",
                                        "::1",
                                        "::ffff:10.0.0.1",
                                        "::ffff:127.0.0.1",
                                        "::10.0.0.1",
                                        "64:ff9b::7f00:1",
                                        "fc00::1",
                                        "fd12::1",
                                        "fe80::1",
                                        "fec0::1",
                                        "ff02::1",
                                        "2001:db8::1",
                                        "2002:7f00:1::",
                                        "2001::1",
                                        "100::1",
                                        "fd00:ec2::254" };
  static const char *const open[]
      = { "8.8.8.8",     "172.32.0.1",      "192.167.1.1",  "1.1.1.1",
          "100.128.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8" };

  for (guint i = 0; i < G_N_ELEMENTS (closed); i++)
    {
      LecternAddress address = parse (closed[i]);

      if (lectern_relay_address_is_public (&address))
        g_test_fail_printf ("%s is let through", closed[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (open); i++)
    {
      LecternAddress address = parse (open[i]);

      if (!lectern_relay_address_is_public (&address))
        g_test_fail_printf ("%s is kept out", open[i]);
    }
}

static void
what_is_named_is_allowed (void)
{
  static const char *const allowed[]
      = { "10.1.0.0/16", "192.168.1.5", "fd00:1::/32", "Origin.Example.edu", NULL };
  g_autoptr (LecternRelayFence) fence = lectern_relay_fence_new (allowed, NULL);
  static const struct
  {
    const char *ip;
    gboolean allowed;
  } table[] = { { "10.1.255.1", TRUE },      { "10.2.0.1", FALSE }, { "192.168.1.5", TRUE },
                { "192.168.1.6", FALSE },    { "fd00:1::9", TRUE }, { "fd00:2::9", FALSE },
                { "::ffff:10.1.0.1", TRUE }, { "8.8.8.8", TRUE },   { "127.0.0.1", FALSE } };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      LecternAddress address = parse (table[i].ip);

      g_assert_cmpint (lectern_relay_fence_allows_address (fence, &address), ==, table[i].allowed);
    }
  g_assert_true (lectern_relay_fence_names_host (fence, "rtmp://ORIGIN.example.edu:99/live/a"));
  g_assert_false (lectern_relay_fence_names_host (fence, "rtmp://example.edu/live/a"));
  g_assert_false (lectern_relay_fence_names_host (fence, "rtmp://x.origin.example.edu/live/a"));
}

static void
addresses_are_known_before_connecting (void)
{
  static const char *const denied[]
      = { "rtmp://127.0.0.1/live/a", "rtmp://[::1]/live/a",       "http://169.254.169.254/latest",
          "rtmp://u:p@10.0.0.1/a",   "rtmp://[::ffff:10.0.0.1]/", "file:///etc/passwd",
          "FILE:///etc/passwd",      "file:/etc/passwd" };
  g_autoptr (LecternRelayFence) fence = lectern_relay_fence_new (NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (denied); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (lectern_relay_fence_check_url (fence, denied[i], &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_DENIED);
    }
  /* Names are asked about when they are resolved. */
  g_assert_true (lectern_relay_fence_check_url (fence, "rtmp://localhost/live/a", NULL));
  g_assert_true (lectern_relay_fence_check_url (fence, "rtmp://8.8.8.8/live/a", NULL));
}

static void
files_lie_in_named_folders (void)
{
  g_autofree char *root = g_dir_make_tmp (NULL, NULL);
  g_autofree char *inside = g_build_filename (root, "media", NULL);
  g_autofree char *near = g_build_filename (root, "media2", NULL);
  g_autofree char *clip = g_build_filename (inside, "a.mp4", NULL);
  g_autofree char *other = g_build_filename (near, "b.mp4", NULL);
  g_autofree char *link = g_build_filename (inside, "link.mp4", NULL);
  g_autofree char *dots = g_build_filename (inside, "..", "media2", "b.mp4", NULL);
  const char *allowed[] = { inside, NULL };
  g_autoptr (LecternRelayFence) fence = NULL;

  g_assert_cmpint (g_mkdir (inside, 0700) | g_mkdir (near, 0700), ==, 0);
  g_assert_true (g_file_set_contents (clip, "x", 1, NULL));
  g_assert_true (g_file_set_contents (other, "x", 1, NULL));
  g_assert_cmpint (symlink (other, link), ==, 0);
  fence = lectern_relay_fence_new (allowed, NULL);
  g_assert_true (lectern_relay_fence_allows_path (fence, clip));
  g_assert_false (lectern_relay_fence_allows_path (fence, other));
  g_assert_false (lectern_relay_fence_allows_path (fence, link));
  g_assert_false (lectern_relay_fence_allows_path (fence, dots));
  g_assert_false (lectern_relay_fence_allows_path (fence, "/etc/passwd"));
  g_unlink (link);
  g_unlink (clip);
  g_unlink (other);
  g_rmdir (inside);
  g_rmdir (near);
  g_rmdir (root);
}

static void
what_cannot_be_allowed (void)
{
  static const char *const bad[]
      = { "", "10.0.0.0/33", "10.0.0.0/x", "fd00::/129", "1.2.3", "http://x", "a b", "x/24" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      const char *allowed[] = { bad[i], NULL };
      g_autoptr (GError) error = NULL;

      g_assert_null (lectern_relay_fence_new (allowed, &error));
      g_assert_error (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_CONFIG);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/relay/fence/A-09-only-public-addresses", only_public_addresses);
  g_test_add_func ("/relay/fence/what-is-named-is-allowed", what_is_named_is_allowed);
  g_test_add_func ("/relay/fence/A-09-addresses-are-known-before-connecting",
                   addresses_are_known_before_connecting);
  g_test_add_func ("/relay/fence/A-09-files-lie-in-named-folders", files_lie_in_named_folders);
  g_test_add_func ("/relay/fence/what-cannot-be-allowed", what_cannot_be_allowed);
  return g_test_run ();
}
