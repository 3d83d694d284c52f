"""What Apus is to reach, and whether it did."""

from collections.abc import Callable
from dataclasses import dataclass

from .results import Results, Round


@dataclass(frozen=True)
class Verdict:
    target: str
    figure: str
    #: None when the run has no figures for it.
    met: bool | None


#: CPU per request with TLS, as a share of the best peer's.
_TLS_LIMITS = {"tls-64": 0.82, "tls-new": 0.60, "tls-resumed": 0.62, "tls-100k": 0.90}


def _cpu(round: Round) -> float:
    return round.cpu


def _p99(round: Round) -> float:
    return round.p99


def _resident(round: Round) -> float:
    return round.resident


def _added(round: Round) -> float:
    return round.bytes_per_connection or 0


def _against_best_peer(
    results: Results, scenario: str, value: Callable[[Round], float], limit: float, target: str
) -> Verdict:
    best = results.best_peer(scenario, value)
    ratio = results.ratio(scenario, "apus", best, value)
    if ratio is None or best is None:
        return Verdict(target, "not measured", None)
    return Verdict(target, f"{ratio:.2f} ({best.proxy})", ratio <= limit)


def _against(
    results: Results, scenario: str, other: str, value: Callable[[Round], float], limit: float, target: str
) -> Verdict:
    ratio = results.ratio(scenario, "apus", results.summary(scenario, other), value)
    return Verdict(
        target, "not measured" if ratio is None else f"{ratio:.2f}", None if ratio is None else ratio <= limit
    )


def _idle(results: Results) -> list[Verdict]:
    each = "5,000 idle connections: less than 512 bytes of resident memory each"
    total = "5,000 idle connections: total resident memory below HAProxy's"
    apus, haproxy = results.summary("idle-5000", "apus"), results.summary("idle-5000", "haproxy")
    if not apus.is_valid:
        return [Verdict(each, "not measured", None), Verdict(total, "not measured", None)]
    added = apus.median(_added)
    verdicts = [Verdict(each, f"{added:.0f} bytes", added < 512)]
    if not haproxy.is_valid:
        return [*verdicts, Verdict(total, "not measured", None)]
    mine, theirs = apus.median(_resident), haproxy.median(_resident)
    return [*verdicts, Verdict(total, f"{mine / 1024:.1f} MiB, HAProxy {theirs / 1024:.1f} MiB", mine < theirs)]


def _two_tls_workers(results: Results) -> Verdict:
    """Two workers beside each other must not cost a request more than one does."""
    target = "tls-two-workers: CPU per request at most 1.05 of one worker's in tls-64"
    ratio = results.ratio("tls-two-workers", "apus", results.summary("tls-64", "apus"), _cpu)
    return Verdict(target, "not measured" if ratio is None else f"{ratio:.2f}", None if ratio is None else ratio <= 1.05)


def judge(results: Results) -> list[Verdict]:
    """Every target of Apus against this run's figures (ratios of medians)."""
    per_request = "CPU per request at most {} of the best peer's"
    return [
        _against_best_peer(results, "small-64", _cpu, 0.90, "small-64: " + per_request.format("0.90")),
        _against(results, "small-64", "floor", _cpu, 1.25, "small-64: CPU per request at most 1.25 of the floor's"),
        _against_best_peer(results, "small-1000", _cpu, 0.90, "small-1000: " + per_request.format("0.90")),
        _against(results, "small-1000", "floor", _cpu, 1.25, "small-1000: CPU per request at most 1.25 of the floor's"),
        _against_best_peer(results, "100k", _cpu, 1.00, "100k: " + per_request.format("1.00")),
        _against_best_peer(
            results, "connection-per-request", _cpu, 1.00, "connection-per-request: " + per_request.format("1.00")
        ),
        _against_best_peer(results, "rate-half", _p99, 1.00, "rate-half: p99 no worse than the best peer's"),
        *_idle(results),
        _against_best_peer(results, "two-workers", _cpu, 1.00, "two-workers: " + per_request.format("1.00")),
        *(
            _against_best_peer(results, name, _cpu, limit, f"{name}: {per_request.format(f'{limit:.2f}')}")
            for name, limit in _TLS_LIMITS.items()
        ),
        _against_best_peer(
            results, "tls-idle-5000", _added, 0.50, "tls-idle-5000: memory of a connection at most 0.50 of the best peer's"
        ),
        _two_tls_workers(results),
    ]
