# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of recordings share: a server that records, and looks at files."""

import json
import struct
import subprocess

import lectern_test

NAME = "live/a"


def boxes(data):
    """(type, start, size) of the boxes on top."""
    at, found = 0, []
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
        found.append((kind.decode("latin-1"), at, size))
        if size < 8:
            break
        at += size
    return found


def decode(path):
    """Plays every frame; returns what ffmpeg complains of."""
    done = subprocess.run(["ffmpeg", "-v", "warning", "-nostdin", "-i", str(path), "-f", "null", "-"],
                          capture_output=True, text=True, timeout=60)
    return done.stderr.strip() if done.returncode == 0 else f"exit {done.returncode} {done.stderr}"


def count(path):
    """Packets by codec."""
    streams = lectern_test.ffprobe(str(path), args=("-count_packets",))["streams"]
    return {s["codec_name"]: int(s["nb_read_packets"]) for s in streams}


def starts(path):
    """When each codec is first seen or heard, in seconds."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name:packet=stream_index,pts_time",
         "-of", "json", str(path)], capture_output=True, text=True, check=True)
    data = json.loads(done.stdout)
    names = [s["codec_name"] for s in data["streams"]]
    first = {}
    for packet in data["packets"]:
        name = names[packet["stream_index"]]
        first[name] = min(first.get(name, 1e9), float(packet["pts_time"]))
    return first


class Recorder(lectern_test.Server):
    """A server that records, with the ways to look at what it has."""

    def __init__(self, settings=None, **options):
        super().__init__(settings={"plugins.record": "true", "plugins.hls": "true",
                                   "server.connects-per-address": "10000",
                                   **(settings or {})}, **options)

    @property
    def token(self):
        secret = self.state_dir / "state/admin-token"
        return {"Authorization": f"Bearer {secret.read_text(encoding='ascii').strip()}"}

    @property
    def folder(self):
        return self.state_dir / "state/recordings"

    def recordings(self):
        return self.json("/api/v1/recordings", headers=self.token)["recordings"]

    def wait_ready(self, number=1, timeout=20, poster=False):
        """The recordings, once NUMBER are finished and none is under way."""
        def ready():
            found = self.recordings()
            done = all(r["state"] in ("ready", "failed") and (r["poster"] or not poster)
                       for r in found)
            return found if len(found) >= number and done else None
        return lectern_test.wait_for(ready, timeout, f"{number} finished recordings")

    def wait_duration(self, seconds, timeout=20):
        """Until there is a recording of so many seconds."""
        lectern_test.wait_for(lambda: any(r["duration"] >= seconds for r in self.recordings()),
                              timeout, f"{seconds} s of recording")

    def path(self, recording, suffix=".mp4"):
        return self.folder / recording["stream"] / (recording["name"] + suffix)

    def ask(self, what, name=NAME, token=True):
        status, _, body = self.request("POST", f"/api/v1/streams/{name}/recording/{what}",
                                       headers=self.token if token else {})
        return status, json.loads(body)


class Recording(lectern_test.TestCase):
    def recorder(self, *args, **options):
        server = Recorder(*args, **options)
        self.addCleanup(server.stop)
        return server

    def push(self, server, seconds=None, name=NAME, **options):
        push = lectern_test.ffmpeg_push(server.push_url(name), seconds=seconds,
                                        **{"rate": 25, "gop": 1.0, **options})
        self.addCleanup(push.stop)
        return push

    def check(self, server, recording):
        """Finished: moov first, index beside it, nothing else, every frame decodes."""
        path = server.path(recording)
        self.assertEqual(recording["state"], "ready", recording)
        self.assertEqual([kind for kind, _, _ in boxes(path.read_bytes())], ["ftyp", "moov", "mdat"])
        self.assertTrue(server.path(recording, ".index").exists())
        self.assertFalse(server.path(recording, ".part.mp4").exists())
        self.assertEqual(recording["size"], path.stat().st_size)
        self.assertEqual(decode(path), "")
        return path
