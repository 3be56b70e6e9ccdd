"""The atomic unit of a benchmark: one algorithm trained once on one task, and evaluated."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)
_PATH = re.compile(rf"({_PART.pattern}/){{3}}{_PART.pattern}(-[0-9a-f]{{8}})?/seed-(0|[1-9][0-9]*)", re.ASCII)


def is_cell_path(path: PurePosixPath) -> bool:
    """Return whether a path could be the folder of a cell, relative to the output folder."""
    return _PATH.fullmatch(str(path)) is not None


@dataclass(frozen=True)
class Cell:
    """One training run and its evaluation; its path is its identity.

    Attributes:
        algorithm: Registered name.
        task: Registered id.
        seed: Training seed, 0 or more.
        budget: Name of the task's budget.
        protocol: Version of the protocol.
        overrides: Arguments of the algorithm that differ from their defaults, sorted by name.
        plugins: Modules to import before the algorithm and the task can be found; no part of the identity.
    """

    algorithm: str
    task: str
    seed: int
    budget: str
    protocol: str = "v1"
    overrides: tuple[tuple[str, Any], ...] = ()
    plugins: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """Check that every part can be the name of a folder."""
        for part in (self.protocol, self.budget, self.task, self.algorithm):
            if not _PART.fullmatch(part):
                raise ValueError(f"{part!r} cannot name a folder: letters, digits, '.', '_' and '-', at most 80")
        if self.seed < 0:
            raise ValueError(f"a seed must be 0 or more, got {self.seed}")

    @functools.cached_property  # a campaign asks again and again, and the hash takes its time
    def variant(self) -> str:
        """The algorithm's name, followed by a hash of the arguments that differ from their defaults."""
        if not self.overrides:
            return self.algorithm
        text = json.dumps(dict(self.overrides), sort_keys=True, separators=(",", ":"), default=str)
        return f"{self.algorithm}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def path(self) -> PurePosixPath:
        """Folder of the cell's results, relative to the output folder."""
        return PurePosixPath(self.protocol, self.budget, self.task, self.variant, f"seed-{self.seed}")

    def __str__(self) -> str:
        return f"{self.variant} {self.task} seed {self.seed}"
