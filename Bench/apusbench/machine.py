"""The machine that figures come from: without it they mean nothing."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    processor: str
    cores: int
    memory_mb: int
    kernel: str
    system: str
    #: The hypervisor's name, or empty on bare metal (as far as it can be told).
    hypervisor: str


def describe_machine() -> Machine:
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024
    hypervisor = "a virtual machine" if "hypervisor" in fields.get("flags", "") else ""
    return Machine(
        processor=fields.get("model name", platform.machine()),
        cores=os.cpu_count() or 1,
        memory_mb=memory,
        kernel=platform.release(),
        system=platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"),
        hypervisor=hypervisor,
    )
