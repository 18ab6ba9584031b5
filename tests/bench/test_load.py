# SPDX-License-Identifier: LGPL-2.1-or-later
"""The load programs measure what they say, against floors whose stream is known."""
import json
import os
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import tap
from harness import tables
from harness.bench import free_port, listens

BUILD = Path(os.environ["LECTERN_BUILD_DIR"]) / "tests/bench"


def tag(kind, milliseconds, body):
    head = struct.pack(">BI", kind, len(body))[:1] + len(body).to_bytes(3, "big")
    head += (milliseconds & 0xffffff).to_bytes(3, "big") + bytes([milliseconds >> 24]) + bytes(3)
    return head + body + struct.pack(">I", 11 + len(body))


def nal(key, size):
    return struct.pack(">IB", 1 + size, 0x65 if key else 0x41) + bytes(size)


def stream():
    """One second: 30 frames with a key frame every half, of sizes around what frames and chunks ask for."""
    out = b"FLV\1\5\0\0\0\11" + bytes(4) + tag(9, 0, b"\x17\0\0\0\0config") + tag(8, 0, b"\xaf\0\x12\x10")
    for frame in range(30):
        key = frame % 15 == 0
        out += tag(9, frame * 33, (b"\x17" if key else b"\x27") + b"\1\0\0\0"
                   + nal(key, 70000 if key else 100 * frame))
        out += tag(8, frame * 33 + 5, b"\xaf\1" + bytes(80))
    return out


class Floors(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = Path(self.folder.name) / "stream.flv"
        self.file.write_bytes(stream())
        self.port = free_port()

    def spawn(self, name, *arguments, **more):
        process = subprocess.Popen([BUILD / f"bench-{name}", *map(str, arguments)], **more)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def watch(self, kind, flush, slots=1):
        self.spawn("floor", kind, self.port, flush, slots, self.file)
        while not listens(self.port):
            pass
        scheme = {"rtmp": "rtmp", "rtsp": "rtsp", "rtsp-udp": "rtsp"}.get(kind, "http")
        viewers = self.spawn("viewers", kind, f"{scheme}://127.0.0.1:{self.port}/live/bench", stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
        for command, answers in (("connect 10 1000", ["connected"]), ("run 0.3", ["ran"]), ("stall 2", ["stalled"]),
                                 ("window 1", ["window", "closed"])):
            viewers.stdin.write(command + "\n")
            viewers.stdin.flush()
            for answer in answers:
                self.assertEqual(viewers.stdout.readline().strip(), answer)
        row = json.loads(viewers.stdout.readline())
        viewers.stdin.close()
        viewers.stdout.close()
        self.assertEqual((row["viewers"], row["alive"], row["errors"]), (10, 8, 0))
        self.assertEqual((row["lost"], row["stalls"], row["with_key"]), (0, 0, 8))
        self.assertGreaterEqual(row["frames"], 8 * 15)
        return row

    def test_every_format_arrives_whole_at_each_frame(self):
        for kind in ("flv", "ws", "rtmp", "rtsp", "rtsp-udp"):
            with self.subTest(kind):
                self.port = free_port()
                self.assertLess(self.watch(kind, "frame")["delay_ms"][0], 100)

    def test_a_flush_interval_shows_in_the_delay(self):
        self.assertGreater(self.watch("flv", 200, slots=4)["delay_ms"][1], 100)

    def test_tables_compare_with_the_floor(self):
        row = {"mode": "fanout", "kind": "flv", "viewers": 8, "flush": "frame", "cpu_percent": 1.0, "lost": 0,
               "stalls": 0, "alive": 8, "kib_viewer": 1.5, "delivered_percent": 100.0, "worst_percent": 100.0,
               "load_percent": 1.0, "other_percent": 0.0, "delay_ms": [1, 2, 3, 4], "first_key_ms": [1, 2, 3, -1]}
        text = tables.show([{**row, "server": "floor", "per_gb": 0.5}, {**row, "server": "lectern", "per_gb": 0.6}])
        self.assertIn("| flv | 8 | frame | lectern | 0.600 | – | 1.20 |", text)


if __name__ == "__main__":
    tap.main()
