"""The bench's own programs: the floor, the origin and the load generator."""

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .places import BUILD, PROGRAMS, BenchError, executable
from .processes import Process

_SOURCES = {
    "floor": ["floor.c", "wire.c"],
    "origin": ["origin.c", "wire.c"],
    "load": ["load.c", "options.c", "response.c", "wire.c"],
}
_FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Werror"]


def build_programs() -> None:
    """Compiles what is older than its sources. The compiler is the one that comes with Swift, or the system's."""
    compiler = executable("clang") or executable("cc")
    if compiler is None:
        raise BenchError("No C compiler: neither clang (which comes with Swift) nor cc is on the PATH.")
    BUILD.mkdir(exist_ok=True)
    newest = max(path.stat().st_mtime for path in PROGRAMS.iterdir())
    for name, sources in _SOURCES.items():
        program = BUILD / name
        if program.exists() and program.stat().st_mtime > newest:
            continue
        subprocess.run([compiler, *_FLAGS, "-o", program, *sources], cwd=PROGRAMS, check=True)


def start_origin(cores: Iterable[int], ports: Sequence[int] = (0, 0, 0)) -> tuple[Process, list[int]]:
    """Starts one origin on all `ports` (0: a free one) and returns it with its ports, when it accepts connections."""
    origin = Process([BUILD / "origin", *map(str, ports)], cores, pipes=True)
    line = origin.read_line()
    if not line:
        origin.stop()
        raise BenchError(f"The origin did not start on the ports {list(ports)}: is one in use?")
    return origin, [int(port) for port in line.split()]


@dataclass(frozen=True)
class LoadResult:
    """What the load generator saw in the measured window; latencies in microseconds."""

    requests: int
    #: Those before and behind the window included.
    completed: int
    #: Whole bodies' worth of bytes that moved: finer than `requests` where one takes long.
    transfers: float
    seconds: float
    errors: int
    failures: dict[str, int]
    reconnects: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float
    #: Second by second, from the first: requests and failures.
    timeline: list[list[int]]


def run_load(
    arguments: Sequence[str],
    cores: Iterable[int],
    started: Callable[[], None],
    ended: Callable[[], None],
    errors: Path,
) -> LoadResult:
    """Runs the load generator; calls `started` and `ended` when the measured window begins and is over.

    With --idle it calls `started` when every connection has done its request, then lets them go.
    """
    with Process([BUILD / "load", *arguments], cores, errors=errors, pipes=True) as load:
        while line := load.read_line():
            event: dict[str, Any] = json.loads(line)
            match event.pop("event"):
                case "start":
                    started()
                case "idle":
                    started()
                    load.close_input()
                case "end":
                    ended()
                case "result":
                    return LoadResult(**event)
    raise BenchError(f"The load generator ended without a result. {errors.read_text().strip()}")
