"""The command `Bench/faults`: what clients notice when the network fails one of three origins.

Each proxy has the settings that it has by itself. GETs come at a fixed rate; the fault begins after a third of the time
and heals after two thirds. Printed are the requests that failed or took longer than a client's patience, the time that 99
of 100 were answered in, and how long after healing the origin was in use again.
"""

import argparse
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .entry import run_command
from .install import build_apus, install_peers
from .network import PORT, Wired, wired_origins
from .places import ALL_CORES, BENCH, CONFIGURATIONS, LOAD_CORES, BenchError
from .preflight import free_port, wait_until_it_accepts
from .processes import Process, raise_descriptor_limit
from .programs import LoadResult, build_programs, run_load
from .proxies import Instance, Proxy, Setup, proxies_named


@dataclass(frozen=True)
class Fault:
    name: str
    title: str
    begin: Callable[[Wired], None]
    heal: Callable[[Wired], None]
    load: tuple[str, ...] = ()
    #: Whether there are relays before the origins, so that there is something to delay at.
    relays: bool = False


def _drop(*statements: str) -> Callable[[Wired], None]:
    return lambda origin: origin.rules(*statements)


def _pass(origin: Wired) -> None:
    origin.rules()


class _Limping:
    """An origin that runs a tenth of the time."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, origin: Wired) -> None:
        self._over.clear()
        self._thread = threading.Thread(target=self._limp, args=(origin,))
        self._thread.start()

    def heal(self, _origin: Wired) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _limp(self, origin: Wired) -> None:
        while not self._over.is_set():
            origin.signal(signal.SIGSTOP)
            self._over.wait(0.36)
            origin.signal(signal.SIGCONT)
            self._over.wait(0.04)


def _reboot(origin: Wired) -> None:
    """Its connections are gone and nobody was told: what comes on them is not answered."""
    origin.rules("ct state new ct mark set 1", "ct mark != 1 drop")


_limping = _Limping()
_LARGE = ("--path", "/100k", "--length", "100000")

FAULTS: tuple[Fault, ...] = (
    Fault("loss", "one packet of five is lost, each way", _drop("numgen random mod 100 < 20 drop"), _pass),
    Fault("partition", "no packet passes", _drop("drop"), _pass),
    Fault("half-open", "kept connections are dead, and nobody was told", _reboot, _pass),
    Fault(
        "reset",
        "requests are answered with a reset",
        _drop(f"tcp dport {PORT} tcp flags & psh == psh reject with tcp reset"),
        _pass,
    ),
    Fault("slow", "the origin runs a tenth of the time", _limping.begin, _limping.heal),
    Fault("large-packets", "packets above 1,000 bytes are lost", _drop("meta length > 1000 drop"), _pass, _LARGE),
    Fault("link-down", "the wire is pulled", lambda origin: origin.link(False), lambda origin: origin.link(True)),
    Fault(
        "delay",
        "half a second more each way",
        lambda origin: origin.delay(0.5),
        lambda origin: origin.delay(0),
        relays=True,
    ),
    Fault("kill", "kill -9, and a new start", lambda origin: origin.kill(), lambda origin: origin.start()),
)


@dataclass(frozen=True)
class Outcome:
    proxy: str
    fault: str
    requests: int
    failures: int
    kinds: dict[str, int]
    p99_ms: float
    #: Seconds from healing until the origin had half of the packets that it had before; None if it did not.
    back: float | None

    @property
    def share(self) -> float:
        return self.failures / max(1, self.requests)


class _Watch:
    """How many packets come from an origin, ten times a second."""

    def __init__(self, origin: Wired) -> None:
        self._origin = origin
        self._over = threading.Event()
        self.counts: list[tuple[float, int]] = []
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.counts.append((time.monotonic(), self._origin.packets()))

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _rate(self, start: float, end: float) -> float:
        within = [(at, count) for at, count in self.counts if start <= at <= end]
        if len(within) < 2:
            return 0
        return (within[-1][1] - within[0][1]) / (within[-1][0] - within[0][0])

    def back(self, begun: float, healed: float, ended: float) -> float | None:
        """Seconds from healing until half of what it had before comes from it for a second."""
        usual = self._rate(begun - 2, begun)
        at = healed
        while at + 1 <= ended:
            if self._rate(at, at + 1) >= usual / 2:
                return at - healed
            at += 0.1
        return None


def _start(proxy: Proxy, origins: Sequence[Wired], folder: Path, port: int) -> Process:
    """The proxy with settings of its own, but for what it must be told."""
    instance = Instance(Setup(workers=2), folder, port, ())
    addresses = {f"origin{origin.number}": f"{origin.address}:{PORT}" for origin in origins}
    for template, name in proxy.templates.items():
        text = (CONFIGURATIONS / "defaults" / template).read_text()
        (folder / name).write_text(instance.fill(text, **addresses))
    command = [str(proxy.required_program()), *proxy.command(instance)]
    return Process(command, ALL_CORES, errors=folder / "errors")


def _try(proxy: Proxy, fault: Fault, origins: Sequence[Wired], rate: float, patience: float, seconds: float) -> Outcome:
    victim, port = origins[1], free_port()
    times: list[float] = []
    over = threading.Event()

    def break_and_heal() -> None:
        for action in (fault.begin, fault.heal):
            if over.wait(seconds / 3):
                break
            times.append(time.monotonic())
            action(victim)
        # An origin ends with the thread that started it.
        over.wait()

    with tempfile.TemporaryDirectory(prefix=f"bench-{proxy.name}-") as name:
        folder = Path(name)
        with _start(proxy, origins, folder, port) as process:
            wait_until_it_accepts(process, port)
            time.sleep(2)
            watch, hand = _Watch(victim), threading.Thread(target=break_and_heal)
            load = ["--port", str(port), "--rate", str(rate), "--warmup", "0", "--seconds", str(seconds)]
            load += ["--timeout", str(patience)]
            try:
                result: LoadResult = run_load([*load, *fault.load], LOAD_CORES, hand.start, lambda: None, folder / "load")
            finally:
                over.set()
                if hand.ident is not None:
                    hand.join()
                watch.stop()
    if len(times) < 2:
        raise BenchError(f"{fault.name}: the load ended before the fault had healed.")
    back = watch.back(times[0], times[1], time.monotonic())
    total = result.completed + result.errors
    return Outcome(proxy.name, fault.name, total, result.errors, result.failures, result.p99_us / 1000, back)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Bench/faults", description="Breaks the network to one of three origins.")
    names = ",".join(fault.name for fault in FAULTS)
    parser.add_argument("--proxies", default="apus,nginx,haproxy", metavar="A,B", help="default: apus,nginx,haproxy")
    parser.add_argument("--faults", default=names, metavar="A,B", help=f"default: {names}")
    parser.add_argument("--rate", type=float, default=150, metavar="N", help="requests per second (default: 150)")
    parser.add_argument("--patience", type=float, default=5, metavar="N", help="seconds, of a client (default: 5)")
    parser.add_argument("--seconds", type=float, default=30, metavar="N", help="of each (default: 30)")
    parser.add_argument("--json", type=Path, default=BENCH / "results" / "faults.json", metavar="FILE")
    return parser.parse_args()


def _chosen(names: str) -> list[Fault]:
    known = {fault.name: fault for fault in FAULTS}
    for name in names.split(","):
        if name not in known:
            raise BenchError(f"There is no fault '{name}' here. Known are: {', '.join(known)}.")
    return [known[name] for name in names.split(",")]


def _line(outcome: Outcome) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in outcome.kinds.items())
    back = "not back" if outcome.back is None else f"{outcome.back:.1f} s"
    return (
        f"{outcome.fault:<14} {outcome.proxy:<9} {outcome.failures:>5} of {outcome.requests} failed "
        f"({outcome.share:6.2%})  p99 {outcome.p99_ms:6.0f} ms  back after {back}" + (f"  ({kinds})" if kinds else "")
    )


def _main() -> int:
    arguments = _arguments()
    faults, proxies = _chosen(arguments.faults), proxies_named(arguments.proxies.split(","))
    raise_descriptor_limit()
    build_programs()
    install_peers(proxies, "load")
    if any(proxy.name == "apus" for proxy in proxies):
        build_apus()
    outcomes: list[Outcome] = []
    for fault in faults:
        print(f"\n{fault.name}: {fault.title}", flush=True)
        for proxy in proxies:
            with wired_origins(3, fault.relays) as origins:
                outcomes.append(_try(proxy, fault, origins, arguments.rate, arguments.patience, arguments.seconds))
            print(_line(outcomes[-1]), flush=True)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(run_command("Bench/faults", _main))
