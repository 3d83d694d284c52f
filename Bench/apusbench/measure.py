"""One round: a fresh origin, a fresh proxy, a load, and what it cost.

Everything is started anew for every round, on ports of its own: no proxy is there while another is measured, so none
can take a core's time with its timers, and what differs from start to start (where memory lies, which connections were
chosen) is part of the spread instead of a constant error of the whole run.
"""

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from . import preflight
from .places import BUILD, BenchError, executable
from .processes import CPUTime, Memory, Process
from .programs import LoadResult, run_load, start_origin
from .proxies import ORIGINS_CERTIFICATE, Proxy
from .results import Round
from .scenarios import Scenario


@dataclass(frozen=True)
class Pace:
    """How long each round lasts, in seconds."""

    seconds: float = 5
    warmup: float = 1
    #: How long a memory figure is given to come to rest.
    rest: float = 1
    #: How long a proxy is given, where memory is measured, to have done with starting.
    settle: float = 3


@dataclass
class _Window:
    """What /proc says of the proxy at the measured window's ends."""

    process: Process
    began: CPUTime = CPUTime(0, 0)
    used: CPUTime = CPUTime(0, 0)
    memory: Memory = Memory(0, 0)

    def begin(self) -> None:
        self.began = self.process.cpu()

    def end(self) -> None:
        self.used = self.process.cpu() - self.began
        self.memory = self.process.memory()


def measure(scenario: Scenario, proxy: Proxy, pace: Pace, rate: float | None, load_generator: str = "load") -> Round:
    """Runs one round. What goes wrong makes it void and is said in it."""
    try:
        return _measure(scenario, proxy, pace, rate, load_generator)
    except BenchError as error:
        return Round(scenario.name, proxy.name, void=str(error))


def _measure(scenario: Scenario, proxy: Proxy, pace: Pace, rate: float | None, load_generator: str) -> Round:
    setup = scenario.setup
    origin, ports = start_origin(scenario.load_cores, certificate=ORIGINS_CERTIFICATE if setup.tls_to_origins else None)
    port = preflight.free_port()
    with origin, proxy.running(setup, scenario.proxy_cores, port, tuple(ports)) as process:
        preflight.wait_until_it_accepts(process, port)
        if proxy.speaks_http:
            preflight.check_equal_work(port, tuple(ports), setup.certificate)
        if scenario.idle_connections > 0:
            round = _hold_idle(scenario, proxy, process, port, pace)
        elif load_generator == "wrk" and scenario.wrk_connections is not None:
            round = _load_with_wrk(scenario, proxy, process, port, pace)
        else:
            round = _load(scenario, proxy, process, port, pace, rate)
        if process.exit_status is not None:
            raise BenchError(f"ended in the middle: exit status {process.exit_status}")
        return round if not setup.access_log else _with_logged_share(round, process)


def _arguments(scenario: Scenario, proxy: Proxy, port: int) -> list[str]:
    extra = () if proxy.speaks_http else scenario.floor_load
    return ["--port", str(port), *scenario.load, *scenario.load_tls, *extra]


def _beside(process: Process, name: str) -> Path:
    """A file in the proxy's folder."""
    assert process.errors is not None
    return process.errors.with_name(name)


def _refuse_errors(result: LoadResult) -> None:
    if result.errors > 0:
        kinds = ", ".join(f"{count} {kind}" for kind, count in result.failures.items())
        raise BenchError(f"{result.errors} failed requests ({kinds})")


def _load(scenario: Scenario, proxy: Proxy, process: Process, port: int, pace: Pace, rate: float | None) -> Round:
    arguments = _arguments(scenario, proxy, port)
    arguments += ["--warmup", str(pace.warmup), "--seconds", str(pace.seconds)]
    if scenario.at_half_rate:
        if rate is None:
            raise BenchError("no peer has a valid round of small-64 to take half of")
        arguments += ["--rate", f"{rate:.1f}"]
    window = _Window(process)
    result = run_load(arguments, scenario.load_cores, window.begin, window.end, _beside(process, "load-errors"))
    _refuse_errors(result)
    done = result.transfers if scenario.body > 0 else result.requests
    round = _round(scenario, proxy, window, done, result.seconds)
    return replace(round, p50=result.p50_us, p99=result.p99_us, p999=result.p999_us, completed=result.completed)


def _round(scenario: Scenario, proxy: Proxy, window: _Window, done: float, seconds: float) -> Round:
    if done < 1:
        raise BenchError("no request was answered in the measured window")
    return Round(
        scenario.name,
        proxy.name,
        per_second=done / seconds,
        cpu_user=window.used.user * 1e6 / done,
        cpu_system=window.used.system * 1e6 / done,
        busy=(window.used.user + window.used.system) / seconds,
        resident=window.memory.resident,
    )


def _with_logged_share(round: Round, process: Process) -> Round:
    """Ends the proxy, so that it writes what it still holds, and counts its lines."""
    process.stop()
    lines = _lines(_beside(process, "access.log"))
    return replace(round, logged_share=lines / (round.completed + preflight.REQUESTS))


def _lines(path: Path) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def _hold_idle(scenario: Scenario, proxy: Proxy, process: Process, port: int, pace: Pace) -> Round:
    before: list[Memory] = []
    during: list[Memory] = []

    def rest_and_read(readings: list[Memory]) -> None:
        time.sleep(pace.rest)
        readings.append(process.memory())

    def run(arguments: list[str], readings: list[Memory]) -> None:
        result = run_load(
            arguments,
            scenario.load_cores,
            lambda: rest_and_read(readings),
            lambda: None,
            _beside(process, "load-errors"),
        )
        _refuse_errors(result)
        if result.reconnects > 0:
            raise BenchError(f"closed {result.reconnects} of the idle connections")

    time.sleep(pace.settle)
    # A few connections first, so that what the first request alone costs is not charged to the 5,000.
    run(["--port", str(port), "--idle", "--connections", "16", *scenario.load_tls], [])
    rest_and_read(before)
    run(_arguments(scenario, proxy, port), during)
    added = (during[0].resident - before[0].resident) * 1024
    return Round(
        scenario.name,
        proxy.name,
        resident=during[0].resident,
        resident_before=before[0].resident,
        bytes_per_connection=added / scenario.idle_connections,
    )


# wrk, for whoever wants to see that the bench's own load generator tells the same.

_WRK_TIMES = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}


def _load_with_wrk(scenario: Scenario, proxy: Proxy, process: Process, port: int, pace: Pace) -> Round:
    wrk = executable("wrk")
    if wrk is None:
        raise BenchError("wrk is not installed")

    def run(seconds: float) -> str:
        output = BUILD / "wrk-output"
        output.unlink(missing_ok=True)
        duration = f"{max(1, round(seconds))}s"
        url = f"http://127.0.0.1:{port}/small"
        command = [str(wrk), "-t1", f"-c{scenario.wrk_connections}", f"-d{duration}", "--latency", url]
        with Process(command, scenario.load_cores, output=output, errors=output) as load:
            while load.exit_status is None:
                time.sleep(0.01)
        return output.read_text()

    run(pace.warmup)
    window = _Window(process)
    window.begin()
    text = run(pace.seconds)
    window.end()
    if "Socket errors" in text or "Non-2xx" in text:
        raise BenchError(text.strip().splitlines()[-3])
    requests, seconds = _match(r"(\d+) requests in ([\d.]+)(\w+)", text)
    measured = _round(scenario, proxy, window, requests, seconds / 1e6)
    return replace(
        measured, p50=_match(r"50%\s+()([\d.]+)(\w+)", text)[1], p99=_match(r"99%\s+()([\d.]+)(\w+)", text)[1]
    )


def _match(pattern: str, text: str) -> tuple[float, float]:
    """A count and a duration in microseconds."""
    found = re.search(pattern, text)
    if found is None:
        raise BenchError(f"wrk's output is not as expected: {text}")
    count, number, unit = found.groups()
    return float(count or 0), float(number) * _WRK_TIMES[unit]
