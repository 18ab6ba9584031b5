/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-websocket-codec.h"

#include <string.h>

#define MAX_MESSAGE 65536

/* Frames are divided by "|". Each is the first byte in hex, letters and the payload behind a space:
 * u unmasked, w a 16-bit length, q a 64-bit length, x payload in hex, nN a payload of N times "a";
 * "N*" before it repeats it; "!" begins raw bytes in hex. Events are T text, B binary, P ping, O
 * pong, C close, E error; payload of other than text as <hex>, a long one as #length. */
typedef struct
{
  const char *name;
  const char *frames;
  const char *events;
} Case;

/* clang-format off */
static const Case cases[] = {
  { "empty-text", "81 ", "T:" },
  { "text", "81 hello", "T:hello" },
  { "empty-binary", "82 ", "B:" },
  { "binary", "82 hello", "B:hello" },
  { "text-of-1", "81n1", "T:a" },
  { "text-of-7", "81n7", "T:aaaaaaa" },
  { "text-of-8", "81n8", "T:aaaaaaaa" },
  { "text-of-9", "81n9", "T:aaaaaaaaa" },
  { "text-of-124", "81n124", "T#124" },
  { "text-of-125", "81n125", "T#125" },
  { "text-of-126", "81n126", "T#126" },
  { "text-of-127", "81n127", "T#127" },
  { "text-of-128", "81n128", "T#128" },
  { "text-of-1000", "81n1000", "T#1000" },
  { "text-of-65535", "81n65535", "T#65535" },
  { "text-of-65536", "81n65536", "T#65536" },
  { "binary-of-125", "82n125", "B#125" },
  { "binary-of-126", "82n126", "B#126" },
  { "binary-of-65535", "82n65535", "B#65535" },
  { "binary-of-65536", "82n65536", "B#65536" },
  { "two-messages", "81 a|82 b", "T:a|B:b" },
  { "many-messages", "9*81 a", "T:a|T:a|T:a|T:a|T:a|T:a|T:a|T:a|T:a" },
  { "message-of-the-largest-size-twice", "82n65536|82n65536", "B#65536|B#65536" },
  { "w-01-message-over-the-limit", "81n65537", "E:1009" },
  { "w-01-declared-length-over-the-limit", "82qn65537", "E:1009" },
  { "w-01-fragments-over-the-limit", "01n40000|80n40000", "E:1009" },
  { "w-01-endless-fragments", "01n1000|70*00n1000", "E:1009" },
  { "w-01-second-fragment-over-by-one", "02n65536|80n1", "E:1009" },
  { "w-01-empty-fragment-at-the-limit", "02n65536|80 ", "B#65536" },
  { "w-01-limit-holds-with-ping-between", "01n65536|89 a|80n1", "P:a|E:1009" },
  { "empty-ping", "89 ", "P:" },
  { "ping", "89 hello", "P:hello" },
  { "ping-of-125", "89n125", "P#125" },
  { "ping-binary", "89x 00ff80", "P:<00ff80>" },
  { "pong-unasked", "8a hello", "O:hello" },
  { "empty-pong", "8a ", "O:" },
  { "pong-of-125", "8an125", "O#125" },
  { "ten-pings", "10*89 x", "P:x|P:x|P:x|P:x|P:x|P:x|P:x|P:x|P:x|P:x" },
  { "w-02-ping-of-126", "89n126", "E:1002" },
  { "w-02-pong-of-126", "8an126", "E:1002" },
  { "w-02-close-of-126", "88n126", "E:1002" },
  { "w-02-ping-with-long-length", "89w ab", "E:1002" },
  { "w-02-ping-with-64-bit-length", "89q ab", "E:1002" },
  { "w-02-fragmented-ping", "09 a", "E:1002" },
  { "w-02-fragmented-pong", "0a a", "E:1002" },
  { "w-02-fragmented-close", "08x 03e8", "E:1002" },
  { "w-02-fragmented-ping-between-fragments", "01 a|09 b", "E:1002" },
  { "w-02-reserved-bits-c1", "c1 a", "E:1002" },
  { "w-02-reserved-bits-a1", "a1 a", "E:1002" },
  { "w-02-reserved-bits-91", "91 a", "E:1002" },
  { "w-02-reserved-bits-f1", "f1 a", "E:1002" },
  { "w-02-reserved-bits-c2", "c2 a", "E:1002" },
  { "w-02-reserved-bits-a2", "a2 a", "E:1002" },
  { "w-02-reserved-bits-92", "92 a", "E:1002" },
  { "w-02-reserved-bits-c9", "c9 a", "E:1002" },
  { "w-02-reserved-bits-a9", "a9 a", "E:1002" },
  { "w-02-reserved-bits-99", "99 a", "E:1002" },
  { "w-02-reserved-bits-ca", "ca a", "E:1002" },
  { "w-02-reserved-bits-c8", "c8 a", "E:1002" },
  { "w-02-reserved-bits-a8", "a8 a", "E:1002" },
  { "w-02-reserved-bits-98", "98 a", "E:1002" },
  { "w-02-reserved-bits-41", "41 a", "E:1002" },
  { "w-02-reserved-bits-21", "21 a", "E:1002" },
  { "w-02-reserved-bits-11", "11 a", "E:1002" },
  { "w-02-reserved-bit-on-second-message", "81 a|c1 b", "T:a|E:1002" },
  { "w-02-reserved-bit-on-continuation", "01 a|c0 b", "E:1002" },
  { "w-02-reserved-opcode-3", "83 a", "E:1002" },
  { "w-02-reserved-opcode-4", "84 a", "E:1002" },
  { "w-02-reserved-opcode-5", "85 a", "E:1002" },
  { "w-02-reserved-opcode-6", "86 a", "E:1002" },
  { "w-02-reserved-opcode-7", "87 a", "E:1002" },
  { "w-02-reserved-opcode-11", "8b a", "E:1002" },
  { "w-02-reserved-opcode-12", "8c a", "E:1002" },
  { "w-02-reserved-opcode-13", "8d a", "E:1002" },
  { "w-02-reserved-opcode-14", "8e a", "E:1002" },
  { "w-02-reserved-opcode-15", "8f a", "E:1002" },
  { "w-02-reserved-opcode-empty", "83 ", "E:1002" },
  { "w-02-reserved-opcode-after-text", "81 a|84 b", "T:a|E:1002" },
  { "w-02-reserved-opcode-between-fragments", "01 a|83 b", "E:1002" },
  { "w-02-unmasked-text", "81u hello", "E:1002" },
  { "w-02-unmasked-binary", "82u hello", "E:1002" },
  { "w-02-unmasked-empty", "81u ", "E:1002" },
  { "w-02-unmasked-ping", "89u a", "E:1002" },
  { "w-02-unmasked-close", "88ux 03e8", "E:1002" },
  { "w-02-unmasked-continuation", "01 a|80u b", "E:1002" },
  { "w-02-unmasked-second", "81 a|81u b", "T:a|E:1002" },
  { "w-02-needlessly-16-bit", "81w hello", "E:1002" },
  { "w-02-needlessly-16-bit-125", "81wn125", "E:1002" },
  { "w-02-needlessly-16-bit-empty", "81w ", "E:1002" },
  { "w-02-needlessly-64-bit", "81q hello", "E:1002" },
  { "w-02-needlessly-64-bit-126", "82qn126", "E:1002" },
  { "w-02-needlessly-64-bit-65535", "82qn65535", "E:1002" },
  { "w-02-length-with-high-bit", "!82ff8000000000000000", "E:1002" },
  { "w-02-length-all-ones", "!82ffffffffffffffffff", "E:1002" },
  { "w-01-length-of-63-bits", "!82ff7fffffffffffffff", "E:1009" },
  { "w-01-length-of-33-bits", "!82ff0000000100000000", "E:1009" },
  { "w-01-length-of-32-bits", "!82ff00000000ffffffff", "E:1009" },
  { "two-fragments", "01 a|80 b", "T:ab" },
  { "two-binary-fragments", "02 a|80 b", "B:ab" },
  { "three-fragments", "01 a|00 b|80 c", "T:abc" },
  { "empty-first-fragment", "01 |80 b", "T:b" },
  { "empty-last-fragment", "01 a|80 ", "T:a" },
  { "empty-middle-fragment", "01 a|00 |80 c", "T:ac" },
  { "all-fragments-empty", "01 |00 |80 ", "T:" },
  { "hundred-fragments", "01 a|98*00 a|80 a", "T#100" },
  { "fragments-of-thousand", "02n1000|00n1000|80n1000", "B#3000" },
  { "two-fragmented-messages", "01 a|80 b|02 c|80 d", "T:ab|B:cd" },
  { "fragmented-then-whole", "01 a|80 b|81 c", "T:ab|T:c" },
  { "ping-between-fragments", "01 a|89 p|80 b", "P:p|T:ab" },
  { "pings-between-fragments", "01 a|89 p|00 b|89 q|80 c", "P:p|P:q|T:abc" },
  { "pong-between-fragments", "02 a|8a p|80 b", "O:p|B:ab" },
  { "close-between-fragments", "01 a|88x 03e8", "C:1000:" },
  { "ping-between-and-empty-fragments", "01 |89 |80 ", "P:|T:" },
  { "w-02-continuation-alone", "80 a", "E:1002" },
  { "w-02-continuation-not-final-alone", "00 a", "E:1002" },
  { "w-02-continuation-empty-alone", "80 ", "E:1002" },
  { "w-02-continuation-after-message", "81 a|80 b", "T:a|E:1002" },
  { "w-02-continuation-after-fragmented", "01 a|80 b|80 c", "T:ab|E:1002" },
  { "w-02-text-within-text", "01 a|81 b", "E:1002" },
  { "w-02-text-fragment-within-text", "01 a|01 b", "E:1002" },
  { "w-02-binary-within-text", "01 a|82 b", "E:1002" },
  { "w-02-text-within-binary", "02 a|81 b", "E:1002" },
  { "w-02-continuation-after-ping", "89 a|80 b", "P:a|E:1002" },
  { "utf8-two-bytes", "81x c3a9", "T:é" },
  { "utf8-three-bytes", "81x e8afbee5a082", "T:课堂" },
  { "utf8-four-bytes", "81x f09f9880", "T:😀" },
  { "utf8-mixed-long",
    "81x 6162636465666768696a6b6c6d6e6f70e8afbe6162636465666768696a6bf09f988078797ac3a9",
    "T:abcdefghijklmnop课abcdefghijk😀xyzé" },
  { "utf8-nul", "81x 610062", "T:<610062>" },
  { "utf8-smallest-forms", "81x c280e0a080f0908080", "T:\302\200\340\240\200\360\220\200\200" },
  { "utf8-largest", "81x f48fbfbf", "T:\364\217\277\277" },
  { "utf8-noncharacters", "81x efbfbeefbfbf", "T:\357\277\276\357\277\277" },
  { "utf8-around-surrogates", "81x ed9fbfee8080", "T:\355\237\277\356\200\200" },
  { "utf8-byte-order-mark", "81x efbbbf61", "T:\357\273\277\141" },
  { "utf8-split-in-two", "01x e8af|80x be", "T:课" },
  { "utf8-split-in-three", "01x e8|00x af|80x be", "T:课" },
  { "utf8-split-in-four", "01x f0|00x 9f|00x 98|80x 80", "T:😀" },
  { "utf8-split-by-ping", "01x e8|89 p|80x afbe", "P:p|T:课" },
  { "utf8-split-by-empty-fragment", "01x e8|00 |80x afbe", "T:课" },
  { "binary-needs-no-utf8", "82x fffe80", "B:<fffe80>" },
  { "binary-fragments-need-no-utf8", "02x ff|80x fe", "B:<fffe>" },
  { "w-02-utf8-lone-continuation", "81x 80", "E:1007" },
  { "w-02-utf8-lone-continuation-after-text", "81x 6180", "E:1007" },
  { "w-02-utf8-two-byte-overlong", "81x c080", "E:1007" },
  { "w-02-utf8-two-byte-overlong-c1", "81x c1bf", "E:1007" },
  { "w-02-utf8-three-byte-overlong", "81x e080af", "E:1007" },
  { "w-02-utf8-three-byte-overlong-largest", "81x e09fbf", "E:1007" },
  { "w-02-utf8-four-byte-overlong", "81x f08080af", "E:1007" },
  { "w-02-utf8-four-byte-overlong-largest", "81x f08fbfbf", "E:1007" },
  { "w-02-utf8-five-bytes", "81x f888808080", "E:1007" },
  { "w-02-utf8-six-bytes", "81x fc8480808080", "E:1007" },
  { "w-02-utf8-fe", "81x fe", "E:1007" },
  { "w-02-utf8-ff", "81x ff", "E:1007" },
  { "w-02-utf8-high-surrogate", "81x eda080", "E:1007" },
  { "w-02-utf8-low-surrogate", "81x edbfbf", "E:1007" },
  { "w-02-utf8-surrogate-pair", "81x eda180edb080", "E:1007" },
  { "w-02-utf8-above-unicode", "81x f4908080", "E:1007" },
  { "w-02-utf8-f5", "81x f5808080", "E:1007" },
  { "w-02-utf8-interrupted", "81x e8af61", "E:1007" },
  { "w-02-utf8-interrupted-by-start", "81x e8e8afbe", "E:1007" },
  { "w-02-utf8-second-byte-ascii", "81x c361", "E:1007" },
  { "w-02-utf8-truncated-two", "81x c3", "E:1007" },
  { "w-02-utf8-truncated-three", "81x e8af", "E:1007" },
  { "w-02-utf8-truncated-four", "81x f09f98", "E:1007" },
  { "w-02-utf8-truncated-after-text", "81x 616263e8", "E:1007" },
  { "w-02-utf8-broken-in-first-fragment", "01x ff|80 a", "E:1007" },
  { "w-02-utf8-broken-across-fragments", "01x e8|80x 61", "E:1007" },
  { "w-02-utf8-truncated-at-last-fragment", "01x e8|80x af", "E:1007" },
  { "w-02-utf8-truncated-by-empty-last-fragment", "01x e8|80 ", "E:1007" },
  { "w-02-utf8-broken-before-the-end", "01x 61ff|00n100", "E:1007" },
  { "w-02-utf8-surrogate-across-fragments", "01x ed|80x a080", "E:1007" },
  { "w-02-utf8-state-is-fresh-for-the-next", "82x e8|81 a", "B:<e8>|T:a" },
  { "close-empty", "88 ", "C:1005:" },
  { "close-1000", "88x 03e8", "C:1000:" },
  { "close-1001", "88x 03e9", "C:1001:" },
  { "close-1002", "88x 03ea", "C:1002:" },
  { "close-1003", "88x 03eb", "C:1003:" },
  { "close-1007", "88x 03ef", "C:1007:" },
  { "close-1008", "88x 03f0", "C:1008:" },
  { "close-1009", "88x 03f1", "C:1009:" },
  { "close-1010", "88x 03f2", "C:1010:" },
  { "close-1011", "88x 03f3", "C:1011:" },
  { "close-1012", "88x 03f4", "C:1012:" },
  { "close-1013", "88x 03f5", "C:1013:" },
  { "close-1014", "88x 03f6", "C:1014:" },
  { "close-3000", "88x 0bb8", "C:3000:" },
  { "close-3999", "88x 0f9f", "C:3999:" },
  { "close-4000", "88x 0fa0", "C:4000:" },
  { "close-4999", "88x 1387", "C:4999:" },
  { "close-with-reason", "88x 03e8627965", "C:1000:bye" },
  { "close-with-utf8-reason", "88x 03e8e5868de8a781", "C:1000:再见" },
  { "close-with-longest-reason",
    "88x 03e861616161616161616161616161616161616161616161616161616161616161616161616161616161"
    "6161616161616161616161616161616161616161616161616161616161616161616161616161616161616161"
    "616161616161616161616161616161616161616161616161616161616161616161616161616161",
    "C:1000#123" },
  { "close-after-message", "81 a|88x 03e8", "T:a|C:1000:" },
  { "w-02-close-of-one-byte", "88x 03", "E:1002" },
  { "w-02-close-code-0", "88x 0000", "E:1002" },
  { "w-02-close-code-1", "88x 0001", "E:1002" },
  { "w-02-close-code-999", "88x 03e7", "E:1002" },
  { "w-02-close-code-1004", "88x 03ec", "E:1002" },
  { "w-02-close-code-1005", "88x 03ed", "E:1002" },
  { "w-02-close-code-1006", "88x 03ee", "E:1002" },
  { "w-02-close-code-1015", "88x 03f7", "E:1002" },
  { "w-02-close-code-1016", "88x 03f8", "E:1002" },
  { "w-02-close-code-1100", "88x 044c", "E:1002" },
  { "w-02-close-code-2000", "88x 07d0", "E:1002" },
  { "w-02-close-code-2999", "88x 0bb7", "E:1002" },
  { "w-02-close-code-5000", "88x 1388", "E:1002" },
  { "w-02-close-code-65535", "88x ffff", "E:1002" },
  { "w-02-close-reason-not-utf8", "88x 03e8ff", "E:1007" },
  { "w-02-close-reason-truncated-utf8", "88x 03e8e8af", "E:1007" },
  { "w-02-close-reason-surrogate", "88x 03e8eda080", "E:1007" },
  { "w-02-close-bad-code-and-reason", "88x 0000ff", "E:1002" },
  { "w-02-http-request", "!474554202f20485454502f312e31", "E:1002" },
  { "w-02-zeros", "!00000000", "E:1002" },
  { "incomplete-header", "!81", "" },
  { "incomplete-length", "!81fe00", "" },
  { "incomplete-mask", "!8185010203", "" },
  { "incomplete-payload", "!828501020304aabb", "" },
  { "incomplete-ping", "!898501020304aabb", "" },
};
/* clang-format on */

static void
put_hex (GByteArray *to, const char *hex, gsize length)
{
  gsize i;

  for (i = 0; i + 1 < length; i += 2)
    {
      guint8 byte
          = (guint8) (g_ascii_xdigit_value (hex[i]) * 16 + g_ascii_xdigit_value (hex[i + 1]));

      g_byte_array_append (to, &byte, 1);
    }
}

static void
put_length (GByteArray *to, gsize length, guint width, guint8 mask_bit)
{
  guint8 bytes[9] = { 0 };
  guint i;

  bytes[0] = mask_bit | (width == 0 ? (guint8) length : width == 2 ? 126 : 127);
  for (i = 0; i < width; i++)
    bytes[width - i] = (guint8) (length >> (8 * i));
  g_byte_array_append (to, bytes, 1 + width);
}

static void
put_payload (GByteArray *to, const GByteArray *payload, gboolean masked)
{
  static const guint8 mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
  guint i;

  if (!masked)
    {
      g_byte_array_append (to, payload->data, payload->len);
      return;
    }
  g_byte_array_append (to, mask, 4);
  for (i = 0; i < payload->len; i++)
    {
      guint8 byte = payload->data[i] ^ mask[i % 4];

      g_byte_array_append (to, &byte, 1);
    }
}

static void
put_frame (GByteArray *to, const char *frame)
{
  g_autoptr (GByteArray) payload = g_byte_array_new ();
  const char *space = strchr (frame, ' ');
  gsize letters = space != NULL ? (gsize) (space - frame) : strlen (frame);
  g_autofree char *options = g_strndup (frame + 2, letters - 2);
  const char *count = strchr (options, 'n');
  gboolean masked = strchr (options, 'u') == NULL;
  guint width;

  put_hex (to, frame, 2);
  if (strchr (options, 'x') != NULL)
    put_hex (payload, space + 1, strlen (space + 1));
  else if (space != NULL)
    g_byte_array_append (payload, (const guint8 *) space + 1, strlen (space + 1));
  if (count != NULL)
    {
      g_byte_array_set_size (payload, (guint) g_ascii_strtoull (count + 1, NULL, 10));
      memset (payload->data, 'a', payload->len);
    }
  width = payload->len < 126 ? 0 : payload->len < 65536 ? 2 : 8;
  if (strchr (options, 'w') != NULL)
    width = 2;
  if (strchr (options, 'q') != NULL)
    width = 8;
  put_length (to, payload->len, width, masked ? 0x80 : 0);
  put_payload (to, payload, masked);
}

static GByteArray *
make_bytes (const char *frames)
{
  g_auto (GStrv) parts = g_strsplit (frames, "|", -1);
  GByteArray *bytes = g_byte_array_new ();
  guint i;

  if (*frames == '!')
    {
      put_hex (bytes, frames + 1, strlen (frames + 1));
      return bytes;
    }
  for (i = 0; parts[i] != NULL; i++)
    {
      const char *star = strchr (parts[i], '*');
      guint times = star != NULL ? (guint) g_ascii_strtoull (parts[i], NULL, 10) : 1;

      while (times-- > 0)
        put_frame (bytes, star != NULL ? star + 1 : parts[i]);
    }
  return bytes;
}

static void
log_payload (GString *to, const guint8 *data, gsize length)
{
  gsize i;

  if (length > 60)
    g_string_append_printf (to, "#%" G_GSIZE_FORMAT, length);
  else if (g_utf8_validate ((const char *) data, (gssize) length, NULL))
    g_string_append_printf (to, ":%.*s", (int) length, (const char *) data);
  else
    {
      g_string_append (to, ":<");
      for (i = 0; i < length; i++)
        g_string_append_printf (to, "%02x", data[i]);
      g_string_append_c (to, '>');
    }
}

static void
log_event (GString *to, const LecternWebsocketEvent *event)
{
  if (to->len > 0)
    g_string_append_c (to, '|');
  switch (event->kind)
    {
    case LECTERN_WEBSOCKET_EVENT_MESSAGE:
      g_string_append_c (to, event->text ? 'T' : 'B');
      log_payload (to, event->data, event->length);
      break;
    case LECTERN_WEBSOCKET_EVENT_PING:
      g_string_append_c (to, 'P');
      log_payload (to, event->data, event->length);
      break;
    case LECTERN_WEBSOCKET_EVENT_PONG:
      g_string_append_c (to, 'O');
      log_payload (to, event->data, event->length);
      break;
    case LECTERN_WEBSOCKET_EVENT_CLOSE:
      g_string_append_printf (to, "C:%u", event->code);
      log_payload (to, event->length > 2 ? event->data + 2 : event->data,
                   event->length > 2 ? event->length - 2 : 0);
      break;
    default:
      g_string_append_printf (to, "E:%u", event->code);
      break;
    }
}

/* Feeds what came so far as a connection does: what is unconsumed comes again. Returns: whether
 * more may follow. */
static gboolean
feed (LecternWebsocketCodec *codec, const GByteArray *bytes, gsize *used, gsize came, GString *log)
{
  LecternWebsocketEvent event;

  do
    {
      /* A copy of just these bytes, so that reading past them is seen. */
      g_autofree guint8 *part = g_memdup2 (bytes->data + *used, came - *used);
      gsize size = lectern_websocket_codec_feed (codec, part, came - *used, &event);

      g_assert_cmpuint (size, <=, came - *used);
      *used += size;
      if (event.kind == LECTERN_WEBSOCKET_EVENT_NONE)
        return TRUE;
      log_event (log, &event);
    }
  while (event.kind != LECTERN_WEBSOCKET_EVENT_ERROR
         && event.kind != LECTERN_WEBSOCKET_EVENT_CLOSE);
  return FALSE;
}

/* @first bytes, then @each by @each. */
static void
run_split (const Case *this, const GByteArray *bytes, gsize first, gsize each)
{
  g_autoptr (GString) log = g_string_new (NULL);
  LecternWebsocketCodec codec;
  gsize used = 0, came = MIN (first, bytes->len);

  lectern_websocket_codec_init (&codec, MAX_MESSAGE);
  while (feed (&codec, bytes, &used, came, log) && came < bytes->len)
    came = MIN (came + each, bytes->len);
  lectern_websocket_codec_clear (&codec);
  g_assert_cmpstr (log->str, ==, this->events);
}

static void
test_case (gconstpointer data)
{
  const Case *this = data;
  g_autoptr (GByteArray) bytes = make_bytes (this->frames);
  gsize first;

  run_split (this, bytes, bytes->len, 1);
  run_split (this, bytes, 1, bytes->len > 4096 ? 997 : 1);
  for (first = 0; first < MIN (bytes->len, 300); first++)
    run_split (this, bytes, first, bytes->len);
}

/* What the codec writes, it would read from a client but for the mask. */
static void
test_header (void)
{
  static const struct
  {
    guint64 length;
    gsize size;
    const char *hex;
  } rows[] = {
    { 0, 2, "8100" },
    { 125, 2, "817d" },
    { 126, 4, "817e007e" },
    { 65535, 4, "817effff" },
    { 65536, 10, "817f0000000000010000" },
    { G_GUINT64_CONSTANT (0x7fffffffffffffff), 10, "817f7fffffffffffffff" },
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) expected = g_byte_array_new ();
      guint8 header[10];

      put_hex (expected, rows[i].hex, strlen (rows[i].hex));
      g_assert_cmpuint (
          lectern_websocket_codec_put_header (header, LECTERN_WEBSOCKET_TEXT, rows[i].length), ==,
          rows[i].size);
      g_assert_cmpmem (header, rows[i].size, expected->data, expected->len);
    }
}

static void
test_idle_memory (void)
{
  g_autoptr (GByteArray) bytes = make_bytes ("82n60000");
  LecternWebsocketCodec codec;
  LecternWebsocketEvent event;

  lectern_websocket_codec_init (&codec, MAX_MESSAGE);
  lectern_websocket_codec_feed (&codec, bytes->data, bytes->len, &event);
  g_assert_cmpuint (event.length, ==, 60000);
  lectern_websocket_codec_feed (&codec, bytes->data, 0, &event);
  g_assert_null (codec.message);
  g_assert_cmpuint (sizeof codec, <=, 256);
}

int
main (int argc, char **argv)
{
  guint i;

  g_test_init (&argc, &argv, NULL);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/http/websocket-codec/%s", cases[i].name);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/http/websocket-codec/writes-headers", test_header);
  g_test_add_func ("/http/websocket-codec/keeps-nothing-between-messages", test_idle_memory);
  return g_test_run ();
}
