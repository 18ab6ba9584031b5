# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTMP by the clients people have, and by a raw one that can see every byte."""

import os
import signal
import struct
import subprocess
import threading
import time

import lectern_test
import rtmp
from lectern_test import PATIENCE, wait_for
from rtmp import AUDIO, COMMAND, CONTROL, DATA, VIDEO

FLV_FILES = lectern_test.SOURCE_DIR / "tests/core/formats/data"
HEVC_CONFIG = bytes.fromhex(
    "0101600000009000000000003cf000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003"
    "003c959809210001002f42010101600000030090000003000003003ca00a080b9f796566924cafff00030004680800"
    "0003000800000300c84022000100074401c172b46240")


def frames(url, seconds=2, args=()):
    """How many (video, audio) frames ffmpeg decodes of URL in so many seconds of media."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", *args, "-i", url, "-t", str(seconds), "-map", "0",
         "-f", "framecrc", "-"],
        capture_output=True, text=True, timeout=40 * PATIENCE)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"ffmpeg {url}: {done.stderr}")
    rows = [line.split(",")[0].strip() for line in done.stdout.splitlines() if line[0] != "#"]
    return rows.count("0"), rows.count("1")


def run(command, timeout=40):
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout * PATIENCE,
                          stdin=subprocess.DEVNULL)


def is_monotonic(messages):
    times = [message.timestamp for message in messages]
    return all(a <= b for a, b in zip(times, times[1:]))


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


class Clients(lectern_test.TestCase):
    """ffmpeg, GStreamer and librtmp, both ways."""

    def test_ffmpeg_publishes_and_plays(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            video, audio = frames(server.play_url("live/a"))
            self.assertGreaterEqual(video, 28)
            self.assertGreaterEqual(audio, 80)
            streams = lectern_test.ffprobe(server.play_url("live/a"))["streams"]
            self.assertEqual(sorted(s["codec_name"] for s in streams), ["aac", "h264"])

    def test_ffmpeg_over_tls(self):
        server = self.server(tls=True)
        with lectern_test.ffmpeg_push(server.push_url("live/a", scheme="rtmps"),
                                      extra=["-tls_verify", "0"]):
            server.wait_live("live/a")
            video, _ = frames(server.play_url("live/a", scheme="rtmps"), args=["-tls_verify", "0"])
            self.assertGreaterEqual(video, 28)
            # What came in encrypted is there for the others.
            self.assertGreaterEqual(frames(server.play_url("live/a"), 1)[0], 14)

    def gst_publish(self, server, extra=()):
        return lectern_test.Push([
            "gst-launch-1.0", "-q", "flvmux", "name=mux", "streamable=true", "!", "rtmp2sink",
            f"location={server.push_url('live/a')}",
            "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=15/1",
            "!", "x264enc", "tune=zerolatency", "speed-preset=ultrafast", "key-int-max=15", "!",
            "h264parse", "!", "queue", "!", "mux.",
            "audiotestsrc", "is-live=true", "!", "audioconvert", "!", "avenc_aac", "!", "aacparse",
            "!", "queue", "!", "mux.", *extra])

    def test_gstreamer_publishes_and_ffmpeg_plays(self):
        server = self.server()
        with self.gst_publish(server):
            server.wait_live("live/a")
            video, audio = frames(server.play_url("live/a"))
            self.assertGreaterEqual(video, 26)
            self.assertGreaterEqual(audio, 60)

    def test_ffmpeg_publishes_and_gstreamer_plays(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            file = lectern_test.temporary_directory() / "video.raw"
            played = run(["gst-launch-1.0", "-q", "rtmp2src", "num-buffers=120",
                          f"location={server.play_url('live/a')}", "!", "flvdemux", "name=demux",
                          "demux.video", "!", "queue", "!", "h264parse", "!", "avdec_h264", "!",
                          "video/x-raw,format=I420", "!", "filesink", f"location={file}",
                          "demux.audio", "!", "queue", "!", "fakesink", "sync=false"])
            self.assertEqual(played.returncode, 0, played.stderr)
            self.assertGreater(file.stat().st_size, 20 * 320 * 180 * 3 // 2)

    def test_rtmpdump_plays_until_the_end(self):
        server = self.server()
        file = lectern_test.temporary_directory() / "dump.flv"
        with lectern_test.ffmpeg_push(server.push_url("live/a"), seconds=4) as push:
            server.wait_live("live/a")
            dump = lectern_test.Push(["rtmpdump", "--live", "-q", "-r",
                                      server.play_url("live/a"), "-o", str(file)])
            self.assertEqual(push.wait(), 0)
            dump.wait(20)
        streams = lectern_test.ffprobe(str(file))["streams"]
        self.assertEqual(sorted(s["codec_name"] for s in streams), ["aac", "h264"])

    def test_ffmpeg_stops_by_itself_when_the_stream_ends(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a"), seconds=3):
            server.wait_live("live/a")
            played = run(["ffmpeg", "-v", "error", "-i", server.play_url("live/a"), "-c", "copy",
                          "-f", "null", "-"], 20)
            self.assertEqual(played.returncode, 0, played.stderr)

    def test_ffmpeg_publishes_across_the_boundary_of_three_bytes(self):
        """T-01: frames of several chunks, their times extended from the second second on."""
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a"), size="640x360", rate=10,
                                      extra=["-qp", "4", "-output_ts_offset", "16776"]):
            server.wait_live("live/a")
            video, audio = frames(server.play_url("live/a"), 5)
            self.assertGreaterEqual(video, 45)
            self.assertGreaterEqual(audio, 190)

    def test_digest_handshake(self):
        server = self.server()
        for scheme in (0, 1):
            with rtmp.Client(server.rtmp_port, digest=scheme) as client:
                self.assertTrue(rtmp.digest_is_right(client.first))
                client.connect()
        with rtmp.Client(server.rtmp_port) as client:
            self.assertEqual(client.first[4:8], bytes(4))


def flv_tags(path):
    """(kind, time, body) of each audio and video tag."""
    data = path.read_bytes()
    at, tags = 13, []
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        stamp = int.from_bytes(data[at + 4:at + 7], "big")
        if data[at] in (AUDIO, VIDEO) and size > 1:
            tags.append((data[at], stamp, data[at + 11:at + 11 + size]))
        at += 11 + size + 4
    return tags


class Late(lectern_test.TestCase):
    """T-01: a lesson of more than 4 h 40 min, whose times no longer fit into three bytes, with frames
    of several chunks."""

    def setUp(self):
        self.folder = lectern_test.temporary_directory()
        file = self.folder / "large.flv"
        made = run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                    "nullsrc=size=640x360:rate=15,geq=random(1)*255:128:128", "-f", "lavfi", "-i",
                    "sine", "-t", "1", "-c:v", "libx264", "-preset", "ultrafast", "-tune",
                    "zerolatency", "-crf", "10", "-g", "5", "-pix_fmt", "yuv420p", "-c:a", "aac",
                    str(file)])
        self.assertEqual(made.returncode, 0, made.stderr)
        self.tags = flv_tags(file)
        self.assertGreater(max(len(body) for _, _, body in self.tags), 100000)
        self.one = self.server()
        self.client = rtmp.Client(self.one.rtmp_port)
        self.client.connect()
        self.client.publish(f"a?key={self.one.key('live/a')}")
        self.client.chunk_size(0x100000)
        self.wind_forward()
        self.going = True
        self.thread = threading.Thread(target=self.push, daemon=True)
        self.thread.start()

    def tearDown(self):
        self.going = False
        self.thread.join()

    def send(self, kind, stamp, body):
        self.client.send(kind, body, stamp, self.client.stream)

    def wind_forward(self):
        """Steps as long as the server takes for a pause, not for a jump."""
        for kind, _, body in self.tags[:2]:
            self.send(kind, 0, body)
        tiny = b"\x17\x01\0\0\0\0\0\0\x02\x65\x88"
        for stamp in range(0, 0xffffff, 2900):
            self.send(VIDEO, stamp, tiny)
        self.time = stamp

    def push(self):
        """The file again and again, in real time."""
        begin, start = time.monotonic(), self.time + 40
        while self.going:
            for kind, stamp, body in self.tags:
                if body[1:2] == b"\0":
                    continue
                self.time = start + stamp
                wait = begin + (self.time - start) / 1000 - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                self.send(kind, self.time, body)
            begin, start = begin + 1, start + 1000

    def url(self):
        self.one.wait_live("live/a")
        viewer = rtmp.player(self.one, "live/a")
        viewer.read_until(lambda m: len(m.payload) > 100000 and m.timestamp > 0xffffff)
        viewer.close()
        return self.one.play_url("live/a")

    def test_ffmpeg(self):
        video, audio = frames(self.url(), args=["-copyts"], seconds=0xffffff // 1000 + 4)
        self.assertGreater(video, 20)
        self.assertGreater(audio, 50)

    def test_rtmpdump(self):
        file = self.folder / "dump.flv"
        dump = lectern_test.Push(["rtmpdump", "--live", "-q", "-r", self.url(), "-o", str(file)])
        wait_for(lambda: file.exists() and file.stat().st_size > 3000000, 20, "the file to grow")
        self.going = False
        self.thread.join()
        self.client.unpublish("a")
        self.assertEqual(dump.wait(20), 0, dump.output())
        self.assertGreater(frames(str(file))[0], 10)

    def test_gstreamer(self):
        file = self.folder / "video.raw"
        played = run(["gst-launch-1.0", "-q", "rtmp2src", "num-buffers=150",
                      f"location={self.url()}", "!", "flvdemux", "name=demux",
                      "demux.video", "!", "queue", "!", "h264parse", "!", "avdec_h264", "!",
                      "video/x-raw,format=I420", "!", "filesink", f"location={file}",
                      "demux.audio", "!", "queue", "!", "fakesink", "sync=false"])
        self.assertEqual(played.returncode, 0, played.stderr)
        self.assertGreater(file.stat().st_size, 20 * 640 * 360 * 3 // 2)


class Publishing(lectern_test.TestCase):
    def test_as_obs_does(self):
        """Key in the stream's name; a stop is the end at once, for the viewers too."""
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.metadata(width=320.0, height=180.0, encoder="obs-output module", duration=0.0)
        client.audio(0)
        client.video(0, key=True)
        client.audio(10)
        client.video(40)
        viewer = rtmp.player(server, "live/a")
        metadata = viewer.read_until(lambda m: m.kind == DATA).values
        self.assertEqual(metadata[0], "onMetaData")
        self.assertEqual(metadata[1]["encoder"], "obs-output module")
        config, _, key, audio = viewer.media(4)
        self.assertEqual(config.payload, b"\x17\x00\0\0\0" + rtmp.AVC_CONFIG)
        self.assertEqual(key.payload[:1], b"\x17")
        self.assertEqual(audio.payload, b"\xaf\x01aac frame")
        client.unpublish("a")
        self.assertEqual(client.status(), "NetStream.Unpublish.Success")
        self.assertEqual(viewer.status(), "NetStream.Play.UnpublishNotify")
        self.assertEqual(viewer.status(), "NetStream.Play.Stop")
        wait_for(lambda: server.stream("live/a") is None, 5, "the stream to go")
        # Both may go on with the same connection.
        client.publish(f"a?key={server.key('live/a')}")
        client.video_config()
        client.audio_config()
        client.video(0, key=True)
        viewer.call("deleteStream", viewer.stream)
        viewer.play("a")
        viewer.media(2)
        self.assertNotIn(server.key("live/a"), server.log())

    def test_wrong_key_and_no_key_are_refused(self):
        server = self.server()
        server.key("live/a")
        for name in ("a", "a?key=wrong", f"b?key={server.key('live/a')}"):
            with rtmp.Client(server.rtmp_port) as client:
                client.connect()
                client.publish(name, expect="NetStream.publish.Unauthorized")
                self.assertTrue(client.ended())
        self.assertIsNone(server.stream("live/a"))

    def test_the_key_may_stand_in_the_address(self):
        server = self.server()
        with rtmp.Client(server.rtmp_port) as client:
            client.connect(f"live?key={server.key('live/a')}")
            client.publish("a")

    def test_open_publish(self):
        server = self.server(settings={"access.open-publish": "true"})
        with rtmp.Client(server.rtmp_port) as client:
            client.connect("live/")
            client.publish("a")
            client.video_config()
            client.video(0, key=True)
            server.wait_live("live/a")

    def test_bad_names_are_refused(self):
        """R-07, R-08"""
        server = self.server(settings={"access.open-publish": "true"})
        for name in ("../../tmp/x", "a/b", "%2e%2e", "a\\b", "a" * 65000, "", "%s%n"):
            with rtmp.Client(server.rtmp_port) as client:
                client.connect()
                client.publish(name, expect="NetStream.Publish.BadName")
                self.assertTrue(client.ended())
        for name in ("a\r\nb", "a\0b", True, 7):
            with rtmp.Client(server.rtmp_port) as client:
                client.connect()
                client.create_stream()
                client.call("publish", name, "live", stream=client.stream)
                self.assertTrue(client.ended())
        for app in ("..", "a/b", "", "a\nb"):
            with rtmp.Client(server.rtmp_port) as client:
                client.call("connect", info={"app": app})
                self.assertTrue(client.ended())

    def test_second_publisher_is_refused_at_once(self):
        """S-01: another key is another teacher."""
        server = self.server()
        first = rtmp.publisher(server, "live/a")
        first.video(0, key=True)
        other = [w for w in server.run("key", "new", "live/a").stdout.split() if len(w) == 43][-1]
        second = rtmp.Client(server.rtmp_port)
        second.connect()
        second.create_stream()
        begin = time.monotonic()
        second.call("publish", f"a?key={other}", "live", stream=second.stream)
        self.assertEqual(second.status(), "NetStream.Publish.BadName")
        self.assertLess(time.monotonic() - begin, 0.1 * PATIENCE)
        self.assertTrue(second.ended())
        first.video(40)
        server.wait_live("live/a")

    def test_one_winner_of_eight(self):
        """S-01"""
        server = self.server(settings={"access.open-publish": "true",
                                       "server.connects-per-address": "0"})
        for name in range(25):
            clients = [rtmp.Client(server.rtmp_port) for _ in range(8)]
            for client in clients:
                client.connect()
                client.create_stream()
            gate = threading.Barrier(8)
            codes = []

            def race(client, name=name, gate=gate, codes=codes):
                gate.wait()
                client.call("publish", f"s{name}", "live", stream=client.stream)
                codes.append(client.status())

            threads = [threading.Thread(target=race, args=[client]) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(codes.count("NetStream.Publish.Start"), 1, codes)
            self.assertEqual(codes.count("NetStream.Publish.BadName"), 7, codes)
            for client in clients:
                client.close()

    def test_the_same_key_takes_over(self):
        server = self.server()
        first = rtmp.publisher(server, "live/a")
        for i in range(20):
            first.video(i * 40, key=i % 10 == 0)
        viewer = rtmp.player(server, "live/a")
        before = viewer.media(8, [VIDEO])
        second = rtmp.publisher(server, "live/a")
        self.assertEqual(first.status(), "NetStream.Publish.BadName")
        self.assertTrue(first.ended())
        for i in range(20):
            second.video(i * 40, key=i % 10 == 0)
        after = viewer.media(20, [VIDEO])
        self.assertTrue(is_monotonic(before + after))

    def test_a_killed_pusher_returns(self):
        """S-02: the viewer stays, and its clock goes on."""
        server = self.server()
        push = lectern_test.ffmpeg_push(server.push_url("live/a"))
        server.wait_live("live/a")
        viewer = rtmp.player(server, "live/a", timeout=20)
        messages = viewer.media(30)
        push.kill()
        wait_for(lambda: server.stream("live/a")["state"] == "away", 5, "the stream to be away")
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            messages += viewer.media(60)
        videos = [m for m in messages if m.kind == VIDEO]
        self.assertTrue(is_monotonic(videos))
        self.assertTrue(is_monotonic([m for m in messages if m.kind == AUDIO]))
        self.assertLess(videos[-1].timestamp - videos[0].timestamp, 20000 * PATIENCE)

    def test_a_silent_publisher_is_lost(self):
        """S-03"""
        server = self.server(settings={"rtmp.read-timeout": "1s"})
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        server.wait_live("live/a")
        wait_for(lambda: server.stream("live/a")["state"] == "away", 5, "the stream to be away")
        self.assertTrue(client.ended())
        server.wait_log(r"live/a.* lost: the peer sends nothing")

    def test_too_fast_a_publisher_is_sent_away(self):
        server = self.server(settings={"rtmp.max-bitrate": "500k"})
        client = rtmp.publisher(server, "live/a")
        client.chunk_size(65536)
        for i in range(8):
            client.video(i * 1000, key=True, size=100000)
            time.sleep(1)
            if server.log().count("bits a second"):
                break
        self.assertTrue(client.ended())
        server.wait_log(r"live/a.*more than 500000 bits a second")

    def test_ended_by_the_operator(self):
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        viewer = rtmp.player(server, "live/a")
        viewer.media(3)
        token = (server.state_dir / "state/admin-token").read_text(encoding="ascii").strip()
        status, _, _ = server.request("DELETE", "/api/v1/streams/live/a",
                                      headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(status, 204)
        self.assertEqual(client.status(), "NetStream.Unpublish.Success")
        self.assertTrue(client.ended())
        self.assertEqual(viewer.status(), "NetStream.Play.UnpublishNotify")

    def test_sessions_are_ended_by_the_operator(self):
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        viewer = rtmp.player(server, "live/a")
        viewer.media(3)
        token = (server.state_dir / "state/admin-token").read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}"}
        sessions = server.json("/api/v1/sessions", headers)["sessions"]
        self.assertEqual(sorted(s["role"] for s in sessions),
                         ["connect", "connect", "play", "publish"])
        self.assertEqual({s["protocol"] for s in sessions}, {"rtmp"})
        for role, peer in (("play", viewer), ("publish", client)):
            one = next(s for s in sessions if s["role"] == role)
            self.assertGreater(one["bytes"], 0)
            status, _, _ = server.request("DELETE", f"/api/v1/sessions/{one['id']}",
                                          headers=headers)
            self.assertEqual(status, 204)
            self.assertTrue(peer.ended())
        wait_for(lambda: server.json("/api/v1/sessions", headers)["sessions"] == [], 5,
                 "the sessions to end")

    def test_switched_off_while_it_runs(self):
        text = "[plugins]\nrtmp = %s\n"
        server = self.server(text % "true")
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        viewer = rtmp.player(server, "live/a")
        viewer.media(3)
        port = server.rtmp_port
        server.config_path.write_text(text % "false", encoding="ascii")
        server.signal(signal.SIGHUP)
        self.assertTrue(client.ended())
        self.assertTrue(viewer.ended())
        with self.assertRaises(ConnectionRefusedError):
            lectern_test.Raw(port)

    def test_the_server_says_goodbye(self):
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        viewer = rtmp.player(server, "live/a")
        viewer.media(3)
        rtmp.Client(server.rtmp_port)
        begin = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(client.status(), "NetStream.Unpublish.Success")
        self.assertTrue(client.ended())
        self.assertEqual(viewer.status(), "NetStream.Play.UnpublishNotify")
        self.assertTrue(viewer.ended())
        server.stop()
        self.assertLess(time.monotonic() - begin, 5 * PATIENCE)


class Playing(lectern_test.TestCase):
    def test_first_picture_is_there_at_once(self):
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        for i in range(15):
            client.video(i * 40, key=i % 10 == 0, size=3000)
        server.wait_live("live/a")
        delays = []
        for _ in range(20):
            viewer = rtmp.Client(server.rtmp_port)
            viewer.connect()
            viewer.create_stream()
            begin = time.monotonic()
            viewer.call("play", "a", -2000, stream=viewer.stream)
            delays.append(viewer.media(3)[-1].at - begin)
            viewer.close()
        print(f"# first key frame: {sorted(delays)[10] * 1000:.2f} ms p50")
        self.assertLess(sorted(delays)[10], 0.02 * PATIENCE)

    def test_a_viewer_waits_for_the_stream(self):
        server = self.server()
        viewer = rtmp.player(server, "live/a")
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        self.assertEqual(viewer.media(3)[-1].payload[:1], b"\x17")

    def test_nobody_comes(self):
        server = self.server(settings={"media.wait": "300ms"})
        viewer = rtmp.player(server, "live/a")
        self.assertEqual(viewer.status(), "NetStream.Play.StreamNotFound")
        self.assertTrue(viewer.ended())

    def test_playing_can_be_closed_to_all(self):
        server = self.server(settings={"access.open-play": "false"})
        with rtmp.Client(server.rtmp_port) as viewer:
            viewer.connect()
            viewer.play("a", expect="NetStream.play.Unauthorized")
            self.assertTrue(viewer.ended())

    def test_only_one_media(self):
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        client.audio(0)
        server.wait_live("live/a")
        for name, kind in (("a?audio=0", VIDEO), ("a?video=0", AUDIO)):
            viewer = rtmp.player(server, f"live/{name}")
            self.assertEqual({m.kind for m in viewer.media(2)}, {kind})
            viewer.close()

    def test_pause_and_resume(self):
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        viewer = rtmp.player(server, "live/a")
        viewer.media(3)
        viewer.call("pause", True, 0, stream=viewer.stream, transaction=0)
        self.assertEqual(viewer.status(), "NetStream.Pause.Notify")
        for i in range(1, 25):
            client.video(i * 40, key=i % 10 == 0)
        wait_for(lambda: server.stream("live/a"), 5)
        viewer.call("pause", False, 0, stream=viewer.stream, transaction=0)
        self.assertEqual(viewer.status(), "NetStream.Unpause.Notify")
        after = viewer.read_until(lambda m: m.kind == VIDEO and m.payload[1] == 1)
        self.assertEqual(after.payload[:1], b"\x17")
        self.assertGreaterEqual(after.timestamp, 400)

    def test_pings_are_answered_between_messages(self):
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.chunk_size(65536)
        client.video(0, key=True, size=300000)
        viewer = rtmp.player(server, "live/a")
        viewer.send(CONTROL, struct.pack("!HI", 6, 12345))
        key, pong = None, None
        while key is None or pong is None:
            message = viewer.read()
            if message.kind == VIDEO and message.payload[1] == 1:
                key = message
            elif message.kind == CONTROL and message.payload[:2] == b"\x00\x07":
                pong = message
        self.assertEqual(len(key.payload), 300009)
        self.assertEqual(pong.payload[2:], struct.pack("!I", 12345))


class Carried(lectern_test.TestCase):
    """What comes in goes out, byte for byte."""

    def push_and_compare(self, config, tags):
        """CONFIG: (kind, body) of the sequence headers, TAGS: (kind, time, body). The viewer is there
        from the start; it begins at a frame of the server's choice, and misses nothing after it."""
        server = self.server()
        viewer = rtmp.player(server, "live/a")
        client = rtmp.Client(server.rtmp_port)
        client.connect()
        client.publish(f"a?key={server.key('live/a')}")
        for kind, body in config:
            client.send(kind, body, 0, client.stream)
        for kind, stamp, body in tags:
            client.send(kind, body, stamp, client.stream)
        client.unpublish("a")
        got = []
        viewer.read_until(lambda m: m.kind == COMMAND or got.append(m))
        got = [m.payload for m in got if m.kind in (AUDIO, VIDEO)]
        self.assertEqual(got[:len(config)], [body for _, body in config])
        frames_got = got[len(config):]
        self.assertGreater(len(frames_got), 0)
        self.assertEqual(frames_got, [body for _, _, body in tags][-len(frames_got):])
        return len(frames_got)

    def pair(self, server, start):
        """A publisher that has sent a key frame, and a viewer that has seen it."""
        client = rtmp.publisher(server, "live/a")
        client.video(start, key=True)
        server.wait_live("live/a")
        viewer = rtmp.player(server, "live/a")
        viewer.media(3)
        return client, viewer

    def frames(self, key, inter):
        """A second of frames: KEY and INTER are what precedes the bytes of their NAL units."""
        head = struct.pack("!I", 3)
        return [(VIDEO, i * 40, (inter + head + b"\x02\x01" if i % 10 else
                                 key + head + b"\x26\x01") + bytes([i])) for i in range(25)]

    def test_h265_by_codec_id_12(self):
        tags = self.frames(b"\x1c\x01\0\0\x28", b"\x2c\x01\0\0\0")
        self.push_and_compare([(VIDEO, b"\x1c\x00\0\0\0" + HEVC_CONFIG)], tags)

    def test_h265_by_fourcc(self):
        tags = self.frames(b"\x91hvc1\0\0\x28", b"\xa3hvc1")
        self.push_and_compare([(VIDEO, b"\x90hvc1" + HEVC_CONFIG)], tags)

    def test_av1_and_opus_by_fourcc(self):
        tags = []
        for i in range(20):
            tags.append((VIDEO, i * 40, (b"\xa1av01\x12\x00" if i else b"\x91av01\x12\x00")
                         + bytes([i])))
            tags.append((AUDIO, i * 40, b"\x91Opus" + bytes([i])))
        opus = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0"
        self.push_and_compare([(VIDEO, b"\x90av01\x81\x04\x0c\x00\x0a\x0b\0\0\0"),
                               (AUDIO, b"\x90Opus" + opus)], tags)

    def test_audio_of_old(self):
        for name in ("speex.flv", "nellymoser-8000.flv", "nellymoser-16000.flv",
                     "nellymoser-22050.flv", "mp3-44100.flv", "mp3-22050.flv", "pcma.flv",
                     "pcmu.flv"):
            with self.subTest(name):
                tags = flv_tags(FLV_FILES / name)
                self.push_and_compare([], tags + [(kind, stamp + 1000, body)
                                                  for kind, stamp, body in tags])

    def test_h264_and_aac(self):
        """All that real encoders put into tags, B-frames' offsets included."""
        tags = [tag for tag in flv_tags(FLV_FILES / "h264-aac.flv") if tag[2][:2] != b"\x17\x02"]
        config = [(kind, body) for kind, _, body in tags if body[1:2] == b"\0"]
        self.push_and_compare(config, [tag for tag in tags if tag[2][1:2] != b"\0"])

    def test_cue_points_and_captions(self):
        server = self.server()
        client = rtmp.publisher(server, "live/a")
        client.video(0, key=True)
        viewer = rtmp.player(server, "live/a")
        viewer.media(3)
        caption = b"".join(map(rtmp.encode, ("onTextData", {"text": "hello"})))
        client.send(DATA, caption, 40, client.stream)
        client.video(40)
        self.assertEqual(viewer.read_until(lambda m: m.kind == DATA).payload, caption)

    def test_aggregates_are_taken_apart(self):
        server = self.server()
        client, viewer = self.pair(server, 0)
        tag = b"\x17\x01\0\0\0" + struct.pack("!I", 2) + b"\x65\x88"
        body = b""
        for i in range(3):
            body += (bytes([VIDEO]) + len(tag).to_bytes(3, "big")
                     + (100 + 40 * i).to_bytes(3, "big") + bytes(4) + tag
                     + struct.pack("!I", len(tag) + 11))
        client.send(rtmp.AGGREGATE, body, 5000, client.stream)
        videos = viewer.media(3, [VIDEO])
        self.assertEqual([m.timestamp - videos[0].timestamp for m in videos], [0, 40, 80])

    def test_time_wraps(self):
        """T-01: 49.7 days of milliseconds."""
        server = self.server()
        client, viewer = self.pair(server, 0xfffff000 - 40)
        for i in range(300):
            client.video(0xfffff000 + i * 40, key=i % 25 == 0)
            if i % 2 == 0:
                client.audio(0xfffff000 + i * 40 + 5)
        videos = viewer.media(300, [VIDEO])
        steps = {b.timestamp - a.timestamp for a, b in zip(videos, videos[1:])}
        self.assertEqual(steps, {40})
        self.assertLess(videos[-1].timestamp, 300 * 40 + 1000)

    def test_time_jumps(self):
        """T-02: backwards, to zero and an hour ahead."""
        server = self.server()
        stamp = 1000000
        client, viewer = self.pair(server, stamp)
        for i in range(100):
            stamp += {20: -1000, 40: -600000, 60: -stamp, 80: 3600000}.get(i, 40)
            client.video(stamp, key=i % 10 == 0)
        videos = viewer.media(100, [VIDEO])
        self.assertTrue(is_monotonic(videos))
        self.assertLess(videos[-1].timestamp - videos[0].timestamp, 100 * 40 + 5000)


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
