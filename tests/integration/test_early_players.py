# SPDX-License-Identifier: LGPL-2.1-or-later
"""Players of HLS and DASH that come a moment before the teacher, or before the first segment, get their
playlist when it is there; those whom nobody comes for are told so in time, and nothing piles up."""

import os
import re
import signal
import threading
import time

import lectern_test
import rtmp

NAME = "live/a"
PLAYERS = {"plugins.hls": "true", "plugins.dash": "true", "segment.duration": "500ms",
           "segment.limit": "1s", "segment.part": "200ms"}
FIRSTS = ("index.m3u8", "index.mpd")


class Ask(threading.Thread):
    """One GET that may take its time."""

    def __init__(self, server, path):
        super().__init__(daemon=True)
        self.server, self.path, self.status, self.headers, self.body = server, path, None, None, b""
        self.begun, self.took = time.monotonic(), None
        self.start()

    def run(self):
        self.status, self.headers, self.body = self.server.request("GET", self.path, timeout=20)
        self.took = time.monotonic() - self.begun

    def answer(self):
        self.join(20 * lectern_test.PATIENCE)
        assert not self.is_alive(), f"{self.path}: no answer"
        return self.status


def begin_segment(client):
    """Too few frames for a whole one."""
    for count in range(5):
        client.video(count * 40, key=count == 0, size=400)
        client.audio(count * 40 + 1)


class EarlyPlayersTest(lectern_test.TestCase):
    def begin(self, **settings):
        return self.server(settings={**PLAYERS, **settings})

    def wait_connections(self, server, count):
        """Until there are so many, this question left out."""
        def are_there():
            text = server.get("/metrics", server.manager()).decode()
            return int(re.search(r"^lectern_connections (\d+)", text, re.M)[1]) - 1 == count
        lectern_test.wait_for(are_there, what=f"{count} connections")

    def waiting(self, server, path):
        """A request that has reached the server and waits there."""
        raw = lectern_test.Raw(server.http_port)
        self.addCleanup(raw.close)
        raw.send(f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return raw

    def refused(self, server, path):
        """Whether that was at once."""
        begun = time.monotonic()
        status, headers, _ = server.request("GET", f"/{path}", timeout=20)
        self.assertEqual((status, headers["Retry-After"]), (404, "2"), path)
        return time.monotonic() - begun < lectern_test.PATIENCE

    def test_who_comes_before_the_teacher_sees_the_lesson(self):
        server = self.begin()
        asks = [Ask(server, f"/{NAME}/{first}") for first in FIRSTS]
        self.wait_connections(server, 2)
        with rtmp.Teacher(server, NAME, key=True):
            self.assertEqual([ask.answer() for ask in asks], [200, 200])
        self.assertIn(b"video.m3u8", asks[0].body)
        self.assertIn(b"audio.m3u8", asks[0].body)
        self.assertIn(b'media="video/', asks[1].body)
        self.assertIn(b'media="audio/', asks[1].body)

    def test_who_comes_before_the_first_segment_gets_it(self):
        server = self.begin()
        with rtmp.publisher(server, NAME) as teacher:
            server.wait_live(NAME)
            asks = [Ask(server, f"/{NAME}/{path}") for path in (*FIRSTS, "video.m3u8", "audio.m3u8")]
            begin_segment(teacher)
            self.wait_connections(server, 5)  # the teacher is one
            self.assertEqual([ask.status for ask in asks], [None] * 4)
            with rtmp.Teacher(server, NAME, client=teacher, begun=5):
                self.assertEqual([ask.answer() for ask in asks], [200] * 4)
        self.assertIn(b"#EXTINF", asks[2].body)
        self.assertIn(b"#EXTINF", asks[3].body)

    def test_nobody_waits_for_ever(self):
        server = self.begin(**{"media.wait": "1s"})
        for first in FIRSTS:
            begun = time.monotonic()
            self.refused(server, f"live/nobody/{first}")
            self.assertGreater(time.monotonic() - begun, 0.95, first)
        # What comes after the first playlist is for who has one, and for those nobody can be late.
        for path in ("video.m3u8", "index.m3u8?session=abcdefghijklmnopqrstuvwx", "video/0.m4s"):
            begun = time.monotonic()
            self.assertEqual(server.request("GET", f"/live/nobody/{path}")[0], 404, path)
            self.assertLess(time.monotonic() - begun, 0.95, path)

    def test_a_stream_that_does_not_go_on_is_waited_for_three_segments(self):
        server = self.begin(**{"media.wait": "20s"})
        with rtmp.publisher(server, NAME) as teacher, rtmp.publisher(server, "live/b"):
            begin_segment(teacher)
            server.wait_live("live/b")
            asks = [Ask(server, f"/{name}/{first}") for name in (NAME, "live/b") for first in FIRSTS]
            answers = [(ask.answer(), ask.headers["Retry-After"]) for ask in asks]
        self.assertEqual(answers, [(503, "1")] * 2 + [(404, "2")] * 2)
        for ask in asks:
            self.assertGreater(ask.took, 2.5, ask.path)

    def test_those_who_leave_make_room(self):
        server = self.begin(**{"media.max-waiting": "2", "media.wait": "2s"})

        def is_full():
            gone = [self.waiting(server, f"live/guess{number}/index.m3u8") for number in range(2)]
            self.wait_connections(server, 2)
            full = self.refused(server, f"{NAME}/index.m3u8")
            for raw in gone:
                raw.close()
            self.wait_connections(server, 0)
            return full
        lectern_test.wait_for(is_full, what="a third that is refused at once")
        asks = [Ask(server, f"/{NAME}/{first}") for first in FIRSTS]
        self.wait_connections(server, 2)
        with rtmp.Teacher(server, NAME, key=True):
            self.assertEqual([ask.answer() for ask in asks], [200, 200])

    def test_who_leaves_before_the_first_segment_costs_nothing(self):
        server = self.begin()
        with rtmp.publisher(server, NAME) as teacher:
            server.wait_live(NAME)
            begin_segment(teacher)
            for path in (*FIRSTS, "video.m3u8"):
                self.waiting(server, f"{NAME}/{path}").close()
            with rtmp.Teacher(server, NAME, client=teacher, begun=5):
                self.assertEqual(Ask(server, f"/{NAME}/index.m3u8").answer(), 200)

    def test_waiting_does_not_hold_up_the_servers_end(self):
        server = self.begin(**{"media.wait": "60s"})
        ask = Ask(server, f"/{NAME}/index.m3u8")
        self.wait_connections(server, 1)
        begun = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - begun, 5 * lectern_test.PATIENCE)
        self.assertEqual(ask.answer(), 404)

    def test_sizes_that_do_not_come_are_not_waited_for_long(self):
        server = self.begin(**{"plugins.transcode": "true", "transcode.ladder": "144p:100k"})
        with lectern_test.ffmpeg_push(server.push_url(NAME)):
            worker = server.wait_worker(f"transcode {NAME}")
            os.kill(worker, signal.SIGSTOP)
            try:
                ask = Ask(server, f"/{NAME}/index.m3u8")
                self.assertEqual(ask.answer(), 200)
            finally:
                os.kill(worker, signal.SIGKILL)
        self.assertIn(b"video.m3u8", ask.body)
        self.assertNotIn(b"144p", ask.body)

    def test_the_next_lesson_is_not_the_last_one(self):
        server = self.begin()
        teacher = rtmp.Teacher(server, NAME, key=True)
        self.assertEqual(Ask(server, f"/{NAME}/index.m3u8").answer(), 200)
        teacher.stop()
        lectern_test.wait_for(lambda: server.stream(NAME) is None, what="the end")
        self.assertIn(b"ENDLIST", server.get(f"/{NAME}/video.m3u8"))
        with rtmp.publisher(server, NAME) as teacher:
            server.wait_live(NAME)
            with rtmp.Teacher(server, NAME, client=teacher):
                ask = Ask(server, f"/{NAME}/video.m3u8")
                self.assertEqual(ask.answer(), 200)
            self.assertNotIn(b"ENDLIST", ask.body)


if __name__ == "__main__":
    lectern_test.main()
