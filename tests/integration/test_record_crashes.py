# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recordings over kills, damage, full and slow disks.

LECTERN_TEST_KILLS: how often the server is killed while it records (5).
"""

import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import time

import lectern_test
from recording import NAME, Recorder, Recording, boxes, count, decode

KILLS = int(os.environ.get("LECTERN_TEST_KILLS", "5"))

# Takes five seconds to put a recording on the disk.
SLOW_DISK = """
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int fdatasync (int fd)
{
  char link[64], path[512] = "";
  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink (link, path, sizeof path - 1) > 0 && strstr (path, ".part.mp4") != NULL)
    sleep (5);
  return fsync (fd);
}
"""


class Crashes(Recording):
    def test_M_01_kill_of_the_server_loses_little(self):
        dice = random.Random()
        folder = lectern_test.temporary_directory()
        losses = []
        for i in range(KILLS):
            server = Recorder(state_dir=folder)
            self.addCleanup(server.stop)
            if i > 0:
                losses.append(self.look_back(server, i, killed))
            push = self.push(server)
            server.wait_live(NAME)
            lectern_test.wait_for(lambda: list(server.folder.glob("live/a/*.part.mp4")), 20,
                                  "the recording")
            time.sleep(dice.uniform(0.2, 1.5))
            killed = time.time()
            server.kill()
            push.kill()
            server.log_path.unlink()
        server = Recorder(state_dir=folder)
        self.addCleanup(server.stop)
        losses.append(self.look_back(server, KILLS, killed))
        print(f"# lost in {KILLS} kills: at most {max(losses):.3f} s, "
              f"on average {sum(losses) / len(losses):.3f} s")
        self.assertLess(max(losses), 1.5)

    def look_back(self, server, number, killed):
        """The recording that a kill left is finished soon; returns the seconds lost."""
        begun = time.monotonic()
        found = server.wait_ready(number, timeout=10)
        self.assertLess(time.monotonic() - begun, 10 * lectern_test.PATIENCE)
        self.assertEqual(len(found), number)
        self.check(server, found[0])
        index = server.path(found[0], ".index").read_bytes()
        started, duration = struct.unpack_from(">QQ", index, 8)
        return killed - started / 1e6 - duration / 1e9

    def test_kill_while_finishing_is_made_good(self):
        folder = lectern_test.temporary_directory()
        part = make_long_part(self, folder)
        server = Recorder(state_dir=folder)
        lectern_test.wait_for(lambda: find_worker(server, "finish"), 20, "the worker")
        server.kill()
        server = Recorder(state_dir=folder)
        self.addCleanup(server.stop)
        begun = time.monotonic()
        for _ in range(2):
            pid = lectern_test.wait_for(lambda: find_worker(server, "finish"), 20, "the worker")
            os.kill(pid, signal.SIGKILL)
            lectern_test.wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 10, "its end")
        found = [r for r in server.wait_ready(2, timeout=60) if r["name"] == part.name[:19]]
        path = server.path(found[0])
        self.assertEqual([kind for kind, _, _ in boxes_of(path)], ["ftyp", "moov", "mdat"])
        print(f"# {path.stat().st_size >> 20} MiB finished after two kills in "
              f"{time.monotonic() - begun:.1f} s")
        self.assertGreater(found[0]["duration"], 1000)
        self.assertFalse(part.exists())
        self.assertEqual(list(path.parent.glob("*.tmp")), [])

    def test_part_beside_its_finished_file_goes(self):
        folder = lectern_test.temporary_directory()
        server = self.recorder(state_dir=folder)
        self.push(server, seconds=1).wait()
        path = server.path(server.wait_ready(poster=True)[0])
        server.stop()
        before = path.read_bytes()
        part = path.with_suffix(".part.mp4")
        part.write_bytes(b"what was not removed in time")
        again = self.recorder(state_dir=folder)
        lectern_test.wait_for(lambda: not part.exists(), 10, "the part to go")
        self.assertEqual(path.read_bytes(), before)
        self.check(again, again.wait_ready()[0])

    def test_damaged_files_are_told_and_harm_nothing(self):
        folder = lectern_test.temporary_directory()
        place = folder / "state/recordings/live/a"
        place.mkdir(parents=True)
        (place / "2026-01-01-10-00-00.mp4").write_bytes(b"nonsense")
        (place / "2026-01-01-11-00-00.part.mp4").write_bytes(b"\0\0\0\x08ftyp")
        (place / "2026-01-01-12-00-00.part.mp4").write_bytes(random.randbytes(300000))
        (place / "2026-01-01-13-00-00.mp4.tmp").write_bytes(b"rest")
        (place / "2026-01-01-13-00-00.jpg").write_bytes(b"picture of nothing")
        (place / "holiday.mp4").write_bytes(b"?")
        (place / "holiday.jpg").write_bytes(b"?")
        (place / "2026-01-01-14-00-00.mp4").symlink_to("/etc/passwd")
        (folder / "state/recordings/live/b").symlink_to("/etc")
        server = Recorder(state_dir=folder)
        self.addCleanup(server.stop)
        lectern_test.wait_for(lambda: not (place / "2026-01-01-11-00-00.part.mp4").exists(), 20,
                              "the empty one to go")
        states = {r["name"]: r["state"] for r in server.wait_ready(3)}
        self.assertEqual(states, {f"2026-01-01-{hour}-00-00": "failed" for hour in (10, 12, 14)})
        self.assertFalse((place / "2026-01-01-13-00-00.mp4.tmp").exists())
        self.assertFalse((place / "2026-01-01-13-00-00.jpg").exists())
        self.assertTrue((place / "holiday.mp4").exists() and (place / "holiday.jpg").exists())
        for recording in server.recordings():
            status, _, body = server.request("GET", recording["play"]["mp4"])
            self.assertEqual(status, 404 if recording["name"].endswith("14-00-00") else 200)


def boxes_of(path):
    """As boxes, of a large file."""
    found, at = [], 0
    with open(path, "rb") as file:
        while head := file.read(16):
            size, kind = struct.unpack_from(">I4s", head)
            if size == 1:
                size = struct.unpack_from(">Q", head, 8)[0]
            found.append((kind.decode("latin-1"), at, size))
            at += size
            file.seek(at)
    return found


def find_worker(server, job):
    """The process id of the server's worker for JOB, or None."""
    children = pathlib.Path(f"/proc/{server.pid}/task").glob("*/children")
    for pid in " ".join(c.read_text(encoding="ascii") for c in children).split():
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if job.encode() in words:
            return int(pid)
    return None


def make_long_part(test, folder):
    """A part file of twenty minutes, of one of some seconds, with the times moved on."""
    server = Recorder(state_dir=folder)
    push = test.push(server, size="640x360")
    server.wait_duration(3)
    source = next(server.folder.glob("live/a/*.part.mp4"))
    server.kill()
    push.kill()
    server.log_path.unlink()
    data = source.read_bytes()
    found = boxes(data)
    head = data[:found[2][1]]
    fragments, pending = [], b""
    for i, (kind, at, size) in enumerate(found[2:], 2):
        pending += data[at:at + size]
        if kind == "mdat":
            fragments.append(pending)
            pending = b""
    part = source.with_name("2026-01-01-10-00-00.part.mp4")
    with open(part, "wb") as file:
        file.write(head)
        for turn in range(400):
            for fragment in fragments:
                moof = fragment.index(b"moof") - 4
                track, = struct.unpack_from(">I", fragment, moof + 44)
                time_at, = struct.unpack_from(">Q", fragment, moof + 60)
                shift = turn * 5 * (90000 if track == 1 else 44100)
                file.write(fragment[:moof + 60] + struct.pack(">Q", time_at + shift)
                           + fragment[moof + 68:])
    return part


class Disks(Recording):
    def small_disk(self, size, **options):
        """A server whose recordings lie on a file system of so many bytes."""
        place = lectern_test.temporary_directory()

        class Small(Recorder):
            def command(self, *words):
                command = super().command(*words)
                if words[0] != "serve":
                    return command
                return ["unshare", "-m", "sh", "-c",
                        f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"', str(place),
                        *command]

            @property
            def folder(self):
                return pathlib.Path(f"/proc/{self.pid}/root{place}")

        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("mount namespaces are not allowed here")
        server = Small(settings={"record.directory": str(place)}, **options)
        self.addCleanup(server.stop)
        return server

    def test_M_03_full_disk_stops_the_recording_alone(self):
        server = self.small_disk(3 << 20, allow=["has stopped: the disk is nearly full",
                                                 "cannot be finished and stays"])
        push = self.push(server, size="1280x720", extra=("-b:v", "8M"))
        server.wait_log("the recording of 'live/a' has stopped: the disk is nearly full", 40)
        status = server.json(f"/api/v1/streams/{NAME}/recording")
        self.assertEqual((status["recording"], status["error"]), (False, "the disk is nearly full"))
        self.assertEqual(server.stream(NAME)["warning"],
                         "the recording has stopped: the disk is nearly full")
        about = os.statvfs(server.folder)
        self.assertGreaterEqual(about.f_bavail * about.f_frsize, (3 << 20) // 20 - 65536)
        # Live goes on, and the recording plays as far as it goes.
        probe = lectern_test.ffprobe(server.flv_url(NAME))
        self.assertEqual(len(probe["streams"]), 2)
        found = server.wait_ready()
        self.assertEqual(found[0]["error"], "the disk is nearly full")
        copy = server.state_dir / "copy.mp4"
        copy.write_bytes(server.get(found[0]["play"]["mp4"]))
        self.assertEqual(decode(copy), "")
        self.assertEqual(self.ask_again(server), 200)
        self.assertIsNone(push.process.poll())

    def ask_again(self, server):
        """Recording is asked for once more: it begins, and stops again."""
        return server.ask("start")[0]

    def test_M_04_slow_disk_does_not_hold_up_viewers(self):
        shim = lectern_test.temporary_directory() / "slow.so"
        if shutil.which("cc") is None:
            self.skipTest("no C compiler")
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(shim)],
                       input=SLOW_DISK, text=True, check=True)
        preload = ":".join(filter(None, [os.environ.get("LD_PRELOAD"), str(shim)]))
        # A sanitizer wants to be loaded first, but does not have to be.
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        server = self.recorder(env={"LD_PRELOAD": preload, "ASAN_OPTIONS": options})
        push = self.push(server, seconds=6)
        server.wait_live(NAME)
        with lectern_test.Raw(server.http_port) as viewer:
            viewer.send(f"GET /{NAME}.flv HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            viewer.head()
            arrivals = [time.monotonic()]
            while viewer.receive():
                arrivals.append(time.monotonic())
        gap = max(b - a for a, b in zip(arrivals[2:], arrivals[3:]))
        print(f"# longest gap {gap * 1000:.0f} ms")
        self.assertLess(gap, 1.5 * lectern_test.PATIENCE)
        push.wait()
        recording = server.wait_ready(timeout=40)[0]
        self.assertEqual(count(self.check(server, recording))["h264"], 150)


if __name__ == "__main__":
    lectern_test.main()
