"""The command `Bench/run`."""

import argparse
import datetime
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .certificates import make_certificates
from .document import DOCUMENT, write_tls
from .entry import run_command
from .install import build_apus, install_openssl, install_peers
from .machine import describe_machine
from .measure import Pace, measure
from .places import BENCH, ROOT, BenchError, executable
from .processes import raise_descriptor_limit
from .programs import build_programs
from .proxies import ALL as ALL_PROXIES
from .proxies import Before, Proxy, proxies_named
from .report import Run, as_json, as_markdown
from .results import Results, Round
from .scenarios import ALL as ALL_SCENARIOS
from .scenarios import Scenario, scenarios_named
from .targets import judge

_QUICK_PROXIES = ["apus", "nginx", "haproxy", "floor"]


@dataclass(frozen=True)
class Plan:
    scenarios: list[Scenario]
    proxies: list[Proxy]
    rounds: int
    pace: Pace
    load_generator: str


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="Bench/run",
        description="Measures Apus against its peers and against the floor. Installs peers that are missing.",
    )
    parser.add_argument("--scenarios", metavar="A,B", help="only these; tls: all with TLS (default: all; see --list)")
    parser.add_argument("--proxies", metavar="A,B", help="only these (default: all; see --list)")
    parser.add_argument(
        "--before", type=Path, metavar="FILE", help="an apus built earlier, measured beside the present one and compared"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds per scenario and proxy (default: 5)")
    parser.add_argument("--seconds", type=float, metavar="N", help="measured seconds per round (default: 5)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="about two minutes that shows that everything works; its figures mean nothing. "
        f"Unless --proxies says otherwise with {', '.join(_QUICK_PROXIES)} only",
    )
    parser.add_argument(
        "--load", choices=["load", "wrk"], default="load", help="load generator of small-64 and small-1000"
    )
    parser.add_argument("--json", type=Path, default=BENCH / "results" / "latest.json", metavar="FILE")
    parser.add_argument("--markdown", type=Path, default=BENCH / "results" / "latest.md", metavar="FILE")
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"also put the tables into {DOCUMENT.relative_to(ROOT)}; for scenarios with TLS only",
    )
    parser.add_argument("--list", action="store_true", help="list scenarios and proxies")
    return parser.parse_args()


def _plan(arguments: argparse.Namespace) -> Plan:
    quick: bool = arguments.quick
    scenarios = scenarios_named(arguments.scenarios.split(",")) if arguments.scenarios else list(ALL_SCENARIOS)
    default_proxies = _QUICK_PROXIES if quick else [proxy.name for proxy in ALL_PROXIES]
    proxies = proxies_named(arguments.proxies.split(",") if arguments.proxies else default_proxies)
    if arguments.before:
        # Next to Apus, so that the two of a pair see the machine in the same minute.
        before = Before(arguments.before)
        before.required_program()
        proxies.insert(1 if proxies and proxies[0].name == "apus" else 0, before)
    # A peer that no scenario is for need not be installed.
    proxies = [proxy for proxy in proxies if any(scenario.includes(proxy) for scenario in scenarios)]
    pace = Pace(
        seconds=arguments.seconds or (0.5 if quick else 5),
        warmup=0.2 if quick else 1,
        rest=0.2 if quick else 1,
        settle=0 if quick else 3,
    )
    if arguments.write and not all(scenario.speaks_tls for scenario in scenarios):
        raise BenchError("--write is for scenarios with TLS only: say --scenarios tls.")
    rounds = arguments.rounds or (1 if quick else 5)
    if rounds < 1 or not 0 < pace.seconds <= 600:
        raise BenchError("--rounds must be at least 1, --seconds more than 0 and at most 600.")
    return Plan(scenarios, proxies, rounds, pace, arguments.load)


def _list() -> None:
    for scenario in ALL_SCENARIOS:
        print(f"{scenario.name:<24}{scenario.title}")
    print()
    for proxy in ALL_PROXIES:
        print(f"{proxy.name:<24}{'installed' if proxy.program() else 'not installed (or not built) yet'}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _describe(round: Round) -> str:
    if round.void is not None:
        return f"VOID: {round.void}"
    if round.bytes_per_connection is not None:
        return f"{round.resident / 1024:.1f} MiB, {round.bytes_per_connection:.0f} bytes per connection"
    return (
        f"{round.per_second:>9,.0f}/s  {round.cpu:>8.1f} us ({round.cpu_user:.1f} + {round.cpu_system:.1f})  "
        f"p99 {round.p99:,.0f} us  busy {round.busy:.0%}"
    )


def _half_rate(plan: Plan, results: Results) -> float | None:
    """Half of the requests per second that the best peer reached in small-64, in this run."""
    if not any(round.scenario == "small-64" for round in results.rounds):
        _say("rate-half needs the peers' highest rate: one round of small-64 for each")
        small = scenarios_named(["small-64"])[0]
        for proxy in plan.proxies:
            if proxy.is_peer:
                results.add(measure(small, proxy, plan.pace, None))
    valid = [s for s in results.summaries("small-64") if s.proxy in results.peers and s.is_valid]
    return max((s.median(lambda r: r.per_second) for s in valid), default=0) / 2 or None


def _run_scenarios(plan: Plan) -> tuple[Results, float | None]:
    results = Results([proxy.name for proxy in plan.proxies if proxy.is_peer])
    rate: float | None = None
    for scenario in plan.scenarios:
        if scenario.at_half_rate:
            rate = _half_rate(plan, results)
        _say(f"\n{scenario.name}: {scenario.title}" + (f", {rate:,.0f}/s" if scenario.at_half_rate and rate else ""))
        for number in range(1, plan.rounds + 1):
            for proxy in plan.proxies:
                if not scenario.includes(proxy):
                    continue
                round = measure(scenario, proxy, plan.pace, rate, plan.load_generator)
                results.add(round)
                _say(f"  {number}/{plan.rounds}  {proxy.name:<8} {_describe(round)}")
    return results, rate


def _versions(plan: Plan) -> dict[str, str]:
    versions = {proxy.title: proxy.version() for proxy in plan.proxies if proxy.speaks_http}
    if plan.load_generator == "wrk" and (wrk := executable("wrk")):
        text = subprocess.run([wrk, "-v"], capture_output=True, text=True, check=False).stdout
        versions["wrk"] = text.split()[1] if text else "unknown"
    return versions


def _main() -> int:
    arguments = _arguments()
    if arguments.list:
        _list()
        return 0
    plan = _plan(arguments)
    raise_descriptor_limit()
    with_tls = any(scenario.speaks_tls for scenario in plan.scenarios)
    if with_tls:
        install_openssl()
        make_certificates()
    build_programs(with_tls)
    install_peers(plan.proxies, plan.load_generator)
    if any(proxy.name == "apus" for proxy in plan.proxies):
        build_apus()
    versions = _versions(plan)
    date = datetime.datetime.now().strftime("%Y-%m-%d")
    results, rate = _run_scenarios(plan)
    options = {
        "rounds": plan.rounds,
        "seconds": plan.pace.seconds,
        "warmup": plan.pace.warmup,
        "quick": arguments.quick,
        "load": plan.load_generator,
    }
    has_apus = any(proxy.name == "apus" for proxy in plan.proxies)
    verdicts = judge(results) if has_apus and not arguments.quick else []
    run = Run(date, describe_machine(), versions, options, plan.scenarios, plan.proxies, results, rate, verdicts)
    for path, text in ((arguments.json, as_json(run)), (arguments.markdown, as_markdown(run))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if arguments.write:
        write_tls(run)
    print(as_markdown(run))
    failed = results.without_valid_rounds()
    for summary in failed:
        _say(f"No valid round: {summary.scenario}, {summary.proxy}: {summary.void[0]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run_command("Bench/run", _main))
