# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be measured. Each function yields rows: dictionaries with `mode`, `server` and figures."""
import json
import time
import urllib.request

from . import machine
from .bench import Failed, Load, Run
from .servers import SERVERS

GOP_SECONDS = 2.2    # until a key frame can be there for the first viewer
FIRST_SECONDS = 2.5  # what the first viewer alone is given, so that what a stream needs once is there


def per_viewer(row, first, viewers):
    return (row["memory"] - first) / max(1, viewers - 1)


def begin(run):
    run.start_server()
    run.start_publisher()
    time.sleep(GOP_SECONDS)
    load = Load(run, "viewers", run.kind, run.server.url(run, run.kind))
    load.zero = run.memory()
    load.do("connect 1 100", "connected")
    spent, began = run.cpu(), time.monotonic()
    load.do(f"run {FIRST_SECONDS}", "ran")
    load.alone = 100 * (run.cpu() - spent) / (time.monotonic() - began)
    load.first = run.memory()
    return load


def delivered(row, bench, viewers):
    expected = bench.byte_rate * row["seconds"]
    return {"gb": row["media"] / 1e9, "per_gb": row["cpu"] / (row["media"] / 1e9) if row["media"] else None,
            "delivered_percent": 100 * row["media"] / (expected * viewers),
            "worst_percent": 100 * row["worst"] / expected}


def fanout(bench, name, kind, viewers, flush, **more):
    """CPU for each GB, delay and first key frame for so many viewers."""
    o = bench.options
    with Run(bench, SERVERS[name], kind, flush, **more) as run:
        load = begin(run)
        load.do(f"connect {viewers - 1} {o.rate}", "connected")
        load.do(f"run {o.settle}", "ran")
        row = load.measure(o.window)
        row.update(delivered(row, bench, viewers), mode="fanout", server=name, kind=kind, flush=flush,
                   viewers=viewers, alone_percent=load.alone)
        return row


def average_memory(load, samples=16):
    """KiB over four seconds, as what a stream keeps comes and goes in blocks."""
    total = 0
    for _ in range(samples):
        load.do("run 0.25", "ran")
        total += load.run.memory()
    return total / samples


def rtsp(bench, name, kind, viewers):
    """CPU, memory and delay of RTSP players, by TCP or UDP; the tape is as short as in `memory`."""
    flush = "frame" if name != "gst-rtsp" else "-"
    settings = {"media.tape-size": "1MiB"} if name == "lectern" else {}
    with Run(bench, SERVERS[name], kind, flush, settings=settings) as run:
        load = begin(run)
        first = average_memory(load, 8)
        load.do(f"connect {viewers - 1} {min(100, bench.options.rate)}", "connected")
        load.do(f"run {max(GOP_SECONDS, bench.options.settle)}", "ran")  # who waits for a key frame has one
        row = load.measure(bench.options.window)
        row.update(delivered(row, bench, viewers), mode="rtsp", server=name, kind=kind, viewers=viewers,
                   alone_percent=load.alone, kib_viewer=(average_memory(load, 8) - first) / (viewers - 1))
        return row


def memory(bench, name, kind, viewers=2000, stopped=400):
    """Process memory for each viewer, stalled ones included, with as short a tape as can be set."""
    settings = {"media.tape-size": "1MiB"} if name == "lectern" else {}
    with Run(bench, SERVERS[name], kind, "frame" if name == "lectern" else "-", settings=settings) as run:
        load = begin(run)
        first = average_memory(load)
        load.do(f"connect {viewers - 1} {bench.options.rate}", "connected")
        reading = average_memory(load)
        load.do(f"stall {stopped}", "stalled")
        load.do("run 2", "ran")
        row = load.measure(1)
        return {"mode": "memory", "server": name, "kind": kind, "viewers": viewers, "stopped": stopped,
                "base_kib": load.zero, "kib_first": first - load.zero, "kib_viewer": (reading - first) / (viewers - 1),
                "kib_stalled": (average_memory(load) - first) / (viewers - 1), "alive": row["alive"],
                "other_percent": row["other_percent"]}


def stalled(bench, name, kind, viewers=500, stopped=200):
    """What viewers that stop reading do to the others, and how soon they are closed."""
    o = bench.options
    with Run(bench, SERVERS[name], kind, "frame") as run:
        load = begin(run)
        load.do(f"connect {viewers - 1} {o.rate}", "connected")
        load.do(f"run {o.settle}", "ran")
        before = load.measure(o.window)
        open_before = machine.descriptors(run.process.pid)
        load.do(f"stall {stopped}", "stalled")
        since = time.monotonic()
        during = load.measure(6)
        closed_after = wait_closed(load, run, open_before - stopped, since)
        after = load.measure(o.window)
        row = {"mode": "stalled", "server": name, "kind": kind, "viewers": viewers, "stopped": stopped,
               "delay_before_ms": before["delay_ms"], "delay_ms": during["delay_ms"], "lost": during["lost"],
               "stalls": during["stalls"], "alive": during["alive"], "cpu_percent": during["cpu_percent"],
               "kib_viewer": per_viewer(during, load.first, viewers), "closed_after": closed_after,
               "delay_after_ms": after["delay_ms"], "lost_after": after["lost"],
               "other_percent": max(before["other_percent"], during["other_percent"])}
        return row


def wait_closed(load, run, wanted, since, patience=25):
    """Returns: seconds until the server has let go of the stalled ones, None when it does not."""
    while time.monotonic() - since < patience:
        load.do("run 0.2", "ran")
        if machine.descriptors(run.process.pid) <= wanted + 2:
            return time.monotonic() - since
    return None


def idle(bench, name="lectern", idle_sockets=5000, active=100, rate=1000):
    """Idle WebSockets, and echoed messages on some others."""
    with Run(bench, SERVERS[name], "echo") as run:
        run.start_server()
        zero = run.memory()
        url = f"ws://127.0.0.1:{run.http}/bench/echo"
        load = Load(run, "sockets", url, str(idle_sockets), str(active), str(rate), str(bench.options.window))
        load.expect("connected")
        row = load.window()
        if row["open"] != idle_sockets + active:
            raise Failed(f"{row['open']} of {idle_sockets + active} WebSockets are open")
        row.update(mode="idle", server=name, rate=rate,
                   kib_viewer=(row["memory"] - zero) / (idle_sockets + active))
        return row


def reactors(bench, threads, kind="flv", viewers=500):
    """The same load on one reactor and on two, both allowed two cores."""
    o = bench.options
    with Run(bench, SERVERS["lectern"], kind, "frame", threads=threads, server_cpus="0,1") as run:
        load = begin(run)
        load.do(f"connect {viewers - 1} {o.rate}", "connected")
        load.do(f"run {o.settle}", "ran")
        row = load.measure(o.window)
        row.update(delivered(row, bench, viewers), mode="reactors", server="lectern", kind=kind, viewers=viewers,
                   threads=threads, spread=spread(run))
        return row


def spread(run):
    """Connections of each reactor, as the server tells its operator."""
    token = (run.folder / "state/admin-token").read_text().strip()
    request = urllib.request.Request(f"http://127.0.0.1:{run.http}/api/v1/server",
                                     headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return [thread["connections"] for thread in json.load(answer)["threads"]]
