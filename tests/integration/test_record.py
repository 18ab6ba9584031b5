# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recordings: whole, playable, in step; listed, watched, removed."""

import json
import re
import struct
import subprocess
import time

import lectern_test
import rtmp
from recording import NAME, Recording, boxes, count, decode, starts


class Whole(Recording):
    def test_every_frame_is_recorded(self):
        server = self.recorder()
        self.push(server, seconds=4).wait()
        recording = server.wait_ready(poster=True)[0]
        path = self.check(server, recording)
        self.assertRegex(recording["name"], r"^\d{4}(-\d\d){5}$")
        self.assertEqual(recording["frames"], 100)
        packets = count(path)
        self.assertEqual(packets["h264"], 100)
        self.assertGreaterEqual(packets["aac"], 4 * 44100 // 1024)
        self.assertAlmostEqual(recording["duration"], 4, delta=0.1)
        self.assertEqual([(t["media"], t["codec"]) for t in recording["tracks"]],
                         [("video", "H.264"), ("audio", "AAC")])
        gst = subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={path}", "!", "qtdemux",
                              "name=d", "d.video_0", "!", "queue", "!", "h264parse", "!",
                              "avdec_h264", "!", "fakesink", "d.audio_0", "!", "queue", "!",
                              "aacparse", "!", "avdec_aac", "!", "fakesink"],
                             capture_output=True, text=True, timeout=60)
        self.assertEqual((gst.returncode, gst.stderr), (0, ""))
        self.look_at_poster(server, recording)
        self.look_at_ranges(server, recording, path.read_bytes())

    def look_at_poster(self, server, recording):
        status, headers, body = server.request("GET", recording["poster"])
        self.assertEqual((status, headers["Content-Type"]), (200, "image/jpeg"))
        picture = server.state_dir / "poster.jpg"
        picture.write_bytes(body)
        about = lectern_test.ffprobe(str(picture))["streams"][0]
        self.assertEqual((about["codec_name"], about["width"], about["height"]), ("mjpeg", 320, 180))

    def look_at_ranges(self, server, recording, whole):
        url = recording["play"]["mp4"]
        status, headers, body = server.request("GET", url)
        self.assertEqual((status, headers["Content-Type"], headers["Accept-Ranges"]),
                         (200, "video/mp4", "bytes"))
        self.assertEqual(body, whole)
        status, headers, body = server.request("GET", url, headers={"Range": "bytes=1000-1999"})
        self.assertEqual((status, body), (206, whole[1000:2000]))
        self.assertEqual(headers["Content-Range"], f"bytes 1000-1999/{len(whole)}")
        status, headers, body = server.request("HEAD", url)
        self.assertEqual((status, body, headers["Content-Length"]), (200, b"", str(len(whole))))
        self.assertEqual(server.request("GET", url, headers={"Range": "bytes=99999999-"})[0], 416)

    def test_one_track_is_enough(self):
        server = self.recorder()
        pushes = [self.push(server, seconds=3, name="live/v", audio=None),
                  self.push(server, seconds=3, name="live/s", video=None)]
        for push in pushes:
            push.wait()
        found = {r["stream"]: r for r in server.wait_ready(2)}
        self.assertEqual(count(self.check(server, found["live/v"])), {"h264": 75})
        self.assertGreaterEqual(count(self.check(server, found["live/s"]))["aac"], 129)
        self.assertIsNone(found["live/s"]["poster"])

    def test_sound_stays_in_step_with_reordered_pictures(self):
        source = lectern_test.temporary_directory() / "source.flv"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
             "-itsoffset", "0.3", "-f", "lavfi", "-i", "sine=sample_rate=44100", "-t", "3",
             "-c:v", "libx264", "-bf", "3", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac",
             str(source)], check=True)
        server = self.recorder()
        subprocess.run(["ffmpeg", "-v", "error", "-re", "-i", str(source), "-c", "copy", "-f", "flv",
                        server.push_url(NAME)], check=True, timeout=60)
        path = self.check(server, server.wait_ready()[0])
        sent, got = starts(source), starts(path)
        self.assertAlmostEqual(got["aac"] - got["h264"], sent["aac"] - sent["h264"], delta=0.001)
        self.assertAlmostEqual(got["h264"], 0, delta=0.001)
        self.assertEqual(count(path)["h264"], count(source)["h264"])

    def test_h265(self):
        source = lectern_test.temporary_directory() / "source.mp4"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-t", "2",
             "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
             "bframes=0:keyint=25:log-level=error:pools=1:frame-threads=1", "-pix_fmt", "yuv420p",
             "-tag:v", "hvc1", str(source)], check=True)
        server = self.recorder()
        config, packets = read_packets(source)
        client = rtmp.publisher(server, NAME)
        client.send(rtmp.VIDEO, b"\x90hvc1" + config, 0, client.stream)
        for i, (key, data) in enumerate(packets):
            client.send(rtmp.VIDEO, (b"\x93hvc1" if key else b"\xa3hvc1") + data, i * 40,
                        client.stream)
            time.sleep(0.04)
        client.unpublish("a")
        recording = server.wait_ready()[0]
        path = self.check(server, recording)
        self.assertEqual(count(path), {"hevc": 50})
        self.assertEqual(recording["tracks"][0]["codec"], "H.265")

    def test_S_02_returning_publisher_goes_on_in_the_same_recording(self):
        server = self.recorder()
        key = server.key(NAME)
        for turn in range(2):
            push = lectern_test.ffmpeg_push(server.push_url(NAME, key), rate=25, gop=1.0)
            self.addCleanup(push.stop)
            server.wait_live(NAME)
            server.wait_duration(1 + turn)
            push.kill()
            lectern_test.wait_for(lambda: server.stream(NAME)["state"] == "away", 10, "away")
        push = lectern_test.ffmpeg_push(server.push_url(NAME, key), seconds=2, rate=25, gop=1.0)
        push.wait()
        found = server.wait_ready()
        self.assertEqual(len(found), 1)
        self.check(server, found[0])
        self.assertGreater(found[0]["duration"], 3.5)

    def test_S_04_another_codec_is_another_file(self):
        server = self.recorder()
        key = server.key(NAME)
        first = lectern_test.ffmpeg_push(server.push_url(NAME, key), rate=25, gop=1.0)
        self.addCleanup(first.stop)
        server.wait_duration(1)
        first.kill()
        lectern_test.ffmpeg_push(server.push_url(NAME, key), seconds=2, rate=25, gop=1.0,
                                 size="160x90").wait()
        found = sorted(server.wait_ready(2), key=lambda r: r["name"])
        sizes = [(r["tracks"][0]["width"], r["state"]) for r in found]
        self.assertEqual(sizes, [(320, "ready"), (160, "ready")])
        for recording in found:
            self.check(server, recording)
        self.assertEqual(found[1]["frames"], 50)


def read_packets(path):
    """The codec's configuration and (key, bytes) of each packet of an MP4 file's picture."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_data", "-show_entries", "stream=extradata:packet=flags,data",
         "-select_streams", "v", "-of", "json", str(path)], capture_output=True, text=True, check=True)
    data = json.loads(done.stdout)

    def unhex(dump):
        return b"".join(bytes.fromhex(line[10:50].replace(" ", ""))
                        for line in dump.strip().splitlines())
    packets = [("K" in p["flags"], unhex(p["data"])) for p in data["packets"]]
    return unhex(data["streams"][0]["extradata"]), packets


class Replay(Recording):
    def play(self, server, url):
        """What ffmpeg gets of a playlist: its packets by codec, and what it complains of."""
        clip = server.state_dir / "clip.mp4"
        clip.unlink(missing_ok=True)
        done = subprocess.run(["ffmpeg", "-v", "warning", "-i",
                               f"http://127.0.0.1:{server.http_port}{url}", "-c", "copy", str(clip)],
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return count(clip)

    def media(self, server, recording, rendition="video"):
        return server.get(f"/replay/{recording['id']}/{rendition}.m3u8").decode()

    def test_hls_is_there_at_once_after_the_end(self):
        server = self.recorder()
        self.push(server, seconds=5).wait()
        begun = time.monotonic()
        recording = lectern_test.wait_for(
            lambda: next((r for r in server.recordings() if r["state"] != "recording"), None), 10,
            "the end")
        packets = self.play(server, recording["play"]["hls"])
        print(f"# played whole {time.monotonic() - begun:.1f} s after the end")
        self.assertEqual(packets["h264"], 125)
        self.assertGreaterEqual(packets["aac"], 5 * 44100 // 1024)
        recording = server.wait_ready()[0]
        self.assertEqual(self.play(server, recording["play"]["hls"]), packets)
        text = self.media(server, recording)
        self.assertIn("#EXT-X-PLAYLIST-TYPE:VOD", text)
        self.assertTrue(text.rstrip().endswith("#EXT-X-ENDLIST"))
        lengths = [float(n) for n in re.findall(r"#EXTINF:([0-9.]+)", text)]
        self.assertAlmostEqual(sum(lengths), 5, delta=0.05)
        self.assertGreaterEqual(int(re.search(r"TARGETDURATION:(\d+)", text)[1]),
                                round(max(lengths)))
        self.look_at_segments(server, recording, text)
        self.look_at_session(server, recording)

    def look_at_segments(self, server, recording, text):
        """Segments are the bytes of the file, each a fragment of its own track."""
        whole = server.path(recording).read_bytes()
        for address in re.findall(r"^[^#\n]+", text, re.M):
            status, headers, body = server.request("GET", f"/replay/{recording['id']}/{address}")
            self.assertEqual((status, headers["Content-Type"]), (200, "video/mp4"))
            self.assertIn(body, whole)
            kinds = [kind for kind, _, _ in boxes(body)]
            self.assertEqual(kinds[0], "prft")
            self.assertEqual(set(kinds[1:]), {"moof", "mdat"})

    def look_at_session(self, server, recording):
        """Replay is counted like watching, and goes with the recording."""
        sessions = server.json("/api/v1/sessions", headers=server.token)["sessions"]
        self.assertIn(f"replay/{recording['id']}", [s["stream"] for s in sessions])
        server.request("DELETE", f"/api/v1/recordings/{recording['id']}", headers=server.token)
        lectern_test.wait_for(
            lambda: server.request("GET", recording["play"]["hls"])[0] == 404, 10, "its end")

    def test_hls_of_what_is_still_recorded(self):
        server = self.recorder()
        self.push(server)
        server.wait_duration(3)
        recording = server.recordings()[0]
        self.assertEqual(recording["state"], "recording")
        # The segment under way would still grow.
        packets = self.play(server, recording["play"]["hls"])
        self.assertGreaterEqual(packets["h264"], 50)
        self.assertEqual(packets["h264"] % 50, 0)
        status, _, body = server.request("GET", recording["play"]["mp4"])
        copy = server.state_dir / "copy.mp4"
        copy.write_bytes(body)
        self.assertEqual((status, decode(copy)), (200, ""))


class Resource(Recording):
    def test_start_pause_resume_stop(self):
        server = self.recorder(settings={"record.when": "on-request"})
        self.push(server)
        self.assertEqual(server.ask("start", name="live/nobody")[0], 404)
        server.wait_live(NAME)
        self.assertEqual(server.ask("start", token=False)[0], 401)
        self.assertEqual(server.ask("stop")[0], 409)
        self.assertEqual(server.recordings(), [])
        lectern_test.wait_for(lambda: server.ask("start")[0] == 200, 10, "the first frame")
        self.assertEqual(server.ask("start")[0], 409)
        server.wait_duration(1)
        status, answer = server.ask("pause")
        self.assertEqual((status, answer["paused"], answer["recording"]), (200, True, True))
        self.assertEqual(server.ask("pause")[0], 409)
        time.sleep(2)
        self.assertEqual(server.ask("resume")[0], 200)
        self.assertEqual(server.ask("resume")[0], 409)
        paused = server.recordings()[0]["duration"]
        server.wait_duration(paused + 1)
        self.assertEqual(server.ask("stop")[0], 200)
        recording = server.wait_ready()[0]
        path = self.check(server, recording)
        # What was paused is not there, and leaves no hole.
        self.assertLess(recording["duration"], paused + 2.5)
        self.assertAlmostEqual(count(path)["h264"] / 25, recording["duration"], delta=0.5)
        self.assertEqual(server.json(f"/api/v1/streams/{NAME}/recording")["recording"], False)
        self.assertEqual(server.ask("start")[0], 200)

    def test_never_is_never_until_it_is_allowed(self):
        server = self.recorder(settings={"record.when": None},
                               config="[record]\nwhen = never\n")
        self.push(server)
        server.wait_live(NAME)
        self.assertEqual(server.ask("start")[0], 403)
        server.config_path.write_text("[record]\nwhen = always\n", encoding="utf-8")
        server.run("reload")
        server.wait_duration(0.5)

    def test_list_one_and_delete(self):
        server = self.recorder()
        for name in ("live/a", "live/b"):
            self.push(server, seconds=1, name=name).wait()
        found = server.wait_ready(2, poster=True)
        self.assertEqual({r["stream"] for r in found}, {"live/a", "live/b"})
        first = server.json("/api/v1/recordings?limit=1", headers=server.token)
        rest = server.json(f"/api/v1/recordings?before={first['recordings'][0]['name']}",
                           headers=server.token)
        self.assertEqual((first["more"], rest["more"]), (True, False))
        self.assertEqual(first["recordings"] + rest["recordings"], found)
        listed = server.json("/api/v1/streams/live/a/recordings")["recordings"]
        self.assertEqual([r["stream"] for r in listed], ["live/a"])
        one = f"/api/v1/recordings/{listed[0]['id']}"
        self.assertEqual(server.json(one)["duration"], listed[0]["duration"])
        self.assertEqual(server.request("DELETE", one)[0], 401)
        self.assertEqual(server.request("DELETE", one, headers=server.token)[0], 204)
        lectern_test.wait_for(lambda: not any((server.folder / "live/a").iterdir()), 10, "files to go")
        for path in (one, listed[0]["play"]["mp4"], listed[0]["poster"]):
            self.assertEqual(server.request("GET", path)[0], 404)
        self.assertEqual(server.request("GET", "/api/v1/recordings")[0], 401)

    def test_recordings_survive_a_restart(self):
        folder = lectern_test.temporary_directory()
        server = self.recorder(state_dir=folder)
        self.push(server, seconds=1).wait()
        before = server.wait_ready(poster=True)
        server.stop()
        files = {path: path.stat().st_mtime_ns for path in server.folder.glob("live/a/*")}
        again = self.recorder(state_dir=folder)
        lectern_test.wait_for(lambda: again.wait_ready(poster=True)[0]["frames"], 10, "its index")
        self.assertEqual(again.recordings(), before)
        # Nothing was made anew.
        self.assertEqual({path: path.stat().st_mtime_ns for path in again.folder.glob("live/a/*")},
                         files)

    def test_retention_removes_the_oldest(self):
        folder = lectern_test.temporary_directory()
        server = self.recorder(state_dir=folder)
        self.push(server, seconds=1).wait()
        old = server.path(server.wait_ready(poster=True)[0])
        server.stop()
        for suffix in (".mp4", ".index", ".jpg"):
            old.with_suffix(suffix).rename(old.with_name("2020-01-01-10-00-00" + suffix))
        index = old.with_name("2020-01-01-10-00-00.index")
        data = bytearray(index.read_bytes())
        struct.pack_into(">Q", data, 8, 1577872800 * 1000000)
        index.write_bytes(data)
        again = self.recorder(state_dir=folder, settings={"record.retention": "30d"})
        again.wait_log("recording 'live/a/2020-01-01-10-00-00' is removed: it is too old", 20)
        lectern_test.wait_for(lambda: not any(old.parent.iterdir()), 10, "its files to go")

    def test_access_is_the_streams(self):
        server = self.recorder(settings={"access.open-play": "false"})
        self.push(server, seconds=1).wait()
        recording = server.wait_ready(poster=True)[0]
        paths = [f"/api/v1/recordings/{recording['id']}", recording["play"]["mp4"],
                 recording["poster"], recording["play"]["hls"],
                 f"/api/v1/streams/{NAME}/recordings", f"/api/v1/streams/{NAME}/recording"]
        for path in paths:
            self.assertEqual(server.request("GET", path)[0], 403, path)
            if path != recording["play"]["hls"]:
                self.assertEqual(server.request("GET", path, headers=server.token)[0], 200, path)
        self.assertEqual(server.request("GET", "/replay/0123456789abcdef.mp4",
                                        headers=server.token)[0], 404)

    def test_R_08_nobody_publishes_as_a_recording(self):
        server = self.recorder(settings={"access.open-publish": "true"})
        self.push(server, seconds=1).wait()
        identity = server.wait_ready()[0]["id"]
        push = lectern_test.ffmpeg_push(server.push_url(f"replay/{identity}", key=None), seconds=1)
        self.assertNotEqual(push.wait(), 0)
        self.assertIsNone(server.stream(f"replay/{identity}"))

    def test_H_06_replay_reaches_nothing_else(self):
        server = self.recorder()
        for path in ("/replay/..%2f..%2fadmin-token.mp4", "/replay/%2e%2e.mp4",
                     "/replay/live%2fa.mp4", "/replay/x%00.mp4", "/replay/.mp4"):
            self.assertIn(server.request("GET", path)[0], (400, 404), path)


if __name__ == "__main__":
    lectern_test.main()
