# SPDX-License-Identifier: LGPL-2.1-or-later
"""Harness for black-box tests: a real server, real clients, TAP out.

    import unittest
    import lectern_test

    class Play(lectern_test.TestCase):
        def test_viewer_gets_the_header(self):
            server = self.server()
            with lectern_test.ffmpeg_push(server.push_url("live/a")):
                server.wait_live("live/a")
                self.assertEqual(len(lectern_test.ffprobe(server.flv_url("live/a"))["streams"]), 2)

    lectern_test.main()
"""

import atexit
import ctypes
import functools
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from tap import main  # noqa: F401  (lectern_test.main)
from websocket import WebSocket  # noqa: F401

SOURCE_DIR = pathlib.Path(os.environ.get("LECTERN_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BUILD_DIR = pathlib.Path(os.environ.get("LECTERN_BUILD_DIR", SOURCE_DIR / "build"))
# Programs under a sanitizer are several times slower.
PATIENCE = float(os.environ.get("LECTERN_TEST_PATIENCE", "1"))

SANITIZER = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")
LOG_LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d+ (\w+) ([\w-]+): (.*)")

_keep = []


def program():
    """The server from the build tree."""
    path = BUILD_DIR / "lectern"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}: build first")
    return str(path)


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def spawn(command, **options):
    """Popen for a child that does not outlive the test program, however that ends."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(command, preexec_fn=_die_with_parent, **options)


def wait_for(condition, timeout=10.0, what="condition"):
    """Polls until condition() is true and returns its value; AssertionError after the timeout."""
    end = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s for {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def temporary_directory():
    """A directory that goes when the test program ends."""
    path = tempfile.mkdtemp(prefix="lectern-test-")
    atexit.register(shutil.rmtree, path, True)
    return pathlib.Path(path)


@functools.lru_cache(maxsize=None)
def certificate(name="localhost", days=2):
    """(certificate, key) files: self-signed, for NAME and 127.0.0.1."""
    folder = temporary_directory()
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1",
         "-days", str(days), "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    os.chmod(key, 0o600)
    return cert, key


class TestCase(unittest.TestCase):
    """TestCase whose servers are stopped, and checked, at the end of each test."""

    maxDiff = 2000

    def server(self, *args, **options):
        server = Server(*args, **options)
        self.addCleanup(server.stop)
        return server


class Server:
    """A running `lectern serve` with its own state directory and free ports.

    config: keyfile text. settings: {"group.key": "value"} for --set. tls: with a certificate, and
    with the TLS listeners. allow: patterns of WARNING lines that this test provokes.
    """

    def __init__(self, config="", settings=None, tls=False, allow=(), env=None, args=(),
                 state_dir=None):
        self.state_dir = pathlib.Path(state_dir) if state_dir else temporary_directory()
        self.config_path = self.state_dir / "lectern.conf"
        self.config_path.write_text(config, encoding="utf-8")
        self.log_path = self.state_dir / "log"
        self.ready_path = self.state_dir / "ready"
        self.allow = [re.compile(pattern) for pattern in allow]
        self.settings = {
            "server.state-dir": str(self.state_dir / "state"),
            "http.listen": "127.0.0.1:0",
            "rtmp.listen": "127.0.0.1:0",
            "rtsp.listen": "127.0.0.1:0",
        }
        if tls:
            self.certificate, self.key_file = certificate()
            self.settings |= {
                "server.certificate": self.certificate,
                "server.certificate-key": self.key_file,
                "http.listen-tls": "127.0.0.1:0",
                "rtmp.listen-tls": "127.0.0.1:0",
                "rtsp.listen-tls": "127.0.0.1:0",
            }
        self.settings |= settings or {}
        self.env = {**os.environ, **(env or {})}
        self.args = list(args)
        self.process = None
        self.ports = {}
        self.start()

    def command(self, *words):
        """The command line of a subcommand with this server's settings."""
        options = [f"--set={key}={value}" for key, value in self.settings.items()
                   if value is not None]
        return [program(), *words, "-c", str(self.config_path), *options]

    def run(self, *words, check=True, timeout=30):
        """Runs a subcommand to its end: CompletedProcess with text output."""
        done = subprocess.run(self.command(*words), env=self.env, capture_output=True, text=True,
                              timeout=timeout * PATIENCE, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"{words} exited {done.returncode}: {done.stderr}")
        return done

    def start(self):
        self.ready_path.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = spawn(
                [*self.command("serve"), "--ready-file", str(self.ready_path), *self.args],
                env=self.env, stdout=log, stderr=log)
        _keep.append(self.process)
        try:
            wait_for(self._is_ready, 20, "the server to start")
        except AssertionError as error:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{error}\n{self.log()}") from None

    def _is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server exited {self.process.returncode} at its start")
        try:
            text = self.ready_path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        try:
            self.ports = _parse_ready(text)
        except ValueError:  # not written to its end yet
            return False
        return True

    def port(self, name):
        """The port of the listener NAME: http, https, rtmp, rtmps, …"""
        if name not in self.ports:
            raise AssertionError(f"no listener '{name}' among {sorted(self.ports)}\n{self.log()}")
        return self.ports[name]

    http_port = property(lambda self: self.port("http"))
    https_port = property(lambda self: self.port("https"))
    rtmp_port = property(lambda self: self.port("rtmp"))
    rtmps_port = property(lambda self: self.port("rtmps"))

    @property
    def pid(self):
        return self.process.pid

    def rss(self):
        """Resident bytes of the server."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024

    def cpu(self):
        """Processor seconds used so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        user, system = fields.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        """How many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_log(self, pattern, timeout=10):
        """Waits for a line of the log; returns the match."""
        return wait_for(lambda: re.search(pattern, self.log()), timeout, f"log line /{pattern}/")

    @functools.lru_cache(maxsize=None)
    def key(self, name):
        """A new stream key for NAME."""
        words = self.run("key", "new", name).stdout.split()
        keys = [word for word in words if re.fullmatch(r"[A-Za-z0-9_-]{43}", word)]
        if not keys:
            raise AssertionError(f"no key in: {words}")
        return keys[-1]

    def push_url(self, name, key=True, scheme="rtmp"):
        """Where to push; key: True for a new one, a text, or None."""
        key = self.key(name) if key is True else key
        port = self.port(scheme)
        return f"{scheme}://127.0.0.1:{port}/{name}" + (f"?key={key}" if key else "")

    def play_url(self, name, scheme="rtmp"):
        return f"{scheme}://127.0.0.1:{self.port(scheme)}/{name}"

    def flv_url(self, name, scheme="http", query=""):
        port = self.port({"ws": "http", "wss": "https"}.get(scheme, scheme))
        return f"{scheme}://127.0.0.1:{port}/{name}.flv" + (f"?{query}" if query else "")

    def request(self, method, path, body=None, headers=None, tls=False, timeout=10):
        """One HTTP exchange: (status, headers, body)."""
        if tls:
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.https_port, timeout=timeout * PATIENCE,
                context=ssl.create_default_context(cafile=self.certificate))
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.http_port,
                                                    timeout=timeout * PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path, headers=None, tls=False):
        """The body of a GET that must answer 200."""
        status, _, body = self.request("GET", path, headers=headers, tls=tls)
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body[:200]!r}")
        return body

    def json(self, path, headers=None, tls=False):
        return json.loads(self.get(path, headers, tls))

    def stream(self, name):
        """What /api/v1/streams says of NAME, or None."""
        streams = self.json("/api/v1/streams")["streams"]
        return next((stream for stream in streams if stream["name"] == name), None)

    def manager(self):
        """The headers of a request by the operator."""
        token = (self.state_dir / "state/admin-token").read_text(encoding="ascii").strip()
        return {"Authorization": f"Bearer {token}"}

    def workers(self):
        """The worker processes' jobs, as /api/v1/server lists them."""
        return self.json("/api/v1/server", self.manager())["workers"]

    def wait_worker(self, title, timeout=20):
        """The process id of the worker whose job has TITLE."""
        def pid():
            return next((job.get("pid") for job in self.workers() if job["title"] == title), None)
        return wait_for(pid, timeout, f"the worker '{title}'")

    def wait_live(self, name, timeout=20):
        def is_live():
            stream = self.stream(name)
            return stream if stream and stream["state"] == "live" else None
        return wait_for(is_live, timeout, f"'{name}' to be live")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, code=0, timeout=20):
        """Ends the server and checks its exit code and its log. Harmless the second time."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"did not end in {timeout} s after SIGTERM\n{self.log()}") from None
        if process.returncode != code:
            raise AssertionError(f"exited {process.returncode}, not {code}\n{self.log()}")
        self.check_log()

    def kill(self):
        """Ends it as a crash would; nothing is checked."""
        process, self.process = self.process, None
        process.kill()
        process.wait()

    def check_log(self):
        bad = [line for line in self.log().splitlines() if self._is_bad(line)]
        if bad:
            raise AssertionError("the log has what it must not have:\n" + "\n".join(bad))

    def _is_bad(self, line):
        if SANITIZER.search(line):
            return True
        match = LOG_LINE.match(line)
        level = match.group(1).upper() if match else ""
        if level in ("CRITICAL", "ERROR") or "-CRITICAL **" in line:
            return True
        if level != "WARNING" and "-WARNING **" not in line:
            return False
        return not any(pattern.search(line) for pattern in self.allow)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        elif self.process is not None:
            self.kill()


def _parse_ready(text):
    """Ports by name from {"http": "127.0.0.1:8000;[::1]:8000", …}; the first address counts."""
    listeners = json.loads(text)
    listeners = listeners.get("listeners", listeners)
    return {name: int(addresses.split(";")[0].rpartition(":")[2])
            for name, addresses in listeners.items()}


class Push:
    """A running ffmpeg that publishes a test picture with sound."""

    def __init__(self, command):
        self.log = tempfile.TemporaryFile()
        self.process = spawn(command, stdout=self.log, stderr=subprocess.STDOUT)
        _keep.append(self.process)

    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def wait(self, timeout=60):
        """Its exit code."""
        return self.process.wait(timeout * PATIENCE)

    def stop(self):
        """Ends it as Ctrl-C would, so that it unpublishes."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print("# " + self.output().replace("\n", "\n# "))
        self.stop()


def ffmpeg_push(url, seconds=None, size="320x180", rate=15, gop=1.0, video="libx264",
                audio="aac", realtime=True, extra=(), output=()):
    """Publishes to URL in the background; video or audio None leaves it out."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin"]
    pace = ["-re"] if realtime else []
    if video:
        command += [*pace, "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}"]
    if audio:
        command += [*pace, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
    if video:
        command += ["-c:v", video, "-pix_fmt", "yuv420p", "-g", str(int(rate * gop))]
    if video == "libx264":
        command += ["-preset", "ultrafast", "-tune", "zerolatency"]
    if audio:
        command += ["-c:a", audio, "-ar", "44100", "-ac", "2", "-b:a", "64k"]
    if seconds:
        command += ["-t", str(seconds)]
    command += [*extra, *(output or ("-f", "flv"))]
    return Push([*command, url])


def ffprobe(url, timeout=20, args=()):
    """What ffprobe finds, as its JSON."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", *args, url],
        capture_output=True, text=True, timeout=timeout * PATIENCE, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise AssertionError(f"ffprobe {url}: {done.stderr}")
    return json.loads(done.stdout)


class Raw:
    """A TCP (or TLS) connection for bytes no proper client would send; source: another address of
    the loopback that it comes from."""

    def __init__(self, port, tls=False, timeout=10, receive_buffer=None, source=None):
        self.socket = socket.socket()
        if source:
            self.socket.bind((source, 0))
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout * PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self.rest = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def receive(self, size=65536):
        """Some bytes; b"" when the peer has closed or reset."""
        if self.rest:
            data, self.rest = self.rest[:size], self.rest[size:]
            return data
        try:
            return self.socket.recv(size)
        except ConnectionResetError:
            return b""

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.receive(size - len(data))
            if not more:
                raise AssertionError(f"closed after {len(data)} of {size} bytes")
            data += more
        return data

    def until(self, mark, limit=1 << 20):
        """The bytes up to and with MARK."""
        data = b""
        while mark not in data:
            more = self.receive()
            if not more or len(data) > limit:
                raise AssertionError(f"no {mark!r} in {data[:300]!r}")
            data += more
        end = data.index(mark) + len(mark)
        self.rest = data[end:] + self.rest
        return data[:end]

    def everything(self):
        """All that comes until the peer closes."""
        parts = []
        while data := self.receive():
            parts.append(data)
        return b"".join(parts)

    def head(self):
        """An HTTP answer's (status, {lower-case name: value})."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            if line:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
        return int(lines[0].split()[1]), headers

    def answer(self):
        """A whole HTTP answer with a Content-Length: (status, headers, body)."""
        status, headers = self.head()
        return status, headers, self.exactly(int(headers.get("content-length", 0)))

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()


@atexit.register
def _end_children():
    for process in _keep:
        if process.poll() is None:
            process.kill()
            process.wait()
