"""What a cell comes to where it is planned: where it is computed, another version of a package may see it otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from robust_gym import registry
from robust_gym.bench.cell import Cell
from robust_gym.bench.training import arguments_of, changed_arguments
from robust_gym.splits import task_protocol


@dataclass(frozen=True)
class Terms:
    """What the records of a cell must say, that its path does not.

    Attributes:
        arguments: All arguments of the algorithm, as records have them.
        task_version: Version of the task.
        protocol_sha256: Hash of the protocol's cells of the task.
    """

    arguments: Mapping[str, Any]
    task_version: int
    protocol_sha256: str


def terms_of(cell: Cell) -> Terms:
    """Return what a cell comes to here."""
    cells = task_protocol(cell.task, cell.protocol)
    return Terms(arguments_of(cell), registry.task(cell.task).version, cells.sha256)


def check_terms(planned: Terms, cell: Cell) -> None:
    """Check that a cell is the same here as where it was planned, before hours are spent on another one.

    Args:
        planned: What the driver says.
        cell: The cell.

    Raises:
        ValueError: If it differs; the message says in what.
    """
    version = registry.task(cell.task).version
    if planned.task_version != version:
        problem: str | None = f"its task was at version {planned.task_version}, and is now at {version}"
    elif planned.protocol_sha256 != task_protocol(cell.task, cell.protocol).sha256:
        problem = f"its task has other cells in protocol {cell.protocol} now"
    else:
        problem = changed_arguments(planned.arguments, cell)
    if problem is not None:
        raise ValueError(f"the driver planned another cell, perhaps with another version of a package: {problem}")
