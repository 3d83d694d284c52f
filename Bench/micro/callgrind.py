"""What callgrind counted in one run: instructions and calls, by function."""

import os
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Swift's own entry points and what they end in; allocating by any way shows in one of them.
_ALLOCATION = re.compile(
    r"_?swift_(allocObject|slowAlloc\w*|allocBox|initStackObject)|(c|m|re)alloc|aligned_alloc|posix_memalign|memalign"
)
_COUNTING = re.compile(r"_?swift_\w*([rR]etain|[rR]elease)\w*")
#: What else the runtime is asked: is an array used by nobody else, does nobody else write here. Cheap, but not free.
_CHECK = re.compile(r"swift_(isUniquelyReferenced\w*|beginAccess)")


def bare(function: str) -> str:
    """The name without the object's version (`malloc@@GLIBC_2.2.5`) and callgrind's mark of recursion (`f'2`)."""
    return function.split("@")[0].split("'")[0]


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

    def allocations(self) -> int:
        # One allocation is a call of swift_allocObject, of swift_slowAlloc and of malloc.
        return max(self._calls_by_name(_ALLOCATION).values(), default=0)

    def countings(self) -> int:
        """Retains and releases."""
        return sum(self._calls_by_name(_COUNTING).values())

    def checks(self) -> int:
        return sum(self._calls_by_name(_CHECK).values())

    def _calls_by_name(self, names: re.Pattern[str]) -> Counter[str]:
        calls = Counter[str]()
        for name, count in self.calls.items():
            if names.fullmatch(bare(name)):
                calls[bare(name)] += count
        return calls


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
