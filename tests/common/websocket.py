# SPDX-License-Identifier: LGPL-2.1-or-later
"""A WebSocket client that may break every rule (RFC 6455)."""

import base64
import os
import struct


class WebSocket:
    """On a lectern_test.Raw connection; frames go out exactly as asked."""

    def __init__(self, raw, path, headers=None, key=None):
        self.raw = raw
        lines = {
            "Host": "localhost",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key or base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            **(headers or {}),
        }
        head = f"GET {path} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        raw.send(head.encode() + b"\r\n")
        self.status, self.headers = raw.head()

    def send(self, opcode, payload=b"", final=True, mask=True, reserved=0, length=None):
        """One frame; LENGTH lies about the payload's size."""
        size = len(payload) if length is None else length
        first = (0x80 if final else 0) | reserved << 4 | opcode
        second = 0x80 if mask else 0
        if size < 126:
            head = struct.pack("!BB", first, second | size)
        elif size < 65536:
            head = struct.pack("!BBH", first, second | 126, size)
        else:
            head = struct.pack("!BBQ", first, second | 127, size)
        if mask:
            key = os.urandom(4)
            head += key
            repeated = (key * (len(payload) // 4 + 1))[:len(payload)]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(
                len(payload), "big")
        self.raw.send(head + payload)
        return self

    def receive(self):
        """The next frame: (opcode, payload), or None when the peer has closed."""
        first = self.raw.receive(1)
        if not first:
            return None
        size = self.raw.exactly(1)[0] & 0x7f
        if size == 126:
            size = struct.unpack("!H", self.raw.exactly(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self.raw.exactly(8))[0]
        return first[0] & 0x0f, self.raw.exactly(size)

    def close_code(self):
        """Reads on to the close frame and returns its code; 1006 without one."""
        while frame := self.receive():
            if frame[0] == 8:
                return struct.unpack("!H", frame[1][:2])[0] if len(frame[1]) >= 2 else 1005
        return 1006
