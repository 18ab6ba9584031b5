# SPDX-License-Identifier: LGPL-2.1-or-later
"""Marks of packets, read from the packets."""

import ctypes
import signal
import socket
import struct
import unittest

import lectern_test
import rtmp

ALL_PACKETS = 0x0003
OUTGOING = 4
SO_ATTACH_FILTER = 26


def port_filter(port):
    """A program (classic BPF) that takes TCP from or to PORT, over IPv4 without options and IPv6."""
    byte, half, mask, equal, end = 0x30, 0x28, 0x54, 0x15, 0x06
    return b"".join(struct.pack("=HBBI", *step) for step in (
        (byte, 0, 0, 0),
        (mask, 0, 0, 0xf0),
        (equal, 0, 6, 0x40),    # else: IPv6
        (byte, 0, 0, 9),
        (equal, 0, 11, socket.IPPROTO_TCP),
        (half, 0, 0, 20),
        (equal, 8, 0, port),
        (half, 0, 0, 22),
        (equal, 6, 7, port),
        (byte, 0, 0, 6),
        (equal, 0, 5, socket.IPPROTO_TCP),
        (half, 0, 0, 40),
        (equal, 2, 0, port),
        (half, 0, 0, 42),
        (equal, 0, 1, port),
        (end, 0, 0, 0xffff),
        (end, 0, 0, 0)))


class Capture:
    """What TCP packets from and to PORT on the loopback device carry; needs CAP_NET_RAW."""

    def __init__(self, port):
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        except PermissionError:
            raise unittest.SkipTest("capturing packets is not permitted") from None
        # Other tests fill the device, so all else is left out before it is queued.
        program = ctypes.create_string_buffer(port_filter(port))
        steps = struct.pack("HP", len(program) // 8, ctypes.addressof(program))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, steps)
        self.socket.bind(("lo", ALL_PACKETS))
        self.socket.settimeout(10 * lectern_test.PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def mark(self, port, peer):
        """The DSCP of the next packet with data from PORT to PEER's."""
        while True:
            packet, where = self.socket.recvfrom(65536)
            if where[2] == OUTGOING:
                continue
            if packet[0] >> 4 == 4:
                mark, start = packet[1], 20
                end = struct.unpack_from(">H", packet, 2)[0]
            else:
                mark, start = (packet[0] << 4 | packet[1] >> 4) & 255, 40
                end = 40 + struct.unpack_from(">H", packet, 4)[0]
            data = start + (packet[start + 12] >> 4) * 4
            if struct.unpack_from(">HH", packet, start) == (port, peer) and end > data:
                return mark >> 2


class Marks(lectern_test.TestCase):
    def ask(self, port, host="127.0.0.1"):
        """The mark of an answer over HTTP."""
        with Capture(port) as capture, socket.create_connection((host, port), 10) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(client.recv(1))
            return capture.mark(port, client.getsockname()[1])

    def greet(self, port):
        """The mark of an answer to the first words of RTMP."""
        with Capture(port) as capture, socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"\3" + bytes(1536))
            self.assertTrue(client.recv(1))
            return capture.mark(port, client.getsockname()[1])

    def test_each_door_has_its_own_and_a_reload_changes_it(self):
        server = self.server("[http]\ndscp = af31\n[rtmp]\ndscp = EF\n")
        self.assertEqual(self.ask(server.http_port), 26)
        self.assertEqual(self.greet(server.rtmp_port), 46)
        server.config_path.write_text("[http]\ndscp = 8\n", encoding="utf-8")
        server.signal(signal.SIGHUP)
        server.wait_log("read again and are in force")
        self.assertEqual(self.ask(server.http_port), 8)
        self.assertEqual(self.greet(server.rtmp_port), 0)

    def test_ipv6_and_ipv4_through_one_door_are_marked(self):
        server = self.server("[http]\ndscp = af41\n", {"http.listen": "[::]:0"})
        for host in ("127.0.0.1", "::1"):
            with self.subTest(host):
                self.assertEqual(self.ask(server.http_port, host), 34)

    def test_what_is_brought_to_another_server_is_marked(self):
        with socket.create_server(("127.0.0.1", 0)) as target:
            target.settimeout(10 * lectern_test.PATIENCE)
            port = target.getsockname()[1]
            server = self.server(settings={
                "plugins.relay": "true", "relay.push": f"live rtmp://127.0.0.1:{port}/live",
                "rtmp.dscp": "cs4"}, allow=["relay"])
            with Capture(port) as capture, rtmp.publisher(server, "live/a") as publisher:
                publisher.video(0, key=True)
                peer, address = target.accept()
                with peer:
                    self.assertTrue(peer.recv(1))
                    self.assertEqual(capture.mark(address[1], port), 32)

    def test_what_is_asked_of_another_server_has_the_mark_of_its_protocol(self):
        for url, setting in (("rtmp://127.0.0.1:{}/live/a", "rtmp.dscp"),
                             ("http://127.0.0.1:{}/live/a.flv", "http.dscp"),
                             ("rtsp://127.0.0.1:{}/live/a tcp", "rtsp.dscp")):
            with self.subTest(setting), socket.create_server(("127.0.0.1", 0)) as origin:
                origin.settimeout(10 * lectern_test.PATIENCE)
                port = origin.getsockname()[1]
                with Capture(port) as capture:
                    self.server(settings={
                        "plugins.relay": "true", "relay.pull": f"live/a {url.format(port)}",
                        setting: "af42"}, allow=["relay"])
                    peer, address = origin.accept()
                    with peer:
                        self.assertTrue(peer.recv(1))
                        self.assertEqual(capture.mark(address[1], port), 36)

    def test_nothing_is_marked_by_default(self):
        server = self.server()
        self.assertEqual((self.ask(server.http_port), self.greet(server.rtmp_port)), (0, 0))


lectern_test.main()
