"""What lies in the folder of a cell, whether or not its task and algorithm are registered here."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from robust_gym import record
from robust_gym.bench.cell import Cell, is_cell_path
from robust_gym.bench.files import Files, read_regular
from robust_gym.bench.store import FAILED, POLICY, RECORDS, incomplete
from robust_gym.bench.training import TRAINING_FILE, check_files, read_training, shortened
from robust_gym.record import RecordError, RunRecord
from robust_gym.registry import UnknownNameError

_HASH = re.compile(r"-[0-9a-f]{8}", re.ASCII)

RUN_DEPENDENT = frozenset({"provenance", "train_seconds", "evaluate_seconds", "verification"})
"""Fields of a record that differ between two runs of the same cell."""


@dataclass
class Found:
    """What lies in the folder of a cell.

    Attributes:
        folder: The folder.
        text: The records as they are on the disk; empty where there are none that count.
        records: The same, read.
        policy: The files of the trained policy that its description names, and that itself, if it is whole.
        failure: The note of a failure as it is on the disk, if it can be read.
        problems: A line about each file that is damaged, or does not belong here.
        strays: What lies beside the files of the policy; no part of it.
    """

    folder: Path
    text: bytes = b""
    records: list[RunRecord] = field(default_factory=list)
    policy: Files | None = None
    failure: bytes | None = None
    problems: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)


def cells_below(root: Path) -> Iterator[PurePosixPath]:
    """Yield the paths of all cells that have a folder in a store, relative to the store."""
    for folder in sorted(root.glob("*/*/*/*/seed-*")):
        path = PurePosixPath(folder.relative_to(root))
        if is_cell_path(path) and folder.is_dir():
            yield path


def look(root: Path, path: PurePosixPath, *, links: bool = True) -> Found:
    """Read what a store holds of a cell; damage is noted, not raised.

    Args:
        root: The store.
        path: Path of the cell in it; nothing need be there.
        links: Whether what lies in the cell's folder may be a symbolic link; somebody else's may point at any file of
            this machine.

    Raises:
        OSError: If a file is there and cannot be read.
    """
    found = Found(root / path)
    with contextlib.suppress(FileNotFoundError):
        _read_records(found, path, links)
    if (found.folder / POLICY).is_dir():
        try:
            found.policy, found.strays = _read_policy(found.folder / POLICY, path, links)
        except ValueError as error:
            found.problems.append(f"{found.folder / POLICY}: {error}")
    with contextlib.suppress(FileNotFoundError):
        _read_failure(found, links)
    return found


def _content(found: Found, file: Path, links: bool) -> bytes | None:
    """Read a file of a cell; ``None``, and a problem, if it is no regular one."""
    try:
        return read_regular(file, links=links)
    except ValueError as error:
        found.problems.append(f"{found.folder}: {error}")
        return None


def _read_failure(found: Found, links: bool) -> None:
    file = found.folder / FAILED
    content = _content(found, file, links)
    if content is None:
        return
    try:
        json.loads(content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        found.problems.append(f"{file} is no note of a failure")
    else:
        found.failure = content


def _read_records(found: Found, path: PurePosixPath, links: bool) -> None:
    file = found.folder / RECORDS
    text = _content(found, file, links)
    if text is None:
        return
    try:
        records = list(record.parse(text.decode(), str(file)))
    except UnicodeDecodeError:
        found.problems.append(f"{file} is not a text file")
    except RecordError as error:
        found.problems.append(str(error))
    else:
        problem = _problem(records, path)
        if problem is None:
            found.text, found.records = text, records
        else:
            found.problems.append(f"{file}: {problem}")


def _problem(records: Sequence[RunRecord], path: PurePosixPath) -> str | None:
    """Return why records are not the result of the cell with a path, or ``None`` when they are."""
    if not records:
        return "it holds no record"
    first = records[0]
    for entry in records:
        problem = _of_another_cell(entry.protocol, entry.budget, entry.task, entry.algorithm, entry.seed, path)
        if problem is not None:
            return problem
        if (entry.protocol_sha256, entry.task_version) != (first.protocol_sha256, first.task_version):
            return "its records are about several versions of the task or the protocol"
    have = [(entry.split, entry.disruption) for entry in records]
    if len(set(have)) < len(have):
        return "it holds a disruption twice"
    # The hash of the arguments is part of the path only, and is no matter to this check.
    cell = Cell(first.algorithm, first.task, first.seed, first.budget, first.protocol)
    try:
        return incomplete(cell, records)
    except (UnknownNameError, ValueError):  # a task, protocol or budget that is not known here
        return None


def _read_policy(folder: Path, path: PurePosixPath, links: bool) -> tuple[Files, list[str]]:
    """Read the files of a policy that its description names, and tell what else lies there.

    Raises:
        ValueError: If one is no file, is missing, has changed, or the policy is of another cell.
    """
    if folder.is_symlink() and not links:
        raise ValueError("it is a symbolic link, and no folder; 'cp -rL' copies what links point at")
    files: dict[str, bytes] = {}
    with contextlib.suppress(FileNotFoundError):
        files[TRAINING_FILE] = read_regular(folder / TRAINING_FILE, links=links)
    training = read_training(files)
    for name in training.files:
        if not _is_file_name(name):
            raise ValueError(f"{TRAINING_FILE} names {shortened(repr(name))}, which is no name of a file in its folder")
        with contextlib.suppress(FileNotFoundError):
            files[name] = read_regular(folder / name, links=links)
    check_files(files, training)
    protocol = path.parts[0]
    problem = _of_another_cell(protocol, training.budget, training.task, training.algorithm, training.seed, path)
    if problem is not None:
        raise ValueError(problem)
    return files, sorted({entry.name for entry in folder.iterdir()} - set(files))


def _is_file_name(name: str) -> bool:
    return name not in ("", ".", "..") and not set(name) & set("/\\\0") and len(os.fsencode(name)) < 256


def _of_another_cell(
    protocol: str, budget: str, task: str, algorithm: str, seed: int, path: PurePosixPath
) -> str | None:
    variant = path.parts[3]
    same = variant == algorithm or (variant.startswith(algorithm) and _HASH.fullmatch(variant[len(algorithm) :]))
    if same and (protocol, budget, task, f"seed-{seed}") == (*path.parts[:3], path.parts[4]):
        return None
    return f"it is of another cell: {protocol} {budget} {task} {algorithm} seed {seed}"


def first_difference(one: Sequence[RunRecord], other: Sequence[RunRecord]) -> str | None:
    """Return what first differs between two results of a cell, or ``None`` when the evaluation is the same."""
    left, right = ({(entry.split, entry.disruption): entry for entry in records} for records in (one, other))
    for key, entry in left.items():
        if key not in right:
            return f"the disruptions evaluated: only the first has {_words(key)}"
        for name in type(entry).model_fields:
            first, second = getattr(entry, name), getattr(right[key], name)
            if name not in RUN_DEPENDENT and first != second:
                return f"{name} of {_words(key)}: {shortened(first)} and {shortened(second)}"
    extra = next((key for key in right if key not in left), None)
    return None if extra is None else f"the disruptions evaluated: only the second has {_words(extra)}"


def _words(key: tuple[str, str]) -> str:
    split, disruption = key
    return f"{disruption!r} ({split})"
