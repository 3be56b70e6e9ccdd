"""The page of one task, and the page of one entry."""

from __future__ import annotations

from dataclasses import dataclass

from robust_gym.leaderboard import heat, plots, provenance, view
from robust_gym.leaderboard.addresses import Addresses
from robust_gym.leaderboard.boards import Board, Boards
from robust_gym.leaderboard.columns import Table
from robust_gym.leaderboard.heat import Heat
from robust_gym.leaderboard.plots import Figure
from robust_gym.leaderboard.runs import Entry
from robust_gym.leaderboard.sections import drawn
from robust_gym.leaderboard.tables import TaskTable
from robust_gym.leaderboard.text import clean


@dataclass(frozen=True)
class TaskPart:
    """What one group has of a task.

    Attributes:
        id: Of the group.
        title: Of the group.
        about: What the group is.
        table: The entries on the task.
        figure: Their curves.
        heat: Their returns by split.
        notes: How it was measured.
        commands: What repeats each row: name, link and command.
    """

    id: str
    title: str
    about: str
    table: Table
    figure: Figure | None
    heat: Heat | None
    notes: tuple[str, ...]
    commands: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class EntryPart:
    """What one entry has done in a group.

    Attributes:
        id: Of the group.
        title: Of the group.
        about: What the group is.
        ranks: A line about its rank in each ranking.
        table: Its results by task.
        privileges: What the method may know.
        commands: What repeats its runs on each task.
    """

    id: str
    title: str
    about: str
    ranks: tuple[str, ...]
    table: Table
    privileges: str
    commands: tuple[tuple[str, str], ...]


def task_parts(task: str, found: Boards, links: Addresses) -> list[TaskPart]:
    """Lay out everything about a task.

    Args:
        task: Its id.
        found: All groups.
        links: Links from its page.
    """
    return [
        _task_part(board, table, found, links)
        for board in found.boards
        for table in board.group.tables
        if table.runs.task == task
    ]


def _task_part(board: Board, table: TaskTable, found: Boards, links: Addresses) -> TaskPart:
    return TaskPart(
        id=board.id,
        title=board.title,
        about=_about(board),
        table=view.task_table(table, links.entries),
        figure=plots.figure(f"{board.id}-plot", [table.runs], drawn(table.rows, found.styles), scored=False),
        heat=heat.split_heat(table, links),
        notes=tuple(provenance.task_notes(table.runs)),
        commands=tuple((clean(row.label, 80), links.entries[row.entry], row.command) for row in table.rows),
    )


def entry_parts(entry: Entry, found: Boards, links: Addresses) -> list[EntryPart]:
    """Lay out everything that an entry has done.

    Args:
        entry: The entry.
        found: All groups.
        links: Links from its page.
    """
    parts = []
    for board in found.boards:
        done = [(table, row) for table in board.group.tables for row in table.rows if row.entry == entry]
        if done:
            ranks = []
            for ranking in board.group.rankings:
                row = next((row for row in ranking.rows if row.entry == entry), None)
                if row and row.rank:
                    where = clean(ranking.family, 60) if ranking.family else "all tasks"
                    among = sum(other.rank is not None for other in ranking.rows)
                    ranks.append(f"Rank {row.rank} of {among} on {where} ({len(ranking.tasks)}).")
            told = sorted({name for _, row in done for name in row.privileges})
            parts.append(
                EntryPart(
                    id=board.id,
                    title=board.title,
                    about=_about(board),
                    ranks=tuple(ranks),
                    table=view.entry_table(done, links.tasks),
                    privileges=clean(", ".join(told[:6])) or "none",
                    commands=tuple((clean(table.runs.task, 80), row.command) for table, row in done),
                )
            )
    return parts


def _about(board: Board) -> str:
    key = board.group.key
    return f"Protocol {clean(key.protocol, 40)}, {key.episodes} episodes for every disruption and seed."
