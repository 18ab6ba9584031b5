# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishes a small test picture in H.265 until it is ended: push_h265.py PORT APP/NAME KEY

ffmpeg writes no H.265 into FLV before version 6.1.
"""

import subprocess
import sys
import threading

import lectern_test
import link
import rtmp


def main():
    port, name, key = sys.argv[1:]
    app, _, short = name.partition("/")
    path = lectern_test.temporary_directory() / "h265.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15",
         "-t", "2", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
         "bframes=0:keyint=15:log-level=error", "-pix_fmt", "yuv420p", "-tag:v", "hvc1", str(path)],
        check=True)
    client = rtmp.Client(int(port))
    client.connect(app)
    client.publish(f"{short}?key={key}")
    rtmp.send_again(client, rtmp.h265_tags(link.read_clip(path)), 2000, threading.Event())


main()
