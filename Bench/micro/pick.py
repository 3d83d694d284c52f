"""The command `Bench/pick`: what picking an endpoint costs, in nanoseconds, with each algorithm.

Time is what the table is about: caches are what large groups pay for, and instructions do not show them. So it wants a
quiet machine. That picks neither allocate nor count references is counted under callgrind, which does not.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from apusbench.install import install_debian
from apusbench.places import BENCH, BUILD, ROOT, BenchError, executable

from . import callgrind
from .callgrind import Profile
from .compiler import build

_FOLDER = BUILD / "micro-picking"
_PROGRAM = _FOLDER / "picks"
_MODULES = ["ApusAddresses", "ApusHTTP", "ApusRouting", "ApusModel", "ApusBalancing"]
_ENDPOINTS = (3, 100, 10_000)
_PICKS = 200_000
#: Under callgrind, which is fifty times slower.
_COUNTED_PICKS = 5_000
_COUNTED_ENDPOINTS = 100
#: The measurement itself: its time is taken off, and nothing is picked.
_NOTHING = "nothing"
_CONTROL = "control"
_DOCUMENT = ROOT / "docs" / "benchmarks.md"
_HEADING = "## Picking"


def _nanoseconds(algorithm: str, endpoints: int, down: int) -> float:
    command = [_PROGRAM, algorithm, str(endpoints), str(down), str(_PICKS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    except subprocess.SubprocessError as problem:
        print(f"Bench/pick: {algorithm}, {endpoints} endpoints, {down} down: {problem}", file=sys.stderr)
        return float("nan")
    return float(done.stdout)


def _profile(algorithm: str, down: int) -> Profile:
    """What `_COUNTED_PICKS` picks do: what twice as many do beyond that, so that starting up cancels."""
    profiles = []
    for picks in (_COUNTED_PICKS, 2 * _COUNTED_PICKS):
        arguments = [algorithm, str(_COUNTED_ENDPOINTS), str(down), str(picks)]
        profiles.append(callgrind.run(_PROGRAM, arguments, _FOLDER / f"{algorithm}.{picks}")[1])
    return profiles[1].minus(profiles[0])


def _table(algorithms: list[str]) -> str:
    lines = [
        "| nanoseconds per pick | " + " | ".join(f"{n:,} | half down" for n in _ENDPOINTS) + " |",
        "| --- |" + " ---: | ---: |" * len(_ENDPOINTS),
    ]
    sizes = [(count, down) for count in _ENDPOINTS for down in (0, count // 2)]
    taken_off = {size: _nanoseconds(_NOTHING, *size) for size in sizes}
    for algorithm in algorithms:
        times = [_nanoseconds(algorithm, *size) - taken_off[size] for size in sizes]
        lines.append(f"| {algorithm} | " + " | ".join(f"{time:,.0f}" for time in times) + " |")
    return "\n".join(lines) + "\n"


def _wasteful(algorithms: list[str]) -> list[str]:
    """The algorithms whose picks allocate or count references."""
    if executable("valgrind") is None:
        install_debian(["valgrind"])
    # A count of nothing proves nothing unless the same count sees what is there.
    control = _profile(_CONTROL, 0)
    if min(control.allocations(), control.countings()) < _COUNTED_PICKS:
        raise BenchError("The control allocates and releases with every pick, and that was not seen: counts are wrong.")
    found = []
    for algorithm in algorithms:
        for down in (0, _COUNTED_ENDPOINTS // 2):
            profile = _profile(algorithm, down)
            if profile.allocations() or profile.countings():
                found.append(
                    f"{algorithm}, {down} of {_COUNTED_ENDPOINTS} down: {profile.allocations()} allocations, "
                    f"{profile.countings()} retains and releases in {_COUNTED_PICKS} picks"
                )
    return found


def _write(document: Path, table: str) -> None:
    """Puts the table behind the introduction of the document's section, in place of the one that is there."""
    before, heading, section = document.read_text().partition(_HEADING + "\n")
    if not heading:
        raise BenchError(f"{document} has no section {_HEADING}.")
    introduction, _, rest = section.partition("\n| ")
    after = rest[rest.find("\n\n") + 1 :] if "\n\n" in rest else ""
    document.write_text(f"{before}{heading}{introduction}\n{table}{after}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Bench/pick", description="What picking an endpoint costs.")
    parser.add_argument("--write", action="store_true", help="also put the table into docs/benchmarks.md")
    parser.add_argument("--no-count", action="store_true", help="leave out counting allocations, retains and releases")
    parser.add_argument("algorithms", nargs="*", metavar="ALGORITHM", help="which algorithms (default: all)")
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> int:
    build(_MODULES, (BENCH / "micro" / "picking").glob("*.swift"), _PROGRAM)
    printed = subprocess.run([_PROGRAM], capture_output=True, text=True, check=True).stdout
    known = [name for name in printed.splitlines() if name not in (_NOTHING, _CONTROL)]
    chosen = arguments.algorithms or known
    if unknown := set(chosen) - set(known):
        raise BenchError(f"No algorithm is called {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")
    table = _table(chosen)
    print(table)
    if arguments.write:
        _write(_DOCUMENT, table)
    wasteful = [] if arguments.no_count else _wasteful(chosen)
    for line in wasteful:
        print(line)
    if wasteful:
        print("A pick needs neither allocations nor retains.")
    return 1 if wasteful else 0


if __name__ == "__main__":
    try:
        sys.exit(_run(_arguments()))
    except (BenchError, RuntimeError) as problem:
        sys.exit(f"Bench/pick: {problem}")
