"""The command `Bench/parse`: what parsing and rewriting one head costs, in instructions.

Each task runs 1,000 and 2,000 times under callgrind. The difference is 1,000 heads and nothing else: starting up costs
both the same. Instructions, unlike time, are the same on a busy machine.
"""

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from apusbench.install import install_debian
from apusbench.places import BENCH, BUILD, ROOT, BenchError, executable

from . import callgrind
from .callgrind import Profile

_FOLDER = BUILD / "micro"
_PROGRAM = _FOLDER / "heads"
#: As Package.swift has them, and what SwiftPM adds for a release.
_FLAGS = [
    *["-O", "-whole-module-optimization", "-static-stdlib", "-g", "-parse-as-library", "-swift-version", "6"],
    *["-enable-upcoming-feature", "ExistentialAny", "-enable-upcoming-feature", "InternalImportsByDefault"],
    *["-enable-upcoming-feature", "MemberImportVisibility", "-enable-experimental-feature", "Lifetimes"],
    "-strict-memory-safety",
]
_HEADS = 1_000
_CONTROL = "control"

#: Swift's own entry points and what they end in; allocating by any way shows in one of them.
_ALLOCATION = re.compile(
    r"_?swift_(allocObject|slowAlloc\w*|allocBox|initStackObject)|(c|m|re)alloc|aligned_alloc|posix_memalign|memalign"
)
_COUNTING = re.compile(r"_?swift_\w*([rR]etain|[rR]elease)\w*")
#: What else the runtime is asked: is an array used by nobody else, does nobody else write here. Cheap, but not free.
_CHECK = re.compile(r"swift_(isUniquelyReferenced\w*|beginAccess)")


@dataclass(frozen=True)
class Measurement:
    workload: str
    #: Of the head.
    bytes: int
    #: Of `_HEADS` heads.
    profile: Profile

    def instructions(self) -> float:
        return self.profile.instructions.total() / _HEADS

    def calls(self, names: re.Pattern[str]) -> int:
        return sum(self._calls_by_name(names).values())

    def allocations(self) -> int:
        # One allocation is a call of swift_allocObject, of swift_slowAlloc and of malloc.
        return max(self._calls_by_name(_ALLOCATION).values(), default=0)

    def _calls_by_name(self, names: re.Pattern[str]) -> Counter[str]:
        calls = Counter[str]()
        for name, count in self.profile.calls.items():
            if names.fullmatch(_bare(name)):
                calls[_bare(name)] += count
        return calls


def _bare(function: str) -> str:
    """The name without the object's version (`malloc@@GLIBC_2.2.5`) and callgrind's mark of recursion (`f'2`)."""
    return function.split("@")[0].split("'")[0]


def _build() -> None:
    if executable("swiftc") is None:
        raise BenchError("Swift is not on the PATH: the micro-benchmark compiles the parsers with it.")
    _FOLDER.mkdir(parents=True, exist_ok=True)
    module = ["-module-name", "ApusHTTP", "-emit-module", "-emit-module-path", _FOLDER / "ApusHTTP.swiftmodule"]
    _compile([*module, "-c", *sorted((ROOT / "Sources/ApusHTTP").glob("*.swift")), "-o", _FOLDER / "ApusHTTP.o"])
    sources = sorted((BENCH / "micro").glob("*.swift"))
    _compile(["-module-name", "heads", "-I", _FOLDER, *sources, _FOLDER / "ApusHTTP.o", "-o", _PROGRAM])


def _compile(arguments: Iterable[str | Path]) -> None:
    # The compiler leaves files of its own where it runs.
    done = subprocess.run(["swiftc", *_FLAGS, *arguments], cwd=_FOLDER, check=False, stdout=sys.stderr)
    if done.returncode != 0:
        raise BenchError("The micro-benchmark does not compile: see above.")


def _measure(workload: str) -> Measurement:
    printed, profiles = "", []
    for times in (_HEADS, 2 * _HEADS):
        printed, profile = callgrind.run(_PROGRAM, [workload, str(times)], _FOLDER / f"{workload}.{times}")
        profiles.append(profile)
    return Measurement(workload, int(printed), profiles[1].minus(profiles[0]))


def _print_table(measurements: Iterable[Measurement]) -> None:
    print("| task | head, bytes | instructions per head | per byte | allocations | retains, releases | checks |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for each in measurements:
        per_head = each.instructions()
        print(
            f"| {each.workload} | {each.bytes} | {per_head:,.0f} | {per_head / each.bytes:.1f} "
            f"| {each.allocations() / _HEADS:g} | {each.calls(_COUNTING) / _HEADS:g} "
            f"| {each.calls(_CHECK) / _HEADS:g} |"
        )


def _print_functions(measurement: Measurement, count: int) -> None:
    costly = Counter({name: cost for name, cost in measurement.profile.instructions.items() if cost > 0})
    print(f"\n{measurement.workload}: instructions per head by function (inlined ones count for their caller)\n")
    for name, cost in costly.most_common(count):
        print(f"{cost / _HEADS:10,.0f}  {_demangled(_bare(name))}")


def _demangled(name: str) -> str:
    command = ["swift-demangle", "--compact", "--simplified", name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Bench/parse", description="What parsing and rewriting one head costs.")
    parser.add_argument(
        "--functions", type=int, default=0, metavar="N", help="also the N functions that cost most (default: 0)"
    )
    parser.add_argument("workloads", nargs="*", metavar="TASK", help="which tasks (default: all)")
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> int:
    if executable("valgrind") is None:
        install_debian(["valgrind"])
    _build()
    known = subprocess.run([_PROGRAM], capture_output=True, text=True, check=True).stdout.split()
    chosen = arguments.workloads or [name for name in known if name != _CONTROL]
    if unknown := set(chosen) - set(known):
        raise BenchError(f"No task is called {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")

    # A count of nothing proves nothing unless the same count sees what is there.
    control = _measure(_CONTROL)
    if min(control.allocations(), control.calls(_COUNTING)) < _HEADS:
        raise BenchError("The control allocates and releases for every head, and that was not seen: counts are wrong.")
    measurements = [_measure(workload) for workload in chosen]
    _print_table(measurements)
    if arguments.functions:
        for measurement in measurements:
            _print_functions(measurement, arguments.functions)
    wasteful = [each.workload for each in measurements if each.allocations() or each.calls(_COUNTING)]
    if wasteful:
        print(f"\nAllocates or counts references: {', '.join(wasteful)}. A head needs neither.")
    return 1 if wasteful else 0


if __name__ == "__main__":
    try:
        sys.exit(_run(_arguments()))
    except (BenchError, RuntimeError) as problem:
        sys.exit(f"Bench/parse: {problem}")
