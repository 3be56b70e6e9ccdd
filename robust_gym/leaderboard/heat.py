"""Heat maps as tables: a number in every cell, and its colour from one of ten shades."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robust_gym.leaderboard.addresses import Addresses
from robust_gym.leaderboard.quantities import split_scores
from robust_gym.leaderboard.runs import Entry
from robust_gym.leaderboard.tables import Group, TaskTable
from robust_gym.leaderboard.text import NONE, clean, decimals, number

SHADES = 10

MOST_ROWS = 60
"""Rows of a heat map, the best ones."""


@dataclass(frozen=True)
class Shaded:
    """A cell: its text and its shade, 0 to ``SHADES - 1``, or ``None`` without a value."""

    text: str
    shade: int | None


@dataclass(frozen=True)
class Heat:
    """A heat map.

    Attributes:
        caption: What it shows.
        columns: Title of each column, and where it leads.
        rows: Name of each row, where it leads, and its cells.
        privileges: Those of each row's method.
    """

    caption: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str, tuple[Shaded, ...]], ...]
    privileges: tuple[tuple[str, ...], ...]


def task_heat(group: Group, addresses: Addresses) -> Heat | None:
    """Lay out the OOD score of every entry of a group on every task, or ``None`` for fewer than two tasks.

    The entries with most tasks come first, and of those with as many the better ones.
    """
    mine = [table for table in group.tables if table.runs.reference]
    if len(mine) < 2:
        return None
    found = [{row.entry: row.score.value for row in table.rows if row.score and row.rank} for table in mine]
    labels = {row.entry: row.label for table in mine for row in table.rows}
    privileges: dict[Entry, set[str]] = {entry: set() for entry in labels}
    for table in mine:
        for row in table.rows:
            privileges[row.entry].update(row.privileges)
    done = {entry: [scores[entry] for scores in found if entry in scores] for entry in labels}
    order = sorted(done, key=lambda entry: (-len(done[entry]), -sum(done[entry]), labels[entry]))
    rows = []
    for entry in order[:MOST_ROWS]:
        values = [scores.get(entry, math.nan) for scores in found]
        cells = tuple(Shaded(number(value, 2), _shade(value, 0.0, 1.0)) for value in values)
        rows.append((clean(labels[entry], 60), addresses.entries.get(entry, ""), cells))
    columns = tuple((short(table.runs.task), addresses.tasks.get(table.runs.task, "")) for table in mine)
    return Heat(
        "OOD score by algorithm and task; the stronger the colour the better, from 0 or less to 1 or more",
        columns,
        tuple(rows),
        tuple(tuple(sorted(privileges[entry])) for entry in order[:MOST_ROWS]),
    )


def split_heat(table: TaskTable, addresses: Addresses) -> Heat | None:
    """Lay out the mean return of every entry in every split of a task, or ``None`` where nobody has results."""
    runs = table.runs
    names = list(dict.fromkeys(split for split, _ in runs.cells))
    rows = [row for row in table.rows if runs.results[row.entry].runs][:MOST_ROWS]
    if not rows or len(names) < 2:
        return None
    found = []
    for row in rows:
        of_split = split_scores(runs.cells, runs.results[row.entry].returns.mean(axis=-1))
        found.append([float(of_split[name].mean()) for name in names])
    finite = np.array(found)[np.isfinite(found)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    places = min(2, decimals(finite.tolist()))
    shaded = tuple(
        (
            clean(row.label, 60),
            addresses.entries.get(row.entry, ""),
            tuple(Shaded(number(value, places), _shade(value, low, high)) for value in values),
        )
        for row, values in zip(rows, found, strict=True)
    )
    columns = tuple((clean(name.removeprefix("ood-"), 40), "") for name in names)
    return Heat(
        "Mean return by algorithm and split; the stronger the colour the better",
        columns,
        shaded,
        tuple(row.privileges for row in rows),
    )


def short(task: str) -> str:
    """Return a task's id without what all ids of ours share."""
    return clean(task, 60).removeprefix("Robust-").removesuffix("-v0") or NONE


def _shade(value: float, low: float, high: float) -> int | None:
    if not math.isfinite(value):
        return None
    part = (value - low) / (high - low) if high > low else 0.5
    return min(SHADES - 1, max(0, math.floor(part * SHADES)))
