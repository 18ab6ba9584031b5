#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures Lectern beside its peers and the bare floor. See README.md.

  ./dev bench                         quick: every kind of row once, under four minutes
  ./dev bench full                    200 … 2000 viewers, all formats and flush settings
  ./dev bench --mode fanout --formats rtmp --viewers 500 --flush 100 --servers floor,lectern
                                      single rows again
  ./dev bench --show                  the tables of all rows kept so far
"""
import argparse
import json
import signal
import sys
import time
from pathlib import Path

from harness import hls, modes, tables, transcode
from harness.bench import Bench, Failed, Missing
from harness.servers import FORMATS, RTSP, SERVERS

ROOT = Path(__file__).resolve().parents[2]
MODES = ("fanout", "delay", "memory", "stalled", "idle", "reactors", "transcode", "hls", "rtsp")
FLUSHES = ("frame", "100", "350")
PEERS = ("nginx-rtmp", "nms2", "nms4")


def parse(arguments):
    a = argparse.ArgumentParser(prog="./dev bench", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("set", nargs="?", choices=["quick", "full"], default="quick")
    a.add_argument("--mode", help=f"only these, with commas: {' '.join(MODES)}")
    a.add_argument("--servers", help=f"only these: {' '.join(SERVERS)}")
    a.add_argument("--formats", help=f"only these: {' '.join(FORMATS + RTSP)}")
    a.add_argument("--viewers", help="counts for fanout and rtsp")
    a.add_argument("--flush", help=f"only these flush settings: {' '.join(FLUSHES)}")
    a.add_argument("--rounds", type=int, default=1)
    a.add_argument("--quiet", type=float, help="measure again (twice at most) rows during which the machine spent"
                   " more than this %% of a core on something else, and keep the quietest")
    a.add_argument("--window", type=float, help="seconds measured")
    a.add_argument("--settle", type=float, default=1, help="seconds between the last connect and the window")
    a.add_argument("--rate", type=float, default=500, help="connects a second")
    a.add_argument("--slots", type=int, default=5,
                   help="parts of a flush interval over which the floor spreads viewers, as Lectern does")
    a.add_argument("--realtime", action="store_true",
                   help="run server and load before all else (SCHED_RR, needs root), on a machine that is not quiet")
    a.add_argument("--server-cpus", default="0")
    a.add_argument("--load-cpus", default="1")
    a.add_argument("--build", type=Path, default=ROOT / "build-bench", help="the build tree to measure")
    a.add_argument("--out", type=Path, default=ROOT / "build/bench", help="stream, rows, scratch")
    a.add_argument("--fresh", action="store_true", help="forget the rows kept so far")
    a.add_argument("--show", action="store_true", help="only print the tables of the rows kept so far")
    a.add_argument("--keep", action="store_true", help="keep the servers' folders")
    o = a.parse_args(arguments)
    o.window = o.window or (4 if o.set == "quick" else 6)
    o.build, o.out = o.build.absolute(), o.out.absolute()
    return o


def words(text, default):
    return text.split(",") if text else list(default)


def ready(bench, names):
    """Those servers that can be had."""
    found = []
    for name in names:
        try:
            SERVERS[name].prepare(bench)
            found.append(name)
        except KeyError:
            sys.exit(f"no server '{name}': {' '.join(SERVERS)}")
        except (Missing, OSError) as error:
            print(f"skipped {name}: {error}", flush=True)
    return found


def fanout_plan(o, names):
    """The fan-out rows wanted, floor first, so that what is compared is measured side by side."""
    quick = o.set == "quick"
    counts = [int(x) for x in words(o.viewers, ["500"] if quick else ["200", "500", "1000", "2000"])]
    for kind in words(o.formats, FORMATS):
        for viewers in counts:
            for flush in words(o.flush, FLUSHES if kind == "flv" or not quick else ["frame"]):
                for name in ("floor", "lectern"):
                    if name in names:
                        yield name, kind, viewers, flush
            for name in PEERS:
                wanted = kind in SERVERS[name].formats and not (quick and kind == "ws")
                if name in names and wanted:
                    yield name, kind, viewers, "-"


def plan(o, bench):
    """Functions that each measure one row, with what to call it."""
    chosen = words(o.mode, ("fanout", "idle") if o.set == "quick" else ("fanout", "memory", "stalled", "idle", "hls",
                                                                              "reactors", "rtsp", "transcode"))
    for mode in chosen:
        if mode not in MODES:
            sys.exit(f"no mode '{mode}': {' '.join(MODES)}")
    steps = transcode.plan(bench) if "transcode" in chosen else []
    if chosen == ["transcode"]:
        return steps
    names = ready(bench, words(o.servers, SERVERS))
    if "fanout" in chosen:
        steps += [(" ".join(map(str, p)), lambda p=p: modes.fanout(bench, *p)) for p in fanout_plan(o, names)]
    if "delay" in chosen:
        steps += [(f"{name} {kind} 500 frame", lambda n=name, k=kind: modes.fanout(bench, n, k, 500, "frame"))
                  for kind in words(o.formats, FORMATS) for name in ("floor", "lectern") if name in names]
    if "memory" in chosen:
        steps += [(f"memory {name} {kind}", lambda n=name, k=kind: modes.memory(bench, n, k))
                  for kind in words(o.formats, FORMATS) for name in names if kind in SERVERS[name].formats]
    if "rtsp" in chosen:
        steps += [(f"{name} {kind} {count}", lambda n=name, k=kind, c=int(count): modes.rtsp(bench, n, k, c))
                  for kind in words(o.formats, RTSP) for count in words(o.viewers, ["100", "500"])
                  for name in names if kind in SERVERS[name].formats]
    if "lectern" not in names:
        return steps
    if "stalled" in chosen:
        steps += [(f"stalled {kind}", lambda k=kind: modes.stalled(bench, "lectern", k))
                  for kind in words(o.formats, FORMATS)]
    if "idle" in chosen:
        steps += [(f"idle WebSockets {name}", lambda n=name: modes.idle(bench, n)) for name in ("floor", "lectern")
                  if name in names]
    if "hls" in chosen:
        steps += [(f"hls {what} {n}", lambda w=what, n=n: hls.serving(bench, w, n))
                  for what in hls.SIZES for n in (100, 1000)]
        steps += [("hls blocking reload", lambda: hls.blocking(bench))]
    if "reactors" in chosen:
        steps += [(f"{n} reactors", lambda n=n: modes.reactors(bench, n)) for n in (1, 2)]
    return steps


def brief(row):
    told = {key: row[key] for key in ("per_gb", "requests_s", "cpu_us", "ratio", "spread_ms", "spread_worst_ms", "cpu_percent",
                                      "delay_ms", "first_key_ms", "trip_ms", "kib_viewer", "kib_stalled", "lost", "stalls",
                                      "alive", "closed_after", "spread", "cpu_per_second", "server_per_second", "kbits", "ssim",
                                      "plain_kbits", "other_percent") if key in row}
    return " ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in told.items())


def measure(o, title, step):
    """Returns: the row, the quietest of up to three; None when it failed."""
    best = None
    for _ in range(3 if o.quiet else 1):
        try:
            row = step()
        except (Failed, OSError, json.JSONDecodeError) as error:
            print(f"{title}: {error}", file=sys.stderr, flush=True)
            return best
        if isinstance(row, list):  # servers that were measured side by side
            for one in row:
                print(f"{title} {one['server']}: {brief(one)}", flush=True)
            return row
        print(f"{title}: {brief(row)}", flush=True)
        if best is None or row["other_percent"] < best["other_percent"]:
            best = row
        if not o.quiet or best["other_percent"] <= o.quiet:
            break
    return best


def keep(path, row):
    row["at"] = time.strftime("%Y-%m-%dT%H:%M:%S")
    with open(path, "a") as out:
        out.write(json.dumps(row) + "\n")


def main():
    o = parse(sys.argv[1:])
    bench = Bench(o.build, o.out, o)
    kept = o.out / "rows.jsonl"
    if o.show:
        print(tables.show([json.loads(line) for line in kept.read_text().splitlines()]))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what runs is ended
    if o.fresh:
        kept.unlink(missing_ok=True)
    bench.make_stream()
    begun, rows, failed = time.monotonic(), [], 0
    steps = plan(o, bench)
    for n in range(o.rounds):
        for title, step in steps if n % 2 == 0 else reversed(steps):
            row = measure(o, title, step)
            if row is None:
                failed += 1
                continue
            for one in row if isinstance(row, list) else [row]:
                keep(kept, one)
                rows.append(one)
    (o.out / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\n{tables.show(rows)}\n\n{time.monotonic() - begun:.0f} s; rows: {o.out / 'results.json'},"
          f" all kept: {kept}")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
