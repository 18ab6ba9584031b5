# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each way in with each way out: real clients, and sound in step with the picture at the end.

One server carries all of it at once. A clip that flashes and beeps each second is pushed as it is;
at each output the beeps must be as far from their flashes as they are in the clip, give or take
40 ms.
"""

import concurrent.futures
import pathlib
import statistics

import lectern_test
import lipsync
from recording import Recorder

STEP = 0.040
CLIP = 45
LISTEN = 4
# Readers at a time: they decode, and must not starve each other.
AT_ONCE = 10

# ffmpeg 5 knows no H.265 in FLV.
BOTH = ["h264", "hevc"]
INPUTS = {"rtmp": ["h264"], "rtmps": ["h264"], "rtsp-tcp": BOTH, "rtsp-udp": BOTH, "srt": BOTH}
LIVE = {"rtmp": ["h264"], "http-flv": ["h264"], "ws-flv": ["h264"], "hls": BOTH, "dash": BOTH,
        "rtsp-tcp": BOTH, "rtsp-udp": BOTH}


def push(server, way, name, clip):
    """Publishes the clip, undecoded, in real time."""
    key = server.key(name)
    if way == "srt":
        output = ["-f", "mpegts",
                  f"srt://127.0.0.1:{server.port('srt')}?streamid=publish:{name}?key={key}"]
    elif way.startswith("rtsp"):
        output = ["-f", "rtsp", "-rtsp_transport", way[5:], server.push_url(name, key, "rtsp")]
    else:
        output = ["-f", "flv", server.push_url(name, key, way)]
    return lectern_test.Push(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-re",
                              "-i", str(clip), "-c", "copy", *output])


def listen(server, way, name):
    """What a viewer sees and hears: the beeps' offsets and the codecs."""
    if way == "ws-flv":
        return lipsync.offsets("-", LISTEN, feed=lipsync.websocket_feed(server, name))
    if way == "http-flv":
        return lipsync.offsets(server.flv_url(name), LISTEN)
    if way in ("hls", "dash"):
        file = {"hls": "index.m3u8", "dash": "index.mpd"}[way]
        return lipsync.offsets(f"http://127.0.0.1:{server.http_port}/{name}/{file}", LISTEN)
    if way.startswith("rtsp"):
        return lipsync.offsets(server.play_url(name, "rtsp"), LISTEN, ["-rtsp_transport", way[5:]])
    return lipsync.offsets(server.play_url(name), LISTEN)


class Matrix(lectern_test.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reference, cls.found, cls.server, cls.pushes = {}, {}, None, []
        try:
            cls.play_everything()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for publisher in cls.pushes:
            publisher.stop()
        if cls.server:
            cls.server.stop()

    @classmethod
    def play_everything(cls):
        settings = {"plugins.dash": "true", "segment.duration": "1s",
                    "server.connects-per-address": "0", "plugins.srt": "true",
                    "srt.listen": "127.0.0.1:0"}
        cls.server = Recorder(tls=True, settings=settings)
        folder = lectern_test.temporary_directory()
        streams = {}
        for video in lipsync.CODECS:
            clip = lipsync.clip(folder, video, CLIP)
            cls.reference[video] = statistics.median(lipsync.offsets(clip, LISTEN)[0])
            for way, codecs in INPUTS.items():
                if video in codecs:
                    streams[way, video] = f"live/{way}-{video}"
                    cls.pushes.append(push(cls.server, way, streams[way, video], clip))
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for (source, video), name in streams.items():
                for way, codecs in LIVE.items():
                    if video in codecs:
                        cls.found[source, way, video] = pool.submit(cls.play, way, name)
        for publisher in cls.pushes:
            publisher.stop()
        cls.read_recordings(streams)

    @classmethod
    def play(cls, way, name):
        cls.server.wait_live(name)
        return listen(cls.server, way, name)

    @classmethod
    def read_recordings(cls, streams):
        recordings = {r["stream"]: r for r in cls.server.wait_ready(len(streams), 40)}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for (source, video), name in streams.items():
                path = cls.server.path(recordings[name]) if name in recordings else pathlib.Path()
                cls.found[source, "mp4", video] = pool.submit(lipsync.offsets, path, LISTEN)

    def check(self, source, video):
        for way, codecs in {**LIVE, "mp4": BOTH}.items():
            if video not in codecs:
                continue
            with self.subTest(source=source, to=way, video=video):
                offsets, names = self.found[source, way, video].result()
                worst = max((late - self.reference[video] for late in offsets), key=abs)
                print(f"# {video} {source} → {way}: {worst * 1000:+.0f} ms of {len(offsets)}")
                self.assertEqual(names, {video, "aac"})
                self.assertLessEqual(abs(worst), STEP + 0.0005, offsets)


def _case(source, video):
    return lambda self: self.check(source, video)


for _source, _codecs in INPUTS.items():
    for _video in _codecs:
        setattr(Matrix, f"test_{_video}_from_{_source.replace('-', '_')}", _case(_source, _video))


lectern_test.main()
