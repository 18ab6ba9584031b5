# SPDX-License-Identifier: LGPL-2.1-or-later
"""Streams fetched from and brought to RTSP servers: GStreamer's, and our own."""

import functools
import os
import select
import socket
import subprocess
import threading

import carry
import lectern_test
import link
import rtsp_server

RECORD = ("( rtph264depay name=depay0 ! h264parse ! video/x-h264,stream-format=avc,alignment=au ! queue ! m. "
          "rtpmp4gdepay name=depay1 ! aacparse ! queue ! m. matroskamux name=m ! "
          "filesink buffer-mode=unbuffered location={} )")


@functools.lru_cache(maxsize=None)
def folder():
    return lectern_test.temporary_directory()


# One list of GStreamer's plugins for all servers here, each of which would make its own.
os.environ["GST_REGISTRY"] = str(folder() / "registry")


@functools.lru_cache(maxsize=None)
def clip():
    path = folder() / "clip.mp4"
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-f", "lavfi", "-i",
                    "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "anoisesrc=seed=1:amplitude=0.3", "-t", "20",
                    "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25",
                    "-c:a", "aac", str(path)], check=True, timeout=60 * lectern_test.PATIENCE)
    return path


def play():
    return {"/live": f"( filesrc location={clip()} ! qtdemux name=d d.video_0 ! queue ! h264parse ! "
                     "rtph264pay config-interval=-1 name=pay0 d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 )"}


def shifts(path, seconds=None):
    """How much later the clip's frames are in PATH (its first SECONDS), by medium: the middle one,
    in seconds."""
    source, got = link.read_clip(clip()), link.read_clip(path)
    found = {}
    for media in (link.VIDEO, link.AUDIO):
        frames = {packet.data[-48:]: packet.pts for packet in source.of(media)}
        all_of = sorted(packet.pts - frames[packet.data[-48:]] for packet in got.of(media)
                        if packet.data[-48:] in frames
                        and (seconds is None or packet.pts < seconds * link.SECOND))
        found[media] = all_of[len(all_of) // 2] / link.SECOND
    return found


class Misleading:
    """A server that lets a stream be recorded, and has its packets sent to 127.0.0.9."""

    def __init__(self, test):
        self.ports = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        self.ports[0].bind(("127.0.0.9", 0))
        self.ports[1].bind(("127.0.0.9", self.ports[0].getsockname()[1] ^ 1))
        self.first = min(port.getsockname()[1] for port in self.ports)
        self.socket = socket.create_server(("127.0.0.1", 0))
        for each in (self.socket, *self.ports):
            test.addCleanup(each.close)
        self.url = f"rtsp://127.0.0.1:{self.socket.getsockname()[1]}/in"
        self.methods = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rb") as words:
            while line := words.readline().decode():
                self.methods.append(line.split()[0])
                headers = {}
                while ":" in (line := words.readline().decode()):
                    headers[line.partition(":")[0].lower()] = line.partition(":")[2].strip()
                words.read(int(headers.get("content-length", 0)))
                more = {"OPTIONS": "Public: OPTIONS, ANNOUNCE, SETUP, RECORD, TEARDOWN\r\n",
                        "SETUP": f"Session: 1\r\nTransport: {headers.get('transport')};destination=127.0.0.9;"
                                 f"server_port={self.first}-{self.first + 1}\r\n"}
                connection.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n"
                                   f"{more.get(self.methods[-1], '')}\r\n".encode())

    def heard(self):
        return bool(select.select(self.ports, [], [], 0)[0])


class Carrier(lectern_test.TestCase):
    def remote(self, *args, **options):
        server = rtsp_server.Server(*args, **options)
        self.addCleanup(server.stop)
        return server

    def check_sync(self, path, most=0.04, seconds=None):
        found = shifts(path, seconds)
        self.assertLess(abs(found[link.VIDEO] - found[link.AUDIO]), most)

    def record(self, url, name, seconds=2):
        path = folder() / name
        subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-i", url, "-t", str(seconds),
                        "-c", "copy", str(path)], check=True, timeout=30 * lectern_test.PATIENCE)
        return path

    def test_a_camera_is_watched(self):
        remote = self.remote(play(), user="anna", password="geheim")
        for transport in ("tcp", "udp"):
            with self.subTest(transport):
                edge = carry.server(self, "pull", "live/a", remote.url("/live", host="anna:geheim@localhost"),
                                    {"carry.transport": transport})
                edge.wait_live("live/a")
                self.check_sync(self.record(edge.flv_url("live/a"), f"{transport}.flv"))
                lectern_test.wait_for(lambda: "jitter" in str(edge.stream("live/a")), what="its jitter")
                self.assertNotIn("geheim", edge.log())
                edge.stop()

    def test_over_tls_from_a_trusted_server(self):
        certificate, key = lectern_test.certificate()
        remote = self.remote(play(), tls=(certificate, key))
        url = remote.url("/live", host="localhost")
        edge = carry.server(self, "pull", "live/a", url, {"server.ca-file": certificate})
        edge.wait_live("live/a")
        stranger = carry.server(self, "pull", "live/a", url)
        stranger.wait_log("ended 'live/a' after nothing")

    def test_a_crash_is_no_end(self):
        remote = self.remote(play())
        edge = carry.server(self, "pull", "live/a", remote.url("/live"))
        edge.wait_live("live/a")
        remote.process.kill()
        edge.wait_log("ended 'live/a' after media: .*")
        edge.wait_log("code: (closed|failed)")

    def test_refusals(self):
        remote = self.remote(play(), user="anna", password="geheim")
        for url, code in ((remote.url("/live", host="anna:falsch@127.0.0.1"), "denied"),
                          (remote.url("/none", host="anna:geheim@127.0.0.1"), "not-found"),
                          ("rtsp://127.0.0.1:1/live?key=geheim", "failed"),
                          ("rtsp://no-such-host.invalid/live", "not-found")):
            with self.subTest(url):
                edge = carry.server(self, "pull", "live/a", url)
                edge.wait_log(f"code: {code}")
                for secret in ("geheim", "falsch"):
                    self.assertNotIn(secret, edge.log())

    def test_addresses_that_may_not_be_used(self):
        edge = carry.server(self, "pull", "live/a", "rtsp://localhost:1/live", {"carry.loopback": "false"})
        edge.wait_log("code: denied")

    def test_ours_is_brought_to_another_server(self):
        for transport in ("tcp", "udp"):
            with self.subTest(transport):
                path = folder() / f"pushed-{transport}.mkv"
                remote = self.remote(record={"/in": RECORD.format(path)}, user="anna", password="geheim")
                origin = carry.server(self, "push", "live/a", remote.url("/in", host="anna:geheim@127.0.0.1"),
                                      {"carry.transport": transport})
                with self.teacher(origin, "live/a"):
                    origin.wait_log("carrying 'live/a'")
                    lectern_test.wait_for(lambda: path.exists() and path.stat().st_size > 100000, 20, "a recording")
                origin.wait_log("ended 'live/a' after media: in order")
                self.assertNotIn("geheim", origin.log())

    def test_packets_go_to_no_other_address(self):
        remote = Misleading(self)
        origin = carry.server(self, "push", "live/a", remote.url, {"carry.transport": "udp"},
                              allow=["wants packets", "push of"])
        with self.teacher(origin, "live/a"):
            origin.wait_log("wants packets to be sent to '127.0.0.9'")
            origin.wait_log("code: denied")
        self.assertIn("SETUP", remote.methods)
        self.assertFalse(remote.heard())

    # our own server

    def teacher(self, server, name):
        return lectern_test.Push(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-i",
                                  str(clip()), "-c", "copy", "-f", "flv", server.push_url(name)])

    def test_from_ours_to_ours(self):
        origin = self.server(tls=True)
        with self.teacher(origin, "live/a"):
            origin.wait_live("live/a")
            secure = f"rtsps://localhost:{origin.port('rtsps')}/live/a"
            edges = [carry.server(self, "pull", "live/b", url,
                                  {"carry.transport": transport, "server.ca-file": origin.certificate})
                     for transport, url in (("tcp", origin.play_url("live/a", "rtsp")),
                                            ("udp", origin.play_url("live/a", "rtsp")), (None, secure))]
            for edge in edges:
                edge.wait_live("live/b")
            for number, edge in enumerate(edges):
                self.check_sync(self.record(edge.flv_url("live/b"), f"ours-{number}.flv"))
        # In order: the publisher unpublished.
        for edge in edges:
            edge.wait_log("ended 'live/b' after media: in order")

    def test_to_ours_from_ours(self):
        target = self.server()
        for transport in ("tcp", "udp"):
            with self.subTest(transport):
                name = f"live/{transport}"
                origin = carry.server(self, "push", "live/a", target.push_url(name, scheme="rtsp"),
                                      {"carry.transport": transport})
                with self.teacher(origin, "live/a"):
                    target.wait_live(name)
                    path = self.record(target.flv_url(name), f"to-{transport}.flv")
                    self.check_sync(path)
                    self.check_sync(path, 0.02, seconds=0.2)
                origin.wait_log("ended 'live/a' after media: in order")
                lectern_test.wait_for(lambda: not target.stream(name), what="the end")

    def test_not_from_where_it_came(self):
        port = lectern_test.free_port()
        edge = carry.server(self, "pull", "live/a", f"rtsp://127.0.0.1:{port}/live/a",
                            {"rtsp.listen": f"127.0.0.1:{port}"})
        edge.wait_log("code: (conflict|failed|denied)")


lectern_test.main()
