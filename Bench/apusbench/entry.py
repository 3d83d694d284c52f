"""How each command of the bench begins and ends."""

import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from .places import BenchError


def _terminated(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def run_command(name: str, command: Callable[[], int]) -> int:
    """Runs `command` so that whatever ends it, every `with` closes and every process that it started ends."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return command()
    except BenchError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
