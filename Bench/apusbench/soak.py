"""The command `Bench/soak`: Apus under full load for long, origins dying now and then, its memory read as it goes."""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

from .entry import run_command
from .install import build_apus, install_peers
from .origins import Origins, running_origins
from .places import BENCH, LOAD_CORES, PROXY_CORES, BenchError
from .preflight import check_equal_work, free_port, wait_until_it_accepts
from .processes import Process, raise_descriptor_limit
from .programs import LoadResult, build_programs, run_load
from .proxies import Setup, proxies_named

#: An origin is killed this often (seconds) and stays away this long.
_KILLED_EVERY, _AWAY_FOR = 30.0, 5.0
#: Memory is flat when it grows by no more than this, in kB per minute, and from first to last third by no more than a
#: twentieth: an allocator's ups and downs, not a leak.
_FLAT_SLOPE, _FLAT_GROWTH = 64.0, 1.05


@dataclass(frozen=True)
class Sample:
    seconds: float
    resident: int
    proportional: int


@dataclass(frozen=True)
class Trend:
    """How memory went, in kB."""

    slope_per_minute: float
    first_third: float
    last_third: float

    @property
    def is_flat(self) -> bool:
        return self.slope_per_minute <= _FLAT_SLOPE and self.last_third <= self.first_third * _FLAT_GROWTH


def trend(samples: Sequence[Sample]) -> Trend:
    """The line of least squares through the samples, and the means of their first and last third."""
    if len(samples) < 6:
        raise BenchError(f"{len(samples)} samples are too few to tell: run for longer.")
    times, values = [s.seconds / 60 for s in samples], [s.resident for s in samples]
    middle, level = mean(times), mean(values)
    slope = sum((t - middle) * (v - level) for t, v in zip(times, values)) / sum((t - middle) ** 2 for t in times)
    third = len(samples) // 3
    return Trend(slope, mean(values[:third]), mean(values[-third:]))


def _disturb(origins: Origins, over: threading.Event) -> None:
    """Kills one origin after the other, each coming back before the next goes.

    An origin ends with the thread that started it, so this runs until the load is over.
    """
    victim = 0
    while not over.wait(_KILLED_EVERY):
        origins.kill(victim)
        over.wait(_AWAY_FOR)
        origins.restart(victim)
        victim = (victim + 1) % len(origins.ports)


def _sample(process: Process, samples: list[Sample], interval: float, over: threading.Event) -> None:
    began = time.monotonic()
    while not over.wait(interval):
        memory = process.memory()
        samples.append(Sample(round(time.monotonic() - began, 1), memory.resident, memory.proportional))
        print(f"{samples[-1].seconds:>7.0f} s  {memory.resident:>8} kB", flush=True)


def _run(proxy_name: str, minutes: float, interval: float) -> tuple[list[Sample], LoadResult]:
    proxy = proxies_named([proxy_name])[0]
    port, samples, over = free_port(), list[Sample](), threading.Event()
    with running_origins() as origins, proxy.running(Setup(), PROXY_CORES, port, origins.ports) as process:
        wait_until_it_accepts(process, port)
        check_equal_work(port, origins.ports)
        threads = [
            threading.Thread(target=_disturb, args=(origins, over)),
            threading.Thread(target=_sample, args=(process, samples, interval, over)),
        ]

        def start_threads() -> None:
            for thread in threads:
                thread.start()

        load = [
            "--port",
            str(port),
            "--connections",
            "64",
            "--warmup",
            "5",
            "--seconds",
            str(minutes * 60),
            "--timeline",
        ]
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = run_load(load, LOAD_CORES, start_threads, lambda: None, Path(folder) / "errors")
            finally:
                over.set()
                for thread in threads:
                    if thread.ident is not None:
                        thread.join()
        if process.exit_status is not None:
            raise BenchError(f"{proxy.title} ended in the middle: exit status {process.exit_status}")
    return samples, result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Bench/soak", description="Tells whether memory stays flat under full load.")
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="how long (default: 10, at most 55)")
    parser.add_argument("--interval", type=float, default=5, metavar="SECONDS", help="between samples (default: 5)")
    parser.add_argument("--proxy", default="apus", help="apus (the default), or a peer to compare with")
    parser.add_argument("--json", type=Path, default=BENCH / "results" / "soak.json", metavar="FILE")
    return parser.parse_args()


def _main() -> int:
    arguments = _arguments()
    if not 0 < arguments.minutes <= 55:
        raise BenchError("--minutes must be more than 0 and at most 55.")
    raise_descriptor_limit()
    build_programs()
    install_peers(proxies_named([arguments.proxy]), "load")
    if arguments.proxy == "apus":
        build_apus()
    samples, result = _run(arguments.proxy, arguments.minutes, arguments.interval)
    found = trend(samples)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "proxy": arguments.proxy,
        "samples": [asdict(sample) for sample in samples],
        "trend": {**asdict(found), "is_flat": found.is_flat},
        "load": vars(result),
    }
    arguments.json.write_text(json.dumps(report, indent=1))
    print(f"requests: {result.completed:,} answered, {result.errors:,} failed {result.failures or ''}")
    print(
        f"memory: {'flat' if found.is_flat else 'NOT flat'}: {found.slope_per_minute:+.1f} kB per minute, "
        f"first third {found.first_third:,.0f} kB, last third {found.last_third:,.0f} kB"
    )
    return 0 if found.is_flat and result.errors == 0 else 1


if __name__ == "__main__":
    sys.exit(run_command("Bench/soak", _main))
