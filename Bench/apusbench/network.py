"""Origins on wires of their own: network namespaces in which packets are lost and links go down for nobody else."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .install import install_debian
from .places import BENCH, BUILD, LOAD_CORES, BenchError, executable
from .processes import Process

#: 10.232.N.1 is the balancer's end of the wire to origin N, 10.232.N.2 the origin's.
_NET = "10.232"
PORT = 8000


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BenchError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
    return result.stdout


class Wired:
    """One origin at the end of its own wire."""

    def __init__(self, number: int, has_relay: bool = False) -> None:
        self.number = number
        self.address = f"{_NET}.{number}.2"
        self._namespace = f"apus-bench-{os.getpid()}-{number}"
        self._here = f"apusb{number}"
        self._origin: Process | None = None
        self._relay: Process | None = None
        _run("ip", "netns", "add", self._namespace)
        try:
            _run("ip", "link", "add", self._here, "type", "veth", "peer", "name", "wire", "netns", self._namespace)
            _run("ip", "address", "add", f"{_NET}.{number}.1/30", "dev", self._here)
            _run("ip", "link", "set", self._here, "up")
            self._inside("ip", "address", "add", f"{self.address}/30", "dev", "wire")
            self._inside("ip", "link", "set", "wire", "up")
            self._inside("ip", "link", "set", "lo", "up")
            if has_relay:
                self._start_relay()
            self.start()
        except BaseException:
            self.close()
            raise

    def _inside(self, *command: str) -> None:
        _run("ip", "netns", "exec", self._namespace, *command)

    def _start_relay(self) -> None:
        python = [sys.executable, "-m", f"{__package__}.relay", str(PORT), str(PORT + 1)]
        command = ["ip", "netns", "exec", self._namespace, *python]
        self._relay = Process(command, LOAD_CORES, {"PYTHONPATH": str(BENCH)}, pipes=True)
        self._await_relay()

    def _await_relay(self) -> None:
        assert self._relay is not None
        if not self._relay.read_line():
            raise BenchError(f"The relay before the origin {self.address} has ended.")

    def delay(self, seconds: float) -> None:
        """All that goes to the origin and comes from it takes so much longer; for origins with a relay."""
        assert self._relay is not None
        self._relay.write_line(str(seconds))
        self._await_relay()

    def start(self) -> None:
        port = PORT if self._relay is None else PORT + 1
        command = ["ip", "netns", "exec", self._namespace, str(BUILD / "origin"), "--everywhere", str(port)]
        self._origin = Process(command, LOAD_CORES, pipes=True)
        if not self._origin.read_line():
            raise BenchError(f"The origin {self.address} did not start.")

    def kill(self) -> None:
        assert self._origin is not None
        self._origin.kill()

    def signal(self, number: int) -> None:
        assert self._origin is not None
        # `ip netns exec` has become the origin.
        os.kill(self._origin.pid, number)

    def rules(self, *statements: str) -> None:
        """Has packets to and from the origin judged by these, in the words of nftables; none lets all pass."""
        chains = "".join(
            f"chain {hook} {{ type filter hook {hook} priority 0; {device} lo accept; "
            + "".join(f"{statement}; " for statement in statements)
            + "}\n"
            for hook, device in (("input", "iifname"), ("output", "oifname"))
        )
        self._inside("nft", f"table inet fault {{}}\ndelete table inet fault\ntable inet fault {{\n{chains}}}")

    def link(self, is_up: bool) -> None:
        """Pulls the wire at the origin's end: the balancer has its address and its route, and nobody answers."""
        self._inside("ip", "link", "set", "wire", "up" if is_up else "down")

    def packets(self) -> int:
        """Packets that have come from the origin so far."""
        with open(f"/sys/class/net/{self._here}/statistics/rx_packets", encoding="ascii") as file:
            return int(file.read())

    def close(self) -> None:
        for process in (self._origin, self._relay):
            if process is not None:
                process.stop()
        # The wire first: with its namespace it would go a moment later.
        for command in (["ip", "link", "del", self._here], ["ip", "netns", "del", self._namespace]):
            subprocess.run(command, capture_output=True, check=False)


@contextmanager
def wired_origins(count: int, relays: bool = False) -> Iterator[Sequence[Wired]]:
    """So many origins, each on a wire, perhaps with relays before them; all is removed behind the `with`."""
    if os.geteuid() != 0:
        raise BenchError("Making network namespaces takes root.")
    missing = [name for name, program in (("iproute2", "ip"), ("nftables", "nft")) if executable(program) is None]
    if missing:
        install_debian(missing)
    origins: list[Wired] = []
    # Nothing that a wire does not take may go anywhere else.
    nowhere = ["unreachable", f"{_NET}.0.0/16", "metric", "4278198272"]
    _run("ip", "route", "replace", *nowhere)
    try:
        for number in range(1, count + 1):
            origins.append(Wired(number, relays))
        yield origins
    finally:
        for origin in origins:
            origin.close()
        _run("ip", "route", "del", *nowhere)
