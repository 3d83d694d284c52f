"""The command `Bench/kill-origin`: one of three origins is killed under load, and nobody may notice.

2,000 GET requests per second for 30 s through the proxy; kill -9 of one origin at 10 s, its return at 20 s.
"""

import argparse
import json
import sys
import tempfile
import threading
from pathlib import Path

from .entry import run_command
from .install import build_apus, install_peers
from .origins import Origins, running_origins
from .places import BENCH, LOAD_CORES, PROXY_CORES
from .preflight import check_equal_work, free_port, wait_until_it_accepts
from .processes import raise_descriptor_limit
from .programs import LoadResult, build_programs, run_load
from .proxies import Proxy, Setup, proxies_named


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Bench/kill-origin", description="Kills one of three origins under load.")
    parser.add_argument("--proxy", default="apus", help="apus (the default), or a peer to compare with")
    parser.add_argument("--rate", type=float, default=2000, metavar="N", help="requests per second (default: 2000)")
    parser.add_argument("--seconds", type=float, default=30, metavar="N", help="how long (default: 30)")
    parser.add_argument("--json", type=Path, default=BENCH / "results" / "kill-origin.json", metavar="FILE")
    return parser.parse_args()


def _kill_and_restart(origins: Origins, seconds: float, over: threading.Event) -> None:
    if not over.wait(seconds / 3):
        print(f"kill -9 of the origin 127.0.0.1:{origins.ports[1]}", flush=True)
        origins.kill(1)
        over.wait(seconds / 3)
        print(f"starting 127.0.0.1:{origins.ports[1]} again", flush=True)
        origins.restart(1)
    # An origin ends with the thread that started it, so this one stays.
    over.wait()


def _run(proxy: Proxy, rate: float, seconds: float) -> LoadResult:
    port, over = free_port(), threading.Event()
    with running_origins() as origins, proxy.running(Setup(), PROXY_CORES, port, origins.ports) as process:
        wait_until_it_accepts(process, port)
        check_equal_work(port, origins.ports)
        killer = threading.Thread(target=_kill_and_restart, args=(origins, seconds, over))
        load = ["--port", str(port), "--rate", str(rate), "--warmup", "0", "--seconds", str(seconds), "--timeline"]
        with tempfile.TemporaryDirectory() as folder:
            try:
                return run_load(load, LOAD_CORES, killer.start, lambda: None, Path(folder) / "errors")
            finally:
                over.set()
                if killer.ident is not None:
                    killer.join()


def _main() -> int:
    arguments = _arguments()
    proxy = proxies_named([arguments.proxy])[0]
    raise_descriptor_limit()
    build_programs()
    install_peers([proxy], "load")
    if proxy.name == "apus":
        build_apus()
    print(f"{arguments.rate:,.0f} requests per second for {arguments.seconds:g} s through {proxy.title}", flush=True)
    result = _run(proxy, arguments.rate, arguments.seconds)
    for second, (requests, failures) in enumerate(result.timeline):
        print(f"second {second:>3}  {requests:>6} answered  {failures:>6} failed")
    kinds = ", ".join(f"{count} {kind}" for kind, count in result.failures.items())
    print(f"failed requests: {result.errors} of {result.completed + result.errors}" + (f" ({kinds})" if kinds else ""))
    print(
        f"latency from the time due: p50 {result.p50_us:,.0f} us, p99 {result.p99_us:,.0f} us, "
        f"max {result.max_us:,.0f} us"
    )
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"proxy": proxy.name, **vars(result)}, indent=1))
    enough = result.completed >= 0.99 * arguments.rate * arguments.seconds
    if not enough:
        print("too few requests were answered for the rate asked for")
    return 0 if result.errors == 0 and enough else 1


if __name__ == "__main__":
    sys.exit(run_command("Bench/kill-origin", _main))
