"""What all runs of one task are measured by: the cells that each must have, and the returns that scores are made of."""

from __future__ import annotations

import contextlib
import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from robust_gym import registry
from robust_gym.protocol import Protocol, Split, episode_seeds
from robust_gym.record import RunRecord
from robust_gym.registry import UnknownNameError
from robust_gym.splits import task_protocol

CellName = tuple[str, str]
"""Split and disruption."""

LARGEST = 1e100
"""Returns beyond this are taken for a fault; arithmetic with them would overflow."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def age_key(record: RunRecord) -> datetime.timedelta:
    """Return when a record was made, as time since 1970; a time without zone is taken for UTC."""
    created = record.provenance.created
    if created.tzinfo is None:
        created = created.replace(tzinfo=datetime.timezone.utc)
    return created - _EPOCH


def checked_cells(runs: Sequence[Mapping[CellName, RunRecord]], *, committed: bool) -> tuple[CellName, ...] | None:
    """Return the protocol's cells, if they yield the hash that the runs claim.

    Args:
        runs: Runs of one task that claim the same hash, each with its records by cell.
        committed: Whether it is the hash that robust-gym comes with. The cells then are those of the task's protocol,
            whatever the order of the records; else those of some run, if they have just that order.
    """
    tried = set()
    for run in runs:
        cells = tuple(run)
        if cells in tried:
            continue
        tried.add(cells)
        record = run[cells[0]]
        splits: dict[str, list[str]] = defaultdict(list)
        for split, disruption in cells:
            splits[split].append(disruption)
        seeds = episode_seeds(record.task, record.protocol)
        listed = tuple(Split(name, tuple(disruptions)) for name, disruptions in splits.items())
        rebuilt = Protocol(record.protocol, record.task, listed, seeds)
        if rebuilt.sha256 == record.protocol_sha256 and record.episode_seeds == seeds[: len(record.episode_seeds)]:
            return cells
    return _protocol_cells(next(iter(runs[0].values()))) if committed else None


def _protocol_cells(record: RunRecord) -> tuple[CellName, ...] | None:
    """Return the cells of a task that robust-gym knows, if they have the hash that a record claims."""
    try:
        known = task_protocol(record.task, record.protocol)
    except UnknownNameError:
        return None
    if known.sha256 != record.protocol_sha256 or record.episode_seeds != known.seeds[: len(record.episode_seeds)]:
        return None
    return tuple((split.name, disruption) for split in known.splits for disruption in split.disruptions)


def usual_cells(runs: Iterable[Mapping[CellName, RunRecord]]) -> tuple[CellName, ...]:
    """Return the most cells that at least half of the runs have all of, so that no stray record drops the others."""
    having = [frozenset(run) for run in runs]
    usual = [cells for cells in set(having) if 2 * sum(cells <= other for other in having) >= len(having)]
    chosen = max(usual, key=lambda cells: (len(cells), sorted(cells)), default=frozenset().union(*having))
    return tuple(sorted(chosen, key=lambda cell: (cell[0] != "id", cell)))


def common_reference(runs: Sequence[RunRecord]) -> tuple[tuple[float, float] | None, int]:
    """Return the pair (random, reference) of a task, and how many runs name another one.

    One pair serves all runs: the one that robust-gym comes with, if any run names it, so that records in great number
    cannot set the scale of the others' scores; else the one that most of them name.
    """
    named: dict[tuple[float, float], list[datetime.timedelta]] = defaultdict(list)
    for run in runs:
        low, high = run.random_return, run.reference_return
        if low is None or high is None or max(abs(low), abs(high)) > LARGEST:
            continue
        if high - low > 1e-9 * max(abs(low), abs(high), 1e-3):
            named[low, high].append(age_key(run))
    if not named:
        return None, 0
    known = _known_reference(runs[0])
    best = max(named, key=lambda pair: (pair == known, len(named[pair]), max(named[pair]), pair))
    return best, sum(map(len, named.values())) - len(named[best])


def _known_reference(run: RunRecord) -> tuple[float, float] | None:
    """Return the pair that robust-gym comes with for this version of a task."""
    with contextlib.suppress(UnknownNameError):
        task = registry.task(run.task)
        if task.reference and task.version == run.task_version:
            return task.reference.random, task.reference.reference
    return None
