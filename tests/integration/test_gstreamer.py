# SPDX-License-Identifier: LGPL-2.1-or-later
"""GStreamer as a player of HLS and DASH: live, with key frames far apart, and after the end."""

import shutil
import subprocess
import threading
import unittest

import lectern_test

NAME = "live/a"


def play(url, frames):
    """Plays until so many pictures and pieces of sound have been decoded. A pipeline that is on the
    air ends by itself at most when the stream does, so what its sinks say is counted."""
    demux = "dashdemux" if url.endswith(".mpd") else "hlsdemux"
    command = ["gst-launch-1.0", "-v", "souphttpsrc", f"location={url}", "!", demux, "name=d"]
    for sink in ("one", "two"):
        command += ["d.", "!", "queue", "!", "decodebin", "!", "fakesink", f"name={sink}",
                    "silent=false", "sync=false", "async=false"]
    counts = {"one": 0, "two": 0}
    player = lectern_test.spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    limit = threading.Timer(30 * lectern_test.PATIENCE, player.kill)
    limit.start()
    for line in player.stdout:
        for sink in counts:
            counts[sink] += f"GstFakeSink:{sink}: last-message = chain" in line
        if min(counts.values()) >= frames:
            break
    limit.cancel()
    player.kill()
    player.wait()
    player.stdout.close()
    assert min(counts.values()) >= frames, f"{url}: {counts}"


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
