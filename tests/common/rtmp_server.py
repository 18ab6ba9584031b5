# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small RTMP server for one stream after the other, which refuses as it is told to.

    server = rtmp_server.Server(test, answer)

ANSWER is asked for each connect with what it says, and returns None, or the members of what is said
against it: refuse("[ AccessManager.Reject ] …"), redirect("rtmp://…").
"""

import base64
import hashlib
import itertools
import os
import re
import socket
import threading
import urllib.parse

import rtmp
from lectern_test import PATIENCE, Raw


def refuse(description):
    return {"level": "error", "code": "NetConnection.Connect.Rejected", "description": description}


def redirect(url, code=302):
    return refuse("elsewhere") | {"ex": {"code": code, "redirect": url}}


def query(app):
    """What stands behind an application's "?", as it is."""
    return dict(each.partition("=")[::2] for each in app.partition("?")[2].split("&") if each)


class Peer(rtmp.Client):
    """The server's end of a connection, its handshake done."""

    def __init__(self, connection):  # pylint: disable=super-init-not-called
        connection.settimeout(10 * PATIENCE)
        self.raw = Raw.__new__(Raw)
        self.raw.socket, self.raw.rest = connection, b""
        self.out_size = self.in_size = 128
        self.streams, self.data, self.transaction, self.stream = {}, b"", 0, 0
        hello = self.raw.exactly(1537)
        self.raw.send(b"\3" + bytes(8) + os.urandom(1528) + hello[1:])
        self.raw.exactly(1536)

    def command(self, *names):
        """The values of the next command of one of NAMES."""
        return self.read_until(lambda m: m.kind == rtmp.COMMAND and m.values[0] in names).values

    def succeed(self, transaction, *values):
        self.call("_result", *values, transaction=transaction)

    def start(self):
        """Lets it publish or play; returns what it says then."""
        self.succeed(self.command("createStream")[1], 1)
        self.stream = 1
        words = self.command("publish", "play")
        code = "NetStream.Publish.Start" if words[0] == "publish" else "NetStream.Play.Start"
        self.call("onStatus", {"level": "status", "code": code, "description": ""}, stream=1,
                  transaction=0)
        return words

    def show(self, seconds=2):
        """Pictures, at once."""
        self.video_config()
        for number in range(25 * seconds):
            self.video(40 * number, key=number % 25 == 0)


class Server:
    """started: (what was said to publish or play) of each who was let in."""

    def __init__(self, test, answer):
        self.answer = answer
        self.started = []
        self.connects = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        test.addCleanup(self.socket.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path="live/a", user=None, host="127.0.0.1"):
        return f"rtmp://{user + '@' if user else ''}{host}:{self.port}/{path}"

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        try:
            with Peer(connection) as peer:
                self._talk(peer)
        except (AssertionError, OSError, rtmp.Closed):
            pass

    def _talk(self, peer):
        words = peer.command("connect")
        self.connects.append(words[2])
        against = self.answer(words[2])
        if against is not None:
            peer.call("_error", against, transaction=words[1])
            return
        peer.succeed(words[1], {"level": "status", "code": "NetConnection.Connect.Success",
                                "description": ""})
        words = peer.start()
        self.started.append(words)
        if words[0] == "play":
            peer.show()
        while True:
            peer.read()


class Login:
    """An ANSWER that wants a user and password; mode: "adobe" or "llnw"; opaque: whether its
    challenge says so."""

    def __init__(self, user, password, mode="adobe", opaque=True):
        self.user, self.password, self.mode, self.opaque = user, password, mode, opaque
        self.known = {}  # token: salt
        self.counter = itertools.count(1)

    def _refuse(self, text):
        return refuse(f"[ AccessManager.Reject ] : [ {text}")

    def __call__(self, info):
        fields = query(info["app"])
        if query(info["tcUrl"]) != fields:
            return self._refuse("code=400 ] : ")
        if "authmod" not in fields:
            return self._refuse(f"code=403 need auth; authmod={self.mode} ] : ")
        if fields.get("authmod") != self.mode or urllib.parse.unquote(fields["user"]) != self.user:
            return self._refuse(f"authmod={self.mode} ] : ?reason=nosuchuser")
        if "response" not in fields:
            return self._refuse(f"authmod={self.mode} ] : ?reason=needauth&user={fields['user']}&"
                                + self._challenge())
        right = self._adobe(fields) if self.mode == "adobe" else self._llnw(fields, info["app"])
        return None if fields["response"] == right else self._refuse(
            f"authmod={self.mode} ] : ?reason=authfailed&opaque={fields.get('opaque', '')}")

    def _challenge(self):
        token, salt = f"t{next(self.counter)}AA==", base64.b64encode(os.urandom(3)).decode()
        self.known[token] = salt
        if self.mode == "llnw":
            return f"nonce={token}"
        return (f"salt={salt}&challenge={token}" + (f"&opaque={token}" if self.opaque else ""))

    def _adobe(self, fields):
        def digest(text):
            return base64.b64encode(hashlib.md5(text.encode()).digest()).decode()
        token = fields["opaque"] if self.opaque else next(reversed(self.known))
        return digest(digest(self.user + self.known[token] + self.password) + token
                      + fields["challenge"])

    def _llnw(self, fields, app):
        def digest(*parts):
            return hashlib.md5(":".join(parts).encode()).hexdigest()
        path = re.sub(r"\?.*", "", app)
        what = digest("publish", "/" + path + ("" if "/" in path else "/_definst_"))
        if fields["nonce"] not in self.known:
            return None
        return digest(digest(self.user, "live", self.password), fields["nonce"], fields["nc"],
                      fields["cnonce"], "auth", what)
