# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server's side of the link to a `lectern-worker` (core/worker/lectern-link.h), for tests of jobs.

    clip = link.read_clip("clip.mp4", start=10)
    worker = link.Worker("transcode", {"video": "h264", "rungs": [...]})
    worker.run(clip)
    worker.packets[1]
"""

import collections
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import time

START, READY, MESSAGE, TRACK, PACKET, TICK, FINISH, DONE, FAILED = range(1, 10)
VIDEO, AUDIO = 1, 2
CODECS = {"h264": 1, "hevc": 2, "av1": 3, "vp9": 4, "aac": 5, "mp3": 6, "opus": 7, "speex": 8,
          "nellymoser": 9, "pcm_alaw": 10, "pcm_mulaw": 11}
# As the job's parameters name them.
NAMES = {"hevc": "h265", "pcm_alaw": "pcma", "pcm_mulaw": "pcmu"}
KEY = 1
SECOND = 10 ** 9
HEADER = struct.Struct("!4sBBBBIIqq")

Track = collections.namedtuple("Track", "media codec config width height rate channels")
Packet = collections.namedtuple("Packet", "media key dts pts duration data")


class Clip:
    """A file's tracks by medium and its packets by DTS."""

    def __init__(self, tracks, packets):
        self.tracks, self.packets = tracks, packets

    def names(self):
        """The codecs for the parameters of a job."""
        kinds = {VIDEO: "video", AUDIO: "audio"}
        numbers = {number: NAMES.get(name, name) for name, number in CODECS.items()}
        return {kinds[media]: numbers[track.codec] for media, track in self.tracks.items()}

    def of(self, media):
        return [packet for packet in self.packets if packet.media == media]


def _bytes(dump):
    """The bytes of ffprobe's hexadecimal dump."""
    return bytes.fromhex("".join(line.partition(": ")[2][:40] for line in dump.splitlines()))


def _track(stream):
    media = VIDEO if stream["codec_type"] == "video" else AUDIO
    return Track(media, CODECS[stream["codec_name"]], _bytes(stream.get("extradata", "")),
                 stream.get("width", 0), stream.get("height", 0),
                 int(stream.get("sample_rate", 0)), stream.get("channels", 0))


def read_clip(path, start=0):
    """Reads any file that ffmpeg can; the first DTS becomes START seconds."""
    found = json.loads(subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-show_packets", "-show_data", "-of", "json",
         str(path)], check=True, capture_output=True).stdout)
    tracks, packets, bases = {}, [], {}
    for stream in found["streams"]:
        track = _track(stream)
        over, under = map(int, stream["time_base"].split("/"))
        bases[stream["index"]] = (track.media, over * SECOND, under)
        tracks[track.media] = track
    for packet in found["packets"]:
        media, over, under = bases[packet["stream_index"]]
        pts = packet.get("pts", packet.get("dts"))
        dts = packet.get("dts", pts)
        packets.append((media, "K" in packet["flags"], dts * over / under, pts * over / under,
                        _bytes(packet["data"])))
    zero = min(packet[2] for packet in packets)
    base = [Packet(media, key, round(dts - zero) + start * SECOND, round(pts - zero) + start * SECOND,
                   0, data) for media, key, dts, pts, data in packets]
    return Clip(tracks, sorted(base, key=lambda packet: packet.dts))


def frame(kind, payload=b"", lane=0, media=0, flags=0, duration=0, dts=0, pts=0):
    return HEADER.pack(b"LWK1", kind, lane, media, flags, len(payload), duration, dts, pts) + payload


def message_frame(message):
    return frame(MESSAGE, json.dumps(message).encode())


def track_frame(track, lane=0):
    fields = struct.pack("!HHIIIIB24s", track.codec, 16, track.width, track.height, track.rate,
                         track.channels, 0, b"")
    return frame(TRACK, fields + track.config, lane, track.media)


def packet_frame(packet, lane=0):
    return frame(PACKET, packet.data, lane, packet.media, KEY if packet.key else 0, packet.duration,
                 packet.dts, packet.pts)


def annex_b(track, packets):
    """A lane as a bare H.264 stream."""
    config, start = track.config, b"\0\0\0\1"
    out, at = [], 6
    for count in (config[5] & 31, None):
        if count is None:
            count, at = config[at], at + 1
        for _ in range(count):
            size = int.from_bytes(config[at:at + 2], "big")
            out += [start, config[at + 2:at + 2 + size]]
            at += 2 + size
    for packet in packets:
        at = 0
        while at < len(packet.data):
            size = int.from_bytes(packet.data[at:at + 4], "big")
            out += [start, packet.data[at + 4:at + 4 + size]]
            at += 4 + size
    return b"".join(out)


class Worker:
    """One child with its job; what it says is kept by lane."""

    def __init__(self, program, job, parameters, log=None, **allowed):
        """ALLOWED: of the spec: network, read, write."""
        ours, theirs = socket.socketpair()
        self.socket = ours
        ours.setblocking(False)
        high = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 10)
        theirs.close()
        actions = [(os.POSIX_SPAWN_DUP2, log.fileno(), fd) for fd in (1, 2) if log is not None]
        actions.append((os.POSIX_SPAWN_DUP2, high, 3))
        self.pid = os.posix_spawn(program, [program, job, str(os.getpid())],
                                  {**os.environ, "GST_REGISTRY_FORK": "no"}, file_actions=actions)
        os.close(high)
        self.usage = None
        self.inbox, self.outbox = bytearray(), bytearray()
        self.ready = self.done = self.closed = False
        self.failure = None
        self.tracks = collections.defaultdict(list)
        self.packets = collections.defaultdict(list)
        self.messages = []  # (when, object)
        self.heard = time.monotonic()
        self.longest_silence = self.ticks = 0
        self.put(frame(START, json.dumps({**allowed, "parameters": parameters}).encode()))

    def put(self, data):
        self.outbox += data

    def _take(self, kind, lane, media, flags, duration, dts, pts, payload):
        if kind == READY:
            self.ready = True
        elif kind == MESSAGE:
            self.messages.append((time.monotonic(), json.loads(payload)))
        elif kind == TRACK:
            codec, _, width, height, rate, channels = struct.unpack_from("!HHIIII", payload)
            self.tracks[lane].append(Track(media, codec, payload[45:], width, height, rate, channels))
        elif kind == PACKET:
            self.packets[lane].append(Packet(media, bool(flags & KEY), dts, pts, duration, payload))
        elif kind == TICK:
            self.ticks += 1
        elif kind == DONE:
            self.done = True
        elif kind == FAILED:
            self.failure = json.loads(payload)

    def _parse(self):
        at = 0
        while len(self.inbox) - at >= HEADER.size:
            magic, kind, lane, media, flags, size, duration, dts, pts = HEADER.unpack_from(self.inbox, at)
            if magic != b"LWK1":
                raise AssertionError(f"the link is broken: {bytes(self.inbox[at:at + 64])!r}")
            if len(self.inbox) - at < HEADER.size + size:
                break
            self._take(kind, lane, media, flags, duration, dts, pts,
                       bytes(self.inbox[at + HEADER.size:at + HEADER.size + size]))
            at += HEADER.size + size
        del self.inbox[:at]

    def _send(self):
        try:
            del self.outbox[:self.socket.send(self.outbox[:256 * 1024])]
        except (BrokenPipeError, ConnectionResetError):
            self.outbox.clear()  # what it said before its end is still to be read

    def _receive(self):
        try:
            data = self.socket.recv(1024 * 1024)
        except ConnectionResetError:
            data = b""
        self.closed = self.closed or not data
        self.inbox += data

    def step(self, timeout=0.0):
        """Sends and receives what can be, waiting up to TIMEOUT seconds for something to be done."""
        writes = [self.socket] if self.outbox else []
        readable, writable, _ = select.select([self.socket], writes, [], timeout)
        if writable:
            self._send()
        if readable:
            self._receive()
        if readable and not self.closed:
            now = time.monotonic()
            self.longest_silence = max(self.longest_silence, now - self.heard)
            self.heard = now
        self._parse()

    def until(self, condition, timeout, what):
        end = time.monotonic() + timeout
        while not condition():
            if self.closed or time.monotonic() > end:
                raise AssertionError(f"no {what}: {self.failure or self._fate()}")
            self.step(0.05)

    def _fate(self):
        if not self.closed:
            return "late"
        end = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return f"exited with {end.si_status}" if end.si_code == os.CLD_EXITED else f"signal {end.si_status}"

    def newest(self):
        """The PTS up to which each lane that has begun has come."""
        return min((lane[-1].pts for lane in self.packets.values() if lane), default=-1)

    def run(self, clip, timeout=60, pace=None, ahead=3 * SECOND, finish=True, tracks=True):
        """Feeds CLIP at PACE times its own speed, or as fast as it is worked off, to the end."""
        self.until(lambda: self.ready, timeout, "readiness")
        if tracks:
            for track in clip.tracks.values():
                self.put(track_frame(track))
        begun, zero = time.monotonic(), clip.packets[0].dts
        end = begun + timeout

        def must_wait(packet):
            if pace:
                return packet.dts - zero > (time.monotonic() - begun) * pace * SECOND
            return len(self.outbox) > 256 * 1024 or packet.dts - max(self.newest(), zero) > ahead
        for packet in clip.packets:
            while must_wait(packet):
                self.step(0.01)
                if self.closed or time.monotonic() > end:
                    raise AssertionError(f"stopped at {packet.dts}: {self.failure or 'late'}")
            self.put(packet_frame(packet))
            self.step()
        if finish:
            self.put(frame(FINISH))
            self.until(lambda: self.done, max(end - time.monotonic(), 1), "end")

    def close(self):
        """Ends it; its rusage is in `usage` afterwards."""
        if self.usage is not None:
            return
        self.socket.close()
        if not self.done:
            os.kill(self.pid, signal.SIGKILL)
        self.usage = os.wait4(self.pid, 0)[2]

    def cpu(self):
        """Processor seconds of the child, which has been closed."""
        return self.usage.ru_utime + self.usage.ru_stime

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
