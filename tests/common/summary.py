# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the single test cases in meson's log; prints `N passed, N failed` as its last line.

A program that crashed, ran out of time or stopped short of its plan is a failure even if every
case it printed was good.
"""

import json
import re
import sys

CASE = re.compile(r"^(not )?ok\b[^#]*(?:#\s*(skip|todo)\b)?", re.IGNORECASE)
LINES = 60
PLAN = re.compile(r"^1\.\.(\d+)")


def count(run):
    """(passed, failed, skipped) of one program."""
    passed = failed = skipped = 0
    tap = False
    for line in run.get("stdout", "").splitlines():
        tap = tap or PLAN.match(line) is not None
        case = CASE.match(line)
        if case is None:
            continue
        directive = (case.group(2) or "").lower()
        if directive == "skip":
            skipped += 1
        elif case.group(1) and directive != "todo":
            failed += 1
        else:
            passed += 1
    good = run["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
    if not tap or passed + failed + skipped == 0:
        if run["result"] == "SKIP":
            return 0, 0, 1
        return (1, 0, 0) if good else (0, 1, 0)
    if not good and failed == 0:
        failed = 1
    return passed, failed, skipped


def diagnostics(run):
    """What a failed program said: its failed cases with their comments, or its last words."""
    lines, show = [], False
    for line in run.get("stdout", "").splitlines():
        case = CASE.match(line)
        if case is not None:
            show = case.group(1) is not None
        if show:
            lines.append(line)
    if not lines:
        lines = run.get("stdout", "").splitlines()[-LINES:]
    return lines[:LINES] + run.get("stderr", "").splitlines()[-LINES:]


def main():
    try:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
            runs = [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        runs = []
    counts = [count(run) for run in runs]
    passed, failed, skipped = (sum(column) for column in zip(*counts)) if counts else (0, 0, 0)
    for run, (_, bad, _) in zip(runs, counts):
        if bad:
            print(f"── FAILED: {run['name']} ({run['result'].lower()})")
            print("\n".join(diagnostics(run)))
    if not runs:
        print("no test ran")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(0 if runs and failed == 0 else 1)


main()
