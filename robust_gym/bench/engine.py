"""The interface between the driver of a campaign and whoever computes its cells.

An engine takes jobs and hands back events; it writes no results, so it needs no file system in common with
the driver. There are ``local`` (processes on this machine), ``ray`` and ``slurm``, which
[make_engine][robust_gym.bench.engines.make_engine] makes by name; others need only the methods of ``Engine``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from robust_gym.baselines.checkpoints import SECONDS
from robust_gym.bench.cell import Cell
from robust_gym.bench.files import Files
from robust_gym.bench.terms import Terms
from robust_gym.record import RunRecord

Phase = Literal["start", "train", "evaluate"]

DOING: Mapping[Phase, str] = {"start": "starting", "train": "training", "evaluate": "evaluating"}
"""The phases in the words of a sentence."""


@dataclass(frozen=True)
class Job:
    """A cell to compute.

    Attributes:
        cell: The cell.
        policy: Its trained policy, if an earlier run got that far.
        checkpoint: What an earlier run has left of its training, otherwise.
        checkpoint_seconds: How often its training leaves a checkpoint, if its algorithm does that.
        renew: Makes the job anew from all that the driver has kept of the cell by then, or ``None`` if nobody keeps
            anything. It stays in the driver's process.
        planned: What the cell comes to where it was planned; a worker that sees it otherwise does not compute it.
    """

    cell: Cell
    policy: Files | None = None
    checkpoint: Files | None = None
    checkpoint_seconds: float = SECONDS
    renew: Callable[[], Job] | None = field(default=None, compare=False, repr=False)
    planned: Terms | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process gets to know."""
        return {**vars(self), "renew": None}

    def bare(self) -> Job:
        """Return the job without its files, which may be large, where it can be renewed."""
        return self if self.renew is None else replace(self, policy=None, checkpoint=None)

    def renewed(self) -> Job:
        """Return the job with the files that the driver has kept by now; where nobody keeps any, as it is."""
        return self if self.renew is None else self.renew()


@dataclass(frozen=True)
class Resources:
    """What the process that computed a cell had used when it last reported.

    Attributes:
        wall_seconds: Wall time since the cell started.
        cpu_seconds: Processor time of the process, in user and system mode, since the cell started.
        peak_memory_mib: Largest resident memory of the process since the process started.
    """

    wall_seconds: float
    cpu_seconds: float = 0.0
    peak_memory_mib: float = 0.0


@dataclass(frozen=True)
class Progressed:
    """A cell is under way.

    Attributes:
        cell: The cell.
        phase: What it is at.
        done: Environment steps while training, episodes while evaluating.
        total: How many there will be.
        resources: Used so far.
    """

    cell: Cell
    phase: Phase
    done: int
    total: int
    resources: Resources


@dataclass(frozen=True)
class Checkpointed:
    """A cell's training has left a checkpoint, from which another process can go on."""

    cell: Cell
    files: Files


@dataclass(frozen=True)
class Trained:
    """A cell's policy is trained; its evaluation follows."""

    cell: Cell
    files: Files


@dataclass(frozen=True)
class Finished:
    """A cell is evaluated."""

    cell: Cell
    records: tuple[RunRecord, ...]
    resources: Resources


@dataclass(frozen=True)
class Failed:
    """A cell ended in an error, or its process died.

    Attributes:
        cell: The cell.
        error: One line.
        traceback: The whole traceback; empty when the process died.
        phase: What it was at.
        resources: Used until then.
        output: The end of what the process had printed.
    """

    cell: Cell
    error: str
    traceback: str
    phase: Phase
    resources: Resources
    output: str = field(default="")


Event = Progressed | Checkpointed | Trained | Finished | Failed


class Engine(Protocol):
    """Runs jobs, several at once."""

    @property
    def free(self) -> int:
        """How many more jobs it would start at once."""

    def submit(self, job: Job) -> None:
        """Start a job; only while ``free`` is positive."""

    def wait(self, timeout: float) -> Sequence[Event]:
        """Return what has happened, waiting at most ``timeout`` seconds for something to happen.

        Every submitted job ends in exactly one ``Finished`` or ``Failed``, after which nothing more comes of it, unless
        it was withdrawn.
        """

    def withdraw(self) -> Sequence[Cell]:
        """Take back the jobs that have not begun, and return their cells; nothing more comes of them.

        Jobs are taken back that wait in a queue. An engine without one has begun with all of them, and returns none.
        """
        return ()

    def close(self) -> None:
        """Stop everything at once; what was running is forgotten, not failed."""
