# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs unittest cases and prints TAP 13, one line per test."""

import os
import signal
import sys
import traceback
import unittest


class Result(unittest.TestResult):
    """Prints each test as it ends; a test is limited to `timeout` seconds (class attribute)."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.trouble = []
        self.skip = None

    def startTest(self, test):
        super().startTest(test)
        self.trouble, self.skip = [], None
        signal.signal(signal.SIGALRM, self._late)
        patience = float(os.environ.get("LECTERN_TEST_PATIENCE", "1"))
        signal.alarm(int(getattr(test, "timeout", 120) * patience))

    @staticmethod
    def _late(number, frame):
        raise TimeoutError("the test took too long")

    def addError(self, test, err):
        super().addError(test, err)
        self._note(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(subtest, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip = reason
        if not isinstance(test, unittest.TestCase) or test.id().startswith("unittest.suite"):
            self._print(test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.trouble.append("succeeded though marked as an expected failure")

    def _note(self, test, err):
        text = "".join(traceback.format_exception(*err))
        self.trouble.append(f"{test}\n{text}")
        if not isinstance(test, unittest.TestCase):  # setUpClass or setUpModule failed
            self._print(test)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        self._print(test)

    def _print(self, test):
        self.number += 1
        name = ".".join(test.id().split(".")[-2:])
        line = f"{'not ok' if self.trouble else 'ok'} {self.number} - {name}"
        if self.skip is not None and not self.trouble:
            line += f" # SKIP {self.skip}"
        print(line)
        for text in self.trouble:
            for row in text.rstrip().splitlines():
                print(f"# {row}")
        self.trouble = []
        sys.stdout.flush()


def main():
    """Runs the test cases of the program, or those whose name contains an argument."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    tests = [test for group in suite for test in group]
    words = sys.argv[1:]
    if words:
        tests = [test for test in tests if any(word in test.id() for word in words)]
    print("TAP version 13")
    print(f"1..{len(tests)}", flush=True)
    result = Result()
    # A suite of the suites keeps setUpClass and tearDownClass working.
    unittest.TestSuite(tests).run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
