# SPDX-License-Identifier: LGPL-2.1-or-later
"""Relays between real servers: pull, on demand, push, files, their API, loops, and lost upstreams.

LECTERN_TEST_RELAY_KILLS=20 kills the upstream so many times (4).
"""

import collections
import json
import os
import re
import selectors
import signal
import socket
import threading
import time

import lectern_test
import rtmp
from test_rtmp_media import FLV_FILES

KILLS = int(os.environ.get("LECTERN_TEST_RELAY_KILLS", "4"))
OPEN = {"access.open-publish": "true"}


class Viewer:
    """One GET of an FLV stream, read by a thread that remembers when pictures came."""

    def __init__(self, server, name, query=""):
        self.raw = lectern_test.Raw(server.http_port, timeout=60)
        path = f"/{name}.flv" + (f"?{query}" if query else "")
        self.raw.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.pictures, self.times, self.over = 0, collections.deque(maxlen=1000), False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self.raw.head()
            self.raw.exactly(13)
            while True:
                head = self.raw.exactly(11)
                body = self.raw.exactly(int.from_bytes(head[1:4], "big") + 4)
                if head[0] == 9 and body[1] == 1:
                    self.pictures += 1
                    self.times.append(time.monotonic())
        except (AssertionError, OSError, ValueError):
            self.over = True

    def wait_pictures(self, count=1, timeout=10):
        goal = self.pictures + count
        lectern_test.wait_for(lambda: self.pictures >= goal, timeout, "pictures")

    def wait_after(self, moment):
        """When the first picture after MOMENT came."""
        return lectern_test.wait_for(lambda: next((at for at in list(self.times) if at > moment), None),
                                     10, "pictures")

    def close(self):
        try:
            self.raw.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join()
        self.raw.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()


class Brief:
    """An HTTP server whose every FLV stream is over, in order, as soon as it has begun."""

    def __init__(self, test):
        flv = (FLV_FILES / "h264-aac.flv").read_bytes()
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(flv) + flv
        self.times = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        test.addCleanup(self.socket.close)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/live/a.flv"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.times.append(time.monotonic())
            with peer:
                peer.recv(65536)
                peer.sendall(self.answer)


class RelayCase(lectern_test.TestCase):
    def origin(self, **settings):
        return self.server(settings=OPEN | settings)

    def edge(self, settings=None, **options):
        base = {"plugins.relay": "true", "rtmp.listen": "127.0.0.1:0"}
        return self.server(settings=base | (settings or {}), **options)

    def watch(self, server, name, **options):
        viewer = Viewer(server, name, **options)
        self.addCleanup(viewer.close)
        return viewer

    def relays(self, server):
        return server.json("/api/v1/relays", server.manager())["relays"]

    def wait_state(self, server, state, index=0, timeout=10):
        def is_there():
            relays = self.relays(server)
            return relays[index] if len(relays) > index and relays[index]["state"] == state else None
        return lectern_test.wait_for(is_there, timeout, f"relay {index} to be {state}")

    def players(self, server, name):
        sessions = server.json(f"/api/v1/sessions?stream={name}", server.manager())["sessions"]
        return [session for session in sessions if session["role"] == "play"]

    def post(self, server, **relay):
        status, headers, body = server.request(
            "POST", "/api/v1/relays", json.dumps(relay),
            server.manager() | {"Content-Type": "application/json"})
        return status, json.loads(body), headers


class Pull(RelayCase):
    def test_a_stream_is_fetched_again_and_again(self):
        origin = self.origin()
        source = f"rtmp://127.0.0.1:{origin.rtmp_port}/live/a"
        edge = self.edge({"relay.pull": f"live/b {source}?token=hush"})
        with rtmp.Teacher(origin, "live/a") as teacher:
            edge.wait_live("live/b")
            viewer = self.watch(edge, "live/b")
            viewer.wait_pictures(5)
            relay = self.wait_state(edge, "running")
            self.assertEqual(relay["mode"], "pull")
            self.assertEqual(relay["source"], "keyfile")
            lectern_test.wait_for(lambda: self.relays(edge)[0]["bytes"] > 0, 5, "bytes")
            teacher.stop()
        # Ended in order there, so here.
        lectern_test.wait_for(lambda: viewer.over, 5, "the viewer's end")
        with rtmp.Teacher(origin, "live/a"):
            edge.wait_live("live/b")
        self.assertNotIn("hush", edge.log() + json.dumps(self.relays(edge)))

    def test_whoever_has_the_key_comes_first(self):
        origin = self.origin()
        edge = self.edge(
            {"relay.pull": f"live/a rtmp://127.0.0.1:{origin.rtmp_port}/live/a"} | OPEN)
        with rtmp.Teacher(origin, "live/a"):
            edge.wait_live("live/a")
            viewer = self.watch(edge, "live/a")
            viewer.wait_pictures(3)
            with rtmp.Teacher(edge, "live/a") as local:
                relay = self.wait_state(edge, "waiting")
                self.assertIn("publishes", relay["error"])
                viewer.wait_pictures(20)
                self.assertFalse(viewer.over)
                local.stop()
            # The name is free again.
            self.wait_state(edge, "running")

    def test_what_the_operator_ends_is_gone_for_a_while(self):
        origin = self.origin()
        edge = self.edge({"relay.pull": f"live/a rtmp://127.0.0.1:{origin.rtmp_port}/live/a",
                          "media.wait": "1s"})
        with rtmp.Teacher(origin, "live/a"):
            edge.wait_live("live/a")
            edge.request("DELETE", "/api/v1/streams/live/a", headers=edge.manager())
            self.assertIn("operator", self.wait_state(edge, "waiting")["error"])
            with Viewer(edge, "live/a") as viewer:  # who asks for it
                lectern_test.wait_for(lambda: viewer.over, 10, "the end of the wait")
            self.assertEqual(self.relays(edge)[0]["attempts"], 1)

    def test_what_ends_at_once_is_asked_for_ever_more_seldom(self):
        origin = Brief(self)
        self.edge({"relay.pull": f"live/a {origin.url}"})
        lectern_test.wait_for(lambda: len(origin.times) >= 3, 15, "three tries")
        # After 1 and 2 s, less a quarter: the stream's end here is no reason to hurry.
        self.assertGreater(origin.times[2] - origin.times[0], 2)

    def test_flv_over_http(self):
        origin = self.origin()
        edge = self.edge(
            {"relay.pull": f"live/a http://127.0.0.1:{origin.http_port}/live/a.flv"})
        with rtmp.Teacher(origin, "live/a"):
            edge.wait_live("live/a")
            self.watch(edge, "live/a").wait_pictures(5)

    def test_rtsp_over_tcp_and_udp(self):
        origin = self.origin(**{"plugins.rtsp": "true", "rtsp.listen": "127.0.0.1:0"})
        url = f"rtsp://127.0.0.1:{origin.port('rtsp')}/live/a"
        edge = self.edge({"relay.pull": f"live/tcp {url} tcp; live/udp {url} udp"})
        with lectern_test.ffmpeg_push(origin.push_url("live/a", key=None), gop=0.5):
            for index, transport in enumerate(("tcp", "udp")):
                edge.wait_live(f"live/{transport}")
                self.watch(edge, f"live/{transport}").wait_pictures(10)
                self.assertEqual(self.wait_state(edge, "running", index)["transport"], transport)

    def test_a_file_is_played_over_and_over(self):
        clip = lectern_test.temporary_directory() / "clip.mp4"
        with lectern_test.ffmpeg_push(str(clip), seconds=1, realtime=False,
                                      output=("-f", "mp4")) as maker:
            self.assertEqual(maker.wait(), 0, maker.output())
        edge = self.edge({"relay.pull": f"live/loop file://{clip}"})
        edge.wait_live("live/loop")
        viewer = self.watch(edge, "live/loop")
        viewer.wait_pictures(25)  # of 15 a second
        self.assertFalse(viewer.over)
        self.assertEqual(self.relays(edge)[0]["url"], f"file://{clip}")

    def test_a_reload_leaves_alone_what_has_not_changed(self):
        origin = self.origin()
        base = f"rtmp://127.0.0.1:{origin.rtmp_port}/live"
        edge = self.edge(allow=["stay as they were"])

        def reload(value):
            edge.config_path.write_text(f"[relay]\npull = {value}\n", encoding="utf-8")
            edge.run("reload")

        with rtmp.Teacher(origin, "live/a"), rtmp.Teacher(origin, "live/b"):
            reload(f"live/a {base}/a")
            viewer = self.watch(edge, "live/a")
            viewer.wait_pictures(3)
            first = self.wait_state(edge, "running")
            reload(f"live/b {base}/b; live/a {base}/a")
            edge.wait_live("live/b")
            viewer.wait_pictures(3)
            self.assertIn(first["started"], [each["started"] for each in self.relays(edge)])
            self.assertEqual(max(each["attempts"] for each in self.relays(edge)), 1)
            reload(f"live/a {base}/a; live {base}/c")
            edge.wait_log(r"stay as they were.*\[relay\] pull, value 2: 'live' is not a stream")
            reload(f"live/b {base}/b")
            lectern_test.wait_for(lambda: viewer.over, 5, "the end of what is gone")
            self.assertEqual(len(self.relays(edge)), 1)


class OnDemand(RelayCase):
    def demand(self, origin, **settings):
        return self.edge({"relay.on-demand": f"live rtmp://127.0.0.1:{origin.rtmp_port}/live",
                          "relay.linger": "500ms", "media.wait": "2s", "plugins.dash": "true"}
                         | settings)

    def test_one_connection_for_all_and_none_for_nobody(self):
        origin = self.origin()
        edge = self.demand(origin)
        with rtmp.Teacher(origin, "live/a"):
            origin.wait_live("live/a")
            self.assertIsNone(edge.stream("live/a"))
            self.assertEqual(self.relays(edge)[0]["state"], "idle")
            viewers = [Viewer(edge, "live/a", "who=ann&gop=0")]
            viewers[0].wait_pictures(3)
            viewers += [Viewer(edge, "live/a") for _ in range(4)]
            for viewer in viewers:
                viewer.wait_pictures(3)
            with rtmp.player(edge, "live/a") as player:
                player.media(3)
                upstream = self.players(origin, "live/a")
                self.assertEqual(len(upstream), 1)
            self.assertEqual(self.wait_state(edge, "running")["streams"][0]["stream"], "live/a")
            viewers[0].wait_pictures(30)  # more than a second, so that they were counted
            for viewer in viewers:
                viewer.close()
            lectern_test.wait_for(lambda: not self.players(origin, "live/a"), 10, "the pull's end")
            lectern_test.wait_for(lambda: edge.stream("live/a") is None, 5, "the stream's end")
            self.assertEqual(self.relays(edge)[0]["state"], "idle")
            # And once more.
            with Viewer(edge, "live/a") as viewer:
                viewer.wait_pictures(3)

    def test_a_playlist_is_worth_waiting_for(self):
        origin = self.origin()
        edge = self.demand(origin, **{"media.wait": "15s"})
        with lectern_test.ffmpeg_push(origin.push_url("live/a", key=None), gop=0.5):
            origin.wait_live("live/a")
            for address in ("index.m3u8", "index.mpd"):
                status, _, body = edge.request("GET", f"/live/a/{address}")
                self.assertEqual(status, 200, body)
            lectern_test.wait_for(lambda: len(self.players(edge, "live/a")) == 2, 5, "sessions")

    def test_a_player_of_rtsp_is_a_viewer_too(self):
        origin = self.origin()
        edge = self.demand(origin, **{"media.wait": "15s", "plugins.rtsp": "true",
                                       "rtsp.listen": "127.0.0.1:0"})
        with lectern_test.ffmpeg_push(origin.push_url("live/a", key=None), gop=0.5):
            origin.wait_live("live/a")
            found = lectern_test.ffprobe(f"rtsp://127.0.0.1:{edge.port('rtsp')}/live/a",
                                         args=["-rtsp_transport", "tcp"])
            self.assertEqual(sorted(each["codec_name"] for each in found["streams"]),
                             ["aac", "h264"])

    def test_what_is_not_there_ends_the_wait(self):
        origin = self.origin()
        edge = self.demand(origin, **{"media.wait": "700ms"})
        begun = time.monotonic()
        status, _, _ = edge.request("GET", "/live/nobody/index.m3u8")
        self.assertEqual(status, 404)
        self.assertGreater(time.monotonic() - begun, 0.6)
        lectern_test.wait_for(lambda: self.relays(edge)[0]["state"] == "idle", 10, "giving up")

    def test_what_failed_for_good_is_tried_again_for_who_comes_later(self):
        port = lectern_test.free_port()
        edge = self.edge({"relay.on-demand": f"live rtmp://localhost:{port}/live",
                          "rtmp.listen": f"127.0.0.1:{port}", "relay.linger": "500ms",
                          "media.wait": "500ms"})

        def asked_again():
            self.assertEqual(edge.request("GET", "/live/a/index.m3u8")[0], 404)
            return edge.log().count("a loop") >= 2
        lectern_test.wait_for(asked_again, 10, "a second try")

    def test_names_that_nobody_has_do_not_keep_others_out(self):
        origin = self.origin()
        edge = self.demand(origin, **{"relay.max-transfers": "3"})
        with rtmp.Teacher(origin, "live/a"):
            guesses = [self.watch(edge, f"live/guess{number}") for number in range(6)]
            lectern_test.wait_for(lambda: len(self.relays(edge)[0]["streams"]) == 3, 5, "guesses")
            self.watch(edge, "live/a").wait_pictures(3)
            self.assertEqual(len(self.relays(edge)[0]["streams"]), 3)
            self.assertFalse(any(guess.pictures for guess in guesses))

    def test_servers_that_point_at_each_other_do_not_chase_a_stream(self):
        ports = [lectern_test.free_port() for _ in range(2)]
        servers = [self.edge({"relay.on-demand": f"live rtmp://127.0.0.1:{ports[1 - i]}/live",
                              "rtmp.listen": f"127.0.0.1:{ports[i]}", "media.wait": "1s",
                              "relay.linger": "100ms"}) for i in range(2)]
        with Viewer(servers[0], "live/a") as viewer:
            lectern_test.wait_for(lambda: viewer.over, 10, "the viewer's end")
        for server in servers:
            lectern_test.wait_for(lambda: self.relays(server)[0]["state"] == "idle", 10, "calm")
            # The one asks the other, who asks back in vain, a few times within the wait.
            self.assertLess(len(re.findall("relay of 'live/a'", server.log())), 12, server.log())

    def test_five_hundred_viewers_on_one_upstream_connection(self):
        origin = self.origin()
        edge = self.demand(origin, **{"server.connects-per-address": "0"})
        with rtmp.Teacher(origin, "live/a"):
            origin.wait_live("live/a")
            self.assertEqual(self._serve(edge, 500, 2.0), 500)
            self.assertEqual(len(self.players(origin, "live/a")), 1)
            self.assertEqual(self.relays(edge)[0]["attempts"], 1)

    def _serve(self, edge, count, seconds):
        """How many of so many viewers get pictures to the end."""
        selector, got = selectors.DefaultSelector(), {}
        request = b"GET /live/a.flv HTTP/1.1\r\nHost: localhost\r\n\r\n"
        try:
            for _ in range(count):
                viewer = socket.create_connection(("127.0.0.1", edge.http_port))
                viewer.sendall(request)
                viewer.setblocking(False)
                got[viewer] = [0, 0.0]
                selector.register(viewer, selectors.EVENT_READ)
            end = time.monotonic() + seconds * lectern_test.PATIENCE
            while time.monotonic() < end:
                for key, _ in selector.select(0.1):
                    data = key.fileobj.recv(65536)
                    if not data:
                        selector.unregister(key.fileobj)
                    got[key.fileobj][0] += len(data)
                    got[key.fileobj][1] = time.monotonic()
            return sum(size > 10000 and last > end - 1 for size, last in got.values())
        finally:
            for viewer in got:
                viewer.close()


class Push(RelayCase):
    def test_to_two_targets_while_it_is_published(self):
        targets = [self.origin(), self.origin()]
        key = targets[0].key("up/lesson")
        server = self.edge(
            OPEN | {"relay.push": f"live/a rtmp://127.0.0.1:{targets[0].rtmp_port}/up/lesson?key={key};"
                                  f"live rtmp://127.0.0.1:{targets[1].rtmp_port}/live"})
        names = ["up/lesson", "live/a"]
        with rtmp.Teacher(server, "live/a") as teacher:
            for target, name in zip(targets, names):
                target.wait_live(name)
                self.watch(target, name).wait_pictures(5)
            self.wait_state(server, "running", 0)
            self.wait_state(server, "running", 1)
            teacher.stop()
        for target, name in zip(targets, names):
            lectern_test.wait_for(lambda: target.stream(name) is None, 10, "the end over there")
        for index in range(2):
            self.wait_state(server, "idle", index)
        self.assertNotIn(key, server.log() + json.dumps(self.relays(server)))

    def test_to_rtsp(self):
        target = self.origin(**{"plugins.rtsp": "true", "rtsp.listen": "127.0.0.1:0"})
        server = self.edge(
            OPEN | {"relay.push": f"live rtsp://127.0.0.1:{target.port('rtsp')}/live"})
        with lectern_test.ffmpeg_push(server.push_url("live/a", key=None), gop=0.5):
            target.wait_live("live/a")
            self.watch(target, "live/a").wait_pictures(10)

    def test_what_found_no_room_is_brought_when_there_is_some(self):
        target = self.origin()
        server = self.edge(OPEN | {"relay.push": f"live rtmp://127.0.0.1:{target.rtmp_port}/live",
                                   "relay.max-transfers": "1"})
        with rtmp.Teacher(server, "live/a") as first:
            target.wait_live("live/a")
            with rtmp.Teacher(server, "live/b"):
                server.wait_log("'live/b' is not relayed: .*max-transfers")
                first.stop()
                target.wait_live("live/b")

    def test_a_target_that_refuses_is_not_asked_each_second(self):
        target = self.server()
        server = self.edge(OPEN | {
            "relay.push": f"live/a rtmp://127.0.0.1:{target.rtmp_port}/live/hidden-key"})
        with rtmp.Teacher(server, "live/a"):
            lectern_test.wait_for(lambda: self.relays(server)[0]["attempts"] == 2, 10, "two tries")
            relay = self.wait_state(server, "waiting")
            self.assertIn("refuses", relay["error"])
            begun = time.monotonic()
            lectern_test.wait_for(lambda: self.relays(server)[0]["attempts"] == 3, 10, "a third try")
            self.assertGreater(time.monotonic() - begun, 1.2)
        self.assertNotIn("hidden-key", server.log() + json.dumps(relay))

    def test_a_target_that_was_away_is_found_again(self):
        port = lectern_test.free_port()
        target = self.origin(**{"rtmp.listen": f"127.0.0.1:{port}"})
        server = self.edge(OPEN | {"relay.push": f"live rtmp://127.0.0.1:{port}/live"})
        with rtmp.Teacher(server, "live/a"):
            target.wait_live("live/a")
            target.kill()
            self.wait_state(server, "waiting")
            target.start()
            target.wait_live("live/a", timeout=5)


class Api(RelayCase):
    def test_relays_are_made_shown_kept_and_removed(self):
        origin = self.origin()
        edge = self.edge({"relay.allow": "127.0.0.0/8"})
        url = f"rtmp://127.0.0.1:{origin.rtmp_port}/live/a?token=hush"
        with rtmp.Teacher(origin, "live/a"):
            status, made, headers = self.post(edge, mode="pull", stream="live/b", url=url)
            self.assertEqual(status, 201, made)
            address = headers["Location"]
            self.assertEqual(address, f"/api/v1/relays/{made['id']}")
            self.assertRegex(made["id"], "^[A-Z0-9]{8}$")
            edge.wait_live("live/b")
            edge.stop()
            edge.start()
            edge.wait_live("live/b")
            shown = edge.json(address, edge.manager())
            self.assertEqual((shown["id"], shown["state"], shown["source"], shown["stream"]),
                             (made["id"], "running", "api", "live/b"))
            self.assertEqual(edge.request("DELETE", address, headers=edge.manager())[0], 204)
            lectern_test.wait_for(lambda: edge.stream("live/b") is None, 5, "the end")
        self.assertEqual(edge.request("DELETE", address, headers=edge.manager())[0], 404)
        self.assertEqual(edge.request("GET", address, headers=edge.manager())[0], 404)
        edge.stop()
        edge.start()
        self.assertEqual(self.relays(edge), [])
        self.assertNotIn("hush", edge.log() + json.dumps([made, shown]))

    def test_what_cannot_be_is_refused_with_the_reason(self):
        edge = self.edge({"relay.allow": "127.0.0.1", "relay.max-relays": "2",
                          "relay.pull": "live/fixed rtmp://127.0.0.1:9/live/a"})
        fixed = self.relays(edge)[0]["id"]
        good = {"mode": "push", "stream": "live/a", "url": "rtmp://127.0.0.1:9/live/a"}
        table = [
            (400, good | {"mode": "both"}), (400, good | {"stream": "live/a/b"}),
            (400, good | {"url": "127.0.0.1/live"}), (400, good | {"url": 7}),
            (400, good | {"more": 1}), (400, {"mode": "push", "stream": "live/a"}),
            (400, good | {"transport": "tcp"}), (501, good | {"url": "gopher://127.0.0.1/x"}),
            (400, good | {"mode": "push", "url": "file:///etc/passwd"}),
            (409, good | {"mode": "pull", "stream": "live/fixed"}),
            (201, good), (429, good | {"stream": "live/c"}),
        ]
        for expected, relay in table:
            status, answer, headers = self.post(edge, **relay)
            self.assertEqual(status, expected, (relay, answer))
            if status != 201:
                self.assertEqual(headers["Content-Type"], "application/problem+json")
        self.assertEqual(edge.request("POST", "/api/v1/relays", "{", edge.manager())[0], 400)
        self.assertEqual(edge.request("GET", "/api/v1/relays")[0], 401)
        self.assertEqual(
            edge.request("DELETE", f"/api/v1/relays/{fixed}", headers=edge.manager())[0], 409)

    def test_A_09_relays_of_the_api_stay_on_the_public_internet(self):
        origin = self.origin()
        edge = self.edge({"plugins.rtsp": "true", "rtsp.listen": "127.0.0.1:0"})
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254",
                     "0.0.0.0", "224.0.0.1", "192.168.1.1", "[fe80::1]", "[fd00::1]"):
            status, answer, _ = self.post(edge, mode="pull", stream="live/x",
                                          url=f"rtmp://{host}:{origin.rtmp_port}/live/a")
            self.assertEqual(status, 403, (host, answer))
        for path in ("file:///etc/passwd", "file:///proc/self/environ"):
            status, answer, _ = self.post(edge, mode="pull", stream="live/x", url=path)
            self.assertEqual(status, 403, answer)
        # What a name stands for is known only when it is connected to.
        for url in (f"rtmp://localhost:{origin.rtmp_port}/live/a", f"rtmp://127.1:{origin.rtmp_port}/live/a",
                    f"rtmp://2130706433:{origin.rtmp_port}/live/a",
                    f"http://localhost:{origin.http_port}/live/a.flv", "rtsp://localhost:8554/live/a"):
            status, made, _ = self.post(edge, mode="pull", stream="live/x", url=url)
            self.assertEqual(status, 201, made)
            relay = self.wait_state(edge, "failed")
            self.assertIn("[relay] allow", relay["error"], url)
            edge.request("DELETE", f"/api/v1/relays/{made['id']}", headers=edge.manager())
        self.assertEqual(origin.json("/api/v1/sessions", origin.manager())["sessions"], [])

    def test_what_the_operator_names_is_allowed(self):
        origin = self.origin()
        folder = lectern_test.temporary_directory()
        (folder / "media").mkdir()
        (folder / "media/link.mp4").symlink_to("/etc/passwd")
        edge = self.edge({"relay.allow": f"LocalHost; {folder}/media"})
        with rtmp.Teacher(origin, "live/a"):
            status, _, _ = self.post(edge, mode="pull", stream="live/x",
                                     url=f"rtmp://localhost:{origin.rtmp_port}/live/a")
            self.assertEqual(status, 201)
            edge.wait_live("live/x")
        for path in (f"{folder}/media/link.mp4", f"{folder}/media/../other.mp4"):
            status, _, _ = self.post(edge, mode="pull", stream="live/y", url=f"file://{path}")
            self.assertEqual(status, 403, path)


    def test_a_reload_looks_again_at_what_was_not_allowed(self):
        origin = self.origin()
        edge = self.edge()

        def allow(text):
            edge.config_path.write_text(f"[relay]\nallow = {text}\n", encoding="utf-8")
            edge.run("reload")

        with rtmp.Teacher(origin, "live/a"):
            # A name is known only when it is connected to.
            self.post(edge, mode="pull", stream="live/x",
                      url=f"rtmp://localhost:{origin.rtmp_port}/live/a")
            self.wait_state(edge, "failed")
            allow("localhost; 127.0.0.1")
            self.wait_state(edge, "running")
            status, made, _ = self.post(edge, mode="pull", stream="live/y",
                                        url=f"rtmp://127.0.0.1:{origin.rtmp_port}/live/a")
            self.assertEqual(status, 201, made)
            edge.wait_live("live/y")
            edge.stop()
            # Kept, and not allowed any more.
            edge.config_path.write_text("[relay]\nallow = localhost\n", encoding="utf-8")
            edge.start()
            self.assertIn("[relay] allow", self.wait_state(edge, "failed", 1)["error"])
            allow("localhost; 127.0.0.1")
            self.wait_state(edge, "running", 1)
            edge.wait_live("live/y")

    def test_a_reload_ends_what_is_not_allowed_at_its_next_try(self):
        port = lectern_test.free_port()
        origin = self.origin(**{"rtmp.listen": f"127.0.0.1:{port}"})
        edge = self.edge()
        edge.config_path.write_text("[relay]\nallow = localhost\n", encoding="utf-8")
        edge.run("reload")
        self.post(edge, mode="pull", stream="live/x", url=f"rtmp://localhost:{port}/live/a")
        with rtmp.Teacher(origin, "live/a"):
            edge.wait_live("live/x")
            edge.config_path.write_text("[relay]\nallow = elsewhere\n", encoding="utf-8")
            edge.run("reload")
            self.assertEqual(self.relays(edge)[0]["state"], "running")
            origin.kill()
        self.assertIn("[relay] allow", self.wait_state(edge, "failed")["error"])


class Loops(RelayCase):
    def test_a_server_does_not_fetch_from_itself(self):
        port = lectern_test.free_port()
        edge = self.edge({"rtmp.listen": f"127.0.0.1:{port}",
                          "relay.pull": f"live/a rtmp://localhost:{port}/live/a"})
        self.assertIn("loop", self.wait_state(edge, "failed")["error"])


    def test_servers_that_push_to_each_other_do_not_go_round(self):
        ports = [lectern_test.free_port() for _ in range(2)]
        first, second = [self.edge(OPEN | {"relay.push": f"live rtmp://127.0.0.1:{ports[1 - i]}/live",
                                           "rtmp.listen": f"127.0.0.1:{ports[i]}"}) for i in range(2)]
        with rtmp.Teacher(first, "live/a"):
            second.wait_live("live/a")
            self.watch(second, "live/a").wait_pictures(5)
            relay = self.wait_state(second, "waiting")
            self.assertIsNotNone(relay["error"])
            self.assertEqual(self.relays(first)[0]["attempts"], 1)
            sessions = first.json("/api/v1/sessions?stream=live/a", first.manager())["sessions"]
            self.assertEqual([session["role"] for session in sessions], ["publish"])


class LostUpstream(RelayCase):
    def test_viewers_stay_and_see_pictures_soon_after_its_return(self):
        rtmp_port, http_port = lectern_test.free_port(), lectern_test.free_port()
        origin = self.origin(**{"rtmp.listen": f"127.0.0.1:{rtmp_port}",
                                "http.listen": f"127.0.0.1:{http_port}"})
        edges = [self.edge({"relay.pull": f"live/a rtmp://127.0.0.1:{rtmp_port}/live/a"}),
                 self.edge({"relay.on-demand": f"live rtmp://127.0.0.1:{rtmp_port}/live"})]
        teacher = rtmp.Teacher(origin, "live/a")
        viewers = [Viewer(edge, "live/a") for edge in edges for _ in range(3)]
        for viewer in viewers:
            self.addCleanup(viewer.close)
            viewer.wait_pictures(5)
        self.assertEqual(edges[0].request("GET", "/live/a/index.m3u8")[0], 200)
        waits = []
        for _ in range(KILLS):
            origin.kill()
            teacher.close()
            for edge in edges:
                lectern_test.wait_for(lambda: edge.stream("live/a")["state"] == "away", 10, "away")
            time.sleep(0.2)  # what is on its way to the viewers
            origin.start()
            teacher = rtmp.Teacher(origin, "live/a")
            back = teacher.begun
            waits.append(max(viewer.wait_after(back) for viewer in viewers) - back)
        playlist = edges[0].get("/live/a/video.m3u8").decode()
        self.assertIn("#EXT-X-DISCONTINUITY", playlist)
        self.assertNotIn("#EXT-X-ENDLIST", playlist)
        teacher.close()
        print(f"# killed {KILLS} times; pictures after {min(waits):.2f} to {max(waits):.2f} s")
        self.assertEqual([viewer for viewer in viewers if viewer.over], [])
        self.assertLess(max(waits), 3 * lectern_test.PATIENCE)

    def test_a_worker_that_is_killed_is_followed_by_another_within_two_seconds(self):
        origin = self.origin()
        url = f"rtsp://127.0.0.1:{origin.port('rtsp')}/live/a"
        edge = self.edge({"relay.pull": f"live/a {url} tcp; live/b rtmp://127.0.0.1:{origin.rtmp_port}/live/a"},
                         allow=["pull from"])
        with lectern_test.ffmpeg_push(origin.push_url("live/a", key=None), gop=0.5, rate=25):
            viewer, other = self.watch(edge, "live/a"), self.watch(edge, "live/b")
            viewer.wait_pictures(5)
            other.wait_pictures(5)
            os.kill(edge.wait_worker(f"pull from {url}"), signal.SIGKILL)
            killed = time.monotonic()
            lectern_test.wait_for(lambda: edge.stream("live/a")["state"] == "away", 5, "away")
            edge.wait_live("live/a")
            live = time.monotonic() - killed
            seen = viewer.wait_after(time.monotonic()) - killed
            print(f"# live again after {live:.2f} s, a picture after {seen:.2f} s")
            self.assertLess(live, 2 * lectern_test.PATIENCE)
            self.assertLess(seen, 3 * lectern_test.PATIENCE)
            self.assertFalse(viewer.over or other.over)
            gaps = [after - before for before, after in zip(list(other.times), list(other.times)[1:])]
            self.assertLess(max(gaps), lectern_test.PATIENCE)

    def test_viewers_are_kept_no_longer_than_hold(self):
        origin = self.origin()
        edge = self.edge({"relay.pull": f"live/a rtmp://127.0.0.1:{origin.rtmp_port}/live/a",
                          "relay.hold": "500ms"})
        with rtmp.Teacher(origin, "live/a"):
            edge.wait_live("live/a")
            viewer = self.watch(edge, "live/a")
            viewer.wait_pictures(3)
            origin.kill()
        lectern_test.wait_for(lambda: viewer.over, 5, "the viewer's end")
        self.assertEqual(self.relays(edge)[0]["state"], "waiting")

    def test_old_pictures_do_not_go_from_server_to_server(self):
        port = lectern_test.free_port()
        origin = self.origin(**{"rtmp.listen": f"127.0.0.1:{port}"})
        middle = self.edge({"relay.pull": f"live/a rtmp://127.0.0.1:{port}/live/a"})
        teacher = rtmp.Teacher(origin, "live/a")
        middle.wait_live("live/a")
        self.watch(middle, "live/a").wait_pictures(20)
        origin.kill()
        teacher.close()
        lectern_test.wait_for(lambda: middle.stream("live/a")["state"] == "away", 10, "away")
        edge = self.edge({"relay.pull": f"live/a rtmp://127.0.0.1:{middle.rtmp_port}/live/a"})
        lectern_test.wait_for(lambda: len(self.players(middle, "live/a")) == 2, 10, "the edge to ask")
        viewer = self.watch(edge, "live/a")
        with self.assertRaises(AssertionError):
            viewer.wait_pictures(1, timeout=1)
        origin.start()
        with rtmp.Teacher(origin, "live/a"):
            viewer.wait_pictures(5)


lectern_test.main()
