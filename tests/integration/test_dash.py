# SPDX-License-Identifier: LGPL-2.1-or-later
"""DASH: MPDs keep what was published, addresses lead to segments, real players get every frame."""

import pathlib
import re
import subprocess
import tempfile
import time
import urllib.parse

import lectern_test
from mpd import Mpd, resolve

NAME = "live/a"
SHORT = {"segment.duration": "500ms", "segment.limit": "1s", "segment.window": "4",
         "segment.part": "200ms"}


class DashTest(lectern_test.TestCase):
    def begin(self, settings=None, **push):
        server = self.server(settings={"plugins.dash": "true", **(settings or {})})
        self.push = self.publish(server, **push)
        server.wait_live(NAME)
        return server

    def publish(self, server, **options):
        push = lectern_test.ffmpeg_push(server.push_url(NAME),
                                        **{"rate": 25, "gop": 2.0, **options})
        self.addCleanup(push.stop)
        return push

    def mpd(self, server, query=""):
        status, headers, body = server.request("GET", f"/{NAME}/index.mpd{query}")
        if status != 200:
            return None
        self.assertEqual(headers["Content-Type"], "application/dash+xml")
        return Mpd(body)

    def next_mpd(self, server, last):
        """The one that a player sees next."""
        time.sleep(last.update)
        return self.mpd(server).follows(last)

    def wait_mpd(self, server, query="", condition=lambda mpd: True):
        def found():
            mpd = self.mpd(server, query)
            if mpd and condition(mpd):
                return mpd
            time.sleep(0.1)
            return None
        return lectern_test.wait_for(found, 30, "the MPD")

    def get(self, server, address):
        path = urllib.parse.urlsplit(resolve(f"http://x/{NAME}/index.mpd", address))
        return server.request("GET", f"{path.path}?{path.query}" if path.query else path.path)

    def test_addresses_lead_to_segments(self):
        server = self.begin()
        mpd = self.wait_mpd(server, "?key=a$b%26c")
        self.assertTrue(mpd.dynamic)
        for name, kind in (("video", "video/mp4"), ("audio", "audio/mp4")):
            representation, = mpd.representations(name)
            self.assertRegex(representation.media, r"\?key=a\$\$b%26c&session=[a-z0-9]+$")
            status, headers, body = self.get(server, representation.initialization)
            self.assertEqual((200, kind, b"ftyp"), (status, headers["Content-Type"], body[4:8]))
            for number, ticks, _ in representation.segments:
                status, headers, body = self.get(server, representation.address(number))
                self.assertEqual((200, kind), (status, headers["Content-Type"]))
                self.assertIn("immutable", headers["Cache-Control"])
                at = body.index(b"tfdt")
                self.assertEqual(int.from_bytes(body[at + 8:at + 16], "big"), ticks)
        video, = mpd.representations("video")
        self.assertRegex(video.codecs, r"^avc1\.[0-9a-f]{6}$")
        self.assertEqual(((320, 180), "1"), (video.size, video.sap))
        self.assertEqual(self.mpd(server).representations("audio")[0].codecs, "mp4a.40.2")

    def test_location_keeps_the_session(self):
        server = self.begin()
        mpd = self.wait_mpd(server, "?key=secret")
        session = re.search(r"session=(\w+)", mpd.location)[1]
        self.assertEqual(mpd.location, f"index.mpd?key=secret&session={session}")
        again = self.mpd(server, "?" + mpd.location.partition("?")[2])
        self.assertEqual(again.location, mpd.location)
        secret = pathlib.Path(server.state_dir, "state/admin-token").read_text(encoding="ascii")
        token = {"Authorization": f"Bearer {secret.strip()}"}

        def viewers():
            listed = server.json("/api/v1/sessions", headers=token)["sessions"]
            return [s for s in listed if s["role"] == "play"]
        self.assertEqual(len(lectern_test.wait_for(viewers, 10, "the session")), 1)

    def test_time_is_right_and_not_kept(self):
        server = self.begin()
        mpd = self.wait_mpd(server)
        status, headers, body = self.get(server, mpd.time_address)
        self.assertEqual((200, "no-store"), (status, headers["Cache-Control"]))
        self.assertRegex(body.decode(), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertLess(abs(mpd.published - time.time()), 5)

    def test_nothing_published_changes_over_reconnects_and_the_end(self):
        server = self.begin(SHORT, gop=0.5)
        last = self.wait_mpd(server)
        for size in ("320x180", "640x360", "320x180"):
            target = last.numbers("video")[-1] + 6
            while last.numbers("video")[-1] < target:
                last = self.next_mpd(server, last)
                self.assertLess(abs(last.epoch + last.end() - time.time()), 2.5)
            self.push.kill()
            periods = set(last.periods)
            time.sleep(1.5)
            self.push = self.publish(server, size=size, gop=0.5)
            while set(last.periods) <= periods:
                last = self.next_mpd(server, last)
            newest = list(last.periods.values())[-1]
            self.assertEqual(set(newest), {"video", "audio"})
            self.assertEqual("{}x{}".format(*newest["video"].size), size)
            status, _, body = self.get(server, newest["video"].initialization)
            self.assertEqual((200, b"ftyp"), (status, body[4:8]))
        self.push.stop()
        ended = self.wait_mpd(server, condition=lambda mpd: not mpd.dynamic).follows(last)
        self.assertAlmostEqual(ended.duration, ended.end(), delta=0.01)

    def test_long_groups_claim_no_access_points(self):
        server = self.begin({**SHORT, "segment.limit": "1s"}, gop=4.0)
        mpd = self.wait_mpd(server, condition=lambda m: len(m.numbers("video")) >= 3)
        self.assertIsNone(mpd.representations("video")[0].sap)

    def test_sound_alone_and_picture_alone(self):
        for options, name in (({"video": None}, "audio"), ({"audio": None}, "video")):
            with self.subTest(name):
                server = self.begin(SHORT, **options)
                mpd = self.wait_mpd(server, condition=lambda m: len(m.numbers(name)) >= 3)
                self.assertEqual([list(period) for period in mpd.periods.values()], [[name]])
                self.push.stop()

    def test_ffmpeg_plays_live_and_after_the_end(self):
        server = self.begin()
        self.wait_mpd(server)
        url = f"http://127.0.0.1:{server.http_port}/{NAME}/index.mpd"
        self.check_ffmpeg(url, 3)
        self.push.stop()
        mpd = self.wait_mpd(server, condition=lambda m: not m.dynamic)
        self.check_ffmpeg(url, min(mpd.duration, 4))

    def check_ffmpeg(self, url, length):
        with tempfile.TemporaryDirectory() as folder:
            clip = pathlib.Path(folder) / "clip.mp4"
            subprocess.run(["ffmpeg", "-v", "error", "-i", url, "-t", str(length), "-c", "copy",
                            str(clip)], check=True, timeout=60, stdin=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            streams = {s["codec_name"]: s for s in lectern_test.ffprobe(
                str(clip), args=("-count_packets",))["streams"]}
        self.assertAlmostEqual(int(streams["h264"]["nb_read_packets"]), 25 * length, delta=4)
        self.assertGreater(int(streams["aac"]["nb_read_packets"]), 40 * length)

    def test_without_the_right_there_is_nothing(self):
        server = self.server(settings={"plugins.dash": "true", "access.open-play": "false"})
        self.publish(server)
        server.wait_log(f"'{NAME}' is live")
        for path in ("index.mpd", "video/init-0.mp4", "video/0.m4s"):
            self.assertEqual(server.request("GET", f"/{NAME}/{path}")[0], 403, path)

    def test_nothing_for_nobody(self):
        server = self.server(settings={"plugins.dash": "true", "media.wait": "0s"})
        self.assertEqual(server.request("GET", "/live/nobody/index.mpd")[0], 404)


if __name__ == "__main__":
    lectern_test.main()
