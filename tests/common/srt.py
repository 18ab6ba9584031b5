# SPDX-License-Identifier: LGPL-2.1-or-later
"""An SRT caller that sends what no proper one would, on the library that the worker uses."""

import ctypes
import ctypes.util
import socket
import struct

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
