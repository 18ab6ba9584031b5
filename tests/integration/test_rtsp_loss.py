# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTSP over a network that loses and reorders every fifth datagram: the streams go on."""

import re
import subprocess
import threading
import time

import lectern_test
import lossy
import rtmp
from lectern_test import PATIENCE, wait_for

LOSS = 0.2


def push(url, transport="udp", **options):
    return lectern_test.ffmpeg_push(url, size="160x90", rate=25, gop=0.4,
                                    output=["-rtsp_transport", transport, "-f", "rtsp"], **options)


class Watcher(threading.Thread):
    """An RTMP viewer; keeps when pictures came and the times they bore."""

    def __init__(self, server, name):
        super().__init__(daemon=True)
        self.viewer = rtmp.player(server, name)
        self.came, self.times, self.over = [], [], None
        self.start()

    def run(self):
        try:
            while True:
                message, = self.viewer.media(1, [rtmp.VIDEO])
                if message.payload[1:2] == b"\1":
                    self.came.append(time.monotonic())
                    self.times.append(message.timestamp)
        except (OSError, rtmp.Closed, AssertionError) as error:
            self.over = error

    def longest_wait(self):
        return max((b - a for a, b in zip(self.came, self.came[1:])), default=99)


class Loss(lectern_test.TestCase):
    def reception(self, server, name, lost=0):
        def found():
            reception = (server.stream(name) or {}).get("reception")
            return reception if reception and reception["lost"] >= lost else None
        return wait_for(found, 15, f"the reception of {name}")

    def test_a_publisher_loses_every_fifth_datagram(self):
        server = self.server()
        port = server.port("rtsp")
        with lossy.Network(port, loss=0, reorder=0) as network:
            bad_url = server.push_url("live/bad", scheme="rtsp").replace(f":{port}/", f":{network.port}/")
            with push(bad_url), push(server.push_url("live/good", scheme="rtsp")):
                server.wait_live("live/bad")
                server.wait_live("live/good")
                bad, good = Watcher(server, "live/bad"), Watcher(server, "live/good")
                wait_for(lambda: len(bad.came) > 5 and len(good.came) > 5, 20, "pictures")
                network.loss, network.reorder = LOSS, 0.1
                before, lost = len(bad.times), network.lost
                wait_for(lambda: network.lost - lost > 100, 30, "losses")
                self.assertIsNone(bad.over)
                self.assertGreater(len(bad.times), before + 20)
                self.assertEqual(bad.times, sorted(bad.times))
                # Key frames come each 0.4 s, and are one datagram or a few.
                self.assertLess(bad.longest_wait(), 4 * PATIENCE)
                stated = self.reception(server, "live/bad", 50)
                self.assertGreater(stated["jitter"], 0)
                share = stated["lost"] / (stated["lost"] + stated["packets"])
                self.assertTrue(0.02 < share < 2 * LOSS, stated)
                print(f"# {network.lost} of {network.seen} lost, {network.reordered} reordered;"
                      f" told: {stated}; longest wait {bad.longest_wait():.2f} s")
                # It gets well again with the network.
                network.loss = network.reorder = 0
                seen = len(bad.times)
                wait_for(lambda: len(bad.times) > seen + 50, 20, "pictures after the losses")
                self.check_clean(server, good)
                self.assertEqual(server.stream("live/bad")["state"], "live")

    def check_clean(self, server, watcher):
        """Nothing happened to the other publisher."""
        self.assertIsNone(watcher.over)
        self.assertEqual(self.reception(server, "live/good")["lost"], 0)
        steps = {b - a for a, b in zip(watcher.times, watcher.times[1:])}
        self.assertLessEqual(max(steps), 42, steps)

    def test_a_player_loses_every_fifth_datagram(self):
        server = self.server()
        port = server.port("rtsp")
        with push(server.push_url("live/a", scheme="rtsp"), "tcp"), \
                lossy.Network(port, LOSS, 0.1, seed=2) as network:
            server.wait_live("live/a")
            clean = Watcher(server, "live/a")
            player = lectern_test.spawn(
                ["ffmpeg", "-v", "info", "-nostdin", "-rtsp_transport", "udp", "-i",
                 f"rtsp://127.0.0.1:{network.port}/live/a", "-map", "0:v", "-f", "null", "-"],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            killer = threading.Timer(60 * PATIENCE, player.kill)
            killer.start()
            try:
                session = wait_for(lambda: self.player(server), 30, "the player's reports")
                wait_for(lambda: network.lost > 120, 30, "losses")
            finally:
                player.terminate()
                said = player.stderr.read().decode(errors="replace")
                player.wait()
                killer.cancel()
            frames = [int(n) for n in re.findall(r"frame= *(\d+)", said)]
            self.assertGreater(max(frames, default=0), 20, said[-2000:])
            self.assertGreater(session["reception"]["lost"], 0)
            self.assertGreater(session["reception"]["jitter"], 0)
            self.assertIsNone(clean.over)
            steps = {b - a for a, b in zip(clean.times, clean.times[1:])}
            self.assertLessEqual(max(steps), 42, steps)

    @staticmethod
    def player(server):
        """The session of the player by UDP, once a report of it tells of losses."""
        listed = server.json("/api/v1/sessions", server.manager())["sessions"]
        return next((s for s in listed if s["protocol"] == "rtsp" and s["role"] == "play"
                     and s["reception"] and s["reception"]["lost"]), None)


lectern_test.main()
