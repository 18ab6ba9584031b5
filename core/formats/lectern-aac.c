/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "formats/lectern-aac.h"

#include "formats/lectern-bit-reader.h"

#define TYPE_LC 2
#define TYPE_SBR 5
#define TYPE_PS 29
#define SYNC_SBR 0x2b7
#define SYNC_PS 0x548
#define MAX_RATE 192000

/* What is signalled so far, in the order of 1.6.2.1. */
typedef struct
{
  LecternBitReader bits;
  guint core; /* audio object types */
  guint extension;
  guint core_rate;
  guint rate;
  guint channels;
} AacConfig;

static guint
read_object_type (LecternBitReader *bits)
{
  guint type = lectern_bit_reader_read (bits, 5);

  return type == 31 ? 32 + lectern_bit_reader_read (bits, 6) : type;
}

/* Returns: 0 when it is reserved. */
static guint
read_rate (LecternBitReader *bits)
{
  static const guint rates[]
      = { 96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350 };
  guint index = lectern_bit_reader_read (bits, 4);

  if (index == 15)
    return lectern_bit_reader_read (bits, 24);
  return index < G_N_ELEMENTS (rates) ? rates[index] : 0;
}

/* Returns: the channels of a program_config_element (4.4.1.1). */
static guint
read_program (LecternBitReader *bits)
{
  guint channels = 0;
  guint elements;
  guint low;
  guint others;

  lectern_bit_reader_skip (bits, 4 + 2 + 4);
  elements = lectern_bit_reader_read (bits, 4) + lectern_bit_reader_read (bits, 4)
             + lectern_bit_reader_read (bits, 4);
  low = lectern_bit_reader_read (bits, 2);
  others = lectern_bit_reader_read (bits, 3) * 4 + lectern_bit_reader_read (bits, 4) * 5;
  if (lectern_bit_reader_read_flag (bits))
    lectern_bit_reader_skip (bits, 4);
  if (lectern_bit_reader_read_flag (bits))
    lectern_bit_reader_skip (bits, 4);
  if (lectern_bit_reader_read_flag (bits))
    lectern_bit_reader_skip (bits, 3);
  for (guint i = 0; i < elements; i++)
    {
      channels += lectern_bit_reader_read_flag (bits) ? 2 : 1;
      lectern_bit_reader_skip (bits, 4);
    }
  lectern_bit_reader_skip (bits, low * 4 + others);
  lectern_bit_reader_skip (bits, (8 - bits->offset % 8) % 8);
  lectern_bit_reader_skip (bits, (gsize) lectern_bit_reader_read (bits, 8) * 8);
  return channels + low;
}

static gboolean
is_general_audio (guint type)
{
  return (type >= 1 && type <= 4) || type == 6 || type == 7 || type == 17
         || (type >= 19 && type <= 23);
}

static gboolean
read_general_audio (AacConfig *self, guint layout)
{
  LecternBitReader *bits = &self->bits;
  gboolean extended;

  lectern_bit_reader_skip (bits, 1);
  if (lectern_bit_reader_read_flag (bits))
    lectern_bit_reader_skip (bits, 14);
  extended = lectern_bit_reader_read_flag (bits);
  if (layout == 0)
    self->channels = read_program (bits);
  if (self->core == 6 || self->core == 20)
    lectern_bit_reader_skip (bits, 3);
  if (extended && self->core == 22)
    lectern_bit_reader_skip (bits, 5 + 11);
  if (extended && (self->core == 17 || (self->core >= 19 && self->core <= 23 && self->core != 22)))
    lectern_bit_reader_skip (bits, 3);
  if (extended)
    lectern_bit_reader_skip (bits, 1);
  return !bits->overrun && self->channels > 0;
}

/* SBR and PS told behind a config that older decoders understand. Padding may follow instead. */
static void
read_late_extension (AacConfig *self)
{
  LecternBitReader bits = self->bits;
  guint rate;

  if (lectern_bit_reader_get_remaining (&bits) < 16
      || lectern_bit_reader_read (&bits, 11) != SYNC_SBR || read_object_type (&bits) != TYPE_SBR
      || !lectern_bit_reader_read_flag (&bits))
    return;
  rate = read_rate (&bits);
  if (bits.overrun || rate == 0 || rate > MAX_RATE)
    return;
  self->extension = TYPE_SBR;
  self->rate = rate;
  if (lectern_bit_reader_get_remaining (&bits) >= 12
      && lectern_bit_reader_read (&bits, 11) == SYNC_PS && lectern_bit_reader_read_flag (&bits))
    self->extension = TYPE_PS;
}

static gboolean
read_config (AacConfig *self)
{
  static const guint8 channels[16] = { [1] = 1, [2] = 2,  [3] = 3,  [4] = 4,   [5] = 5, [6] = 6,
                                       [7] = 8, [11] = 7, [12] = 8, [13] = 24, [14] = 8 };
  LecternBitReader *bits = &self->bits;
  guint layout;

  self->core = read_object_type (bits);
  self->core_rate = self->rate = read_rate (bits);
  layout = lectern_bit_reader_read (bits, 4);
  self->channels = channels[layout];
  if (self->core == TYPE_SBR || self->core == TYPE_PS)
    {
      self->extension = self->core;
      self->rate = read_rate (bits);
      self->core = read_object_type (bits);
      if (self->core == 22)
        lectern_bit_reader_skip (bits, 4);
    }
  if (bits->overrun || self->core == 0 || self->core == TYPE_SBR || self->core == TYPE_PS
      || self->core_rate == 0 || self->core_rate > MAX_RATE || self->rate == 0
      || self->rate > MAX_RATE)
    return FALSE;
  if (!is_general_audio (self->core))
    return self->channels > 0;
  if (!read_general_audio (self, layout))
    return FALSE;
  if (self->extension == 0)
    read_late_extension (self);
  return TRUE;
}

static void
name_profile (const AacConfig *config, LecternAacParameters *parameters)
{
  const char *name = NULL;

  if (config->extension != 0)
    name = config->extension == TYPE_PS ? "HEv2" : "HE";
  else if (config->core == 1)
    name = "Main";
  else if (config->core == TYPE_LC)
    name = "LC";
  else if (config->core == 23)
    name = "LD";
  else if (config->core == 39)
    name = "ELD";
  else if (config->core == 42)
    name = "xHE";
  if (name != NULL)
    g_strlcpy (parameters->name, name, sizeof parameters->name);
  else
    g_snprintf (parameters->name, sizeof parameters->name, "object type %u", config->core);
}

gboolean
lectern_aac_parse_config (const guint8 *data, gsize size, LecternAacParameters *parameters,
                          GError **error)
{
  AacConfig config = { .extension = 0 };

  lectern_bit_reader_init (&config.bits, data, size);
  if (!read_config (&config))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_INVALID_DATA,
                           "broken AAC configuration");
      return FALSE;
    }
  *parameters = (LecternAacParameters){
    .object_type = config.extension != 0 ? config.extension : config.core,
    .rate = config.rate,
    .channels = config.extension == TYPE_PS ? MAX (config.channels, 2) : config.channels,
  };
  name_profile (&config, parameters);
  return TRUE;
}
