# SPDX-License-Identifier: LGPL-2.1-or-later
"""W-02: our WebSocket server and a client that somebody else wrote."""

import asyncio
import subprocess
import sys
import unittest

import tap

try:
    import websockets
except ImportError:
    websockets = None

SERVER = sys.argv.pop(1)
SIZES = (0, 1, 125, 126, 127, 65535, 65536, 1000000)


@unittest.skipIf(websockets is None, "python3-websockets is not installed")
class Interop(unittest.TestCase):
    timeout = 60

    def setUp(self):
        self.server = subprocess.Popen([SERVER], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.address = f"127.0.0.1:{int(self.server.stdout.readline())}"

    def tearDown(self):
        self.server.stdin.close()
        self.server.stdout.close()
        self.assertEqual(0, self.server.wait())

    def talk(self, conversation, **options):
        async def run():
            url = f"ws://{self.address}/echo"
            async with websockets.connect(url, max_size=None, **options) as client:
                await conversation(client)
        asyncio.run(run())

    def test_echoes_text_and_binary_of_every_length_form(self):
        async def conversation(client):
            for message in [kind * size for kind in ("a", b"b") for size in SIZES] + ["课堂😀"]:
                await client.send(message)
                self.assertEqual(message, await client.recv())
        self.talk(conversation)

    def test_joins_fragments(self):
        async def conversation(client):
            await client.send(["frag", "", "ments", "课"])
            self.assertEqual("fragments课", await client.recv())
            await client.send([b"1", b"2", b""])
            self.assertEqual(b"12", await client.recv())
        self.talk(conversation)

    def test_answers_pings(self):
        async def conversation(client):
            await asyncio.wait_for(await client.ping(b"x" * 125), 5)
        self.talk(conversation)

    def test_offers_no_compression(self):
        async def conversation(client):
            self.assertEqual([], client.extensions)
            await client.send("a" * 10000)
            self.assertEqual("a" * 10000, await client.recv())
        self.talk(conversation, compression="deflate")

    def test_answers_a_close(self):
        async def conversation(client):
            await client.close(1001, "bye")
            self.assertEqual(1001, client.close_code)
        self.talk(conversation)

    def closed_with(self, message):
        codes = []

        async def conversation(client):
            await client.send(message)
            try:
                await client.recv()
            except websockets.ConnectionClosed as closed:
                codes.append(closed.rcvd.code)
        self.talk(conversation)
        return codes

    def test_closes(self):
        self.assertEqual([4000], self.closed_with("close"))

    def test_refuses_a_message_over_the_limit(self):
        self.assertEqual([1009], self.closed_with(["a" * 600000, "b" * 600000]))

    def test_refuses_a_foreign_origin(self):
        async def conversation(client):
            self.fail("it was let in")
        with self.assertRaises(websockets.InvalidStatusCode) as caught:
            self.talk(conversation, origin="http://foreign.example")
        self.assertEqual(403, caught.exception.status_code)

    def test_takes_its_own_origin(self):
        async def conversation(client):
            await client.send("in")
            self.assertEqual("in", await client.recv())
        self.talk(conversation, origin=f"http://{self.address}")


if __name__ == "__main__":
    tap.main()
