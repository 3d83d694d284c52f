"""What was measured: a round, and the median of the rounds of one proxy in one scenario."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Round:
    """One proxy in one scenario, once. Times in microseconds, memory in kB."""

    scenario: str
    proxy: str
    #: Why the round does not count; None when it does.
    void: str | None = None
    #: Requests answered, those before and behind the measured window included.
    completed: int = 0
    per_second: float = 0
    cpu_user: float = 0
    cpu_system: float = 0
    #: The share of one core that the proxy used.
    busy: float = 0
    p50: float = 0
    p99: float = 0
    p999: float = 0
    resident: int = 0
    #: Idle connections: memory before they came, and what each added, in bytes.
    resident_before: int | None = None
    bytes_per_connection: float | None = None
    #: Of the requests answered, how many the access log holds.
    logged_share: float | None = None

    @property
    def cpu(self) -> float:
        return self.cpu_user + self.cpu_system


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """The valid rounds of one proxy in one scenario."""

    scenario: str
    proxy: str
    rounds: list[Round] = field(default_factory=list)
    void: list[str] = field(default_factory=list)

    @property
    def is_valid(self) -> bool:
        return bool(self.rounds)

    def spread(self, value: Callable[[Round], float]) -> Spread:
        values = [value(round) for round in self.rounds]
        return Spread(median(values), min(values), max(values))

    def median(self, value: Callable[[Round], float]) -> float:
        return self.spread(value).median


class Results:
    """All rounds of a run, by scenario and proxy."""

    def __init__(self, peers: Sequence[str]) -> None:
        self.peers = list(peers)
        self.rounds: list[Round] = []

    def add(self, round: Round) -> None:
        self.rounds.append(round)

    def summary(self, scenario: str, proxy: str) -> Summary:
        mine = [round for round in self.rounds if (round.scenario, round.proxy) == (scenario, proxy)]
        valid = [round for round in mine if round.void is None]
        return Summary(scenario, proxy, valid, [round.void for round in mine if round.void is not None])

    def summaries(self, scenario: str) -> list[Summary]:
        """In the order in which the proxies were first visited."""
        names = dict.fromkeys(round.proxy for round in self.rounds if round.scenario == scenario)
        return [self.summary(scenario, name) for name in names]

    def best_peer(self, scenario: str, value: Callable[[Round], float]) -> Summary | None:
        """The peer whose median is lowest."""
        peers = [s for s in self.summaries(scenario) if s.proxy in self.peers and s.is_valid]
        return min(peers, key=lambda summary: summary.median(value), default=None)

    def ratio(self, scenario: str, proxy: str, base: Summary | None, value: Callable[[Round], float]) -> float | None:
        mine = self.summary(scenario, proxy)
        if base is None or not base.is_valid or not mine.is_valid or base.median(value) == 0:
            return None
        return mine.median(value) / base.median(value)

    def paired_ratios(self, scenario: str, proxy: str, base: str, value: Callable[[Round], float]) -> list[float]:
        """`proxy` to `base`, round by round: what slows the machine for a minute slows both of a pair."""

        def rounds(name: str) -> list[Round]:
            return [round for round in self.rounds if (round.scenario, round.proxy) == (scenario, name)]

        pairs = zip(rounds(proxy), rounds(base))
        return [value(a) / value(b) for a, b in pairs if a.void is None and b.void is None and value(b) > 0]

    def without_valid_rounds(self) -> list[Summary]:
        pairs = dict.fromkeys((round.scenario, round.proxy) for round in self.rounds)
        return [summary for pair in pairs if not (summary := self.summary(*pair)).is_valid]
