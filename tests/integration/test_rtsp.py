# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTSP by the clients people have: ffmpeg and GStreamer, both ways, over TCP, UDP and TLS; and its
rules. Debian's VLC has no RTSP."""

import subprocess
import time

import lectern_test
import rtmp
import rtsp
import rtsp_media
from lectern_test import PATIENCE, wait_for


def run(command, timeout=40):
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout * PATIENCE,
                          stdin=subprocess.DEVNULL)


def frames(url, seconds=2, args=()):
    """How many (video, audio) frames ffmpeg decodes of URL in so many seconds of media."""
    done = run(["ffmpeg", "-v", "error", "-nostdin", *args, "-i", url, "-t", str(seconds), "-map",
                "0", "-f", "framecrc", "-"])
    if done.returncode != 0:
        raise AssertionError(f"ffmpeg {url}: {done.stderr}")
    rows = [line.split(",")[0].strip() for line in done.stdout.splitlines() if line[0] != "#"]
    return rows.count("0"), rows.count("1")


def push(url, transport="tcp", **options):
    return lectern_test.ffmpeg_push(
        url, output=["-rtsp_transport", transport, "-f", "rtsp"], **options)


class Clients(lectern_test.TestCase):
    def test_ffmpeg_publishes_and_plays(self):
        server = self.server()
        for way in ("tcp", "udp"):
            with self.subTest(way), push(server.push_url(f"live/{way}", scheme="rtsp"), way):
                server.wait_live(f"live/{way}")
                video, audio = frames(server.flv_url(f"live/{way}"))
                self.assertGreaterEqual(video, 28)
                self.assertGreaterEqual(audio, 80)
                for out in ("tcp", "udp"):
                    video, audio = frames(server.play_url(f"live/{way}", scheme="rtsp"),
                                          args=["-rtsp_transport", out])
                    self.assertGreaterEqual(video, 27)
                    self.assertGreaterEqual(audio, 78)
                reception = wait_for(lambda: server.stream(f"live/{way}")["reception"], 10,
                                     "the publisher's reception")
                self.assertGreater(reception["packets"], 50)
                self.assertEqual(reception["lost"], 0)

    def test_ffmpeg_over_tls(self):
        server = self.server(tls=True)
        with push(server.push_url("live/a", scheme="rtsps")):
            server.wait_live("live/a")
            video, _ = frames(server.play_url("live/a", scheme="rtsps"))
            self.assertGreaterEqual(video, 27)

    def gst_publish(self, url, transport):
        return lectern_test.Push([
            "gst-launch-1.0", "-q", "rtspclientsink", "name=out", f"location={url}",
            f"protocols={transport}", "latency=0",
            "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=15/1",
            "!", "x264enc", "tune=zerolatency", "speed-preset=ultrafast", "key-int-max=15", "!",
            "h264parse", "!", "queue", "!", "out.",
            "audiotestsrc", "is-live=true", "!", "audioconvert", "!", "avenc_aac", "!", "aacparse",
            "!", "queue", "!", "out."])

    def test_gstreamer_publishes(self):
        server = self.server()
        for way in ("tcp", "udp"):
            url = server.push_url(f"live/{way}", scheme="rtsp")
            with self.subTest(way), self.gst_publish(url, way):
                server.wait_live(f"live/{way}")
                video, audio = frames(server.flv_url(f"live/{way}"))
                self.assertGreaterEqual(video, 26)
                self.assertGreaterEqual(audio, 60)

    def test_gstreamer_plays(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            for way in ("tcp", "udp"):
                file = lectern_test.temporary_directory() / "video.raw"
                played = run(["timeout", str(20 * PATIENCE), "gst-launch-1.0", "-q", "rtspsrc",
                              f"protocols={way}", "latency=100",
                              f"location={server.play_url('live/a', scheme='rtsp')}", "name=in",
                              "in.", "!", "application/x-rtp,media=video", "!", "rtph264depay",
                              "!", "h264parse", "!", "avdec_h264", "!",
                              "identity", "eos-after=20", "!", "filesink", f"location={file}"])
                self.assertEqual(played.returncode, 0, played.stderr)
                self.assertGreaterEqual(file.stat().st_size, 18 * 320 * 180 * 3 // 2)

    def test_codecs(self):
        server = self.server()
        cases = {"h265-opus": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                               "log-level=none", "-c:a", "libopus", "-ar", "48000"],
                 "pcma": ["-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"],
                 "mp3": ["-c:a", "libmp3lame"]}
        expected = {"h265-opus": ("hevc", "opus"), "pcma": ("h264", "pcm_alaw"),
                    "mp3": ("h264", "mp3")}
        for name, extra in cases.items():
            with self.subTest(name), push(server.push_url(f"live/{name}", scheme="rtsp"),
                                          extra=extra):
                server.wait_live(f"live/{name}")
                url = server.play_url(f"live/{name}", scheme="rtsp")
                streams = lectern_test.ffprobe(url, args=["-rtsp_transport", "tcp"])["streams"]
                self.assertEqual(tuple(s["codec_name"] for s in streams), expected[name])
                self.assertGreaterEqual(frames(url, 1, ["-rtsp_transport", "tcp"])[0], 12)


class Keys(lectern_test.TestCase):
    def setUp(self):
        self.one = self.server()
        self.port = self.one.port("rtsp")

    def announce(self, client, name="live/a", query="", headers=None):
        url = client.url(name) + query
        return url, client.request("ANNOUNCE", url,
                                   {"Content-Type": "application/sdp", **(headers or {})}, rtsp.SDP)

    def test_without_a_key_it_is_asked_for(self):
        with rtsp.Client(self.port) as client:
            _, (status, headers, _) = self.announce(client)
            self.assertEqual(status, 401)
            self.assertIn('Digest realm="Lectern"', headers["www-authenticate"])
        self.assertIsNone(self.one.stream("live/a"))

    def test_a_wrong_key_in_the_address_is_refused(self):
        with rtsp.Client(self.port) as client:
            _, (status, _, _) = self.announce(client, query="?key=guessed")
            self.assertEqual(status, 403)
            self.assertTrue(client.is_closed())

    def test_basic(self):
        key = self.one.key("live/a")
        with rtsp.Client(self.port) as client:
            for password, expected in (("wrong", 401), (key, 200)):
                _, (status, _, _) = self.announce(
                    client, headers={"Authorization": rtsp.basic("anybody", password)})
                self.assertEqual(status, expected)

    def test_digest(self):
        key = self.one.key("live/a")
        with rtsp.Client(self.port) as client:
            url, (_, headers, _) = self.announce(client)
            challenge = headers["www-authenticate"]
            for user, password, expected in (("a", "wrong", 401), ("b", key, 401), ("a", key, 200)):
                answer = rtsp.digest(challenge, "ANNOUNCE", url, user, password)
                _, (status, _, _) = self.announce(client, headers={"Authorization": answer})
                self.assertEqual(status, expected)
        # Neither for another address nor on another connection.
        with rtsp.Client(self.port) as client:
            _, (status, _, _) = self.announce(client, headers={"Authorization": answer})
            self.assertEqual(status, 401)

    def test_three_wrong_keys_end_the_connection(self):
        with rtsp.Client(self.port) as client:
            for _ in range(3):
                _, (status, _, _) = self.announce(
                    client, headers={"Authorization": rtsp.basic("a", "wrong")})
                self.assertEqual(status, 401)
            self.assertTrue(client.is_closed())

    def test_ffmpeg_brings_a_key_by_digest(self):
        url = self.one.push_url("live/a", key=None, scheme="rtsp")
        with push(url.replace("rtsp://", f"rtsp://a:{self.one.key('live/a')}@")):
            self.one.wait_live("live/a")

    def test_where_nobody_may_play(self):
        closed = self.server(settings={"access.open-play": "false"})
        with rtsp.Client(closed.port("rtsp")) as client:
            self.assertEqual(client.request("OPTIONS", "*")[0], 200)
            for method in ("DESCRIBE", "SETUP"):
                status, _, _ = client.request(method, client.url("live/a"),
                                              {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"})
                self.assertEqual(status, 401, method)


class Life(lectern_test.TestCase):
    def test_a_lost_publisher_may_return_and_a_teardown_ends(self):
        server = self.server()
        url = server.push_url("live/a", scheme="rtsp")
        first = push(url)
        server.wait_live("live/a")
        first.kill()
        wait_for(lambda: server.stream("live/a")["state"] == "away", 10, "the stream to be away")
        with push(url):
            server.wait_live("live/a")
            # The same key takes over from a connection that hangs.
            with push(url) as second:
                server.wait_log("the same key publishes")
                server.wait_live("live/a")
                second.stop()
            wait_for(lambda: (server.stream("live/a") or {"state": "ended"})["state"] == "ended",
                     10, "the end")

    def test_a_player_waits_for_its_stream(self):
        server = self.server()
        with rtsp.Client(server.port("rtsp"), timeout=20) as client:
            client.send("DESCRIBE", client.url("live/a"))
            with lectern_test.ffmpeg_push(server.push_url("live/a")):
                status, headers, body = client.response()
        self.assertEqual(status, 200)
        self.assertIn("H264/90000", body)
        self.assertIn("mpeg4-generic/44100/2", body.lower())
        self.assertEqual(headers["content-base"], client.url("live/a") + "/")

    def test_nobody_publishes(self):
        server = self.server(settings={"media.wait": "200ms"})
        with rtsp.Client(server.port("rtsp")) as client:
            self.assertEqual(client.request("DESCRIBE", client.url("live/a"))[0], 404)
            self.assertEqual(client.request("DESCRIBE", client.url("nonsense"))[0], 404)

    def play(self, client, tracks=(1, 2), sockets=None):
        for number in tracks:
            transport = f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
            if sockets:
                port = sockets[number - 1][0].getsockname()[1]
                transport = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
            status, headers, _ = client.request("SETUP", client.url(f"live/a/trackID={number}"),
                                                {"Transport": transport})
            self.assertEqual(status, 200)
            self.assertIn("server_port=" if sockets else
                          f"interleaved={2 * number - 2}-{2 * number - 1}", headers["transport"])
        self.assertEqual(client.request("PLAY", client.url("live/a"))[0], 200)

    def test_play_pause_and_teardown(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            with rtsp.Client(server.port("rtsp")) as client:
                self.play(client, (1,))
                # Its report comes first, then a packet of the newest key frame.
                self.assertEqual(client.packet()[0], 1)
                channel, packet = client.packet()
                self.assertEqual((channel, packet[0], packet[1] & 0x7f), (0, 0x80, 96))
                self.assertEqual(client.request("PAUSE", client.url("live/a"))[0], 200)
                self.assertEqual(client.request("GET_PARAMETER", client.url("live/a"))[0], 200)
                self.assertEqual(client.request("PLAY", client.url("live/a"))[0], 200)
                client.frames.clear()
                client.packet()
                report = (b"\x81\xc9\0\7" + bytes(4) + packet[8:12] + b"\x10\0\0\5"
                          + bytes(2) + packet[2:4] + (900).to_bytes(4, "big") + bytes(8))
                client.send_packet(1, report)
                session = wait_for(
                    lambda: [s for s in server.json("/api/v1/sessions", server.manager())["sessions"]
                             if s["protocol"] == "rtsp" and s["reception"]], 10, "the report")[0]
                self.assertEqual((session["reception"]["lost"], session["reception"]["jitter"]),
                                 (5, 10))
                self.assertEqual(client.request("TEARDOWN", client.url("live/a"))[0], 200)
                self.assertEqual(client.request("PLAY", client.url("live/a"))[0], 454)

    def test_a_stream_that_ends_says_bye(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a")) as teacher:
            server.wait_live("live/a")
            with rtsp.Client(server.port("rtsp")) as client:
                self.play(client)
                teacher.stop()
                self.assertTrue(client.is_closed())
                while client._frame():
                    continue
                byes = {channel for channel, data in client.frames
                        if channel % 2 == 1 and b"\x81\xcb" in data}
        self.assertEqual(byes, {1, 3})

    def test_a_place_for_reports_is_not_taken_from_another(self):
        server = self.server()
        pair = rtsp_media.udp_pair()
        for one in pair:
            self.addCleanup(one.close)
        port = pair[0].getsockname()[1]
        with rtmp.Teacher(server, "live/a", server.key("live/a")), rtsp.Client(server.port("rtsp")) as first, \
                rtsp.Client(server.port("rtsp")) as second:
            server.wait_live("live/a")
            transport = {"Transport": f"RTP/AVP;unicast;client_port={port}-{port + 1}"}
            _, headers, _ = first.request("SETUP", first.url("live/a/trackID=1"), transport)
            self.assertEqual(first.request("PLAY", first.url("live/a"))[0], 200)
            for _ in range(2):
                self.assertEqual(second.request("SETUP", second.url("live/a/trackID=1"), transport)[0], 200)
            pair[0].settimeout(10 * PATIENCE)
            packet = pair[0].recv(2000)
            report = (b"\x81\xc9\0\7" + bytes(4) + packet[8:12] + b"\x10\0\0\5" + bytes(2) + packet[2:4]
                      + (900).to_bytes(4, "big") + bytes(8))
            _, control = rtsp_media.ports(headers["transport"], "server_port")

            def is_heard():
                pair[1].sendto(report, ("127.0.0.1", control))
                return any(s["reception"] for s in
                           server.json("/api/v1/sessions", server.manager())["sessions"] if s["protocol"] == "rtsp")
            wait_for(is_heard, 10, "the report")

    def test_a_control_may_begin_with_a_slash(self):
        server = self.server()
        with rtsp.Client(server.port("rtsp")) as client:
            text = rtsp_media.sdp().replace("control:streamid", "control:/streamid")
            self.assertEqual(rtsp_media.announce(client, server, "live/a", text)[0], 200)
            status, _, _ = client.request("SETUP", client.url("live/a/streamid=1"),
                                          {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"})
            self.assertEqual(status, 200)

    def test_a_refused_setup_leaves_nothing(self):
        server = self.server(settings={"rtsp.max-sessions": "1"})
        tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        with rtmp.Teacher(server, "live/a", server.key("live/a")), rtsp.Client(server.port("rtsp")) as one, \
                rtsp.Client(server.port("rtsp")) as two:
            server.wait_live("live/a")
            udp = {"Transport": "RTP/AVP;unicast;client_port=0-0"}
            self.assertIn(one.request("SETUP", one.url("live/a/trackID=9"), tcp)[0], (404, 461))
            self.assertGreaterEqual(one.request("SETUP", one.url("live/a/trackID=1"), udp)[0], 400)
            self.assertEqual(two.request("SETUP", two.url("live/a/trackID=1"), tcp)[0], 200)

    def test_a_paused_player_must_be_heard_of(self):
        server = self.server(settings={"rtsp.session-timeout": "10s"})
        with rtmp.Teacher(server, "live/a", server.key("live/a")), \
                rtsp.Client(server.port("rtsp"), timeout=30) as client:
            server.wait_live("live/a")
            self.play(client, (1,))
            self.assertEqual(client.request("PAUSE", client.url("live/a"))[0], 200)
            self.assertTrue(client.is_closed())

    def test_other_codecs_end_what_is_played(self):
        server = self.server()
        sockets = [rtsp_media.udp_pair() for _ in range(2)]
        for one in sockets[0] + sockets[1]:
            self.addCleanup(one.close)
        with rtmp.Teacher(server, "live/a", server.key("live/a")) as teacher, \
                rtsp.Client(server.port("rtsp")) as tcp, \
                rtsp.Client(server.port("rtsp")) as udp:
            server.wait_live("live/a")
            self.play(tcp)
            self.play(udp, sockets=sockets)
            sockets[0][0].settimeout(10 * PATIENCE)
            self.assertTrue(sockets[0][0].recv(2000))
            teacher.sound = b"\x72" + bytes(320)  # G.711
            begun = time.monotonic()
            self.assertTrue(tcp.is_closed())
            self.assertTrue(udp.is_closed())
            self.assertLess(time.monotonic() - begun, PATIENCE)
            with rtsp.Client(server.port("rtsp")) as again:
                self.assertIn("PCMA/8000", again.request("DESCRIBE", again.url("live/a"))[2])
                self.play(again)
                self.assertTrue(again.packet())

    def test_the_operator_ends_sessions(self):
        server = self.server()
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            with rtsp.Client(server.port("rtsp")) as client:
                self.play(client)
                mine = wait_for(
                    lambda: [s["id"] for s in server.json("/api/v1/sessions",
                                                          server.manager())["sessions"]
                             if s["protocol"] == "rtsp"], 10, "the session")
                status, _, _ = server.request("DELETE", f"/api/v1/sessions/{mine[0]}",
                                              headers=server.manager())
                self.assertEqual(status, 204)
                self.assertTrue(client.is_closed())

    def test_limits_and_settings(self):
        server = self.server(settings={"rtsp.max-sessions": "1", "rtsp.transports": "tcp",
                                       "rtsp.requests": "100"})
        with lectern_test.ffmpeg_push(server.push_url("live/a")):
            server.wait_live("live/a")
            with rtsp.Client(server.port("rtsp")) as one, rtsp.Client(server.port("rtsp")) as two:
                url = one.url("live/a/trackID=1")
                udp = {"Transport": "RTP/AVP;unicast;client_port=5000-5001"}
                tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
                self.assertEqual(one.request("SETUP", url, udp)[0], 461)
                self.assertEqual(one.request("SETUP", url, tcp)[0], 200)
                self.assertEqual(two.request("SETUP", url, tcp)[0], 503)
                self.assertEqual(one.request("TEARDOWN", one.url("live/a"))[0], 200)
                self.assertEqual(two.request("SETUP", url, tcp)[0], 200)


lectern_test.main()
