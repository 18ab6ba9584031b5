# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page's answers: headers, files, and nothing outside its folder."""

import json
import re
import unittest

import lectern_test


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = lectern_test.Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_has_a_strict_policy(self):
        for address in ("/", "/demo/"):
            with self.subTest(address):
                self.check_policy(address)

    def check_policy(self, address):
        port = self.server.http_port
        status, headers, body = self.server.request("GET", address)
        self.assertEqual(200, status)
        self.assertEqual("text/html; charset=utf-8", headers["Content-Type"])
        self.assertIn(b"<!doctype html>", body)
        policy = dict(part.strip().partition(" ")[::2]
                      for part in headers["Content-Security-Policy"].split(";"))
        self.assertEqual(policy, {
            "default-src": "'none'", "script-src": "'self'", "style-src": "'self'",
            "img-src": "'self' data:", "media-src": "'self' blob:", "worker-src": "'self' blob:",
            "connect-src": f"'self' ws://127.0.0.1:{port} wss://127.0.0.1:{port}",
            "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'"})
        self.assertEqual("same-origin", headers["Cross-Origin-Opener-Policy"])
        self.assertEqual("nosniff", headers["X-Content-Type-Options"])
        self.assertEqual("no-referrer", headers["Referrer-Policy"])

    def test_policy_cannot_be_steered_by_the_host(self):
        for host in ("x;script-src", "x y", "x*", "x'y"):
            status, headers, _ = self.server.request("GET", "/", headers={"Host": host})
            if status == 200:
                self.assertIn("connect-src 'self';", headers["Content-Security-Policy"], host)

    def test_files_it_names_are_there(self):
        body = self.server.get("/").decode() + self.server.get("/demo/").decode()
        names = set(re.findall(r'(?:href|src)="(/page/[^"]+)"', body))
        self.assertGreaterEqual(len(names), 6)
        types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
        for name in sorted(names):
            with self.subTest(name):
                status, headers, _ = self.server.request("GET", name)
                if name.endswith("vendor/mpegts.js") and status == 404:
                    continue  # built without npm
                self.assertEqual(200, status)
                self.assertTrue(headers["Content-Type"].startswith(
                    types[name[name.rindex("."):]]))

    def test_speaks_chinese(self):
        sentences = json.loads(self.server.get("/page/locale/zh_CN.json"))
        self.assertEqual("直播中", sentences["Live"])
        self.assertGreater(len(sentences), 30)

    def test_is_asked_again_only_for_what_changed(self):
        _, headers, _ = self.server.request("GET", "/page/page.css")
        status, _, body = self.server.request(
            "GET", "/page/page.css", headers={"If-None-Match": headers["ETag"]})
        self.assertEqual((304, b""), (status, body))
        self.assertEqual("no-cache", headers["Cache-Control"])

    def test_shows_where_to_push_as_the_settings_say(self):
        self.assertEqual({}, self.server.json("/page/settings.json"))
        url = "rtmp://push.example.edu/live"
        with lectern_test.Server(settings={"page.push-url": url}) as other:
            self.assertEqual({"push-url": url}, other.json("/page/settings.json"))

    def test_nothing_outside_its_folder(self):
        for path in ("/page/../page/page.css", "/page/%2e%2e/bundle.py", "/page//etc/passwd",
                     "/page/..%2fbundle.py", "/page/vendor", "/page/", "/page/missing.js",
                     "/page/page.css%00.js", "/page/%c0%ae%c0%ae/x"):
            with self.subTest(path), lectern_test.Raw(self.server.http_port) as raw:
                raw.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                status, _ = raw.head()
                self.assertIn(status, (400, 404))

    def test_takes_no_other_method(self):
        status, headers, _ = self.server.request("POST", "/", body=b"x")
        self.assertEqual(405, status)
        self.assertIn("GET", headers["Allow"])


lectern_test.main()
