# SPDX-License-Identifier: LGPL-2.1-or-later
"""FLV over HTTP and over WebSocket: what viewers get, and who gets nothing."""

import asyncio
import pathlib
import ssl
import unittest

import lectern_test
import rtmp

try:
    import websockets
except ImportError:
    websockets = None

AUDIO, VIDEO, SCRIPT = 8, 9, 18
DATA = lectern_test.SOURCE_DIR / "tests/core/formats/data"


class Tag:
    def __init__(self, data):
        self.kind = data[0]
        self.size = int.from_bytes(data[1:4], "big")
        self.timestamp = int.from_bytes(data[7:8] + data[4:7], "big")
        self.stream = data[8:11]
        self.body = data[11:-4]
        self.previous = int.from_bytes(data[-4:], "big")

    def check(self):
        assert self.size == len(self.body) and self.previous == self.size + 11, "sizes"
        assert self.stream == b"\0\0\0", "stream"
        return self

    @property
    def is_config(self):
        return self.body[:2] in (b"\x17\0", b"\x1c\0", b"\xaf\0")

    @property
    def is_key(self):
        return self.kind == VIDEO and self.body[:2] == b"\x17\x01"

    def __repr__(self):
        return f"<{self.kind} at {self.timestamp}: {self.body[:8].hex()}>"


def file_tags(path):
    data, at = pathlib.Path(path).read_bytes(), 13
    while at < len(data):
        end = at + 15 + int.from_bytes(data[at + 1:at + 4], "big")
        yield Tag(data[at:end])
        at = end


class HttpViewer:
    """One GET of an FLV stream."""

    def __init__(self, server, name, query="", tls=False, headers=None, **options):
        self.raw = lectern_test.Raw(server.https_port if tls else server.http_port, tls, **options)
        lines = "".join(f"{key}: {value}\r\n" for key, value in (headers or {}).items())
        path = f"/{name}.flv" + (f"?{query}" if query else "")
        self.raw.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
        self.status, self.headers = self.raw.head()

    def header(self):
        return self.raw.exactly(13)

    def tag(self):
        """The next tag; None at the stream's end."""
        head = self.raw.receive(1)
        if not head:
            return None
        head += self.raw.exactly(10)
        return Tag(head + self.raw.exactly(int.from_bytes(head[1:4], "big") + 4)).check()

    def end(self):
        """Whether the end comes in order, with no more than whole tags before it."""
        while self.tag():
            pass
        return True

    def close(self):
        self.raw.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()


class SocketViewer:
    """One WebSocket to an FLV stream."""

    def __init__(self, server, name, query="", tls=False, headers=None, **options):
        self.raw = lectern_test.Raw(server.https_port if tls else server.http_port, tls, **options)
        path = f"/{name}.flv" + (f"?{query}" if query else "")
        self.socket = lectern_test.WebSocket(self.raw, path, headers)
        self.status, self.headers = self.socket.status, self.socket.headers
        self.code = None

    def _message(self):
        while True:
            frame = self.socket.receive()
            if frame is None or frame[0] == 8:
                self.code = int.from_bytes(frame[1][:2], "big") if frame else 1006
                return None
            if frame[0] == 2:
                return frame[1]

    def header(self):
        return self._message()

    def tag(self):
        message = self._message()
        return Tag(message).check() if message is not None else None

    def end(self):
        while self.tag():
            pass
        return self.code == 1000

    close = HttpViewer.close
    __enter__ = HttpViewer.__enter__
    __exit__ = HttpViewer.__exit__


def begin(viewer):
    """(flags, tags before the first frame, the first frame)."""
    header = viewer.header()
    assert header[:4] == b"FLV\1" and header[5:] == b"\0\0\0\x09\0\0\0\0", header
    before = []
    while True:
        tag = viewer.tag()
        if tag.kind != SCRIPT and not tag.is_config:
            return header[4], before, tag
        before.append(tag)


class Lesson:
    """A publisher whose frames the test sends itself: a GOP of ten at 40 ms."""

    def __init__(self, server, name="live/a"):
        self.client = rtmp.publisher(server, name)
        self.client.metadata(title="Algebra", width=320.0)
        self.name, self.count = name, 0

    def frames(self, count):
        for _ in range(count):
            at = self.count * 40
            self.client.video(at, key=self.count % 10 == 0)
            self.client.audio(at + 1)
            self.count += 1
        return self

    def stop(self):
        self.client.unpublish(self.name.partition("/")[2])

    def close(self):
        self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()


class Doors:
    """What holds for both doors; `viewer` is the class of one."""

    viewer = None

    def watch(self, server, name="live/a", *args, **options):
        viewer = self.viewer(server, name, *args, **options)
        self.addCleanup(viewer.close)
        return viewer

    def lesson(self, server, name="live/a"):
        lesson = Lesson(server, name)
        self.addCleanup(lesson.close)
        return lesson

    def test_begins_with_metadata_configs_and_a_key_frame(self):
        server = self.server()
        self.lesson(server).frames(14)
        flags, before, first = begin(self.watch(server))
        self.assertEqual(flags, 5)
        self.assertEqual([tag.kind for tag in before], [SCRIPT, VIDEO, AUDIO])
        self.assertEqual(rtmp.decode(before[0].body),
                         ["onMetaData", {"title": "Algebra", "width": 320.0}])
        self.assertEqual(before[1].body, b"\x17\0\0\0\0" + rtmp.AVC_CONFIG)
        self.assertEqual(before[2].body, b"\xaf\0" + rtmp.AAC_CONFIG)
        self.assertTrue(first.is_key)

    def test_goes_on_live_in_order(self):
        server = self.server()
        lesson = self.lesson(server).frames(5)
        viewer = self.watch(server)
        _, _, first = begin(viewer)
        lesson.frames(30)
        tags = [first] + [viewer.tag() for _ in range(60)]
        self.assertEqual([tag.kind for tag in tags], [VIDEO, AUDIO] * 30 + [VIDEO])
        times = [tag.timestamp - first.timestamp for tag in tags]
        self.assertEqual(times[::2], list(range(0, 31 * 40, 40)))

    def test_starts_from_the_newest_key_frame_or_the_next(self):
        server = self.server()
        lesson = self.lesson(server).frames(14)
        first = self.watch(server)
        begin(first)
        while (tag := first.tag()).kind != VIDEO or tag.timestamp < 13 * 40:
            continue
        newest = begin(self.watch(server))[2]
        later = self.watch(server, query="gop=0")
        lectern_test.wait_for(lambda: server.stream("live/a")["viewers"] == 3)
        lesson.frames(10)
        next_one = begin(later)[2]
        self.assertTrue(newest.is_key and next_one.is_key)
        self.assertEqual(next_one.timestamp - newest.timestamp, 400)

    def test_gives_sound_or_picture_alone(self):
        server = self.server()
        lesson = self.lesson(server).frames(3)
        sound, picture = self.watch(server, query="video=0"), self.watch(server, query="audio=0")
        lectern_test.wait_for(lambda: server.stream("live/a")["viewers"] == 2)
        lesson.frames(20)
        for viewer, flag, kind in ((sound, 4, AUDIO), (picture, 1, VIDEO)):
            flags, before, first = begin(viewer)
            self.assertEqual(flags, flag)
            self.assertEqual([tag.kind for tag in before], [SCRIPT, kind])
            self.assertEqual({first.kind, *(viewer.tag().kind for _ in range(10))}, {kind})

    def test_nothing_wanted_is_refused(self):
        self.assertEqual(self.watch(self.server(), query="video=0&audio=0").status, 400)

    def test_names_that_are_none_are_not_found(self):
        server = self.server()
        for name in ("live/a%20b", "live/..", "live/%2e%2e", "live/%2e", "live/a%00b", "live/" + "a" * 129,
                     "live/a@b@c", "live/%C3%A9", "a/b/c", "a"):
            with self.subTest(name):
                self.assertIn(self.watch(server, name).status, (400, 404))

    def test_waits_for_the_publisher(self):
        server = self.server()
        viewer = self.watch(server)
        lectern_test.wait_for(lambda: server.stream("live/a"))
        self.assertEqual(server.stream("live/a")["waiting"], 1)
        self.lesson(server).frames(3)
        _, before, first = begin(viewer)
        self.assertEqual([tag.kind for tag in before if tag.kind != SCRIPT], [VIDEO, AUDIO])
        self.assertTrue(first.is_key)

    def test_gives_up_when_nobody_publishes(self):
        server = self.server(settings={"media.wait": "200ms"})
        viewer = self.watch(server, "live/a@480p")
        self.assertIn(viewer.status, (200, 101))
        self.assert_gave_up(viewer)
        self.assertEqual(server.json("/api/v1/streams")["streams"], [])

    def test_refuses_to_wait_beyond_the_limit(self):
        server = self.server(settings={"media.max-waiting": "1"})
        self.watch(server)
        lectern_test.wait_for(lambda: server.stream("live/a"))
        self.assert_gave_up(self.watch(server, "live/b"))

    def test_ends_with_the_stream(self):
        server = self.server()
        lesson = self.lesson(server).frames(5)
        viewer = self.watch(server)
        begin(viewer)
        lesson.stop()
        self.assertTrue(viewer.end())
        self.assert_no_sessions(server)

    def test_stays_while_the_publisher_is_away(self):
        server = self.server(allow=("lost|away",))
        lesson = self.lesson(server).frames(5)
        viewer = self.watch(server)
        begin(viewer)
        lesson.close()
        lectern_test.wait_for(lambda: server.stream("live/a")["state"] == "away")
        again = self.lesson(server).frames(3)
        tags = [viewer.tag() for _ in range(12)]
        again.stop()
        self.assertTrue(viewer.end())
        times = [tag.timestamp for tag in tags if tag.kind == VIDEO and not tag.is_config]
        self.assertEqual(times, sorted(set(times)))
        self.assertTrue(any(tag.is_key for tag in tags[9:] + tags))

    def test_ends_when_the_server_stops(self):
        server = self.server()
        self.lesson(server).frames(5)
        viewer, waiting = self.watch(server), self.watch(server, "live/b")
        begin(viewer)
        server.signal(15)
        while viewer.tag():
            pass
        self.assertIsNone(waiting.tag())

    def test_one_session_from_first_to_last(self):
        server = self.server()
        self.lesson(server).frames(5)
        viewer = self.watch(server)
        begin(viewer)
        session, = [one for one in self.sessions(server) if one["role"] == "play"]
        self.assertEqual((session["protocol"], session["stream"]), (self.protocol, "live/a"))
        viewer.close()
        lectern_test.wait_for(lambda: not [one for one in self.sessions(server)
                                           if one["role"] == "play"])

    def test_a_kicked_viewer_is_cut_off(self):
        server = self.server()
        self.lesson(server).frames(5)
        viewer = self.watch(server)
        begin(viewer)
        session, = [one["id"] for one in self.sessions(server) if one["role"] == "play"]
        status, _, _ = server.request("DELETE", f"/api/v1/sessions/{session}",
                                      headers=self.admin(server))
        self.assertEqual(status, 204)
        while viewer.tag():
            pass
        lectern_test.wait_for(lambda: not [one for one in self.sessions(server)
                                           if one["role"] == "play"])

    def test_the_denied_get_no_media(self):
        server = self.server(settings={"access.open-play": "false"})
        self.lesson(server).frames(5)
        self.assertEqual(self.watch(server).status, 403)
        self.assertEqual(self.watch(server, "live/unknown").status, 403)

    def test_over_tls(self):
        server = self.server(tls=True)
        lesson = self.lesson(server).frames(5)
        viewer = self.watch(server, tls=True)
        self.assertTrue(begin(viewer)[2].is_key)
        lesson.stop()
        self.assertTrue(viewer.end())

    def test_talking_back_is_ignored(self):
        server = self.server()
        lesson = self.lesson(server).frames(5)
        viewer = self.watch(server)
        begin(viewer)
        self.talk(viewer)
        lesson.frames(20)
        for _ in range(40):
            self.assertIsNotNone(viewer.tag())

    def test_many_come_and_go(self):
        # Segments have descriptors of their own.
        server = self.server(settings={"server.connects-per-address": "0", "plugins.hls": "false",
                                       "plugins.dash": "false"})
        lesson = self.lesson(server).frames(12)
        begin(self.watch(server))
        before = server.descriptors()
        for round_number in range(20):
            viewers = [self.viewer(server, "live/a") for _ in range(10)]
            for viewer in viewers[round_number % 2::2]:
                begin(viewer)
            lesson.frames(2)
            for viewer in viewers:
                viewer.close()
        lectern_test.wait_for(lambda: server.descriptors() <= before)
        lectern_test.wait_for(lambda: server.stream("live/a")["viewers"] == 1)

    def admin(self, server):
        token = (server.state_dir / "state/admin-token").read_text(encoding="ascii").strip()
        return {"Authorization": f"Bearer {token}"}

    def sessions(self, server):
        return server.json("/api/v1/sessions", self.admin(server))["sessions"]

    def assert_no_sessions(self, server):
        lectern_test.wait_for(lambda: not [one for one in self.sessions(server)
                                           if one["role"] == "play"])

    def test_passes_every_codec_unchanged(self):
        """Files of ffmpeg, pushed tag by tag, come out of the server as they went in."""
        server = self.server()
        for path in sorted(DATA.glob("*.flv")):
            with self.subTest(path.name):
                self.pass_file(server, path)

    def pass_file(self, server, path):
        name = f"live/{path.stem}"
        tags = [tag for tag in file_tags(path) if tag.kind != SCRIPT and not is_end(tag)]
        frames = [tag for tag in tags if not is_config(tag)]
        length = frames[-1].timestamp + 40
        viewer = self.watch(server, name)
        client = rtmp.Client(server.rtmp_port)
        self.addCleanup(client.close)
        client.connect("live")
        client.publish(f"{path.stem}?key={server.key(name)}")
        client.chunk_size(65536)
        for tag in tags:
            client.send(tag.kind, tag.body, tag.timestamp, client.stream)
        # A stream with one track is shown once it is clear that no other comes.
        again = 1500 // length
        for number in range(1, again + 1):
            for tag in frames:
                client.send(tag.kind, tag.body, number * length + tag.timestamp, client.stream)
        client.unpublish(path.stem)
        viewer.header()
        got = []
        while tag := viewer.tag():
            got.append(tag)
        sent = [(tag.kind, tag.body) for tag in frames] * (again + 1)
        passed = [(tag.kind, tag.body) for tag in got if tag.kind != SCRIPT and not is_config(tag)]
        self.assertGreater(len(passed), 2)
        self.assertEqual(passed, sent[-len(passed):])
        self.assertEqual({tag.body for tag in got if is_config(tag)},
                         {tag.body for tag in tags if is_config(tag)})


def is_end(tag):
    """Whether it is an end of sequence, which a live stream does not pass on."""
    return tag.kind == VIDEO and tag.body[:2] in (b"\x17\x02", b"\x1c\x02") or tag.body[0] == 0x92


def is_config(tag):
    return tag.is_config or tag.body[0] == 0x90


class Http(Doors, lectern_test.TestCase):
    viewer = HttpViewer
    protocol = "http"

    def assert_gave_up(self, viewer):
        self.assertEqual(viewer.raw.everything(), b"")

    def talk(self, viewer):
        viewer.raw.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100)

    def test_head_and_type(self):
        server = self.server()
        self.lesson(server).frames(3)
        headers = self.watch(server).headers
        self.assertEqual(headers["content-type"], "video/x-flv")
        self.assertIn("no-store", headers["cache-control"])
        self.assertEqual(headers["connection"], "close")
        self.assertNotIn("content-length", headers)
        self.assertNotIn("transfer-encoding", headers)
        status, headers, body = server.request("HEAD", "/live/a.flv")
        self.assertEqual((status, headers["content-type"], body), (200, "video/x-flv", b""))
        status, headers, _ = server.request("POST", "/live/a.flv", b"x")
        self.assertEqual(status, 405)

    def test_other_origins_may_watch_when_they_are_named(self):
        server = self.server(settings={"http.origins": "https://www.example.edu"})
        self.lesson(server).frames(3)
        named = self.watch(server, headers={"Origin": "https://www.example.edu"})
        other = self.watch(server, headers={"Origin": "https://evil.example"})
        self.assertEqual(named.headers["access-control-allow-origin"], "https://www.example.edu")
        self.assertNotIn("access-control-allow-origin", other.headers)

    def test_ffmpeg_to_ffprobe(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            streams = lectern_test.ffprobe(server.flv_url("live/a"))["streams"]
            self.assertEqual({stream["codec_name"] for stream in streams}, {"h264", "aac"})
            picture = next(one for one in streams if one["codec_type"] == "video")
            self.assertEqual((picture["width"], picture["height"]), (320, 180))
            sound = lectern_test.ffprobe(server.flv_url("live/a", query="video=0"))["streams"]
            self.assertEqual([stream["codec_name"] for stream in sound], ["aac"])


class Socket(Doors, lectern_test.TestCase):
    viewer = SocketViewer
    protocol = "ws"

    def assert_gave_up(self, viewer):
        self.assertIsNone(viewer.tag())
        self.assertEqual(viewer.code, 1013)

    def talk(self, viewer):
        viewer.socket.send(1, b"hello").send(2, bytes(1000)).send(9, b"ping")

    def test_answers_pings_between_tags(self):
        server = self.server()
        lesson = self.lesson(server).frames(5)
        viewer = self.watch(server)
        begin(viewer)
        viewer.socket.send(9, b"are you there")
        lesson.frames(5)
        frames = [viewer.socket.receive()]
        while frames[-1] != (10, b"are you there"):
            self.assertLess(len(frames), 20)
            frames.append(viewer.socket.receive())
        for opcode, payload in frames:
            if opcode == 2:
                Tag(payload).check()

    def test_closes_when_asked(self):
        server = self.server()
        self.lesson(server).frames(5)
        viewer = self.watch(server)
        begin(viewer)
        viewer.socket.send(8, (1000).to_bytes(2, "big"))
        self.assertTrue(viewer.end())
        self.assert_no_sessions(server)

    def test_long_messages_are_refused(self):
        server = self.server()
        self.lesson(server).frames(5)
        viewer = self.watch(server)
        begin(viewer)
        viewer.socket.send(2, bytes(1025))
        self.assertEqual(viewer.socket.close_code(), 1009)

    def test_pages_of_other_origins_must_be_named(self):
        server = self.server(settings={"http.origins": "https://www.example.edu"})
        self.lesson(server).frames(3)
        for origin, status in (("https://www.example.edu", 101), ("https://evil.example", 403),
                               ("null", 403)):
            with self.subTest(origin):
                self.assertEqual(self.watch(server, headers={"Origin": origin}).status, status)

    @unittest.skipUnless(websockets, "needs python3-websockets")
    def test_ffmpeg_to_another_client(self):
        server = self.server(tls=True)
        context = ssl.create_default_context(cafile=server.certificate)

        async def watch(scheme):
            options = {"ssl": context} if scheme == "wss" else {}
            async with websockets.connect(server.flv_url("live/a", scheme), **options) as socket:
                return [await socket.recv() for _ in range(40)]

        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            for scheme in ("ws", "wss"):
                messages = asyncio.run(watch(scheme))
                self.assertEqual(messages[0][:5], b"FLV\1\5")
                kinds = [Tag(message).check().kind for message in messages[1:]]
                self.assertEqual(kinds[0], SCRIPT)
                self.assertTrue({AUDIO, VIDEO} <= set(kinds))


class Both(lectern_test.TestCase):
    def test_one_address_serves_both(self):
        server = self.server()
        with Lesson(server) as lesson:
            lesson.frames(5)
            with HttpViewer(server, "live/a") as one, SocketViewer(server, "live/a") as other:
                begin(one)
                begin(other)
                lesson.frames(20)
                for _ in range(30):
                    first, second = one.tag(), other.tag()
                    self.assertEqual((first.kind, first.timestamp, first.body),
                                     (second.kind, second.timestamp, second.body))

    def test_a_door_that_is_off_is_not_there(self):
        server = self.server(settings={"plugins.ws-flv": "false"})
        with Lesson(server) as lesson:
            lesson.frames(3)
            with HttpViewer(server, "live/a") as viewer:
                self.assertEqual(viewer.status, 200)
        server = self.server(settings={"plugins.http-flv": "false"})
        with Lesson(server) as lesson:
            lesson.frames(3)
            status, _, _ = server.request("GET", "/live/a.flv")
            self.assertEqual(status, 426)
            with SocketViewer(server, "live/a") as viewer:
                self.assertEqual(viewer.status, 101)


lectern_test.main()
