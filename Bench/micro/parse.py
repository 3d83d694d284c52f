"""The command `Bench/parse`: what parsing and rewriting one head costs, in instructions.

Each task runs 1,000 and 2,000 times under callgrind. The difference is 1,000 heads and nothing else: starting up costs
both the same. Instructions, unlike time, are the same on a busy machine.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from apusbench.install import install_debian
from apusbench.places import BENCH, BUILD, BenchError, executable

from . import callgrind
from .callgrind import Profile
from .compiler import build

_FOLDER = BUILD / "micro"
_PROGRAM = _FOLDER / "heads"
_HEADS = 1_000
_CONTROL = "control"


@dataclass(frozen=True)
class Measurement:
    workload: str
    #: Of the head.
    bytes: int
    #: Of `_HEADS` heads.
    profile: Profile

    def instructions(self) -> float:
        return self.profile.instructions.total() / _HEADS


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
            f"| {each.profile.allocations() / _HEADS:g} | {each.profile.countings() / _HEADS:g} "
            f"| {each.profile.checks() / _HEADS:g} |"
        )


def _print_functions(measurement: Measurement, count: int) -> None:
    costly = Counter({name: cost for name, cost in measurement.profile.instructions.items() if cost > 0})
    print(f"\n{measurement.workload}: instructions per head by function (inlined ones count for their caller)\n")
    for name, cost in costly.most_common(count):
        print(f"{cost / _HEADS:10,.0f}  {_demangled(callgrind.bare(name))}")


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
    build(["ApusHTTP"], (BENCH / "micro").glob("*.swift"), _PROGRAM)
    known = subprocess.run([_PROGRAM], capture_output=True, text=True, check=True).stdout.split()
    chosen = arguments.workloads or [name for name in known if name != _CONTROL]
    if unknown := set(chosen) - set(known):
        raise BenchError(f"No task is called {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")

    # A count of nothing proves nothing unless the same count sees what is there.
    control = _measure(_CONTROL)
    if min(control.profile.allocations(), control.profile.countings()) < _HEADS:
        raise BenchError("The control allocates and releases for every head, and that was not seen: counts are wrong.")
    measurements = [_measure(workload) for workload in chosen]
    _print_table(measurements)
    if arguments.functions:
        for measurement in measurements:
            _print_functions(measurement, arguments.functions)
    wasteful = [each.workload for each in measurements if each.profile.allocations() or each.profile.countings()]
    if wasteful:
        print(f"\nAllocates or counts references: {', '.join(wasteful)}. A head needs neither.")
    return 1 if wasteful else 0


if __name__ == "__main__":
    try:
        sys.exit(_run(_arguments()))
    except (BenchError, RuntimeError) as problem:
        sys.exit(f"Bench/parse: {problem}")
