/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench-rtmp.h"
#include "bench-flv.h"

#include <string.h>

enum
{
  CHUNK = 128,
  AMF_NUMBER = 0,
  AMF_STRING = 2,
  AMF_OBJECT = 3,
  AMF_NULL = 5,
};

static void
append_byte (GByteArray *out, guint8 byte)
{
  g_byte_array_append (out, &byte, 1);
}

static void
append_key (GByteArray *out, const char *text)
{
  gsize size = strlen (text);

  append_byte (out, (guint8)(size >> 8));
  append_byte (out, (guint8)size);
  g_byte_array_append (out, (const guint8 *)text, (guint)size);
}

static void
append_string (GByteArray *out, const char *text)
{
  append_byte (out, AMF_STRING);
  append_key (out, text);
}

static void
append_number (GByteArray *out, double number)
{
  guint64 bits;

  memcpy (&bits, &number, 8);
  bits = GUINT64_TO_BE (bits);
  append_byte (out, AMF_NUMBER);
  g_byte_array_append (out, (const guint8 *)&bits, 8);
}

static void
append_property (GByteArray *out, const char *key, const char *value)
{
  append_key (out, key);
  append_string (out, value);
}

void
bench_rtmp_append (GByteArray *out, guint8 type, guint32 stream, const guint8 *body, gsize size)
{
  guint8 id = type == BENCH_RTMP_COMMAND ? 3 : 2;
  guint8 head[12] = { id };

  bench_put24 (head + 4, (guint32)size);
  head[7] = type;
  head[8] = (guint8)stream; /* little-endian, unlike the rest */
  g_byte_array_append (out, head, sizeof head);
  for (gsize at = 0; at < size; at += CHUNK)
    {
      if (at > 0)
        append_byte (out, 0xc0 | id);
      g_byte_array_append (out, body + at, (guint)MIN (size - at, CHUNK));
    }
}

void
bench_rtmp_append_connect (GByteArray *out, const BenchUrl *url)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autofree char *address = g_strdup_printf ("rtmp://%s:%d/%s", url->host, url->port, url->app);

  append_string (body, "connect");
  append_number (body, 1);
  append_byte (body, AMF_OBJECT);
  append_property (body, "app", url->app);
  append_property (body, "flashVer", "LNX 9,0,124,2");
  append_property (body, "tcUrl", address);
  append_key (body, "objectEncoding");
  append_number (body, 0);
  append_key (body, "");
  append_byte (body, 9);
  bench_rtmp_append (out, BENCH_RTMP_COMMAND, 0, body->data, body->len);
}

void
bench_rtmp_append_create (GByteArray *out)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();

  append_string (body, "createStream");
  append_number (body, 2);
  append_byte (body, AMF_NULL);
  bench_rtmp_append (out, BENCH_RTMP_COMMAND, 0, body->data, body->len);
}

void
bench_rtmp_append_start (GByteArray *out, const char *verb, const char *stream)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();

  append_string (body, verb);
  append_number (body, 3);
  append_byte (body, AMF_NULL);
  append_string (body, stream);
  if (strcmp (verb, "publish") == 0)
    append_string (body, "live");
  bench_rtmp_append (out, BENCH_RTMP_COMMAND, 1, body->data, body->len);
}

void
bench_rtmp_append_result (GByteArray *out, double id)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();

  append_string (body, "_result");
  append_number (body, id);
  append_byte (body, AMF_NULL);
  append_number (body, 1);
  bench_rtmp_append (out, BENCH_RTMP_COMMAND, 0, body->data, body->len);
}
