# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pull job, spoken to over its link: streams of real RTSP servers and hostile ones, files over
and over. What comes out is compared with the file that the server plays, byte by byte and time by
time."""

import functools
import os
import signal
import socket
import subprocess
import threading
import time

import lectern_test
import link
import rtsp_server

PROGRAM = str(lectern_test.BUILD_DIR / "pipelines/lectern-worker")
PATIENCE = lectern_test.PATIENCE
MS = link.SECOND // 1000
PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]
# Noise, of which no two frames are alike.
TONE = ["-f", "lavfi", "-i", "anoisesrc=seed=1:amplitude=0.3:sample_rate=48000"]
X264 = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-g", "25"]
X265 = ["-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
        "log-level=none:keyint=25:bframes=2"]
AAC = ["-c:a", "aac"]
H264_PAYLOADER = "queue ! h264parse ! rtph264pay config-interval=-1 pt=96"
AAC_PAYLOADER = "queue ! aacparse ! rtpmp4gpay pt=97"


@functools.lru_cache(maxsize=None)
def folder():
    return lectern_test.temporary_directory()


@functools.lru_cache(maxsize=None)
def make(name, *args, seconds=8):
    path = folder() / name
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", *args, "-t",
                    str(seconds), str(path)], check=True, timeout=60 * PATIENCE)
    return path


def reordered():
    """H.264 with B-frames, and AAC."""
    return make("reordered.mp4", *PICTURE, *TONE, *X264, "-bf", "2", *AAC)


def mount(path, *payloaders, demuxer="qtdemux"):
    """A launch line that plays PATH: first picture, then sound."""
    pads = ["video", "audio"][-len(payloaders):] if len(payloaders) == 1 else ["video", "audio"]
    branches = " ".join(f"d.{pad}_0 ! {payloader} name=pay{number}"
                        for number, (pad, payloader) in enumerate(zip(pads, payloaders)))
    return f"( filesrc location={path} ! {demuxer} name=d {branches} )"


class FakeServer:
    """Answers each request with ANSWER (request); says nothing when there is none."""

    def __init__(self, answer=None, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.answer = answer
        threading.Thread(target=self._run, daemon=True).start()

    def url(self):
        return f"rtsp://{self.listener.getsockname()[0]}:{self.port}/live"

    def _run(self):
        while True:
            connection, _ = self.listener.accept()
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            while request := connection.recv(4096):
                if self.answer:
                    connection.sendall(self.answer(request))
        except OSError:
            pass


def number_of(request):
    return next(line for line in request.split(b"\r\n") if line.lower().startswith(b"cseq"))


class Pull(lectern_test.TestCase):
    timeout = 60

    def worker(self, parameters, **allowed):
        log = open(folder() / "log", "ab")
        self.addCleanup(log.close)
        worker = link.Worker(PROGRAM, "pull", parameters, log, **allowed)
        self.addCleanup(worker.close)
        return worker

    def rtsp(self, url, **parameters):
        return self.worker({"url": url, "transport": "tcp", **parameters}, network=True)

    def serve(self, *args, **options):
        server = rtsp_server.Server(*args, **options)
        self.addCleanup(server.stop)
        return server

    def together(self, workers, condition, what):
        """Until CONDITION holds for each of them, all of which are listened to."""
        end = time.monotonic() + 30 * PATIENCE
        while waiting := [worker for worker in workers if not condition(worker)]:
            for worker in workers:
                worker.step(0.01 / len(workers))
            if time.monotonic() > end or any(worker.closed for worker in waiting):
                self.fail(f"no {what}: {[worker.failure for worker in waiting]}")

    def until_packets(self, worker, count):
        worker.until(lambda: len(worker.packets[0]) >= count, 30 * PATIENCE, f"{count} packets")

    def check_order(self, packets):
        for media in (link.VIDEO, link.AUDIO):
            lane = [packet for packet in packets if packet.media == media]
            for before, after in zip(lane, lane[1:]):
                self.assertLess(before.dts, after.dts)
            for packet in lane:
                self.assertLessEqual(packet.dts, packet.pts)
            if lane:
                self.assertTrue(lane[0].key)

    def shifts(self, source, packets, media):
        """How much later each packet is shown than in SOURCE. Parsers may put parameter sets before a
        frame, so frames are known by their ends."""
        frames = {packet.data[-48:]: packet for packet in source.of(media)}
        shifts = []
        for packet in packets:
            if packet.media == media:
                original = frames[packet.data[-48:]]
                self.assertEqual(original.key, packet.key)
                shifts.append(packet.pts - original.pts)
        return shifts

    def check_sync(self, path, packets):
        """Picture and sound have the source's distances, and are where they were to each other."""
        source = link.read_clip(path)
        video = self.shifts(source, packets, link.VIDEO)
        audio = self.shifts(source, packets, link.AUDIO)
        for shifts in (video, audio):
            self.assertGreater(len(shifts), 20)
            self.assertLess(max(shifts) - min(shifts), 2 * MS)
        self.assertLess(abs(video[-1] - audio[-1]), 40 * MS)
        self.check_order(packets)

    # RTSP

    def test_picture_and_sound_come_as_they_were(self):
        path = reordered()
        server = self.serve({"/live": mount(path, H264_PAYLOADER, AAC_PAYLOADER)})
        workers = {transport: self.rtsp(server.url("/live"), transport=transport)
                   for transport in ("tcp", "udp", "auto")}
        self.together(workers.values(), lambda worker: len(worker.packets[0]) >= 150, "packets")
        for transport, worker in workers.items():
            with self.subTest(transport):
                self.check_sync(path, worker.packets[0])
                self.assertEqual([(link.CODECS["h264"], 320, 180), (link.CODECS["aac"], 0, 0)],
                                 sorted((t.codec, t.width, t.height) for t in worker.tracks[0]))
                self.assertEqual({48000}, {t.rate for t in worker.tracks[0] if t.media == link.AUDIO})
                self.assertLess(worker.longest_silence, 2.5 * PATIENCE)

    def test_h265(self):
        path = make("h265.mp4", *PICTURE, *TONE, *X265, *AAC, seconds=4)
        server = self.serve({"/live": mount(path, "queue ! h265parse ! rtph265pay config-interval=-1",
                                            AAC_PAYLOADER)})
        worker = self.rtsp(server.url("/live"))
        self.until_packets(worker, 90)
        self.check_sync(path, worker.packets[0])
        self.assertIn(link.CODECS["hevc"], [t.codec for t in worker.tracks[0]])

    def test_sound_of_each_kind(self):
        cases = [("mka", "opus", "libopus", 48000, "matroskademux", "queue ! opusparse ! rtpopuspay"),
                 ("mka", "pcm_alaw", "pcm_alaw", 8000, "matroskademux", "queue ! rtppcmapay"),
                 ("mka", "pcm_mulaw", "pcm_mulaw", 8000, "matroskademux", "queue ! rtppcmupay"),
                 ("mka", "mp3", "libmp3lame", 44100, "matroskademux", "queue ! mpegaudioparse ! rtpmpapay"),
                 ("mp4", "aac", "aac", 44100, "qtdemux", "queue ! aacparse ! rtpmp4apay")]
        paths = {f"/{row}": make(f"{row}-{codec}.{kind}", *TONE, "-c:a", encoder, "-ar", str(rate), "-ac", "1",
                                 seconds=4)
                 for row, (kind, codec, encoder, rate, _, _) in enumerate(cases)}
        server = self.serve({mount_path: mount(path, case[5], demuxer=case[4])
                             for (mount_path, path), case in zip(paths.items(), cases)})
        workers = {mount_path: self.rtsp(server.url(mount_path)) for mount_path in paths}
        self.together(workers.values(), lambda worker: len(worker.packets[0]) >= 20, "packets")
        for (mount_path, path), (_, codec, _, rate, _, _) in zip(paths.items(), cases):
            with self.subTest(codec):
                worker = workers[mount_path]
                track = worker.tracks[0][0]
                self.assertEqual((link.CODECS[codec], rate, 1), (track.codec, track.rate, track.channels))
                if codec == "opus":
                    self.assertEqual(b"OpusHead\1\1", track.config[:10])
                self.check_order(worker.packets[0])
                if not codec.startswith("pcm"):
                    # The first one of Opus loses its pre-skip in the server's parser.
                    shifts = self.shifts(link.read_clip(path), worker.packets[0], link.AUDIO)[1:]
                    self.assertLess(max(shifts) - min(shifts), 2 * MS, shifts)

    def test_a_track_of_another_kind_is_left_out(self):
        server = self.serve({"/live": "( videotestsrc is-live=true ! video/x-raw,width=160,height=90,framerate=25/1 ! "
                             f"x264enc tune=zerolatency speed-preset=ultrafast ! {H264_PAYLOADER} name=pay0 "
                             "audiotestsrc is-live=true ! audioconvert ! rtpL16pay name=pay1 )"})
        worker = self.rtsp(server.url("/live"))
        self.until_packets(worker, 30)
        self.assertEqual([link.VIDEO], [t.media for t in worker.tracks[0]])
        log = (folder() / "log").read_text(errors="replace")
        self.assertIn("a track of kind 'L16' is left out: it is not supported", log)

    def test_numbers_of_loss_and_jitter(self):
        server = self.serve({"/live": mount(reordered(), H264_PAYLOADER, AAC_PAYLOADER)})
        worker = self.rtsp(server.url("/live"), transport="udp")
        worker.until(lambda: worker.messages, 20 * PATIENCE, "statistics")
        message = worker.messages[0][1]
        self.assertEqual("statistics", message["event"])
        self.assertLessEqual(message["lost"], 5)
        self.assertGreaterEqual(message["jitter_ms"], 0)

    def test_a_stream_goes_on_when_packets_are_lost(self):
        lossy = " ! identity drop-probability=0.2"
        server = self.serve({"/live": mount(reordered(), H264_PAYLOADER + lossy, AAC_PAYLOADER + lossy)})
        worker = self.rtsp(server.url("/live"), transport="udp")
        worker.until(lambda: worker.messages and worker.messages[-1][1]["lost"] > 10
                     and worker.newest() > 3 * link.SECOND, 20 * PATIENCE, "three seconds, and losses")
        self.check_order(worker.packets[0])
        self.assertEqual({link.VIDEO, link.AUDIO}, {packet.media for packet in worker.packets[0]})
        self.assertIsNone(worker.failure)

    def test_login(self):
        launch = {"/live": mount(reordered(), H264_PAYLOADER, AAC_PAYLOADER)}
        for basic in (False, True):
            server = self.serve(launch, user="anna", password="geheim", basic=basic)
            with self.subTest(basic=basic):
                worker = self.rtsp(server.url("/live"), user="anna", password="geheim")
                self.until_packets(worker, 10)
                worker.close()
                for wrong in ({}, {"user": "anna", "password": "falsch"}):
                    self.assertEqual("denied", self.failure(self.rtsp(server.url("/live"), **wrong)))
                self.assertEqual("not-found", self.failure(self.rtsp(server.url("/none"), user="anna",
                                                                     password="geheim")))
        self.assertNotIn("geheim", (folder() / "log").read_text(errors="replace"))

    def test_tls(self):
        certificate, key = lectern_test.certificate()
        server = self.serve({"/live": mount(reordered(), H264_PAYLOADER, AAC_PAYLOADER)},
                            tls=(certificate, key))
        named = {"addresses": ["127.0.0.1"], "ca_file": str(certificate)}
        url = server.url("/live", host="localhost")
        worker = self.worker({"url": url, **named}, network=True, read=str(certificate))
        self.until_packets(worker, 60)
        self.check_order(worker.packets[0])
        worker.close()
        # Another name than the certificate's; and nobody that the system trusts.
        other = self.worker({"url": server.url("/live", host="other.example"), **named}, network=True,
                            read=str(certificate))
        self.assertEqual("failed", self.failure(other))
        self.assertEqual("failed", self.failure(self.rtsp(url, addresses=["127.0.0.1"])))

    NAMES = ["failed", "invalid-config", "invalid-data", "not-found", "not-supported", "denied", "conflict",
             "limit", "timed-out", "closed"]

    def failure(self, worker):
        worker.until(lambda: worker.failure, 20 * PATIENCE, "failure")
        worker.close()
        return self.NAMES[worker.failure["code"]]

    def test_a_silent_server_is_left(self):
        worker = self.rtsp(FakeServer().url(), timeout_ms=1000)
        self.assertIn(self.failure(worker), ("timed-out", "failed"))

    def test_a_server_that_falls_silent_is_left(self):
        server = self.serve({"/live": mount(reordered(), H264_PAYLOADER, AAC_PAYLOADER)})
        workers = [self.rtsp(server.url("/live"), transport=transport, timeout_ms=2000)
                   for transport in ("tcp", "udp")]
        self.together(workers, lambda worker: len(worker.packets[0]) >= 30, "packets")
        server.process.send_signal(signal.SIGSTOP)
        self.together(workers, lambda worker: worker.failure, "end")
        for worker in workers:
            self.assertEqual("timed-out", self.failure(worker))

    def test_a_server_that_is_gone_is_told(self):
        server = self.serve({"/live": mount(reordered(), H264_PAYLOADER, AAC_PAYLOADER)})
        worker = self.rtsp(server.url("/live"))
        self.until_packets(worker, 60)
        server.process.kill()
        self.assertIn(self.failure(worker), ("closed", "failed"))

    def test_the_end_of_a_stream_is_told(self):
        path = make("short.mp4", *PICTURE, *TONE, *X264, *AAC, seconds=1)
        server = self.serve({"/live": mount(path, H264_PAYLOADER, AAC_PAYLOADER)})
        worker = self.rtsp(server.url("/live"))
        worker.until(lambda: worker.done, 20 * PATIENCE, "end")
        self.assertIsNone(worker.failure)

    def test_servers_are_told_who_we_are(self):
        heard = []
        server = FakeServer(lambda request: heard.append(request) or b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.failure(self.rtsp(server.url(), user_agent="Lectern/1\r\nX: y", via="a-1,b_2"))
        self.assertIn(b"\r\nUser-Agent: Lectern/1__X_ y\r\nLectern-Via: a-1,b_2\r\n", heard[0])

    def test_what_is_no_rtsp_is_refused(self):
        def other(request):
            return b"RTSP/1.0 200 OK\r\n" + number_of(request) + b"\r\nContent-Type: application/sdp\r\n" \
                b"Content-Length: 7\r\n\r\nv=0\r\n\xff\xfe"
        answers = [lambda _: os.urandom(5000), lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", other]
        for number, answer in enumerate(answers):
            with self.subTest(number):
                self.failure(self.rtsp(FakeServer(answer).url(), timeout_ms=2000))
        unused = lectern_test.free_port()
        self.failure(self.rtsp(f"rtsp://127.0.0.1:{unused}/live"))

    def test_servers_cannot_lead_elsewhere(self):
        inner = FakeServer(host="127.0.0.2")

        def moved(request):
            return b"RTSP/1.0 302 Moved\r\n" + number_of(request) + b"\r\nLocation: " + inner.url().encode() + b"\r\n\r\n"
        self.failure(self.rtsp(FakeServer(moved).url(), timeout_ms=2000))
        self.assertEqual(0, inner.connections)
        self.failure(self.rtsp(f"rtsp://camera.example:{inner.port}/live", addresses=["127.0.0.1"]))
        self.assertEqual(0, inner.connections)
        self.failure(self.rtsp(f"rtsp://camera.example:{inner.port}/live", addresses=["127.0.0.2"], timeout_ms=1000))
        self.assertEqual(1, inner.connections)

    def test_packets_go_to_the_server_alone(self):
        sdp = (b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n"
               b"a=control:track\r\n")

        def answer(source, request):
            kind, head = request.split(b" ", 1)[0], b"RTSP/1.0 200 OK\r\n" + number_of(request) + b"\r\n"
            if kind == b"DESCRIBE":
                return head + b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(sdp) + sdp
            if kind == b"SETUP":
                transport = next(line for line in request.split(b"\r\n") if line.startswith(b"Transport"))
                return head + transport + b";server_port=40000-40001;source=" + source + b"\r\nSession: 1\r\n\r\n"
            return head + b"Public: DESCRIBE, SETUP, PLAY\r\nSession: 1\r\n\r\n"
        for source, code in ((b"127.0.0.2", "denied"), (b"127.0.0.1", "timed-out")):
            with self.subTest(source):
                server = FakeServer(functools.partial(answer, source))
                self.assertEqual(code, self.failure(self.rtsp(server.url(), transport="udp", timeout_ms=2000)))

    def test_what_cannot_be_is_refused(self):
        cases = [({}, "the URL is none of rtsp or rtsps without a user"),
                 ({"url": "http://127.0.0.1/"}, "the URL is none of rtsp or rtsps without a user"),
                 ({"url": "rtsp://u:p@127.0.0.1/"}, "the URL is none of rtsp or rtsps without a user"),
                 ({"url": "rtsp://camera.example/"}, "the host is a name, and stands for no address"),
                 ({"url": "rtsp://127.0.0.1/", "transport": "sctp"}, "no transport 'sctp'"),
                 ({"url": "rtsp://127.0.0.1/", "latency_ms": -1}, "latency_ms is -1, and must be 0 to 10000"),
                 ({"url": "rtsp://127.0.0.1/", "timeout_ms": 1}, "timeout_ms is 1, and must be 1000 to 600000"),
                 ({"path": "/nowhere/at/all"}, None)]
        for parameters, text in cases:
            with self.subTest(text):
                worker = self.worker(parameters, network=True)
                worker.until(lambda: worker.failure, 20 * PATIENCE, "refusal")
                self.assertTrue(worker.failure["refused"])
                if text:
                    self.assertEqual(text, worker.failure["text"])

    # files

    def check_rounds(self, packets, media, rounds, longest):
        """Time goes on in steps no longer than LONGEST milliseconds."""
        times = sorted(packet.pts for packet in packets if packet.media == media)
        for before, after in zip(times, times[1:]):
            self.assertLess(after - before, longest * MS)
        payloads = [packet.data for packet in packets if packet.media == media]
        self.assertGreaterEqual(payloads.count(payloads[2]), rounds)

    def test_files_go_round_and_round(self):
        sound = ["-c:a", "aac", "-ar", "48000"]
        cases = [("mp4", [*X264, "-bf", "2", *sound]), ("flv", [*X264, "-bf", "2", *sound, "-ar", "44100"]),
                 ("mkv", [*X264, "-bf", "2", "-c:a", "libopus"]), ("ts", [*X264, "-bf", "2", *sound]),
                 ("mov", [*X265, "-tag:v", "hvc1", *sound])]
        paths = [make(f"round.{kind}", *PICTURE, *TONE, *arguments, seconds=1) for kind, arguments in cases]
        begun = time.monotonic()
        workers = [self.worker({"path": str(path)}, read=str(path)) for path in paths]
        self.together(workers, lambda worker: worker.newest() > 2.7 * link.SECOND, "rounds")
        took = time.monotonic() - begun
        for path, worker in zip(paths, workers):
            with self.subTest(path.suffix):
                self.check_order(worker.packets[0])
                self.check_rounds(worker.packets[0], link.VIDEO, 3, 130)
                self.check_rounds(worker.packets[0], link.AUDIO, 2, 130)
                self.assertEqual(2, len(worker.tracks[0]))
                self.assertGreater(took, 2.2)
                self.assertLess(took, 4 * PATIENCE)

    def test_once_is_done_at_the_end(self):
        path = make("once.mp4", *PICTURE, *TONE, *X264, *AAC, seconds=1)
        worker = self.worker({"path": str(path), "loop": False}, read=str(path))
        worker.until(lambda: worker.done, 30 * PATIENCE, "end")
        self.assertEqual(25, len([p for p in worker.packets[0] if p.media == link.VIDEO]))

    def test_files_that_cannot_be_carried_are_refused(self):
        text = folder() / "text.mp4"
        text.write_text("this is no film " * 50)
        worker = self.worker({"path": str(text)}, read=str(text))
        self.assertEqual("not-supported", self.failure(worker))
        broken = folder() / "broken.mp4"
        broken.write_bytes(reordered().read_bytes()[:300])
        self.failure(self.worker({"path": str(broken)}, read=str(broken)))
        still = make("still.mkv", *PICTURE, "-c:v", "vp9", "-cpu-used", "8", seconds=0.2)
        worker = self.worker({"path": str(still)}, read=str(still))
        self.assertEqual("not-supported", self.failure(worker))
        # Only what the spec names can be read.
        self.failure(self.worker({"path": str(reordered())}, read=str(text)))


lectern_test.main()
