"""The command `Bench/route`: what finding a request's route costs, with ten routes and with ten thousand.

Nanoseconds are the fastest of five stretches. Instructions are counted by callgrind: those of 4,000 requests less those
of 2,000, so that starting up, which costs both the same, is left out.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass

from apusbench.install import install_debian
from apusbench.places import BENCH, BUILD, BenchError, executable

from . import callgrind
from .callgrind import Profile
from .compiler import build

_FOLDER = BUILD / "micro-routing"
_PROGRAM = _FOLDER / "routes"
_REQUESTS = 2_000
_CONTROL = "control"
_COUNTS = (10, 10_000)
#: What ten thousand routes may cost more than ten.
_LIMIT = 2.0


@dataclass(frozen=True)
class Measurement:
    mix: str
    nanoseconds: tuple[float, float]
    #: Of `_REQUESTS` requests.
    profiles: tuple[Profile, Profile]
    #: To make the tables of ten thousand, milliseconds.
    making: float

    def instructions(self, index: int) -> float:
        return self.profiles[index].instructions.total() / _REQUESTS

    def ratio(self) -> float:
        return self.instructions(1) / max(1.0, self.instructions(0))


def _time(mix: str, routes: int, requests: int) -> tuple[float, float]:
    command = [_PROGRAM, mix, str(routes), str(requests)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(printed[0]), float(printed[1])


def _count(mix: str, routes: int) -> Profile:
    profiles = []
    for times in (_REQUESTS, 2 * _REQUESTS):
        output = _FOLDER / f"{mix.replace(' ', '-')}.{routes}.{times}"
        profiles.append(callgrind.run(_PROGRAM, [mix, str(routes), str(times)], output)[1])
    return profiles[1].minus(profiles[0])


def _measure(mix: str) -> Measurement:
    requests = 20_000 if "hostile" in mix else 1_000_000
    few, many = (_time(mix, routes, requests) for routes in _COUNTS)
    profiles = (_count(mix, _COUNTS[0]), _count(mix, _COUNTS[1]))
    return Measurement(mix, (few[0], many[0]), profiles, many[1])


def _print_row(each: Measurement) -> None:
    few, many = each.nanoseconds
    wasted = sum(profile.allocations() + profile.countings() for profile in each.profiles) / _REQUESTS
    print(
        f"| {each.mix} | {each.instructions(0):,.0f} | {each.instructions(1):,.0f} | {each.ratio():.2f} "
        f"| {few:,.0f} | {many:,.0f} | {wasted:g} | {each.making:,.0f} |",
        flush=True,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Bench/route", description="What finding a request's route costs.")
    parser.add_argument("mixes", nargs="*", metavar="MIX", help="which mixes of routes (default: all)")
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> int:
    if executable("valgrind") is None:
        install_debian(["valgrind"])
    build(["ApusAddresses", "ApusHTTP", "ApusRouting", "ApusModel"], (BENCH / "micro" / "routing").glob("*.swift"), _PROGRAM)
    known = subprocess.run([_PROGRAM], capture_output=True, text=True, check=True).stdout.splitlines()
    chosen = arguments.mixes or [name for name in known if name != _CONTROL]
    if unknown := set(chosen) - set(known):
        raise BenchError(f"No mix is called {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")

    # A count of nothing proves nothing unless the same count sees what is there.
    control = _count(_CONTROL, _COUNTS[0])
    if min(control.allocations(), control.countings()) < _REQUESTS:
        raise BenchError("The control allocates and releases for every request, and that was not seen.")
    print("| routes | instructions, 10 | 10,000 | ratio | ns, 10 | 10,000 | allocations, retains | made in ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    measurements = []
    for mix in chosen:
        measurements.append(_measure(mix))
        _print_row(measurements[-1])
    steep = [each.mix for each in measurements if each.ratio() > _LIMIT]
    if steep:
        print(f"\nTen thousand routes cost more than {_LIMIT:g} times ten: {', '.join(steep)}.")
    return 1 if steep else 0


if __name__ == "__main__":
    try:
        sys.exit(_run(_arguments()))
    except (BenchError, RuntimeError) as problem:
        sys.exit(f"Bench/route: {problem}")
