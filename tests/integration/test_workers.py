# SPDX-License-Identifier: LGPL-2.1-or-later
"""Worker processes: what becomes of them, and of the streams that need none, when they fail."""

import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import lectern_test

DEMO = "live/demo"
JOB = f"testcard {DEMO}"
VIDEO = 9
PR_SET_MDWE, PR_GET_MDWE = 65, 66


def is_running(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] not in ("Z", "X")


def status(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value.strip()
    return None


class Viewer:
    """Reads an FLV stream in the background and notes when each picture came."""

    def __init__(self, server, name):
        self.raw = lectern_test.Raw(server.http_port)
        self.raw.send(f"GET /{name}.flv HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert self.raw.head()[0] == 200
        self.raw.exactly(13)
        self.pictures = []  # (when, media time in ms)
        self.ended = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            while True:
                head = self.raw.exactly(11)
                body = self.raw.exactly(int.from_bytes(head[1:4], "big") + 4)
                if head[0] == VIDEO and body[1] == 1:
                    stamp = int.from_bytes(head[7:8] + head[4:7], "big")
                    self.pictures.append((time.monotonic(), stamp))
        except (AssertionError, OSError):
            self.ended = True

    def wait(self, count, timeout=20):
        lectern_test.wait_for(lambda: len(self.pictures) >= count, timeout, f"{count} pictures")

    def next_after(self, moment, timeout=20):
        """When the first picture after MOMENT came."""
        def found():
            return next((when for when, _ in self.pictures if when > moment), None)
        return lectern_test.wait_for(found, timeout, "the next picture")

    def widest_step(self):
        """The largest step of media time between two pictures, in ms."""
        stamps = [stamp for _, stamp in self.pictures]
        return max(after - before for before, after in zip(stamps, stamps[1:]))

    def close(self):
        self.raw.close()


class Workers(lectern_test.TestCase):
    def demo(self, **options):
        settings = {"plugins.testcard": "true", **options.pop("settings", {})}
        return self.server(settings=settings, **options)

    def viewer(self, server, name):
        viewer = Viewer(server, name)
        self.addCleanup(viewer.close)
        return viewer

    def test_the_picture_is_back_in_two_seconds_and_nobody_else_notices(self):
        server = self.demo()
        with lectern_test.ffmpeg_push(server.push_url("live/a"), rate=25):
            server.wait_live("live/a")
            server.wait_live(DEMO)
            through, demo = self.viewer(server, "live/a"), self.viewer(server, DEMO)
            demo.wait(25)
            through.wait(25)
            pid = server.wait_worker(JOB)
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            # What was on its way may still come.
            back = demo.next_after(killed + 0.15)
            self.assertLess(back - killed, 2 * lectern_test.PATIENCE)
            self.assertNotEqual(server.wait_worker(JOB), pid)
            demo.wait(len(demo.pictures) + 25)
            self.assertFalse(demo.ended)
            through.wait(100)
            self.assertLessEqual(through.widest_step(), 41)
        server.wait_log("the worker is back")

    def test_m06_a_hanging_worker_is_replaced(self):
        server = self.demo()
        server.wait_live(DEMO)
        demo = self.viewer(server, DEMO)
        demo.wait(25)
        pid = server.wait_worker(JOB)
        os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        lectern_test.wait_for(lambda: not is_running(pid), 20, "the end of the hanging worker")
        killed = time.monotonic()
        self.assertTrue(4 <= killed - stopped <= 7 * lectern_test.PATIENCE, killed - stopped)
        back = demo.next_after(killed)
        self.assertLess(back - killed, 2 * lectern_test.PATIENCE)

    def test_m05_a_crash_loop_ends_and_is_reported(self):
        folder = lectern_test.temporary_directory()
        program = folder / "crashes"
        program.write_text("#!/bin/sh\nkill -SEGV $$\n", encoding="ascii")
        program.chmod(0o755)
        server = self.demo(settings={"workers.program": str(program)},
                           allow=["given up after 5 failures"])
        with lectern_test.ffmpeg_push(server.push_url("live/a"), rate=25):
            server.wait_live("live/a")
            through = self.viewer(server, "live/a")
            server.wait_log(r"given up after 5 failures in a row: it was ended by signal 11", 40)
            self.assertEqual([float(word.split()[0]) for word
                              in server.log().split("a new one starts in ")[1:]], [1, 2, 4, 8])
            self.assertLessEqual(through.widest_step(), 41)
        metrics = server.get("/metrics", server.manager()).decode()
        self.assertIn("lectern_worker_given_up_total 1", metrics)
        self.assertIn("lectern_worker_restarts_total 4", metrics)
        self.assertIn("lectern_workers 0", metrics)

    def test_workers_end_with_the_server_however_that_ends(self):
        for end in ("stop", "kill"):
            with self.subTest(end):
                server = self.demo()
                server.wait_live(DEMO)
                pid = server.wait_worker(JOB)
                if end == "kill":
                    os.kill(pid, signal.SIGSTOP)  # it cannot notice by itself
                getattr(server, end)()
                lectern_test.wait_for(lambda: not is_running(pid), 10, "the worker's end")

    def test_a_worker_has_what_it_needs_and_no_more(self):
        server = self.demo(env={"LECTERN_TEST_SECRET": "x"})
        server.wait_live(DEMO)
        pid = server.wait_worker(JOB)
        self.assertEqual("1", status(pid, "NoNewPrivs"))
        self.assertEqual("2", status(pid, "Seccomp"))
        self.assertEqual(5, os.getpriority(os.PRIO_PROCESS, pid))
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        self.assertNotIn(b"SECRET", environment)
        files = [os.readlink(path) for path in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
        self.assertEqual([], [name for name in files
                              if not name.startswith(("socket:", "pipe:", "anon_inode:"))
                              and name != "/dev/null"])

    def test_memory_that_may_not_be_written_and_run_is_no_hindrance(self):
        # What systemd's MemoryDenyWriteExecute does; Linux 6.3.
        if ctypes.CDLL(None).prctl(PR_GET_MDWE, 0, 0, 0, 0) < 0:
            self.skipTest("this kernel cannot deny it")
        program = lectern_test.temporary_directory() / "denied"
        worker = lectern_test.BUILD_DIR / "pipelines/lectern-worker"
        program.write_text(f"""#!{sys.executable}
import ctypes, os, sys
if ctypes.CDLL(None).prctl({PR_SET_MDWE}, 1, 0, 0, 0) != 0:
    sys.exit(1)
os.execv("{worker}", ["{worker}", *sys.argv[1:]])
""", encoding="utf-8")
        program.chmod(0o755)
        server = self.demo(settings={"workers.program": str(program)})
        server.wait_live(DEMO)
        viewer = self.viewer(server, DEMO)
        viewer.wait(25)
        self.assertNotIn("the worker is lost", server.log())

    def test_the_program_is_not_for_people(self):
        program = lectern_test.BUILD_DIR / "pipelines/lectern-worker"
        done = subprocess.run([program], capture_output=True, text=True, check=False)
        self.assertEqual(2, done.returncode)
        self.assertIn("started by the server", done.stderr)


lectern_test.main()
