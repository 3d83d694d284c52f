"""Tests scripts/suites, with commands that stand for `swift test`."""

import os
import subprocess
import sys
import tempfile
import time
import unittest

SUITES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "suites")

# Writes an event stream as Swift Testing does, to the path that is its last argument.
EVENTS = """
import json, os, subprocess, sys, time
file = open(sys.argv[-1], "w")
def record(what, **payload):
    print(json.dumps({"version": 0, "kind": what, "payload": payload}), file=file, flush=True)
def event(kind, test, case=None):
    more = {"_testCase": {"displayName": case}} if case else {}
    record("event", kind=kind, testID=test, instant={"since1970": time.time()}, **more)
def test(id, kind="function", name=None):
    record("test", id=id, kind=kind, **({"displayName": name} if name else {}))
test("A.Suite", kind="suite")
test("A.Suite/quick()")
test("A.Suite/stuck()", name="one that hangs")
test("A.Suite/many(_:)")
event("testStarted", "A.Suite")
event("testStarted", "A.Suite/quick()")
event("testEnded", "A.Suite/quick()")
"""

HANGS = """
event("testStarted", "A.Suite/stuck()")
event("testStarted", "A.Suite/many(_:)")
for case in "123":
    event("testCaseStarted", "A.Suite/many(_:)", case)
    if case != "2": event("testCaseEnded", "A.Suite/many(_:)", case)
file.write('{"version": 0, "kind": "ev')
file.flush()
subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; exec sleep 321"], start_new_session=True)
time.sleep(100)
"""


def run(script, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(EVENTS + script)
        file.flush()
        start = time.monotonic()
        done = subprocess.run(
            [SUITES, *options, sys.executable, file.name], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr, time.monotonic() - start


def is_running(*command):
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                if file.read() == b"".join(word.encode() + b"\0" for word in command):
                    return True
        except OSError:
            pass
    return False


class SuitesTests(unittest.TestCase):
    def test_the_status_is_the_suites(self):
        self.assertEqual(run("")[:2], (0, ""))
        self.assertEqual(run("sys.exit(7)")[:2], (7, ""))
        self.assertEqual(run("os.kill(os.getpid(), 11)")[:2], (139, ""))

    def test_the_limit_names_what_has_begun_and_not_ended(self):
        status, text, seconds = run(HANGS, "--limit", "1.5")
        self.assertEqual(status, 124)
        self.assertIn("the limit of 1.5 s has passed", text)
        self.assertRegex(text, r'begun [0-9]+ s ago and not ended: A\.Suite/stuck\(\) "one that hangs"\n')
        self.assertRegex(text, r"not ended: A\.Suite/many\(_:\), with 2\n")
        self.assertEqual(text.count("not ended:"), 2, text)
        self.assertIn("sleep 321", text)
        self.assertLess(seconds, 30)
        self.assertFalse(is_running("sleep", "321"))

    def test_what_runs_apart_runs_second_and_counts(self):
        told = "print(sys.argv[1:-2], file=sys.stderr)\n"
        status, said, _ = run(told + 'sys.exit(3 if "--filter" in sys.argv else 0)', "--apart", "B[.]")
        self.assertEqual((status, said), (3, "['--skip', 'B[.]']\n['--filter', 'B[.]']\n"))
        status, said, _ = run(told + 'sys.exit(0 if "--filter" in sys.argv else 4)', "--apart", "B[.]")
        self.assertEqual(status, 4)
        self.assertIn("--filter", said)

    def test_a_process_that_is_left_fails_the_run_and_is_ended(self):
        status, text, _ = run('subprocess.Popen(["sleep", "322"], start_new_session=True)')
        self.assertEqual(status, 1)
        self.assertRegex(text, r"left by a test: [0-9]+ \(sleep\)")
        self.assertFalse(is_running("sleep", "322"))

    def test_a_child_on_its_way_out_is_not_left(self):
        self.assertEqual(run('subprocess.Popen(["sleep", "0.5"], start_new_session=True)')[:2], (0, ""))


if __name__ == "__main__":
    unittest.main()
