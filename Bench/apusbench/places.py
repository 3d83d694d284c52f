"""Where things are, and which core is whose."""

import os
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
BUILD = BENCH / ".build"
VENV = BENCH / ".venv"
CONFIGURATIONS = BENCH / "proxies"
PROGRAMS = BENCH / "programs"

PROXY_CORES = frozenset({0})
LOAD_CORES = frozenset({1})
ALL_CORES = frozenset({0, 1})

#: Descriptors that a process may open, where the system allows it.
DESCRIPTORS = 20_000


class BenchError(Exception):
    """Something the bench cannot go on without; the message is for whoever runs it."""


def executable(name: str) -> Path | None:
    """Finds `name` on the path or where Debian puts servers."""
    for folder in [*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/usr/local/sbin"]:
        candidate = Path(folder) / name
        if folder and os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate
    return None
