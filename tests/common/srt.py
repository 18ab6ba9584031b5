# SPDX-License-Identifier: LGPL-2.1-or-later
"""SRT callers that send what no proper one would, on the library that the worker uses, and a network
that loses packets."""

import ctypes
import ctypes.util
import random
import selectors
import socket
import struct
import threading

STREAM_ID = 46
PASSPHRASE = 26
BROKEN = 6


def library():
    name = ctypes.util.find_library("srt-gnutls") or "libsrt-gnutls.so.1.5"
    srt = ctypes.CDLL(name)
    srt.srt_startup()
    srt.srt_setloglevel(2)
    return srt


class Caller:
    """One connection; raises ConnectionError when it is rejected, with the reason's number."""

    srt = None

    def __init__(self, port, stream_id=None, passphrase=None):
        Caller.srt = Caller.srt or library()
        self.socket = self.srt.srt_create_socket()
        if stream_id is not None:
            self.option(STREAM_ID, stream_id)
        if passphrase is not None:
            self.option(PASSPHRASE, passphrase)
        address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port),
                              socket.inet_aton("127.0.0.1"))
        if self.srt.srt_connect(self.socket, address, len(address)) < 0:
            reason = self.srt.srt_getrejectreason(self.socket)
            self.close()
            raise ConnectionError(reason)

    def option(self, number, value):
        value = value if isinstance(value, bytes) else value.encode()
        if self.srt.srt_setsockflag(self.socket, number, value, len(value)) < 0:
            raise ValueError(value)

    def send(self, data):
        """False: the connection is over."""
        return self.srt.srt_send(self.socket, data, len(data)) >= 0

    def is_over(self):
        return self.srt.srt_getsockstate(self.socket) >= BROKEN

    def close(self):
        self.srt.srt_close(self.socket)


class Network:
    """A UDP port in front of PORT for one caller. It loses a share of the packets, each way, or
    all of them while it is `broken`."""

    def __init__(self, port, loss=0.0):
        self.loss = loss
        self.broken = False
        self.random = random.Random(7)
        self.target = ("127.0.0.1", port)
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind(("127.0.0.1", 0))
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.bind(("127.0.0.1", 0))
        self.port = self.near.getsockname()[1]
        self.caller = None
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.near, selectors.EVENT_READ)
            selector.register(self.far, selectors.EVENT_READ)
            while not self.closed.is_set():
                for key, _ in selector.select(0.1):
                    self.carry(key.fileobj)

    def carry(self, where):
        data, peer = where.recvfrom(2048)
        if where is self.near:
            self.caller = peer
        if self.broken or self.random.random() < self.loss:
            return
        if where is self.near:
            self.far.sendto(data, self.target)
        elif self.caller:
            self.near.sendto(data, self.caller)

    def close(self):
        self.closed.set()
        self.thread.join()
        self.near.close()
        self.far.close()


def greet(port):
    """The first step of a handshake, by hand: the type-of-service byte of the answer."""
    header = struct.pack(">IIII", 0x80000000, 0, 0, 0)
    hello = struct.pack(">IIIIIIII16s", 4, 2, 1, 1500, 8192, 1, 1, 0, bytes(16))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(10)
        peer.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        peer.sendto(header + hello, ("127.0.0.1", port))
        _, extra, _, _ = peer.recvmsg(2048, 64)
    return next(data[0] for level, kind, data in extra
                if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS))
