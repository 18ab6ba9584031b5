# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTMP by the clients people have: ffmpeg, GStreamer and librtmp, both ways, and VLC."""

import os
import subprocess
import threading
import time

import lectern_test
import rtmp
from lectern_test import PATIENCE, wait_for
from rtmp import VIDEO


def frames(url, seconds=2, args=()):
    """How many (video, audio) frames ffmpeg decodes of URL in so many seconds of media."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", *args, "-i", url, "-t", str(seconds), "-map", "0",
         "-f", "framecrc", "-"],
        capture_output=True, text=True, timeout=40 * PATIENCE)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"ffmpeg {url}: {done.stderr}")
    rows = [line.split(",")[0].strip() for line in done.stdout.splitlines() if line[0] != "#"]
    return rows.count("0"), rows.count("1")


def run(command, timeout=40):
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout * PATIENCE,
                          stdin=subprocess.DEVNULL)


class Clients(lectern_test.TestCase):
    """ffmpeg, GStreamer and librtmp, both ways."""

    def test_ffmpeg_publishes_and_plays(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            video, audio = frames(server.play_url("live/a"))
            self.assertGreaterEqual(video, 28)
            self.assertGreaterEqual(audio, 80)
            streams = lectern_test.ffprobe(server.play_url("live/a"))["streams"]
            self.assertEqual(sorted(s["codec_name"] for s in streams), ["aac", "h264"])

    def test_ffmpeg_over_tls(self):
        server = self.server(tls=True)
        with lectern_test.ffmpeg_push(server.push_url("live/a", scheme="rtmps"),
                                      extra=["-tls_verify", "0"]):
            server.wait_live("live/a")
            video, _ = frames(server.play_url("live/a", scheme="rtmps"), args=["-tls_verify", "0"])
            self.assertGreaterEqual(video, 28)
            # What came in encrypted is there for the others.
            self.assertGreaterEqual(frames(server.play_url("live/a"), 1)[0], 14)

    def gst_publish(self, server, extra=()):
        return lectern_test.Push([
            "gst-launch-1.0", "-q", "flvmux", "name=mux", "streamable=true", "!", "rtmp2sink",
            f"location={server.push_url('live/a')}",
            "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=15/1",
            "!", "x264enc", "tune=zerolatency", "speed-preset=ultrafast", "key-int-max=15", "!",
            "h264parse", "!", "queue", "!", "mux.",
            "audiotestsrc", "is-live=true", "!", "audioconvert", "!", "avenc_aac", "!", "aacparse",
            "!", "queue", "!", "mux.", *extra])

    def test_gstreamer_publishes_and_ffmpeg_plays(self):
        server = self.server()
        with self.gst_publish(server):
            server.wait_live("live/a")
            video, audio = frames(server.play_url("live/a"))
            self.assertGreaterEqual(video, 26)
            self.assertGreaterEqual(audio, 60)

    def test_ffmpeg_publishes_and_gstreamer_plays(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            file = lectern_test.temporary_directory() / "video.raw"
            played = run(["gst-launch-1.0", "-q", "rtmp2src", "num-buffers=120",
                          f"location={server.play_url('live/a')}", "!", "flvdemux", "name=demux",
                          "demux.video", "!", "queue", "!", "h264parse", "!", "avdec_h264", "!",
                          "video/x-raw,format=I420", "!", "filesink", f"location={file}",
                          "demux.audio", "!", "queue", "!", "fakesink", "sync=false"])
            self.assertEqual(played.returncode, 0, played.stderr)
            self.assertGreater(file.stat().st_size, 20 * 320 * 180 * 3 // 2)

    def test_rtmpdump_plays_until_the_end(self):
        server = self.server()
        file = lectern_test.temporary_directory() / "dump.flv"
        with lectern_test.ffmpeg_push(server.push_url("live/a"), seconds=4) as push:
            server.wait_live("live/a")
            dump = lectern_test.Push(["rtmpdump", "--live", "-q", "-r",
                                      server.play_url("live/a"), "-o", str(file)])
            self.assertEqual(push.wait(), 0)
            dump.wait(20)
        streams = lectern_test.ffprobe(str(file))["streams"]
        self.assertEqual(sorted(s["codec_name"] for s in streams), ["aac", "h264"])

    def vlc_keeps(self, url, folder):
        """VLC does not run as root."""
        file = folder / "kept.ts"
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        kept = run([*(nobody if os.geteuid() == 0 else []), "env", f"HOME={folder}", "cvlc", "-I",
                    "dummy", "-q", "--no-stats", "--run-time=3", "--sout",
                    f"#std{{access=file,mux=ts,dst={file}}}", url, "vlc://quit"])
        self.assertEqual(kept.returncode, 0, kept.stderr)
        streams = lectern_test.ffprobe(str(file))["streams"]
        self.assertEqual(sorted(s["codec_name"] for s in streams), ["aac", "h264"])
        self.assertGreater(frames(str(file))[0], 14)

    def test_vlc_plays(self):
        server = self.server()
        folder = lectern_test.temporary_directory()
        os.chmod(folder, 0o777)
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            self.vlc_keeps(server.play_url("live/a"), folder)
            self.vlc_keeps(server.flv_url("live/a"), folder)

    def test_ffmpeg_stops_by_itself_when_the_stream_ends(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a"), seconds=3):
            server.wait_live("live/a")
            played = run(["ffmpeg", "-v", "error", "-i", server.play_url("live/a"), "-c", "copy",
                          "-f", "null", "-"], 20)
            self.assertEqual(played.returncode, 0, played.stderr)

    def test_ffmpeg_publishes_across_the_boundary_of_three_bytes(self):
        """T-01: frames of several chunks, their times extended from the second second on."""
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a"), size="640x360", rate=10,
                                      extra=["-qp", "4", "-output_ts_offset", "16776"]):
            server.wait_live("live/a")
            video, audio = frames(server.play_url("live/a"), 5)
            self.assertGreaterEqual(video, 45)
            self.assertGreaterEqual(audio, 190)

    def test_digest_handshake(self):
        server = self.server()
        for scheme in (0, 1):
            with rtmp.Client(server.rtmp_port, digest=scheme) as client:
                self.assertTrue(rtmp.digest_is_right(client.first))
                client.connect()
        with rtmp.Client(server.rtmp_port) as client:
            self.assertEqual(client.first[4:8], bytes(4))


class Late(lectern_test.TestCase):
    """T-01: a lesson of more than 4 h 40 min, whose times no longer fit into three bytes, with frames
    of several chunks."""

    def setUp(self):
        self.folder = lectern_test.temporary_directory()
        file = self.folder / "large.flv"
        made = run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                    "nullsrc=size=640x360:rate=15,geq=random(1)*255:128:128", "-f", "lavfi", "-i",
                    "sine", "-t", "1", "-c:v", "libx264", "-preset", "ultrafast", "-tune",
                    "zerolatency", "-crf", "10", "-g", "5", "-pix_fmt", "yuv420p", "-c:a", "aac",
                    str(file)])
        self.assertEqual(made.returncode, 0, made.stderr)
        self.tags = rtmp.flv_tags(file)
        self.assertGreater(max(len(body) for _, _, body in self.tags), 100000)
        self.one = self.server()
        self.client = rtmp.Client(self.one.rtmp_port)
        self.client.connect()
        self.client.publish(f"a?key={self.one.key('live/a')}")
        self.client.chunk_size(0x100000)
        self.wind_forward()
        self.going = True
        self.thread = threading.Thread(target=self.push, daemon=True)
        self.thread.start()

    def tearDown(self):
        self.going = False
        self.thread.join()

    def send(self, kind, stamp, body):
        self.client.send(kind, body, stamp, self.client.stream)

    def wind_forward(self):
        """Steps as long as the server takes for a pause, not for a jump."""
        for kind, _, body in self.tags[:2]:
            self.send(kind, 0, body)
        tiny = b"\x17\x01\0\0\0\0\0\0\x02\x65\x88"
        for stamp in range(0, 0xffffff, 2900):
            self.send(VIDEO, stamp, tiny)
        self.time = stamp

    def push(self):
        """The file again and again, in real time."""
        begin, start = time.monotonic(), self.time + 40
        while self.going:
            for kind, stamp, body in self.tags:
                if body[1:2] == b"\0":
                    continue
                self.time = start + stamp
                wait = begin + (self.time - start) / 1000 - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                self.send(kind, self.time, body)
            begin, start = begin + 1, start + 1000

    def url(self):
        self.one.wait_live("live/a")
        viewer = rtmp.player(self.one, "live/a")
        viewer.read_until(lambda m: len(m.payload) > 100000 and m.timestamp > 0xffffff)
        viewer.close()
        return self.one.play_url("live/a")

    def test_ffmpeg(self):
        video, audio = frames(self.url(), args=["-copyts"], seconds=0xffffff // 1000 + 4)
        self.assertGreater(video, 20)
        self.assertGreater(audio, 50)

    def test_rtmpdump(self):
        file = self.folder / "dump.flv"
        dump = lectern_test.Push(["rtmpdump", "--live", "-q", "-r", self.url(), "-o", str(file)])
        wait_for(lambda: file.exists() and file.stat().st_size > 3000000, 20, "the file to grow")
        self.going = False
        self.thread.join()
        self.client.unpublish("a")
        self.assertEqual(dump.wait(20), 0, dump.output())
        self.assertGreater(frames(str(file))[0], 10)

    def test_gstreamer(self):
        file = self.folder / "video.raw"
        played = run(["gst-launch-1.0", "-q", "rtmp2src", "num-buffers=150",
                      f"location={self.url()}", "!", "flvdemux", "name=demux",
                      "demux.video", "!", "queue", "!", "h264parse", "!", "avdec_h264", "!",
                      "video/x-raw,format=I420", "!", "filesink", f"location={file}",
                      "demux.audio", "!", "queue", "!", "fakesink", "sync=false"])
        self.assertEqual(played.returncode, 0, played.stderr)
        self.assertGreater(file.stat().st_size, 20 * 640 * 360 * 3 // 2)


lectern_test.main()
