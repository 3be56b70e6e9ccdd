"""Where the records of a page come from, counted and put into words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from robust_gym.leaderboard.agreed import age_key
from robust_gym.leaderboard.runs import TaskRuns
from robust_gym.leaderboard.text import clean, count, number
from robust_gym.record import Machine, RunRecord

Thing = TypeVar("Thing", bound=Hashable)

MOST_LINES = 40
"""Distinct versions, machines and the like that a page lists."""


@dataclass(frozen=True)
class Sources:
    """What produced the records; every list is of (what, number of records), the most frequent first.

    Attributes:
        first: Date of the oldest record.
        last: Date of the newest.
        versions: Versions of robust-gym with their git commits.
        libraries: Library versions.
        machines: Machines.
    """

    first: str
    last: str
    versions: tuple[tuple[str, int], ...]
    libraries: tuple[tuple[str, int], ...]
    machines: tuple[tuple[str, int], ...]


def sources(records: Sequence[RunRecord]) -> Sources:
    """Describe what produced some records, at least one.

    Raises:
        ValueError: If there are no records.
    """
    if not records:
        raise ValueError("there are no records to describe")
    ordered = sorted(records, key=age_key)
    return Sources(
        first=ordered[0].provenance.created.date().isoformat(),
        last=ordered[-1].provenance.created.date().isoformat(),
        versions=_counted(Counter(map(_made, records)), _version),
        libraries=_counted(
            Counter(used for record in records for used in record.provenance.libraries.items()),
            lambda used: f"{used[0]} {clean(used[1], 40)}",
        ),
        machines=_counted(Counter(record.provenance.machine for record in records), _machine),
    )


def newest_version(records: Sequence[RunRecord]) -> str:
    """Return the robust-gym version of the newest record."""
    return clean(max(records, key=age_key).provenance.robust_gym, 40)


def task_notes(runs: TaskRuns) -> list[str]:
    """Say what a reader should know about how one task was measured."""
    notes = [
        f"{len(runs.cells)} disruptions, {count(runs.budget_steps)} training steps granted, "
        f"task version {count(runs.version)}.",
        f"Protocol hash {runs.sha256}: "
        + ("the one that robust-gym comes with; " if runs.committed else "not one that robust-gym comes with; ")
        + ("the cells were checked against it." if runs.checked else "the cells could not be checked against it."),
    ]
    if runs.reference:
        random, reference = runs.reference
        notes.append(f"Normalised by random return {number(random, 2)} and reference return {number(reference, 2)}.")
    if runs.other_references:
        notes.append(
            f"{runs.other_references} runs name another random or reference return; the most frequent pair is used."
        )
    if runs.outside:
        notes.append(f"{runs.outside} records of disruptions outside the protocol were left out.")
    left_out = sum(results.left_out for results in runs.results.values())
    if left_out:
        notes.append(f"{left_out} runs were left out: they lack disruptions, or hold returns beyond all bounds.")
    return notes


def _made(record: RunRecord) -> tuple[str, str | None, bool | None]:
    made = record.provenance
    return made.robust_gym, made.git_commit, made.git_dirty


def _version(made: tuple[str, str | None, bool | None]) -> str:
    version, git_commit, dirty = made
    commit = f", commit {clean(git_commit, 12)}" if git_commit else ", no git checkout"
    return f"robust-gym {clean(version, 40)}{commit}{' with local changes' if dirty else ''}"


def _machine(machine: Machine) -> str:
    return clean(
        f"{clean(machine.processor, 80)}, {count(machine.cores)} cores, {clean(machine.platform, 80)}, "
        f"Python {clean(machine.python, 20)}"
    )


def _counted(found: Counter[Thing], words: Callable[[Thing], str]) -> tuple[tuple[str, int], ...]:
    """Put what was counted into words; what has the same words is counted together."""
    lines: Counter[str] = Counter()
    for thing, times in found.items():
        lines[words(thing)] += times
    ordered = sorted(lines.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(times for _, times in ordered[MOST_LINES:])
    return (*ordered[:MOST_LINES], *([(f"{len(ordered) - MOST_LINES} others", rest)] if rest else []))
