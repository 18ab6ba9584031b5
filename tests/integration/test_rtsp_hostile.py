# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTSP peers that break the rules: requests, sessions, packets and floods."""

import os
import random
import re
import socket
import struct
import threading
import time

import lectern_test
import rtmp
import rtsp
import rtsp_media
from lectern_test import PATIENCE, wait_for
from rtsp_media import AUDIO, SPROP, VIDEO

NAME = "live/a"
MIB = 1 << 20
MUTATIONS = int(os.environ.get("LECTERN_TEST_MUTATIONS", "3000"))
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
# Nobody waits for streams that do not come, and nobody is slowed down.
QUICK = {"media.wait": "0s", "rtsp.requests": "1000", "server.connects-per-address": "0"}


class Hostile(lectern_test.TestCase):
    def begin(self, **settings):
        server = self.server(settings={**QUICK, **settings})
        self.port = server.port("rtsp")
        return server

    def exchange(self, data, source=None):
        """Everything that comes back before the server closes, or we have waited enough."""
        raw = lectern_test.Raw(self.port, timeout=10, source=source)
        try:
            raw.send(data)
        except OSError:  # refused before all of it was sent
            pass
        try:
            raw.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            return raw.everything()
        finally:
            raw.close()

    def statuses(self, data):
        return [int(status) for status in re.findall(rb"RTSP/1\.0 (\d{3}) ", self.exchange(data))]

    def closes(self, client):
        """It ends the connection by itself."""
        self.assertTrue(client.is_closed())

    def is_well(self):
        with rtsp.Client(self.port) as client:
            self.assertEqual(client.request("OPTIONS", "*")[0], 200)

    def costs_nothing(self, server, before):
        # The sanitizers keep what has been freed.
        if PATIENCE == 1:
            wait_for(lambda: server.rss() - before < 2 * MIB, 5,
                     f"less than {server.rss() - before} bytes more")


class Requests(Hostile):
    URL = "rtsp://127.0.0.1/live/a"
    LINES = {
        "OPTIONS": [], "DESCRIBE": ["Accept: application/sdp"],
        "ANNOUNCE": ["Content-Type: application/sdp", f"Content-Length: {len(rtsp_media.sdp())}"],
        "SETUP": [f"Transport: {TCP}"], "PLAY": ["Session: 0011223344556677", "Range: npt=0-"],
        "PAUSE": ["Session: 0011223344556677"], "RECORD": ["Session: 0011223344556677"],
        "TEARDOWN": ["Session: 0011223344556677"], "GET_PARAMETER": [], "SET_PARAMETER": [],
    }

    def request(self, method):
        lines = [f"{method} {self.URL} RTSP/1.0", "CSeq: 7", "User-Agent: x",
                 "Authorization: Basic YTpi", *self.LINES[method]]
        body = rtsp_media.sdp() if method == "ANNOUNCE" else ""
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def mutate(self, dice, data):
        """One of the things that go wrong."""
        lines = data.split(b"\r\n")
        at = dice.randrange(len(lines))
        name, colon, value = lines[at].partition(b":")
        kind = dice.randrange(10)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[at])
        elif kind == 2:
            lines[at] = name + colon + b" " + bytes(dice.randrange(256) for _ in range(20))
        elif kind == 3:
            lines[at] = name + colon + b" " + dice.choice(
                [b"", b"-1", b"0", b"4294967296", b"99999999999999999999", b"%n%s", b";;;,,=",
                 b"\0", b"\"", b"=" * 300, b"1-2-3;interleaved=255-256;client_port=0-0"])
        elif kind == 4:
            lines[at] = lines[at].replace(b":", dice.choice([b"", b" :", b"::", b"\n:"]))
        elif kind == 5:
            return data[:dice.randrange(len(data))]
        elif kind == 6:
            at = dice.randrange(len(data))
            return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1:]
        elif kind == 7:
            lines[at] = lines[at] * dice.randrange(2, 200)
        elif kind == 8:
            return data.replace(b"\r\n", dice.choice([b"\n", b"\r", b"\r\n "]))
        else:
            dice.shuffle(lines)
        return b"\r\n".join(lines)

    def test_P_01_mutated_requests(self):
        server = self.begin()
        dice = random.Random(1)
        before = None
        for turn in range(MUTATIONS):
            method = dice.choice(list(self.LINES))
            data = self.mutate(dice, self.request(method))
            answer = self.exchange(data)
            self.assertTrue(not answer or answer.startswith(b"RTSP/1.0 "), (data, answer))
            self.assertNotIn(b"RTSP/1.0 500 ", answer, data)
            if turn == MUTATIONS // 6:
                before = server.rss()
        self.is_well()
        self.costs_nothing(server, before)

    def test_P_01_heads_that_are_none(self):
        server = self.begin()
        options = f"OPTIONS {self.URL} RTSP/1.0\r\n"
        broken = {
            "no CSeq": options + "\r\n",
            "CSeq of 2^32": options + "CSeq: 4294967296\r\n\r\n",
            "CSeq that is none": options + "CSeq: x\r\n\r\n",
            "a line of 1 MB": options + "CSeq: 1\r\nX: " + "x" * MIB + "\r\n\r\n",
            "an address of 1 MB": f"OPTIONS {self.URL}{'x' * MIB} RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            "10,000 headers": options + "CSeq: 1\r\n" + "X: y\r\n" * 10000 + "\r\n",
        }
        for data in broken.values():
            self.exchange(data.encode())
        before = server.rss()
        for what, data in broken.items():
            for _ in range(3):
                with self.subTest(what):
                    raw = lectern_test.Raw(self.port)
                    try:
                        raw.send(data.encode())
                    except OSError:
                        pass
                    # All of it may be there before what was too much is refused by a reset.
                    answer = raw.everything()
                    raw.close()
                    if len(data) < 10000:
                        self.assertTrue(answer.startswith(b"RTSP/1.0 400 "), answer)
                    else:
                        self.assertRegex(answer, rb"^(RTSP/1\.0 400 |$)")
        self.is_well()
        self.costs_nothing(server, before)

    def test_P_02_a_body_of_2_GB(self):
        server = self.begin()
        data = f"ANNOUNCE {self.URL} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: {{}}\r\n\r\n"
        for size in (65537, 2000000000):
            self.assertEqual(self.statuses(data.format(size).encode()), [413])
        before = self.virtual(server)
        for size in (2000000000, 2147483648, 4294967296, 99999999999999999999):
            for _ in range(20):
                with rtsp.Client(self.port) as client:
                    client.raw.send(data.format(size).encode())
                    self.assertIn(client.response()[0], (400, 413))
                    self.closes(client)
        self.assertLess(self.virtual(server) - before, MIB)

    @staticmethod
    def virtual(server):
        with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmSize:\s+(\d+)", status.read()).group(1)) * 1024

    def test_P_06_no_tunnels(self):
        self.begin()
        get = (b"GET /live/a HTTP/1.0\r\nx-sessioncookie: abc\r\n"
               b"Accept: application/x-rtsp-tunnelled\r\n\r\n")
        post = (b"POST /live/a HTTP/1.0\r\nx-sessioncookie: abc\r\nContent-Length: 32767\r\n"
                b"Content-Type: application/x-rtsp-tunnelled\r\n\r\nT1BUSU9OUw==")
        for data in (get, post, get + post, get + get, post + get):
            begun = time.monotonic()
            with lectern_test.Raw(self.port) as raw:
                raw.send(data)
                self.assertNotIn(b" 200 ", raw.everything())
            self.assertLess(time.monotonic() - begun, 5 * PATIENCE)
        self.is_well()

    def test_P_07_descriptions(self):
        server = self.begin()
        good = rtsp_media.sdp()
        media = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        broken = {
            "1,000 media": rtsp_media.sdp(more="m=audio 0 RTP/AVP 0\r\n" * 1000),
            "17 media": rtsp_media.sdp(more="m=audio 0 RTP/AVP 0\r\n" * 15),
            "base64 that is none": rtsp_media.sdp("sprop-parameter-sets=!!!!,????"),
            "sets of 60 KB": rtsp_media.sdp(f"sprop-parameter-sets={'Z0LA' * 15000}"),
            "an rtpmap that is none": good.replace("H264/90000", "H264/x"),
            "a type that is none": media.replace("96", "9999"),
            "a byte of 0": good + "a=\0\r\n",
            "no SDP": "hello",
        }
        for what, text in broken.items():
            with self.subTest(what), rtsp.Client(self.port) as client:
                self.assertEqual(rtsp_media.announce(client, server, NAME, text)[0], 400)
        with rtsp.Client(self.port) as client:
            text = rtsp_media.sdp(f"sprop-parameter-sets={'Z0LA' * 17000}")
            self.assertEqual(rtsp_media.announce(client, server, NAME, text)[0], 413)
        with rtsp.Client(self.port) as client:
            self.assertEqual(rtsp_media.announce(client, server, NAME, good)[0], 200)


class Sessions(Hostile):
    def play(self, client, server, transport=TCP):
        status, headers, _ = client.request("SETUP", client.url(f"{NAME}/trackID=1"),
                                            {"Transport": transport})
        self.assertEqual(status, 200)
        self.assertEqual(client.request("PLAY", client.url(NAME))[0], 200)
        return headers["transport"]

    def test_P_03_packets_of_nobody(self):
        server = self.begin()
        with rtsp.Client(self.port) as client:
            for channel in (0, 1, 7, 255):
                client.send_packet(channel, os.urandom(1000))
            client.send_packet(255, b"")
            self.assertEqual(client.request("OPTIONS", "*")[0], 200)
        with rtsp_media.Publisher(server, NAME) as teacher:
            for channel in (2, 17, 254, 255):
                teacher.client.send_packet(channel, os.urandom(1200))
            for _ in range(5):
                teacher.frame()
            server.wait_live(NAME)
            with rtsp.Client(self.port) as client:
                self.play(client, server)
                for channel in (0, 1, 2, 255):
                    client.send_packet(channel, os.urandom(500))
                self.assertEqual(client.request("GET_PARAMETER", client.url(NAME))[0], 200)
            self.assertEqual(server.stream(NAME)["state"], "live")

    def test_P_04_a_flood_of_setups(self):
        """The flood comes from one address and connects again when it is closed."""
        server = self.server(settings={"server.connects-per-address": "0"})
        self.port = server.port("rtsp")
        stop, served = threading.Event(), []

        def flood():
            client = None
            while not stop.is_set():
                begun = time.monotonic()
                try:
                    client = client or self.connect("127.0.0.2")
                    status, _, _ = client.request("SETUP", client.url(f"{NAME}/trackID=1"),
                                                  {"Transport": TCP})
                    if status < 400:
                        served.append(time.monotonic())
                except (EOFError, OSError):
                    client = None
                time.sleep(max(0, 0.005 - (time.monotonic() - begun)))

        with lectern_test.ffmpeg_push(server.push_url(NAME)):
            server.wait_live(NAME)
            quiet = self.describe(2)
            thread = threading.Thread(target=flood, daemon=True)
            begun = time.monotonic()
            thread.start()
            p99 = self.describe(4)
            stop.set()
            thread.join(20)
            took = time.monotonic() - begun
        print(f"# {len(served)} of a flood served in {took:.1f} s; honest DESCRIBEs: p99 "
              f"{quiet * 1000:.1f} ms before it, {p99 * 1000:.1f} ms in it")
        # What may have been saved up: two seconds' requests, then half a second's.
        self.assertLessEqual(len(served), 10 * (took + 2.5) + 5)
        self.assertLess(p99, max(0.05 * PATIENCE, 2 * quiet))

    def connect(self, source):
        client = rtsp.Client(self.port)
        client.raw.close()
        client.raw = lectern_test.Raw(self.port, source=source)
        return client

    def describe(self, seconds):
        """The 99th percentile of how long honest clients' DESCRIBEs take."""
        until = time.monotonic() + seconds
        delays, clients = [], [self.connect(f"127.0.0.{10 + i}") for i in range(4)]
        while time.monotonic() < until:
            for client in clients:
                begun = time.monotonic()
                self.assertEqual(client.request("DESCRIBE", client.url(NAME))[0], 200)
                delays.append(time.monotonic() - begun)
                time.sleep(0.04)
        for client in clients:
            client.close()
        return sorted(delays)[int(len(delays) * 0.99)]

    def test_P_05_sessions_of_others(self):
        server = self.begin()
        with rtsp_media.Publisher(server, NAME) as teacher, rtsp.Client(self.port) as victim:
            for _ in range(5):
                teacher.frame()
            server.wait_live(NAME)
            self.play(victim, server)
            foreign = [teacher.client.session, victim.session, "", "0", "0011223344556677",
                       victim.session[:-1], victim.session + "0"]
            for session in foreign:
                for method in ("PLAY", "PAUSE", "RECORD", "TEARDOWN", "GET_PARAMETER"):
                    with rtsp.Client(self.port) as thief:
                        status, _, _ = thief.request(method, thief.url(NAME), {"Session": session})
                        self.assertEqual(status, 454, (method, session))
            # With a session of one's own, too.
            with rtsp.Client(self.port) as thief:
                self.play(thief, server)
                thief.session = victim.session
                self.assertEqual(thief.request("TEARDOWN", thief.url(NAME))[0], 454)
            victim.frames.clear()
            teacher.frame()
            wait_for(lambda: victim.packet()[0] == 0, 10, "the victim's picture")
            self.assertEqual(server.stream(NAME)["state"], "live")


class Packets(Hostile):
    def broken(self, teacher):
        """Packets that are none, or lie."""
        head = struct.pack("!BBHII", 0x80, 0xe0, 0, 0, 0)
        ssrc = struct.pack("!I", teacher.ssrc[VIDEO])
        for data in (b"", b"\x80", head[:11], b"\x40" + head[1:] + b"\x65xyz",
                     b"\x8f" + head[1:] + b"\x65", b"\x90" + head[1:] + b"\xbe\xde\xff\xff\x65",
                     b"\xa0" + head[1:12] + b"\x65\xff", b"\xa0" + head[1:12],
                     head[:1] + b"\xff" + head[2:] + b"\x65other type"):
            for media in (VIDEO, AUDIO):
                # Their SSRC and number are right, so that nothing else is wrong with them.
                number = struct.pack("!H", teacher.sequence[media] & 0xffff)
                own = struct.pack("!I", teacher.ssrc[media])
                teacher.raw(media, data[:2] + number + data[4:8] + own + data[12:]
                            if len(data) >= 12 else data)
        dice = random.Random(2)
        for _ in range(300):
            report = bytes([0x80 | dice.randrange(32), dice.choice([200, 201, 202, 204, 205, 207])])
            report += struct.pack("!H", dice.choice([0, 1, 6, 7, 0xffff])) + ssrc
            report += bytes(dice.randrange(256) for _ in range(dice.randrange(40)))
            teacher.raw(VIDEO, report, control=True)
        teacher.raw(AUDIO, os.urandom(700), control=True)

    def payloads(self, teacher):
        """Good packets with a payload that is none."""
        for payload in (b"", b"\x7c", b"\x7c\x05middle of nothing", b"\x7c\x45end of nothing",
                        b"\x78\xff\xff\x65", b"\x78\0", b"\x7f\x00", b"\x60"):
            teacher.rtp(VIDEO, payload, marker=False)
        teacher.rtp(VIDEO, b"\x65" + b"\xff" * 20, first=0xa0)  # padding longer than all there is

    def run_frames(self, teacher, count):
        for _ in range(count):
            teacher.frame()
            time.sleep(0.02)

    def check(self, way):
        server = self.begin()
        with rtsp_media.Publisher(server, NAME, way, sequence=65500) as teacher:
            self.run_frames(teacher, 5)
            server.wait_live(NAME)
            viewer = rtmp.player(server, NAME, timeout=20)
            self.run_frames(teacher, 40)  # over the end of the numbers
            self.broken(teacher)
            self.run_frames(teacher, 20)
            whole = teacher.count[VIDEO]
            self.payloads(teacher)
            self.run_frames(teacher, 20)
            teacher.start_anew()
            self.run_frames(teacher, 30)
            pictures, sounds = self.watch(viewer, teacher)
            last = sounds[-1]
            stated = server.stream(NAME)
        # Broken packets harm nobody, broken payloads at most the picture till the next key frame.
        self.assertEqual(pictures[:whole - pictures[0]], list(range(pictures[0], whole)))
        self.assertEqual(sounds, list(range(sounds[0], last + 1)))
        missing = set(range(whole, last + 1)) - set(pictures)
        self.assertLess(len(missing), 12, missing)
        self.assertEqual(stated["state"], "live")
        wait_for(lambda: self.metric(server, "bad_packets") >= 8, 10,
                 "the bad packets to be counted")

    def watch(self, viewer, teacher):
        """(pictures, sounds) up to now: numbers. Sound is sent along with pictures."""
        pictures, sounds, last = [], [], teacher.count[AUDIO] - 1
        self.run_frames(teacher, 5)
        while not sounds or sounds[-1] < last:
            more = rtsp_media.numbers(viewer.media(1))
            pictures += more[0]
            sounds += more[1]
        return pictures, sounds

    def test_P_08_packets_by_tcp(self):
        self.check("tcp")

    def test_P_08_packets_by_udp(self):
        self.check("udp")

    def metric(self, server, name):
        text = server.get("/metrics", server.manager()).decode()
        match = re.search(rf"^lectern_rtsp_{name}_total (\d+)", text, re.M)
        return int(match[1]) if match else 0

    def test_P_09_datagrams_of_others(self):
        server = self.begin()
        with rtsp_media.Publisher(server, NAME, "udp") as teacher:
            self.run_frames(teacher, 5)
            server.wait_live(NAME)
            viewer = rtmp.player(server, NAME, timeout=20)
            for address in ("127.0.0.2", "127.0.0.1"):
                rtp, rtcp = rtsp_media.udp_pair(address)
                for i in range(50):
                    forged = struct.pack("!BBHII", 0x80, 0xe0, (teacher.sequence[VIDEO] + i) & 0xffff,
                                         teacher.time[VIDEO], teacher.ssrc[VIDEO])
                    rtp.sendto(forged + rtsp_media.picture(99999),
                               ("127.0.0.1", teacher.peers[VIDEO][0]))
                    # BYE
                    rtcp.sendto(struct.pack("!BBHI", 0x81, 203, 1, teacher.ssrc[VIDEO]),
                                ("127.0.0.1", teacher.peers[VIDEO][1]))
                rtp.close()
                rtcp.close()
            self.run_frames(teacher, 10)
            pictures, _ = self.watch(viewer, teacher)
            self.assertEqual(pictures, list(range(pictures[0], pictures[0] + len(pictures))))
            self.assertEqual(server.stream(NAME)["state"], "live")
            self.assertGreaterEqual(
                wait_for(lambda: self.metric(server, "strange_datagrams"), 5, "the count"), 100)

    def test_P_09_packets_go_to_no_other_address(self):
        server = self.begin()
        with rtsp_media.Publisher(server, NAME) as teacher, rtsp.Client(self.port) as client:
            self.run_frames(teacher, 5)
            server.wait_live(NAME)
            mine = rtsp_media.udp_pair()
            port = mine[0].getsockname()[1]
            victim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            victim.bind(("127.0.0.9", port))
            status, headers, _ = client.request(
                "SETUP", client.url(f"{NAME}/trackID=1"),
                {"Transport": f"RTP/AVP;unicast;destination=127.0.0.9;source=127.0.0.9;"
                              f"client_port={port}-{port + 1}"})
            self.assertEqual(status, 200)
            self.assertNotIn("127.0.0.9", headers["transport"])
            self.assertEqual(client.request("PLAY", client.url(NAME))[0], 200)
            self.run_frames(teacher, 10)
            mine[0].settimeout(10 * PATIENCE)
            self.assertEqual(mine[0].recv(2000)[:1], b"\x80")
            victim.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                victim.recv(2000)
            for one in (*mine, victim):
                one.close()


lectern_test.main()
