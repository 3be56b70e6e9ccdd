"""Results on disk: one folder per cell, in which whatever can be seen is whole.

```
OUT/<protocol>/<budget>/<task>/<algorithm>[-<hash of arguments>]/seed-<n>/
    records.jsonl     a RunRecord per disruption: the cell is finished
    policy/           the trained policy, and training.json
    checkpoint-<n>/   while it trains: what another process can go on from, and checkpoint.json
    failed.json       why the cell failed
    lock              held by the process that is computing the cell
```
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from enum import Enum
from pathlib import Path

from robust_gym import record, registry
from robust_gym.bench import checkpoint
from robust_gym.bench.cell import Cell
from robust_gym.bench.engine import Failed
from robust_gym.bench.files import (
    Files,
    Lock,
    make_folder,
    move_aside,
    read_files,
    remove_temporaries,
    write_atomically,
    write_folder_atomically,
)
from robust_gym.bench.training import changed_arguments, check_training, provenance
from robust_gym.record import RecordError, RunRecord
from robust_gym.splits import task_protocol

RECORDS = "records.jsonl"
POLICY = "policy"
FAILED = "failed.json"
LOCK = "lock"


class State(Enum):
    """How far a cell is, by what lies on the disk."""

    OPEN = "open"
    FINISHED = "finished"
    FAILED = "failed"


class Store:
    """The results below one folder.

    Args:
        root: The folder; made when the first cell is claimed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, cell: Cell) -> Path:
        """Return the folder of a cell."""
        return self.root / cell.path

    def state(self, cell: Cell) -> State:
        """Look at a cell without changing anything."""
        folder = self.folder(cell)
        if (folder / RECORDS).exists() and self.problem(cell) is None:
            return State.FINISHED
        return State.FAILED if (folder / FAILED).exists() else State.OPEN

    def problem(self, cell: Cell) -> str | None:
        """Return why a cell's records do not count as its result, or ``None`` when they do."""
        try:
            records = self.records(cell)
        except RecordError as error:
            return str(error)
        return incomplete(cell, records) or changed_arguments(records[0].arguments, cell)

    def records(self, cell: Cell) -> list[RunRecord]:
        """Read the records of a finished cell.

        Raises:
            RecordError: If the file is damaged.
            FileNotFoundError: If the cell is not finished.
        """
        return record.load(self.folder(cell) / RECORDS)

    def everything(self, warn: Callable[[str], None]) -> list[RunRecord]:
        """Read the records of all cells, those of other plans included.

        Args:
            warn: Takes a line about each file that is damaged, and left out.
        """
        found: list[RunRecord] = []
        for path in sorted(self.root.glob(f"*/*/*/*/seed-*/{RECORDS}")):
            try:
                found += record.load(path)
            except RecordError as error:
                warn(f"left out: {error}")
        return found

    def failure(self, cell: Cell) -> str:
        """Return the last line of a failed cell's error."""
        return failure(self.folder(cell))

    def failure_stamp(self, cell: Cell) -> tuple[int, int] | None:
        """Return what tells one note of a failure from the next, or ``None`` where there is none."""
        try:
            status = (self.folder(cell) / FAILED).stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino

    def claim(self, cell: Cell) -> Claim | None:
        """Lock a cell in order to compute it, or return ``None`` if another process has it.

        Raises:
            OSError: If the folder cannot be written.
        """
        folder = self.folder(cell)
        make_folder(folder)
        lock = Lock(folder / LOCK)
        return Claim(self, cell, lock) if lock.acquire() else None

    def tidy(self, cell: Cell) -> None:
        """Remove what a process that was killed at the very end of a cell has left beside its results."""
        folder = self.folder(cell)
        finished = (folder / RECORDS).exists()
        if (folder / LOCK).exists() or (finished and checkpoint.newest(folder) is not None):
            # Where nothing can be written, it stays; it is in nobody's way.
            with contextlib.suppress(OSError):
                claim = self.claim(cell)
                if claim is not None:
                    if finished:
                        checkpoint.remove_checkpoints(folder)
                    claim.release()


class Claim:
    """The right to write one cell's results, until it is released.

    Made by [Store.claim][robust_gym.bench.store.Store.claim].
    """

    def __init__(self, store: Store, cell: Cell, lock: Lock) -> None:
        self.cell = cell
        self._store = store
        self._folder = store.folder(cell)
        self._lock = lock
        remove_temporaries(self._folder)

    def salvage(self) -> tuple[Files | None, list[str]]:
        """Take up what an earlier run has left.

        What is unreadable or out of date is moved out of the way, so that nothing is lost.

        Returns:
            The trained policy, if there is one, and a line about everything that was moved.
        """
        lines = []
        if (self._folder / RECORDS).exists():
            problem = self._store.problem(self.cell)
            if problem is not None:
                lines.append(self._move_aside(RECORDS, problem))
        if not (self._folder / POLICY).exists():
            return None, lines
        files = read_files(self._folder / POLICY)
        try:
            check_training(files, self.cell)
        except ValueError as error:
            return None, [*lines, self._move_aside(POLICY, str(error))]
        return files, lines

    def salvage_checkpoint(self, policy: Files | None) -> tuple[Files | None, list[str]]:
        """Take up the checkpoint that an earlier run has left; one that cannot be used is moved out of the way.

        Args:
            policy: The trained policy, if there is one, which leaves nothing to go on with.

        Returns:
            The checkpoint, if there is one, and a line if it was moved.
        """
        folder = checkpoint.newest(self._folder)
        if folder is None:
            return None, []
        if policy is not None:
            checkpoint.remove_checkpoints(self._folder)
            return None, []
        files = read_files(folder)
        try:
            checkpoint.check_checkpoint(files, self.cell)
        except ValueError as error:
            return None, [self._move_aside(folder.name, str(error))]
        return files, []

    def _move_aside(self, name: str, why: str) -> str:
        target = move_aside(self._folder / name)
        return f"{self._folder / name} cannot be used and is now {target.name}: {why}"

    def forget_failure(self) -> None:
        """Remove the note of an earlier failure, in order to try again."""
        (self._folder / FAILED).unlink(missing_ok=True)

    def keep_checkpoint(self, files: Files) -> None:
        """Write what the training has left, in place of what it left before."""
        checkpoint.write_newest(self._folder, files)

    def keep_policy(self, files: Files) -> None:
        """Write the trained policy, after which no checkpoint is needed."""
        write_folder_atomically(self._folder / POLICY, files)
        checkpoint.remove_checkpoints(self._folder)

    def keep_records(self, records: Sequence[RunRecord]) -> None:
        """Write the records, which finishes the cell.

        Raises:
            RecordError: If they are not all that the protocol asks for, or of other arguments than the cell has here.
        """
        problem = incomplete(self.cell, records)
        if problem is not None:
            raise RecordError(problem)
        changed = changed_arguments(records[0].arguments, self.cell)
        if changed is not None:  # a worker on another machine may have another version, with other defaults
            raise RecordError(f"computed with other arguments than planned, perhaps by another version: {changed}")
        write_atomically(self._folder / RECORDS, record.dump(records).encode())

    def keep_failure(self, failed: Failed) -> None:
        """Write why the cell failed."""
        cell = {**asdict(self.cell), "overrides": dict(self.cell.overrides)}
        report = {
            "error": failed.error,
            "phase": failed.phase,
            "cell": cell,
            "resources": asdict(failed.resources),
            "traceback": failed.traceback,
            "output": failed.output,
            "provenance": provenance().model_dump(mode="json"),
        }
        write_atomically(self._folder / FAILED, (json.dumps(report, indent=2, default=str) + "\n").encode())

    def release(self) -> None:
        """Give the cell back."""
        self._lock.release()


@functools.lru_cache(maxsize=1024)
def _expected(task: str, version: str, episodes: int) -> tuple[str, frozenset[tuple[str, str]], tuple[int, ...]]:
    protocol = task_protocol(task, version)
    pairs = frozenset((split.name, disruption) for split in protocol.splits for disruption in split.disruptions)
    return protocol.sha256, pairs, protocol.seeds[:episodes]


def failure(folder: Path) -> str:
    """Return the last line of the error of the failed cell with a folder."""
    try:
        return str(json.loads((folder / FAILED).read_text(encoding="utf-8"))["error"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return f"unknown, the file cannot be read: {error}"


def incomplete(cell: Cell, records: Sequence[RunRecord], episodes: int | None = None) -> str | None:
    """Return why records are not the whole result of a cell, or ``None`` when they are.

    Args:
        cell: The cell.
        records: What there is of it.
        episodes: Episodes under every disruption; ``None`` for as many as the cell's budget asks for.
    """
    task = registry.task(cell.task)
    sha256, pairs, seeds = _expected(cell.task, cell.protocol, episodes or task.budget(cell.budget).episodes)
    for entry in records:
        found = (entry.algorithm, entry.task, entry.seed, entry.budget, entry.protocol)
        if found != (cell.algorithm, cell.task, cell.seed, cell.budget, cell.protocol):
            return f"it holds a record of another cell: {' '.join(map(str, found))}"
        if entry.protocol_sha256 != sha256:
            return "it was evaluated on other cells than the protocol has now"
        if entry.task_version != task.version:
            return f"it is about version {entry.task_version} of the task, which is now at {task.version}"
        if entry.episode_seeds != seeds:
            return f"{entry.disruption!r} has other episodes than the budget {cell.budget!r} asks for"
    have = [(entry.split, entry.disruption) for entry in records]
    if len(set(have)) < len(have):
        return "it holds a disruption twice"
    lacking = pairs - set(have)
    if lacking:
        return f"it lacks {len(lacking)} of {len(pairs)} disruptions"
    return None
