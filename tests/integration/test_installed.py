# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` puts down: it runs, and a plugin of somebody else's builds against it."""

import os
import shutil
import subprocess
import unittest

import lectern_test

ROOT = lectern_test.SOURCE_DIR


def run(*words, env=None):
    done = subprocess.run([str(word) for word in words], env={**os.environ, **(env or {})},
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


@unittest.skipUnless(shutil.which("meson") and shutil.which("pkg-config") and shutil.which("cc"),
                     "no meson, pkg-config or cc here")
class Installed(lectern_test.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = lectern_test.temporary_directory()
        run("meson", "install", "-C", lectern_test.BUILD_DIR, "--no-rebuild", "--quiet",
            "--destdir", cls.root)
        cls.pc = next(cls.root.rglob("lectern-1.pc"))
        cls.lib = cls.pc.parents[1]
        cls.program = next(cls.root.rglob("bin/lectern"))
        cls.plugins = next(cls.root.rglob("lectern-1/plugins"))
        cls.env = {"LD_LIBRARY_PATH": str(cls.lib), "LC_ALL": "C.UTF-8",
                   "LECTERN_PLUGIN_PATH": str(cls.plugins)}

    def flags(self, what):
        # As if the place it was put down in were the real one.
        text = self.pc.read_text(encoding="utf-8")
        moved = self.root / "lectern-1.pc"
        moved.write_text(text.replace("prefix=/", f"prefix={self.root}/", 1), encoding="utf-8")
        return run("pkg-config", what, moved).split()

    def test_the_program_runs_with_the_installed_plugins(self):
        listed = run(self.program, "plugins", env=self.env)
        self.assertIn("stats", listed)
        self.assertNotIn("refused", listed)
        self.assertNotIn("example", listed)

    def test_the_worker_program_runs(self):
        folder = lectern_test.temporary_directory()
        worker = next(self.root.rglob("libexec/lectern/lectern-worker"))
        process = lectern_test.spawn(
            [self.program, "serve", "--set=plugins.testcard=true", "--set=plugins.page=false",
             "--set=plugins.rtmp=false", f"--set=workers.program={worker}",
             f"--set=server.state-dir={folder}", "--set=http.listen=127.0.0.1:0"],
            env={**os.environ, **self.env}, stdout=subprocess.DEVNULL,
            stderr=open(folder / "log", "wb"))
        try:
            lectern_test.wait_for(
                lambda: "'live/demo' is live" in (folder / "log").read_text(encoding="utf-8"), 20,
                "the test picture")
        finally:
            process.terminate()
            process.wait()

    def test_it_does_not_look_into_the_build_tree(self):
        env = {**self.env, "LECTERN_PLUGIN_PATH": ""}
        self.assertNotIn("example", run(self.program, "plugins", env=env))

    @unittest.skipUnless((lectern_test.BUILD_DIR / "plugins/rtmp.so").exists(), "no rtmp here")
    def test_the_shipped_settings_are_right(self):
        conf = next(self.root.rglob("etc/**/lectern.conf"))
        run(self.program, "check", "-c", conf, env=self.env)

    def test_a_plugin_builds_out_of_tree(self):
        folder = lectern_test.temporary_directory()
        run("cc", "-Wall", "-Werror", "-fPIC", "-shared", "-o", folder / "example.so",
            ROOT / "plugins/example/lectern-example-plugin.c",
            '-DLECTERN_PLUGIN_NAME="example"', '-DLECTERN_PLUGIN_VERSION="2.5"',
            '-DG_LOG_DOMAIN="lectern-example"', *self.flags("--cflags"), *self.flags("--libs"))
        env = {**self.env, "LECTERN_PLUGIN_PATH": f"{folder}:{self.plugins}"}
        listed = run(self.program, "plugins", "--set=plugins.example=true", env=env)
        self.assertRegex(listed, r"(?m)^example +2\.5 +enabled ")

    def test_the_public_headers_stand_alone(self):
        folder = lectern_test.temporary_directory()
        headers = next(self.root.rglob("include/lectern-1"))
        sources = []
        for header in sorted(headers.rglob("*.h")):
            sources.append(folder / f"{header.stem}.c")
            sources[-1].write_text(f"#include <{header.relative_to(headers)}>\n", encoding="utf-8")
        self.assertGreater(len(sources), 20)
        run("cc", "-Wall", "-Werror", "-fsyntax-only", *sources, *self.flags("--cflags"))


lectern_test.main()
