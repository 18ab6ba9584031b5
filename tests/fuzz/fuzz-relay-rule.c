/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A relay as the keyfile and the API give it, where it may lead, and a viewer's query for it: mode,
 * then lines: stream, address, query. */
#include "relay/lectern-relay-fence.h"
#include "relay/lectern-relay-rule.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_rule (LecternRelayRule *rule, const char *query)
{
  static const char *const names[] = { "live/a", "live/b" };
  const char *name = strchr (rule->stream, '/') != NULL ? rule->stream : NULL;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *url
          = lectern_relay_rule_make_url (rule, name != NULL ? name : names[i], query);

      g_assert (strpbrk (url, " \r\n\"<>") == NULL);
      lectern_relay_url_names (url, names[i]);
    }
  g_assert (strchr (rule->shown, '?') == NULL || g_str_has_suffix (rule->shown, "?…"));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", 4);
  g_autoptr (LecternRelayFence) fence = lectern_relay_fence_new (NULL, NULL);

  if (g_strv_length (lines) < 4)
    return 0;
  for (guint mode = 0; mode < LECTERN_RELAY_N_MODES; mode++)
    {
      g_autofree char *value = g_strconcat (lines[0], " ", lines[1], NULL);
      g_autoptr (LecternRelayRule) rule
          = lectern_relay_rule_new ("ID", (LecternRelayMode) mode, lines[0], lines[1], NULL, NULL);
      g_autoptr (LecternRelayRule) fixed
          = lectern_relay_rule_parse ((LecternRelayMode) mode, value, NULL);

      if (rule != NULL)
        {
          check_rule (rule, lines[2]);
          /* Files are never let through where no folder is named. */
          if (lectern_relay_fence_check_url (fence, rule->url, NULL))
            g_assert (g_ascii_strncasecmp (rule->url, "file:", 5) != 0);
          g_assert (fixed != NULL);
        }
    }
  return 0;
}
