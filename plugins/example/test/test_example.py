# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example plugin in a real server."""

import lectern_test


class Example(lectern_test.TestCase):
    def server(self, settings):
        # Of the other plugins' settings none is wanted here.
        return super().server(settings={"plugins.example": "true", **settings})

    def test_greets(self):
        server = self.server({})
        self.assertEqual(server.get("/example/hello"), b"Hello from Lectern")

    def test_greets_as_the_settings_say(self):
        server = self.server({"example.greeting": "你好"})
        status, headers, body = server.request("GET", "/example/hello")
        self.assertEqual((status, body.decode()), (200, "你好"))
        self.assertEqual(headers["Content-Type"], "text/plain; charset=utf-8")


lectern_test.main()
