/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-cmaf.h"

/* Level 1b of the High profiles, which browsers do not know by its number. */
#define LEVEL_1B 9
#define LEVEL_1_1 11

/* ISO/IEC 14496-15, annex E: profile, constraints and level, as in the record. */
static char *
describe_h264 (const guint8 *config, gsize size)
{
  if (size < 4)
    return NULL;
  return g_strdup_printf ("avc1.%02x%02x%02x", config[1], config[2],
                          config[3] == LEVEL_1B ? LEVEL_1_1 : config[3]);
}

static guint32
reverse_bits (guint32 value)
{
  guint32 reversed = 0;

  for (guint i = 0; i < 32; i++)
    reversed |= (value >> i & 1) << (31 - i);
  return reversed;
}

/* ISO/IEC 14496-15, annex E.3. */
static char *
describe_h265 (const guint8 *config, gsize size)
{
  static const char *const spaces[] = { "", "A", "B", "C" };
  g_autoptr (GString) text = g_string_new (NULL);
  guint32 compatibility;
  guint last = 6;

  if (size < 13)
    return NULL;
  compatibility = (guint32) config[2] << 24 | config[3] << 16 | config[4] << 8 | config[5];
  g_string_printf (text, "hvc1.%s%u.%X.%c%u", spaces[config[1] >> 6], config[1] & 0x1F,
                   reverse_bits (compatibility), config[1] & 0x20 ? 'H' : 'L', config[12]);
  while (last > 0 && config[5 + last] == 0)
    last--;
  for (guint i = 1; i <= last; i++)
    g_string_append_printf (text, ".%X", config[5 + i]);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* AV1 in ISOBMFF, section 5. */
static char *
describe_av1 (const guint8 *config, gsize size)
{
  guint depth = 8;

  if (size < 4)
    return NULL;
  if (config[2] & 0x40)
    depth = config[2] & 0x20 ? 12 : 10;
  return g_strdup_printf ("av01.%u.%02u%c.%02u", config[1] >> 5, config[1] & 0x1F,
                          config[2] & 0x80 ? 'H' : 'M', depth);
}

/* VP Codec ISO Media File Format Binding. */
static char *
describe_vp9 (const guint8 *config, gsize size)
{
  if (size < 3)
    return NULL;
  return g_strdup_printf ("vp09.%02u.%02u.%02u", config[0], config[1], config[2] >> 4);
}

/* RFC 6381, 3.3; object types above 30 have six more bits. */
static char *
describe_aac (const guint8 *config, gsize size)
{
  guint type;

  if (size < 2)
    return NULL;
  type = config[0] >> 3;
  if (type == 31)
    type = 32 + ((config[0] & 7) << 3 | config[1] >> 5);
  return g_strdup_printf ("mp4a.40.%u", type);
}

char *
lectern_cmaf_get_codec_string (LecternTrack *track)
{
  gsize size = 0;
  const guint8 *config = track->config != NULL ? g_bytes_get_data (track->config, &size) : NULL;

  switch (track->codec)
    {
    case LECTERN_CODEC_H264:
      return describe_h264 (config, size);
    case LECTERN_CODEC_H265:
      return describe_h265 (config, size);
    case LECTERN_CODEC_AV1:
      return describe_av1 (config, size);
    case LECTERN_CODEC_VP9:
      return describe_vp9 (config, size);
    case LECTERN_CODEC_AAC:
      return describe_aac (config, size);
    case LECTERN_CODEC_MP3:
      return g_strdup ("mp4a.6B");
    case LECTERN_CODEC_OPUS:
      return g_strdup ("opus");
    default:
      return NULL;
    }
}
