# SPDX-License-Identifier: LGPL-2.1-or-later
"""One measurement: a server with its publisher and its load, started, watched and ended."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import machine
from .servers import APP, STREAM, Missing

FPS, SECONDS, GOP = 30, 60, 60
FFMPEG = ("ffmpeg -hide_banner -loglevel error -nostdin -y"
          " -f lavfi -i testsrc2=s=1280x720:r={fps},noise=alls=8:allf=t -f lavfi -i sine=440:r=44100 -t {seconds}"
          " -c:v libx264 -preset veryfast -bf 0 -g {gop} -sc_threshold 0"
          " -b:v 2370k -maxrate 2370k -bufsize 2370k -pix_fmt yuv420p -c:a aac -b:a 128k -ac 2 -f flv {file}")


class Failed(Exception):
    """A measurement that came to nothing; says why."""


class Bench:
    """What all measurements of one call share."""

    def __init__(self, build, out, options):
        self.build, self.out, self.options = build, out, options
        self.slots = options.slots
        self.stream = out / "stream.flv"
        out.mkdir(parents=True, exist_ok=True)

    def program(self, name):
        path = self.build / "tests/bench" / f"bench-{name}"
        if not path.exists():
            raise Failed(f"{path} is not built")
        return str(path)

    def make_stream(self):
        if self.stream.exists():
            return
        print("making the test stream", flush=True)
        part = self.out / "stream.part"
        args = FFMPEG.format(fps=FPS, seconds=SECONDS, gop=GOP, file=part).split()
        subprocess.run(args, check=True, timeout=300)
        part.rename(self.stream)

    @property
    def byte_rate(self):
        """Bytes a second of message bodies."""
        return self.stream.stat().st_size / SECONDS * 0.998

    def install(self, packages):
        """Tries to install Debian packages, for a peer. Returns: whether it worked."""
        if not shutil.which("apt-get"):
            return False
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        print(f"installing: {' '.join(packages)}", flush=True)
        try:
            with open(self.out / "apt.log", "wb") as log:
                done = subprocess.run(
                    [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq",
                     "--no-install-recommends", *packages],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=180)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_set(text):
    """Those of the wanted cores that this machine lets us use."""
    return {int(c) for c in text.split(",") if c} & os.sched_getaffinity(0)


class Run:
    """Use as a context: everything that was started is ended with it."""

    def __init__(self, bench, server, kind, flush="-", threads=1, server_cpus=None, settings=None):
        self.bench, self.server, self.kind, self.flush, self.threads = bench, server, kind, flush, threads
        self.server_cpus = cpu_set(server_cpus or bench.options.server_cpus)
        self.load_cpus = cpu_set(bench.options.load_cpus)
        self.settings = settings or {}
        self.rtmp, self.http, self.rtsp = free_port(), free_port(), free_port()
        self.started = []
        self.folder = Path(tempfile.mkdtemp(prefix=f"{server.name}-", dir=bench.out))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            end(process)
        if not self.bench.options.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, args, cpus, **more):
        def bind():
            if cpus:
                os.sched_setaffinity(0, cpus)
            if self.bench.options.realtime:
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        process = subprocess.Popen(args, preexec_fn=bind, **more)
        self.started.append(process)
        return process

    def start_server(self):
        args, environment = self.server.start(self)
        log = self.folder / "server.log"
        with open(log, "wb") as out:
            self.process = self.spawn(args, self.server_cpus, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out,
                                      stderr=out, env={**os.environ, **environment})
        port = self.server.port(self)
        end_time = time.monotonic() + 15
        while not listens(port):
            if self.process.poll() is not None or time.monotonic() > end_time:
                raise Failed(f"did not start: {tail(log)}")
            time.sleep(0.05)

    def start_publisher(self):
        if not self.server.publishes:
            return
        url = f"rtmp://127.0.0.1:{self.rtmp}/{APP}/{STREAM}"
        for attempt in range(20):  # a server may listen before it is ready
            process = self.spawn([self.bench.program("publisher"), url, str(self.bench.stream)], self.load_cpus,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=None if attempt == 19 else subprocess.DEVNULL)
            if process.stdout.readline().startswith(b"published"):
                return
            end(process)
            time.sleep(0.1)
        raise Failed("the publisher was refused")

    def alive(self):
        return self.process.poll() is None

    def cpu(self):
        return machine.cpu(self.process.pid)

    def memory(self):
        return machine.memory(self.process.pid)


class Load:
    """A load program: commands in, words and JSON out."""

    def __init__(self, run, name, *args):
        self.run = run
        self.process = run.spawn([run.bench.program(name), *args], run.load_cpus, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def expect(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            raise Failed(f"the load program said {line!r} in place of {word!r}")

    def do(self, command, word):
        self.say(command)
        self.expect(word)

    def window(self):
        """Waits for a window that was begun. Returns: its figures with the server's."""
        self.expect("window")
        cpu, busy = self.run.cpu(), machine.busy()
        self.expect("closed")
        cpu, busy = self.run.cpu() - cpu, machine.busy() - busy
        memory = self.run.memory()
        row = json.loads(self.process.stdout.readline())
        if not self.run.alive():
            raise Failed("the server ended early")
        row.update(cpu=cpu, memory=memory, cpu_percent=100 * cpu / row["seconds"],
                   load_percent=100 * row["client_cpu"] / row["seconds"],
                   other_percent=max(0.0, 100 * (busy - cpu - row["client_cpu"]) / row["seconds"]))
        return row

    def measure(self, seconds):
        self.say(f"window {seconds}")
        return self.window()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def tail(path):
    with contextlib.suppress(OSError):
        lines = path.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:]) or "no word of it"
    return "no log"


def end(process):
    """Ends a process we started, and its children."""
    if process.poll() is None:
        family = machine.tree(process.pid)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        for child in family[1:]:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()


__all__ = ["Bench", "Failed", "Load", "Missing", "Run"]
