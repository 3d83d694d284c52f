"""What callgrind counted in one run: instructions and calls, by function."""

import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Profile:
    #: Instructions of each function's own code.
    instructions: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)

    def minus(self, other: "Profile") -> "Profile":
        """What this run did beyond `other`."""
        more = Profile(Counter(self.instructions), Counter(self.calls))
        more.instructions.subtract(other.instructions)
        more.calls.subtract(other.calls)
        return more


def run(program: Path, arguments: Sequence[str], output: Path) -> tuple[str, Profile]:
    """Runs `program` under callgrind; returns what it printed and what was counted."""
    options = ["--tool=callgrind", "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={output}"]
    done = subprocess.run(
        ["valgrind", *options, program, *arguments],
        # Seeds that differ from run to run would leave differences between equal runs.
        env={**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program.name} {' '.join(arguments)} failed under valgrind:\n{done.stdout}{done.stderr}")
    return done.stdout, read(output.read_text())


def read(text: str) -> Profile:
    """Reads callgrind's format (https://valgrind.org/docs/manual/cl-format.html), names and positions uncompressed."""
    profile = Profile()
    caller = callee = ""
    is_inclusive = False
    for line in text.splitlines():
        if line.startswith("fn="):
            caller = line[3:]
        elif line.startswith("cfn="):
            callee = line[4:]
        elif line.startswith("calls="):
            profile.calls[callee] += int(line[6:].split()[0])
            is_inclusive = True
        elif line[:1].isdigit():
            # The line behind calls= has what the call cost, which the callee's own lines have too.
            if not is_inclusive:
                profile.instructions[caller] += int(line.split()[1])
            is_inclusive = False
    return profile
