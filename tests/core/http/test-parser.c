/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http/lectern-http-parser.h"

#include <string.h>

typedef struct
{
  const char *name;
  const char *bytes;
  gsize size;
  const char *summary; /* method path query minor host length flags; NULL: refused */
  guint status;
} Case;

#define ACCEPT(name, bytes, summary)                                                               \
  {                                                                                                \
    name, bytes, sizeof bytes - 1, summary, 0                                                      \
  }
#define REFUSE(name, bytes, status)                                                                \
  {                                                                                                \
    name, bytes, sizeof bytes - 1, NULL, status                                                    \
  }

/* clang-format off */
static const Case cases[] = {
  ACCEPT ("plain-get",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("path-and-query",
    "GET /live/x.flv?a=1&b=2 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /live/x.flv a=1&b=2 1 a -1 k"),
  ACCEPT ("empty-query",
    "GET /x? HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /x  1 a -1 k"),
  ACCEPT ("question-mark-in-query",
    "GET /x?a?b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /x a?b 1 a -1 k"),
  ACCEPT ("query-that-browsers-send",
    "GET /x?{}|^`[]\\ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /x {}|^`[]\\ 1 a -1 k"),
  ACCEPT ("escape-in-query-kept",
    "GET /x?a=%2F%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /x a=%2F%00 1 a -1 k"),
  ACCEPT ("escaped-path",
    "GET /a%20b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a b - 1 a -1 k"),
  ACCEPT ("escaped-utf8-path",
    "GET /%E8%AF%BE HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\350\257\276 - 1 a -1 k"),
  ACCEPT ("escaped-percent-decoded-once",
    "GET /a%2541 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%41 - 1 a -1 k"),
  ACCEPT ("escaped-double-dot-decoded-once",
    "GET /%252e%252e/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /%2e%2e/x - 1 a -1 k"),
  ACCEPT ("lower-case-escape",
    "GET /%e8%af%be HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\350\257\276 - 1 a -1 k"),
  ACCEPT ("sub-delims-in-path",
    "GET /!$&'()*+,;=:@-._~ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /!$&'()*+,;=:@-._~ - 1 a -1 k"),
  ACCEPT ("dots-in-names",
    "GET /.a/..b/c../...x/... HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /.a/..b/c../...x/... - 1 a -1 k"),
  ACCEPT ("empty-segments",
    "GET //a// HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET //a// - 1 a -1 k"),
  ACCEPT ("method-head",
    "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD / - 1 a -1 k"),
  ACCEPT ("method-delete",
    "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n",
    "DELETE / - 1 a -1 k"),
  ACCEPT ("method-put",
    "PUT / HTTP/1.1\r\nHost: a\r\n\r\n",
    "PUT / - 1 a -1 k"),
  ACCEPT ("method-patch",
    "PATCH / HTTP/1.1\r\nHost: a\r\n\r\n",
    "PATCH / - 1 a -1 k"),
  ACCEPT ("method-post",
    "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / - 1 a -1 k"),
  ACCEPT ("method-trace",
    "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    "TRACE / - 1 a -1 k"),
  ACCEPT ("options-asterisk",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * - 1 a -1 k"),
  ACCEPT ("options-path",
    "OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS /x - 1 a -1 k"),
  ACCEPT ("absolute-form",
    "GET http://b.example:81/p?q HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /p q 1 b.example:81 -1 k"),
  ACCEPT ("absolute-form-beats-host",
    "GET http://b/p HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /p - 1 b -1 k"),
  ACCEPT ("absolute-form-https",
    "GET HTTPS://b/p HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /p - 1 b -1 k"),
  ACCEPT ("absolute-form-without-path",
    "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / - 1 b -1 k"),
  ACCEPT ("absolute-form-query-alone",
    "GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / q 1 b -1 k"),
  ACCEPT ("absolute-form-of-an-ip",
    "GET http://[::1]:8000/p HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /p - 1 [::1]:8000 -1 k"),
  ACCEPT ("options-absolute",
    "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS / - 1 b -1 k"),
  ACCEPT ("http-1.0",
    "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    "GET / - 0 a -1 "),
  ACCEPT ("http-1.0-without-host",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / - 0 - -1 "),
  ACCEPT ("http-1.0-keep-alive",
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    "GET / - 0 - -1 k"),
  ACCEPT ("http-1.0-ignores-expect",
    "POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 3\r\n\r\n",
    "POST / - 0 - 3 "),
  ACCEPT ("host-with-port",
    "GET / HTTP/1.1\r\nHost: a.b-c_d:8000\r\n\r\n",
    "GET / - 1 a.b-c_d:8000 -1 k"),
  ACCEPT ("host-ipv4",
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "GET / - 1 127.0.0.1 -1 k"),
  ACCEPT ("host-ipv6",
    "GET / HTTP/1.1\r\nHost: [2001:db8::1]:1\r\n\r\n",
    "GET / - 1 [2001:db8::1]:1 -1 k"),
  ACCEPT ("host-port-zero",
    "GET / HTTP/1.1\r\nHost: a:0\r\n\r\n",
    "GET / - 1 a:0 -1 k"),
  ACCEPT ("host-largest-port",
    "GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n",
    "GET / - 1 a:65535 -1 k"),
  ACCEPT ("host-in-any-case",
    "GET / HTTP/1.1\r\nhOsT: a\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("value-without-space",
    "GET / HTTP/1.1\r\nHost:a\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("value-with-tabs-around",
    "GET / HTTP/1.1\r\nHost:\t a \t\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("empty-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("blank-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \t \r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("colons-in-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a:b::c\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("obs-text-in-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \377\200\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("odd-token-as-name",
    "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~0aZ: x\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("one-empty-line-before",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("content-length",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    "POST / - 1 a 5 k"),
  ACCEPT ("content-length-zero",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "POST / - 1 a 0 k"),
  ACCEPT ("content-length-with-zeros",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\n",
    "POST / - 1 a 5 k"),
  ACCEPT ("content-length-largest",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n",
    "POST / - 1 a 9223372036854775807 k"),
  ACCEPT ("get-with-content-length",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    "GET / - 1 a 5 k"),
  ACCEPT ("chunked",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / - 1 a -1 ck"),
  ACCEPT ("chunked-in-any-case",
    "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED \r\n\r\n",
    "POST / - 1 a -1 ck"),
  ACCEPT ("identity-content",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\n"
    "Content-Length: 1\r\n\r\n",
    "POST / - 1 a 1 k"),
  ACCEPT ("close",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET / - 1 a -1 "),
  ACCEPT ("close-in-a-list",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close ,y\r\n\r\n",
    "GET / - 1 a -1 "),
  ACCEPT ("close-in-a-second-line",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n",
    "GET / - 1 a -1 "),
  ACCEPT ("closed-is-not-close",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("expect-continue",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n"
    "\r\n",
    "POST / - 1 a 1 ke"),
  ACCEPT ("expect-continue-chunked",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    "Transfer-Encoding: chunked\r\n\r\n",
    "POST / - 1 a -1 cke"),
  ACCEPT ("expect-without-a-body",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("upgrade",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "GET / - 1 a -1 kw"),
  ACCEPT ("upgrade-in-a-list",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"
    "Upgrade: h2c, WebSocket\r\n\r\n",
    "GET / - 1 a -1 kw"),
  ACCEPT ("upgrade-without-connection",
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
    "GET / - 1 a -1 k"),
  ACCEPT ("upgrade-of-a-post",
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    "\r\n",
    "POST / - 1 a -1 k"),
  ACCEPT ("upgrade-of-http-1.0",
    "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "GET / - 0 a -1 "),
  ACCEPT ("upgrade-to-something-else",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "GET / - 1 a -1 k"),
  REFUSE ("bare-lf-line-ends",
    "GET / HTTP/1.1\nHost: a\n\n", 400),
  REFUSE ("bare-lf-after-request-line",
    "GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
  REFUSE ("bare-lf-after-header",
    "GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
  REFUSE ("bare-lf-as-end",
    "GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
  REFUSE ("bare-cr-in-request-line",
    "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("bare-cr-in-value",
    "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400),
  REFUSE ("bare-cr-as-end",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 400),
  REFUSE ("double-cr",
    "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400),
  REFUSE ("two-empty-lines-before",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("bare-lf-before",
    "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("space-before-method",
    " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("tls-hello",
    "\026\003\001\002\000\001", 400),
  REFUSE ("nul-in-request-line",
    "GET /\000 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("nul-in-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\000b\r\n\r\n", 400),
  REFUSE ("bell-in-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\007b\r\n\r\n", 400),
  REFUSE ("vertical-tab-in-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\013b\r\n\r\n", 400),
  REFUSE ("form-feed-in-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\014b\r\n\r\n", 400),
  REFUSE ("escape-in-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\033b\r\n\r\n", 400),
  REFUSE ("delete-in-value",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\177b\r\n\r\n", 400),
  REFUSE ("nul-in-name",
    "GET / HTTP/1.1\r\nHost: a\r\nX\000: a\r\n\r\n", 400),
  REFUSE ("folded-line",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
  REFUSE ("folded-line-with-tab",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", 400),
  REFUSE ("folded-first-line",
    "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
  REFUSE ("space-before-colon",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
  REFUSE ("tab-before-colon",
    "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", 400),
  REFUSE ("space-in-name",
    "GET / HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n", 400),
  REFUSE ("no-colon",
    "GET / HTTP/1.1\r\nHost: a\r\nXyz\r\n\r\n", 400),
  REFUSE ("empty-name",
    "GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", 400),
  REFUSE ("quote-in-name",
    "GET / HTTP/1.1\r\nHost: a\r\nX\": a\r\n\r\n", 400),
  REFUSE ("parenthesis-in-name",
    "GET / HTTP/1.1\r\nHost: a\r\nX(: a\r\n\r\n", 400),
  REFUSE ("slash-in-name",
    "GET / HTTP/1.1\r\nHost: a\r\nX/: a\r\n\r\n", 400),
  REFUSE ("at-in-name",
    "GET / HTTP/1.1\r\nHost: a\r\nX@: a\r\n\r\n", 400),
  REFUSE ("bracket-in-name",
    "GET / HTTP/1.1\r\nHost: a\r\nX[: a\r\n\r\n", 400),
  REFUSE ("equals-in-name",
    "GET / HTTP/1.1\r\nHost: a\r\nX=: a\r\n\r\n", 400),
  REFUSE ("obs-text-in-name",
    "GET / HTTP/1.1\r\nHost: a\r\nX\351: a\r\n\r\n", 400),
  REFUSE ("no-host",
    "GET / HTTP/1.1\r\n\r\n", 400),
  REFUSE ("no-host-but-others",
    "GET / HTTP/1.1\r\nX: a\r\n\r\n", 400),
  REFUSE ("two-hosts",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
  REFUSE ("two-equal-hosts",
    "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400),
  REFUSE ("two-hosts-of-http-1.0",
    "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
  REFUSE ("no-host-with-absolute-form",
    "GET http://a/ HTTP/1.1\r\n\r\n", 400),
  REFUSE ("two-hosts-with-absolute-form",
    "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
  REFUSE ("host-empty",
    "GET / HTTP/1.1\r\nHost: \r\n\r\n", 400),
  REFUSE ("host-with-user",
    "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
  REFUSE ("host-with-space",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
  REFUSE ("host-with-slash",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
  REFUSE ("host-with-comma-list",
    "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
  REFUSE ("host-with-two-ports",
    "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400),
  REFUSE ("host-with-empty-port",
    "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 400),
  REFUSE ("host-with-large-port",
    "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400),
  REFUSE ("host-with-long-port",
    "GET / HTTP/1.1\r\nHost: a:000001\r\n\r\n", 400),
  REFUSE ("host-with-word-port",
    "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
  REFUSE ("host-port-alone",
    "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400),
  REFUSE ("host-with-open-bracket",
    "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
  REFUSE ("host-with-empty-brackets",
    "GET / HTTP/1.1\r\nHost: []\r\n\r\n", 400),
  REFUSE ("host-with-text-in-brackets",
    "GET / HTTP/1.1\r\nHost: [x::1]\r\n\r\n", 400),
  REFUSE ("host-with-text-behind-brackets",
    "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400),
  REFUSE ("host-with-question-mark",
    "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", 400),
  REFUSE ("host-with-hash",
    "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", 400),
  REFUSE ("host-with-backslash",
    "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", 400),
  REFUSE ("host-with-obs-text",
    "GET / HTTP/1.1\r\nHost: \351\r\n\r\n", 400),
  REFUSE ("host-with-quote",
    "GET / HTTP/1.1\r\nHost: \"a\"\r\n\r\n", 400),
  REFUSE ("content-length-empty",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400),
  REFUSE ("content-length-signed",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400),
  REFUSE ("content-length-negative",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400),
  REFUSE ("content-length-hexadecimal",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400),
  REFUSE ("content-length-word",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\n", 400),
  REFUSE ("content-length-with-spaces",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", 400),
  REFUSE ("content-length-list",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400),
  REFUSE ("content-length-fraction",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\n", 400),
  REFUSE ("content-length-too-large",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", 400),
  REFUSE ("content-length-far-too-large",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999999\r\n"
    "\r\n", 400),
  REFUSE ("content-length-with-underscore",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n", 400),
  REFUSE ("content-length-with-obs-text",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\240\r\n\r\n", 400),
  REFUSE ("two-content-lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
  REFUSE ("two-equal-content-lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
  REFUSE ("h-01-length-and-chunked",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    "Transfer-Encoding: chunked\r\n\r\n", 400),
  REFUSE ("chunked-and-length",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    "Content-Length: 5\r\n\r\n", 400),
  REFUSE ("chunked-and-length-zero",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    "Content-Length: 0\r\n\r\n", 400),
  REFUSE ("chunked-of-http-1.0",
    "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
  REFUSE ("two-chunked-lines",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    "Transfer-Encoding: chunked\r\n\r\n", 400),
  REFUSE ("identity-and-chunked-lines",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n"
    "Transfer-Encoding: chunked\r\n\r\n", 400),
  REFUSE ("transfer-encoding-empty",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \r\n\r\n", 501),
  REFUSE ("transfer-encoding-gzip",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
  REFUSE ("transfer-encoding-gzip-then-chunked",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
  REFUSE ("transfer-encoding-chunked-twice",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501),
  REFUSE ("transfer-encoding-chunked-then-more",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 501),
  REFUSE ("transfer-encoding-identity",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501),
  REFUSE ("transfer-encoding-chunked-with-parameter",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n", 501),
  REFUSE ("transfer-encoding-with-prefix",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
  REFUSE ("transfer-encoding-quoted",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 501),
  REFUSE ("transfer-encoding-chunked-comma",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", 501),
  REFUSE ("transfer-encoding-with-vertical-tab",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \013chunked\r\n\r\n", 400),
  REFUSE ("transfer-encoding-with-space-before-colon",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400),
  REFUSE ("h-08-content-encoding-gzip",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n"
    "\r\n", 415),
  REFUSE ("h-08-content-encoding-zstd",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: zstd\r\nContent-Length: 5\r\n"
    "\r\n", 415),
  REFUSE ("h-08-content-encoding-br",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 5\r\n"
    "\r\n", 415),
  REFUSE ("h-08-content-encoding-deflate",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: deflate\r\n"
    "Content-Length: 5\r\n\r\n", 415),
  REFUSE ("h-08-content-encoding-list",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity, gzip\r\n"
    "Content-Length: 5\r\n\r\n", 415),
  REFUSE ("h-08-content-encoding-empty",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: \r\nContent-Length: 5\r\n\r\n", 415),
  REFUSE ("other-expectation",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417),
  REFUSE ("two-spaces-before-target",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("two-spaces-before-version",
    "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("tab-in-request-line",
    "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("space-behind-version",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
  REFUSE ("no-version",
    "GET /\r\nHost: a\r\n\r\n", 400),
  REFUSE ("no-target",
    "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("method-alone",
    "GET\r\nHost: a\r\n\r\n", 400),
  REFUSE ("empty-method",
    " / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("version-lower-case",
    "GET / http/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("version-short",
    "GET / HTTP/1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("version-long",
    "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
  REFUSE ("version-comma",
    "GET / HTTP/1,1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("version-word",
    "GET / HTTP/x.y\r\nHost: a\r\n\r\n", 400),
  REFUSE ("version-space",
    "GET / HTTP /1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("version-other-name",
    "GET / HTTQ/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("version-rtsp",
    "GET / RTSP/1.0\r\nHost: a\r\n\r\n", 400),
  REFUSE ("version-1.2",
    "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
  REFUSE ("version-2.0",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
  REFUSE ("version-0.9",
    "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
  REFUSE ("version-3.0",
    "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
  REFUSE ("http-2-preface",
    "PRI * HTTP/2.0\r\n\r\n", 505),
  REFUSE ("method-unknown",
    "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
  REFUSE ("method-lower-case",
    "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
  REFUSE ("method-connect",
    "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
  REFUSE ("method-websocket",
    "WEBSOCKET / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
  REFUSE ("method-with-colon",
    "GE:T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("method-with-obs-text",
    "G\311T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-asterisk",
    "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-authority",
    "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-relative",
    "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-other-scheme",
    "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-scheme-without-host",
    "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-user-in-authority",
    "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-bad-port",
    "GET http://a:x/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-backslash-authority",
    "GET http://a\\b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-query-alone",
    "GET ?x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-empty-scheme",
    "GET ://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-raw-utf8",
    "GET /\350\257\276 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-hash",
    "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-quote",
    "GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-angle",
    "GET /a<b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-caret",
    "GET /a^b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-pipe",
    "GET /a|b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-brace",
    "GET /a{b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-raw-backslash",
    "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-hash-in-query",
    "GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-quote-in-query",
    "GET /a?\" HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-utf8-in-query",
    "GET /a?\350 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-truncated-escape",
    "GET /a%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-lone-percent",
    "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-bad-escape",
    "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-half-escape",
    "GET /a%4g HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-unicode-escape",
    "GET /a%u0041 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-nul",
    "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-control",
    "GET /a%1fb HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-newline",
    "GET /a%0d%0ab HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-delete",
    "GET /a%7f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-escaped-slash",
    "GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-escaped-slash-upper",
    "GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-escaped-backslash",
    "GET /a%5cb HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-dot-dot",
    "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-dot-dot-at-end",
    "GET /a/.. HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-dot-dot-at-start",
    "GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-dot",
    "GET /a/./b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-dot-at-end",
    "GET /a/. HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-escaped-dot-dot",
    "GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-half-escaped-dot-dot",
    "GET /a/.%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-escaped-dot",
    "GET /%2e HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-overlong-slash",
    "GET /a%c0%afb HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-overlong-dot",
    "GET /%c0%ae%c0%ae/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-overlong-nul",
    "GET /%c0%80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-overlong-three",
    "GET /%e0%80%af HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-surrogate",
    "GET /%ed%a0%80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-above-unicode",
    "GET /%f4%90%80%80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-truncated-utf8",
    "GET /%e8%af HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-lone-continuation",
    "GET /%80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-fe",
    "GET /%fe HTTP/1.1\r\nHost: a\r\n\r\n", 400),
  REFUSE ("target-h-06-absolute-form-dots",
    "GET http://a/../b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
};
/* clang-format on */

static char *
summarize (const LecternHttpRequest *request)
{
  return g_strdup_printf ("%s %s %s %u %s %" G_GINT64_FORMAT " %s%s%s%s", request->method,
                          request->path, request->query != NULL ? request->query : "-",
                          request->minor, request->host != NULL ? request->host : "-",
                          request->content_length, request->chunked ? "c" : "",
                          request->keep_alive ? "k" : "", request->expects_continue ? "e" : "",
                          request->wants_websocket ? "w" : "");
}

/* Feeds @bytes in two parts, the first of @first bytes. Returns: the status, or 0. */
static guint
read_request (const char *bytes, gsize length, gsize first, LecternHttpRequest *request)
{
  LecternHttpScanner scanner;
  LecternHttpRefusal refusal = { 0, NULL };
  gsize size;

  lectern_http_scanner_init (&scanner, 16 * 1024, 100);
  if (!lectern_http_scanner_feed (&scanner, (const guint8 *) bytes, first, &size, &refusal))
    return refusal.status;
  if (size == 0
      && !lectern_http_scanner_feed (&scanner, (const guint8 *) bytes, length, &size, &refusal))
    return refusal.status;
  g_assert_cmpuint (size, ==, length);
  if (lectern_http_request_parse (request, (const guint8 *) bytes, size, &refusal))
    return 0;
  g_assert_nonnull (refusal.reason);
  return refusal.status;
}

static void
test_case (gconstpointer data)
{
  const Case *this = data;
  gsize first;

  for (first = 0; first <= this->size; first++)
    {
      g_autofree char *bytes = g_memdup2 (this->bytes, this->size);
      g_auto (LecternHttpRequest) request = { 0 };
      g_autofree char *summary = NULL;

      g_assert_cmpuint (read_request (bytes, this->size, first, &request), ==, this->status);
      if (this->summary == NULL)
        continue;
      summary = summarize (&request);
      g_assert_cmpstr (summary, ==, this->summary);
    }
}

/* Feeds @text byte by byte. Returns: the status, 0 when it was accepted. */
static guint
try_text (const char *text, gsize head_size, guint headers)
{
  LecternHttpScanner scanner;
  LecternHttpRefusal refusal = { 0, NULL };
  g_auto (LecternHttpRequest) request = { 0 };
  gsize i, size = 0;

  lectern_http_scanner_init (&scanner, head_size, headers);
  for (i = 1; i <= strlen (text) && size == 0; i++)
    if (!lectern_http_scanner_feed (&scanner, (const guint8 *) text, i, &size, &refusal))
      return refusal.status;
  g_assert_cmpuint (size, >, 0);
  return lectern_http_request_parse (&request, (const guint8 *) text, size, &refusal)
             ? 0
             : refusal.status;
}

static void
test_target_limit (void)
{
  g_autofree char *most = g_strnfill (LECTERN_HTTP_TARGET_MAX - 1, 'a');
  g_autofree char *fits = g_strdup_printf ("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", most);
  g_autofree char *over = g_strdup_printf ("GET /%sa HTTP/1.1\r\nHost: a\r\n\r\n", most);
  g_autofree char *endless = g_strdup_printf ("GET /%s%s", most, most);

  g_assert_cmpuint (try_text (fits, 16 * 1024, 100), ==, 0);
  g_assert_cmpuint (try_text (over, 16 * 1024, 100), ==, 414);
  g_assert_cmpuint (try_text (endless, 16 * 1024, 100), ==, 414);
}

static void
test_head_limit (void)
{
  static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  g_autofree char *most = g_strnfill (1024 - strlen (start) - 4, 'a');
  g_autofree char *fits = g_strdup_printf ("%s%s\r\n\r\n", start, most);
  g_autofree char *over = g_strdup_printf ("%sa%s\r\n\r\n", start, most);

  g_assert_cmpuint (try_text (fits, 1024, 100), ==, 0);
  g_assert_cmpuint (try_text (over, 1024, 100), ==, 431);
}

static void
test_header_limit (void)
{
  g_autoptr (GString) text = g_string_new ("GET / HTTP/1.1\r\nHost: a\r\n");
  g_autofree char *over = NULL;
  guint i;

  for (i = 1; i < 100; i++)
    g_string_append_printf (text, "X-%u: y\r\n", i);
  over = g_strdup_printf ("%sX: y\r\n\r\n", text->str);
  g_string_append (text, "\r\n");
  g_assert_cmpuint (try_text (text->str, 16 * 1024, 100), ==, 0);
  g_assert_cmpuint (try_text (over, 16 * 1024, 100), ==, 431);
}

static void
test_pipelined (void)
{
  static const char two[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  LecternHttpScanner scanner;
  LecternHttpRefusal refusal;
  gsize size;

  lectern_http_scanner_init (&scanner, 1024, 10);
  g_assert_true (
      lectern_http_scanner_feed (&scanner, (const guint8 *) two, sizeof two - 1, &size, &refusal));
  g_assert_cmpuint (size, ==, (sizeof two - 1) / 2);
}

static void
test_lookup (void)
{
  static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: one\r\nx: two, Three\r\n\r\n";
  g_auto (LecternHttpRequest) request = { 0 };
  LecternHttpRefusal refusal;

  g_assert_true (
      lectern_http_request_parse (&request, (const guint8 *) text, sizeof text - 1, &refusal));
  g_assert_cmpstr (lectern_http_request_get (&request, "x"), ==, "one");
  g_assert_null (lectern_http_request_get (&request, "y"));
  g_assert_cmpuint (lectern_http_request_count (&request, "X"), ==, 2);
  g_assert_true (lectern_http_request_lists (&request, "X", "three"));
  g_assert_false (lectern_http_request_lists (&request, "X", "thre"));
  g_assert_false (lectern_http_request_lists (&request, "X", "threee"));
}

int
main (int argc, char **argv)
{
  guint i;

  g_test_init (&argc, &argv, NULL);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf (
          "/http/parser/%s-%s", cases[i].summary != NULL ? "accepts" : "refuses", cases[i].name);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/http/parser/refuses-h-01-too-long-target", test_target_limit);
  g_test_add_func ("/http/parser/refuses-h-01-too-large-head", test_head_limit);
  g_test_add_func ("/http/parser/refuses-h-01-too-many-headers", test_header_limit);
  g_test_add_func ("/http/parser/leaves-the-next-request", test_pipelined);
  g_test_add_func ("/http/parser/finds-headers-in-any-case", test_lookup);
  return g_test_run ();
}
