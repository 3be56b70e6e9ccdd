"""Checkpoints of cells: what is known of them, and the folders that they lie in.

A new checkpoint gets a folder of its own, with the next number, before the one before it is removed: whenever the
machine stops, the folder with the greatest number is whole.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from robust_gym import registry
from robust_gym.baselines.checkpoints import Checkpoints
from robust_gym.bench.cell import Cell
from robust_gym.bench.engine import Checkpointed, Job
from robust_gym.bench.files import TEMPORARY, Files, read_files, write_folder_atomically
from robust_gym.bench.training import arguments_of, changed_file, provenance, read_description, shortened
from robust_gym.record import Name, Provenance

FOLDER = "checkpoint-"
"""Beginning of the name of a checkpoint's folder; its number follows."""

DESCRIPTION = "checkpoint.json"
"""Lies beside the files of a checkpoint."""


class Checkpoint(BaseModel):
    """Which training a checkpoint is of, and how far that was.

    Attributes:
        steps: Environment steps done.
        train_seconds: Wall time they took, of all processes that have had a part in it.
        files: The sha256 of every other file of the checkpoint.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    algorithm: Name
    arguments: dict[Name, Any] = Field(default_factory=dict)
    task: Name
    task_version: int = Field(ge=0)
    seed: int = Field(ge=0)
    budget: Name
    budget_steps: int = Field(ge=0)
    steps: int = Field(ge=0)
    train_seconds: FiniteFloat = Field(ge=0)
    provenance: Provenance
    files: dict[str, str]


def checkpoints_of(job: Job, send: Callable[[Checkpointed], None]) -> Checkpoints:
    """Return what the training of a job takes checkpoints with.

    Args:
        job: The job, with the checkpoint to go on from if there is one.
        send: Takes the event of each checkpoint.
    """
    before = seconds_before(job.checkpoint)
    began = monotonic()

    def keep(steps: int, files: Files) -> None:
        description = Checkpoint(
            **_training_of(job.cell),
            steps=steps,
            train_seconds=before + monotonic() - began,
            provenance=provenance(),
            files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        )
        text = description.model_dump_json(indent=2) + "\n"
        send(Checkpointed(job.cell, {**files, DESCRIPTION: text.encode()}))

    return Checkpoints(keep, job.checkpoint, seconds=job.checkpoint_seconds)


def _training_of(cell: Cell) -> dict[str, Any]:
    """Return what a training of a cell is now, as JSON would have it."""
    task = registry.task(cell.task)
    budget = task.budget(cell.budget)
    return {
        "algorithm": cell.algorithm,
        "arguments": arguments_of(cell),
        "task": task.id,
        "task_version": task.version,
        "seed": cell.seed,
        "budget": budget.name,
        "budget_steps": budget.steps,
    }


def seconds_before(files: Files | None) -> float:
    """Return how long the training took that has left a checkpoint."""
    return 0.0 if files is None else read_checkpoint(files).train_seconds


def steps_before(files: Files | None) -> int:
    """Return how many steps the training had done that has left a checkpoint."""
    return 0 if files is None else read_checkpoint(files).steps


def read_checkpoint(files: Files) -> Checkpoint:
    """Read the description among a checkpoint's files.

    Raises:
        ValueError: If it is missing or damaged.
    """
    return read_description(files, DESCRIPTION, Checkpoint)


def check_checkpoint(files: Files, cell: Cell) -> None:
    """Check that a checkpoint is whole, and that a training of a cell would go on from it as it began.

    Raises:
        ValueError: If not; the message says what is wrong.
    """
    checkpoint = read_checkpoint(files)
    problem = changed_file(files, checkpoint.files)
    if problem is not None:
        raise ValueError(problem)
    for name, value in _training_of(cell).items():
        found = getattr(checkpoint, name)
        if found != value:
            raise ValueError(f"its {name.replace('_', ' ')} was {shortened(found)}, and is now {shortened(value)}")
    here = provenance()
    # Another version may keep other things, or go on in another way.
    for name, then, now in (
        ("version", checkpoint.provenance.robust_gym, here.robust_gym),
        ("commit", checkpoint.provenance.git_commit, here.git_commit),
    ):
        if then != now:
            raise ValueError(f"it was left by robust-gym of {name} {then}, and this is {now}")


def newest(cell_folder: Path) -> Path | None:
    """Return the folder of a cell's last checkpoint, or ``None``."""
    found = _folders(cell_folder)
    return found[-1] if found else None


def _folders(cell_folder: Path) -> list[Path]:
    """Return the folders of a cell's checkpoints, the last one at the end."""
    found = [path for path in cell_folder.glob(f"{FOLDER}*") if path.name[len(FOLDER) :].isdecimal()]
    return sorted(found, key=_number)


def _number(folder: Path) -> int:
    return int(folder.name[len(FOLDER) :])


def read_newest(cell_folder: Path) -> Files | None:
    """Read a cell's last checkpoint, if there is one."""
    folder = newest(cell_folder)
    return None if folder is None else read_files(folder)


def write_newest(cell_folder: Path, files: Files) -> None:
    """Write a cell's checkpoint, and then remove those before it."""
    before = _folders(cell_folder)
    number = _number(before[-1]) + 1 if before else 1
    write_folder_atomically(cell_folder / f"{FOLDER}{number}", files)
    _remove(before)


def remove_checkpoints(cell_folder: Path) -> None:
    """Remove all checkpoints of a cell."""
    _remove(_folders(cell_folder))


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        # Under a name that nobody takes for a checkpoint, should this process be killed half-way.
        going = folder.with_name(folder.name + TEMPORARY)
        folder.rename(going)
        shutil.rmtree(going)
