# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kernel says of a process tree, and of the machine."""
import os
import re
import time
from pathlib import Path


def tree(pid):
    """The process and all that descend from it."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def cpu(pid):
    """CPU seconds of the tree so far, to the nanosecond; ended threads included."""
    total = 0.0
    for process in tree(pid):
        try:
            total += time.clock_gettime((~process << 3) | 2)  # the process's CPU clock
        except OSError:
            pass
    return total


def memory(pid):
    """KiB of the tree: proportional set size, so that shared pages count once."""
    total = 0
    for process in tree(pid):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        found = re.search(r"^Pss:\s+(\d+)", text, re.M)
        total += int(found[1]) if found else 0
    return total


def descriptors(pid):
    return sum(len(os.listdir(f"/proc/{process}/fd")) for process in tree(pid))


def socket_memory():
    """KiB that the kernel holds for TCP."""
    pages = re.search(r"^TCP:.* mem (\d+)", Path("/proc/net/sockstat").read_text(), re.M)
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def busy():
    """Seconds that all cores together have worked."""
    fields = [int(x) for x in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
