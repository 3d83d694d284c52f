"""Installs what a run needs and the machine lacks, by name, with the system's own package tools."""

import os
import subprocess
import sys
from collections.abc import Sequence

from .places import ROOT, VENV, BenchError, executable
from .programs import finds_openssl
from .proxies import Proxy


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def install_debian(packages: Sequence[str]) -> None:
    if executable("apt-get") is None:
        raise BenchError(f"Missing: {', '.join(packages)}. This system has no apt-get: install them by hand.")
    _say(f"Installing {', '.join(packages)} ...")
    # A server that a package installs must not start by itself and take a port or a core.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    subprocess.run([*sudo, "apt-get", "update", "-qq"], check=True, env=environment, stdout=subprocess.DEVNULL)
    subprocess.run(
        [*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def install_python(packages: Sequence[str]) -> None:
    _say(f"Installing {', '.join(packages)} into {VENV.relative_to(ROOT)} ...")
    pip = VENV / "bin" / "pip"
    if not pip.exists():
        if subprocess.run([sys.executable, "-m", "venv", VENV], check=False, capture_output=True).returncode != 0:
            install_debian(["python3-venv"])
            subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    subprocess.run([pip, "install", "--quiet", "--disable-pip-version-check", *packages], check=True)


def install_peers(proxies: Sequence[Proxy], load_generator: str) -> None:
    """Installs those of `proxies` that are missing, and wrk when it is to be the load generator."""
    missing = [proxy for proxy in proxies if proxy.program() is None]
    debian = [proxy.debian_package for proxy in missing if proxy.debian_package]
    if load_generator == "wrk" and executable("wrk") is None:
        debian.append("wrk")
    python = [proxy.python_package for proxy in missing if proxy.python_package]
    if debian:
        install_debian(debian)
    if python:
        install_python(python)


def install_openssl() -> None:
    """Installs what the bench's own programs speak TLS with, if it is missing."""
    missing = [] if finds_openssl() else ["libssl-dev"]
    if executable("openssl") is None:
        missing.append("openssl")
    if missing:
        install_debian(missing)


def build_apus() -> None:
    """Builds Apus in release mode, unless APUS_BIN names one that is built."""
    if given := os.environ.get("APUS_BIN"):
        if not os.access(given, os.X_OK):
            raise BenchError(f"APUS_BIN is {given}, which is not an executable.")
        return
    swift = executable("swift")
    if swift is None:
        raise BenchError("Swift is not on the PATH. Install Swift 6.3, or name a built apus in APUS_BIN.")
    _say("Building Apus in release mode ...")
    command = [str(swift), "build", "-c", "release", "--product", "apus", "--static-swift-stdlib"]
    if subprocess.run(command, cwd=ROOT, check=False, stdout=sys.stderr).returncode != 0:
        raise BenchError("Apus does not build: see above.")
