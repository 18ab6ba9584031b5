/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugin/lectern-core-settings.h"

static const LecternSetting server[] = {
  { "state-dir", LECTERN_SETTING_PATH, NULL, NULL, NULL,
    N_ ("Folder for the server's own files; unset: the system's (/var/lib/lectern) if the server "
        "may write there, else the user's (~/.local/state/lectern)") },
  { "public-url", LECTERN_SETTING_STRING, NULL, NULL, NULL,
    N_ ("Address under which people reach this server, such as https://live.example.edu") },
  { "threads", LECTERN_SETTING_INTEGER, "0", "0", "256",
    N_ ("Threads that serve connections; 0: one for each core") },
  { "plugin-path", LECTERN_SETTING_STRING, NULL, NULL, NULL,
    N_ ("Further folders with plugins, separated by colons, searched before the installed ones") },
  { "required", LECTERN_SETTING_LIST, "", NULL, NULL,
    N_ ("Plugins without which the server refuses to start") },
  { "certificate", LECTERN_SETTING_PATH, NULL, NULL, NULL,
    N_ ("PEM file with the TLS certificate and its chain; unset: no TLS") },
  { "certificate-key", LECTERN_SETTING_PATH, NULL, NULL, NULL,
    N_ ("PEM file with the certificate's private key, readable by the server alone") },
  { "ca-file", LECTERN_SETTING_PATH, NULL, NULL, NULL,
    N_ ("PEM file with the authorities that other servers' certificates must come from; unset: the "
        "system's") },
  { "drain-timeout", LECTERN_SETTING_DURATION, "10s", "0s", "10m",
    N_ ("How long the server waits for its connections to end when it is told to stop") },
  { "connections", LECTERN_SETTING_INTEGER, "0", "0", "1000000",
    N_ ("Most connections open at a time; 0: as many as there are descriptors") },
  { "connections-per-address", LECTERN_SETTING_INTEGER, "1024", "0", "1000000",
    N_ ("Most connections open at a time from one address, behind which a whole school may be; 0: "
        "no limit") },
  { "connects-per-address", LECTERN_SETTING_INTEGER, "100", "0", "1000000",
    N_ ("Most new connections a second from one address; 0: no limit") },
  { "descriptors", LECTERN_SETTING_INTEGER, "0", "0", "1000000",
    N_ ("Descriptors the server asks the system for; 0: as many as it may have") },
  { NULL },
};

static const LecternSetting http[] = {
  { "listen", LECTERN_SETTING_ADDRESS, "0.0.0.0:8000", NULL, NULL,
    N_ ("Addresses for HTTP and WebSocket; empty: none") },
  { "listen-tls", LECTERN_SETTING_ADDRESS, "", NULL, NULL,
    N_ ("Addresses for HTTPS and secure WebSocket, which need [server] certificate; the usual port "
        "is 8443") },
  { "dscp", LECTERN_SETTING_DSCP, "0", NULL, NULL,
    N_ ("Mark of the packets that are sent, for switches that honour DSCP: 0 to 63, or a name such "
        "as af41 or ef") },
  { "origins", LECTERN_SETTING_LIST, "", NULL, NULL,
    N_ ("Origins of other web pages that may read answers, such as https://www.example.edu, or "
        "*") },
  { "head-size", LECTERN_SETTING_SIZE, "16KiB", "1KiB", "1MiB",
    N_ ("Most bytes of a request's line and headers") },
  { "headers", LECTERN_SETTING_INTEGER, "100", "8", "1000", N_ ("Most header lines of a request") },
  { "body-size", LECTERN_SETTING_SIZE, "64KiB", "1KiB", "64MiB",
    N_ ("Most bytes of a request's body, where a route allows no more") },
  { "head-timeout", LECTERN_SETTING_DURATION, "10s", "100ms", "10m",
    N_ ("Time for a request's line and headers to arrive") },
  { "idle-timeout", LECTERN_SETTING_DURATION, "30s", "100ms", "1h",
    N_ ("How long a connection may wait between two requests") },
  { NULL },
};

static const LecternSetting access_settings[] = {
  { "open-publish", LECTERN_SETTING_BOOLEAN, "false", NULL, NULL,
    N_ ("Let anybody publish without a key; for tests only") },
  { "open-play", LECTERN_SETTING_BOOLEAN, "true", NULL, NULL,
    N_ ("Let anybody watch what no plugin protects") },
  { "guard-timeout", LECTERN_SETTING_DURATION, "5s", "100ms", "1m",
    N_ ("How long one guard may take to answer; then the answer is no") },
  { NULL },
};

static const LecternSetting media[] = {
  { "grace", LECTERN_SETTING_DURATION, "15s", "0s", "10m",
    N_ ("How long a stream whose publisher was lost waits for its return") },
  { "wait", LECTERN_SETTING_DURATION, "15s", "0s", "10m",
    N_ ("How long a viewer may wait for a stream that is not live yet") },
  { "max-streams", LECTERN_SETTING_INTEGER, "1000", "1", "100000",
    N_ ("Most streams at a time, those included that viewers wait for") },
  { "max-waiting", LECTERN_SETTING_INTEGER, "10000", "0", "1000000",
    N_ ("Most viewers that wait for streams at a time") },
  { "gop-size", LECTERN_SETTING_SIZE, "16MiB", "64KiB", "1GiB",
    N_ ("Most bytes kept since a stream's newest key frame, so that viewers can start at once") },
  { "tape-size", LECTERN_SETTING_SIZE, "32MiB", "1MiB", "4GiB",
    N_ ("Most bytes kept of a stream in one format for viewers that are behind") },
  { "late", LECTERN_SETTING_DURATION, "5s", "500ms", "1m",
    N_ ("A viewer that is further behind jumps to the newest key frame") },
  { "stuck", LECTERN_SETTING_DURATION, "10s", "1s", "5m",
    N_ ("A viewer that takes nothing for so long is closed") },
  { "flush-interval", LECTERN_SETTING_DURATION, "0s", "0s", "1s",
    N_ ("How often viewers are sent what is new; 0: at each video frame") },
  { "flush-stretch", LECTERN_SETTING_BOOLEAN, "true", NULL, NULL,
    N_ ("Send less often, up to every 200 ms, while the server is busy") },
  { NULL },
};

static const LecternSetting segment[] = {
  { "duration", LECTERN_SETTING_DURATION, "2s", "500ms", "10s",
    N_ ("A segment of HLS and DASH ends at the first key frame after so long") },
  { "limit", LECTERN_SETTING_DURATION, "2400ms", "500ms", "20s",
    N_ ("And at any frame before it would be longer than this, which playlists promise") },
  { "part", LECTERN_SETTING_DURATION, "300ms", "100ms", "2s",
    N_ ("Length of the parts that low-latency players get before a segment is whole") },
  { "window", LECTERN_SETTING_INTEGER, "6", "3", "1000",
    N_ ("Segments that a live playlist lists") },
  { "window-size", LECTERN_SETTING_SIZE, "64MiB", "1MiB", "16GiB",
    N_ ("Most bytes of segments kept of one rendition") },
  { "dvr-window", LECTERN_SETTING_DURATION, "0s", "0s", "1d",
    N_ ("How far back a live stream can be rewound, on the disk of [server] state-dir; 0: what is "
        "in memory") },
  { "linger", LECTERN_SETTING_DURATION, "60s", "0s", "1d",
    N_ ("How long the segments of a stream that has ended can still be watched") },
  { NULL },
};

static const LecternSetting workers[] = {
  { "limit", LECTERN_SETTING_INTEGER, "64", "0", "10000",
    N_ ("Most worker processes at a time, which work on pictures and sound; 0: no limit") },
  { "nice", LECTERN_SETTING_INTEGER, "5", "0", "19",
    N_ ("How far workers stand back when the machine is short of processor time, as of nice(1)") },
  { "memory", LECTERN_SETTING_SIZE, "4GiB", "0", "1024GiB",
    N_ ("Most address space of one worker; 0: no limit") },
  { "program", LECTERN_SETTING_PATH, NULL, NULL, NULL,
    N_ ("Program that is run as a worker; unset: the one that came with the server") },
  { NULL },
};

static const struct
{
  const char *name;
  const LecternSetting *settings;
} groups[] = {
  { "server", server }, { "http", http },       { "access", access_settings },
  { "media", media },   { "segment", segment }, { "workers", workers },
};

/* What is read once, at the start. */
static const char *const restart_keys[][2] = {
  { "server", "state-dir" },       { "server", "threads" },
  { "server", "plugin-path" },     { "server", "certificate" },
  { "server", "certificate-key" }, { "server", "ca-file" },
  { "server", "descriptors" },     { "http", "listen" },
  { "http", "listen-tls" },        { "http", "head-size" },
  { "http", "headers" },           { "http", "body-size" },
  { "http", "head-timeout" },      { "http", "idle-timeout" },
  { "access", "guard-timeout" },   { "workers", "program" },
};

gboolean
lectern_core_settings_extend (LecternSchema *schema, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (groups); i++)
    if (!lectern_schema_add_group (schema, groups[i].name, groups[i].settings, error))
      return FALSE;
  return TRUE;
}

void
lectern_core_settings_read_http (LecternConfig *config, LecternHttpLimits *limits)
{
  *limits = (LecternHttpLimits){
    .head_size = lectern_config_get_size (config, "http", "head-size"),
    .headers = lectern_config_get_integer (config, "http", "headers"),
    .body_size = lectern_config_get_size (config, "http", "body-size"),
    .head_timeout_us = lectern_config_get_duration (config, "http", "head-timeout"),
    .idle_timeout_us = lectern_config_get_duration (config, "http", "idle-timeout"),
    .body_grace_us = 10 * G_USEC_PER_SEC,
  };
}

void
lectern_core_settings_read_media (LecternConfig *config, LecternMediaLimits *limits)
{
  *limits = (LecternMediaLimits){
    .grace_us = lectern_config_get_duration (config, "media", "grace"),
    .wait_us = lectern_config_get_duration (config, "media", "wait"),
    .max_streams = lectern_config_get_integer (config, "media", "max-streams"),
    .max_waiting = lectern_config_get_integer (config, "media", "max-waiting"),
    .gop_size = lectern_config_get_size (config, "media", "gop-size"),
    .tape_size = lectern_config_get_size (config, "media", "tape-size"),
    .late_us = lectern_config_get_duration (config, "media", "late"),
    .stuck_us = lectern_config_get_duration (config, "media", "stuck"),
    .flush_interval_us = lectern_config_get_duration (config, "media", "flush-interval"),
    .flush_stretch = lectern_config_get_boolean (config, "media", "flush-stretch"),
  };
}

void
lectern_core_settings_read_segment (LecternConfig *config, LecternSegmentTargets *targets)
{
  gint64 duration = lectern_config_get_duration (config, "segment", "duration") * 1000;
  gint64 limit = lectern_config_get_duration (config, "segment", "limit") * 1000;

  /* Some room for the key frame that is a frame late. */
  *targets = (LecternSegmentTargets){
    .segment = duration,
    .segment_limit = MAX (limit, duration + duration / 5),
    .part = lectern_config_get_duration (config, "segment", "part") * 1000,
    .window = lectern_config_get_integer (config, "segment", "window"),
    .window_bytes = lectern_config_get_size (config, "segment", "window-size"),
    .rewind = lectern_config_get_duration (config, "segment", "dvr-window") * 1000,
    .linger_us = lectern_config_get_duration (config, "segment", "linger"),
  };
}

void
lectern_core_settings_read_workers (LecternConfig *config, LecternWorkersSettings *settings)
{
  *settings = (LecternWorkersSettings){
    LECTERN_WORKERS_TIMES,
    .program = lectern_config_get_string (config, "workers", "program"),
    .nice = lectern_config_get_integer (config, "workers", "nice"),
    .memory = lectern_config_get_size (config, "workers", "memory"),
    .limit = lectern_config_get_integer (config, "workers", "limit"),
  };
}

void
lectern_core_settings_report_restart (const char *group, const char *key, LecternConfig *before,
                                      LecternConfig *after)
{
  if (g_strcmp0 (lectern_config_get_string (before, group, key),
                 lectern_config_get_string (after, group, key))
      != 0)
    g_message ("[%s] %s has changed and needs a restart of the server", group, key);
}

void
lectern_core_settings_report_restarts (LecternConfig *before, LecternConfig *after)
{
  for (gsize i = 0; i < G_N_ELEMENTS (restart_keys); i++)
    lectern_core_settings_report_restart (restart_keys[i][0], restart_keys[i][1], before, after);
}
