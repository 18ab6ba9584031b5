# SPDX-License-Identifier: LGPL-2.1-or-later
"""How each server is made ready, started, and where its stream is then found.

A server is a class with `name`, `formats`, and `start`, which returns the command and its additions to
the environment; `prepare` raises Missing when it cannot be had.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
APP, STREAM = "live", "bench"
FORMATS = ("flv", "ws", "rtmp")
RTSP = ("rtsp", "rtsp-udp")
SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"


class Missing(Exception):
    """The server cannot be had here; says why."""


class Server:
    name = ""
    formats = ()
    publishes = True  # it gets the stream by RTMP
    flushes = ("-",)  # flush settings it can be measured at

    def prepare(self, bench):
        pass

    def start(self, run):
        raise NotImplementedError

    def port(self, run):
        """Where it listens when it is ready."""
        return run.rtmp

    def url(self, run, kind):
        if kind in RTSP:
            return f"rtsp://127.0.0.1:{run.rtsp}/{APP}/{STREAM}"
        if kind == "rtmp":
            return f"rtmp://127.0.0.1:{run.rtmp}/{APP}/{STREAM}"
        scheme = {"flv": "http", "ws": "ws"}[kind]
        return f"{scheme}://127.0.0.1:{run.http}/{APP}/{STREAM}.flv"


class Lectern(Server):
    name = "lectern"
    formats = FORMATS + RTSP
    flushes = ("frame", "100", "350")

    def prepare(self, bench):
        if not (bench.build / "lectern").exists():
            raise Missing(f"not built in {bench.build}")

    def start(self, run):
        settings = {
            "server.state-dir": run.folder / "state",
            "server.threads": run.threads,
            "server.connections-per-address": 0,
            "server.connects-per-address": 0,
            "http.listen": f"127.0.0.1:{run.http}",
            "rtmp.listen": f"127.0.0.1:{run.rtmp}",
            "rtsp.listen": "127.0.0.1:0",
            "access.open-publish": "true",
            "media.flush-interval": "0s" if run.flush in ("-", "frame") else f"{run.flush}ms",
            "media.flush-stretch": "false",
            "plugins.rtsp": "true" if run.kind in RTSP else "false",
            # Segments are a work of their own, which no peer here does.
            "plugins.hls": "false",
            **run.settings,
        }
        if run.kind in RTSP:
            settings.update({"rtsp.listen": f"127.0.0.1:{run.rtsp}", "rtsp.requests": 1000})
        (run.folder / "state").mkdir(mode=0o700)
        args = [str(run.bench.build / "lectern"), "serve"]
        for key, value in settings.items():
            args += ["--set", f"{key}={value}"]
        plugins = f"{run.bench.build}/plugins:{run.bench.build}/tests/bench/echo-plugin"
        return args, {"LECTERN_PLUGIN_PATH": plugins}


class Floor(Server):
    name = "floor"
    formats = FORMATS + RTSP
    publishes = False
    flushes = ("frame", "100", "350")

    def start(self, run):
        port = self.port(run)
        if run.kind == "echo":
            return [run.bench.program("floor-echo"), str(port)], {}
        flush = "frame" if run.flush == "-" else run.flush
        return [run.bench.program("floor"), run.kind, str(port), flush, str(run.bench.slots),
                str(run.bench.stream)], {}

    def port(self, run):
        return {"rtmp": run.rtmp, "rtsp": run.rtsp, "rtsp-udp": run.rtsp}.get(run.kind, run.http)


class GstRtsp(Server):
    name = "gst-rtsp"
    formats = RTSP
    publishes = False  # it reads the stream from its file, as the floor does

    def prepare(self, bench):
        if not (bench.build / "tests/bench/bench-gst-rtsp").exists():
            raise Missing("was built without the package libgstrtspserver-1.0-dev")

    def start(self, run):
        return [run.bench.program("gst-rtsp"), str(run.rtsp), str(run.bench.stream)], {}

    def port(self, run):
        return run.rtsp


class Nginx(Server):
    name = "nginx-rtmp"
    formats = ("rtmp",)
    packages = ("nginx-light", "libnginx-mod-rtmp")

    def locate(self):
        self.binary = shutil.which("nginx", path=SBIN)
        if not self.binary:
            return False
        said = subprocess.run([self.binary, "-V"], capture_output=True, text=True).stderr
        folder = re.search(r"--modules-path=(\S+)", said)
        self.module = Path(folder[1] if folder else "/usr/lib/nginx/modules") / "ngx_rtmp_module.so"
        return self.module.exists()

    def prepare(self, bench):
        if not self.locate() and (not bench.install(self.packages) or not self.locate()):
            raise Missing(f"needs the packages {' '.join(self.packages)}")

    def start(self, run):
        config = run.folder / "nginx.conf"
        config.write_text(f"""load_module {self.module};
daemon off;
{"user root;" if os.geteuid() == 0 else ""}
worker_processes 1;
worker_rlimit_nofile 20000;
pid {run.folder}/nginx.pid;
error_log {run.folder}/error.log error;
events {{ worker_connections 12000; }}
rtmp {{
    access_log off;
    server {{
        listen 127.0.0.1:{run.rtmp};
        application {APP} {{ live on; }}
    }}
}}
""")
        return [self.binary, "-p", str(run.folder), "-c", str(config)], {}


class NodeMediaServer(Server):
    formats = FORMATS
    # Version 2 cannot be told an address: every listener is put on loopback.
    LOOPBACK = """const net = require('net'), listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  const at = typeof port === 'object' && port ? { ...port } : { port: Number(port) };
  return listen.call(this, { ...at, host: '127.0.0.1' }, ...rest.filter(x => typeof x === 'function'));
};
"""

    def prepare(self, bench):
        folder = HERE / "peers" / self.name
        stamp = folder / "node_modules" / ".lectern-lock"
        lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
        if not shutil.which("node"):
            raise Missing("needs node")
        if stamp.exists() and stamp.read_text() == lock:
            return
        if not shutil.which("npm"):
            raise Missing("needs npm")
        with open(bench.out / f"{self.name}-npm.log", "wb") as log:
            done = subprocess.run(["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"],
                                  cwd=folder, stdout=log, stderr=log, timeout=120)
        if done.returncode != 0:
            raise Missing(f"npm could not install it: see {log.name}")
        stamp.write_text(lock)

    def start(self, run):
        module = json.dumps(str(HERE / "peers" / self.name / "node_modules/node-media-server"))
        script = run.folder / "app.js"
        options = json.dumps(self.options(run))
        script.write_text(f"{self.LOOPBACK}const Server = require({module});\nnew Server({options}).run();\n")
        return ["node", str(script)], {"NODE_ENV": "production"}


class NodeMediaServer2(NodeMediaServer):
    name = "nms2"

    def options(self, run):
        return {"logType": 0,
                "rtmp": {"port": run.rtmp, "chunk_size": 60000, "gop_cache": True, "ping": 30, "ping_timeout": 60},
                "http": {"port": run.http, "mediaroot": str(run.folder), "allow_origin": "*"}}


class NodeMediaServer4(NodeMediaServer):
    name = "nms4"

    def options(self, run):
        return {"bind": "127.0.0.1", "rtmp": {"port": run.rtmp}, "http": {"port": run.http},
                "notify": {"url": ""}, "auth": {"play": False, "publish": False, "secret": ""},
                "store": {"path": str(run.folder / "data"), "maxHistory": 100}}


SERVERS = {server.name: server for server in
           (Floor(), Lectern(), Nginx(), NodeMediaServer2(), NodeMediaServer4(), GstRtsp())}
