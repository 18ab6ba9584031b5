# SPDX-License-Identifier: LGPL-2.1-or-later
"""Renditions of live streams: which there are, what plays, and what becomes of them in trouble."""

import itertools
import os
import re
import signal
import struct
import subprocess
import threading
import time

import lectern_test
import link
import rtmp

NAME = "live/a"
JOB = f"transcode {NAME}"
LADDER = "720p:1800k;120p:150k;90p:80k;audio:32k"
SHORT = {"media.grace": "1s"}
# GStreamer's list of elements is made once for all servers here.
ENVIRONMENT = {"GST_REGISTRY": str(lectern_test.temporary_directory() / "registry")}
AUDIO, VIDEO = 8, 9
# Without a second track ffprobe would look for one for long.
QUICK = ("-analyzeduration", "300000")


class Viewer:
    """Reads an FLV stream in the background: (when, ms, whether key) of pictures, ms of sounds."""

    def __init__(self, server, name):
        self.raw = lectern_test.Raw(server.http_port)
        self.raw.send(f"GET /{name}.flv HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        status = self.raw.head()[0]
        if status != 200:
            raise AssertionError(f"{name}: {status}")
        self.pictures, self.sounds, self.configs = [], [], 0
        self.ended = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            self.raw.exactly(13)
            while True:
                head = self.raw.exactly(11)
                body = self.raw.exactly(int.from_bytes(head[1:4], "big") + 4)
                stamp = int.from_bytes(head[7:8] + head[4:7], "big")
                if head[0] == AUDIO and body[1] == 1:
                    self.sounds.append(stamp)
                elif head[0] == VIDEO and body[1] == 1:
                    offset, = struct.unpack("!i", body[2:5] + b"\0")
                    self.pictures.append((time.monotonic(), stamp + (offset >> 8), body[0] >> 4 == 1, stamp))
                elif head[0] == VIDEO:
                    self.configs += 1
        except (AssertionError, OSError):
            self.ended = True

    def wait(self, count, timeout=20):
        lectern_test.wait_for(lambda: len(self.pictures) >= count, timeout, f"{count} pictures")
        return self

    def wait_keys(self, count, timeout=20):
        lectern_test.wait_for(lambda: len(self.keys()) >= count, timeout, f"{count} key frames")
        return self.keys()

    def keys(self):
        return [pts for _, pts, key, _ in self.pictures if key]

    def next_after(self, moment, timeout=20):
        return lectern_test.wait_for(lambda: next((p for p in self.pictures if p[0] > moment), None),
                                     timeout, "the next picture")

    def close(self):
        self.raw.close()


def attributes(line):
    return dict(re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line.split(":", 1)[1]))


class Transcode(lectern_test.TestCase):
    def serve(self, settings=None, **options):
        return self.server(settings={"plugins.transcode": "true", "transcode.ladder": LADDER, **SHORT,
                                     **(settings or {})}, env=ENVIRONMENT, **options)

    def push(self, server, name=NAME, **options):
        push = lectern_test.ffmpeg_push(server.push_url(name), **options)
        self.addCleanup(push.stop)
        return push

    def view(self, server, name):
        viewer = Viewer(server, name)
        self.addCleanup(viewer.close)
        return viewer

    def names(self, server):
        return sorted(stream["name"] for stream in server.json("/api/v1/streams")["streams"]
                      if stream["state"] == "live")

    def check_order(self, viewer):
        """Times only grow, of pictures in the order of decoding, and of sounds."""
        for stamps in ([picture[3] for picture in viewer.pictures], viewer.sounds):
            for before, after in zip(stamps, stamps[1:]):
                self.assertLess(before, after)

    # what there is

    def test_renditions_play_and_end_with_the_source(self):
        server = self.serve({"plugins.hls": "true"})
        push = self.push(server, rate=25)
        for rung in ("120p", "90p", "audio-32k"):
            server.wait_live(f"{NAME}@{rung}")
        self.assertEqual([NAME, f"{NAME}@120p", f"{NAME}@90p", f"{NAME}@audio-32k"], self.names(server))
        source, low = self.view(server, NAME), self.view(server, f"{NAME}@120p")
        for rung, size in (("120p", (214, 120)), ("90p", (160, 90))):
            streams = {s["codec_type"]: s for s in lectern_test.ffprobe(server.flv_url(f"{NAME}@{rung}"))["streams"]}
            self.assertEqual(("h264", *size), tuple(streams["video"][k] for k in ("codec_name", "width", "height")))
            self.assertEqual("aac", streams["audio"]["codec_name"])
        sound, = lectern_test.ffprobe(server.flv_url(f"{NAME}@audio-32k"), args=QUICK)["streams"]
        self.assertEqual("aac", sound["codec_name"])
        played = lectern_test.ffprobe(server.play_url(f"{NAME}@90p"))["streams"]
        self.assertEqual(["aac", "h264"], sorted(stream["codec_name"] for stream in played))
        self.check_presentation(server)
        push.stop()
        for viewer in (source, low):
            lectern_test.wait_for(lambda v=viewer: v.ended, 20, "the end of the viewers")
        lectern_test.wait_for(lambda: self.names(server) == [], 10, "the end of the streams")
        lectern_test.wait_for(lambda: server.workers() == [], 10, "the end of the worker")
        common = {pts for _, pts, _, _ in source.pictures} & {pts for _, pts, _, _ in low.pictures}
        self.assertGreater(len(common), 0.9 * len(low.pictures))
        self.assertEqual({pts for pts in source.keys() if pts in common}, {pts for pts in low.keys() if pts in common})
        self.assertEqual(source.pictures[-1][1], max(pts for _, pts, _, _ in low.pictures))
        self.check_order(low)

    def check_presentation(self, server):
        """The playlist of playlists has the rungs, whose segments begin and last alike."""
        def master():
            status, _, body = server.request("GET", f"/{NAME}/index.m3u8")
            text = body.decode()
            return text if status == 200 and text.count("#EXT-X-STREAM-INF") >= 3 else None
        lines = lectern_test.wait_for(master, 20, "all rungs in the playlist").splitlines()
        rungs = {attributes(line)["RESOLUTION"]: (attributes(line), lines[n + 1]) for n, line in enumerate(lines)
                 if line.startswith("#EXT-X-STREAM-INF") and "RESOLUTION" in line}
        self.assertEqual({"320x180", "214x120", "160x90"}, set(rungs))
        self.assertTrue(all(re.search(r"avc1\.\w{6},mp4a\.40\.2", rung["CODECS"]) for rung, _ in rungs.values()))
        times = {}
        for size, (_, address) in rungs.items():
            times[size] = lectern_test.wait_for(lambda a=address: self.segments(server, a), 20, f"segments of {size}")
        self.assertTrue(set(times["320x180"]) & set(times["160x90"]))
        for number in set(times["320x180"]) & set(times["214x120"]) & set(times["160x90"]):
            self.assertEqual(times["320x180"][number], times["214x120"][number])
            self.assertEqual(times["320x180"][number], times["160x90"][number])

    def segments(self, server, address):
        """{number: (duration as written, time of the first picture shown)}, once there are two."""
        folder = f"/{NAME}/" if not address.startswith("/") else ""
        lines = server.get(folder + address).decode().splitlines()
        number = int(next(line for line in lines if line.startswith("#EXT-X-MEDIA-SEQUENCE")).split(":")[1])
        base = (folder + address.partition("?")[0]).rpartition("/")[0] + "/"
        found, init = {}, b""
        for n, line in enumerate(lines):
            if line.startswith("#EXT-X-MAP"):
                init = server.get(base + attributes(line)["URI"].strip('"'))
            elif line.startswith("#EXTINF"):
                address = next(text for text in lines[n + 1:] if text and not text.startswith("#"))
                found[number] = (line, self.first_time(init + server.get(base + address)))
                number += 1
        return found if len(found) >= 2 else None

    def first_time(self, data):
        done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts", "-of",
                               "csv=p=0", "-"], input=data, capture_output=True, check=True)
        return min(int(text.strip(b",")) for text in done.stdout.split())

    def test_codecs_that_browsers_cannot_play_are_replaced(self):
        source = lectern_test.temporary_directory() / "source.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "5", "-c:v",
                        "libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:keyint=25:log-level=error",
                        "-pix_fmt", "yuv420p", "-tag:v", "hvc1", str(source)], check=True)
        clip = link.read_clip(source)
        server = self.serve()
        self.push(server, "live/s", audio="libspeex", output=["-ar", "16000", "-ac", "1", "-f", "flv"])
        server.wait_live("live/s@90p")
        with rtmp.Client(server.rtmp_port) as client:
            client.connect()
            client.publish(f"a?key={server.key(NAME)}")
            client.send(rtmp.VIDEO, b"\x90hvc1" + clip.tracks[link.VIDEO].config, 0, client.stream)
            sender = threading.Thread(target=self.send_h265, args=(client, clip), daemon=True)
            sender.start()
            server.wait_live(f"{NAME}@180p")
            high = self.view(server, f"{NAME}@180p").wait(10)
            video, = lectern_test.ffprobe(server.flv_url(f"{NAME}@180p"), args=QUICK)["streams"]
            self.assertEqual("h264", video["codec_name"])
            sender.join()
        self.check_order(high)
        kinds = [s["codec_name"] for s in lectern_test.ffprobe(server.flv_url("live/s@90p"))["streams"]]
        self.assertEqual(["aac", "h264"], sorted(kinds))
        sound, = lectern_test.ffprobe(server.flv_url("live/s@audio-32k"), args=QUICK)["streams"]
        self.assertEqual("aac", sound["codec_name"])
        # The picture is the source's own.
        sent, got = self.view(server, "live/s"), self.view(server, "live/s@180p").wait(20)
        self.check_order(got)
        kinds = [s["codec_name"] for s in lectern_test.ffprobe(server.flv_url("live/s@180p"))["streams"]]
        self.assertEqual(["aac", "h264"], sorted(kinds))
        shared = {picture[1] for picture in sent.wait(20).pictures} & {picture[1] for picture in got.pictures}
        self.assertGreater(len(shared), 10)
        os.kill(server.wait_worker("transcode live/s"), signal.SIGKILL)
        count = len(got.sounds)
        lectern_test.wait_for(lambda: len(got.sounds) > count + 50, 20, "sound again")
        self.assertFalse(got.ended)
        self.check_order(got)

    def send_h265(self, client, clip):
        begun = time.monotonic()
        for packet in clip.packets:
            at = packet.dts // link.SECOND * 1000 + packet.dts % link.SECOND // (link.SECOND // 1000)
            time.sleep(max(0, begun + at / 1000 - time.monotonic()))
            client.send(rtmp.VIDEO, (b"\x93hvc1" if packet.key else b"\xa3hvc1") + packet.data, at, client.stream)

    # the source's picture

    def check_two_seconds(self, viewer, rate):
        """Key frames 2 s apart, to the picture."""
        keys = viewer.wait_keys(3)
        for before, after in zip(keys[-3:], keys[-2:]):
            self.assertAlmostEqual(2000, after - before, delta=1000 / rate + 1)

    def test_the_source_is_encoded_when_told(self):
        server = self.serve({"transcode.source": "encode", "transcode.ladder": "90p:80k"})
        self.push(server, gop=0.8)
        server.wait_live(f"{NAME}@180p")
        self.check_two_seconds(self.view(server, f"{NAME}@180p"), 15)
        self.assertEqual([NAME, f"{NAME}@180p", f"{NAME}@90p"], self.names(server))

    def test_the_source_is_encoded_when_its_key_frames_are_far_apart(self):
        server = self.serve({"transcode.ladder": "90p:80k"})
        self.push(server, gop=8)
        server.wait_live(f"{NAME}@90p")
        low = self.view(server, f"{NAME}@90p")
        server.wait_log(f"key frames of '{NAME}' are more than")
        server.wait_live(f"{NAME}@180p")
        high = self.view(server, f"{NAME}@180p")
        self.check_two_seconds(high, 15)
        self.check_two_seconds(low, 15)
        self.check_order(low)
        self.assertFalse(low.ended)
        self.assertTrue(set(high.keys()) & set(low.keys()))

    # when

    def test_only_while_somebody_watches(self):
        server = self.serve({"transcode.when": "watched", "transcode.unwatched": "1s"})
        self.push(server)
        server.wait_live(NAME)
        time.sleep(1.5)  # it must not begin by itself
        self.assertEqual([NAME], self.names(server))
        self.assertEqual([], server.workers())
        viewer = self.view(server, NAME)
        server.wait_live(f"{NAME}@120p")
        other = self.view(server, f"{NAME}@120p").wait(5)
        viewer.close()
        other.wait(len(other.pictures) + 45)  # one who watches a rendition is enough
        other.close()
        lectern_test.wait_for(lambda: self.names(server) == [NAME], 15, "the end of the renditions")
        lectern_test.wait_for(lambda: server.workers() == [], 10, "the end of the worker")

    # trouble

    def test_renditions_outlive_their_worker(self):
        server = self.serve()
        self.push(server, rate=25)
        server.wait_live(f"{NAME}@120p")
        source, low = self.view(server, NAME).wait(25), self.view(server, f"{NAME}@120p").wait(25)
        for _ in range(2):
            pid = server.wait_worker(JOB)
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            time.sleep(0.15)  # what was on its way may still come
            seen = max(pts for _, pts, _, _ in low.pictures)
            back = low.next_after(killed + 0.15)
            self.assertLess(back[0] - killed, 2 * lectern_test.PATIENCE)
            self.assertGreater(back[1], seen)
            self.assertTrue(back[2])
            low.wait(len(low.pictures) + 25)
        self.assertFalse(low.ended)
        self.check_order(low)
        self.check_order(source)
        stamps = [picture[3] for picture in source.pictures]
        self.assertLessEqual(max(after - before for before, after in zip(stamps, stamps[1:])), 41)

    def test_a_slow_machine_loses_the_highest_rung_for_a_while(self):
        # Nothing is too little lag to be slow, and none too much to be calm.
        server = self.serve({"transcode.shed-lag": "0s", "transcode.shed-after": "1s", "transcode.calm-lag": "1m",
                             "transcode.calm-after": "2s", "transcode.profile": "fast", "plugins.hls": "true"})
        self.push(server)
        server.wait_live(f"{NAME}@120p")
        high, low = self.view(server, f"{NAME}@120p"), self.view(server, f"{NAME}@90p")
        server.wait_log(f"'{NAME}@120p' is left out for now: encoding is \\d+ ms behind")
        metrics = server.get("/metrics", server.manager()).decode()
        self.assertRegex(metrics, r'lectern_transcode_rungs\{state="shed"\} 1')
        server.wait_log(f"'{NAME}@120p' is encoded again")
        count = len(high.pictures)
        high.wait(count + 5)
        self.assertFalse(high.ended)
        self.check_order(high)
        self.check_order(low)
        stamps = [picture[1] for picture in high.pictures]
        holes = [n for n in range(1, len(stamps)) if stamps[n] - stamps[n - 1] > 500]
        self.assertTrue(holes)
        self.assertTrue(high.pictures[holes[0]][2])
        stamps = sorted(picture[1] for picture in low.pictures)
        self.assertLessEqual(max(after - before for before, after in zip(stamps, stamps[1:])), 67)

    def test_another_size_after_a_reconnection(self):
        server = self.serve({"media.grace": "10s"})
        push = self.push(server, size="320x180")
        server.wait_live(f"{NAME}@120p")
        low = self.view(server, f"{NAME}@120p").wait(15)
        push.kill()
        count = len(low.pictures)
        self.push(server, size="240x100")
        server.wait_live(f"{NAME}@90p")
        lectern_test.wait_for(lambda: f"{NAME}@120p" not in self.names(server), 15, "the end of a rung too large")
        lectern_test.wait_for(lambda: low.ended, 15, "the end of its viewer")
        self.assertGreaterEqual(len(low.pictures), count)
        lectern_test.wait_for(lambda: self.size(server, f"{NAME}@90p") == (216, 90), 15, "the other shape")

    def size(self, server, name):
        streams = lectern_test.ffprobe(server.flv_url(name))["streams"]
        return next((s["width"], s["height"]) for s in streams if s["codec_type"] == "video")

    # settings

    def test_a_source_that_changes_too_often_is_passed_through(self):
        """M-07: each change of the picture would cost a process."""
        folder = lectern_test.temporary_directory()
        pictures = []
        for size in ("160x120", "176x144"):
            file = folder / f"{size}.flv"
            subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10", "-t", "0.1",
                            "-c:v", "libx264", "-pix_fmt", "yuv420p", str(file)], check=True, timeout=30)
            pictures.append([body for kind, _, body in rtmp.flv_tags(file) if kind == VIDEO][:2])
        server = self.serve({"transcode.ladder": "90p:80k"})
        client = rtmp.Client(server.rtmp_port)
        self.addCleanup(client.close)
        client.connect()
        client.publish(f"a?key={server.key(NAME)}")
        client.chunk_size(0x100000)
        sent = itertools.count()

        def is_given_up():
            # Who comes late to the stream sees the newest picture alone, so one burst may be no change.
            for i in itertools.islice(sent, 20):
                for body in pictures[i % 2]:
                    client.send(VIDEO, body, 1000 + 40 * i, client.stream)
            return "passed through only: its codec or picture changes too often" in server.log()
        lectern_test.wait_for(is_given_up, 20, "the end of patience")
        lectern_test.wait_for(lambda: server.workers() == [], 10, "the end of the worker")
        self.assertEqual("live", server.stream(NAME)["state"])

    def test_ladders_that_cannot_be_are_refused(self):
        hint = "; a rung is like 480p:800k or audio:64k"
        cases = {"480p": "'480p' has no bit rate",
                 ":800k": "':800k' has no bit rate",
                 "480p:7k": "'480p:7k' must have a bit rate from 10k to 100M",
                 "audio:1M": "'audio:1M' must have a bit rate from 8k to 512k",
                 "480p:fast": "'480p:fast' must have a bit rate from 10k to 100M",
                 "480:800k": "'480:800k' names no height",
                 "481p:800k": "'481p:800k' must have an even height from 64 to 4320",
                 "62p:800k": "'62p:800k' must have an even height from 64 to 4320",
                 "480p:800k;480p:700k": "'480p:700k' is there twice",
                 "audio:64k;audio:32k": "'audio:32k' is there twice",
                 "1080p:1M;720p:1M;480p:1M;360p:1M;240p:1M;180p:1M;120p:1M": "'120p:1M' is one rung too many: at most six"}
        for ladder, text in cases.items():
            with self.subTest(ladder), self.serve({"transcode.ladder": ladder, "server.required": "rtmp"},
                                                  allow=["transcode"]) as server:
                self.assertIn(f"[transcode] ladder: {text}{hint}", server.log())


lectern_test.main()
