# SPDX-License-Identifier: LGPL-2.1-or-later
"""`lectern demo`: what it prints is true, and it leaves nothing behind."""

import os
import re
import signal

import lectern_test

KEY = r"[A-Za-z0-9_-]{43}"


class Demo:
    def __init__(self, *args, env=None):
        self.folder = lectern_test.temporary_directory()
        self.log = open(self.folder / "log", "w+b")
        self.out = self.folder / "out"
        self.process = lectern_test.spawn(
            [lectern_test.program(), "demo", "--set=http.listen=127.0.0.1:0",
             "--set=rtmp.listen=127.0.0.1:0", "--set=rtsp.listen=127.0.0.1:0",
             "--set=srt.listen=127.0.0.1:0", "--ready-file", self.folder / "ready", *args],
            stdout=open(self.out, "wb"), stderr=self.log,
            env={**os.environ, "TMPDIR": str(self.folder), "LC_ALL": "C.UTF-8", "LANGUAGE": "C",
                 **(env or {})})
        lectern_test.wait_for(lambda: "Ctrl-C" in self.text(), 20, "the addresses")

    def text(self):
        return self.out.read_text(encoding="utf-8")

    def find(self, pattern):
        match = re.search(pattern, self.text())
        assert match, f"no {pattern} in {self.text()}"
        return match.group(0)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(20 * lectern_test.PATIENCE)


class Test(lectern_test.TestCase):
    def demo(self, *args, **options):
        demo = Demo(*args, **options)
        self.addCleanup(demo.stop)
        return demo

    def test_what_it_prints_can_be_watched(self):
        demo = self.demo()
        for pattern in (r"http://localhost:\d+/live/demo\.flv", r"rtmp://localhost:\d+/live/demo\b"):
            url = demo.find(pattern + r"(?=\n)")
            streams = lectern_test.ffprobe(url.replace("localhost", "127.0.0.1"))["streams"]
            self.assertEqual({"h264", "aac"}, {stream["codec_name"] for stream in streams})
        self.assertRegex(demo.text(), r"(?m)^  Page +http://localhost:\d+/$")
        self.assertRegex(demo.text(), r"players +http://localhost:\d+/demo/\?live/demo\n")
        self.assertRegex(demo.text(), rf"OBS: stream key +demo\?key={KEY}\n")
        self.assertRegex(demo.text(), r"ffmpeg -re -i FILE ")
        self.assertNotIn("goes on without it", (demo.folder / "log").read_text(encoding="utf-8"))

    def test_a_push_with_the_printed_key_takes_over(self):
        demo = self.demo()
        push = demo.find(rf"rtmp://localhost:\d+/live/demo\?key={KEY}").replace("localhost",
                                                                             "127.0.0.1")
        flv = demo.find(r"http://localhost:\d+/live/demo\.flv").replace("localhost", "127.0.0.1")

        def width():
            streams = lectern_test.ffprobe(flv)["streams"]
            return next((stream["width"] for stream in streams if "width" in stream), 0)

        lectern_test.wait_for(lambda: width() == 640, 20, "the test picture")
        with lectern_test.ffmpeg_push(push, size="320x180"):
            lectern_test.wait_for(lambda: width() == 320, 20, "the teacher's picture")
        lectern_test.wait_for(lambda: width() == 640, 20, "the test picture's return")

    def test_nothing_is_left_behind(self):
        demo = self.demo()
        self.assertEqual(1, len(list(demo.folder.glob("lectern-demo-*"))))
        self.assertEqual(0, demo.stop())
        self.assertEqual([], list(demo.folder.glob("lectern-demo-*")))

    def test_a_named_folder_keeps_the_key(self):
        folder = lectern_test.temporary_directory() / "state"
        keys = set()
        for _ in range(2):
            demo = self.demo("--state-dir", folder)
            keys.add(demo.find(rf"(?<=key=){KEY}"))
            self.assertEqual(0, demo.stop())
        self.assertEqual(1, len(keys))
        self.assertEqual(0o600, (folder / "demo.key").stat().st_mode & 0o777)

    def test_what_is_set_by_hand_wins(self):
        demo = self.demo("--set=plugins.testcard=false", "--set=plugins.ws-flv=false")
        self.assertNotIn("ws://", demo.text())
        self.assertIn("no test picture", demo.text())


lectern_test.main()
