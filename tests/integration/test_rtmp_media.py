# SPDX-License-Identifier: LGPL-2.1-or-later
"""What comes in by RTMP goes out byte for byte, and its times go on."""

import struct

import lectern_test
import rtmp
from rtmp import AUDIO, COMMAND, DATA, VIDEO


FLV_FILES = lectern_test.SOURCE_DIR / "tests/core/formats/data"
HEVC_CONFIG = bytes.fromhex(
    "0101600000009000000000003cf000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003"
    "003c959809210001002f42010101600000030090000003000003003ca00a080b9f796566924cafff00030004680800"
    "0003000800000300c84022000100074401c172b46240")


class Carried(lectern_test.TestCase):
    """What comes in goes out, byte for byte."""

    def push_and_compare(self, config, tags):
        """CONFIG: (kind, body) of the sequence headers, TAGS: (kind, time, body). The viewer is there
        from the start; it begins at a frame of the server's choice, and misses nothing after it."""
        server = self.server()
        viewer = rtmp.player(server, "live/a")
        client = rtmp.Client(server.rtmp_port)
        client.connect()
        client.publish(f"a?key={server.key('live/a')}")
        for kind, body in config:
            client.send(kind, body, 0, client.stream)
        for kind, stamp, body in tags:
            client.send(kind, body, stamp, client.stream)
        client.unpublish("a")
        got = []
        viewer.read_until(lambda m: m.kind == COMMAND or got.append(m))
        got = [m.payload for m in got if m.kind in (AUDIO, VIDEO)]
        self.assertEqual(got[:len(config)], [body for _, body in config])
        frames_got = got[len(config):]
        self.assertGreater(len(frames_got), 0)
        self.assertEqual(frames_got, [body for _, _, body in tags][-len(frames_got):])
        return len(frames_got)

    def pair(self, server, start):
        """A publisher that has sent a key frame, and a viewer that has seen it."""
        client = rtmp.publisher(server, "live/a")
        client.video(start, key=True)
        server.wait_live("live/a")
        viewer = rtmp.player(server, "live/a")
        viewer.media(3)
        return client, viewer

    def frames(self, key, inter):
        """A second of frames: KEY and INTER are what precedes the bytes of their NAL units."""
        head = struct.pack("!I", 3)
        return [(VIDEO, i * 40, (inter + head + b"\x02\x01" if i % 10 else
                                 key + head + b"\x26\x01") + bytes([i])) for i in range(25)]

    def test_h265_by_codec_id_12(self):
        tags = self.frames(b"\x1c\x01\0\0\x28", b"\x2c\x01\0\0\0")
        self.push_and_compare([(VIDEO, b"\x1c\x00\0\0\0" + HEVC_CONFIG)], tags)

    def test_h265_by_fourcc(self):
        tags = self.frames(b"\x91hvc1\0\0\x28", b"\xa3hvc1")
        self.push_and_compare([(VIDEO, b"\x90hvc1" + HEVC_CONFIG)], tags)

    def test_av1_and_opus_by_fourcc(self):
        tags = []
        for i in range(20):
            tags.append((VIDEO, i * 40, (b"\xa1av01\x12\x00" if i else b"\x91av01\x12\x00")
                         + bytes([i])))
            tags.append((AUDIO, i * 40, b"\x91Opus" + bytes([i])))
        opus = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0"
        self.push_and_compare([(VIDEO, b"\x90av01\x81\x04\x0c\x00\x0a\x0b\0\0\0"),
                               (AUDIO, b"\x90Opus" + opus)], tags)

    def test_audio_of_old(self):
        for name in ("speex.flv", "nellymoser-8000.flv", "nellymoser-16000.flv",
                     "nellymoser-22050.flv", "mp3-44100.flv", "mp3-22050.flv", "pcma.flv",
                     "pcmu.flv"):
            with self.subTest(name):
                tags = rtmp.flv_tags(FLV_FILES / name)
                self.push_and_compare([], tags + [(kind, stamp + 1000, body)
                                                  for kind, stamp, body in tags])

    def test_h264_and_aac(self):
        """All that real encoders put into tags, B-frames' offsets included."""
        tags = [tag for tag in rtmp.flv_tags(FLV_FILES / "h264-aac.flv") if tag[2][:2] != b"\x17\x02"]
        config = [(kind, body) for kind, _, body in tags if body[1:2] == b"\0"]
        self.push_and_compare(config, [tag for tag in tags if tag[2][1:2] != b"\0"])

    def test_cue_points_and_captions(self):
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        viewer = rtmp.player(server, "live/a")
        viewer.media(3)
        caption = b"".join(map(rtmp.encode, ("onTextData", {"text": "hello"})))
        client.send(DATA, caption, 40, client.stream)
        client.video(40)
        self.assertEqual(viewer.read_until(lambda m: m.kind == DATA).payload, caption)

    def test_aggregates_are_taken_apart(self):
        server = self.server()
        client, viewer = self.pair(server, 0)
        tag = b"\x17\x01\0\0\0" + struct.pack("!I", 2) + b"\x65\x88"
        body = b""
        for i in range(3):
            body += (bytes([VIDEO]) + len(tag).to_bytes(3, "big")
                     + (100 + 40 * i).to_bytes(3, "big") + bytes(4) + tag
                     + struct.pack("!I", len(tag) + 11))
        client.send(rtmp.AGGREGATE, body, 5000, client.stream)
        videos = viewer.media(3, [VIDEO])
        self.assertEqual([m.timestamp - videos[0].timestamp for m in videos], [0, 40, 80])

    def test_time_wraps(self):
        """T-01: 49.7 days of milliseconds."""
        server = self.server()
        client, viewer = self.pair(server, 0xfffff000 - 40)
        for i in range(300):
            client.video(0xfffff000 + i * 40, key=i % 25 == 0)
            if i % 2 == 0:
                client.audio(0xfffff000 + i * 40 + 5)
        videos = viewer.media(300, [VIDEO])
        steps = {b.timestamp - a.timestamp for a, b in zip(videos, videos[1:])}
        self.assertEqual(steps, {40})
        self.assertLess(videos[-1].timestamp, 300 * 40 + 1000)

    def test_time_jumps(self):
        """T-02: backwards, to zero and an hour ahead."""
        server = self.server()
        stamp = 1000000
        client, viewer = self.pair(server, stamp)
        for i in range(100):
            stamp += {20: -1000, 40: -600000, 60: -stamp, 80: 3600000}.get(i, 40)
            client.video(stamp, key=i % 10 == 0)
        videos = viewer.media(100, [VIDEO])
        self.assertTrue(rtmp.is_monotonic(videos))
        self.assertLess(videos[-1].timestamp - videos[0].timestamp, 100 * 40 + 5000)


if __name__ == "__main__":
    lectern_test.main()
