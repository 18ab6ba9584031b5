# SPDX-License-Identifier: LGPL-2.1-or-later
"""An RTSP client that says what it is told to say, for tests: RFC 2326 over one connection."""

import base64
import hashlib
import re

import lectern_test


class Client:
    """Requests and interleaved packets; `frames` keeps (channel, bytes) that came meanwhile."""

    def __init__(self, port, tls=False, timeout=10):
        self.port = port
        self.raw = lectern_test.Raw(port, tls=tls, timeout=timeout)
        self.buffer = b""
        self.frames = []
        self.cseq = 0
        self.session = None

    def url(self, name):
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def send(self, method, url, headers=None, body=""):
        self.cseq += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self.cseq}"]
        if self.session:
            lines.append(f"Session: {self.session}")
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.raw.send(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def request(self, method, url, headers=None, body=""):
        """(status, headers with names in lower case, body)"""
        self.send(method, url, headers, body)
        status, answer, text = self.response()
        if "session" in answer:
            self.session = answer["session"].split(";")[0]
        return status, answer, text

    def _more(self):
        data = self.raw.receive()
        if not data:
            raise EOFError("the server closed")
        self.buffer += data

    def _frame(self):
        """Takes one interleaved packet off the buffer; False: it is not whole yet."""
        if len(self.buffer) < 4:
            return False
        size = int.from_bytes(self.buffer[2:4], "big")
        if len(self.buffer) < 4 + size:
            return False
        self.frames.append((self.buffer[1], self.buffer[4:4 + size]))
        self.buffer = self.buffer[4 + size:]
        return True

    def response(self):
        while True:
            if self.buffer[:1] == b"$":
                if not self._frame():
                    self._more()
            elif b"\r\n\r\n" not in self.buffer:
                self._more()
            else:
                break
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), value.strip())
        while len(self.buffer) < int(headers.get("content-length", 0)):
            self._more()
        size = int(headers.get("content-length", 0))
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return int(lines[0].split()[1]), headers, body.decode()

    def packet(self):
        """The next interleaved packet: (channel, bytes)."""
        while not self.frames:
            if not (self.buffer[:1] == b"$" and self._frame()):
                self._more()
        return self.frames.pop(0)

    def send_packet(self, channel, data):
        self.raw.send(bytes([0x24, channel]) + len(data).to_bytes(2, "big") + data)

    def is_closed(self):
        """Whether the server closes, whatever it sends before."""
        try:
            while True:
                self._more()
        except TimeoutError:
            return False
        except (EOFError, OSError):
            return True

    def close(self):
        self.raw.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def digest(challenge, method, url, user, password):
    """The answer to a WWW-Authenticate of Digest with MD5 and without qop."""
    realm = re.search(r'realm="([^"]*)"', challenge).group(1)
    nonce = re.search(r'nonce="([^"]*)"', challenge).group(1)

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    response = md5(f"{md5(f'{user}:{realm}:{password}')}:{nonce}:{md5(f'{method}:{url}')}")
    return (f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}", '
            f'response="{response}"')


SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=test
c=IN IP4 127.0.0.1
t=0 0
m=audio 0 RTP/AVP 8
a=control:streamid=0
"""
