"""Three origins, each a process of its own, so that one of them can die."""

from collections.abc import Iterator
from contextlib import contextmanager

from .places import LOAD_CORES
from .processes import Process
from .programs import start_origin


class Origins:
    """Origins that can be killed and come back on the port they had."""

    def __init__(self, count: int) -> None:
        started = [start_origin(LOAD_CORES, [0]) for _ in range(count)]
        self._processes: list[Process] = [process for process, _ in started]
        self.ports: tuple[int, ...] = tuple(ports[0] for _, ports in started)

    def kill(self, index: int) -> None:
        """As kill -9 does: its connections are reset, its port refuses."""
        self._processes[index].kill()

    def restart(self, index: int) -> None:
        self._processes[index], _ = start_origin(LOAD_CORES, [self.ports[index]])

    def stop(self) -> None:
        for process in self._processes:
            process.stop()


@contextmanager
def running_origins(count: int = 3) -> Iterator[Origins]:
    origins = Origins(count)
    try:
        yield origins
    finally:
        origins.stop()
