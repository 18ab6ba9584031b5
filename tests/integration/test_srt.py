# SPDX-License-Identifier: LGPL-2.1-or-later
"""SRT: real callers push, real players watch; those who may not, and those who misbehave."""

import functools
import os
import re
import signal
import socket
import statistics
import subprocess
import time

import lectern_test
import srt

RATE = 25
TS = ("-f", "mpegts")
# Audio and video may be apart by so much, ms.
SYNC = 40
WRAP = 2 ** 33 / 90000


def run(command, timeout=60):
    return subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL,
                          timeout=timeout * lectern_test.PATIENCE).stdout


def make_source(path, video, seconds=5):
    """A clip whose every picture and sound is another: B-frames, noise."""
    codec = {"h264": ["libx264", "-preset", "ultrafast", "-bf", "2"],
             "h265": ["libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2"]}
    run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size=160x90:rate={RATE}",
         "-f", "lavfi", "-i", "anoisesrc=sample_rate=48000:seed=7:amplitude=0.3", "-t", str(seconds),
         "-c:v", *codec[video], "-pix_fmt", "yuv420p", "-g", str(RATE), "-c:a", "aac",
         "-aac_pns", "0", "-b:a", "64k", "-ac", "1", str(path)])


@functools.lru_cache(maxsize=None)
def frames(path):
    """{hash: seconds} for each of picture and sound, decoded."""
    found = [{}, {}]
    for index, kind in enumerate("va"):
        text = run(["ffmpeg", "-v", "error", "-copyts", "-i", str(path), "-map", f"0:{kind}:0",
                    "-fps_mode", "passthrough", "-f", "framemd5", "-"]).decode()
        base = re.search(r"#tb 0: (\d+)/(\d+)", text)
        unit = int(base.group(1)) / int(base.group(2))
        for line in text.splitlines():
            if not line.startswith("#"):
                fields = [field.strip() for field in line.split(",")]
                found[index][fields[5]] = int(fields[2]) * unit
    return found


def offsets(source, output):
    """How much later, in ms, each frame of SOURCE is in OUTPUT: of pictures, of sounds."""
    return [[(theirs[key] - ours[key]) * 1000 for key in theirs if key in ours]
            for ours, theirs in zip(frames(source), frames(output))]


class Srt(lectern_test.TestCase):
    @classmethod
    def setUpClass(cls):
        # GStreamer lists its plugins once, not for each server.
        cls.env = {"GST_REGISTRY": str(lectern_test.temporary_directory() / "registry")}

    def srt(self, settings=None, **options):
        server = self.server(settings={"plugins.srt": "true", "srt.listen": "127.0.0.1:0",
                                       "media.grace": "20s", **(settings or {})},
                             env=self.env, **options)
        if not options.get("allow"):
            server.wait_log("callers are welcome")
        return server

    def url(self, server, name, key=True, extra="", port=None):
        key = server.key(name) if key is True else key
        return (f"srt://127.0.0.1:{port or server.port('srt')}?streamid=publish:{name}"
                f"?key={key}{extra}")

    def push(self, server, name, **options):
        return lectern_test.ffmpeg_push(self.url(server, name, options.pop("key", True),
                                                 options.pop("query", ""),
                                                 options.pop("port", None)),
                                        rate=RATE, output=TS, **options)

    def caller(self, server, stream_id, **options):
        caller = srt.Caller(server.port("srt"), stream_id, **options)
        self.addCleanup(caller.close)
        return caller

    def wait_over(self, caller, timeout=5):
        lectern_test.wait_for(caller.is_over, timeout, "the end of the connection")

    def wait_gone(self, server, name, timeout=10):
        lectern_test.wait_for(lambda: server.stream(name) is None, timeout, "the stream's end")

    def assert_plays(self, server, name, codec="h264"):
        found = lectern_test.ffprobe(server.flv_url(name))["streams"]
        self.assertEqual({codec, "aac"}, {stream["codec_name"] for stream in found})

    def test_is_off_by_default(self):
        server = self.server()
        self.assertNotIn("srt", server.ports)
        self.assertEqual([], server.workers())

    def test_two_callers_on_one_port_and_both_forms_of_the_stream_id(self):
        server = self.srt()
        standard = f"#!::r=live/b,m=publish,u=teacher,s={server.key('live/b')}"
        command = ["gst-launch-1.0", "-q", "videotestsrc", "is-live=true", "!",
                   f"video/x-raw,width=320,height=180,framerate={RATE}/1", "!", "x264enc",
                   "tune=zerolatency", f"key-int-max={RATE}", "!", "mpegtsmux", "name=mux", "!",
                   "srtsink", f"uri=srt://127.0.0.1:{server.port('srt')}", f"streamid={standard}",
                   "audiotestsrc", "is-live=true", "!", "avenc_aac", "!", "mux."]
        with self.push(server, "live/a"), lectern_test.Push(command):
            server.wait_live("live/a")
            server.wait_live("live/b")
            self.assert_plays(server, "live/a")
            self.assert_plays(server, "live/b")
        self.wait_gone(server, "live/a")
        self.assertEqual(1, len(server.workers()))

    def test_other_sounds_are_passed_on_and_a_track_of_no_use_is_left_out(self):
        server = self.srt()
        with self.push(server, "live/mp3", audio="libmp3lame"), \
                self.push(server, "live/opus", audio="libopus",
                          extra=("-ar", "48000")), \
                self.push(server, "live/mp2", audio="mp2"), \
                self.push(server, "live/mute", audio=None), \
                self.push(server, "live/sound", video=None):
            for name, video, audio in (("mp3", "H.264", "MP3"), ("opus", "H.264", "Opus"),
                                       ("mp2", "H.264", None), ("mute", "H.264", None),
                                       ("sound", None, "AAC")):
                def codecs(name=f"live/{name}"):
                    stream = server.wait_live(name)
                    return [(stream[kind] or {}).get("codec") for kind in ("video", "audio")]
                lectern_test.wait_for(lambda: codecs() == [video, audio], 10, f"{name}'s tracks")
            server.wait_log("a track is left out")

    def test_a_bad_network_is_told_of_and_the_stream_goes_on(self):
        server = self.srt({"srt.latency": "200ms"})
        network = srt.Network(server.port("srt"), loss=0.1)
        self.addCleanup(network.close)
        with self.push(server, "live/a", port=network.port):
            server.wait_live("live/a")

            def lost():
                metrics = server.get("/metrics", server.manager()).decode()
                return int(re.search(r"^lectern_srt_lost_packets_total (\d+)", metrics + "\n"
                                     "lectern_srt_lost_packets_total 0", re.MULTILINE).group(1))
            lectern_test.wait_for(lambda: lost() > 10, 20, "losses to be told")
            network.broken = True
            time.sleep(2)  # far longer than the latency
            network.broken = False
            reception = lectern_test.wait_for(
                lambda: (found := server.stream("live/a")["reception"]) and found["lost"] and found,
                20, "packets that never came")
            self.assertGreater(reception["packets"], reception["lost"])
            self.assert_plays(server, "live/a")
            self.assertEqual("live", server.stream("live/a")["state"])
        self.assertNotIn("the worker is lost", server.log())

    def test_packets_bear_the_mark(self):
        server = self.srt({"srt.dscp": "af41"})
        self.assertEqual(34 << 2, srt.greet(server.port("srt")))

    def check_sync(self, source, output, label):
        video, audio = offsets(source, output)
        with self.subTest(label):
            self.assertGreater(len(video), 40, "pictures that were found again")
            self.assertGreater(len(audio), 40, "sounds that were found again")
            self.assertLess(abs(statistics.median(video) - statistics.median(audio)), SYNC)
            for found in (video, audio):
                self.assertLess(max(found) - min(found), 5, "times have moved")
            print(f"# {label}: {len(video)} pictures, {len(audio)} sounds, apart by "
                  f"{statistics.median(video) - statistics.median(audio):.2f} ms")

    def test_pictures_and_sound_stay_together_through_b_frames_the_wrap_and_h265(self):
        server = self.srt()
        folder = lectern_test.temporary_directory()
        rows = (("h264", "h264", ()), ("wrap", "h264", ("-output_ts_offset", f"{WRAP - 3:.3f}")),
                ("h265", "h265", ()))
        pushes, readers = [], []
        for name, codec, extra in rows:
            source = folder / f"{codec}.mp4"
            if not source.exists():
                make_source(source, codec)
            pushes.append(lectern_test.Push(
                ["ffmpeg", "-v", "error", "-re", "-i", str(source), "-c", "copy", *extra, *TS,
                 self.url(server, f"live/{name}")]))
        for name, codec, _ in rows:
            playlist = f"/live/{name}/index.m3u8"
            lectern_test.wait_for(lambda at=playlist: server.request("GET", at)[0] == 200, 20,
                                  playlist)
            outputs = [(f"http://127.0.0.1:{server.http_port}{playlist}", "mp4")]
            if codec == "h264":  # the reader knows no other in FLV
                outputs.append((server.flv_url(f"live/{name}"), "flv"))
            for url, kind in outputs:
                path = folder / f"{name}.out.{kind}"
                readers.append((folder / f"{codec}.mp4", path, name, lectern_test.Push(
                    ["ffmpeg", "-v", "error", "-copyts", "-i", url, "-c", "copy", str(path)])))
        for push in pushes:
            self.assertEqual(0, push.wait(), push.output())
        for source, path, name, reader in readers:
            reader.wait(30)
            self.assertTrue(path.exists(), f"{name}: {reader.output()}")
            self.check_sync(source, path, f"{name} as {path.suffix[1:]}")

    def test_who_may_not_publish_is_closed_and_nobody_else_notices(self):
        server = self.srt()
        with self.push(server, "live/a"):
            server.wait_live("live/a")
            with self.push(server, "live/b", key="wrong-key-nobody-made") as push:
                self.assertNotEqual(0, push.wait(20))
            with self.push(server, "live/a", key="wrong-key-nobody-made") as push:
                self.assertNotEqual(0, push.wait(20))
            server.wait_log(r"lectern-srt: 127.0.0.1:\d+: 'live/b': ")
            self.assertIsNone(server.stream("live/b"))
            self.assertEqual("live", server.stream("live/a")["state"])
            self.assert_plays(server, "live/a")
        self.assertNotIn("wrong-key-nobody-made", server.log())

    def test_the_passphrase_is_asked_for_and_a_reload_changes_it(self):
        secret = lectern_test.temporary_directory() / "passphrase"
        secret.write_text("correct-horse-battery", encoding="ascii")
        secret.chmod(0o600)
        server = self.srt(config=f"[srt]\npassphrase = {secret}\n")
        stream_id = f"publish:live/a?key={server.key('live/a')}"
        for passphrase in (None, "wrong-horse-battery"):
            with self.subTest(passphrase), self.assertRaises(ConnectionError):
                srt.Caller(server.port("srt"), stream_id, passphrase)
        with self.push(server, "live/a", query="&passphrase=correct-horse-battery&pbkeylen=32"):
            server.wait_live("live/a")
            self.assert_plays(server, "live/a")
        secret.write_text("another secret of ours", encoding="ascii")
        server.signal(signal.SIGHUP)

        def connects():
            try:
                srt.Caller(server.port("srt"), stream_id, "another secret of ours").close()
            except ConnectionError:
                return False
            return True
        lectern_test.wait_for(connects, 10, "the new passphrase")
        self.assertNotIn("horse", server.log())

    def test_the_same_key_takes_over(self):
        server = self.srt({"srt.max-publishers": "1"})
        with self.push(server, "live/a", size="320x180") as first:
            server.wait_live("live/a")
            with self.push(server, "live/a", size="160x90"):
                first.wait(20)

                def is_new():
                    stream = server.stream("live/a")
                    return stream and stream["video"] and stream["video"]["width"] == 160
                lectern_test.wait_for(is_new, 10, "the second publisher's picture")
                with self.push(server, "live/b") as third:
                    self.assertNotEqual(0, third.wait(20))
                server.wait_log("as many as .srt. max-publishers allows")
                self.assertEqual("live", server.stream("live/a")["state"])

    def test_one_who_hangs_up_ends_and_one_who_is_lost_may_return(self):
        # The library gives up after 5 s, when what came last has only just been read.
        server = self.srt({"srt.latency": "4500ms"})
        with self.push(server, "live/a") as push:
            server.wait_live("live/a")
            lectern_test.wait_for(lambda: server.stream("live/a")["video"], 15, "a picture")
            push.kill()
            lectern_test.wait_for(lambda: server.stream("live/a")["state"] == "away", 15,
                                  "the loss")
        with self.push(server, "live/a"):
            server.wait_live("live/a")
            self.assert_plays(server, "live/a")
        self.wait_gone(server, "live/a")
        self.assertEqual(1, server.log().count("the publisher of 'live/a' is lost"))

    def test_the_worker_is_back_in_two_seconds_and_other_streams_do_not_notice(self):
        server = self.srt()
        with lectern_test.ffmpeg_push(server.push_url("live/r"), rate=RATE), \
                self.push(server, "live/a") as push:
            server.wait_live("live/a")
            server.wait_live("live/r")
            pid = server.wait_worker("srt")
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            server.wait_log("srt: the worker is back")
            self.assertLess(time.monotonic() - killed, 2 * lectern_test.PATIENCE)
            self.assertEqual("away", server.stream("live/a")["state"])
            self.assertEqual("live", server.stream("live/r")["state"])
            push.kill()
            with self.push(server, "live/a"):
                server.wait_live("live/a")
                self.assert_plays(server, "live/a")

    def test_one_who_sends_too_much_is_sent_away(self):
        server = self.srt({"srt.max-bitrate": "50k"})
        with self.push(server, "live/a") as push:
            server.wait_live("live/a")
            self.assertNotEqual(0, push.wait(20))
        server.wait_log("'live/a': more than 50000 bits a second")

    def test_a_session_can_be_ended(self):
        server = self.srt()
        with self.push(server, "live/a") as push:
            server.wait_live("live/a")
            session = next(each for each in server.json("/api/v1/sessions", server.manager())
                           ["sessions"] if each["stream"] == "live/a")
            self.assertEqual("srt", session["protocol"])
            status, _, _ = server.request("DELETE", f"/api/v1/sessions/{session['id']}",
                                          headers=server.manager())
            self.assertEqual(204, status)
            self.assertNotEqual(0, push.wait(20))
        self.wait_gone(server, "live/a")

    def test_odd_stream_ids_are_turned_away(self):
        server = self.srt()
        for stream_id in (None, b"", b"\xff\xfe"):
            with self.subTest(stream_id), self.assertRaises(ConnectionError) as raised:
                srt.Caller(server.port("srt"), stream_id)
            self.assertEqual((1400,), raised.exception.args)
        server.wait_log(r"127.0.0.1:\d+ is turned away: it gives no stream id")
        server.wait_log("is turned away: its stream id is not UTF-8")
        callers = {}
        for stream_id in ("read:live/a", "live/a", "publish:../a", "#!::r=live/a,m=request",
                          "#!::m=publish", "publish:live/a\r\nHost: x", "publish:" + "a" * 500,
                          "publish:live/a@480p", "#!::" + "," * 500):
            callers[stream_id] = self.caller(server, stream_id)
        for stream_id, caller in callers.items():
            with self.subTest(stream_id):
                self.wait_over(caller)
        self.assertNotIn("\r", server.log())
        self.assertNotIn("the worker is lost", server.log())

    def test_garbage_and_streams_that_go_nowhere_are_cut_off(self):
        server = self.srt({"srt.read-timeout": "1s"})
        null = (bytes([0x47, 0x1f, 0xff, 0x10]) + bytes(184)) * 7
        endless = b"".join(bytes([0x47, 0x01, 0x00, 0x10 | n % 16]) + bytes(184) for n in range(7))
        for name, data, log in (("noise", os.urandom(1316), "is no MPEG transport stream"),
                                ("null", null, "no picture and no sound for 1"),
                                ("endless", endless, "(no picture and no sound for 1|a unit .* is larger)"),
                                ("silent", None, "no picture and no sound for 1")):
            stream = f"live/{name}"
            caller = self.caller(server, f"publish:{stream}?key={server.key(stream)}")
            while not caller.is_over():
                if data is None or not caller.send(data):
                    time.sleep(0.01)
            server.wait_log(f"the publisher of '{stream}' is lost: .*{log}")
        with self.push(server, "live/a"):
            server.wait_live("live/a")
            self.assert_plays(server, "live/a")
        self.assertNotIn("the worker is lost", server.log())

    def test_a_new_programme_takes_the_place_of_the_old_one(self):
        """As when an encoder behind a gateway is set up anew: other PIDs, other times."""
        server = self.srt()
        folder = lectern_test.temporary_directory()
        caller = self.caller(server, f"publish:live/a?key={server.key('live/a')}")
        for width, pid, begin in ((320, 0x100, 9000), (160, 0x200, 20)):
            clip = folder / f"{pid}.ts"
            run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                 f"testsrc2=size={width}x90:rate={RATE}", "-f", "lavfi", "-i", "sine", "-t", "2",
                 "-c:v", "libx264", "-preset", "ultrafast", "-g", str(RATE), "-c:a", "aac",
                 "-output_ts_offset", str(begin), "-mpegts_start_pid", str(pid),
                 "-mpegts_pmt_start_pid", str(pid + 0x1000), *TS, str(clip)])
            data = clip.read_bytes()
            for at in range(0, len(data), 1316):
                self.assertTrue(caller.send(data[at:at + 1316]), server.log())
                time.sleep(0.004)
            lectern_test.wait_for(lambda: (server.stream("live/a")["video"] or {}).get("width")
                                  == width, 10, f"pictures {width} wide")
        self.assertEqual("live", server.stream("live/a")["state"])
        self.assertNotIn("left out", server.log())

    def test_a_flood_of_callers_harms_nobody(self):
        server = self.srt()
        with self.push(server, "live/a"):
            server.wait_live("live/a")
            for number in range(60):
                try:
                    self.caller(server, f"publish:live/x{number}?key=none")
                except ConnectionError as error:
                    self.assertIn(error.args[0], (1402, 6))  # too many, or the backlog is full
            self.assert_plays(server, "live/a")
            self.assertEqual("live", server.stream("live/a")["state"])
        self.assertLess(server.log().count("lectern-srt: 127"), 40)

    def test_a_taken_port_is_named(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            port = other.getsockname()[1]
            with self.assertRaisesRegex(
                    AssertionError, r"exited 4 (.|\n)*cannot receive on UDP "
                    rf"127.0.0.1:{port}: port {port} is held by \w+ \(pid {os.getpid()}\)"):
                self.srt({"srt.listen": f"127.0.0.1:{port}"})

    def test_a_short_passphrase_is_named(self):
        secret = lectern_test.temporary_directory() / "passphrase"
        secret.write_text("short", encoding="ascii")
        secret.chmod(0o600)
        server = self.srt(config=f"[srt]\npassphrase = {secret}\n", allow=["srt"])
        server.wait_log(r"passphrase has 5 bytes: must be 10 to 79")


lectern_test.main()
