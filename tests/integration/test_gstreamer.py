# SPDX-License-Identifier: LGPL-2.1-or-later
"""GStreamer as a player of HLS and DASH: live, with key frames far apart, and after the end."""

import shutil
import subprocess
import unittest

import lectern_test

NAME = "live/a"


def play(url, frames, sound=True):
    """Plays until so many pictures and pieces of sound have been decoded."""
    command = ["timeout", "-s", "KILL", str(int(40 * lectern_test.PATIENCE)), "gst-launch-1.0", "-q",
               "uridecodebin", "name=u", f"uri={url}",
               "u.", "!", "queue", "!", "videoconvert", "!",
               "fakesink", f"num-buffers={frames}", "sync=false"]
    if sound:
        command += ["u.", "!", "queue", "!", "audioconvert", "!",
                    "fakesink", f"num-buffers={frames}", "sync=false"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{url}: {done.returncode} {done.stdout[-800:]} {done.stderr[-800:]}"


@unittest.skipUnless(shutil.which("gst-launch-1.0"), "no gst-launch-1.0 here")
class GStreamerTest(lectern_test.TestCase):
    def begin(self, **options):
        server = self.server(settings={"plugins.dash": "true", "plugins.hls": "true"})
        push = lectern_test.ffmpeg_push(server.push_url(NAME), rate=25, **options)
        self.addCleanup(push.stop)
        server.wait_live(NAME)
        for kind in ("m3u8", "mpd"):
            lectern_test.wait_for(lambda kind=kind: server.request(
                "GET", f"/{NAME}/index.{kind}")[0] == 200, 20, "the first segment")
        return server, push

    def url(self, server, kind):
        return f"http://127.0.0.1:{server.http_port}/{NAME}/index.{kind}"

    def test_plays_live_and_after_the_end(self):
        server, push = self.begin(gop=2.0)
        for kind in ("m3u8", "mpd"):
            with self.subTest(kind, live=True):
                play(self.url(server, kind), 100)
        push.stop()
        lectern_test.wait_for(
            lambda: b'"static"' in server.get(f"/{NAME}/index.mpd"), 20, "the end")
        for kind in ("m3u8", "mpd"):
            with self.subTest(kind, live=False):
                play(self.url(server, kind), 100)

    def test_plays_key_frames_far_apart(self):
        server, _ = self.begin(gop=8.0)
        for kind in ("m3u8", "mpd"):
            with self.subTest(kind):
                play(self.url(server, kind), 100)


if __name__ == "__main__":
    lectern_test.main()
