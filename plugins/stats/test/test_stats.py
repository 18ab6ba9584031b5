# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API, the metrics and the health checks of a real server."""

import json
import pathlib
import re

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


lectern_test.main()
