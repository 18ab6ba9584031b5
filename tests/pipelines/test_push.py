# SPDX-License-Identifier: LGPL-2.1-or-later
"""The push job, spoken to over its link: real RTSP servers record what it brings, into files."""

import concurrent.futures
import functools
import re
import socket
import subprocess
import threading

import lectern_test
import link
import rtsp_server

PROGRAM = str(lectern_test.BUILD_DIR / "pipelines/lectern-worker")
PATIENCE = lectern_test.PATIENCE
MS = link.SECOND // 1000
PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]
# Noise, of which no two frames are alike.
TONE = ["-f", "lavfi", "-i", "anoisesrc=seed=1:amplitude=0.3:sample_rate=48000"]
H264 = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "0"]
H265 = ["-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
        "log-level=none:keyint=25:bframes=0"]
RECORD = {"h264": "rtph264depay name=depay{} ! h264parse ! video/x-h264,stream-format=avc,alignment=au",
          "hevc": "rtph265depay name=depay{} ! h265parse ! video/x-h265,stream-format=hvc1,alignment=au",
          "aac": "rtpmp4gdepay name=depay{} ! aacparse", "opus": "rtpopusdepay name=depay{} ! opusparse",
          "mp3": "rtpmpadepay name=depay{} ! mpegaudioparse", "pcm_alaw": "rtppcmadepay name=depay{}",
          "pcm_mulaw": "rtppcmudepay name=depay{}"}
CODECS = {number: name for name, number in link.CODECS.items()}
KINDS = ["failed", "invalid-config", "invalid-data", "not-found", "not-supported", "denied", "conflict",
         "limit", "timed-out", "closed"]


@functools.lru_cache(maxsize=None)
def folder():
    return lectern_test.temporary_directory()


@functools.lru_cache(maxsize=None)
def clip(name, *args, seconds=3):
    path = folder() / name
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", *args, "-t",
                    str(seconds), str(path)], check=True, timeout=60 * PATIENCE)
    return link.read_clip(path, 100)


def plain():
    return clip("plain.mp4", *PICTURE, *TONE, *H264, "-c:a", "aac")


def recorder(source, path):
    """A launch line that writes SOURCE's tracks to PATH."""
    names = [CODECS[source.tracks[media].codec] for media in sorted(source.tracks)]
    branches = " ".join(f"{RECORD[name].format(number)} ! queue ! m." for number, name in enumerate(names))
    return f"( {branches} matroskamux name=m ! filesink location={path} buffer-mode=unbuffered )"


class Front:
    """Stands before the server at PORT, until it hangs up; then it hangs up on whoever comes, and
    still hears what is sent."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.server_port = port
        self.connections = []
        self.heard = bytearray()  # of the client
        self.over = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            client, _ = self.listener.accept()
            self.connections.append(client)
            if self.over:
                client.shutdown(socket.SHUT_WR)
                continue
            server = socket.create_connection(("127.0.0.1", self.server_port))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source, target):
        try:
            while data := source.recv(65536):
                if source in self.connections:
                    self.heard += data
                if not self.over:
                    target.sendall(data)
        except OSError:
            pass

    def packets(self):
        """(channel, packet), in order, of what the client has sent."""
        data = bytes(self.heard)
        while len(data) >= 4:
            if data[0] == ord("$"):
                size = 4 + int.from_bytes(data[2:4], "big")
                if len(data) >= size:
                    yield data[1], data[4:size]
            else:
                head = data.partition(b"\r\n\r\n")[0]
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                size = len(head) + 4 + (int(length[1]) if length else 0)
            data = data[size:]

    def hang_up(self):
        self.over = True
        self.connections[0].shutdown(socket.SHUT_WR)


class Push(lectern_test.TestCase):
    timeout = 60

    def worker(self, url, **parameters):
        log = open(folder() / "log", "ab")
        self.addCleanup(log.close)
        worker = link.Worker(PROGRAM, "push", {"url": url, "transport": "tcp", **parameters}, log, network=True)
        self.addCleanup(worker.close)
        return worker

    def serve(self, *args, **options):
        server = rtsp_server.Server(*args, **options)
        self.addCleanup(server.stop)
        return server

    def shifts(self, source, got, media):
        frames = {packet.data[-48:]: packet for packet in source.of(media)}
        return [packet.pts - frames[packet.data[-48:]].pts for packet in got.of(media)
                if packet.data[-48:] in frames]

    def check(self, source, path):
        """Nearly all is there, in sync."""
        got = link.read_clip(path)
        middles = []
        for media in source.tracks:
            shifts = self.shifts(source, got, media)
            self.assertGreater(len(shifts), len(source.of(media)) * 0.8, (media, len(got.of(media))))
            self.assertEqual(source.tracks[media].codec, got.tracks[media].codec)
            middles.append(sorted(shifts)[len(shifts) // 2])
        self.assertLess(max(middles) - min(middles), 40 * MS)

    def push_all(self, cases):
        """Pushes (name, source, parameters) beside each other, and checks what was recorded."""
        server = self.serve(record={f"/{name}": recorder(source, folder() / f"{name}.mkv")
                                    for name, source, _ in cases})
        workers = [(self.worker(server.url(f"/{name}"), **parameters), source)
                   for name, source, parameters in cases]
        with concurrent.futures.ThreadPoolExecutor(len(workers)) as pool:
            runs = [pool.submit(worker.run, source, 40 * PATIENCE, pace=1) for worker, source in workers]
        for run in runs:
            run.result()
        for (name, source, _), (worker, _) in zip(cases, workers):
            with self.subTest(name):
                self.assertEqual([{"event": "started"}], [message for _, message in worker.messages])
                self.check(source, folder() / f"{name}.mkv")
                self.assertLess(worker.longest_silence, 2.5 * PATIENCE)

    def test_picture_and_sound_arrive(self):
        self.push_all([("tcp", plain(), {}), ("udp", plain(), {"transport": "udp"}),
                       ("auto", plain(), {"transport": "auto"})])

    def test_each_kind_arrives(self):
        def sound(kind, encoder, rate, channels=1):
            return clip(f"{encoder}.{kind}", *TONE, "-c:a", encoder, "-ar", str(rate), "-ac", str(channels))
        self.push_all([("h265", clip("h265.mp4", *PICTURE, *TONE, *H265, "-c:a", "aac"), {}),
                       ("opus", sound("mka", "libopus", 48000, 2), {}), ("mp3", sound("mp3", "libmp3lame", 44100), {}),
                       ("alaw", sound("mka", "pcm_alaw", 8000), {}), ("mulaw", sound("mka", "pcm_mulaw", 8000), {})])

    def start(self, worker, source):
        worker.until(lambda: worker.ready, 20 * PATIENCE, "readiness")
        for track in source.tracks.values():
            worker.put(link.track_frame(track))
        for packet in source.packets:
            worker.put(link.packet_frame(packet))

    def failure(self, worker, source=None):
        self.start(worker, source or plain())
        worker.until(lambda: worker.failure, 20 * PATIENCE, "failure")
        worker.close()
        return KINDS[worker.failure["code"]]

    def test_login_and_paths(self):
        server = self.serve(record={"/in": recorder(plain(), folder() / "login.mkv")}, user="anna", password="geheim")
        login = {"user": "anna", "password": "geheim"}
        worker = self.worker(server.url("/in"), **login)
        self.start(worker, plain())
        worker.until(lambda: worker.messages, 20 * PATIENCE, "start")
        worker.close()
        self.assertIn(self.failure(self.worker(server.url("/in"), user="anna", password="falsch")),
                      ("denied", "failed"))
        self.assertIn(self.failure(self.worker(server.url("/none"), **login)), ("not-found", "failed"))
        self.assertNotIn("geheim", (folder() / "log").read_text(errors="replace"))

    def test_servers_that_are_none(self):
        self.failure(self.worker(f"rtsp://127.0.0.1:{lectern_test.free_port()}/in"))
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        begun = lectern_test.time.monotonic()
        worker = self.worker(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/in", timeout_ms=1000)
        self.assertIn(self.failure(worker), ("timed-out", "failed"))
        self.assertLess(lectern_test.time.monotonic() - begun, 10 * PATIENCE)
        worker = self.worker(f"rtsp://127.0.0.1:{self.garbage()}/in", timeout_ms=2000)
        self.failure(worker)

    def garbage(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def run():
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(bytes(range(256)) * 8)
        threading.Thread(target=run, daemon=True).start()
        return listener.getsockname()[1]

    def test_a_server_that_is_gone_is_told(self):
        server = self.serve(record={"/in": recorder(plain(), folder() / "gone.mkv")})
        worker = self.worker(server.url("/in"))
        self.start(worker, plain())
        worker.until(lambda: worker.messages, 20 * PATIENCE, "start")
        server.process.kill()
        worker.until(lambda: worker.failure or worker.done, 10 * PATIENCE, "end")

    def test_a_server_that_hangs_up_is_told(self):
        """Once, though it would take another connection; and nothing is freed that is still in use."""
        for transport in ("tcp", "udp"):
            with self.subTest(transport):
                server = self.serve(record={"/in": recorder(plain(), folder() / f"up-{transport}.mkv")})
                front = Front(server.port)
                worker = self.worker(f"rtsp://127.0.0.1:{front.port}/in", transport=transport)
                self.start(worker, plain())
                worker.until(lambda: worker.messages, 20 * PATIENCE, "start")
                front.hang_up()
                worker.until(lambda: worker.failure, 10 * PATIENCE, "end")
                self.assertEqual("closed", KINDS[worker.failure["code"]])
                self.assertEqual(1, len(front.connections))
        self.assertNotIn("assertion", (folder() / "log").read_text(errors="replace"))

    def test_reports_go_ahead_and_are_exact(self):
        """So that a server can line sound and picture up from the first packet on."""
        server = self.serve(record={"/in": recorder(plain(), folder() / "reports.mkv")})
        front = Front(server.port)
        worker = self.worker(f"rtsp://127.0.0.1:{front.port}/in")
        self.start(worker, plain())
        worker.until(lambda: worker.messages, 20 * PATIENCE, "start")
        rates, reported, begun = {0: 90000, 2: 48000}, {}, {}
        for channel, packet in front.packets():
            track, number = channel & ~1, int.from_bytes(packet[16:20] if channel & 1 else packet[4:8], "big")
            if channel & 1 and packet[1] == 200:
                reported.setdefault(track, []).append((int.from_bytes(packet[8:16], "big") / 2**32, number))
            elif not channel & 1:
                self.assertEqual({0, 2}, set(reported), "packets before reports")
                begun.setdefault(track, number)
        # What the sender's clock showed at each track's beginning.
        starts = {track: [ntp - ((number - begun[track] + 2**31) % 2**32 - 2**31) / rate
                          for ntp, number in reported[track]] for track, rate in rates.items()}
        for track, found in starts.items():
            self.assertLess(max(found) - min(found), 0.001, track)
        # The sound from before the first picture is left out.
        self.assertTrue(-0.001 < starts[2][0] - starts[0][0] < 0.022, starts)

    def test_what_cannot_be_carried_is_told(self):
        other = clip("vp9.mkv", *PICTURE, "-c:v", "vp9", "-cpu-used", "8", seconds=0.2)
        url = f"rtsp://127.0.0.1:{lectern_test.free_port()}/in"
        self.assertEqual("not-supported", self.failure(self.worker(url), other))
        worker = self.worker("rtsp://camera.example/in")
        worker.until(lambda: worker.failure, 20 * PATIENCE, "refusal")
        self.assertTrue(worker.failure["refused"])

    def test_other_tracks_end_it(self):
        server = self.serve(record={"/in": recorder(plain(), folder() / "other.mkv")})
        worker = self.worker(server.url("/in"))
        self.start(worker, plain())
        worker.until(lambda: worker.messages, 20 * PATIENCE, "start")
        opus = clip("libopus.mka", *TONE, "-c:a", "libopus", "-ar", "48000", "-ac", "2")
        worker.put(link.track_frame(opus.tracks[link.AUDIO]))
        worker.until(lambda: worker.failure, 20 * PATIENCE, "failure")
        self.assertEqual("not-supported", KINDS[worker.failure["code"]])


lectern_test.main()
