# SPDX-License-Identifier: LGPL-2.1-or-later
"""HLS: playlists keep RFC 8216bis, parts come in time, and a real player gets every frame."""

import collections
import gzip
import os
import re
import subprocess
import tempfile
import time
import pathlib
import threading

import lectern_test

NAME = "live/a"


def attributes(line):
    return dict(re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line.split(":", 1)[1]))


class Playlist:
    """A media playlist, checked as it is read (RFC 8216bis, 4.4)."""

    def __init__(self, text):
        self.text = text
        self.segments, self.skipped, self.hint, open_parts = [], 0, None, []
        lines = text.splitlines()
        assert lines[0] == "#EXTM3U", "begins with #EXTM3U"
        for tag in ("TARGETDURATION", "MEDIA-SEQUENCE", "DISCONTINUITY-SEQUENCE", "SERVER-CONTROL", "PART-INF",
                    "ENDLIST", "PLAYLIST-TYPE", "PRELOAD-HINT"):
            assert len(re.findall(f"^#EXT-X-{tag}\\b", text, re.M)) <= 1, f"{tag} twice"
        self.target = int(self.value("TARGETDURATION"))
        self.number = int(self.value("MEDIA-SEQUENCE"))
        self.timeline = int(self.value("DISCONTINUITY-SEQUENCE")) if "DISCONTINUITY-SEQUENCE" in text else 0
        self.part_target = float(attributes(self.line("PART-INF"))["PART-TARGET"]) \
            if "PART-INF" in text else None
        self.ended = "#EXT-X-ENDLIST" in lines
        if "SERVER-CONTROL" in text:
            self.check_control()
        self.read(lines, open_parts)
        self.check_parts(open_parts, whole=False)
        self.open_parts = open_parts

    def check_control(self):
        control = attributes(self.line("SERVER-CONTROL"))
        assert control["CAN-BLOCK-RELOAD"] == "YES"
        assert float(control["HOLD-BACK"]) >= 3 * self.target
        assert float(control["PART-HOLD-BACK"]) >= 2 * self.part_target
        assert float(control["CAN-SKIP-UNTIL"]) >= 6 * self.target

    def read(self, lines, open_parts):
        duration, gap, timeline, mapped = None, False, self.timeline, False
        for line in lines:
            if line.startswith("#EXT-X-SKIP:"):
                self.skipped = int(attributes(line)["SKIPPED-SEGMENTS"])
            elif line.startswith("#EXT-X-MAP:"):
                mapped = True
            elif line == "#EXT-X-DISCONTINUITY":
                timeline += 1
            elif line == "#EXT-X-GAP":
                gap = True
            elif line.startswith("#EXT-X-PART:"):
                assert mapped, "a part without its init segment"
                open_parts.append(attributes(line))
            elif line.startswith("#EXTINF:"):
                duration = float(line[8:].rstrip(","))
                assert int(duration + 0.5) <= self.target, "a segment longer than the target"
            elif line.startswith("#EXT-X-PRELOAD-HINT:"):
                self.hint = attributes(line)["URI"].strip('"')
            elif line and not line.startswith("#"):
                assert duration is not None and mapped, "a segment without EXTINF or init segment"
                self.segments.append(Segment(line, duration, gap, timeline))
                if open_parts:
                    total = sum(float(part["DURATION"]) for part in open_parts)
                    assert abs(total - duration) < 0.01, "parts do not add up to their segment"
                self.check_parts(open_parts, whole=True)
                open_parts.clear()
                duration, gap = None, False

    def check_parts(self, parts, whole):
        for i, part in enumerate(parts):
            duration = float(part["DURATION"])
            assert duration <= self.part_target + 0.001, "a part longer than its target"
            last = whole and i == len(parts) - 1
            assert last or duration >= 0.85 * self.part_target - 0.001, "a part far too short"

    def line(self, tag):
        return re.search(f"^#EXT-X-{tag}:.*$", self.text, re.M)[0]

    def value(self, tag):
        return self.line(tag).split(":", 1)[1]

    def numbered(self):
        return {self.number + self.skipped + i: segment for i, segment in enumerate(self.segments)}


Segment = collections.namedtuple("Segment", "address duration gap timeline")


class Follower:
    """What may change from one reading of a playlist to the next (RFC 8216bis, 6.2.1, 6.2.2)."""

    def __init__(self):
        self.last = None
        self.seen = {}      # number: Segment
        self.listed = {}    # number: when it was last listed
        self.readings = 0

    def take(self, playlist):
        last, now = self.last, time.monotonic()
        self.readings += 1
        for number, segment in playlist.numbered().items():
            known = self.seen.setdefault(number, segment)
            assert known == segment, f"segment {number} changed: {known}, {segment}"
            self.listed[number] = now
        if last is not None:
            assert playlist.target == last.target, "the target duration changed"
            assert playlist.number >= last.number, "the media sequence went back"
            assert playlist.timeline >= last.timeline, "the discontinuity sequence went back"
            assert playlist.part_target in (last.part_target, None), "the part target changed"
            newest = max(playlist.numbered(), default=0)
            assert newest >= max(last.numbered(), default=0), "the newest segment has gone"
        if not playlist.ended and len(playlist.segments) + playlist.skipped > 4:
            whole = sum(segment.duration for segment in playlist.segments)
            assert playlist.skipped or whole >= 3 * playlist.target or playlist.number == 0, "too short a window"
        self.last = playlist


def check_lines(one, two):
    """Renditions have the same timelines at the same numbers, and about the same lengths."""
    for number in one.seen.keys() & two.seen.keys():
        a, b = one.seen[number], two.seen[number]
        assert a.timeline == b.timeline, f"{number}: {a}, {b}"


class HlsTest(lectern_test.TestCase):
    def begin(self, **options):
        server = self.server(**{**options, "settings": {"plugins.hls": "true", **options.get("settings", {})}})
        push = lectern_test.ffmpeg_push(server.push_url(NAME), rate=25, gop=2.0)
        self.addCleanup(push.stop)
        server.wait_live(NAME)
        return server, push

    def wait_master(self, server):
        def master():
            status, _, body = server.request("GET", f"/{NAME}/index.m3u8?key=secret")
            return body.decode() if status == 200 else None
        return lectern_test.wait_for(master, 20, "the first segment")

    def media(self, server, query="", rendition="video"):
        status, headers, body = server.request("GET", f"/{NAME}/{rendition}.m3u8{query}")
        self.assertEqual(status, 200, body)
        self.assertEqual(headers["Content-Type"], "application/vnd.apple.mpegurl")
        return Playlist(body.decode())

    def test_master_lists_video_and_audio_and_carries_the_query(self):
        server, _ = self.begin()
        master = self.wait_master(server)
        stream = attributes(re.search("^#EXT-X-STREAM-INF.*$", master, re.M)[0])
        self.assertRegex(stream["CODECS"], r'^"avc1\.[0-9a-f]{6},mp4a\.40\.2"$')
        self.assertEqual(stream["RESOLUTION"], "320x180")
        self.assertGreater(int(stream["BANDWIDTH"]), 0)
        addresses = re.findall(r'(?:URI="|^)((?:video|audio)\.m3u8[^"\n]*)', master, re.M)
        self.assertEqual(len(addresses), 2)
        for address in addresses:
            self.assertRegex(address, r"\?key=secret&session=[a-z2-7]{24}$")

    def test_reload_blocks_until_the_part_is_there(self):
        server, _ = self.begin()
        self.wait_master(server)
        now = self.media(server)
        number = now.number + len(now.segments)
        part = len(now.open_parts)
        after = self.media(server, f"?_HLS_msn={number}&_HLS_part={part}")
        reached = after.number + len(after.segments)
        self.assertTrue(reached > number or len(after.open_parts) > part)
        whole = self.media(server, f"?_HLS_msn={number}")
        self.assertGreater(whole.number + len(whole.segments), number)

    def test_numbers_only_grow_and_segments_stay(self):
        server, _ = self.begin(settings={"segment.duration": "500ms", "segment.limit": "1s",
                                         "segment.window": "4", "segment.part": "200ms"})
        self.wait_master(server)
        last, follower = -1, Follower()
        for _ in range(25):
            number = last + 1 if last >= 0 else 0
            playlist = self.media(server, f"?_HLS_msn={number}")
            self.assertGreaterEqual(playlist.number, 0)
            follower.take(playlist)
            last = playlist.number + len(playlist.segments) - 1
            oldest = playlist.segments[0].address
            self.assertEqual(server.request("GET", f"/{NAME}/{oldest}")[0], 200)
        self.assertGreaterEqual(last, 24)

    def test_hinted_part_is_worth_waiting_for(self):
        server, _ = self.begin()
        self.wait_master(server)
        playlist = self.media(server)
        status, headers, body = server.request("GET", f"/{NAME}/{playlist.hint}")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "video/mp4")
        self.assertIn("immutable", headers["Cache-Control"])
        self.assertEqual(body[4:8], b"moof")

    def test_S_09_impossible_requests_are_refused_at_once(self):
        server, _ = self.begin(settings={"media.wait": "0s"})
        self.wait_master(server)
        begun = time.monotonic()
        for path, status in ((f"/{NAME}/video.m3u8?_HLS_msn=99999999999", 400),
                             (f"/{NAME}/video.m3u8?_HLS_msn=-1", 400),
                             (f"/{NAME}/video.m3u8?_HLS_msn=x", 400),
                             (f"/{NAME}/video.m3u8?_HLS_part=1", 400),
                             (f"/{NAME}/video/99999.m4s", 404),
                             (f"/{NAME}/video/0.9999.m4s", 404),
                             (f"/{NAME}/video/1.2.3.m4s", 404),
                             (f"/{NAME}/video/x.m4s", 404),
                             (f"/{NAME}/video/init-7.mp4", 404),
                             (f"/{NAME}/nothing.m3u8", 404),
                             ("/live/nobody/index.m3u8", 404)):
            self.assertEqual(server.request("GET", path)[0], status, path)
        self.assertLess(time.monotonic() - begun, 5)

    def test_many_wait_and_all_are_answered(self):
        server, _ = self.begin()
        self.wait_master(server)
        playlist = self.media(server)
        number = playlist.number + len(playlist.segments)
        answers = []

        def ask():
            answers.append(server.request("GET", f"/{NAME}/video.m3u8?_HLS_msn={number}")[0])
        threads = [threading.Thread(target=ask) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [200] * 50)

    def test_ffmpeg_plays_live_and_after_the_end(self):
        server, push = self.begin()
        self.wait_master(server)
        url = f"http://127.0.0.1:{server.http_port}/{NAME}/index.m3u8"
        with tempfile.TemporaryDirectory() as folder:
            clip = pathlib.Path(folder) / "clip.mp4"
            subprocess.run(["ffmpeg", "-v", "error", "-i", url, "-t", "3", "-c", "copy", str(clip)],
                           check=True, timeout=60)
            streams = {s["codec_name"]: s for s in lectern_test.ffprobe(
                str(clip), args=("-count_packets",))["streams"]}
        self.assertAlmostEqual(int(streams["h264"]["nb_read_packets"]), 75, delta=3)
        self.assertGreater(int(streams["aac"]["nb_read_packets"]), 120)
        push.stop()
        ended = lectern_test.wait_for(lambda: (p := self.media(server)).ended and p, 20, "the end")
        self.assertIsNone(ended.hint)
        self.assertEqual(ended.open_parts, [])

    def test_viewers_are_counted_by_session(self):
        server, _ = self.begin()
        master = self.wait_master(server)
        session = re.search(r"session=([a-z2-7]{24})", master)[1]
        for _ in range(3):
            self.media(server, f"?session={session}")
        secret = pathlib.Path(server.state_dir, "state/admin-token").read_text(encoding="ascii")
        token = {"Authorization": f"Bearer {secret.strip()}"}

        def sessions():
            listed = server.json("/api/v1/sessions", headers=token)["sessions"]
            return [s for s in listed if s["role"] == "play"]
        first = lectern_test.wait_for(sessions, 10, "the session")
        self.assertEqual(len(first), 1)

    def test_without_the_right_there_is_nothing(self):
        server = self.server(settings={"plugins.hls": "true", "access.open-play": "false"})
        push = lectern_test.ffmpeg_push(server.push_url(NAME), rate=25)
        self.addCleanup(push.stop)
        server.wait_log("'live/a' is live")
        for path in ("index.m3u8", "video.m3u8", "video/init-0.mp4", "video/0.m4s", "video/0.0.m4s"):
            self.assertEqual(server.request("GET", f"/{NAME}/{path}")[0], 403, path)


class ShapesTest(lectern_test.TestCase):
    """Streams that are not a picture every 40 ms with a key frame every two seconds."""

    def begin(self, push=None, **settings):
        server = self.server(settings={"plugins.hls": "true", **settings})
        publisher = lectern_test.ffmpeg_push(server.push_url(NAME), **{"rate": 25, "gop": 2.0, **(push or {})})
        self.addCleanup(publisher.stop)
        server.wait_live(NAME)
        return server

    def master(self, server):
        def get():
            status, _, body = server.request("GET", f"/{NAME}/index.m3u8")
            return body.decode() if status == 200 else None
        return lectern_test.wait_for(get, 20, "the multivariant playlist")

    def follow(self, server, rendition, segments):
        follower = Follower()

        def enough():
            status, _, body = server.request("GET", f"/{NAME}/{rendition}.m3u8")
            if status == 200:
                follower.take(Playlist(body.decode()))
            return len(follower.seen) >= segments
        lectern_test.wait_for(enough, 30, f"{segments} segments")
        return follower

    def test_T_03_sound_alone(self):
        server = self.begin({"video": None})
        master = self.master(server)
        self.assertNotIn("TYPE=AUDIO", master)
        self.assertRegex(master, r'CODECS="mp4a\.40\.2"\naudio\.m3u8')
        self.follow(server, "audio", 3)

    def test_T_03_picture_alone(self):
        server = self.begin({"audio": None})
        master = self.master(server)
        self.assertNotIn("audio", master)
        self.follow(server, "video", 3)

    def test_few_frames_a_second_make_no_parts(self):
        server = self.begin({"rate": 2})
        follower = self.follow(server, "video", 3)
        self.assertIsNone(follower.last.part_target)
        self.assertIsNotNone(self.follow(server, "audio", 3).last.part_target)

    def test_key_frames_far_apart_keep_playlists_valid_and_warn(self):
        server = self.begin({"gop": 5.0})
        follower = self.follow(server, "video", 6)
        self.assertEqual(follower.last.target, 2)
        self.assertNotIn("INDEPENDENT-SEGMENTS", follower.last.text)
        self.assertIn("#EXT-X-START:TIME-OFFSET=-", follower.last.text)
        server.wait_log("key frames are 5.0 s apart")
        streams = server.json("/api/v1/streams")["streams"]
        self.assertIn("key frames are 5.0 s apart", streams[0]["warning"])
        for segment in list(follower.seen.values())[-6:]:
            self.assertLess(segment.duration, 2.5)

    def test_a_live_stream_can_be_rewound(self):
        server = self.begin({"gop": 0.4}, **{"segment.duration": "500ms", "segment.window": "3",
                                             "segment.dvr-window": "10s"})
        follower = self.follow(server, "video", 16)
        listed = follower.last.segments
        self.assertGreater(len(listed), 10)
        for segment in listed:
            status, _, body = server.request("GET", f"/{NAME}/{segment.address}")
            self.assertEqual(status, 200, segment)
            self.assertEqual(body[4:8], b"moof", segment)
        status, headers, part = server.request("GET", f"/{NAME}/{listed[0].address}", headers={"Range": "bytes=4-7"})
        self.assertEqual((status, part), (206, b"moof"))
        kept = pathlib.Path(server.state_dir, "state/rewind")
        self.assertEqual(list(kept.iterdir()), [], "files that a crash would leave behind")

    def test_answers_are_as_caches_and_players_want_them(self):
        server = self.begin(**{"http.origins": "https://school.example"})
        self.follow(server, "video", 1)
        status, headers, body = server.request("GET", f"/{NAME}/video.m3u8", headers={"Accept-Encoding": "gzip, br"})
        self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"))
        self.assertTrue(gzip.decompress(body).startswith(b"#EXTM3U"))
        for refused in ("gzip;q=0", "br", ""):
            headers = server.request("GET", f"/{NAME}/video.m3u8", headers={"Accept-Encoding": refused})[1]
            self.assertNotIn("Content-Encoding", headers, refused)
        status, headers, whole = server.request("GET", f"/{NAME}/video/0.m4s", headers={"Origin": "https://school.example"})
        self.assertEqual(headers["Access-Control-Allow-Origin"], "https://school.example")
        self.assertIn("immutable", headers["Cache-Control"])
        status, headers, nothing = server.request("HEAD", f"/{NAME}/video/0.m4s")
        self.assertEqual((status, nothing, int(headers["Content-Length"])), (200, b"", len(whole)))
        status, headers, part = server.request("GET", f"/{NAME}/video/0.m4s", headers={"Range": "bytes=-10"})
        self.assertEqual((status, part), (206, whole[-10:]))
        self.assertEqual(server.request("GET", f"/{NAME}/video/0.m4s", headers={"Range": "bytes=99999999-"})[0], 416)


class ReconnectTest(lectern_test.TestCase):
    """Publishers come and go. LECTERN_LONG_RUN=SECONDS makes it long: all playlists of so many seconds are
    checked, and memory and descriptors are flat. The publisher returns every LECTERN_LONG_RUN_EACH seconds."""

    seconds = float(os.environ.get("LECTERN_LONG_RUN", "10"))
    timeout = seconds + 120

    def test_S_02_playlists_stay_valid_over_reconnects(self):
        seconds = self.seconds
        each = float(os.environ.get("LECTERN_LONG_RUN_EACH", "5"))
        server = self.server(settings={"plugins.hls": "true"})
        followers = {"video": Follower(), "audio": Follower()}
        measured = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            push = lectern_test.ffmpeg_push(server.push_url(NAME), rate=25, gop=2.0)
            until = time.monotonic() + each
            while time.monotonic() < until:
                for rendition, follower in followers.items():
                    status, _, body = server.request("GET", f"/{NAME}/{rendition}.m3u8")
                    if status == 200:
                        playlist = Playlist(body.decode())
                        follower.take(playlist)
                        oldest = playlist.segments[0]
                        status = server.request("GET", f"/{NAME}/{oldest.address}")[0]
                        self.assertEqual(status, 404 if oldest.gap else 200, oldest)
                    else:
                        self.assertEqual(status, 404, body)
                time.sleep(0.2)
            push.kill()
            measured.append((memory(server.process.pid), len(os.listdir(f"/proc/{server.process.pid}/fd"))))
        check_lines(followers["video"], followers["audio"])
        timelines = [segment.timeline for segment in followers["video"].seen.values()]
        self.assertGreater(max(timelines), 0, "no discontinuity although the publisher came back")
        self.assertGreater(followers["video"].readings, seconds / 2)
        if len(measured) >= 10:
            print(f"# {followers['video'].readings} readings, {len(measured)} publishers, KiB and descriptors:"
                  f" {measured[4]} … {measured[-1]}")
            self.assertLess(measured[-1][0], measured[4][0] * 1.2)
            self.assertLessEqual(measured[-1][1], measured[4][1] + 4)


def memory(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])


if __name__ == "__main__":
    lectern_test.main()
