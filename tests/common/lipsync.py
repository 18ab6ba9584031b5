# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether sound and picture go together: a clip that flashes and beeps each second, and what
a decoder sees and hears of it."""

import re
import subprocess
import threading

import lectern_test

RATE = 25
# As loud as this is the beep; what an encoder puts before it is more quiet.
LOUD = -30.0
BRIGHT = 128.0
CODECS = {
    "h264": ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"],
    "hevc": ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params",
             f"bframes=0:keyint={RATE}:min-keyint={RATE}:repeat-headers=1:log-level=error:pools=1:"
             "frame-threads=1"],
}


def clip(folder, video, seconds):
    """An MP4 file; the first picture of each second is white, the first 100 ms of it beep."""
    path = folder / f"{video}.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i",
         f"color=black:size=160x90:rate={RATE},drawbox=color=white:t=fill:enable='lt(mod(n,{RATE}),1)'",
         "-f", "lavfi", "-i", "aevalsrc='if(lt(mod(t,1),0.1),0.8*sin(2*PI*1000*t),0)':sample_rate=48000",
         "-t", str(seconds), *CODECS[video], "-g", str(RATE), "-pix_fmt", "yuv420p",
         "-c:a", "aac", "-ac", "2", "-b:a", "96k", str(path)],
        check=True, timeout=60 * lectern_test.PATIENCE)
    return path


def _onsets(path, threshold):
    """When the printed value comes over the threshold, in seconds, but for the very first."""
    found, above, when = [], True, 0.0
    for line in path.read_text(encoding="ascii").splitlines():
        if match := re.search(r"pts_time:(-?[\d.]+)", line):
            when = float(match[1])
        elif "=" in line:
            value = float(line.rpartition("=")[2])
            if value > threshold and not above:
                found.append(when)
            above = value > threshold
    return found


def offsets(source, seconds, options=(), feed=None):
    """How much later than its flash each beep comes, in seconds, as ffmpeg decodes SOURCE.

    feed: writes the media into the file that it is given, when SOURCE is "-". Returns (offsets,
    codec names). AssertionError with what ffmpeg says when fewer than two are found."""
    folder = lectern_test.temporary_directory()
    picture, sound = folder / "picture", folder / "sound"
    command = [
        "ffmpeg", "-hide_banner", "-loglevel", "info", "-nostats", *options, "-i", str(source),
        "-map", "0:v:0", "-t", str(seconds), "-vf",
        f"signalstats,metadata=print:key=lavfi.signalstats.YAVG:file={picture}", "-f", "null", "-",
        "-map", "0:a:0", "-t", str(seconds), "-af",
        "asetnsamples=96:p=0,astats=metadata=1:reset=1:measure_perchannel=none,"
        f"ametadata=print:key=lavfi.astats.Overall.RMS_level:file={sound}", "-f", "null", "-"]
    process = lectern_test.spawn(command, stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if feed:
        threading.Thread(target=feed, args=(process.stdin,), daemon=True).start()
    timer = threading.Timer((seconds + 25) * lectern_test.PATIENCE, process.kill)
    timer.start()
    said = process.stderr.read().decode(errors="replace")
    process.wait()
    timer.cancel()
    flashes = _onsets(picture, BRIGHT) if picture.exists() else []
    beeps = _onsets(sound, LOUD) if sound.exists() else []
    found = [min((beep - flash for beep in beeps), key=abs, default=9) for flash in flashes]
    # A flash at the very end may be without its beep.
    found = [late for late, flash in zip(found, flashes)
             if beeps and flash < beeps[-1] + 0.5 and flash > beeps[0] - 0.5]
    if len(found) < 2:
        raise AssertionError(f"flashes at {flashes}, beeps at {beeps}:\n{said[-2000:]}")
    inputs = said.partition("Output #0")[0]
    return found, set(re.findall(r"Stream #0.*?: (?:Video|Audio): (\w+)", inputs))


def websocket_feed(server, name):
    """A feed of FLV out of WebSocket messages."""
    def feed(pipe):
        raw = lectern_test.Raw(server.http_port, timeout=30)
        socket = lectern_test.WebSocket(raw, f"/{name}.flv")
        try:
            while frame := socket.receive():
                if frame[0] == 2:
                    pipe.write(frame[1])
                    pipe.flush()
        except (OSError, ValueError, AssertionError):
            pass
        finally:
            raw.close()
            try:
                pipe.close()
            except OSError:
                pass
    return feed
