"""From records to runs that may be compared: grouped, without duplicates, complete.

Records may be ranked together when they share the protocol version, the budget's name, the train mode and
the number of evaluation episodes, and, task by task, the protocol hash, the episode seeds, the task's version
and the budget's steps. Where one task appears with several of the latter, the rarer ones form groups of
their own.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robust_gym.leaderboard.agreed import LARGEST, CellName, age_key, checked_cells, common_reference, usual_cells
from robust_gym.leaderboard.statistics import Array
from robust_gym.protocol import committed_hashes
from robust_gym.record import RunRecord, Verification


@dataclass(frozen=True, order=True)
class Entry:
    """What is ranked: an algorithm with its arguments, as canonical JSON."""

    algorithm: str
    arguments: str


@dataclass(frozen=True)
class Results:
    """The complete runs of one entry on one task.

    Attributes:
        returns: True returns, ``[seeds, cells, episodes]``.
        costs: True costs, likewise; ``None`` where a record has none.
        runs: One record of each run, in the order of the training seeds.
        left_out: Number of runs that lack cells, or whose returns are beyond ``LARGEST``.
        seen: One record of each run, the left-out ones included.
        verification: The weakest that ``robust-gym verify`` found of any record: one that is not verified before none
            at all, and ``verified`` only where all are, with the fewest cells played again.
        privileges: All that any record names.
    """

    returns: Array
    costs: Array | None
    runs: tuple[RunRecord, ...]
    left_out: int
    seen: tuple[RunRecord, ...]
    verification: Verification | None
    privileges: frozenset[str]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Training seeds of the complete runs."""
        return tuple(run.seed for run in self.runs)


@dataclass(frozen=True)
class TaskRuns:
    """Everything measured on one task under one protocol hash.

    Attributes:
        task: Id of the task.
        family: Its family.
        version: Its version.
        sha256: Hash of the task's protocol.
        committed: Whether that is the hash that robust-gym comes with.
        checked: Whether the cells were seen to have that hash.
        cells: The cells' splits and disruptions; every complete run has them all.
        budget_steps: Environment steps granted.
        reference: Random and reference return of the normalised score, if known.
        other_references: Number of runs that name another such pair.
        outside: Number of records of cells that the protocol does not have.
        results: Results of each entry.
    """

    task: str
    family: str
    version: int
    sha256: str
    committed: bool
    checked: bool
    cells: tuple[CellName, ...]
    budget_steps: int
    reference: tuple[float, float] | None
    other_references: int
    outside: int
    results: Mapping[Entry, Results]


@dataclass(frozen=True)
class RunGroup:
    """Runs that may be ranked together.

    Attributes:
        protocol: Version of the protocol.
        budget: Name of the budget.
        train: ``nominal`` or ``disrupted``.
        episodes: Evaluation episodes for every disruption.
        part: 0, or more for the rarer hashes, versions or steps of tasks that appear with several.
        tasks: The tasks, by id.
    """

    protocol: str
    budget: str
    train: str
    episodes: int
    part: int
    tasks: tuple[TaskRuns, ...]


@dataclass(frozen=True)
class Collection:
    """All groups, and what was left out on the way.

    Attributes:
        groups: Groups, the largest budget first, nominal training before disrupted.
        records: The records kept.
        duplicates: Number of records dropped because a newer one has the same identity.
    """

    groups: tuple[RunGroup, ...]
    records: tuple[RunRecord, ...]
    duplicates: int


def collect(records: Sequence[RunRecord]) -> Collection:
    """Sort records into groups that may be ranked together; of duplicates the newest stays."""
    entries = {id(record): entry_of(record) for record in records}  # once, for it takes time
    kept, duplicates = _newest(records, entries)
    grouped: dict[tuple, dict[str, dict[tuple, list[RunRecord]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for record in kept:
        group = (record.protocol, record.budget, record.train, len(record.returns))
        grouped[group][record.task][_variant(record)].append(record)
    groups = []
    for group, tasks in grouped.items():
        variants = {
            task: sorted((_task_runs(mine, entries) for mine in found.values()), key=_trust)
            for task, found in tasks.items()
        }
        for part in range(max(map(len, variants.values()))):
            chosen = [found[part] for _, found in sorted(variants.items()) if part < len(found)]
            groups.append(RunGroup(*group, part, tuple(chosen)))
    groups.sort(
        key=lambda g: (-max(t.budget_steps for t in g.tasks), g.budget, g.train != "nominal", -g.episodes, g.part)
    )
    return Collection(tuple(groups), tuple(kept), duplicates)


def labels(entries: Iterable[Entry]) -> dict[Entry, str]:
    """Name entries for people: the algorithm, and where it has several arguments, those that differ."""
    by_name: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(set(entries)):
        by_name[entry.algorithm].append(entry)
    named = {}
    for name, same in by_name.items():
        arguments = [json.loads(entry.arguments) for entry in same]
        for entry, mine in zip(same, arguments, strict=True):
            told = [f"{key}={_brief(mine[key])}" for key in mine if any(mine[key] != a.get(key) for a in arguments)]
            label = f"{name} ({', '.join(told) or 'other arguments left out'})" if len(same) > 1 else name
            named[entry] = label if len(label) <= 60 else f"{label[:58]}…)"
    for label, count in Counter(named.values()).items():
        if count > 1:
            alike = [entry for entry in named if named[entry] == label]
            named.update({entry: f"{label} #{number}" for number, entry in enumerate(alike, start=1)})
    return named


def entry_of(record: RunRecord) -> Entry:
    """Return the entry that a record belongs to."""
    return Entry(record.algorithm, record.arguments_json)


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 20 else f"{text[:19]}…"


def _newest(records: Sequence[RunRecord], entries: Mapping[int, Entry]) -> tuple[list[RunRecord], int]:
    newest: dict[tuple, RunRecord] = {}
    for record in records:
        run = (entries[id(record)], record.task, record.seed, record.train, record.protocol, record.budget)
        key = (*run, record.disruption, len(record.returns), *_variant(record))
        other = newest.get(key)
        # The text decides between two of the same age, so that the order of the files never does.
        if other is None or (age_key(record), record.model_dump_json()) > (age_key(other), other.model_dump_json()):
            newest[key] = record
    return list(newest.values()), len(records) - len(newest)


def _variant(record: RunRecord) -> tuple:
    return (record.protocol_sha256, record.episode_seeds, record.task_version, record.budget_steps)


def _trust(runs: TaskRuns) -> tuple:
    """Sort the variant with the committed hash first, then one that surely has its own, then the most frequent."""
    count = sum(len(results.runs) for results in runs.results.values())
    return (not runs.committed, not runs.checked, -count, -runs.version, runs.sha256, runs.budget_steps, runs.cells)


def _task_runs(records: Sequence[RunRecord], entries: Mapping[int, Entry]) -> TaskRuns:
    runs: dict[tuple[Entry, int], dict[CellName, RunRecord]] = defaultdict(dict)
    for record in records:
        runs[entries[id(record)], record.seed][record.split, record.disruption] = record
    first = records[0]
    committed = committed_hashes().get(first.protocol, {}).get(first.task) == first.protocol_sha256
    checked = checked_cells(list(runs.values()), committed=committed)
    cells = checked or usual_cells(list(runs.values()))
    by_entry: dict[Entry, list[dict[CellName, RunRecord]]] = defaultdict(list)
    for (entry, _), run in sorted(runs.items(), key=lambda item: item[0]):
        by_entry[entry].append(run)
    reference, others = common_reference([next(iter(run.values())) for run in runs.values()])
    return TaskRuns(
        task=first.task,
        family=min(Counter(record.family for record in records).items(), key=lambda item: (-item[1], item[0]))[0],
        version=first.task_version,
        sha256=first.protocol_sha256,
        committed=committed,
        checked=checked is not None,
        cells=cells,
        budget_steps=first.budget_steps,
        reference=reference,
        other_references=others,
        outside=sum(len(run.keys() - set(cells)) for run in runs.values()),
        results={entry: _results(cells, runs_of) for entry, runs_of in by_entry.items()},
    )


def _results(cells: Sequence[CellName], runs: Sequence[Mapping[CellName, RunRecord]]) -> Results:
    seen: list[RunRecord] = []
    complete: list[RunRecord] = []
    returns: list[Array] = []
    costs: list[Array] | None = []
    for run in runs:
        seen.append(next(iter(run.values())))
        if not all(cell in run for cell in cells):
            continue
        values = np.array([run[cell].returns for cell in cells])
        if np.abs(values).max() < LARGEST:
            complete.append(run[cells[0]])
            returns.append(values)
            paid = [run[cell].costs for cell in cells]
            costs = None if costs is None or None in paid else [*costs, np.array(paid, float)]
    stacked = np.stack(returns) if returns else np.empty((0, len(cells), 0))
    with_costs = np.stack(costs) if costs else None
    return Results(
        stacked,
        with_costs,
        tuple(complete),
        len(runs) - len(complete),
        tuple(seen),
        _weakest(record.verification for run in runs for record in run.values()),
        frozenset(name for run in runs for record in run.values() for name in record.privileges),
    )


def _weakest(found: Iterable[Verification | None]) -> Verification | None:
    def strength(one: Verification | None) -> tuple[int, int]:
        order = ("not verified", "could not be verified", None, "verified")
        return order.index(one.verdict if one else None), one.cells if one else 0

    return min(found, key=strength, default=None)
