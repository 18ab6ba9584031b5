/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Attributes of the element whose start tag is under way, in the forms of XML Schema. Values are
 * escaped; control characters, which XML 1.0 cannot carry, are left out. */
void lectern_dash_xml_put_text (GString *xml, const char *name, const char *value);
void lectern_dash_xml_put_number (GString *xml, const char *name, guint64 value);
/* xs:duration: "PT12.5S". */
void lectern_dash_xml_put_duration (GString *xml, const char *name, gint64 us);
/* xs:dateTime in UTC with milliseconds. */
void lectern_dash_xml_put_date (GString *xml, const char *name, gint64 wall_us);
/* Content between tags. */
void lectern_dash_xml_put_content (GString *xml, const char *text);
