# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bad network between an RTSP client and the server: loses and reorders datagrams.

It relays the RTSP connection, putting its own ports into Transport, and the datagrams of both
directions. Nothing else is changed. The same seed makes the same choices.
"""

import random
import re
import selectors
import socket
import threading
import time

from rtsp_media import ports, udp_pair

# A packet that is held back comes after so many others, at the latest after so many seconds.
OTHERS = 3
HOLD = 0.06


class _Way:
    """Datagrams from one socket, out by another, to an address."""

    def __init__(self, network, out, to):
        self.network, self.out, self.to = network, out, to
        self.held = []  # [others still to come before, time at the latest, data]

    def take(self, data):
        network = self.network
        network.seen += 1
        if network.random.random() < network.loss:
            network.lost += 1
            return
        if network.random.random() < network.reorder:
            network.reordered += 1
            self.held.append([network.random.randint(1, OTHERS), time.monotonic() + HOLD, data])
            return
        self._send(data)
        for one in self.held:
            one[0] -= 1
        self.release()

    def release(self):
        now = time.monotonic()
        for one in [one for one in self.held if one[0] <= 0 or one[1] <= now]:
            self.held.remove(one)
            self._send(one[2])

    def _send(self, data):
        try:
            self.out.sendto(data, self.to)
        except OSError:
            pass


class _Lines:
    """One direction of the RTSP connection; each message's Transport goes through `change`."""

    def __init__(self, change):
        self.change, self.data = change, b""

    def take(self, data):
        self.data += data
        out = b""
        while self.data:
            if self.data[:1] == b"$":
                size = 4 + int.from_bytes(self.data[2:4], "big") if len(self.data) >= 4 else 1 << 20
            else:
                head, mark, _ = self.data.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                size = len(head) + 4 + (int(length[1]) if length else 0) if mark else 1 << 20
            if len(self.data) < size:
                break
            message, self.data = self.data[:size], self.data[size:]
            out += message if message[:1] == b"$" else self._edit(message)
        return out

    def _edit(self, message):
        line = re.search(rb"(?im)^transport:[^\r]*", message)
        if not line or b"port" not in line[0]:
            return message
        changed = self.change(line[0].decode()).encode()
        return message[:line.start()] + changed + message[line.end():]


class Network:
    """Listens on `port`; loss and reorder are shares of 1 and may be changed at any time."""

    def __init__(self, server_port, loss=0.2, reorder=0.1, seed=1):
        self.server_port, self.loss, self.reorder = server_port, loss, reorder
        self.random = random.Random(seed)
        self.seen = self.lost = self.reordered = 0
        self.selector = selectors.DefaultSelector()
        self.ways, self.sockets = [], []
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        self.port = listener.getsockname()[1]
        self._watch(listener, self._accept)
        self.going = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _watch(self, one, function):
        self.sockets.append(one)
        self.selector.register(one, selectors.EVENT_READ, function)

    def _run(self):
        while self.going:
            for key, _ in self.selector.select(0.02):
                key.data(key.fileobj)
            for way in self.ways:
                way.release()

    def _accept(self, listener):
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", self.server_port))
        wanted = []  # what the client asked for, and what stands there instead

        def ask(line):
            near, far = udp_pair(), udp_pair()
            wanted.append((ports(line, "client_port"), near, far))
            port = far[0].getsockname()[1]
            return re.sub(r"client_port=[\d-]+", f"client_port={port}-{port + 1}", line)

        def answer(line):
            client_ports, near, far = wanted.pop(0)
            server_ports = ports(line, "server_port")
            for i in range(2):
                self._join(near[i], far[i], server_ports[i])
                self._join(far[i], near[i], client_ports[i])
            port = near[0].getsockname()[1]
            line = re.sub(r"client_port=[\d-]+", "client_port=%d-%d" % client_ports, line)
            return re.sub(r"server_port=[\d-]+", f"server_port={port}-{port + 1}", line)

        self._relay(client, server, _Lines(ask))
        self._relay(server, client, _Lines(answer))

    def _relay(self, source, target, lines):
        def take(one):
            try:
                data = one.recv(65536)
                target.sendall(lines.take(data))
            except OSError:
                data = b""
            if not data:
                self.selector.unregister(one)
                try:
                    target.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
        self._watch(source, take)

    def _join(self, source, out, port):
        """What comes to SOURCE leaves by OUT."""
        way = _Way(self, out, ("127.0.0.1", port))
        self.ways.append(way)
        self._watch(source, lambda one: way.take(one.recv(65536)))

    def close(self):
        self.going = False
        self.thread.join()
        for one in self.sockets:
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()
