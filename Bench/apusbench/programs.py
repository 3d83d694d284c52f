"""The bench's own programs: the floor, the origin and the load generator."""

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .certificates import Certificate
from .places import BUILD, PROGRAMS, BenchError, executable
from .processes import Process

_LOAD = ["load.c", "options.c", "response.c", "wire.c"]
_ORIGIN = ["origin.c", "wire.c"]
_SOURCES = {
    "floor": ["floor.c", "wire.c"],
    "origin": [*_ORIGIN, "without_tls.c"],
    "load": [*_LOAD, "without_tls.c"],
}
#: Built where a scenario speaks TLS, with OpenSSL.
_SOURCES_WITH_TLS = {
    "origin-tls": [*_ORIGIN, "tls.c"],
    "load-tls": [*_LOAD, "tls.c"],
}
_OPENSSL = ["-lssl", "-lcrypto"]
_FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Werror"]


def _compiler() -> Path:
    """The one that comes with Swift, or the system's."""
    compiler = executable("clang") or executable("cc")
    if compiler is None:
        raise BenchError("No C compiler: neither clang (which comes with Swift) nor cc is on the PATH.")
    return compiler


def finds_openssl() -> bool:
    """Whether the compiler finds OpenSSL's headers."""
    command = [_compiler(), "-x", "c", "-fsyntax-only", "-"]
    return subprocess.run(command, input=b"#include <openssl/ssl.h>", capture_output=True, check=False).returncode == 0


def build_programs(with_tls: bool = False) -> None:
    """Compiles what is older than its sources; the programs that speak TLS only where they are asked for."""
    if with_tls and not finds_openssl():
        raise BenchError("No headers of OpenSSL, which the bench speaks TLS with: install libssl-dev.")
    BUILD.mkdir(exist_ok=True)
    newest = max(path.stat().st_mtime for path in PROGRAMS.iterdir())
    programs = [(name, sources, []) for name, sources in _SOURCES.items()]
    if with_tls:
        programs += [(name, sources, _OPENSSL) for name, sources in _SOURCES_WITH_TLS.items()]
    for name, sources, libraries in programs:
        program = BUILD / name
        if program.exists() and program.stat().st_mtime > newest:
            continue
        subprocess.run([_compiler(), *_FLAGS, "-o", program, *sources, *libraries], cwd=PROGRAMS, check=True)


def start_origin(
    cores: Iterable[int], ports: Sequence[int] = (0, 0, 0), certificate: Certificate | None = None
) -> tuple[Process, list[int]]:
    """Starts one origin on all `ports` (0: a free one) and returns it with its ports, when it accepts connections.

    With a `certificate` it speaks TLS.
    """
    command: list[str | Path] = [BUILD / "origin"]
    if certificate is not None:
        command = [BUILD / "origin-tls", "--tls", certificate.certificate, certificate.key]
    origin = Process([*command, *map(str, ports)], cores, pipes=True)
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
    #: TLS handshakes in the window, and how many of them resumed a session.
    handshakes: int
    resumptions: int
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
    program = BUILD / ("load-tls" if "--tls" in arguments else "load")
    with Process([program, *arguments], cores, errors=errors, pipes=True) as load:
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
