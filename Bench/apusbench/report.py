"""The results as Markdown, for people, and as JSON, for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from statistics import median
from typing import Any

from .machine import Machine
from .proxies import Proxy
from .results import Results, Round, Spread, Summary
from .scenarios import Scenario
from .targets import Verdict


TLS_HEADING = "## TLS"
_TLS_INTRODUCTION = (
    "All show the same certificate and speak the same version, AES-128-GCM and X25519; Bench/README.md says what is compared "
    "with what. The floor speaks no TLS. `Bench/run --scenarios tls --write` writes this part."
)


@dataclass(frozen=True)
class Run:
    """Everything that a report needs."""

    date: str
    machine: Machine
    #: Name to version, of proxies and tools.
    versions: Mapping[str, str]
    options: Mapping[str, Any]
    scenarios: Sequence[Scenario]
    proxies: Sequence[Proxy]
    results: Results
    #: Requests per second of rate-half; None where it did not run.
    rate: float | None
    verdicts: Sequence[Verdict]


def as_json(run: Run) -> str:
    results = run.results
    return json.dumps(
        {
            "date": run.date,
            "machine": asdict(run.machine),
            "versions": dict(run.versions),
            "options": dict(run.options),
            "rate_half_per_second": run.rate,
            "units": {
                "cpu_user, cpu_system": "microseconds per request",
                "p50, p99, p999": "microseconds",
                "resident, resident_before": "kB",
            },
            "rounds": [asdict(round) for round in results.rounds],
            "medians": {s.name: _medians(results, s) for s in run.scenarios},
            "targets": [asdict(verdict) for verdict in run.verdicts],
        },
        indent=1,
    )


def _medians(results: Results, scenario: Scenario) -> dict[str, Any]:
    floor = results.summary(scenario.name, "floor")
    best = results.best_peer(scenario.name, _headline(scenario))
    table: dict[str, Any] = {}
    for summary in results.summaries(scenario.name):
        if not summary.is_valid:
            table[summary.proxy] = None
            continue
        numbers = ("per_second", "cpu_user", "cpu_system", "cpu", "busy", "p50", "p99", "p999", "resident")
        row: dict[str, Any] = {name: asdict(summary.spread(attrgetter(name))) for name in numbers}
        if scenario.idle_connections:
            row["bytes_per_connection"] = asdict(summary.spread(lambda r: r.bytes_per_connection or 0))
        row["to_best_peer"] = results.ratio(scenario.name, summary.proxy, best, _headline(scenario))
        row["to_floor"] = results.ratio(scenario.name, summary.proxy, floor, _headline(scenario))
        table[summary.proxy] = row
    return table


def _headline(scenario: Scenario) -> Any:
    """What a scenario compares: memory of idle connections, CPU per request of all others."""
    return (lambda r: r.resident) if scenario.idle_connections else (lambda r: r.cpu)


def as_markdown(run: Run) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; Bench/README.md says what each scenario does and what is fair and unfair about it.",
        "",
        *_machine(run),
        "",
    ]
    if run.verdicts:
        lines += ["## Targets", "", *_verdicts(run.verdicts), ""]
    if comparison := _against_before(run):
        lines += ["## Against Apus before", "", *comparison, ""]
    for scenario in run.scenarios:
        if not scenario.speaks_tls:
            lines += [*_section("##", run, scenario), ""]
    if any(scenario.speaks_tls for scenario in run.scenarios):
        lines += [*tls_part(run), ""]
    return "\n".join([*lines, *_void(run.results)]).rstrip() + "\n"


def tls_part(run: Run, stands_alone: bool = False) -> list[str]:
    """The scenarios with TLS; with the machine, the targets and what was void where it `stands_alone`."""
    lines = [TLS_HEADING, "", _TLS_INTRODUCTION, ""]
    if stands_alone:
        lines += [*_machine(run), ""]
        if run.verdicts:
            measured = [verdict for verdict in run.verdicts if verdict.met is not None]
            lines += [*_verdicts(measured), ""]
    for scenario in run.scenarios:
        if scenario.speaks_tls:
            lines += [*_section("###", run, scenario), ""]
    return [*lines, *_void(run.results, "###")] if stands_alone else lines[:-1]


def _section(level: str, run: Run, scenario: Scenario) -> list[str]:
    name = f"`{scenario.name}`{_rate(run, scenario)}"
    return [f"{level} {scenario.title}", "", name, "", *_table(run, scenario)]


def _machine(run: Run) -> list[str]:
    machine = run.machine
    where = f" in {machine.hypervisor}" if machine.hypervisor else ""
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items() if version)
    options = run.options
    return [
        f"{run.date}. {machine.processor}, {machine.cores} cores{where}, {machine.memory_mb / 1024:.0f} GiB; "
        f"{machine.system}, Linux {machine.kernel}. {versions}.",
        "",
        f"Medians of {options['rounds']} interleaved rounds of {options['seconds']:g} s behind {options['warmup']:g} s "
        "of warm-up; in brackets the lowest and the highest round. Proxies have one worker on one core, load generator "
        "and origins share the other. CPU is the proxy's own, all its processes and threads, from /proc.",
    ]


def _verdicts(verdicts: Sequence[Verdict]) -> list[str]:
    words = {True: "met", False: "**missed**", None: "not measured"}
    rows = [[v.target, v.figure if v.met is not None else "", words[v.met]] for v in verdicts]
    return _grid(["Apus is to reach", "figure", ""], rows, left=3)


def _against_before(run: Run) -> list[str]:
    """Apus to the binary that --before named, by scenario; nothing without the two."""
    rows = []
    for scenario in run.scenarios:
        before = run.results.summary(scenario.name, "before")
        medians = run.results.ratio(scenario.name, "apus", before, _headline(scenario))
        pairs = run.results.paired_ratios(scenario.name, "apus", "before", _headline(scenario))
        if medians is not None and pairs:
            paired = f"{median(pairs):.3f} [{min(pairs):.2f}, {max(pairs):.2f}]"
            what = "memory" if scenario.idle_connections else "CPU per request"
            rows.append([scenario.name, what, f"{medians:.3f}", paired])
    return _grid(["", "compared", "ratio of medians", "median of paired ratios"], rows, left=2) if rows else []


def _rate(run: Run, scenario: Scenario) -> str:
    return f", {run.rate:,.0f} requests per second" if scenario.at_half_rate and run.rate else ""


def _table(run: Run, scenario: Scenario) -> list[str]:
    titles = {proxy.name: proxy.title for proxy in run.proxies}
    columns = _idle_columns() if scenario.idle_connections else _columns(scenario)
    best = run.results.best_peer(scenario.name, _headline(scenario))
    floor = run.results.summary(scenario.name, "floor")
    rows = []
    for summary in run.results.summaries(scenario.name):
        row = [titles[summary.proxy]]
        if summary.is_valid:
            row += [cell(summary) for _, cell in columns]
            for base in (best, floor):
                ratio = run.results.ratio(scenario.name, summary.proxy, base, _headline(scenario))
                row.append("" if ratio is None else f"{ratio:.2f}")
        else:
            row += ["void"] + [""] * (len(columns) + 1)
        rows.append(row)
    return _grid(["", *(title for title, _ in columns), "to best peer", "to floor"], rows, left=1)


def _columns(scenario: Scenario) -> list[tuple[str, Any]]:
    columns: list[tuple[str, Any]] = [
        ("requests/s", lambda s: f"{s.median(lambda r: r.per_second):,.0f}"),
        ("CPU us/request", lambda s: _spread(s.spread(lambda r: r.cpu))),
        ("user", lambda s: _number(s.median(lambda r: r.cpu_user))),
        ("system", lambda s: _number(s.median(lambda r: r.cpu_system))),
        ("core busy", lambda s: f"{s.median(lambda r: r.busy):.0%}"),
        ("p50", lambda s: _time(s, lambda r: r.p50)),
        ("p99", lambda s: _time(s, lambda r: r.p99)),
    ]
    if scenario.body:
        columns.insert(1, ("MB/s", lambda s: f"{s.median(lambda r: r.per_second) * scenario.body / 1e6:,.0f}"))
    if scenario.at_half_rate:
        columns.append(("p99.9", lambda s: _time(s, lambda r: r.p999)))
    if scenario.setup.access_log:
        columns.append(("logged", lambda s: f"{s.median(lambda r: r.logged_share or 0):.2%}"))
    columns.append(("memory MiB", lambda s: f"{s.median(lambda r: r.resident) / 1024:.1f}"))
    return columns


def _idle_columns() -> list[tuple[str, Any]]:
    return [
        ("MiB before", lambda s: f"{s.median(lambda r: r.resident_before or 0) / 1024:.1f}"),
        ("MiB with them", lambda s: f"{s.median(lambda r: r.resident) / 1024:.1f}"),
        ("bytes each", lambda s: _spread(s.spread(lambda r: r.bytes_per_connection or 0))),
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _spread(spread: Spread) -> str:
    return f"{_number(spread.median)} [{_number(spread.low)}, {_number(spread.high)}]"


def _time(summary: Summary, value: Any) -> str:
    microseconds = summary.median(value)
    return f"{microseconds / 1000:,.1f} ms" if microseconds >= 10_000 else f"{microseconds:,.0f} us"


def _grid(titles: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """A Markdown table whose columns line up in plain text too; the first `left` to the left, the rest to the right."""
    widths = [max(3, *(len(row[i]) for row in [titles, *rows])) for i in range(len(titles))]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths))]
        return "| " + " | ".join(padded) + " |"

    ruler = ["-" * w if i < left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return [line(titles), line(ruler), *map(line, rows)]


def _void(results: Results, level: str = "##") -> list[str]:
    void: list[Round] = [round for round in results.rounds if round.void is not None]
    if not void:
        return ["No round was void: every response came and every byte of it was right."]
    return [f"{level} Void rounds", "", *(f"- {round.scenario}, {round.proxy}: {round.void}" for round in void)]
