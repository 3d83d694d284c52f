"""The scenarios: what is asked of every proxy, and what is read off."""

from dataclasses import dataclass

from .certificates import ECDSA, RSA
from .places import ALL_CORES, LOAD_CORES, PROXY_CORES, BenchError
from .proxies import Proxy, Setup


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    #: What the load generator is told, the floor's extra words aside.
    load: tuple[str, ...]
    #: What it is told of TLS. It offers the proxy one version, one cipher, one group and one kind of key.
    load_tls: tuple[str, ...] = ()
    setup: Setup = Setup()
    proxy_cores: frozenset[int] = PROXY_CORES
    load_cores: frozenset[int] = LOAD_CORES
    floor_load: tuple[str, ...] = ()
    #: How many connections wrk takes where it can do the same.
    wrk_connections: int | None = None
    #: Bytes of a body, where it is so large that transfers are counted by bytes rather than by requests.
    body: int = 0
    #: Requests come at half the rate that the best peer reached in small-64.
    at_half_rate: bool = False
    #: Connections that are held idle, where memory is what is measured.
    idle_connections: int = 0

    def includes(self, proxy: Proxy) -> bool:
        if self.speaks_tls and not proxy.speaks_tls:
            return False
        return proxy.writes_access_log or not self.setup.access_log

    @property
    def speaks_tls(self) -> bool:
        return self.setup.certificate is not None or self.setup.tls_to_origins


_RAW = Setup(floor_options=("--raw",))
_SPLICED = Setup(floor_options=("--splice",))
_TEN_MEGABYTES = 10_000_000
_TLS_1_3 = ("--tls", "1.3")

_WITHOUT_TLS: tuple[Scenario, ...] = (
    Scenario(
        "small-64",
        "Small responses, 64 keep-alive connections",
        ("--connections", "64"),
        wrk_connections=64,
    ),
    Scenario(
        "small-1000",
        "Small responses, 1,000 keep-alive connections",
        ("--connections", "1000"),
        wrk_connections=1000,
    ),
    Scenario(
        "connection-per-request",
        "A new connection for each request, 64 at a time",
        ("--connections", "64", "--one-per-connection"),
        setup=Setup(floor_options=("--close",)),
        floor_load=("--silent-close",),
    ),
    Scenario(
        "100k",
        "Responses of 100 kB, 64 connections",
        ("--connections", "64", "--path", "/100k", "--length", "100000"),
        setup=_SPLICED,
    ),
    Scenario(
        "10m",
        "Responses of 10 MB, 16 connections",
        ("--connections", "16", "--path", "/10m", "--length", str(_TEN_MEGABYTES)),
        setup=_SPLICED,
        body=_TEN_MEGABYTES,
    ),
    Scenario(
        "upload-10m",
        "Uploads of 10 MB, 16 connections",
        ("--connections", "16", "--path", "/upload", "--upload", str(_TEN_MEGABYTES)),
        setup=_SPLICED,
        body=_TEN_MEGABYTES,
    ),
    Scenario(
        "chunked",
        "Chunked responses of 100 kB in 16 chunks, 64 connections",
        ("--connections", "64", "--path", "/chunked", "--length", "100000", "--expect-chunked"),
        setup=_RAW,
    ),
    Scenario(
        "rate-half",
        "Latency at half of the best peer's highest rate, 64 connections",
        ("--connections", "64"),
        at_half_rate=True,
    ),
    Scenario(
        "idle-5000",
        "Memory with 5,000 idle keep-alive connections",
        ("--connections", "5000", "--idle"),
        idle_connections=5000,
    ),
    Scenario(
        "access-log",
        "Small responses, 64 connections, JSON access log to a file",
        ("--connections", "64"),
        setup=Setup(access_log=True),
    ),
    Scenario(
        "two-workers",
        "Small responses, 64 connections, two workers on two cores that everyone shares",
        ("--connections", "64"),
        setup=Setup(workers=2),
        proxy_cores=ALL_CORES,
        load_cores=ALL_CORES,
    ),
)

_WITH_TLS: tuple[Scenario, ...] = (
    Scenario(
        "tls-64",
        "TLS 1.3: small responses, 64 keep-alive connections",
        ("--connections", "64"),
        load_tls=_TLS_1_3,
        setup=Setup(certificate=ECDSA),
    ),
    Scenario(
        "tls-new",
        "TLS 1.3: a new connection with a full handshake for each request, ECDSA, 64 at a time",
        ("--connections", "64", "--one-per-connection"),
        load_tls=_TLS_1_3,
        setup=Setup(certificate=ECDSA),
    ),
    Scenario(
        "tls-new-rsa",
        "TLS 1.3: a new connection with a full handshake for each request, RSA 2048, 64 at a time",
        ("--connections", "64", "--one-per-connection"),
        load_tls=(*_TLS_1_3, "--tls-key", "rsa"),
        setup=Setup(certificate=RSA),
    ),
    Scenario(
        "tls-resumed",
        "TLS 1.3: a new connection with a resumed session for each request, 64 at a time",
        ("--connections", "64", "--one-per-connection"),
        load_tls=(*_TLS_1_3, "--tls-resume"),
        setup=Setup(certificate=ECDSA),
    ),
    Scenario(
        "tls12-resumed",
        "TLS 1.2: a new connection with a resumed session for each request, 64 at a time",
        ("--connections", "64", "--one-per-connection"),
        load_tls=("--tls", "1.2", "--tls-resume"),
        setup=Setup(certificate=ECDSA),
    ),
    Scenario(
        "tls-100k",
        "TLS 1.3: responses of 100 kB, 64 keep-alive connections",
        ("--connections", "64", "--path", "/100k", "--length", "100000"),
        load_tls=_TLS_1_3,
        setup=Setup(certificate=ECDSA),
    ),
    Scenario(
        "tls-idle-5000",
        "TLS 1.3: memory with 5,000 idle keep-alive connections",
        ("--connections", "5000", "--idle"),
        load_tls=_TLS_1_3,
        setup=Setup(certificate=ECDSA),
        idle_connections=5000,
    ),
    Scenario(
        "tls-origin",
        "TLS 1.3 with the origins: small responses, 64 plain keep-alive connections",
        ("--connections", "64"),
        setup=Setup(tls_to_origins=True),
    ),
    Scenario(
        "tls-two-workers",
        "TLS 1.3: small responses, 64 connections, two workers on two cores that everyone shares",
        ("--connections", "64"),
        load_tls=_TLS_1_3,
        setup=Setup(workers=2, certificate=ECDSA),
        proxy_cores=ALL_CORES,
        load_cores=ALL_CORES,
    ),
)

ALL: tuple[Scenario, ...] = (*_WITHOUT_TLS, *_WITH_TLS)


def scenarios_named(names: list[str]) -> list[Scenario]:
    """Those of these names; `tls` is all with TLS."""
    known = {scenario.name: scenario for scenario in ALL}
    for name in names:
        if name not in known and name != "tls":
            raise BenchError(f"There is no scenario '{name}' here. Known are: {', '.join(known)}, and tls for all with TLS.")
    return [scenario for scenario in ALL if scenario.name in names or ("tls" in names and scenario.speaks_tls)]
