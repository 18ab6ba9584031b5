# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/plugin-tutorial.md keeps its promises: its programs build, load and do what it says."""

import datetime
import os
import re
import shutil
import subprocess
import unittest

import lectern_test

TUTORIAL = lectern_test.SOURCE_DIR / "docs/plugin-tutorial.md"
RTMP = lectern_test.BUILD_DIR / "plugins/rtmp.so"
PROGRAM = re.compile(r"```c\n(/\* lectern-([a-z0-9]+)-plugin\.c \*/.*?)```", re.DOTALL)


@unittest.skipUnless(shutil.which("cc") and shutil.which("pkg-config"), "no cc or pkg-config here")
class Tutorial(lectern_test.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = lectern_test.temporary_directory()
        cls.path = f"{cls.folder}:{os.environ['LECTERN_PLUGIN_PATH']}"
        flags = subprocess.run(["pkg-config", "--cflags", "gio-2.0", "json-glib-1.0", "sqlite3"],
                               check=True, capture_output=True, text=True).stdout.split()
        for text, name in PROGRAM.findall(TUTORIAL.read_text(encoding="utf-8")):
            source = cls.folder / f"lectern-{name}-plugin.c"
            source.write_text(text, encoding="utf-8")
            done = subprocess.run(
                ["cc", "-Wall", "-Wextra", "-Wno-unused-parameter",
                 "-Wno-missing-field-initializers", "-Werror", "-fPIC", "-shared",
                 "-o", str(cls.folder / f"{name}.so"), str(source),
                 f'-DLECTERN_PLUGIN_NAME="{name}"', '-DLECTERN_PLUGIN_VERSION="1"',
                 f'-DG_LOG_DOMAIN="lectern-{name}"', f"-I{lectern_test.SOURCE_DIR}/core", *flags,
                 f"-L{lectern_test.BUILD_DIR}/core", "-llectern-1", "-lgobject-2.0", "-lglib-2.0"],
                capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise AssertionError(done.stderr)

    def server(self, settings):
        return super().server(settings=settings, env={"LECTERN_PLUGIN_PATH": self.path},
                              allow=["closed at"])

    def test_the_guard_closes_at_night(self):
        hour = datetime.datetime.now().hour
        closed = {"plugins.hours": "true",
                  "hours.open": str(hour + 2 if hour < 12 else 0),
                  "hours.close": "24" if hour < 12 else str(hour - 2)}
        server = self.server(closed)
        self.assertIn(server.request("GET", "/api/v1/streams")[0], (401, 403))
        self.assertEqual(server.request("GET", "/healthz")[0], 200)
        server = self.server({"plugins.hours": "true", "hours.open": "0",
                              "hours.close": "24"})
        self.assertEqual(server.request("GET", "/api/v1/streams")[0], 200)

    @unittest.skipUnless(shutil.which("ffmpeg") and RTMP.exists(), "no ffmpeg or no rtmp here")
    def test_the_viewer_plays(self):
        server = self.server({"plugins.h264": "true"})
        with lectern_test.ffmpeg_push(server.push_url("live/physics")):
            server.wait_live("live/physics")
            url = f"http://127.0.0.1:{server.http_port}/live/physics.h264"
            frames = subprocess.run(
                ["ffprobe", "-v", "error", "-f", "h264", "-read_intervals", "%+#20",
                 "-show_entries", "frame=pict_type,width", "-of", "csv", url],
                capture_output=True, text=True, timeout=30 * lectern_test.PATIENCE, check=False)
            self.assertEqual(frames.stderr, "")
            rows = frames.stdout.split()
            self.assertGreaterEqual(len(rows), 15)
            self.assertTrue(rows[0].startswith("frame,320,I"), rows[0])


lectern_test.main()
