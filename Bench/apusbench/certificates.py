"""The certificates that every proxy and the origins show: made here, when they are needed, and in no repository."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .places import BUILD, BenchError, executable

#: The name that the load generator and the proxies ask for.
HOST = "bench.example"

_FOLDER = BUILD / "certificates"
_KINDS = {
    "ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "rsa": ["rsa:2048"],
}
_DAYS = 90
_NEW_AFTER_SECONDS = 86_400


@dataclass(frozen=True)
class Certificate:
    """A certificate that signed itself, and its key."""

    kind: str

    @property
    def certificate(self) -> Path:
        return _FOLDER / f"{self.kind}.crt"

    @property
    def key(self) -> Path:
        return _FOLDER / f"{self.kind}.key"

    @property
    def both(self) -> Path:
        """The two in one file."""
        return _FOLDER / f"{self.kind}.pem"

    def make(self) -> None:
        """Makes it, unless there is one of today."""
        if self.both.exists() and time.time() - self.both.stat().st_mtime < _NEW_AFTER_SECONDS:
            return
        openssl = executable("openssl")
        if openssl is None:
            raise BenchError("No openssl on the PATH, which makes the certificates.")
        _FOLDER.mkdir(parents=True, exist_ok=True)
        command = [openssl, "req", "-x509", "-noenc", "-newkey", *_KINDS[self.kind], "-days", str(_DAYS)]
        command += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1"]
        command += ["-keyout", self.key, "-out", self.certificate]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise BenchError(f"openssl made no certificate: {result.stderr.strip()}")
        self.both.write_text(self.certificate.read_text() + self.key.read_text())


ECDSA = Certificate("ecdsa")
RSA = Certificate("rsa")


def make_certificates() -> None:
    for certificate in (ECDSA, RSA):
        certificate.make()
