import pathlib
import re
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
PINNED = re.search(r'swift-nio-ssl", exact: "([0-9.]+)"', (HERE.parent / "Package.swift").read_text()).group(1)


class NewerTLSTests(unittest.TestCase):
    """What `newer-tls` says of a repository with these versions."""

    def ask(self, *tags):
        with tempfile.TemporaryDirectory() as folder:
            git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org"]
            subprocess.run(["git", "init", "-q", folder], check=True)
            subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
            for tag in tags:
                subprocess.run([*git, "tag", tag], check=True)
            asked = subprocess.run([HERE / "newer-tls", folder], capture_output=True, text=True)
            return asked.returncode, asked.stdout + asked.stderr

    def test_the_newest(self):
        status, text = self.ask("1.0.0", PINNED)
        self.assertEqual(status, 0, text)
        self.assertIn(f"{PINNED} is the newest", text)

    def test_a_newer_one(self):
        status, text = self.ask(PINNED, "2.100.0", "2.9.0", "3.0.0-beta.1")
        self.assertEqual(status, 1, text)
        self.assertIn(f"2.100.0 is newer than {PINNED}", text)

    def test_nothing_to_be_told(self):
        self.assertEqual(self.ask()[0], 2)
        asked = subprocess.run([HERE / "newer-tls", "/nowhere"], capture_output=True, text=True)
        self.assertEqual(asked.returncode, 2)
        self.assertIn("/nowhere cannot be asked", asked.stderr)
