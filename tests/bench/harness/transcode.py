# SPDX-License-Identifier: LGPL-2.1-or-later
"""What transcoding costs beside ffmpeg, and what its profiles spend for a picture's quality."""
import math
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

from . import machine
from .bench import Failed, Run
from .servers import SERVERS

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "common"))
import link  # noqa: E402

FPS, GOP = 30, 60
COST_SECONDS = 20
# Ladder of the cost rows: width, height, kbit/s.
LADDER = ((854, 480, 800), (640, 360, 400))
# The job's profile "camera" in ffmpeg's words.
CAMERA = ("-preset veryfast -profile:v high -crf 23 -bf 2 -sc_threshold 0 -threads 2 -x264-params"
          " rc-lookahead=10:aq-mode=3:scenecut=0:open-gop=0")
PLAIN = "-preset veryfast -tune zerolatency -sc_threshold 0"
# kbit/s of the curve that the profiles are compared with.
RATES = (25, 50, 100, 200, 400, 800, 1600, 3200, 6400)
FFMPEG = ("ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y")
SIZE = (640, 360)


def run_ffmpeg(*args):
    """Returns: its CPU seconds."""
    process = subprocess.Popen([*FFMPEG, *map(str, args)], stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed(f"ffmpeg exited {process.returncode}")
    return usage.ru_utime + usage.ru_stime


# clips

def make_camera(path, seconds):
    """A textured scene that is zoomed, swayed by hand, and noisy."""
    width, height = SIZE
    graph = (f"mandelbrot=size={width + 64}x{height + 64}:rate={FPS}:start_scale=1.2:end_scale=0.6:end_pts=900:maxiter=300,"
             f"eq=contrast=0.7,crop={width}:{height}:32+24*sin(n/23):32+20*cos(n/31),noise=alls=5:allf=t,format=yuv420p")
    run_ffmpeg("-f", "lavfi", "-i", graph, "-t", seconds, *master(), path)


def slide(seed):
    """A page of black words on white, as a PGM."""
    chance, (width, height) = random.Random(seed), SIZE
    glyphs = [[chance.getrandbits(5) for _ in range(7)] for _ in range(26)]
    rows = [bytearray(b"\xff" * width) for _ in range(height)]
    for line in range(8):
        scale, top, left = (3, 24, 40) if line == 0 else (2, 40 + 36 * line, 48)
        for _ in range(chance.randint(10, 26)):
            glyph = chance.choice([*glyphs, None])
            for y, bits in enumerate(glyph or ()):
                for x in range(5):
                    if bits >> x & 1:
                        for dy in range(scale):
                            at = left + x * scale
                            rows[top + y * scale + dy][at:at + scale] = b"\x20" * scale
            left += 7 * scale
    return b"P5 %d %d 255\n" % SIZE + b"".join(bytes(row) for row in rows)


def make_slides(path, seconds):
    """A new page each four seconds, and a red pointer that wanders."""
    pages = path.parent / f"{path.stem}-pages"
    pages.mkdir(exist_ok=True)
    for number in range(math.ceil(seconds / 4)):
        (pages / f"{number}.pgm").write_bytes(slide(number))
    graph = (f"[0:v]fps={FPS},format=yuv420p[a];[a][1:v]overlay=x='300+240*sin(t*0.9)':y='170+120*cos(t*0.7)':shortest=1")
    run_ffmpeg("-framerate", "1/4", "-i", pages / "%d.pgm", "-f", "lavfi", "-i", f"color=red:size=10x10:rate={FPS}",
               "-filter_complex", graph, "-t", seconds, *master(), path)


def master():
    """As good as a teacher's encoder will ever send it."""
    return ["-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-g", GOP, "-bf", "0", "-sc_threshold", "0",
            "-pix_fmt", "yuv420p"]


CLIPS = {"camera": make_camera, "slides": make_slides}


def clip(bench, kind, seconds=16):
    path = bench.out / f"transcode-{kind}-{seconds}.mp4"
    if not path.exists():
        print(f"making the {kind} clip", flush=True)
        part = bench.out / f"part-{path.name}"
        CLIPS[kind](part, seconds)
        part.rename(path)
    return path


# cost

def transcode(bench, source, rungs, audio, **more):
    """Does it in our worker, as fast as it goes. Returns: the worker, ended."""
    lanes = [{"lane": n + 1, "width": width, "height": height, "bitrate": kbit * 1000}
             for n, (width, height, kbit) in enumerate(rungs)]
    parameters = {**source.names(), "rungs": lanes, "encoder": "x264", "shed_lag_ms": 60000,
                  "shed_for_ms": 60000, **({"audio_lane": len(rungs) + 1} if audio else {}), **more}
    with open(bench.out / "worker.log", "ab") as log:
        worker = link.Worker(str(bench.build / "pipelines/lectern-worker"), "transcode", parameters, log)
    with worker:
        try:
            worker.run(source, 300, ahead=2 * link.SECOND)
        except AssertionError as error:
            raise Failed(str(error)) from error
    if any(len(worker.packets[lane["lane"]]) != len(source.of(link.VIDEO)) for lane in lanes):
        raise Failed("the worker lost pictures")
    return worker


def ladder_args(bench, scaler):
    """ffmpeg's arguments for the ladder; sound is encoded once, as by our worker."""
    args = []
    for n, (width, height, kbit) in enumerate(LADDER):
        args += ["-map", "0:v", "-vf", f"scale={width}:{height}:flags={scaler}", "-c:v", "libx264", *CAMERA.split(),
                 "-maxrate", f"{kbit}k", "-bufsize", f"{2 * kbit}k", "-g", GOP,
                 *("-map 0:a -c:a aac -ar 48000 -b:a 64k" if n == 0 else "-an").split(),
                 "-f", "flv", bench.out / f"ffmpeg-{height}.flv"]
    return args


def cost(bench, who):
    """CPU seconds for a second of the bench's stream: our worker, or ffmpeg with one of its scalers."""
    stream = bench.out / "transcode-cost.flv"
    if not stream.exists():
        run_ffmpeg("-i", bench.stream, "-t", COST_SECONDS, "-c", "copy", stream)
    source = link.read_clip(stream)
    begun, busy = time.monotonic(), machine.busy()
    if who == "lectern":
        used = transcode(bench, source, LADDER, True).cpu()
    else:
        used = run_ffmpeg("-threads", "2", "-i", stream, *ladder_args(bench, who.partition(" ")[2]))
    passed = time.monotonic() - begun
    return {"mode": "transcode", "server": who, "cpu": used, "cpu_per_second": used / COST_SECONDS, "seconds": passed,
            "other_percent": max(0, 100 * (machine.busy() - busy - used) / passed)}


def served(bench, transcodes):
    """CPU of the server itself, and of its worker, with a publisher in real time."""
    ladder = ";".join(f"{height}p:{kbit}k" for _, height, kbit in LADDER)
    settings = {"plugins.transcode": "true" if transcodes else "false", "transcode.ladder": f"{ladder};audio:64k",
                "transcode.source": "pass", "transcode.max-streams": 1}
    with Run(bench, SERVERS["lectern"], "flv", settings=settings, server_cpus="0,1") as run:
        run.start_server()
        run.start_publisher()
        time.sleep(4)
        before, begun, busy = split_cpu(run), time.monotonic(), machine.busy()
        time.sleep(max(bench.options.window, 10))
        passed = time.monotonic() - begun
        server, worker = (after - was for after, was in zip(split_cpu(run), before))
        if (worker > 0) != transcodes:
            raise Failed(f"the worker used {worker:.2f} s")
        return {"mode": "transcode", "server": "lectern, live" if transcodes else "lectern, live, without",
                "cpu": worker, "cpu_per_second": worker / passed, "server_per_second": server / passed,
                "seconds": passed, "other_percent": max(0, 100 * (machine.busy() - busy - server - worker) / passed)}


def split_cpu(run):
    """CPU seconds of the server, and of its children."""
    whole, own = run.cpu(), time.clock_gettime((~run.process.pid << 3) | 2)
    return own, whole - own


# quality

def ssim(path, reference):
    graph = f"[0:v]setpts=N/{FPS}/TB[a];[1:v]setpts=N/{FPS}/TB[b];[a][b]ssim"
    done = subprocess.run(["ffmpeg", "-hide_banner", "-nostdin", "-r", str(FPS), "-i", str(path), "-i", str(reference),
                           "-lavfi", graph, "-f", "null", "-"], capture_output=True, text=True, timeout=120)
    found = re.search(r"SSIM .*All:([0-9.]+)", done.stderr)
    if found is None:
        raise Failed(f"no SSIM: {done.stderr[-200:]}")
    return float(found[1])


def curve(bench, kind):
    """(kbit/s, SSIM) of plain constant-bitrate encoding, ascending."""
    known = bench.__dict__.setdefault("curves", {})
    if kind not in known:
        reference, out = clip(bench, kind), bench.out / f"plain-{kind}.h264"
        points = []
        for rate in RATES:
            run_ffmpeg("-i", reference, "-c:v", "libx264", *PLAIN.split(), "-b:v", f"{rate}k", "-maxrate", f"{rate}k",
                       "-bufsize", f"{rate}k", "-g", GOP, "-f", "h264", out)
            points.append((kbits(out, reference), ssim(out, reference)))
        known[kind] = sorted(points)
    return known[kind]


def kbits(path, reference):
    return path.stat().st_size * 8 / 1000 / float(re.search(r"-(\d+)\.mp4", reference.name)[1])


def rate_at(points, quality):
    """kbit/s that the curve needs for QUALITY, between its points in a straight line over log(kbit/s); None outside."""
    for (low, bad), (high, good) in zip(points, points[1:]):
        if bad <= quality <= good:
            part = (quality - bad) / (good - bad) if good > bad else 0
            return math.exp(math.log(low) + part * (math.log(high) - math.log(low)))
    return None


def quality(bench, kind, profile, limit):
    """What a profile spends on a clip, and what plain encoding would have to for the same SSIM."""
    reference = clip(bench, kind)
    worker = transcode(bench, link.read_clip(reference), [(*SIZE, limit)], False, profile=profile)
    out = bench.out / f"ours-{kind}-{profile}-{limit}.h264"
    out.write_bytes(link.annex_b(worker.tracks[1][-1], worker.packets[1]))
    reached, spent = ssim(out, reference), kbits(out, reference)
    return {"mode": "quality", "clip": kind, "profile": profile, "limit": limit, "kbits": spent, "ssim": reached,
            "plain_kbits": rate_at(curve(bench, kind), reached), "cpu": worker.cpu(),
            "other_percent": 0}  # which does not matter here


def plan(bench):
    """(title, function) of each row."""
    # In turn, since a machine is not equally quick all the time.
    steps = [(f"transcode {who}", lambda who=who: cost(bench, who)) for _ in range(3)
             for who in ("lectern", "ffmpeg bicubic", "ffmpeg bilinear")]
    steps += [(f"transcode live {word}", lambda on=on: served(bench, on)) for word, on in (("without", False), ("with", True))]
    steps += [(f"quality {kind} {profile} {limit}k", lambda k=kind, p=profile, r=limit: quality(bench, k, p, r))
              for kind in CLIPS for profile in ("camera", "slides", "fast") for limit in (400, 1800)]
    return steps
