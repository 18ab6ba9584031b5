# SPDX-License-Identifier: LGPL-2.1-or-later
"""A raw RTMP client that says what it is told to, legal or not.

    client = rtmp.Client(server.rtmp_port)
    client.connect()
    client.publish("physics?key=…")
    client.video_config()
    client.video(0, key=True)
"""

import hashlib
import hmac
import os
import socket
import struct
import threading
import time

from lectern_test import PATIENCE, Raw

CHUNK_SIZE, ABORT, ACK, CONTROL, WINDOW, BANDWIDTH = 1, 2, 3, 4, 5, 6
AUDIO, VIDEO, DATA, COMMAND, COMMAND_AMF3, AGGREGATE = 8, 9, 18, 20, 17, 22

# 320x180, made by x264: the server reads the picture's size from it.
AVC_CONFIG = bytes.fromhex(
    "0142c00dffe1001b6742c00dda05067e7ffc000c001040000003004000000c83c50aa801000468ce0fc8")
AAC_CONFIG = bytes.fromhex("1210")
SOUND = b"\xaf\x01" + b"aac frame"


class Closed(Exception):
    """The server closed the connection."""


# AMF0


def encode(value):
    """None is null; dict an object; list a strict array; bytes go out as they are."""
    if value is None:
        return b"\x05"
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"\x01" + bytes([value])
    if isinstance(value, (int, float)):
        return b"\x00" + struct.pack("!d", value)
    if isinstance(value, str):
        text = value.encode()
        if len(text) > 0xffff:
            return b"\x0c" + struct.pack("!I", len(text)) + text
        return b"\x02" + struct.pack("!H", len(text)) + text
    if isinstance(value, list):
        return b"\x0a" + struct.pack("!I", len(value)) + b"".join(map(encode, value))
    members = b"".join(struct.pack("!H", len(name)) + name.encode() + encode(member)
                       for name, member in value.items())
    return b"\x03" + members + b"\x00\x00\x09"


def _decode_members(data, at):
    members = {}
    while data[at:at + 3] != b"\x00\x00\x09":
        size, = struct.unpack_from("!H", data, at)
        name = data[at + 2:at + 2 + size].decode()
        members[name], at = _decode(data, at + 2 + size)
    return members, at + 3


def _decode(data, at):
    kind = data[at]
    at += 1
    if kind == 0:
        return struct.unpack_from("!d", data, at)[0], at + 8
    if kind == 1:
        return bool(data[at]), at + 1
    if kind == 2:
        size, = struct.unpack_from("!H", data, at)
        return data[at + 2:at + 2 + size].decode(), at + 2 + size
    if kind == 3:
        return _decode_members(data, at)
    if kind in (5, 6):
        return None, at
    if kind == 8:
        return _decode_members(data, at + 4)
    if kind == 10:
        count, = struct.unpack_from("!I", data, at)
        at += 4
        items = []
        for _ in range(count):
            item, at = _decode(data, at)
            items.append(item)
        return items, at
    raise ValueError(f"AMF0 marker {kind}")


def decode(data):
    """All values in DATA."""
    values, at = [], 0
    while at < len(data):
        value, at = _decode(data, at)
        values.append(value)
    return values


# Handshake


def _digest_at(packet, base):
    return base + 4 + sum(packet[base:base + 4]) % 728


def hello(digest=None):
    """C0 and C1. digest: the scheme, 0 or 1, or None for the simple form."""
    packet = bytearray(8) + os.urandom(1528)
    if digest is not None:
        packet[4:8] = b"\x09\x00\x7c\x02"
        at = _digest_at(packet, (8, 772)[digest])
        packet[at:at + 32] = hmac.digest(b"Genuine Adobe Flash Player 001",
                                         bytes(packet[:at] + packet[at + 32:]), hashlib.sha256)
    return b"\x03" + bytes(packet)


def digest_is_right(packet):
    """Whether a server's S1 carries its digest, in either scheme."""
    for base in (8, 772):
        at = _digest_at(packet, base)
        right = hmac.digest(b"Genuine Adobe Flash Media Server 001",
                            packet[:at] + packet[at + 32:], hashlib.sha256)
        if right == packet[at:at + 32]:
            return True
    return False


class Message:
    def __init__(self, kind, stream, timestamp, payload, at):
        self.kind, self.stream, self.timestamp, self.payload = kind, stream, timestamp, payload
        self.at = at  # when it was read whole, seconds

    @property
    def values(self):
        return decode(self.payload)

    def __repr__(self):
        return f"<{self.kind} at {self.timestamp}: {self.payload[:40]!r}>"


def chunk_header(csid, kind, stream, timestamp, size):
    """A format 0 header."""
    extended = struct.pack("!I", timestamp) if timestamp >= 0xffffff else b""
    return (bytes([csid]) + min(timestamp, 0xffffff).to_bytes(3, "big") + size.to_bytes(3, "big")
            + bytes([kind]) + struct.pack("<I", stream) + extended)


def chunks(csid, kind, stream, timestamp, payload, chunk_size):
    """A whole message, each of its chunks but the first with a format 3 header."""
    parts = [chunk_header(csid, kind, stream, timestamp, len(payload)), payload[:chunk_size]]
    again = bytes([0xc0 | csid])
    if timestamp >= 0xffffff:
        again += struct.pack("!I", timestamp)
    for at in range(chunk_size, len(payload), chunk_size):
        parts += [again, payload[at:at + chunk_size]]
    return b"".join(parts)


class Client:
    """One connection, its handshake done."""

    def __init__(self, port, tls=False, digest=None, timeout=10, **options):
        self.raw = Raw(port, tls=tls, timeout=timeout, **options)
        self.raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.out_size = self.in_size = 128
        self.streams = {}  # csid: [timestamp, delta, extended, size, kind, stream, payload]
        self.transaction = 0
        self.stream = 0
        self.data = b""
        self.raw.send(hello(digest))
        answer = self.raw.exactly(1 + 1536)
        self.first = answer[1:]  # S1
        self.raw.exactly(1536)
        self.raw.send(self.first)

    def close(self):
        self.raw.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    # Out

    def send(self, kind, payload, timestamp=0, stream=0, csid=None):
        if csid is None:
            csid = {AUDIO: 4, VIDEO: 6, DATA: 5, COMMAND: 3, COMMAND_AMF3: 3}.get(kind, 2)
        self.raw.send(chunks(csid, kind, stream, timestamp, payload, self.out_size))

    def chunk_size(self, size):
        self.send(CHUNK_SIZE, struct.pack("!I", size))
        self.out_size = size

    def call(self, name, *arguments, stream=0, transaction=None, info=None):
        """Sends a command; returns its transaction."""
        if transaction is None:
            self.transaction += 1
            transaction = self.transaction
        body = b"".join(map(encode, (name, transaction, info, *arguments)))
        self.send(COMMAND, body, stream=stream)
        return transaction

    def audio(self, timestamp, body=SOUND):
        self.send(AUDIO, body, timestamp & 0xffffffff, self.stream)

    def video(self, timestamp, key=False, size=40, payload=None):
        """An H.264 frame whose NAL unit is PAYLOAD, or of SIZE bytes."""
        nal = payload or (b"\x65" if key else b"\x41") + bytes(size - 1)
        head = b"\x17\x01\0\0\0" if key else b"\x27\x01\0\0\0"
        self.send(VIDEO, head + struct.pack("!I", len(nal)) + nal, timestamp & 0xffffffff,
                  self.stream)

    def video_config(self, timestamp=0, config=AVC_CONFIG):
        self.send(VIDEO, b"\x17\x00\0\0\0" + config, timestamp & 0xffffffff, self.stream)

    def audio_config(self, timestamp=0, config=AAC_CONFIG):
        self.send(AUDIO, b"\xaf\x00" + config, timestamp & 0xffffffff, self.stream)

    def metadata(self, **members):
        self.send(DATA, b"".join(map(encode, ("@setDataFrame", "onMetaData", members))),
                  stream=self.stream)

    # In

    def _need(self, size):
        while len(self.data) < size:
            try:
                more = self.raw.receive()
            except TimeoutError:
                raise AssertionError("the server says nothing") from None
            if not more:
                raise Closed
            self.data += more

    def _take(self, size):
        self._need(size)
        data, self.data = self.data[:size], self.data[size:]
        return data

    def _chunk(self):
        """Reads one chunk; returns a message when that was its last."""
        first = self._take(1)[0]
        form, csid = first >> 6, first & 0x3f
        if csid == 0:
            csid = 64 + self._take(1)[0]
        elif csid == 1:
            low, high = self._take(2)
            csid = 64 + low + 256 * high
        state = self.streams.setdefault(csid, [0, 0, False, 0, 0, 0, b""])
        begins = not state[6]
        if form < 3:
            value = int.from_bytes(self._take(3), "big")
            if form < 2:
                head = self._take(4)
                state[3], state[4] = int.from_bytes(head[:3], "big"), head[3]
            if form < 1:
                state[5], = struct.unpack("<I", self._take(4))
            state[2] = value == 0xffffff
            if state[2]:
                value, = struct.unpack("!I", self._take(4))
            state[1] = value
            state[0] = value if form == 0 else (state[0] + value) & 0xffffffff
        else:
            if state[2]:
                self._take(4)
            if begins:
                state[0] = (state[0] + state[1]) & 0xffffffff
        state[6] += self._take(min(self.in_size, state[3] - len(state[6])))
        if len(state[6]) < state[3]:
            return None
        payload, state[6] = state[6], b""
        return Message(state[4], state[5], state[0], payload, time.monotonic())

    def read(self):
        """The next message; Closed at the end."""
        while True:
            message = self._chunk()
            if message is None:
                continue
            if message.kind == CHUNK_SIZE:
                self.in_size, = struct.unpack("!I", message.payload)
            return message

    def read_until(self, condition, timeout=10):
        """Reads on until a message fulfils CONDITION, and returns that one."""
        end = time.monotonic() + timeout * PATIENCE
        while time.monotonic() < end:
            message = self.read()
            if condition(message):
                return message
        raise AssertionError("the message did not come")

    def result(self, transaction):
        """The values of the _result of TRANSACTION; AssertionError for its _error."""
        message = self.read_until(lambda m: m.kind == COMMAND and m.values[1] == transaction
                                  and m.values[0] in ("_result", "_error"))
        if message.values[0] == "_error":
            raise AssertionError(f"refused: {message.values}")
        return message.values[2:]

    def status(self):
        """The code of the next onStatus command."""
        message = self.read_until(lambda m: m.kind == COMMAND and m.values[0] == "onStatus")
        return message.values[-1]["code"]

    def media(self, count, kinds=(AUDIO, VIDEO)):
        """The next COUNT media messages."""
        return [self.read_until(lambda m: m.kind in kinds) for _ in range(count)]

    def ended(self):
        """Whether the server closes now, without more than 1 MiB of last words."""
        try:
            for _ in range(10000):
                self.read()
        except Closed:
            return True
        return False

    # Steps

    def connect(self, app="live", **members):
        info = {"app": app, "type": "nonprivate", "flashVer": "FMLE/3.0 (compatible; test)",
                "tcUrl": f"rtmp://127.0.0.1/{app}", **members}
        return self.result(self.call("connect", info=info))[-1]

    def create_stream(self):
        self.stream = int(self.result(self.call("createStream"))[-1])
        return self.stream

    def publish(self, name, expect="NetStream.Publish.Start"):
        """As OBS does; returns the status."""
        self.chunk_size(4096)
        self.call("releaseStream", name)
        self.call("FCPublish", name)
        self.create_stream()
        self.call("publish", name, "live", stream=self.stream)
        code = self.status()
        if expect is not None and code != expect:
            raise AssertionError(f"{code}, not {expect}")
        return code

    def unpublish(self, name):
        """As OBS does when it stops."""
        self.call("FCUnpublish", name)
        self.call("deleteStream", self.stream)

    def play(self, name, expect="NetStream.Play.Start"):
        self.create_stream()
        self.call("play", name, -2000, stream=self.stream)
        self.send(CONTROL, struct.pack("!HII", 3, self.stream, 3000))
        code = self.status()
        if code == "NetStream.Play.Reset":
            code = self.status()
        if expect is not None and code != expect:
            raise AssertionError(f"{code}, not {expect}")
        return code


def publisher(server, name, key=True, **options):
    """A connected client that publishes "app/name", its codecs announced."""
    app, _, short = name.partition("/")
    key = server.key(name) if key is True else key
    client = Client(server.rtmp_port, **options)
    client.connect(app)
    client.publish(f"{short}?key={key}" if key else short)
    client.video_config()
    client.audio_config()
    return client


class Teacher:
    """Publishes 25 frames a second, a key frame each half a second, until it is stopped or cut off."""

    def __init__(self, server, name, key=None, client=None, begun=0):
        """CLIENT: has published BEGUN frames already."""
        self.client = client or publisher(server, name, key=key)
        self.sound = SOUND
        self.name, self.frame, self.begun = name, begun, time.monotonic() - begun * 0.04
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping.wait(max(0, self.begun + self.frame * 0.04 - time.monotonic())):
            try:
                self.client.video(self.frame * 40, key=self.frame % 12 == 0, size=400)
                self.client.audio(self.frame * 40 + 1, self.sound)
            except OSError:
                return
            self.frame += 1

    def stop(self):
        """As one who is done."""
        self.stopping.set()
        self.thread.join()
        self.client.unpublish(self.name.partition("/")[2])
        self.close()

    def close(self):
        self.stopping.set()
        self.thread.join()
        self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()


def player(server, name, **options):
    """A connected client that plays "app/name"."""
    app, _, short = name.partition("/")
    client = Client(server.rtmp_port, **options)
    client.connect(app)
    client.play(short)
    return client


def is_monotonic(messages):
    times = [message.timestamp for message in messages]
    return all(a <= b for a, b in zip(times, times[1:]))


def flv_tags(path):
    """(kind, time, body) of each audio and video tag of a file."""
    return parse_flv(path.read_bytes())


def parse_flv(data):
    """(kind, time, body) of each whole audio and video tag."""
    at, tags = 13, []
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        stamp = int.from_bytes(data[at + 7:at + 8] + data[at + 4:at + 7], "big")
        body = data[at + 11:at + 11 + size]
        if data[at] in (AUDIO, VIDEO) and size > 1 and len(body) == size:
            tags.append((data[at], stamp, body))
        at += 11 + size + 4
    return tags


def h265_tags(clip, video=1, fourcc=True):
    """The tags of a link.Clip's picture, its config first: Enhanced RTMP's, or codec id 12."""
    def head(key, kind, offset):
        if fourcc:
            return bytes([0x80 | (0x10 if key else 0x20) | kind]) + b"hvc1" + offset
        return bytes([(0x10 if key else 0x20) | 12, min(kind, 1)]) + (offset or bytes(3))
    tags = [(VIDEO, 0, head(True, 0, b"") + clip.tracks[video].config)]
    for packet in clip.of(video):
        at = round(packet.dts / 1e6)
        offset = round(packet.pts / 1e6) - at
        # With an offset of none there is a shorter form.
        kind, extra = (1, offset.to_bytes(3, "big")) if offset or not fourcc else (3, b"")
        tags.append((VIDEO, at, head(packet.key, kind, extra) + packet.data))
    return tags


def send_again(client, tags, length_ms, stop):
    """Sends TAGS, which last for LENGTH_MS, in real time and over and over until STOP (an Event)."""
    begun, passed = time.monotonic(), 0
    while True:
        for kind, stamp, body in tags:
            if stop.wait(max(0, begun + (passed + stamp) / 1000 - time.monotonic())):
                return
            client.send(kind, body, passed + stamp, client.stream)
        passed += length_ms
