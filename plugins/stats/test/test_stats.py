# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API, the metrics and the health checks of a real server."""

import json
import pathlib
import re
import shutil
import unittest

import lectern_test


class Case(lectern_test.TestCase):
    def token(self, server):
        text = pathlib.Path(server.state_dir, "state/admin-token").read_text(encoding="ascii")
        return {"Authorization": f"Bearer {text.strip()}"}


class Quiet(Case):
    """Without a stream, and without the settings of other plugins."""

    def setUp(self):
        self.one = self.server()

    def test_health_is_public(self):
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.one.get(path), b"ok\n")
            self.assertEqual(self.one.request("HEAD", path)[0], 200)

    def test_no_stream_is_an_empty_list(self):
        status, headers, body = self.one.request("GET", "/api/v1/streams")
        self.assertEqual((status, json.loads(body)), (200, {"streams": []}))
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(headers["Cache-Control"], "no-store")

    def test_what_is_not_there_is_not_found(self):
        token = self.token(self.one)
        for method, path in (("GET", "/api/v1/streams/live/nothing"),
                             ("DELETE", "/api/v1/streams/live/nothing"),
                             ("DELETE", "/api/v1/sessions/AAAAAAAA"),
                             ("DELETE", "/api/v1/sessions/" + "x" * 3000)):
            status, headers, body = self.one.request(method, path, headers=token)
            self.assertEqual(status, 404, (method, path))
            self.assertEqual(headers["Content-Type"], "application/problem+json")
            self.assertEqual(json.loads(body)["status"], 404)

    def test_managing_needs_the_token(self):
        token = self.token(self.one)
        for method, path in (("GET", "/api/v1/server"), ("GET", "/api/v1/sessions"),
                             ("GET", "/metrics"), ("DELETE", "/api/v1/streams/live/a"),
                             ("DELETE", "/api/v1/sessions/AAAAAAAA")):
            with self.subTest(path):
                for headers in ({}, {"Authorization": "Bearer wrong"},
                                {"Authorization": "Basic " + token["Authorization"][7:]}):
                    status, _, body = self.one.request(method, path, headers=headers)
                    self.assertIn(status, (401, 403))
                    self.assertNotIn(b"version", body)
        for path in ("/api/v1/server", "/api/v1/sessions", "/metrics"):
            self.assertEqual(self.one.request("GET", path, headers=token)[0], 200)

    def test_closed_doors_close_the_list(self):
        server = self.server(settings={"access.open-play": "false"})
        self.assertIn(server.request("GET", "/api/v1/streams")[0], (401, 403))
        self.assertEqual(server.json("/api/v1/streams", headers=self.token(server)), {"streams": []})

    def test_the_server_describes_itself(self):
        server = self.one.json("/api/v1/server", headers=self.token(self.one))
        self.assertRegex(server["version"], r"^\d+\.\d+\.\d+$")
        self.assertGreaterEqual(server["uptime"], 0)
        self.assertGreater(server["memory"], 1 << 20)
        self.assertLess(abs(server["descriptors"] - self.one.descriptors()), 5)
        self.assertEqual(sum(thread["connections"] for thread in server["threads"]),
                         server["connections"])
        for thread in server["threads"]:
            self.assertTrue(0 <= thread["load"] <= 1)
            self.assertGreaterEqual(thread["lag_us"], 0)
        self.assertEqual((server["publishers"], server["viewers"]), (0, {}))

    def test_metrics_are_prometheus_text(self):
        status, headers, body = self.one.request("GET", "/metrics", headers=self.token(self.one))
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        text = body.decode()
        self.assertTrue(text.endswith("\n"))
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"\})? '
                                   r'(-?[0-9.e+-]+|\+Inf|NaN))$')
        for name in ("lectern_streams", "lectern_publishers", "lectern_media_bytes_total",
                     "process_resident_memory_bytes"):
            self.assertRegex(text, rf"(?m)^# TYPE {name} (gauge|counter)$")

    def test_it_can_be_switched_off(self):
        server = self.server(settings={"plugins.stats": "false"})
        for path in ("/healthz", "/metrics", "/api/v1/streams"):
            self.assertEqual(server.request("GET", path)[0], 404)


@unittest.skipUnless(shutil.which("ffmpeg"), "no ffmpeg here")
class Live(Case):
    """With a stream on the air."""

    def setUp(self):
        self.one = self.server()
        self.push = lectern_test.ffmpeg_push(self.one.push_url("live/a"))
        self.addCleanup(self.push.kill)
        self.one.wait_live("live/a")

    def watch(self):
        raw = lectern_test.Raw(self.one.http_port)
        self.addCleanup(raw.close)
        raw.send(b"GET /live/a.flv HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(raw.head()[0], 200)
        self.assertEqual(raw.exactly(3), b"FLV")
        return raw

    def sessions(self, role, query=""):
        everybody = self.one.json("/api/v1/sessions" + query, headers=self.token(self.one))
        return [session for session in everybody["sessions"] if session["role"] == role]

    def delete(self, path):
        return self.one.request("DELETE", path, headers=self.token(self.one))[0]

    def test_a_stream_is_described(self):
        self.watch()
        lectern_test.wait_for(lambda: self.one.stream("live/a")["bitrate"] > 0, 20, "a bit rate")
        stream = self.one.stream("live/a")
        self.assertEqual((stream["state"], stream["viewers"], stream["waiting"]), ("live", 1, 0))
        self.assertRegex(stream["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        video, audio = stream["video"], stream["audio"]
        self.assertEqual((video["codec"], video["width"], video["height"]), ("H.264", 320, 180))
        self.assertAlmostEqual(video["fps"], 15, delta=3)
        self.assertEqual((audio["codec"], audio["rate"], audio["channels"]), ("AAC", 44100, 2))
        alone = self.one.json("/api/v1/streams/live/a")
        self.assertEqual((alone["name"], alone["video"]["codec"]), ("live/a", "H.264"))
        self.assertNotIn("127.0.0.1", json.dumps([stream, alone]))

    def test_sessions_are_listed_for_managers(self):
        self.watch()
        viewer, = lectern_test.wait_for(lambda: self.sessions("play"), 5, "the viewer")
        publisher, = self.sessions("publish", "?stream=live/a")
        self.assertRegex(viewer["id"], r"^[A-Z0-9]{8}$")
        self.assertEqual((viewer["protocol"], viewer["stream"]), ("http", "live/a"))
        self.assertEqual((publisher["protocol"], publisher["stream"]), ("rtmp", "live/a"))
        self.assertTrue(publisher["peer"].startswith("127.0.0.1:"))
        self.assertNotIn(self.one.key("live/a"), json.dumps(publisher))
        self.assertEqual(self.sessions("publish", "?stream=live/b"), [])

    def test_a_session_can_be_ended(self):
        raw, other = self.watch(), self.watch()
        first, second = sorted(self.sessions("play"), key=lambda session: session["id"])
        self.assertEqual(self.delete("/api/v1/sessions/" + first["id"]), 204)
        lectern_test.wait_for(lambda: [session["id"] for session in self.sessions("play")]
                              == [second["id"]], 5, "the session to end")
        self.assertEqual(self.delete("/api/v1/sessions/" + first["id"]), 404)
        self.assertEqual(self.one.stream("live/a")["state"], "live")
        raw.close()
        other.close()

    def test_a_stream_can_be_ended(self):
        raw = self.watch()
        self.assertEqual(self.delete("/api/v1/streams/live/a"), 204)
        raw.everything()
        self.push.wait(20)
        lectern_test.wait_for(lambda: not self.sessions("publish"), 5, "the publisher to go")
        stream = self.one.stream("live/a")
        self.assertTrue(stream is None or stream["state"] == "ended", stream)

    def test_totals_count_and_never_fall(self):
        def bytes_now():
            return self.one.json("/api/v1/server", headers=self.token(self.one))["bytes"]

        def metrics():
            return self.one.get("/metrics", headers=self.token(self.one)).decode()
        raw = self.watch()
        self.assertIn('lectern_viewers{protocol="http"} 1\n', metrics())
        lectern_test.wait_for(lambda: bytes_now()["sent"] > 0, 5, "bytes sent")
        before = bytes_now()
        raw.close()
        self.push.kill()
        for _ in range(20):
            now = bytes_now()
            for key in ("received", "sent"):
                self.assertGreaterEqual(now[key], before[key])
            before = now
        sent = re.search(r'lectern_media_bytes_total\{direction="sent"\} (\d+)', metrics())
        self.assertGreaterEqual(int(sent.group(1)), before["sent"])
        lectern_test.wait_for(lambda: 'lectern_viewers{protocol="http"} 0\n' in metrics(), 5,
                              "the viewer to leave")


lectern_test.main()
