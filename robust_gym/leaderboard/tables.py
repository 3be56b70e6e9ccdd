"""From comparable runs to rows: what each entry did on each task, and who ranks where."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from robust_gym.leaderboard import bootstrap, statistics
from robust_gym.leaderboard.quantities import (
    BOOTSTRAP_SEED,
    QUANTITIES,
    Value,
    aggregate,
    estimate,
    estimate_all,
    measured,
    normalise,
    scored,
    split_scores,
    summarise,
)
from robust_gym.leaderboard.runs import Entry, Results, RunGroup, TaskRuns
from robust_gym.leaderboard.statistics import Array
from robust_gym.leaderboard.text import repeat_command

MOST_COMPARED = 12
"""Entries compared pair by pair; more would not fit a page."""

_OOD = QUANTITIES.index("ood")


@dataclass(frozen=True)
class TaskRow:
    """One entry on one task; the values are raw returns, averaged over the training seeds.

    Attributes:
        label: The entry's name.
        entry: The entry.
        rank: Its rank by ``values["ood"]``, or ``None`` if it has none.
        values: By the names in ``QUANTITIES``.
        score: Normalised ``ood``, where the task's references are known.
        costs: Mean cost of an episode, by the same names; empty where the task has none.
        worst_split: The split that is the lowest in most runs; ``values["worst"]`` is the mean over the runs of
            each one's own lowest split, as ``robust-gym bench`` prints it.
        seeds: Training seeds of the complete runs.
        left_out: Number of incomplete or unusable runs.
        steps_used: Environment steps used, for each seed.
        train_seconds: Mean wall time of training.
        privileges: What the method may know beyond the observations.
        checked: ``verified`` where all runs were played again and agreed, ``not verified`` where one did not agree,
            else ``self-reported``.
        replayed: Disruptions under which each run was played again, at least, where it is ``verified``.
        command: What repeats the runs.
    """

    label: str
    entry: Entry
    rank: int | None
    values: Mapping[str, Value]
    score: Value | None
    costs: Mapping[str, Value]
    worst_split: str
    seeds: tuple[int, ...]
    left_out: int
    steps_used: tuple[int, ...]
    train_seconds: float
    privileges: tuple[str, ...]
    checked: str
    replayed: int
    command: str


@dataclass(frozen=True)
class TaskTable:
    """All entries on one task, the best by OOD return first."""

    runs: TaskRuns
    rows: tuple[TaskRow, ...]


@dataclass(frozen=True)
class RankingRow:
    """One entry over several tasks.

    Attributes:
        label: The entry's name.
        entry: The entry.
        rank: Rank by ``values["ood"]`` among the entries that did every task; ``None`` for the others.
        rank_range: The ranks it may well have, in 95 % of the bootstrap's rankings; ``None`` with too few seeds.
        values: By the names in ``QUANTITIES``; empty in a ranking without references.
        aggregates: Of the normalised OOD score, by the names in ``AGGREGATES``; empty likewise.
        task_ranks: Its rank on each task, ``None`` where it has no result.
        tasks_done: Number of tasks with a result.
        seeds: Number of seeds on each task done.
        privileges: What the method may know beyond the observations.
    """

    label: str
    entry: Entry
    rank: int | None
    rank_range: tuple[int, int] | None
    values: Mapping[str, Value]
    aggregates: Mapping[str, Value]
    task_ranks: tuple[int | None, ...]
    tasks_done: int
    seeds: tuple[int, ...]
    privileges: tuple[str, ...]

    @property
    def tasks_won(self) -> int:
        """Number of tasks on which nobody is better."""
        return self.task_ranks.count(1)


@dataclass(frozen=True)
class Ranking:
    """Entries over some tasks.

    Attributes:
        family: Family of the tasks, or ``None`` for all tasks of the group.
        tasks: Their ids.
        thin: Ids of the other tasks, which fewer than half as many entries have done as the one that most have: one run
            on a new task takes nobody's rank.
        scored: Whether the rows hold normalised scores (IQM over task and seed) and a rank; without
            references they hold the ranks on each task only.
        measured: Number of tasks that have each quantity, by the names in ``QUANTITIES``: not every task has each
            family of splits.
        rows: Entries, the best first.
        improvement: ``[n, n]`` for the first rows, ``MOST_COMPARED`` of them at most, and with scores only those with a
            rank: the chance that the row's entry beats the column's by OOD return on a task that both did; NaN where
            there is none.
    """

    family: str | None
    tasks: tuple[str, ...]
    thin: tuple[str, ...]
    scored: bool
    measured: Mapping[str, int]
    rows: tuple[RankingRow, ...]
    improvement: Array


@dataclass(frozen=True)
class Group:
    """Everything that may be ranked together; see [RunGroup][robust_gym.leaderboard.runs.RunGroup].

    Attributes:
        key: The runs.
        tables: A table for each task.
        rankings: Across all tasks (unless scores are known and fewer than two entries did every task), and where
            scores are known across the tasks of each family, those with most runs first.
    """

    key: RunGroup
    tables: tuple[TaskTable, ...]
    rankings: tuple[Ranking, ...]


def group_tables(group: RunGroup, labels: Mapping[Entry, str]) -> Group:
    """Compute all rows of a group.

    Args:
        group: The runs.
        labels: Names of its entries.
    """
    summaries = {
        runs.task: {entry: measured(runs, results) for entry, results in runs.results.items()} for runs in group.tasks
    }
    tables = tuple(_task_table(group, runs, summaries[runs.task], labels) for runs in group.tasks)
    ranking = functools.partial(_ranking, tables, summaries)
    rankings = [ranking(None)]
    # Those first of which most is known.
    known = Counter({runs.family: 0 for runs in group.tasks})
    for runs in group.tasks:
        known[runs.family] += sum(len(results.runs) for results in runs.results.values())
    families = sorted(known, key=lambda family: (-known[family], family))
    if rankings[0].scored and len(families) > 1:
        # One alone is no ranking, and that of one family has its place below.
        among = {table.runs.family for table in tables if table.runs.task in rankings[0].tasks}
        compared = sum(row.rank is not None for row in rankings[0].rows) > 1 and len(among) > 1
        rankings = [*(rankings if compared else ()), *(ranking(family) for family in families)]
    return Group(group, tables, tuple(rankings))


def _task_table(
    group: RunGroup, runs: TaskRuns, summaries: Mapping[Entry, Array], labels: Mapping[Entry, str]
) -> TaskTable:
    rows = []
    estimates = estimate_all([summaries[entry] for entry in runs.results], statistics.mean)
    for (entry, results), values in zip(runs.results.items(), estimates, strict=True):
        score = scored(values["ood"], runs) if runs.reference else None
        seeds = results.seeds or tuple(run.seed for run in results.seen)
        rows.append(
            TaskRow(
                label=labels[entry],
                entry=entry,
                rank=None,
                values=values,
                score=score,
                costs={}
                if results.costs is None
                else estimate([summarise(runs.cells, results.costs)], statistics.mean),
                worst_split=_worst_split(runs, results),
                seeds=results.seeds,
                left_out=results.left_out,
                steps_used=tuple(run.steps_used for run in results.seen),
                train_seconds=float(np.mean([min(run.train_seconds, 1e12) for run in results.seen])),
                privileges=_privileges(results),
                checked=_checked(results),
                replayed=results.verification.cells if _checked(results) == "verified" and results.verification else 0,
                command=repeat_command(
                    entry.algorithm, entry.arguments, runs.task, group.protocol, group.budget, group.episodes, seeds
                ),
            )
        )
    places = statistics.ranks([row.values["ood"].value for row in rows])
    ranked = [replace(row, rank=place) for row, place in zip(rows, places, strict=True)]
    return TaskTable(runs, tuple(sorted(ranked, key=lambda row: (row.rank or len(rows) + 1, row.label))))


def _worst_split(runs: TaskRuns, results: Results) -> str:
    """Return the split that is the lowest in most runs; of several, the one with the lowest mean."""
    scores = split_scores(runs.cells, results.returns.mean(axis=-1)) if results.runs else {}
    outside = {name: values for name, values in scores.items() if name != "id"}
    if not outside:
        return ""
    seeds = range(len(results.runs))
    lowest = Counter(statistics.worst({name: float(v[seed]) for name, v in outside.items()})[0] for seed in seeds)
    return min(lowest, key=lambda name: (-lowest[name], float(outside[name].mean()), name))


def _checked(results: Results) -> str:
    found = results.verification
    return found.verdict if found and found.verdict != "could not be verified" else "self-reported"


def _privileges(*results: Results) -> tuple[str, ...]:
    return tuple(sorted({name for result in results for name in result.privileges}))


def _ranking(
    tables: Sequence[TaskTable], summaries: Mapping[str, Mapping[Entry, Array]], family: str | None
) -> Ranking:
    mine = [table for table in tables if family in (None, table.runs.family)]
    scored = [table for table in mine if table.runs.reference]
    mine = scored or mine
    thin = _thin(scored)
    mine = [table for table in mine if table not in thin]
    rows = []
    for entry, label in sorted({row.entry: row.label for table in mine for row in table.rows}.items()):
        found = [next((row for row in table.rows if row.entry == entry), None) for table in mine]
        done = [table for table, row in zip(mine, found, strict=True) if row and row.rank]
        quantities = [normalise(table.runs, summaries[table.runs.task][entry]) for table in done if scored]
        rows.append(
            RankingRow(
                label=label,
                entry=entry,
                rank=None,
                rank_range=None,
                values=estimate(quantities, statistics.iqm) if scored else {},
                aggregates=aggregate([values[_OOD] for values in quantities]) if scored else {},
                task_ranks=tuple(row.rank if row else None for row in found),
                tasks_done=len(done),
                seeds=tuple(len(row.seeds) for row in found if row and row.rank),
                privileges=_privileges(*(t.runs.results[entry] for t in mine if entry in t.runs.results)),
            )
        )
    if scored:
        rows = _with_ranges(rows, mine, summaries)
    ordered = _ranked(rows, len(mine)) if scored else sorted(rows, key=lambda row: (-row.tasks_won, row.label))
    compared = [row.entry for row in ordered[:MOST_COMPARED] if row.rank or not scored]
    improvement = _improvement(compared, mine, summaries)
    return Ranking(
        family=family,
        tasks=tuple(table.runs.task for table in mine),
        thin=tuple(table.runs.task for table in thin),
        scored=bool(scored),
        measured={name: sum(_has(table, name) for table in mine) for name in QUANTITIES},
        rows=tuple(ordered),
        improvement=improvement,
    )


def _thin(tables: Sequence[TaskTable]) -> list[TaskTable]:
    """Return the tasks that fewer than half as many entries have done as the one that most have."""
    done = [sum(row.rank is not None for row in table.rows) for table in tables]
    return [table for table, count in zip(tables, done, strict=True) if 2 * count < max(done)]


def _has(table: TaskTable, name: str) -> bool:
    return any(math.isfinite(row.values[name].value) for row in table.rows)


def _with_ranges(
    rows: Sequence[RankingRow], tables: Sequence[TaskTable], summaries: Mapping[str, Mapping[Entry, Array]]
) -> list[RankingRow]:
    """Add the range of ranks of each entry that did every task."""
    done = [row for row in rows if row.tasks_done == len(tables)]
    scores = [[normalise(table.runs, summaries[table.runs.task][row.entry])[_OOD] for table in tables] for row in done]
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    ranges = dict(zip((row.entry for row in done), bootstrap.rank_ranges(scores, statistics.iqm, rng), strict=True))
    return [replace(row, rank_range=ranges.get(row.entry)) for row in rows]


def _ranked(rows: Sequence[RankingRow], tasks: int) -> list[RankingRow]:
    """Rank the entries that did every task; the others follow, those with more tasks first."""
    places = statistics.ranks([row.values["ood"].value if row.tasks_done == tasks else np.nan for row in rows])
    ranked = [replace(row, rank=place) for row, place in zip(rows, places, strict=True)]
    return sorted(ranked, key=lambda row: (row.rank or len(rows) + 1, -row.tasks_done, row.label))


def _improvement(
    entries: Sequence[Entry], tables: Sequence[TaskTable], summaries: Mapping[str, Mapping[Entry, Array]]
) -> Array:
    found = [
        {entry: values[_OOD] for entry, values in summaries[table.runs.task].items() if values.shape[1]}
        for table in tables
    ]
    chances = np.full((len(entries), len(entries)), np.nan)
    for i, x in enumerate(entries):
        for j, y in enumerate(entries[:i]):
            both = [task for task in found if x in task and y in task]
            if both:
                chance = statistics.probability_of_improvement([t[x] for t in both], [t[y] for t in both])
                chances[i, j], chances[j, i] = chance, 1 - chance
    return chances
