"""Before a proxy is measured: does it accept, and does it do the work that all are to do?"""

import http.client
import socket
import ssl
import time
from dataclasses import dataclass

from .certificates import Certificate
from .places import BenchError
from .processes import Process

#: Requests that `check_equal_work` makes at least.
REQUESTS = 6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_accepts(process: Process, port: int, patience: float = 15) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.exit_status is not None:
            errors = " ".join(process.errors.read_text().split()) if process.errors else ""
            raise BenchError(f"did not start: exit status {process.exit_status}. {errors[-500:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise BenchError(f"did not accept connections within {patience:.0f} s")


@dataclass(frozen=True)
class _Arrived:
    """A request as the origin saw it."""

    origin: int
    fields: dict[str, str]


def _arrived(connection: http.client.HTTPConnection) -> _Arrived:
    connection.request("GET", "/head", headers={"Host": "bench.example:8080", "User-Agent": "load/1", "Accept": "*/*"})
    response = connection.getresponse()
    text = response.read().decode("latin-1")
    if response.status != 200:
        raise BenchError(f"answered {response.status} to GET /head")
    port, _, head = text.partition("\r\n")
    lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
    return _Arrived(int(port), {name.lower(): value.strip() for name, _, value in lines})


def _wait_until_it_serves(connection: http.client.HTTPConnection, patience: float = 5) -> None:
    """Some accept before they have read their routes or seen their origins, and answer 404 or 503 until then."""
    deadline = time.monotonic() + patience
    while True:
        try:
            _arrived(connection)
            return
        except BenchError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _connection(port: int, certificate: Certificate | None) -> http.client.HTTPConnection:
    """Where `certificate` is given, the proxy must show it."""
    if certificate is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    context = ssl.create_default_context(cafile=str(certificate.certificate))
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)


def check_equal_work(port: int, origins: tuple[int, ...], certificate: Certificate | None = None) -> None:
    """The work that every proxy must do: spread over all origins, keep Host, say whom the request is for."""
    connection = _connection(port, certificate)
    try:
        _wait_until_it_serves(connection)
        arrived = [_arrived(connection) for _ in range(REQUESTS)]
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BenchError(f"did not answer GET /head: {error!r}") from error
    finally:
        connection.close()
    if {request.origin for request in arrived} != set(origins):
        raise BenchError(f"did not use all {len(origins)} origins in {REQUESTS} requests")
    fields = arrived[-1].fields
    # Envoy puts its own address there for a client on loopback, so any will do.
    if not fields.get("x-forwarded-for"):
        raise BenchError("did not send X-Forwarded-For")
    if fields.get("host") != "bench.example:8080":
        raise BenchError(f"sent Host {fields.get('host')!r}, not what the client sent")
    if fields.get("connection", "keep-alive").lower() != "keep-alive":
        raise BenchError(f"sent Connection {fields['connection']!r}: its upstream connections are not kept")
