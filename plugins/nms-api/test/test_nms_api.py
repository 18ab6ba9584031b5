# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API of Node-Media-Server, asked as its dashboard asks."""

import base64
import contextlib
import datetime
import json
import os
import re
import subprocess

import lectern_test

PASSWORD = "wörd:with a colon"


def basic(user="admin", password=PASSWORD):
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


class Dashboard:
    """What the pages of a dashboard ask for and read; a missing field is a KeyError."""

    def __init__(self, server):
        self.server = server

    def ask(self, method, path, body=None):
        headers = basic()
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        return self.server.request(method, path, body, headers)

    def fetch(self, path):
        status, headers, body = self.ask("GET", path)
        assert status == 200 and headers["Content-Type"].startswith("application/json"), (status, body)
        return json.loads(body)

    def overview(self):
        """The first page: what the machine is and its curves."""
        data = self.fetch("/api/server")
        return {
            "os": "_".join((data["os"]["arch"], data["os"]["platform"], data["os"]["release"])),
            "cpu": f"{data['cpu']['num']} x {data['cpu']['model']}",
            "speed": data["cpu"]["speed"],
            "load": data["cpu"]["load"],
            "memory": 100 - 100 * data["mem"]["free"] / data["mem"]["totle"],
            "net": (data["net"]["inbytes"], data["net"]["outbytes"]),
            "uptime": data["nodejs"]["uptime"],
            "node": data["nodejs"]["version"],
            "process": {name: data["nodejs"]["mem"][name]
                        for name in ("rss", "heapTotal", "heapUsed", "external")},
            "clients": {name: data["clients"][name]
                        for name in ("accepted", "active", "idle", "rtmp", "http", "ws")},
            "version": data["version"],
        }

    def streams(self):
        """The table of streams: a row for each."""
        rows = {}
        for app, names in self.fetch("/api/streams").items():
            for name, stream in names.items():
                publisher = stream["publisher"]
                row = {"subscribers": [
                    {key: subscriber[key] for key in ("app", "stream", "clientId", "connectCreated",
                                                      "bytes", "ip", "protocol")}
                    for subscriber in stream["subscribers"]]}
                if publisher:
                    row |= {key: publisher[key] for key in ("app", "stream", "clientId",
                                                            "connectCreated", "bytes", "ip")}
                    audio, video = publisher["audio"], publisher["video"]
                    row["audio"] = audio and [audio[key] for key in (
                        "codec", "profile", "samplerate", "channels")]
                    row["video"] = video and [video[key] for key in (
                        "codec", "width", "height", "profile", "level", "fps")]
                rows[f"{app}/{name}"] = row
        return rows

    def stream(self, name):
        data = self.fetch(f"/api/streams/{name}")
        return {key: data[key] for key in ("isLive", "viewers", "duration", "bitrate", "startTime",
                                           "arguments")}


def when(text):
    """The time of a date as JavaScript writes it."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Case(lectern_test.TestCase):
    def serve(self, settings=None, password=PASSWORD, **options):
        secret = lectern_test.temporary_directory() / "password"
        secret.write_text(password + "\n", encoding="utf-8")
        os.chmod(secret, 0o600)
        self.secret = secret
        return self.server(f"[plugins]\nnms-api = true\n[nms-api]\npassword = {secret}\n",
                           settings, **options)


class Door(Case):
    def status(self, server, path="/api/server", headers=None, method="GET"):
        return server.request(method, path, headers=headers or {})

    def test_it_is_off_by_default(self):
        server = self.server()
        for path in ("/api/server", "/api/streams", "/api/streams/live/a", "/api/relay"):
            self.assertEqual(server.request("GET", path, headers=server.manager())[0], 404)

    def test_without_a_password_it_does_not_start(self):
        server = self.server(settings={"plugins.nms-api": "true"}, allow=["nms-api"])
        server.wait_log(r"\[nms-api\] password is not set")
        self.assertEqual(server.request("GET", "/api/server", headers=basic("admin", ""))[0], 404)

    def test_only_the_right_name_and_password_are_let_in(self):
        server = self.serve({"nms-api.user": "hall"})
        self.assertEqual(self.status(server, headers=basic("hall"))[0], 200)
        self.assertEqual(self.status(server, headers=server.manager())[0], 200)
        wrong = [None, basic(), basic("hall", "word"), basic("hall", ""), basic("", ""),
                 basic("hall", PASSWORD + "x"), {"Authorization": "Basic"},
                 {"Authorization": "Basic !!!!"}, {"Authorization": "Basic aGFsbA=="}]
        for headers in wrong:
            with self.subTest(headers):
                status, answer, body = self.status(server, headers=headers)
                if headers == {"Authorization": "Basic"}:
                    self.assertIn(status, (401, 403))
                    continue
                self.assertEqual(status, 401)
                self.assertRegex(answer["WWW-Authenticate"], r'^Basic realm="')
                self.assertNotIn(b"cpu", body)

    def test_every_route_is_closed(self):
        server = self.serve()
        routes = (("GET", "/api/server"), ("GET", "/api/streams"), ("GET", "/api/streams/live/a"),
                  ("DELETE", "/api/streams/live/a"), ("GET", "/api/relay"),
                  ("GET", "/api/relay/AAAAAAAA"), ("GET", "/api/relay/live/a"),
                  ("POST", "/api/relay/task"), ("POST", "/api/relay/pull"),
                  ("POST", "/api/relay/push"), ("DELETE", "/api/relay/AAAAAAAA"))
        for method, path in routes:
            with self.subTest(path):
                self.assertEqual(self.status(server, path, method=method)[0], 401)

    def test_the_password_opens_nothing_else(self):
        server = self.serve()
        for path in ("/api/v1/server", "/api/v1/sessions", "/metrics"):
            self.assertIn(server.request("GET", path, headers=basic())[0], (401, 403))

    def test_guessing_is_slowed_down_for_who_guesses(self):
        server = self.serve()
        statuses = [self.status(server, headers=basic("admin", str(i)))[0] for i in range(14)]
        self.assertEqual(set(statuses[:10]), {401})
        self.assertEqual(set(statuses[10:]), {429})
        self.assertEqual(self.status(server, headers=basic())[0], 429)
        self.assertEqual(self.status(server, headers=server.manager())[0], 200)

    def test_a_reload_takes_another_password(self):
        server = self.serve()
        self.secret.write_text("another", encoding="utf-8")
        server.run("reload")
        server.wait_log("read again and are in force")
        self.assertEqual(self.status(server, headers=basic("admin", "another"))[0], 200)
        self.assertEqual(self.status(server, headers=basic())[0], 401)

    def test_without_relays_their_routes_say_so(self):
        dashboard = Dashboard(self.serve())
        task = {"path": "rtmp://there/live/a", "url": "/live/a"}
        place = {"url": "rtmp://there/live/a", "app": "live", "name": "a"}
        for method, path, body in (("GET", "/api/relay", None), ("GET", "/api/relay/AAAAAAAA", None),
                                   ("GET", "/api/relay/live/a", None),
                                   ("POST", "/api/relay/task", task),
                                   ("POST", "/api/relay/pull", place),
                                   ("POST", "/api/relay/push", place),
                                   ("DELETE", "/api/relay/AAAAAAAA", None)):
            with self.subTest(path):
                status, _, answer = dashboard.ask(method, path, body)
                self.assertEqual(status, 404)
                self.assertIn("relay", json.loads(answer)["error"])

    def test_relays_need_all_fields_and_json(self):
        dashboard = Dashboard(self.serve())
        for path, body in (("pull", {"url": "rtmp://there/a/b", "app": "live"}),
                           ("push", {"url": 1, "app": "live", "name": "a"}),
                           ("push", {"url": "", "app": "live", "name": "a"}),
                           ("push", {"url": "rtmp://there/a/b", "app": "li ve", "name": "a"}),
                           ("push", []), ("task", {"path": "/live/a"}),
                           ("task", {"path": "rtmp://a/b/c", "url": "rtmp://d/e/f"})):
            with self.subTest(body):
                self.assertEqual(dashboard.ask("POST", f"/api/relay/{path}", body)[0], 400)
        form = {**basic(), "Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(dashboard.server.request("POST", "/api/relay/pull", "url=x", form)[0], 415)

    def test_nothing_is_a_stream_that_is_not_live(self):
        dashboard = Dashboard(self.serve())
        self.assertEqual(dashboard.stream("live/nothing"), {
            "isLive": False, "viewers": 0, "duration": 0, "bitrate": 0, "startTime": None,
            "arguments": {}})
        status, _, body = dashboard.ask("DELETE", "/api/streams/live/nothing")
        self.assertEqual((status, json.loads(body)), (404, {"error": "stream not found"}))

    def test_a_viewer_who_waits_is_idle(self):
        dashboard = Dashboard(self.serve())
        with contextlib.closing(lectern_test.Raw(dashboard.server.http_port)) as raw:
            raw.send(b"GET /live/later.flv HTTP/1.1\r\nHost: x\r\n\r\n")
            lectern_test.wait_for(lambda: dashboard.overview()["clients"]["idle"] == 1, 5,
                                  "the viewer")
            self.assertNotIn("clientId", dashboard.streams()["live/later"])


class Relays(Case):
    """With relays: one of the keyfile, and those made by way of this API."""

    def setUp(self):
        self.folder = lectern_test.temporary_directory()
        self.film = self.folder / "film.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10",
                        "-t", "2", "-c:v", "libx264", "-pix_fmt", "yuv420p", str(self.film)],
                       check=True)
        self.one = self.serve({
            "plugins.relay": "true", "relay.allow": str(self.folder),
            "relay.push": "live/b rtmp://user:word@127.0.0.1:1/live/b?key=hush"})
        self.dashboard = Dashboard(self.one)

    def make(self, kind, body):
        status, headers, text = self.dashboard.ask("POST", f"/api/relay/{kind}", body)
        self.assertEqual(status, 200, text)
        self.assertRegex(text.decode(), r"^[A-Z0-9]{8}$")
        return text.decode()

    def rows(self, path="/api/relay"):
        """The table of relays: a row for each, by app and name or as an array."""
        data = self.dashboard.fetch(path)
        if isinstance(data, dict):
            data = [relay for names in data.values() for group in names.values()
                    for relay in group["relays"]]
        return [{key: relay[key] for key in ("app", "name", "path", "url", "mode", "ts", "id")}
                for relay in data]

    def test_a_pull_brings_a_stream_until_it_is_deleted(self):
        url = f"file://{self.film}"
        made = self.make("pull", {"url": url, "app": "live", "name": "a", "rtsp_transport": "tcp"})
        self.one.wait_live("live/a")
        for path in (f"/api/relay/{made}", "/api/relay/live/a"):
            row, = self.rows(path)
            self.assertEqual((row["app"], row["name"], row["mode"], row["id"], row["path"],
                              row["url"]),
                             ("live", "a", "pull", made, url, "rtmp://127.0.0.1/live/a"))
            self.assertRegex(row["ts"], r"^\d{4}-\d\d-\d\dT")
        self.assertIsNone(self.dashboard.fetch("/api/streams")["live"]["a"]["publisher"]["ip"])
        status, _, body = self.dashboard.ask("DELETE", f"/api/relay/{made}")
        self.assertEqual((status, json.loads(body)), (200, "Ok"))
        self.assertEqual(self.rows(f"/api/relay/{made}"), [])
        lectern_test.wait_for(lambda: not self.dashboard.stream("live/a")["isLive"], 10, "the end")
        self.assertEqual(self.dashboard.ask("DELETE", f"/api/relay/{made}")[0], 404)

    def test_all_are_listed_and_the_keyfile_s_stay(self):
        row, = self.rows()
        self.assertEqual((row["app"], row["name"], row["mode"], row["path"]),
                         ("live", "b", "push", "rtmp://127.0.0.1/live/b"))
        self.assertIn("127.0.0.1:1/live/b", row["url"])
        self.assertNotRegex(row["url"], "word|hush")
        self.assertEqual(self.dashboard.ask("DELETE", f"/api/relay/{row['id']}")[0], 409)
        made = self.make("task", {"path": f"file://{self.film}", "url": "rtmp://localhost:1935/live/c"})
        self.assertEqual({(row["name"], row["id"]) for row in self.rows() if row["name"] != "b"},
                         {("c", made)})

    def test_what_relays_refuse_is_told(self):
        for body in ({"url": "gopher://there/a", "app": "live", "name": "a"},
                     {"url": "file:///etc/passwd", "app": "live", "name": "a"}):
            status, _, text = self.dashboard.ask("POST", "/api/relay/pull", body)
            self.assertIn(status, (400, 403, 501), text)
            self.assertTrue(json.loads(text)["error"])


class OnAir(Case):
    """With a publisher and a viewer by each protocol."""

    def setUp(self):
        self.one = self.serve()
        self.dashboard = Dashboard(self.one)
        self.push = lectern_test.ffmpeg_push(
            self.one.push_url("live/a") + "&room=12&Token=hush&x-Signature=hush&jwt=hush")
        self.addCleanup(self.push.kill)
        self.one.wait_live("live/a")

    def watch(self):
        """By RTMP, HTTP-FLV, WebSocket-FLV and HLS."""
        self.player = lectern_test.Push(["ffmpeg", "-loglevel", "error", "-nostdin", "-i",
                                         self.one.play_url("live/a"), "-f", "null", "-"])
        self.addCleanup(self.player.kill)
        flv = lectern_test.Raw(self.one.http_port)
        self.addCleanup(flv.close)
        flv.send(b"GET /live/a.flv HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(flv.head()[0], 200)
        raw = lectern_test.Raw(self.one.http_port)
        self.addCleanup(raw.close)
        self.assertEqual(lectern_test.WebSocket(raw, "/live/a.flv").status, 101)
        lectern_test.wait_for(lambda: self.one.request("GET", "/live/a/index.m3u8")[0] == 200, 20,
                              "the playlist")

    def test_the_overview_has_every_field(self):
        self.watch()
        lectern_test.wait_for(lambda: self.dashboard.overview()["clients"]["active"] == 5, 20,
                              "everybody")
        page = self.dashboard.overview()
        self.assertRegex(page["os"], r"^(x64|arm64|\w+)_linux_\d")
        self.assertRegex(page["cpu"], r"^\d+ x ")
        self.assertTrue(0 <= page["load"] <= 100)
        self.assertTrue(0 < page["memory"] < 100)
        self.assertGreaterEqual(page["uptime"], 0)
        self.assertRegex(page["node"], r"^v\d+\.\d+\.\d+")
        self.assertGreater(page["process"]["rss"], 1 << 20)
        self.assertGreaterEqual(page["process"]["heapTotal"], page["process"]["heapUsed"])
        self.assertGreaterEqual(page["clients"]["accepted"], 4)
        self.assertEqual([page["clients"][key] for key in ("idle", "rtmp", "http", "ws")],
                         [0, 2, 2, 1])
        before = page["net"]
        lectern_test.wait_for(lambda: all(now > old for now, old in zip(
            self.dashboard.overview()["net"], before)), 10, "more bytes")

    def test_the_table_of_streams_has_every_field(self):
        self.watch()
        def is_settled():
            row = self.dashboard.streams()["live/a"]
            return len(row["subscribers"]) == 4 and row["video"][-1] > 0 and row
        row = lectern_test.wait_for(is_settled, 20, "everybody, and the pictures a second")
        self.assertEqual((row["app"], row["stream"], row["ip"]), ("live", "a", "127.0.0.1"))
        self.assertRegex(row["clientId"], r"^[A-Z0-9]{8}$")
        age = datetime.datetime.now(datetime.timezone.utc) - when(row["connectCreated"])
        self.assertTrue(0 <= age.total_seconds() < 60, age)
        self.assertGreater(row["bytes"], 0)
        self.assertEqual(row["audio"], ["AAC", "LC", 44100, 2])
        codec, width, height, profile, level, fps = row["video"]
        self.assertEqual((codec, width, height), ("H264", 320, 180))
        self.assertIn(profile, ("Baseline", "Constrained Baseline", "Main", "High"))
        self.assertTrue(1 <= level <= 4, level)
        self.assertAlmostEqual(fps, 15, delta=4)
        self.assertEqual(sorted(viewer["protocol"] for viewer in row["subscribers"]),
                         ["http", "http", "rtmp", "ws"])
        ids = {viewer["clientId"] for viewer in row["subscribers"]}
        self.assertEqual(len(ids), 4)
        for viewer in row["subscribers"]:
            self.assertRegex(viewer["clientId"], r"^[A-Z0-9]{8}$")
            self.assertEqual((viewer["app"], viewer["stream"], viewer["ip"]),
                             ("live", "a", "127.0.0.1"))
            when(viewer["connectCreated"])
            self.assertGreaterEqual(viewer["bytes"], 0)

    def test_one_stream_is_told_of_without_its_secrets(self):
        stream = lectern_test.wait_for(
            lambda: (found := self.dashboard.stream("live/a"))["bitrate"] > 0 and found, 20,
            "a bit rate")
        self.assertIs(stream["isLive"], True)
        self.assertEqual((stream["viewers"], stream["arguments"]), (0, {"room": "12"}))
        self.assertTrue(10 < stream["bitrate"] < 5000, stream)
        self.assertGreaterEqual(stream["duration"], 1)
        when(stream["startTime"])
        key = self.one.key("live/a").encode()
        for path in ("/api/streams", "/api/streams/live/a", "/api/server"):
            self.assertNotIn(key, self.dashboard.ask("GET", path)[2])

    def test_delete_ends_the_publisher(self):
        status, _, body = self.dashboard.ask("DELETE", "/api/streams/live/a")
        self.assertEqual((status, json.loads(body)), (200, "ok"))
        self.push.wait(20)
        lectern_test.wait_for(lambda: not self.dashboard.stream("live/a")["isLive"], 5, "the end")
        self.assertNotIn("clientId", self.dashboard.streams().get("live/a", {}))

    def test_sound_alone_has_no_picture(self):
        with lectern_test.ffmpeg_push(self.one.push_url("live/radio"), video=None):
            self.one.wait_live("live/radio")
            row = lectern_test.wait_for(
                lambda: (found := self.dashboard.streams().get("live/radio", {})).get("audio")
                and found, 20, "the sound")
            self.assertIsNone(row["video"])


lectern_test.main()
