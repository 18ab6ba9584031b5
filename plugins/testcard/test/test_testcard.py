# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test picture on a real server."""

import signal
import subprocess
import time

import lectern_test

DEMO = "live/demo"


def width(server):
    """The picture's width, 0 without one."""
    video = (server.stream(DEMO) or {}).get("video")
    return video["width"] if video else 0


def read_clock(row, width):
    """Milliseconds since 1970 from a row of grey pixels of the stripe, or None."""
    cell = width // 64
    cells = [row[i * cell + cell // 2] > 128 for i in range(64)]
    if cells[:2] != [True, False]:
        return None
    number = int("".join("1" if on else "0" for on in cells[2:58]), 2)
    value, total = number >> 8, number & 0xff
    return value if sum(value.to_bytes(6, "big")) & 0xff == total else None


class Testcard(lectern_test.TestCase):
    def demo(self, **settings):
        server = self.server(settings={"plugins.testcard": "true", **settings})
        server.wait_live(DEMO)
        return server

    def test_is_off_by_default(self):
        server = self.server()
        self.assertIsNone(server.stream(DEMO))
        self.assertEqual([], server.workers())

    def test_has_picture_and_sound(self):
        server = self.demo()
        found = lectern_test.ffprobe(server.flv_url(DEMO))["streams"]
        video = next(stream for stream in found if stream["codec_type"] == "video")
        audio = next(stream for stream in found if stream["codec_type"] == "audio")
        self.assertEqual(("h264", 640, 360, "25/1"), (video["codec_name"], video["width"],
                                                      video["height"], video["r_frame_rate"]))
        self.assertEqual(("aac", "48000", 2), (audio["codec_name"], audio["sample_rate"],
                                               audio["channels"]))
        stream = server.stream(DEMO)
        self.assertEqual("H.264", stream["video"]["codec"])

    def test_settings_are_followed(self):
        server = self.demo(**{"testcard.stream": DEMO, "testcard.size": "320x240",
                              "testcard.fps": "10", "testcard.key-distance": "500ms"})
        done = subprocess.run(
            ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
             "stream=width,height:packet=pts_time,flags", "-of", "csv=p=0", "-read_intervals",
             "%+3", server.flv_url(DEMO)], capture_output=True, text=True, check=True, timeout=60)
        lines = [line.split(",") for line in done.stdout.split()]
        self.assertIn(["320", "240"], lines)
        keys = [float(line[0]) for line in lines if line[1].startswith("K")]
        steps = [after - before for before, after in zip(keys, keys[1:])]
        self.assertTrue(steps)
        self.assertTrue(all(abs(step - 0.5) < 0.11 for step in steps), steps)

    def test_bad_settings_are_named(self):
        for key, value, text in (("size", "1x1", "size is '1x1'"), ("size", "big", "size is 'big'"),
                                 ("stream", "demo", "stream is 'demo'")):
            with self.subTest(f"{key}={value}"):
                server = self.server(settings={"plugins.testcard": "true", f"testcard.{key}": value},
                                     allow=["testcard"])
                server.wait_log(text)
                self.assertIsNone(server.stream(DEMO))

    def test_the_clock_tells_the_delay(self):
        server = self.demo()
        reader = lectern_test.spawn(
            ["ffmpeg", "-v", "error", "-nostdin", "-fflags", "nobuffer", "-probesize", "200000",
             "-i", server.flv_url(DEMO), "-an", "-fps_mode", "passthrough", "-vf",
             "crop=640:2:0:350,format=gray", "-f",
             "rawvideo", "-"], stdout=subprocess.PIPE)
        delays = []
        clocks = []
        try:
            for _ in range(60):
                row = reader.stdout.read(1280)
                clock = read_clock(row, 640)
                self.assertIsNotNone(clock)
                clocks.append(clock)
                delays.append(time.time() * 1000 - clock)
        finally:
            reader.kill()
            reader.wait()
            reader.stdout.close()
        self.assertTrue(all(after > before for before, after in zip(clocks, clocks[1:])), clocks)
        self.assertLess(delays[-1], 2500 * lectern_test.PATIENCE)
        self.assertGreaterEqual(delays[-1], 0)

    def test_steps_aside_for_a_teacher_and_comes_back(self):
        server = self.demo()
        push = server.push_url(DEMO)
        with lectern_test.ffmpeg_push(push, size="320x180"):
            lectern_test.wait_for(lambda: width(server) == 320, 20,
                                  "the teacher's picture")
            server.wait_log("test picture steps aside")
            lectern_test.wait_for(lambda: not server.workers(), 10, "the worker's end")
        lectern_test.wait_for(
            lambda: width(server) == 640, 20,
            "the test picture's return")
        self.assertEqual(1, len(server.workers()))

    def test_waits_for_a_teacher_who_is_already_there(self):
        server = self.server(settings={"testcard.stream": DEMO, "plugins.testcard": "true",
                                       "media.grace": "500ms"})
        server.wait_live(DEMO)
        with lectern_test.ffmpeg_push(server.push_url(DEMO), size="320x180") as teacher:
            lectern_test.wait_for(lambda: width(server) == 320, 20,
                                  "the teacher's picture")
            teacher.kill()  # lost: the stream is away, and nobody takes it meanwhile
            lectern_test.wait_for(lambda: (server.stream(DEMO) or {}).get("state") != "live", 20,
                                  "the loss")
            lectern_test.wait_for(
                lambda: width(server) == 640, 20,
                "the test picture's return")

    def test_a_reload_changes_the_picture(self):
        server = self.server(config="[plugins]\ntestcard = true\n")
        server.wait_live(DEMO)
        server.config_path.write_text("[plugins]\ntestcard = true\n[testcard]\nsize = 320x240\n",
                                      encoding="ascii")
        server.signal(signal.SIGHUP)
        lectern_test.wait_for(
            lambda: width(server) == 320, 20,
            "the smaller picture")
        server.config_path.write_text("[plugins]\ntestcard = false\n", encoding="ascii")
        server.signal(signal.SIGHUP)
        lectern_test.wait_for(lambda: not server.workers(), 20, "the worker's end")
        lectern_test.wait_for(lambda: not server.stream(DEMO), 20, "the stream's end")

    def test_a_viewer_may_be_there_first(self):
        server = self.server(settings={"plugins.testcard": "true"})
        found = lectern_test.ffprobe(server.flv_url(DEMO))["streams"]
        self.assertEqual(2, len(found))


lectern_test.main()
