"""Which results a plot is of: one group that may rank together, some of its tasks, and the rows that did them all."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from robust_gym.disruption import did_you_mean
from robust_gym.leaderboard import statistics
from robust_gym.leaderboard.naming import entries_named, group_words
from robust_gym.leaderboard.plots import Drawn
from robust_gym.leaderboard.quantities import QUANTITIES, estimate, measured, normalise
from robust_gym.leaderboard.runs import Entry, RunGroup, TaskRuns, collect, entry_of, labels
from robust_gym.leaderboard.statistics import Array, Statistic
from robust_gym.record import RunRecord


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for; what is empty or ``None`` leaves everything.

    Attributes:
        tasks: Ids, globs or families.
        algorithms: Algorithms or labels of rows.
        budget: Name of the budget.
        protocol: Version of the protocol.
        train: ``nominal`` or ``disrupted``.
    """

    tasks: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    budget: str | None = None
    protocol: str | None = None
    train: str | None = None


@dataclass(frozen=True)
class Selection:
    """What is drawn.

    Attributes:
        words: What the results have in common.
        tasks: The tasks.
        entries: The rows that did all of them, the best by OOD first.
        summaries: For each entry, for each task, every quantity of every run, ``[quantities, seeds]``; normalised where
            ``scored``.
        scored: Whether values are normalised scores, as they are for several tasks.
        notes: A line about everything that was left out.
    """

    words: str
    tasks: tuple[TaskRuns, ...]
    entries: tuple[Drawn, ...]
    summaries: Mapping[Entry, tuple[Array, ...]]
    scored: bool
    notes: tuple[str, ...]

    @property
    def unit(self) -> str:
        """What a value is called."""
        return "score" if self.scored else "return"

    def quantity(self, entry: Entry, name: str) -> list[Array]:
        """Return a quantity of every run of an entry, ``[seeds]`` for each task."""
        return [values[QUANTITIES.index(name)] for values in self.summaries[entry]]


def select(records: Sequence[RunRecord], wanted: Wanted) -> Selection:
    """Choose what to draw.

    Raises:
        ValueError: If nothing is left, or what is left cannot be drawn together; the message says why.
    """
    chosen = list(records)
    for name in ("budget", "protocol", "train"):
        chosen = _matching(chosen, name, getattr(wanted, name))
    chosen = _of_tasks(chosen, wanted.tasks)
    named = labels(map(entry_of, chosen))
    asked = {entry for name in wanted.algorithms for entry in entries_named(name, named)}
    if asked:
        chosen = [record for record in chosen if entry_of(record) in asked]
    groups = collect(chosen).groups
    first = next((one for one in groups if any(all(_did(runs, e) for e in asked) for runs in one.tasks)), groups[0])
    notes = [f"left out: {group_words(group)}" for group in groups if group is not first]
    tasks, about = _tasks(first, asked)
    entries = [e for e in {e: None for runs in tasks for e in runs.results} if all(_did(runs, e) for runs in tasks)]
    if not entries:
        raise ValueError(
            f"no row has complete runs of all {len(tasks)} tasks; choose tasks with --task, or rows with --algo"
        )
    partial = {e for runs in tasks for e in runs.results if _did(runs, e)} - set(entries)
    if partial:
        notes.append(f"left out, for they did not do every task: {', '.join(sorted(named[e] for e in partial))}")
    scored = len(tasks) > 1
    with np.errstate(all="ignore"):
        summaries = {entry: tuple(_summary(runs, entry, scored) for runs in tasks) for entry in entries}
        drawn = _drawn(summaries, labels(entries), statistics.iqm if scored else statistics.mean)
    return Selection(group_words(first), tuple(tasks), tuple(drawn), summaries, scored, (*notes, *about))


def _matching(records: list[RunRecord], name: str, value: str | None) -> list[RunRecord]:
    if value is None:
        return records
    there = sorted({str(getattr(record, name)) for record in records})
    if value not in there:
        raise ValueError(
            f"no record has the {name} {value!r}; there are {', '.join(there)}.{did_you_mean(value, there)}"
        )
    return [record for record in records if getattr(record, name) == value]


def _of_tasks(records: list[RunRecord], patterns: Sequence[str]) -> list[RunRecord]:
    there = {record.task: record.family for record in records}
    chosen: set[str] = set()
    for pattern in patterns:
        found = {
            task
            for task, family in there.items()
            if fnmatch.fnmatchcase(task, pattern) or fnmatch.fnmatchcase(family, pattern)
        }
        if not found:
            known = ", ".join(sorted(there))
            raise ValueError(f"no record is of a task {pattern!r}; there are {known}.{did_you_mean(pattern, there)}")
        chosen |= found
    return [record for record in records if record.task in chosen] if patterns else records


def _tasks(group: RunGroup, asked: set[Entry]) -> tuple[list[TaskRuns], list[str]]:
    """Return the tasks that can be drawn together, and what was left out."""
    done = [runs for runs in group.tasks if all(_did(runs, entry) for entry in asked) and any(runs.results.values())]
    if not done:
        raise ValueError("no task has complete runs of every row that --algo names, trained alike")
    notes = []
    if len(done) < len(group.tasks):
        rest = sorted({runs.task for runs in group.tasks} - {runs.task for runs in done})
        notes.append(f"left out, for not every row did them: {', '.join(rest)}")
    with_references = [runs for runs in done if runs.reference]
    if len(done) > 1 and len(with_references) < len(done):
        rest = sorted({runs.task for runs in done} - {runs.task for runs in with_references})
        if not with_references:
            raise ValueError(
                f"the scores of {', '.join(rest)} cannot be normalised, for their references are unknown: "
                "choose one task"
            )
        notes.append(f"left out, for their references are unknown: {', '.join(rest)}")
        done = with_references
    return done, notes


def _did(runs: TaskRuns, entry: Entry) -> bool:
    return entry in runs.results and bool(runs.results[entry].runs)


def _summary(runs: TaskRuns, entry: Entry, scored: bool) -> Array:
    values = measured(runs, runs.results[entry])
    return normalise(runs, values) if scored else values


def _drawn(summaries: Mapping[Entry, Sequence[Array]], named: Mapping[Entry, str], statistic: Statistic) -> list[Drawn]:
    values = {entry: estimate(tasks, statistic) for entry, tasks in summaries.items()}
    best = sorted(values, key=lambda entry: (-np.nan_to_num(values[entry]["ood"].value, nan=-np.inf), named[entry]))
    return [
        Drawn(entry, named[entry], style, values[entry]["id"], values[entry]["ood"]) for style, entry in enumerate(best)
    ]
