# SPDX-License-Identifier: LGPL-2.1-or-later
"""An RTSP server of GStreamer's for tests, as a program of its own: what an IP camera would be.

    server = rtsp_server.Server({"/live": "( filesrc location=… )"}, record={"/in": "( … )"})
    server.url("/live")
"""

import json
import subprocess
import sys

GSTREAMER = "/usr/bin/python3"


class Server:
    """PLAY and RECORD mounts are launch lines of gst-rtsp-server. USER and PASSWORD, TLS (certificate
    and key, as paths) are asked for when given; BASIC instead of Digest."""

    def __init__(self, play=None, record=None, user=None, password=None, basic=False, tls=None):
        import lectern_test
        config = {"play": play or {}, "record": record or {}, "user": user, "password": password,
                  "basic": basic, "tls": [str(path) for path in tls] if tls else None}
        self.secure = tls is not None
        self.process = lectern_test.spawn([GSTREAMER, __file__, json.dumps(config)], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline() or 0)
        if not self.port:
            raise AssertionError("the RTSP server of the test did not start")

    def url(self, path, host="127.0.0.1"):
        return f"rtsp{'s' if self.secure else ''}://{host}:{self.port}{path}"

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def _require_login(server, config, rtsp, gio):
    auth = rtsp.RTSPAuth.new()
    role = "user"
    if config["user"]:
        token = rtsp.RTSPToken()
        token.set_string("media.factory.role", role)
        if config["basic"]:
            auth.add_basic(rtsp.RTSPAuth.make_basic(config["user"], config["password"]), token)
        else:
            from gi.repository import GstRtsp
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(config["user"], config["password"], token)
    else:
        token = rtsp.RTSPToken()
        token.set_string("media.factory.role", role)
        auth.set_default_token(token)
    if config["tls"]:
        auth.set_tls_certificate(gio.TlsCertificate.new_from_files(*config["tls"]))
    server.set_auth(auth)
    return role


def main(config):
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import Gio, GLib, Gst, GstRtspServer
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    role = None
    if config["user"] or config["tls"]:
        role = _require_login(server, config, GstRtspServer, Gio)
    for kind in ("play", "record"):
        for path, launch in config[kind].items():
            factory = GstRtspServer.RTSPMediaFactory()
            factory.set_launch(launch)
            factory.set_latency(50)
            if kind == "record":
                factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
            if role:
                factory.add_role_from_structure(Gst.Structure.from_string(
                    f"{role}, media.factory.access=(boolean)true, media.factory.construct=(boolean)true")[0])
            server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    loop = GLib.MainLoop()
    GLib.io_add_watch(GLib.IOChannel.unix_new(0), 0, GLib.IOCondition.HUP, lambda *_: loop.quit())
    loop.run()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
