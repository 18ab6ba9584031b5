# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other servers over RTMP that want a user and password, or refer to others."""

import json
import subprocess
import unittest

import carry
import lectern_test
import rtmp
import rtmp_server

USER, PASSWORD = "anna b", "ge:h@im"
WHO = "anna%20b:ge%3Ah%40im"
SECRETS = ("ge:h@im", "ge%3Ah%40im", "anna")


def ffmpeg(url):
    return ["ffmpeg", "-loglevel", "error", "-nostdin", "-re", "-f", "lavfi", "-i",
            "testsrc2=size=64x64:rate=25", "-t", "1", "-c:v", "libx264", "-preset", "ultrafast",
            "-f", "flv", url]


def gstreamer(url):
    return ["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=25", "!",
            "video/x-raw,width=64,height=64", "!", "x264enc", "!", "flvmux", "streamable=true", "!",
            "rtmp2sink", f"location={url}"]


class Elsewhere(lectern_test.TestCase):
    def remote(self, answer):
        return rtmp_server.Server(self, answer)

    def check_secrets(self, *servers):
        for server in servers:
            for secret in SECRETS:
                self.assertNotIn(secret, server.log())


class Login(Elsewhere):
    def login(self, *args, **options):
        return self.remote(rtmp_server.Login(*args, **options))

    def test_ffmpeg_and_gstreamer_agree_with_the_server_of_these_tests(self):
        for mode, opaque in (("adobe", True), ("adobe", False), ("llnw", None)):
            remote = self.login("anna", "geheim", mode, opaque)
            for tool in (ffmpeg, gstreamer):
                if mode == "llnw" and tool is gstreamer:
                    continue
                with self.subTest(mode=mode, opaque=opaque, tool=tool.__name__):
                    count = len(remote.started)
                    with lectern_test.Push(tool(remote.url(user="anna:geheim"))):
                        lectern_test.wait_for(lambda: len(remote.started) > count, 20, "a login")

    def test_a_stream_is_fetched(self):
        for mode, opaque in (("adobe", True), ("adobe", False), ("llnw", None)):
            with self.subTest(mode=mode, opaque=opaque):
                remote = self.login(USER, PASSWORD, mode, opaque)
                edge = carry.server(self, "pull", "live/b", remote.url(user=WHO))
                edge.wait_live("live/b")
                self.assertEqual(len(remote.connects), 3)
                self.assertEqual(remote.started[0][3], "a")
                self.check_secrets(edge)

    def test_a_stream_is_brought(self):
        remote = self.login(USER, PASSWORD)
        ours = carry.server(self, "push", "live/a", remote.url("live/inner/a?key=x", WHO))
        with rtmp.publisher(ours, "live/a") as publisher:
            publisher.video(0, key=True)
            ours.wait_log("carrying 'live/a'")
            self.assertEqual(remote.started[0][3], "a?key=x")
        self.check_secrets(ours)

    def test_who_is_refused(self):
        for user, words in (("anna%20b:wrong", "refuses user and password"),
                            ("otto:wrong", "refuses user and password"),
                            (None, "wants a user and password")):
            with self.subTest(user):
                remote = self.login(USER, PASSWORD)
                edge = carry.server(self, "pull", "live/b", remote.url(user=user))
                edge.wait_log(words)
                edge.wait_log("code: denied")
                self.assertNotIn("wrong", edge.log())
                self.check_secrets(edge)

    def test_another_kind_of_login(self):
        remote = self.remote(lambda info: rtmp_server.refuse("[ authmod=other ] : ?reason=needauth"))
        edge = carry.server(self, "pull", "live/b", remote.url(user=WHO))
        edge.wait_log("code: not-supported")

    def test_a_server_that_is_never_content(self):
        remote = self.remote(lambda info: rtmp_server.refuse(
            "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&salt=a&challenge=b"))
        edge = carry.server(self, "pull", "live/b", remote.url(user=WHO))
        edge.wait_log("code: denied")
        self.assertEqual(len(remote.connects), 2)


class Redirect(Elsewhere):
    def test_pull_and_push_go_on_at_the_other_server(self):
        origin = self.server()
        remote = self.remote(lambda info: rtmp_server.redirect(f"rtmp://127.0.0.1:{origin.rtmp_port}/up"))
        key = origin.key("up/a")
        ours = carry.server(self, "push", "live/a", remote.url(f"live/a?key={key}"))
        with rtmp.publisher(ours, "live/a") as publisher:
            publisher.video(0, key=True)
            origin.wait_live("up/a")
            edge = carry.server(self, "pull", "live/b", remote.url())
            edge.wait_live("live/b")
        self.assertNotIn(key, ours.log())

    def test_at_most_three_times(self):
        remote = self.remote(lambda info: rtmp_server.redirect(remote.url("live")))
        edge = carry.server(self, "pull", "live/b", remote.url())
        edge.wait_log("code: limit")
        self.assertEqual(len(remote.connects), 4)

    def test_a_login_goes_along_to_the_same_host_alone(self):
        second = self.remote(rtmp_server.Login(USER, PASSWORD))
        for host, words in (("127.0.0.1", "carrying"), ("localhost", "wants a user and password")):
            with self.subTest(host):
                first = self.remote(lambda info, host=host: rtmp_server.redirect(second.url("live", host=host)))
                edge = carry.server(self, "pull", "live/b", first.url(user=WHO))
                edge.wait_log(words)

    def test_what_is_no_address_of_rtmp(self):
        for url, code in (("http://127.0.0.1/live", "invalid-data"), ("", "invalid-data")):
            with self.subTest(url):
                remote = self.remote(lambda info, url=url: rtmp_server.redirect(url))
                edge = carry.server(self, "pull", "live/b", remote.url())
                edge.wait_log(f"code: {code}")

    def relayed(self, server, target):
        """The error of a relay made by the API that is sent from a server it may use to TARGET."""
        remote = self.remote(lambda info: rtmp_server.redirect(target))
        status, _, made = server.request(
            "POST", "/api/v1/relays",
            json.dumps({"mode": "pull", "stream": "live/b", "url": remote.url(host="localhost")}),
            server.manager() | {"Content-Type": "application/json"})
        self.assertEqual(status, 201, made)
        made = json.loads(made)
        address = f"/api/v1/relays/{made['id']}"
        error = lectern_test.wait_for(
            lambda: server.json(address, server.manager()).get("error"), 10, "an error")
        server.request("DELETE", address, headers=server.manager())
        return error

    def test_A_09_the_fence_stands_around_the_other_address_too(self):
        hidden = self.remote(lambda info: None)
        server = self.server(settings={"plugins.relay": "true", "relay.allow": "localhost"}, allow=["relay"])
        # By name, what is asked for is the address that it leads to.
        for host in ("127.0.0.1", "127.1", "[::ffff:127.0.0.1]"):
            with self.subTest(host):
                self.assertIn("[relay] allow", self.relayed(server, f"rtmp://{host}:{hidden.port}/live"))
        self.assertEqual(hidden.connects, [])

    def test_a_loop_by_way_of_another_server(self):
        port = lectern_test.free_port()
        remote = self.remote(lambda info: rtmp_server.redirect(f"rtmp://127.0.0.1:{port}/live"))
        server = self.server(settings={
            "plugins.relay": "true", "rtmp.listen": f"127.0.0.1:{port}",
            "relay.pull": f"live/a {remote.url()}"}, allow=["relay"])
        lectern_test.wait_for(
            lambda: "loop" in str(server.json("/api/v1/relays", server.manager())), 10, "a loop found")


if __name__ == "__main__":
    lectern_test.main()
