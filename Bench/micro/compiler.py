"""Compiles Apus's modules and a program of the micro-benchmark as SwiftPM does for a release, without SwiftPM."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from apusbench.places import ROOT, BenchError, executable

#: As Package.swift has them, and what SwiftPM adds for a release.
_FLAGS = [
    *["-O", "-whole-module-optimization", "-static-stdlib", "-g", "-parse-as-library", "-swift-version", "6"],
    *["-enable-upcoming-feature", "ExistentialAny", "-enable-upcoming-feature", "InternalImportsByDefault"],
    *["-enable-upcoming-feature", "MemberImportVisibility", "-enable-experimental-feature", "Lifetimes"],
    *["-strict-memory-safety", "-package-name", "apus"],
]


def build(modules: Sequence[str], sources: Iterable[Path], program: Path) -> None:
    """Compiles each of Apus's `modules`, those that others import first, and links `sources` with them."""
    if executable("swiftc") is None:
        raise BenchError("Swift is not on the PATH: the micro-benchmark compiles Apus's modules with it.")
    folder = program.parent
    folder.mkdir(parents=True, exist_ok=True)
    for module in modules:
        files = sorted((ROOT / "Sources" / module).rglob("*.swift"))
        emit = ["-module-name", module, "-emit-module", "-emit-module-path", folder / f"{module}.swiftmodule"]
        _compile(folder, [*emit, "-I", folder, "-c", *files, "-o", folder / f"{module}.o"])
    objects = [folder / f"{module}.o" for module in modules]
    _compile(folder, ["-module-name", program.name, "-I", folder, *sorted(sources), *objects, "-o", program])


def _compile(folder: Path, arguments: Iterable[str | Path]) -> None:
    # The compiler leaves files of its own where it runs.
    done = subprocess.run(["swiftc", *_FLAGS, *arguments], cwd=folder, check=False, stdout=sys.stderr)
    if done.returncode != 0:
        raise BenchError("The micro-benchmark does not compile: see above.")
