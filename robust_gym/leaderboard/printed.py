"""The leaderboard on a terminal: the rankings and tables of the page, with as many columns as fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from robust_gym.leaderboard import columns, view
from robust_gym.leaderboard.boards import boards
from robust_gym.leaderboard.runs import collect
from robust_gym.record import RunRecord
from robust_gym.terminal import console, table

if TYPE_CHECKING:
    from rich.table import Table

LEFT_OUT = (
    "Near",
    "Far",
    "Mixed",
    "Drift",
    "Semantic",
    "Other",
    "CVaR 10\N{NO-BREAK SPACE}%",
    "Curve area",
    "Training",
    "Privileges",
)
"""Columns of the page that a terminal has no room for."""


def print_leaderboard(records: Sequence[RunRecord]) -> None:
    """Print what the page of some records shows: the same rows, ranks and intervals, without plots."""
    out = console()
    for place, board in enumerate(boards(collect(records)).boards):
        if place:
            out.print()
        out.print(f"{board.title}. {board.about}")
        shown = [*map(view.ranking_table, board.group.rankings), *map(view.task_table, board.group.tables)]
        for one in shown:
            out.print()
            out.print(_printable(one))


def _printable(shown: columns.Table) -> Table:
    chosen = [place for place, column in enumerate(shown.columns) if column.title not in LEFT_OUT]
    titles = [shown.columns[place].title for place in chosen]
    rows = [[f"{row[place].text} {row[place].small}".strip() for place in chosen] for row in shown.rows]
    numbers = [shown.columns[place].title for place in chosen if shown.columns[place].numeric]
    return table(titles, rows, title=shown.caption, numbers=numbers)
