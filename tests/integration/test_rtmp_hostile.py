# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTMP peers that break the rules, alone and in crowds."""

import os
import struct
import threading
import time

import lectern_test
import rtmp
from lectern_test import PATIENCE, wait_for
from rtmp import COMMAND, CONTROL, VIDEO


class Ticker(threading.Thread):
    """Pushes a raw publisher's frames in real time until stopped: key frames each ten."""

    def __init__(self, client, start=0, interval=0.04):
        super().__init__(daemon=True)
        self.client, self.time, self.interval = client, start, interval
        self.count = 0
        self.going = True
        self.start()

    def run(self):
        try:
            while self.going:
                self.client.video(self.time, key=self.count % 10 == 0,
                                  payload=b"\x65" + struct.pack("!I", self.count))
                self.count += 1
                self.time += int(self.interval * 1000)
                time.sleep(self.interval)
        except OSError:
            pass

    def stop(self):
        self.going = False
        self.join()


class Hostile(lectern_test.TestCase):
    def closes(self, raw, timeout=5):
        raw.socket.settimeout(timeout * PATIENCE)
        raw.everything()

    def test_other_protocols_are_refused_with_their_name(self):
        server = self.server()
        for data, word in ((b"\x06" + bytes(1536), "RTMPE"), (b"POST /open/1 HTTP/1.1\r\n", "RTMPT"),
                           (b"\x16\x03\x01\x02\x00", "TLS"), (b"\x02", "does not speak RTMP")):
            with lectern_test.Raw(server.rtmp_port) as raw:
                raw.send(data)
                self.closes(raw)
            server.wait_log(word)

    def test_slow_strangers_are_closed(self):
        """R-01: silent, or a byte now and then."""
        server = self.server(settings={"rtmp.handshake-timeout": "1s"})
        silent = lectern_test.Raw(server.rtmp_port)
        slow = lectern_test.Raw(server.rtmp_port)
        half = lectern_test.Raw(server.rtmp_port).send(rtmp.hello()[:1000])
        no_connect = rtmp.Client(server.rtmp_port)
        begin = time.monotonic()
        try:
            for byte in rtmp.hello():
                slow.send(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass
        self.closes(silent)
        self.closes(half)
        self.assertTrue(no_connect.ended())
        self.assertLess(time.monotonic() - begin, 5 * PATIENCE)

    def test_strangers_cost_little_memory(self):
        """R-01, R-04: what is promised and never finished."""
        server = self.server(settings={"server.connects-per-address": "0"})
        strangers = [rtmp.Client(server.rtmp_port) for _ in range(20)]
        before = server.rss()
        strangers += [rtmp.Client(server.rtmp_port) for _ in range(280)]
        for stranger in strangers:
            for csid in range(4, 60):
                stranger.raw.send(rtmp.chunk_header(csid, VIDEO, 0, 0, 0x7fffff))
                stranger.raw.send(b"x")
        self.assertTrue(strangers[0].ended())
        self.assertLess(server.rss() - before, 300 * 16 * 1024 * PATIENCE)
        for stranger in strangers:
            stranger.close()

    def test_broken_tags_send_a_publisher_away(self):
        """R-09"""
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        for i in range(100):
            client.send(VIDEO, b"\x17\x01\0\0\0\xff\xff\xff\xff", i, client.stream)
        client.video(40)
        viewer = rtmp.player(server, "live/a")
        self.assertEqual(len(viewer.media(4)), 4)
        client.send(VIDEO, b"\x12\x01\0\0\0", 50, client.stream)
        self.assertTrue(client.ended())
        server.wait_log("more than 100 broken tags")

    def test_broken_messages_close_the_connection(self):
        """R-02, R-03, R-06"""
        server = self.server()
        connect = b"".join(map(rtmp.encode, ("connect", 1, {"app": "live"})))
        broken = [
            b"\xc5",  # a chunk stream that begins in the middle
            rtmp.chunks(2, 1, 0, 0, bytes(4), 128),  # chunk size 0
            rtmp.chunks(2, 1, 0, 0, b"\x80\0\0\x80", 128),
            rtmp.chunk_header(3, COMMAND, 0, 0, 0xffffff),
            rtmp.chunks(3, COMMAND, 0, 0, rtmp.encode(True), 128),
            rtmp.chunks(3, COMMAND, 0, 0, rtmp.encode("connect") + rtmp.encode(float("nan")), 128),
            rtmp.chunks(3, COMMAND, 0, 0, rtmp.encode("publish") + rtmp.encode(1), 128),
            rtmp.chunks(3, COMMAND, 0, 0, connect, 128) * 2,
            rtmp.chunks(3, COMMAND, 0, 0, rtmp.encode("connect") + rtmp.encode(1)
                        + b"\x0a\0\0\0\x01" * 3000, 128),
            rtmp.chunks(6, VIDEO, 1, 0, b"\x17", 128),
        ]
        for data in broken:
            with rtmp.Client(server.rtmp_port) as client:
                client.raw.send(data)
                self.assertTrue(client.ended())

    def test_a_flood_of_streams_and_pings(self):
        """R-06, R-10"""
        server = self.server()
        with rtmp.Client(server.rtmp_port) as client:
            client.connect()
            create = b"".join(map(rtmp.encode, ("createStream", 5, None)))
            try:
                client.raw.send(rtmp.chunks(3, COMMAND, 0, 0, create, 128) * 10000)
            except OSError:
                pass
            try:
                self.assertTrue(client.ended())
            except ConnectionError:
                pass
        with rtmp.Client(server.rtmp_port) as client:
            client.connect()
            client.raw.send(rtmp.chunks(2, CONTROL, 0, 0, struct.pack("!HI", 6, 1), 128) * 50000)
            client.raw.send(rtmp.chunks(2, rtmp.ABORT, 0, 0, struct.pack("!I", 999), 128) * 100)
            client.raw.send(rtmp.chunks(2, rtmp.WINDOW, 0, 0, struct.pack("!I", 1), 128))
            client.create_stream()

    def test_garbage_floods_do_not_touch_a_running_stream(self):
        """R-11, scaled to what a test may take."""
        server = self.server(settings={"server.connects-per-address": "50"})
        client = rtmp.publisher(server, "live/a")
        viewer = rtmp.player(server, "live/a", timeout=20)
        before = server.descriptors()
        ticker = Ticker(client)
        end = time.monotonic() + 3
        held, tried = [], 0
        while time.monotonic() < end:
            try:
                raw = lectern_test.Raw(server.rtmp_port, timeout=1)
                tried += 1
                if tried % 2:
                    raw.send(os.urandom(2000))
                held.append(raw)
            except OSError:
                pass
            if len(held) > 300:
                held.pop(0).close()
        ticker.stop()
        for raw in held:
            raw.close()
        self.assertGreater(tried, 500)
        videos = viewer.media(ticker.count + 1, [VIDEO])[1:]
        numbers = [struct.unpack("!I", m.payload[10:14])[0] for m in videos]
        self.assertEqual(numbers, list(range(ticker.count)))
        wait_for(lambda: server.descriptors() <= before, 15, "the descriptors to be free again")

    def test_viewers_come_and_go_while_the_stream_ends(self):
        """S-05, shortly"""
        server = self.server(settings={"server.connects-per-address": "0"})
        stop = threading.Event()
        failures = []

        def watch():
            while not stop.is_set():
                try:
                    viewer = rtmp.player(server, "live/a", timeout=2)
                    viewer.media(3)
                    viewer.close()
                except (rtmp.Closed, AssertionError, OSError) as error:
                    if isinstance(error, ConnectionRefusedError):
                        failures.append(error)

        threads = [threading.Thread(target=watch, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        for i in range(15):
            client = rtmp.publisher(server, "live/a")
            for k in range(5):
                client.video(k * 40, key=k == 0)
            if i % 2:
                client.unpublish("a")
                client.status()
            client.close()
        stop.set()
        for thread in threads:
            thread.join(10 * PATIENCE)
        self.assertEqual(failures, [])


lectern_test.main()
