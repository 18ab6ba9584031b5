# SPDX-License-Identifier: LGPL-2.1-or-later
"""Servers that carry one stream from or to another: the carriers of plugins without a relay.

    edge = carry.server(test, "pull", "live/a", origin.play_url("live/a"))
    edge.wait_live("live/a")
"""

import os

import lectern_test

FOLDER = lectern_test.BUILD_DIR / "tests/plugins/carry"


def server(test, way, stream, url, settings=None, **options):
    """A server whose plugin carry brings STREAM to URL, or fetches it from there."""
    usual = os.environ.get("LECTERN_PLUGIN_PATH", str(lectern_test.BUILD_DIR / "plugins"))
    return test.server(settings={"server.plugin-path": f"{usual}:{FOLDER}", "plugins.carry": "true",
                                 "carry.way": way, "carry.stream": stream, "carry.url": url,
                                 **(settings or {})}, **options)
