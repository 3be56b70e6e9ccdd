"""The cores of this machine: which this process may use, and which worker has which."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

NAME = "\0robust-gym-core-{core}"
"""Address of the socket that its owner keeps; the leading zero byte keeps it out of the file system."""

CGROUP = Path("/sys/fs/cgroup")
"""Where a container finds what it may use."""

OF_THE_MACHINE = Path("/proc/sys/net/core/dev_weight")
"""A setting of the whole network, which Linux shows in the first network namespace only: that of the machine."""


class Cores:
    """Cores that this process may use and that no other campaign on this machine has taken.

    A core is taken by binding a Unix socket to its name, which the kernel undoes when the process dies, so two
    campaigns on one machine do not share half of its cores. Where there are no such sockets (everywhere but on
    Linux), no core is ever free, and nothing is pinned.

    A network namespace has sockets of its own, so in a container one cannot see what campaigns beside it have taken.
    There, cores are worth taking by a campaign that needs all of them: it has one on each, wherever the others are.
    """

    def __init__(self) -> None:
        self._taken: dict[int, socket.socket] = {}
        self._usable = usable_cores() if sys.platform == "linux" else []

    def enough_for(self, processes: int) -> bool:
        """Tell whether each of some processes may have a core of its own, as far as one can see."""
        if others_hidden():
            return processes == len(self._usable)
        return processes <= len(self._usable)

    def take(self) -> int | None:
        """Take the first free core, or return ``None`` if there is none."""
        for core in self._usable:
            if core in self._taken:
                continue
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                claim.bind(NAME.format(core=core))
            except OSError:
                claim.close()
                continue
            self._taken[core] = claim
            return core
        return None

    def give_back(self, core: int) -> None:
        """Let others have a core that was taken."""
        self._taken.pop(core).close()

    def close(self) -> None:
        """Give all cores back."""
        for core in list(self._taken):
            self.give_back(core)


def usable_cores() -> list[int]:
    """Return the cores that this process may use, by their numbers."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def others_hidden() -> bool:
    """Tell whether other processes of this machine may have taken cores without this one seeing it."""
    return not OF_THE_MACHINE.exists()


def cpu_quota() -> float | None:
    """Return how many cores a container may use at a time, or ``None`` where nothing limits it."""
    words = cgroup("cpu.max").split()
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0].isdigit() else None


def cgroup(name: str) -> str:
    """Read a file about what this container may use; it is empty where there is none."""
    try:
        return (CGROUP / name).read_text()
    except OSError:
        return ""
