# SPDX-License-Identifier: LGPL-2.1-or-later
"""A publisher that makes its RTP packets itself, by the RTSP connection or by UDP: numbered
pictures of H.264 and numbered pieces of G.711."""

import base64
import re
import socket
import struct

import rtmp
import rtsp

SPS, PPS = rtmp.AVC_CONFIG[8:35], rtmp.AVC_CONFIG[38:42]
SPROP = ",".join(base64.b64encode(one).decode() for one in (SPS, PPS))
VIDEO, AUDIO = 0, 1


def sdp(video_fmtp=f"packetization-mode=1;sprop-parameter-sets={SPROP}", more=""):
    return ("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 {video_fmtp}\r\n"
            "a=control:streamid=0\r\nm=audio 0 RTP/AVP 0\r\na=control:streamid=1\r\n" + more)


def announce(client, server, name, text, query=None):
    """The answer to ANNOUNCE with a stream key: (status, headers, body)."""
    query = f"?key={server.key(name)}" if query is None else query
    return client.request("ANNOUNCE", client.url(name) + query,
                          {"Content-Type": "application/sdp"}, text)


def picture(number, key=True):
    """The beginning of a picture's first slice, then its number."""
    return (b"\x65\x88" if key else b"\x41\x88") + struct.pack("!I", number)


def udp_pair(address="127.0.0.1"):
    """Two sockets, of an even port and of the next one."""
    for _ in range(200):
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        try:
            pair[0].bind((address, 0))
            port = pair[0].getsockname()[1]
            if port % 2 == 0:
                pair[1].bind((address, port + 1))
                return pair
        except OSError:
            pass
        for one in pair:
            one.close()
    raise AssertionError("no two ports")


def ports(transport, name):
    match = re.search(rf"{name}=(\d+)-(\d+)", transport)
    return int(match[1]), int(match[2])


class Publisher:
    """On the air as soon as it is made; way: tcp or udp."""

    def __init__(self, server, name, way="tcp", sequence=100):
        self.client = rtsp.Client(server.port("rtsp"))
        self.sockets, self.peers = {}, {}
        self.sequence = [sequence, sequence]
        self.time = [1000, 1000]
        self.ssrc = [0x11111111, 0x22222222]
        self.count = [0, 0]
        status, _, _ = announce(self.client, server, name, sdp())
        assert status == 200, status
        for media in (VIDEO, AUDIO):
            self._set_up(name, media, way)
        status, _, _ = self.client.request("RECORD", self.client.url(name))
        assert status == 200, status

    def _set_up(self, name, media, way):
        if way == "tcp":
            transport = f"RTP/AVP/TCP;unicast;interleaved={2 * media}-{2 * media + 1};mode=record"
        else:
            self.sockets[media] = udp_pair()
            port = self.sockets[media][0].getsockname()[1]
            transport = f"RTP/AVP;unicast;client_port={port}-{port + 1};mode=record"
        status, headers, _ = self.client.request(
            "SETUP", self.client.url(name) + f"/streamid={media}", {"Transport": transport})
        assert status == 200, status
        if way == "udp":
            self.peers[media] = ports(headers["transport"], "server_port")

    def raw(self, media, packet, control=False):
        """A packet as it is."""
        if media in self.sockets:
            self.sockets[media][control].sendto(packet, ("127.0.0.1", self.peers[media][control]))
        else:
            self.client.send_packet(2 * media + control, packet)

    def rtp(self, media, payload, first=0x80, marker=True):
        """The next packet of a track, all well but what is said."""
        kind = (96 if media == VIDEO else 0) | (0x80 if marker else 0)
        head = struct.pack("!BBHII", first, kind, self.sequence[media] & 0xffff,
                           self.time[media] & 0xffffffff, self.ssrc[media])
        self.sequence[media] += 1
        self.raw(media, head + payload)

    def step(self, media):
        self.time[media] += 3600 if media == VIDEO else 320

    def frame(self):
        """A picture with its number, and 40 ms of sound with its own; each fifth is a key frame."""
        key = self.count[VIDEO] % 5 == 0
        if key:
            for part in (SPS, PPS):
                self.rtp(VIDEO, part, marker=False)
        self.rtp(VIDEO, picture(self.count[VIDEO], key) + b"\x55" * 200)
        self.rtp(AUDIO, struct.pack("!I", self.count[AUDIO]) + b"\x55" * 316)
        for media in (VIDEO, AUDIO):
            self.count[media] += 1
            self.step(media)

    def start_anew(self):
        """As an encoder that starts again: other SSRC, numbers and times."""
        for media in (VIDEO, AUDIO):
            self.ssrc[media] ^= 0x5a5a5a5a
            self.sequence[media] = 40000 + media
            self.time[media] += 0x70000000

    def close(self):
        self.client.close()
        for pair in self.sockets.values():
            for one in pair:
                one.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()


def numbers(messages):
    """(pictures' numbers, sounds' numbers) of what an RTMP player got."""
    pictures = [struct.unpack("!I", m.payload[11:15])[0] for m in messages
                if m.kind == rtmp.VIDEO and m.payload[1:2] == b"\1"
                and m.payload[9:11] in (b"\x65\x88", b"\x41\x88")]
    sounds = [struct.unpack("!I", m.payload[1:5])[0] for m in messages
              if m.kind == rtmp.AUDIO and m.payload[0] >> 4 == 8]
    return pictures, sounds
