"""Processes: started on chosen cores, read from /proc, ended with everything they started."""

import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from .places import DESCRIPTORS

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class CPUTime:
    """Processor time in seconds."""

    user: float
    system: float

    def __sub__(self, other: "CPUTime") -> "CPUTime":
        return CPUTime(self.user - other.user, self.system - other.system)


@dataclass(frozen=True)
class Memory:
    """Resident memory in kB, of several processes together."""

    resident: int
    #: With pages that several processes share counted once.
    proportional: int


class Process:
    """A program under the bench, and whatever processes it starts.

    It ends with the bench, however the bench ends, and its children end with it.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        cores: Iterable[int],
        environment: Mapping[str, str] | None = None,
        output: Path | None = None,
        errors: Path | None = None,
        pipes: bool = False,
    ) -> None:
        cores = frozenset(cores)

        def prepare() -> None:
            os.sched_setaffinity(0, cores & os.sched_getaffinity(0) or cores)
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

        self._is_over = False
        self._files: list[IO[bytes]] = []
        self.errors = errors
        stdout: IO[bytes] | int = subprocess.PIPE if pipes else self._open(output)
        self._child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=stdout,
            stderr=self._open(errors),
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            preexec_fn=prepare,
        )

    def _open(self, path: Path | None) -> IO[bytes] | int:
        if path is None:
            return subprocess.DEVNULL
        self._files.append(path.open("ab"))
        return self._files[-1]

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._child.poll()

    def read_line(self) -> str:
        """The next line it prints; empty when it prints no more."""
        assert self._child.stdout is not None
        return self._child.stdout.readline().decode()

    def write_line(self, text: str) -> None:
        """Gives it a line to read."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{text}\n".encode())
        self._child.stdin.flush()

    def close_input(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()

    def pids(self) -> list[int]:
        """This process and all below it."""
        found = [self.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    found += [int(child) for child in task.read_text().split()]
                except OSError:
                    continue
        return found

    def cpu(self) -> CPUTime:
        """What it and its children have used so far, all threads included."""
        user = system = 0
        for pid in self.pids():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            user += int(fields[11])
            system += int(fields[12])
        return CPUTime(user / TICKS_PER_SECOND, system / TICKS_PER_SECOND)

    def memory(self) -> Memory:
        resident = proportional = 0
        for pid in self.pids():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            sizes = {line.partition(":")[0]: line.split()[1] for line in lines if line.endswith("kB")}
            resident += int(sizes["Rss"])
            proportional += int(sizes["Pss"])
        return Memory(resident, proportional)

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self._child.kill()
        self._child.wait()
        self._close()

    def stop(self, patience: float = 2) -> None:
        """Asks it to end, and makes it end when it does not. Does nothing when it has been ended."""
        if self._is_over:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            # The group is its own (start_new_session), so this reaches its children and nobody else.
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                break
            try:
                self._child.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            if not _group_lives(self.pid):
                break
        self._close()

    def _close(self) -> None:
        self._is_over = True
        for file in [*self._files, self._child.stdout, self._child.stdin]:
            if file is not None:
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _group_lives(group: int) -> bool:
    for _ in range(20):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.01)
    return True


def raise_descriptor_limit() -> int:
    """Lets the processes to be started open as many descriptors as the bench needs; returns how many they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit
