# SPDX-License-Identifier: LGPL-2.1-or-later
"""Codecs of old, and H.265: unchanged to those who know them, as AAC and H.264 to browsers."""

import functools
import re
import subprocess
import threading

import lectern_test
import link
import rtmp

ENVIRONMENT = {"GST_REGISTRY": str(lectern_test.temporary_directory() / "registry")}
SOUNDS = {
    "speex": ["-c:a", "libspeex", "-ar", "16000", "-ac", "1"],
    "nellymoser": ["-c:a", "nellymoser", "-ar", "22050", "-ac", "1"],
    "nellymoser-8k": ["-c:a", "nellymoser", "-ar", "8000", "-ac", "1"],
    "mp3": ["-c:a", "libmp3lame", "-ar", "44100", "-ac", "2"],
    "pcma": ["-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"],
    "pcmu": ["-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"],
}
PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10"]
TONE = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "10"]


@functools.lru_cache(maxsize=None)
def clip(name, *args, seconds=2):
    path = lectern_test.temporary_directory() / name
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *args, "-t", str(seconds), str(path)], check=True, timeout=60)
    return path


def h265(seconds=2):
    return link.read_clip(clip(
        "h265.mp4", *PICTURE, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
        "bframes=2:keyint=10:log-level=error", "-pix_fmt", "yuv420p", "-tag:v", "hvc1", seconds=seconds))


def is_config(kind, body):
    return kind == rtmp.VIDEO and (body[0] & 0x8f == 0x80 or (body[0] & 15 in (7, 12) and body[1] == 0))


class Flv(threading.Thread):
    """All that an FLV viewer gets, up to the end."""

    def __init__(self, server, name, websocket):
        super().__init__(daemon=True)
        self.raw = lectern_test.Raw(server.http_port, timeout=30)
        self.data = b""
        self.socket = None
        if websocket:
            self.socket = lectern_test.WebSocket(self.raw, f"/{name}.flv")
            assert self.socket.status == 101, self.socket.status
        else:
            self.raw.send(f"GET /{name}.flv HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert self.raw.head()[0] == 200
        self.start()

    def run(self):
        while self.socket is None and (more := self.raw.receive()):
            self.data += more
        while self.socket is not None and (frame := self.socket.receive()) and frame[0] != 8:
            self.data += frame[1]
        self.raw.close()

    def tags(self):
        self.join(30 * lectern_test.PATIENCE)
        return [(kind, body) for kind, _, body in rtmp.parse_flv(self.data)]


class Unchanged(lectern_test.TestCase):
    """What a publisher sends is what viewers get, byte for byte."""

    def setUp(self):
        self.one = self.server()

    def check(self, name, tags):
        stream = f"live/{name}"
        client = rtmp.Client(self.one.rtmp_port)
        client.connect()
        client.publish(f"{name}?key={self.one.key(stream)}")
        player = rtmp.player(self.one, stream)
        viewers = {"http": Flv(self.one, stream, False), "ws": Flv(self.one, stream, True)}
        for kind, stamp, body in tags:
            client.send(kind, body, stamp, client.stream)
        client.unpublish(name)
        messages = []
        player.read_until(lambda m: m.kind == rtmp.COMMAND or messages.append(m))
        got = {"rtmp": [(m.kind, m.payload) for m in messages if m.kind in (rtmp.AUDIO, rtmp.VIDEO)],
               **{name: viewer.tags() for name, viewer in viewers.items()}}
        configs = [(kind, body) for kind, _, body in tags if is_config(kind, body)]
        frames = [(kind, body) for kind, _, body in tags if not is_config(kind, body)]
        for way, seen in got.items():
            with self.subTest(f"{name} by {way}"):
                self.assertEqual(seen[:len(configs)], configs)
                rest = seen[len(configs):]
                # A viewer begins where the server likes, at a key frame, and misses nothing then.
                self.assertGreaterEqual(len(rest), len(frames) // 3)
                self.assertEqual(rest, frames[-len(rest):])

    def test_sound_of_old(self):
        for name, args in SOUNDS.items():
            self.check(name, rtmp.flv_tags(clip(f"{name}.flv", *TONE, *args)))

    def test_sound_of_old_beside_a_picture(self):
        for name in ("speex", "pcmu"):
            tags = rtmp.flv_tags(clip(f"{name}-h264.flv", *PICTURE, *TONE, *X264, *SOUNDS[name]))
            self.check(f"{name}-h264", [tag for tag in tags if tag[2][:2] != b"\x17\x02"])

    def test_h265(self):
        for name, fourcc in (("hvc1", True), ("id12", False)):
            self.check(name, rtmp.h265_tags(h265(), link.VIDEO, fourcc))


class Browsers(lectern_test.TestCase):
    """With transcode and HLS switched on, and no other setting."""

    def serve(self):
        return self.server(settings={"plugins.transcode": "true", "plugins.hls": "true", "plugins.dash": "true",
                                     "media.grace": "1s"}, env=ENVIRONMENT)

    def push(self, server, name):
        args = [*SOUNDS[name], "-f", "flv"]
        push = lectern_test.ffmpeg_push(server.push_url(f"live/{name}"), rate=10, audio=SOUNDS[name][1], output=args)
        self.addCleanup(push.kill)

    def wait_playlist(self, server, name, *codecs):
        def has_all():
            status, _, body = server.request("GET", f"/{name}/index.m3u8")
            return status == 200 and all(codec.encode() in body for codec in codecs) and body.decode()
        return lectern_test.wait_for(has_all, 40, f"{codecs} in the playlist of {name}")

    def check_played(self, url):
        """H.264 and AAC, and what is heard is not silence."""
        done = subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-i", url, "-t", "1", "-af", "volumedetect",
                               "-f", "null", "-"], capture_output=True, text=True, timeout=30 * lectern_test.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({"h264", "aac"}, set(re.findall(r"Stream #0\S+ (?:Video|Audio): (\w+)",
                                                         done.stderr.split("Stream mapping")[0])))
        self.assertGreater(float(done.stderr.split("max_volume: ")[1].split()[0]), -50)

    def check_sounds(self, names):
        server = self.serve()
        for name in names:
            self.push(server, name)
        server.wait_live(f"live/{names[0]}@180p")
        streams = lectern_test.ffprobe(server.flv_url(f"live/{names[0]}@180p"))["streams"]
        self.assertEqual({"h264", "aac"}, {stream["codec_name"] for stream in streams})
        for name in names:
            with self.subTest(name):
                playlist = self.wait_playlist(server, f"live/{name}", "avc1.", "mp4a.40.2")
                self.assertNotIn("mp4a.6B", playlist)
                self.assertNotIn("180p", playlist)
                for file in ("index.m3u8", "index.mpd"):
                    self.check_played(f"http://127.0.0.1:{server.http_port}/live/{name}/{file}")

    def test_sound_of_old_reaches_them_as_aac(self):
        self.check_sounds(["speex", "nellymoser", "pcma", "mp3"])

    def test_other_sound_of_old_does_too(self):
        self.check_sounds(["nellymoser-8k", "pcmu"])

    def test_h265_reaches_them_as_h264(self):
        server = self.serve()
        client = rtmp.Client(server.rtmp_port)
        client.connect()
        client.publish(f"h?key={server.key('live/h')}")
        stop = threading.Event()
        tags = rtmp.h265_tags(h265(), link.VIDEO, False)
        sender = threading.Thread(target=rtmp.send_again, args=(client, tags, 2000, stop))
        sender.start()
        self.addCleanup(sender.join)
        self.addCleanup(stop.set)
        playlist = self.wait_playlist(server, "live/h", "avc1.")
        self.assertNotIn("hvc1", playlist)
        for url in (f"http://127.0.0.1:{server.http_port}/live/h/index.m3u8", server.flv_url("live/h@180p")):
            video, = lectern_test.ffprobe(url, args=("-analyzeduration", "300000"))["streams"]
            self.assertEqual(("h264", 320, 180), (video["codec_name"], video["width"], video["height"]))


lectern_test.main()
