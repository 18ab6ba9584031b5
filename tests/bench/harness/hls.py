# SPDX-License-Identifier: LGPL-2.1-or-later
"""HLS beside nginx: playlists and segments by wrk on keep-alive connections, and blocking reloads."""
import os
import re
import select
import shutil
import socket
import subprocess
import time
import urllib.request

from . import machine
from .bench import Failed, Run
from .servers import APP, SBIN, SERVERS, STREAM, Missing, Server

SIZES = ("playlist", "segment")


class NginxFiles(Server):
    """nginx with the files that Lectern has just served, with the settings its manual advises."""
    name = "nginx"
    publishes = False

    def prepare(self, bench):
        self.binary = shutil.which("nginx", path=SBIN)
        if not self.binary and not bench.install(("nginx-light",)):
            raise Missing("needs the package nginx-light")
        self.binary = shutil.which("nginx", path=SBIN)

    def start(self, run):
        config = run.folder / "nginx.conf"
        config.write_text(f"""daemon off;
{"user root;" if os.geteuid() == 0 else ""}
worker_processes 1;
worker_rlimit_nofile 20000;
pid {run.folder}/nginx.pid;
error_log {run.folder}/error.log error;
events {{ worker_connections 12000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 100000000;
    open_file_cache max=100;
    types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }}
    server {{
        listen 127.0.0.1:{run.http} backlog=4096;
        root {run.folder}/files;
        add_header Cache-Control "max-age=3600, immutable";
    }}
}}
""")
        (run.folder / "files").mkdir()
        for name, data in run.settings.items():
            (run.folder / "files" / name).write_bytes(data)
        return [self.binary, "-p", str(run.folder), "-c", str(config)], {}


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


def begin(run):
    """Returns: the address of the picture's playlist, with a session, once there are some segments."""
    run.start_server()
    run.start_publisher()
    base = f"http://127.0.0.1:{run.http}/{APP}/{STREAM}/"
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            master = get(base + "index.m3u8").decode()
            address = base + re.search(r"^video\.m3u8.*$", master, re.M)[0]
            if get(address).count(b"#EXTINF") >= 3:
                return address
        except OSError:
            pass
        time.sleep(0.2)
    raise Failed("no playlist came")


def find_segment(playlist, address):
    lines = re.findall(r"^video/\d+\.m4s.*$", playlist.decode(), re.M)
    return address.split("video.m3u8")[0] + lines[-1]


def wrk(run, url, connections, seconds):
    """Returns: requests and bytes of so many seconds, with the CPU the server spent meanwhile."""
    process = run.spawn(["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout", "10s", url],
                        run.load_cpus, stdout=subprocess.PIPE, text=True)
    cpu = run.cpu()
    told = process.communicate(timeout=seconds + 30)[0]
    cpu = run.cpu() - cpu
    counted = re.search(r"(\d+) requests in ([\d.]+)(m?s),.*read", told)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    if not counted or refused:
        raise Failed(f"wrk: {told.strip()}")
    return {"requests": int(counted[1]), "seconds": float(counted[2]), "cpu": cpu}


def row_of(figures, name, what, connections, size):
    gb = figures["requests"] * size / 1e9
    return {"mode": "hls", "server": name, "what": what, "connections": connections, "size": size,
            "requests_s": figures["requests"] / figures["seconds"],
            "cpu_us": 1e6 * figures["cpu"] / figures["requests"], "per_gb": figures["cpu"] / gb,
            "cpu_percent": 100 * figures["cpu"] / figures["seconds"]}


def serving(bench, what, connections):
    """Two rows: Lectern, and nginx with the same bytes."""
    seconds = bench.options.window
    lectern = SERVERS["lectern"]
    settings = {"plugins.hls": "true", "segment.window": 100}
    with Run(bench, lectern, "hls", settings=settings) as run:
        url = begin(run)
        if what == "segment":
            url = find_segment(get(url), url)
        data = get(url)
        busy = machine.busy()
        figures = wrk(run, url, connections, seconds)
        rows = [row_of(figures, "lectern", what, connections, len(data))]
        rows[0]["busy"] = machine.busy() - busy
    nginx = NginxFiles()
    nginx.prepare(bench)
    name = "file.m3u8" if what == "playlist" else "file.m4s"
    with Run(bench, nginx, "hls", settings={name: data}) as run:
        run.start_server()
        figures = wrk(run, f"http://127.0.0.1:{run.http}/{name}", connections, seconds)
        rows.append(row_of(figures, "nginx", what, connections, len(data)))
    rows[0]["ratio"] = rows[0]["cpu_us"] / rows[1]["cpu_us"]
    return rows


def ask(host, port, path):
    s = socket.create_connection((host, port))
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    s.setblocking(False)
    return s


def next_part(playlist):
    hint = re.search(r'PRELOAD-HINT:TYPE=PART,URI="video/(\d+)\.(\d+)\.m4s', playlist)
    return int(hint[1]), int(hint[2])


def blocking(bench, clients=1000, rounds=8):
    """From the first answered to the last, when so many wait for the same part."""
    with Run(bench, SERVERS["lectern"], "hls", settings={"plugins.hls": "true"}) as run:
        address = begin(run)
        path = address.split(f":{run.http}", 1)[1]
        spreads = []
        for _ in range(rounds):
            number, part = next_part(get(address).decode())
            # Two parts ahead, so that all wait when it comes.
            wanted = f"{path}&_HLS_msn={number}&_HLS_part={part + 2}"
            waiting = [ask("127.0.0.1", run.http, wanted) for _ in range(clients)]
            spreads.append(gather(waiting))
        spreads.sort()
        return [{"mode": "hls", "server": "lectern", "what": "blocking reload", "connections": clients,
                 "spread_ms": spreads[len(spreads) // 2], "spread_worst_ms": spreads[-1]}]


def gather(waiting):
    """Returns: ms from the first answer to the last; closes the sockets."""
    poll = select.epoll()
    left = {}
    for s in waiting:
        poll.register(s, select.EPOLLIN)
        left[s.fileno()] = s
    first = None
    end = time.monotonic() + 15
    while left and time.monotonic() < end:
        for number, _ in poll.poll(1):
            s = left.pop(number, None)
            if s is None:
                continue
            first = first or time.monotonic()
            if not s.recv(65536).startswith(b"HTTP/1.1 200"):
                raise Failed("a blocked reload was not answered with 200")
            poll.unregister(number)
            s.close()
    if left:
        raise Failed(f"{len(left)} blocked reloads were not answered")
    return 1000 * (time.monotonic() - first)
