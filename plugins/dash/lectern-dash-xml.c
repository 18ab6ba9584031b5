/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-dash-xml.h"

static const char *
get_entity (char c)
{
  switch (c)
    {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&apos;";
    default:
      return NULL;
    }
}

void
lectern_dash_xml_put_content (GString *xml, const char *text)
{
  for (const char *c = text; *c != '\0'; c++)
    {
      const char *entity = get_entity (*c);

      if (entity != NULL)
        g_string_append (xml, entity);
      else if (!g_ascii_iscntrl (*c))
        g_string_append_c (xml, *c);
    }
}

void
lectern_dash_xml_put_text (GString *xml, const char *name, const char *value)
{
  g_string_append_printf (xml, " %s=\"", name);
  lectern_dash_xml_put_content (xml, value);
  g_string_append_c (xml, '"');
}

void
lectern_dash_xml_put_number (GString *xml, const char *name, guint64 value)
{
  g_string_append_printf (xml, " %s=\"%" G_GUINT64_FORMAT "\"", name, value);
}

void
lectern_dash_xml_put_duration (GString *xml, const char *name, gint64 us)
{
  us = MAX (us, 0);
  g_string_append_printf (xml, " %s=\"PT%" G_GINT64_FORMAT, name, us / G_USEC_PER_SEC);
  us %= G_USEC_PER_SEC;
  if (us > 0)
    {
      g_string_append_printf (xml, ".%06d", (int) us);
      while (xml->str[xml->len - 1] == '0')
        g_string_truncate (xml, xml->len - 1);
    }
  g_string_append (xml, "S\"");
}

void
lectern_dash_xml_put_date (GString *xml, const char *name, gint64 wall_us)
{
  g_autoptr (GDateTime) seconds = g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC);
  g_autofree char *text
      = seconds != NULL ? g_date_time_format (seconds, "%Y-%m-%dT%H:%M:%S") : NULL;

  if (text != NULL)
    g_string_append_printf (xml, " %s=\"%s.%03dZ\"", name, text,
                            (int) (wall_us % G_USEC_PER_SEC / 1000));
}
