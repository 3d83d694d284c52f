"""The command `Bench/request`: the instructions that a worker spends on one request, by callgrind.

Each binary serves a scenario twice under callgrind, once for longer. The worker's thread is counted alone, and the
difference between the two runs is divided by the difference in requests: starting and ending cancel.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from apusbench.certificates import make_certificates
from apusbench.entry import run_command
from apusbench.install import install_debian, install_openssl
from apusbench.places import LOAD_CORES, PROXY_CORES, BenchError, executable
from apusbench.preflight import check_equal_work, free_port, wait_until_it_accepts
from apusbench.programs import build_programs, run_load, start_origin
from apusbench.proxies import ORIGINS_CERTIFICATE, Apus, Before, Instance
from apusbench.scenarios import Scenario, scenarios_named

from . import callgrind
from .callgrind import Profile

#: Seconds under load of the two runs.
_SHORT, _LONG = 3.0, 12.0


class _Counted(Apus):
    """An `apus` under callgrind, each thread counted apart."""

    def __init__(self, binary: Path, output: Path) -> None:
        self.binary = binary
        self.output = output

    def program(self) -> Path | None:
        return executable("valgrind")

    def command(self, instance: Instance) -> list[str]:
        options = ["--tool=callgrind", "--separate-threads=yes", "--compress-strings=no", "--compress-pos=no"]
        return [*options, f"--callgrind-out-file={self.output}", str(self.binary), *super().command(instance)]

    def environment(self, instance: Instance) -> dict[str, str]:
        # Seeds that differ from run to run would leave differences between equal runs.
        return {"SWIFT_DETERMINISTIC_HASHING": "1"}

    def worker(self) -> Profile:
        """What the worker's thread did: under load none does more."""
        files = self.output.parent.glob(f"{self.output.name}-*")
        return max((callgrind.read(file.read_text()) for file in files), key=lambda each: each.instructions.total())


@dataclass(frozen=True)
class Count:
    requests: int
    profile: Profile

    def per_request(self) -> float:
        return self.profile.instructions.total() / self.requests


def _run(binary: Path, scenario: Scenario, seconds: float, folder: Path) -> Count:
    proxy = _Counted(binary, folder / f"callgrind.{seconds:g}")
    setup = scenario.setup
    origin, ports = start_origin(LOAD_CORES, certificate=ORIGINS_CERTIFICATE if setup.tls_to_origins else None)
    port = free_port()
    with origin, proxy.running(setup, PROXY_CORES, port, tuple(ports)) as process:
        wait_until_it_accepts(process, port)
        check_equal_work(port, tuple(ports), setup.certificate)
        load = ["--port", str(port), *scenario.load, *scenario.load_tls, "--warmup", "0", "--seconds", str(seconds)]
        result = run_load(load, LOAD_CORES, lambda: None, lambda: None, folder / "errors")
        # Callgrind writes its counts as the program ends.
        process.stop(patience=60)
    if result.errors > 0:
        raise BenchError(f"{result.errors} requests failed: {result.failures}")
    return Count(result.completed, proxy.worker())


def _count(binary: Path, scenario: Scenario) -> Count:
    with tempfile.TemporaryDirectory(prefix="bench-request-") as name:
        folder = Path(name)
        # Valgrind gives up on debug information that it does not understand; the names of functions stay.
        subprocess.run(["strip", "--strip-debug", "-o", folder / "apus", binary], check=True)
        short, long = (_run(folder / "apus", scenario, seconds, folder) for seconds in (_SHORT, _LONG))
    return Count(long.requests - short.requests, long.profile.minus(short.profile))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Bench/request", description="Instructions per request.")
    parser.add_argument("--scenario", default="small-64", metavar="NAME", help="another than small-64: Bench/run --list")
    parser.add_argument("--before", type=Path, metavar="FILE", help="an apus that was built earlier, to compare with")
    parser.add_argument("--functions", type=int, default=0, metavar="N", help="also the N dearest functions")
    return parser.parse_args()


def _print_functions(now: Count, before: Count | None, count: int) -> None:
    for name, cost in now.profile.instructions.most_common(count):
        earlier = f"{before.profile.instructions[name] / before.requests:10,.1f}" if before else ""
        print(f"{cost / now.requests:10,.1f}{earlier}  {callgrind.bare(name)[:120]}")


def _main() -> int:
    arguments = _arguments()
    (scenario,) = scenarios_named([arguments.scenario])
    if scenario.at_half_rate or scenario.idle_connections > 0 or scenario.setup.workers > 1:
        raise BenchError(f"{scenario.name} does not load one worker at full speed, so that its requests cannot be counted.")
    if executable("valgrind") is None:
        install_debian(["valgrind"])
    if scenario.speaks_tls:
        install_openssl()
        make_certificates()
    build_programs(scenario.speaks_tls)
    binary = Apus().program()
    if binary is None:
        raise BenchError("There is no apus: build it with `make build`, or name it in APUS_BIN.")
    now = _count(binary, scenario)
    print(f"{scenario.name}, instructions per request: {now.per_request():,.0f} over {now.requests:,} requests", flush=True)
    before = None
    if arguments.before:
        before = _count(Before(arguments.before).required_program(), scenario)
        print(f"before:                   {before.per_request():,.0f} over {before.requests:,} requests")
        print(f"ratio:                    {now.per_request() / before.per_request():.4f}")
    _print_functions(now, before, arguments.functions)
    return 0


if __name__ == "__main__":
    sys.exit(run_command("Bench/request", _main))
