# SPDX-License-Identifier: LGPL-2.1-or-later
"""The transcode job, spoken to over its link: what comes out of which source, and when."""

import functools
import subprocess

import lectern_test
import link

PROGRAM = str(lectern_test.BUILD_DIR / "pipelines/lectern-worker")
PATIENCE = lectern_test.PATIENCE
START = 100  # seconds: a worker mostly joins a stream that has been on the air for a while
MS = link.SECOND // 1000
LOW = [{"lane": 1, "width": 160, "height": 90, "bitrate": 100000}]
LADDER = [{"lane": 1, "width": 240, "height": 134, "bitrate": 200000},
          {"lane": 2, "width": 160, "height": 90, "bitrate": 100000}]
# Neither in step with a GOP of the encoder's own nor with seconds.
KEYS = "0,0.6,1.4,1.52,2.8"
# Times that are no whole milliseconds, as MP4 sources and pulled streams have them.
PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"]
TONE = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
X264 = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast"]


@functools.lru_cache(maxsize=None)
def folder():
    return lectern_test.temporary_directory()


@functools.lru_cache(maxsize=None)
def clip(name, *args, seconds=3, start=START):
    path = folder() / name
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", *args, "-t",
                    str(seconds), str(path)], check=True, timeout=60 * PATIENCE)
    return link.read_clip(path, start)


def irregular():
    """H.264 with B-frames, key frames at odd places, AAC."""
    return clip("irregular.mp4", *PICTURE, *TONE, *X264, "-g", "250", "-bf", "2",
                "-force_key_frames", KEYS, "-c:a", "aac")


def slow(seconds=8):
    """A second between key frames, nothing to see: cheap to work on."""
    return clip("plain.flv", "-f", "lavfi", "-i", "color=gray:size=320x180:rate=15", *X264, "-g", "15",
                "-bf", "0", seconds=seconds)


class Transcode(lectern_test.TestCase):
    timeout = 60

    def worker(self, parameters):
        log = open(folder() / "log", "ab")
        self.addCleanup(log.close)
        worker = link.Worker(PROGRAM, "transcode", parameters, log)
        self.addCleanup(worker.close)
        return worker

    def transcode(self, source, pace=None, **parameters):
        worker = self.worker({**source.names(), "shed_for_ms": 60000, **parameters})
        worker.run(source, timeout=50 * PATIENCE, pace=pace)
        return worker

    def check_times(self, source, packets):
        """A rung's frames are the source's, and in order."""
        self.assertEqual(sorted(p.pts for p in source.of(link.VIDEO)), sorted(p.pts for p in packets))
        for before, after in zip(packets, packets[1:]):
            self.assertLess(before.dts, after.dts)
        for packet in packets:
            self.assertLessEqual(packet.dts, packet.pts)

    def keys(self, packets):
        return [packet.pts for packet in packets if packet.key]

    def refused(self, parameters):
        worker = self.worker(parameters)
        worker.until(lambda: worker.failure, 20 * PATIENCE, "refusal")
        self.assertTrue(worker.failure["refused"])
        return worker.failure["text"]

    # picture

    def test_rungs_have_the_source_s_times_and_key_frames(self):
        source = irregular()
        wanted = self.keys(source.of(link.VIDEO))
        self.assertEqual(5, len(wanted))
        for profile in ("camera", "slides", "fast"):
            with self.subTest(profile):
                worker = self.transcode(source, rungs=LADDER, audio_lane=3, profile=profile)
                for lane, rung in ((1, LADDER[0]), (2, LADDER[1])):
                    self.check_times(source, worker.packets[lane])
                    self.assertEqual(wanted, self.keys(worker.packets[lane]))
                    self.assertEqual([(1, rung["width"], rung["height"])],
                                     [(t.codec, t.width, t.height) for t in worker.tracks[lane]])
                self.assertNotIn("shed", [m["event"] for _, m in worker.messages])

    def test_openh264_does_as_well(self):
        source = irregular()
        worker = self.transcode(source, rungs=LADDER, encoder="openh264")
        for lane in (1, 2):
            self.check_times(source, worker.packets[lane])
            self.assertEqual(self.keys(source.of(link.VIDEO)), self.keys(worker.packets[lane]))

    def test_key_frames_at_a_distance_of_their_own(self):
        source = clip("long.mp4", *PICTURE, *X264, "-g", "250", "-bf", "2", seconds=7)
        worker = self.transcode(source, rungs=LADDER, key_ms=2000)
        for lane in (1, 2):
            self.check_times(source, worker.packets[lane])
            keys = self.keys(worker.packets[lane])
            self.assertEqual(4, len(keys))
            for before, after in zip(keys, keys[1:]):
                self.assertTrue(2000 * MS <= after - before <= 2034 * MS, after - before)
        self.assertEqual(self.keys(worker.packets[1]), self.keys(worker.packets[2]))

    def test_viewers_can_go_on_behind_what_they_have(self):
        source = irregular()
        video = sorted(packet.pts for packet in source.of(link.VIDEO))
        worker = self.worker({**source.names(), "rungs": LOW, "shed_for_ms": 60000})
        worker.put(link.message_frame({"resume": video[70]}))
        worker.run(source, 50 * PATIENCE)
        self.assertEqual(sorted({*self.keys(source.of(link.VIDEO)), video[71]}),
                         self.keys(worker.packets[1]))

    def test_h265_and_vp9_sources(self):
        kinds = {"h265.mp4": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                              "log-level=error:bframes=2:keyint=20"],
                 "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "20"],
                 "av1.mp4": ["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "20"]}
        for name, args in kinds.items():
            with self.subTest(name):
                source = clip(name, *PICTURE, "-pix_fmt", "yuv420p", *args, seconds=1.5)
                worker = self.transcode(source, rungs=LOW)
                self.check_times(source, worker.packets[1])
                self.assertEqual(self.keys(source.of(link.VIDEO)), self.keys(worker.packets[1]))
                self.assertEqual(1, worker.tracks[1][0].codec)

    def test_a_change_of_size_within_a_stream_keeps_the_rung_s(self):
        first = irregular()
        second = clip("other.mp4", "-f", "lavfi", "-i", "testsrc2=size=480x360:rate=30", *X264, "-g", "30",
                      "-bf", "2", seconds=1, start=START + 4)
        worker = self.worker({**first.names(), "rungs": LOW, "shed_for_ms": 60000})
        worker.run(first, 40 * PATIENCE, finish=False)
        worker.run(second, 40 * PATIENCE)
        video = first.of(link.VIDEO) + second.of(link.VIDEO)
        self.check_times(link.Clip({}, video), worker.packets[1])
        self.assertEqual(self.keys(video), self.keys(worker.packets[1]))
        self.assertEqual({(160, 90)}, {(track.width, track.height) for track in worker.tracks[1]})

    def test_a_small_picture_has_the_colours_of_the_large_one(self):
        # Without a name, a picture of 720 lines is BT.709 and one of 90 would be BT.601.
        source = clip("large.mp4", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=10", *X264, seconds=0.5)
        worker = self.transcode(source, rungs=LOW)
        path = folder() / "small.h264"
        path.write_bytes(link.annex_b(worker.tracks[1][0], worker.packets[1]))
        video, = lectern_test.ffprobe(path)["streams"]
        self.assertEqual("bt709", video["color_space"])

    # sound

    def test_every_sound_becomes_aac_at_its_time(self):
        kinds = {"aac.mp4": ["-c:a", "aac"],
                 "mp3.flv": ["-c:a", "libmp3lame"],
                 "speex.flv": ["-c:a", "libspeex", "-ar", "16000"],
                 "nelly.flv": ["-c:a", "nellymoser", "-ar", "22050"],
                 "alaw.flv": ["-c:a", "pcm_alaw", "-ar", "8000"],
                 "mulaw.flv": ["-c:a", "pcm_mulaw", "-ar", "8000"],
                 "opus.mkv": ["-c:a", "libopus", "-ar", "48000"]}
        for name, args in kinds.items():
            with self.subTest(name):
                source = clip(name, *TONE, "-ac", "1", *args)
                worker = self.transcode(source, audio_lane=3, audio_bitrate=48000)
                track, = worker.tracks[3]
                self.assertEqual((link.AUDIO, 5, 48000), (track.media, track.codec, track.rate))
                packets, given = worker.packets[3], source.of(link.AUDIO)
                self.assertLessEqual(abs(packets[0].pts - given[0].pts), 40 * MS)
                self.assertLessEqual(abs(packets[-1].pts - given[-1].pts), 80 * MS)
                for before, after in zip(packets, packets[1:]):
                    self.assertAlmostEqual(1024 * link.SECOND / 48000, after.pts - before.pts, delta=MS)
                self.check_tone(track, packets)

    def check_tone(self, track, packets):
        """It is loud: what was decoded is not silence."""
        data = b"".join(self.adts(track, packet.data) + packet.data for packet in packets)
        done = subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-f", "aac", "-i", "-", "-af",
                               "volumedetect", "-f", "null", "-"], input=data, capture_output=True, check=True)
        loud = float(done.stderr.decode().split("max_volume: ")[1].split()[0])
        self.assertGreater(loud, -30)

    def adts(self, track, data):
        index = {48000: 3, 44100: 4}[track.rate]
        size = len(data) + 7
        return bytes([0xff, 0xf1, 0x40 | index << 2 | track.channels >> 2,
                      (track.channels & 3) << 6 | size >> 11, size >> 3 & 255, (size & 7) << 5 | 0x1f, 0xfc])

    # short of CPU

    def test_a_slow_machine_loses_the_highest_rung_until_it_is_calm(self):
        source = slow()
        # Lag is never below nothing: it is slow at once, then calm at once.
        worker = self.worker({**source.names(), "rungs": LADDER, "profile": "fast",
                              "shed_lag_ms": 0, "shed_for_ms": 500, "calm_lag_ms": 60000,
                              "calm_for_ms": 1500})
        worker.run(source, 50 * PATIENCE, pace=1)
        events = [m for _, m in worker.messages if m["event"] in ("shed", "back")]
        self.assertEqual(["shed", "back"], [m["event"] for m in events[:2]])
        self.assertEqual({1}, {m["lane"] for m in events})
        self.check_times(source, worker.packets[2])
        high = worker.packets[1]
        holes = [after for before, after in zip(high, high[1:]) if after.pts - before.pts > 100 * MS]
        self.assertTrue(holes)
        for packet in holes:
            self.assertTrue(packet.key)
            self.assertIn(packet.pts, self.keys(source.of(link.VIDEO)))
        self.assertLess(worker.longest_silence, 2.5 * PATIENCE)

    def test_few_pictures_a_second_are_neither_late_nor_stuck(self):
        # The encoder holds back six seconds of these.
        source = clip("few.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=5", *X264, "-g", "20", "-bf", "2",
                      seconds=9)
        worker = self.worker({**source.names(), "rungs": LADDER, "profile": "slides", "shed_for_ms": 500})
        worker.run(source, 50 * PATIENCE, pace=1)
        self.check_times(source, worker.packets[1])
        self.assertNotIn("shed", [m["event"] for _, m in worker.messages])
        self.assertLess(worker.longest_silence, 2.5 * PATIENCE)

    def test_silence_of_the_source_is_not_silence_of_the_worker(self):
        source = slow()
        worker = self.worker({**source.names(), "rungs": LOW})
        worker.run(link.Clip(source.tracks, source.packets[:2]), 20 * PATIENCE, finish=False)
        worker.until(lambda: worker.ticks >= 2, 20 * PATIENCE, "two signs of life")
        self.assertIsNone(worker.failure)

    # refusals

    def test_what_cannot_be_is_refused(self):
        rung = LOW[0]
        cases = [({}, "nothing to transcode"),
                 ({"video": "h264"}, "nothing to transcode"),
                 ({"audio": "aac"}, "nothing to transcode"),
                 ({"video": "vp6", "rungs": LOW}, "video of kind 'vp6'"),
                 ({"video": "aac", "rungs": LOW}, "video of kind 'aac'"),
                 ({"audio": "ac3", "audio_lane": 3}, "audio of kind 'ac3'"),
                 ({"video": "h264", "rungs": [rung] * 9}, "9 rungs"),
                 ({"video": "h264", "rungs": [1]}, "a rung is no object"),
                 ({"video": "h264", "rungs": [{**rung, "lane": 0}]}, "lane is 0, and must be 1 to 8"),
                 ({"video": "h264", "rungs": [{**rung, "width": 8}]}, "width is 8, and must be 16 to 8192"),
                 ({"video": "h264", "rungs": [{**rung, "bitrate": 1}]},
                  "bitrate is 1, and must be 10000 to 100000000"),
                 ({"video": "h264", "rungs": LOW, "profile": "film"}, "no profile 'film'"),
                 ({"video": "h264", "rungs": LOW, "key_ms": 60001}, "key_ms is 60001, and must be 0 to 60000")]
        for parameters, text in cases:
            with self.subTest(text):
                self.assertEqual(text, self.refused(parameters))


lectern_test.main()
