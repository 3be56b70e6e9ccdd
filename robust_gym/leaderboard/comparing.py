"""``robust-gym compare``: two rows of the leaderboard, task by task and overall."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robust_gym.leaderboard import bootstrap, permutation, statistics
from robust_gym.leaderboard.naming import entries_named, group_words
from robust_gym.leaderboard.published import records_of
from robust_gym.leaderboard.quantities import BOOTSTRAP_SEED, QUANTITIES, Value, measured, normalise
from robust_gym.leaderboard.runs import Entry, RunGroup, TaskRuns, collect, labels
from robust_gym.leaderboard.statistics import Array, Statistic
from robust_gym.leaderboard.text import clean, decimals, interval, number
from robust_gym.record import RunRecord
from robust_gym.terminal import console, table

if TYPE_CHECKING:
    from rich.table import Table

COMPARED = ("id", "ood", "worst")
"""What is compared, of the quantities of a run."""

LEVEL = 0.05
"""Of the test that names a winner, for each row by itself."""

_PLACES = [QUANTITIES.index(name) for name in COMPARED]
_OOD = COMPARED.index("ood")


@dataclass(frozen=True)
class Comparison:
    """Two rows on one task, or over several.

    Attributes:
        task: The task; ``None`` for all of them.
        tasks: How many tasks it is about.
        unit: ``return``, or ``score`` where returns are normalised.
        seeds: Training seeds of A and of B, added up over the tasks.
        differences: A minus B, by the names in ``COMPARED``: the difference of the means over the seeds of one task, or
            of the interquartile means over task and seed. Intervals are from a bootstrap that draws the seeds of A and
            of B apart, within each task.
        improvement: The chance that a run of A beats one of B by OOD return, on a task drawn at random.
        p_value: Of a two-sided permutation test of the OOD difference, which deals the runs of each task out to A and B
            anew; ``None`` with so few seeds that it could not be below ``LEVEL``.
        winner: ``A`` or ``B``, whichever is higher by OOD, where ``p_value`` is below ``LEVEL``; ``neither`` where it
            is not; ``None`` where there is none.
    """

    task: str | None
    tasks: int
    unit: str
    seeds: tuple[int, int]
    differences: Mapping[str, Value]
    improvement: Value
    p_value: float | None
    winner: str | None


@dataclass(frozen=True)
class GroupComparison:
    """Two rows among results that may rank together.

    Attributes:
        title: What these results are.
        labels: Names of the two rows.
        tasks: On each task that both did.
        overall: Over all these tasks, as normalised scores; ``None`` for fewer than two tasks with references.
    """

    title: str
    labels: tuple[str, str]
    tasks: tuple[Comparison, ...]
    overall: Comparison | None


def compare_command(first: str, second: str, results: Sequence[Path], *, as_json: bool) -> int:
    """Compare two rows, and print how they differ.

    Raises:
        RecordError: If the records cannot be read, or there are none.
        ValueError: If a name means no row or several, or the two have no results that may be compared.
    """
    found = compare(records_of(results), first, second)
    if as_json:
        print(json.dumps({"A": first, "B": second, "groups": [_plain(group) for group in found]}, indent=2))
        return 0
    out = console()
    for place, group in enumerate(found):
        if place:
            out.print()
        out.print(group.title[0].upper() + group.title[1:])
        out.print(f"A: {clean(group.labels[0], 80)}, B: {clean(group.labels[1], 80)}")
        out.print()
        out.print(_printed(group))
    out.print()
    out.print(
        f"A minus B, with {100 * bootstrap.LEVEL:.0f} % bootstrap intervals from {bootstrap.FEWEST_SEEDS} seeds on; "
        "P(A > B): chance that a run of A beats one of B by OOD return; a winner has p < "
        f"{LEVEL:g} in a permutation test of the OOD difference, each row by itself"
    )
    return 0


def compare(records: Sequence[RunRecord], first: str, second: str) -> list[GroupComparison]:
    """Compare two rows wherever both have results that may rank together.

    Args:
        records: The records.
        first: Name of A: a row's label, or an algorithm that has one row there.
        second: Name of B.

    Raises:
        ValueError: If a name means no row or several, or the two have no results that may be compared.
    """
    groups = collect(records).groups
    named = labels(entry for group in groups for runs in group.tasks for entry in runs.results)
    mine, theirs = entries_named(first, named), entries_named(second, named)
    found = []
    for group in groups:
        present = {entry for runs in group.tasks for entry in runs.results if _did(runs, entry)}
        a, b = (_only(name, [e for e in of if e in present], named) for name, of in ((first, mine), (second, theirs)))
        if a is None or b is None:
            continue
        if a == b:
            raise ValueError(f"{first!r} and {second!r} are the same row, {named[a]!r}")
        shared = [runs for runs in group.tasks if _did(runs, a) and _did(runs, b)]
        if shared:
            found.append(_compared(group_words(group), (named[a], named[b]), shared, a, b))
    if not found:
        there = [f"{name!r} has {_places(of, groups)}" for name, of in ((first, mine), (second, theirs))]
        raise ValueError(
            f"they have no results that may be compared, on one task and trained alike: {'; '.join(there)}"
        )
    return found


def _did(runs: TaskRuns, entry: Entry) -> bool:
    """Return whether an entry has a complete run of a task."""
    return entry in runs.results and bool(runs.results[entry].runs)


def _only(name: str, entries: Sequence[Entry], named: Mapping[Entry, str]) -> Entry | None:
    if len(entries) > 1:
        raise ValueError(f"{name!r} has several rows: {', '.join(sorted(named[entry] for entry in entries))}; name one")
    return entries[0] if entries else None


def _places(entries: Sequence[Entry], groups: Sequence[RunGroup]) -> str:
    found = [
        f"{runs.task} (budget {group.budget}, {group.train} training, protocol {group.protocol})"
        for group in groups
        for runs in group.tasks
        if any(_did(runs, entry) for entry in entries)
    ]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{', '.join(found[:3])}{more}" if found else "no complete run"


def _compared(title: str, labels: tuple[str, str], tasks: Sequence[TaskRuns], a: Entry, b: Entry) -> GroupComparison:
    def summaries(entry: Entry, *, scored: bool) -> list[Array]:
        of = [(runs, measured(runs, runs.results[entry])) for runs in tasks]
        return [
            (normalise(runs, values) if scored else values)[_PLACES]
            for runs, values in of
            if runs.reference or not scored
        ]

    def seeds(of: Sequence[TaskRuns]) -> tuple[int, int]:
        first, second = (sum(len(runs.results[entry].runs) for runs in of) for entry in (a, b))
        return first, second

    with np.errstate(all="ignore"):
        raw = zip(tasks, summaries(a, scored=False), summaries(b, scored=False), strict=True)
        each = tuple(_comparison(runs.task, "return", seeds([runs]), [x], [y], statistics.mean) for runs, x, y in raw)
        x, y = summaries(a, scored=True), summaries(b, scored=True)
        counted = seeds([runs for runs in tasks if runs.reference])
        overall = _comparison(None, "score", counted, x, y, statistics.iqm) if len(x) > 1 else None
    return GroupComparison(title, labels, each, overall)


def _comparison(
    task: str | None, unit: str, seeds: tuple[int, int], a: Sequence[Array], b: Sequence[Array], statistic: Statistic
) -> Comparison:
    """Compare runs, for each task ``[quantities, seeds]``, those that differ."""
    centre = statistics.pooled(a, statistic) - statistics.pooled(b, statistic)
    ends = bootstrap.difference_interval(a, b, statistic, np.random.default_rng(BOOTSTRAP_SEED))
    ours, theirs = [x[_OOD] for x in a], [y[_OOD] for y in b]
    chance = Value(
        statistics.probability_of_improvement(ours, theirs),
        bootstrap.improvement_interval(ours, theirs, np.random.default_rng(BOOTSTRAP_SEED)),
    )
    p_value = permutation.p_value(ours, theirs, statistic, np.random.default_rng(BOOTSTRAP_SEED), LEVEL)
    differences = {
        name: Value(float(centre[place]), (float(ends[0][place]), float(ends[1][place])) if ends else None)
        for place, name in enumerate(COMPARED)
    }
    return Comparison(
        task=task,
        tasks=len(a),
        unit=unit,
        seeds=seeds,
        differences=differences,
        improvement=chance,
        p_value=p_value,
        winner=None if p_value is None else "neither" if p_value >= LEVEL else "A" if centre[_OOD] > 0 else "B",
    )


def _printed(group: GroupComparison) -> Table:
    columns = ("Task", "Seeds", "ID", "OOD", "Worst split", "P(A > B)", "Winner")
    rows = [_row(one) for one in (*group.tasks, *([group.overall] if group.overall else []))]
    return table(columns, rows, numbers=columns[1:-1])


def _row(one: Comparison) -> tuple[str, ...]:
    places = decimals(value.value for value in one.differences.values())
    told = {None: "too few seeds", "neither": "neither"}
    chance = one.improvement
    return (
        clean(one.task, 80) if one.task else f"{one.tasks} tasks, normalised",
        f"{one.seeds[0]}, {one.seeds[1]}",
        *(_shown(one.differences[name], places) for name in COMPARED),
        _shown(chance, 2),
        told.get(one.winner) or str(one.winner),
    )


def _shown(value: Value, places: int) -> str:
    return f"{number(value.value, places)} {interval(value.interval, places)}".strip()


def _plain(group: GroupComparison) -> dict[str, Any]:
    """Return a comparison as JSON values; what is not a number is null."""

    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: finite(one) for name, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [finite(one) for one in value]
        return None if isinstance(value, float) and not np.isfinite(value) else value

    plain: dict[str, Any] = finite(asdict(group))
    return plain
