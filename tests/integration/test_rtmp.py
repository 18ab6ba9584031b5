# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTMP, both ways, by a raw client that can see every byte."""

import signal
import struct
import threading
import time

import lectern_test
import rtmp
from lectern_test import PATIENCE, wait_for
from rtmp import AUDIO, CONTROL, DATA, VIDEO


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
        self.assertTrue(rtmp.is_monotonic(before + after))

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
        self.assertTrue(rtmp.is_monotonic(videos))
        self.assertTrue(rtmp.is_monotonic([m for m in messages if m.kind == AUDIO]))
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

        def is_refused():
            try:
                lectern_test.Raw(port).close()
            except ConnectionRefusedError:
                return True
            return False
        wait_for(is_refused, 5, "the listener to go")

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


lectern_test.main()
