# SPDX-License-Identifier: LGPL-2.1-or-later
"""Streams fetched from and brought to other servers over RTMP: ours, ffmpeg and nginx."""

import pathlib
import subprocess
import unittest

import carry
import lectern_test
import rtmp
from rtmp import AUDIO, COMMAND, VIDEO
from test_rtmp_media import FLV_FILES, HEVC_CONFIG

NGINX_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")


def hevc(key, inter, start):
    """A second of H.265, its NAL units behind KEY or INTER."""
    head = b"\0\0\0\3"
    return [(VIDEO, start + i * 40, (inter + head + b"\x02\x01" if i % 10 else
                                     key + head + b"\x26\x01") + bytes([i])) for i in range(25)]


def codecs():
    """(name, sequence headers, tags) of what must get through as it is."""
    yield ("h265", [(VIDEO, b"\x1c\x00\0\0\0" + HEVC_CONFIG)],
           hevc(b"\x1c\x01\0\0\x28", b"\x2c\x01\0\0\0", 0))
    yield ("hvc1", [(VIDEO, b"\x90hvc1" + HEVC_CONFIG)],
           hevc(b"\x91hvc1\0\0\x28", b"\xa3hvc1", 0))
    for name in ("speex", "nellymoser-16000", "mp3-44100", "pcma"):
        yield name.partition("-")[0], [], rtmp.flv_tags(FLV_FILES / f"{name}.flv")
    tags = [tag for tag in rtmp.flv_tags(FLV_FILES / "h264-aac.flv") if tag[2][:2] != b"\x17\x02"]
    yield ("h264", [(kind, body) for kind, _, body in tags if body[1:2] == b"\0"],
           [tag for tag in tags if tag[2][1:2] != b"\0"])


class Source:
    """A publisher that says its tags, again and again."""

    def __init__(self, server, name, config, tags):
        self.tags = tags
        self.said = 0
        self.client = rtmp.Client(server.rtmp_port)
        self.client.connect()
        self.client.publish(f"{name.partition('/')[2]}?key={server.key(name)}")
        for kind, body in config:
            self.client.send(kind, body, 0, self.client.stream)

    def say(self):
        for kind, stamp, body in self.tags:
            self.client.send(kind, body, 5000 * self.said + stamp, self.client.stream)
        self.said += 1

    def end(self):
        self.client.unpublish("a")

    def close(self):
        self.client.close()


class Carried(lectern_test.TestCase):
    def check_suffix(self, viewer, config, source):
        """VIEWER gets the headers and the last that SOURCE said, byte for byte, up to the end."""
        got = viewer.first
        viewer.read_until(lambda m: m.kind == COMMAND or got.append(m))
        got = [m.payload for m in got if m.kind in (AUDIO, VIDEO)]
        self.assertEqual(got[:len(config)], [body for _, body in config])
        frames = got[len(config):]
        self.assertGreaterEqual(len(frames), len(source.tags) if len(config) == 2 else 1)
        said = [body for _, _, body in source.tags * source.said]
        self.assertEqual(frames, said[-len(frames):])

    def viewer(self, server, name, config):
        """A player that is there, and where picture and sound are known, with its first frame: else
        the server waits a moment for the other, and the player begins later."""
        viewer = rtmp.player(server, name)
        viewer.first = viewer.media(3) if len(config) == 2 else []
        lectern_test.wait_for(lambda: server.stream(name)["viewers"] == 1, what="the viewer")
        return viewer


class Pull(Carried):
    def test_codecs_get_through_unchanged(self):
        origin = self.server()
        for name, config, tags in codecs():
            with self.subTest(name):
                source = Source(origin, f"live/{name}", config, tags)
                source.say()
                edge = carry.server(self, "pull", "live/a", origin.play_url(f"live/{name}"))
                # Sound alone is not kept for those who come later.
                lectern_test.wait_for(lambda: source.say() or edge.stream("live/a"))
                viewer = self.viewer(edge, "live/a", config)
                source.say()
                source.end()
                self.check_suffix(viewer, config, source)
                edge.wait_log("ended 'live/a' after media: in order")
                source.close()
                viewer.close()

    def test_over_tls_from_a_trusted_server(self):
        origin = self.server(tls=True)
        with lectern_test.ffmpeg_push(origin.push_url("live/a")):
            origin.wait_live("live/a")
            url = f"rtmps://localhost:{origin.rtmps_port}/live/a"
            edge = carry.server(self, "pull", "live/b", url,
                                {"server.ca-file": origin.certificate})
            edge.wait_live("live/b")
            streams = lectern_test.ffprobe(edge.flv_url("live/b"))["streams"]
            self.assertEqual({s["codec_name"] for s in streams}, {"h264", "aac"})
            stranger = carry.server(self, "pull", "live/b", url)
            stranger.wait_log("ended 'live/b' after nothing: .*certificate")

    def pulled(self, **settings):
        """An origin, its publisher and an edge that pulls from it."""
        origin = self.server()
        source = rtmp.publisher(origin, "live/a")
        source.video(0, key=True)
        edge = carry.server(self, "pull", "live/b", origin.play_url("live/a") + "?secret=hush",
                            settings)
        edge.wait_live("live/b")
        return origin, source, edge

    def test_a_crash_is_no_end(self):
        origin, _, edge = self.pulled()
        origin.kill()
        edge.wait_log("code: closed")
        self.assertNotIn("hush", edge.log())

    def test_silence_has_a_limit(self):
        _, source, edge = self.pulled(**{"carry.timeout": "1s"})
        edge.wait_log("code: timed-out")
        source.close()

    def test_what_nobody_publishes(self):
        origin = self.server(settings={"media.wait": "0s"})
        edge = carry.server(self, "pull", "live/b", origin.play_url("live/none"))
        edge.wait_log("code: not-found")

    def test_refusals(self):
        origin = self.server(settings={"access.open-play": "false"})
        edge = carry.server(self, "pull", "live/b", origin.play_url("live/a") + "?key=hush")
        edge.wait_log("code: denied")
        edge.wait_log("NetStream.play.Unauthorized")
        self.assertNotIn("hush", edge.log())

    def test_addresses_that_may_not_be_used(self):
        edge = carry.server(self, "pull", "live/b", "rtmp://127.0.0.1:1/live/a",
                            {"carry.loopback": "false"})
        edge.wait_log("its address is not allowed")
        edge.wait_log("code: denied")

    def test_nobody_listens(self):
        edge = carry.server(self, "pull", "live/b", "rtmp://127.0.0.1:1/live/a")
        edge.wait_log("127.0.0.1:1: Connection refused")

    def test_a_server_does_not_play_to_itself(self):
        port = lectern_test.free_port()
        server = carry.server(self, "pull", "live/a", f"rtmp://127.0.0.1:{port}/live/a",
                              {"rtmp.listen": f"127.0.0.1:{port}"})
        server.wait_log("already come through this server: a loop")
        server.wait_log("ended 'live/a' after nothing")

    def test_from_ffmpeg(self):
        port = lectern_test.free_port()
        url = f"rtmp://127.0.0.1:{port}/live/a"
        with lectern_test.ffmpeg_push(url, output=("-f", "flv", "-listen", "1")) as push:
            wait_listening(port)
            edge = carry.server(self, "pull", "live/b", url)
            edge.wait_live("live/b")
            streams = lectern_test.ffprobe(edge.flv_url("live/b"))["streams"]
            self.assertEqual({s["codec_name"] for s in streams}, {"h264", "aac"})
            push.kill()
            edge.wait_log("ended 'live/b' after media")


def wait_listening(port):
    """Waits without connecting, since some servers take one connection only."""
    needle = f":{port:04X} "
    lectern_test.wait_for(
        lambda: any(needle in line and " 0A " in line
                    for line in open("/proc/net/tcp", encoding="ascii")), what="a listener")


class Push(Carried):
    def test_codecs_get_through_unchanged(self):
        target = self.server()
        for name, config, tags in codecs():
            with self.subTest(name):
                ours = carry.server(self, "push", "live/a", target.push_url(f"live/{name}"))
                source = Source(ours, "live/a", config, tags)
                source.say()
                target.wait_live(f"live/{name}")
                viewer = self.viewer(target, f"live/{name}", config)
                source.say()
                source.end()
                self.check_suffix(viewer, config, source)
                ours.wait_log("ended 'live/a' after media: in order")
                self.assertNotIn("key=", ours.log())
                source.close()
                viewer.close()

    def test_over_tls(self):
        target = self.server(tls=True)
        url = target.push_url("live/b", scheme="rtmps")
        ours = carry.server(self, "push", "live/a", url, {"server.ca-file": target.certificate})
        with lectern_test.ffmpeg_push(ours.push_url("live/a")):
            target.wait_live("live/b")
            streams = lectern_test.ffprobe(target.flv_url("live/b"))["streams"]
            self.assertEqual({s["codec_name"] for s in streams}, {"h264", "aac"})

    def test_metadata_comes_along(self):
        target = self.server()
        ours = carry.server(self, "push", "live/a", target.push_url("live/b"))
        source = rtmp.publisher(ours, "live/a")
        source.metadata(title="physics")
        source.video(0, key=True)
        target.wait_live("live/b")
        viewer = rtmp.player(target, "live/b")
        values = viewer.read_until(lambda m: m.kind == rtmp.DATA).values
        self.assertEqual(values[1]["title"], "physics")

    def test_a_wrong_key(self):
        target = self.server()
        ours = carry.server(self, "push", "live/a", target.push_url("live/b", key="hush"))
        rtmp.publisher(ours, "live/a").video(0, key=True)
        ours.wait_log("code: denied")
        self.assertNotIn("hush", ours.log())

    def test_a_server_does_not_publish_to_itself(self):
        port = lectern_test.free_port()
        server = carry.server(self, "push", "live/a", f"rtmp://127.0.0.1:{port}/live/b",
                              {"rtmp.listen": f"127.0.0.1:{port}", "access.open-publish": "true"})
        rtmp.publisher(server, "live/a", key=None).video(0, key=True)
        server.wait_log("already come through this server: a loop")
        server.wait_log("code: conflict")

    def check_recorded(self, push, source, path):
        """What another program wrote down while SOURCE was on the air."""
        push.wait_log("carrying 'live/a'")
        lectern_test.wait_for(lambda: path.exists() and path.stat().st_size > 50000, 20, "a file")
        source.stop()
        push.wait_log("ended 'live/a' after media: in order")
        lectern_test.wait_for(
            lambda: {s["codec_name"] for s in lectern_test.ffprobe(str(path))["streams"]}
            == {"h264", "aac"}, what="both tracks")

    def test_to_ffmpeg(self):
        port = lectern_test.free_port()
        url = f"rtmp://127.0.0.1:{port}/live/x"
        path = lectern_test.temporary_directory() / "out.flv"
        listener = lectern_test.spawn(["ffmpeg", "-loglevel", "error", "-listen", "1", "-i", url,
                                       "-c", "copy", "-f", "flv", str(path)],
                                      stderr=subprocess.DEVNULL)
        self.addCleanup(listener.kill)
        wait_listening(port)
        ours = carry.server(self, "push", "live/a", url)
        with lectern_test.ffmpeg_push(ours.push_url("live/a")) as source:
            self.check_recorded(ours, source, path)
        self.assertEqual(listener.wait(10 * lectern_test.PATIENCE), 0)


@unittest.skipUnless(NGINX_MODULE.exists(), "no nginx with its RTMP module")
class Nginx(Carried):
    def nginx(self):
        """The port of an nginx that passes streams on and records them, and the recordings."""
        folder = lectern_test.temporary_directory()
        port = lectern_test.free_port()
        (folder / "nginx.conf").write_text(
            f"load_module {NGINX_MODULE};\ndaemon off;\nuser root;\npid {folder}/pid;\n"
            f"error_log {folder}/error;\nworker_processes 1;\nevents {{}}\n"
            f"rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; "
            f"record all; record_path {folder}; }} }} }}\n", encoding="utf-8")
        process = lectern_test.spawn(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)],
                                     stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_listening(port)
        return port, folder

    def test_there_and_back(self):
        port, folder = self.nginx()
        ours = carry.server(self, "push", "live/a", f"rtmp://127.0.0.1:{port}/live/x")
        with lectern_test.ffmpeg_push(ours.push_url("live/a")) as source:
            ours.wait_log("carrying 'live/a'")
            edge = carry.server(self, "pull", "live/b", f"rtmp://127.0.0.1:{port}/live/x")
            edge.wait_live("live/b")
            streams = lectern_test.ffprobe(edge.flv_url("live/b"))["streams"]
            self.assertEqual({s["codec_name"] for s in streams}, {"h264", "aac"})
            source.stop()
            ours.wait_log("ended 'live/a' after media: in order")
            edge.wait_log("ended 'live/b' after media: in order")
        self.assertGreater(next(folder.glob("x*.flv")).stat().st_size, 10000)


if __name__ == "__main__":
    lectern_test.main()
