# SPDX-License-Identifier: LGPL-2.1-or-later
"""Streams fetched as FLV over HTTP: from ours, and from servers that do it otherwise."""

import re
import socket
import threading

import carry
import lectern_test
import rtmp
from test_rtmp_media import FLV_FILES

FLV = (FLV_FILES / "h264-aac.flv").read_bytes()


class Scripted:
    """A server on a free port that answers one request with BYTES and then closes."""

    def __init__(self, test, answer):
        self.answer = answer
        self.request = b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        test.addCleanup(self.socket.close)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/live/a.flv"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        peer, _ = self.socket.accept()
        with peer:
            while b"\r\n\r\n" not in self.request:
                self.request += peer.recv(65536)
            peer.sendall(self.answer)


def chunked(data, size):
    parts = [data[at:at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


class Pull(lectern_test.TestCase):
    def carried(self, answer):
        """The edge, and the server that gives it ANSWER."""
        origin = Scripted(self, answer)
        edge = carry.server(self, "pull", "live/b", origin.url + "?key=hush")
        return edge, origin

    def test_from_ours(self):
        origin = self.server()
        edge = None
        with lectern_test.ffmpeg_push(origin.push_url("live/a")):
            origin.wait_live("live/a")
            edge = carry.server(self, "pull", "live/b", origin.flv_url("live/a"))
            edge.wait_live("live/b")
            streams = lectern_test.ffprobe(edge.flv_url("live/b"))["streams"]
            self.assertEqual({s["codec_name"] for s in streams}, {"h264", "aac"})
        edge.wait_log("ended 'live/b' after media: the server closed the connection")

    def test_over_tls_from_a_trusted_server(self):
        origin = self.server(tls=True)
        source = rtmp.publisher(origin, "live/a")
        source.video(0, key=True)
        url = f"https://localhost:{origin.https_port}/live/a.flv"
        edge = carry.server(self, "pull", "live/b", url, {"server.ca-file": origin.certificate})
        edge.wait_live("live/b")
        stranger = carry.server(self, "pull", "live/b", url)
        stranger.wait_log("ended 'live/b' after nothing: .*certificate")

    def test_chunks(self):
        """The end of the chunks is the end of the stream."""
        edge, origin = self.carried(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    + chunked(FLV, 1000))
        edge.wait_log("ended 'live/b' after media: in order")
        self.assertIn(b"Lectern-Via: ", origin.request)
        self.assertIn(b"Connection: close\r\n", origin.request)

    def test_a_body_with_its_length(self):
        edge, _ = self.carried(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(FLV) + FLV)
        edge.wait_log("ended 'live/b' after media: in order")

    def test_a_body_cut_off(self):
        edge, _ = self.carried(b"HTTP/1.0 200 OK\r\n\r\n" + FLV[:-100])
        edge.wait_log("code: closed")
        self.assertNotIn("hush", edge.log())

    def test_refusals(self):
        for status, code in ((401, "denied"), (404, "not-found"), (302, "not-supported"),
                             (500, "failed")):
            with self.subTest(status):
                edge, _ = self.carried(b"HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:1/\r\n"
                                       b"Content-Length: 0\r\n\r\n" % status)
                edge.wait_log(f"code: {code}")
                self.assertNotIn("hush", edge.log())

    def test_what_is_no_flv(self):
        edge, _ = self.carried(b"HTTP/1.1 200 OK\r\n\r\n" + b"<html>" * 100)
        edge.wait_log("code: invalid-data")

    def test_a_server_does_not_play_to_itself(self):
        """It says who it is, and knows when that comes back."""
        edge, origin = self.carried(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
        edge.wait_log("code: not-found")
        via = re.search(rb"Lectern-Via: ([a-z0-9]{12})\r\n", origin.request).group(1).decode()
        for through in (via, f"x,{via},y"):
            status, _, _ = edge.request("GET", "/live/b.flv", headers={"Lectern-Via": through})
            self.assertEqual(status, 403)


if __name__ == "__main__":
    lectern_test.main()
