"""The command `Bench/reload`: Apus gets one configuration after the other and is upgraded under load; nobody may notice.

GET requests at a fixed rate, with --tls each with a new connection and a full handshake of TLS 1.3; meanwhile endpoints, pools, algorithms and a second listener come and go by SIGHUP, and the
binary is replaced by itself by SIGUSR2, with slow downloads in flight. Fails when a request failed, a download was cut,
or memory was not flat over the reloads of one process.
"""

import argparse
import json
import os
import random
import re
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .certificates import ECDSA, Certificate, make_certificates
from .entry import run_command
from .install import build_apus
from .origins import Origins, running_origins
from .places import BENCH, LOAD_CORES, PROXY_CORES, ROOT, BenchError
from .preflight import check_equal_work, free_port, wait_until_it_accepts
from .processes import Process, raise_descriptor_limit
from .programs import LoadResult, build_programs, run_load
from .soak import Sample, trend

#: A choice.
_ALGORITHMS = ["round-robin", "least-requests", "least-connections", "peak-ewma", "weighted-round-robin", "hash", "random"]
#: A download takes this long, so that it begins before an upgrade and ends after it.
_DOWNLOAD_SECONDS = 8.0


@dataclass
class Apus:
    """The process that serves now, and what it and those before it said."""

    pid: int
    folder: Path
    reloads: int = 0
    samples: list[Sample] = field(default_factory=list)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def wait_for(self, words: str, seen: int, patience: float = 30) -> re.Match[str]:
        """What matches `words` in the log for the time after the first `seen` times."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            found = list(re.finditer(words, self.log))
            if len(found) > seen:
                return found[seen]
            time.sleep(0.005)
        raise BenchError(f"Apus did not say {words!r} within {patience:g} s. The end of its log:\n{self.log[-3000:]}")

    def count(self, words: str) -> int:
        return len(re.findall(words, self.log))

    def resident(self) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise BenchError(f"process {self.pid} is gone")


def _configuration(
    port: int,
    second: int,
    admin: int,
    origins: tuple[int, ...],
    number: int,
    draw: random.Random,
    certificate: Certificate | None,
) -> str:
    """One of many configurations, all of which can serve the load."""
    # The first has them all, for the check that every proxy under the bench has to pass.
    chosen = draw.sample(origins, draw.randint(1, len(origins)) if number > 1 else len(origins))
    pool = draw.choice(["web", "web", "web", "other"])
    algorithm = draw.choice(_ALGORITHMS) if number > 1 else "round-robin"
    endpoints = ", ".join(f"{{ address: 127.0.0.1:{p}, weight: {draw.randint(1, 5)} }}" for p in chosen)
    more = f"\n  - {{ bind: 127.0.0.1:{second}, routes: [{{ pool: {pool} }}] }}" if draw.random() < 0.5 else ""
    tls = ""
    if certificate:
        # Half of the reloads make the listener's context anew.
        minimum = draw.choice(["1.2", "1.3"]) if number > 1 else "1.2"
        pair = f"certificate: {certificate.certificate}, key: {certificate.key}"
        tls = f"\n    tls: {{ {pair}, minimum: \"{minimum}\" }}"
    return f"""\
# {number}
workers: 2
listeners:
  - bind: 127.0.0.1:{port}{tls}
    routes: [{{ path: /never/*, pool: {pool} }}, {{ pool: {pool} }}]{more}
pools:
  {pool}:
    balance: {algorithm}
    endpoints: [{endpoints}]
timeouts: {{ drain: 20s }}
admin: {{ bind: 127.0.0.1:{admin} }}
"""


def _reload(apus: Apus) -> None:
    words = r"revision \d+ runs"
    seen = apus.count(words)
    os.kill(apus.pid, signal.SIGHUP)
    apus.wait_for(words, seen)
    apus.reloads += 1


def _upgrade(apus: Apus) -> None:
    words = r"process (\d+) has taken over"
    seen = apus.count(words)
    os.kill(apus.pid, signal.SIGUSR2)
    apus.pid = int(apus.wait_for(words, seen).group(1))


def _download(port: int, problems: list[str]) -> None:
    """Reads a body slowly, so that it is under way while the process is replaced."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        connection.sendall(b"GET /10m HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(4096)
        head, _, body = received.partition(b"\r\n\r\n")
        if b" 200 " not in head:
            problems.append(f"a download was answered {head.splitlines()[0]!r}")
            return
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))  # type: ignore[union-attr]
        count = len(body)
        while count < length:
            piece = connection.recv(65536)
            if not piece:
                problems.append(f"a download was cut after {count} of {length} bytes")
                return
            count += len(piece)
            ahead = count / length * _DOWNLOAD_SECONDS - (time.monotonic() - began)
            if ahead > 0:
                time.sleep(min(ahead, 0.2))


def _disturb(apus: Apus, write: Callable[[], None], port: int, arguments: argparse.Namespace, problems: list[str]) -> None:
    began = time.monotonic()
    for number in range(1, arguments.reloads + 1):
        write()
        _reload(apus)
        if number % max(1, arguments.reloads // 40) == 0:
            apus.samples.append(Sample(round(time.monotonic() - began, 1), apus.resident(), 0))
            print(f"{number:>5} reloads  {apus.samples[-1].resident:>8} kB", flush=True)
        time.sleep(arguments.pause)
    for number in range(1, arguments.upgrades + 1):
        downloads = [threading.Thread(target=_download, args=(port, problems)) for _ in range(3)]
        for thread in downloads if not arguments.tls else []:
            thread.start()
        time.sleep(1)
        _upgrade(apus)
        print(f"{number:>5} upgrades: process {apus.pid} serves", flush=True)
        for _ in range(2):
            write()
            _reload(apus)
        for thread in downloads if not arguments.tls else []:
            thread.join()


def _run(arguments: argparse.Namespace, folder: Path) -> tuple[Apus, LoadResult, list[str]]:
    port, second, admin, draw = free_port(), free_port(), free_port(), random.Random(arguments.seed)
    file, number, problems = folder / "apus.yaml", 0, list[str]()
    certificate = ECDSA if arguments.tls else None
    with running_origins(5) as origins:

        def write() -> None:
            nonlocal number
            number += 1
            whole = folder / "apus.yaml.new"
            whole.write_text(_configuration(port, second, admin, origins.ports, number, draw, certificate))
            whole.rename(file)

        write()
        program = arguments.binary or ROOT / ".build" / "release" / "apus"
        with Process([program, "run", "-c", file], PROXY_CORES, errors=folder / "log") as process:
            wait_until_it_accepts(process, port)
            check_equal_work(port, origins.ports, certificate)
            apus = Apus(process.pid, folder)
            trouble = list[BaseException]()

            def disturb() -> None:
                try:
                    _disturb(apus, write, port, arguments, problems)
                except BaseException as error:
                    trouble.append(error)

            disturber, over = threading.Thread(target=disturb), threading.Event()
            scraper = threading.Thread(target=_scrape, args=(admin, over))
            scraper.start()
            seconds = arguments.reloads * (arguments.pause + 0.15) + arguments.upgrades * (_DOWNLOAD_SECONDS + 4) + 5
            load = ["--port", str(port), "--rate", str(arguments.rate), "--warmup", "0", "--seconds", str(seconds)]
            if arguments.tls:
                load += ["--tls", "1.3", "--one-per-connection"]
            try:
                result = run_load([*load, "--timeline"], LOAD_CORES, disturber.start, lambda: None, folder / "errors")
            finally:
                disturber.join()
                over.set()
                scraper.join()
                _end(apus)
            if "Fatal error" in apus.log:
                raise BenchError(f"An Apus crashed. The end of its log:\n{apus.log[-3000:]}")
            if trouble:
                raise trouble[0]
    return apus, result, problems


def _scrape(admin: int, over: threading.Event) -> None:
    """Reads the metrics again and again, as somebody does all the time; between two processes nobody may answer."""
    while not over.wait(0.02):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=2) as answer:
                answer.read()
        except OSError:
            continue


def _end(apus: Apus) -> None:
    """Ends the process that serves now, which is no child of the bench after an upgrade."""
    try:
        os.kill(apus.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    for _ in range(100):
        if not Path(f"/proc/{apus.pid}").exists():
            return
        time.sleep(0.1)
    os.kill(apus.pid, signal.SIGKILL)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Bench/reload", description="Reloads and upgrades Apus under load.")
    parser.add_argument("--tls", action="store_true", help="a new connection and a full handshake for each request")
    parser.add_argument("--rate", type=float, default=5000, metavar="N", help="requests per second (default: 5000)")
    parser.add_argument("--reloads", type=int, default=200, metavar="N", help="how many (default: 200)")
    parser.add_argument("--upgrades", type=int, default=10, metavar="N", help="how many (default: 10)")
    parser.add_argument("--pause", type=float, default=0.1, metavar="SECONDS", help="between reloads (default: 0.1)")
    parser.add_argument("--seed", type=int, default=1, help="what is drawn by chance (default: 1)")
    parser.add_argument("--binary", type=Path, metavar="FILE", help="an `apus` that was built already")
    parser.add_argument("--json", type=Path, default=BENCH / "results" / "reload.json", metavar="FILE")
    return parser.parse_args()


def _main() -> int:
    arguments = _arguments()
    raise_descriptor_limit()
    build_programs(arguments.tls)
    if arguments.tls:
        make_certificates()
    if arguments.binary is None:
        build_apus()
    print(f"{arguments.rate:,.0f} requests per second, {arguments.reloads} reloads, {arguments.upgrades} upgrades", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        apus, result, problems = _run(arguments, Path(folder))
    kinds = ", ".join(f"{count} {kind}" for kind, count in result.failures.items())
    print(f"failed requests: {result.errors} of {result.completed + result.errors}" + (f" ({kinds})" if kinds else ""))
    print(f"latency from the time due: p50 {result.p50_us:,.0f} us, p99 {result.p99_us:,.0f} us, max {result.max_us:,.0f} us")
    for problem in problems:
        print(problem)
    found = trend(apus.samples) if len(apus.samples) >= 6 else None
    # Over a minute a slope says little; a leak of a kilobyte per reload would show between the thirds.
    is_flat = found is None or found.last_third <= found.first_third * 1.05
    if found:
        print(
            f"memory over the reloads: {'flat' if is_flat else 'NOT flat'}: first third {found.first_third:,.0f} kB, "
            f"last third {found.last_third:,.0f} kB"
        )
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({**vars(result), "problems": problems}, indent=1))
    return 0 if result.errors == 0 and not problems and is_flat else 1


if __name__ == "__main__":
    sys.exit(run_command("Bench/reload", _main))
