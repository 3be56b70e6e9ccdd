"""What the pages show of each group, ready for the templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from robust_gym.leaderboard import heat, more_plots, plots, svg, view
from robust_gym.leaderboard.addresses import Addresses
from robust_gym.leaderboard.boards import Board, Boards
from robust_gym.leaderboard.columns import Table
from robust_gym.leaderboard.heat import Heat
from robust_gym.leaderboard.plots import Drawn, Figure
from robust_gym.leaderboard.quantities import measured, normalise
from robust_gym.leaderboard.runs import Entry
from robust_gym.leaderboard.selection import Selection
from robust_gym.leaderboard.tables import Ranking, RankingRow, TaskRow, TaskTable
from robust_gym.leaderboard.text import clean, number

MOST_DRAWN = 2
"""Rankings of a page that are shown with plots and further tables, beside the first of each group; more would make it
larger than 2 MB where there are 50 algorithms, 200 tasks and 20 families."""

MOST_CHANNELS = 10
"""Rankings of a group that are also shown by channel, for the same reason."""


@dataclass(frozen=True)
class RankingSection:
    """A ranking as the page shows it.

    Attributes:
        family: Of its tasks; empty for the tasks of several.
        table: The ranking.
        channels: The same under each channel's disruptions.
        figure: Its curves.
        profile: Its performance profiles.
        more: Other tables, each with its title.
    """

    family: str
    table: Table
    channels: Table | None
    figure: Figure | None
    profile: Figure | None
    more: tuple[tuple[str, Table], ...]


@dataclass(frozen=True)
class TaskLine:
    """A task in the list of a group: id, family, who is best there, and where its page is."""

    id: str
    family: str
    best: str
    href: str


@dataclass(frozen=True)
class GroupSection:
    """One group as the page shows it.

    Attributes:
        id: Its id.
        title: Its title.
        about: What it is.
        protocol: Version of its protocol.
        rankings: Across tasks.
        tables: Of single tasks, where there is no ranking across them.
        partial: Whether a ranking has entries that lack tasks.
        scored: Whether a ranking has scores.
        unscored: Tasks without references, which no ranking with scores has.
        heat: Its scores by task.
        tasks: Its tasks.
    """

    id: str
    title: str
    about: str
    protocol: str
    rankings: tuple[RankingSection, ...]
    tables: tuple[Table, ...]
    partial: bool
    scored: bool
    unscored: tuple[str, ...]
    heat: Heat | None
    tasks: tuple[TaskLine, ...]


def group_sections(found: Boards) -> list[GroupSection]:
    """Lay out every group."""
    left = MOST_DRAWN
    sections = []
    for board in found.boards:
        rankings = shown_rankings(board)
        sections.append(_group_section(board, found, rankings, 1 + left))
        left = max(0, left + 1 - len(rankings))
    return sections


def shown_rankings(board: Board) -> list[Ranking]:
    """Return the rankings to show; one task without references is ranked by its own table, and needs no second."""
    return [ranking for ranking in board.group.rankings if ranking.scored or len(ranking.tasks) > 1]


def _group_section(board: Board, found: Boards, rankings: Sequence[Ranking], drawn: int) -> GroupSection:
    links = found.addresses
    scored = any(ranking.scored for ranking in rankings)
    tables = () if rankings else tuple(view.task_table(table, links.entries) for table in board.group.tables)
    return GroupSection(
        id=board.id,
        title=board.title,
        about=board.about,
        protocol=clean(board.group.key.protocol, 40),
        rankings=tuple(
            _ranking_section(
                f"{board.id}-r{place}", board, ranking, found, whole=place < drawn, by_channel=place < MOST_CHANNELS
            )
            for place, ranking in enumerate(rankings)
        ),
        tables=tables,
        partial=any(row.rank is None for ranking in rankings if ranking.scored for row in ranking.rows),
        scored=scored,
        unscored=tuple(heat.short(one.runs.task) for one in board.group.tables if scored and not one.runs.reference),
        heat=heat.task_heat(board.group, links),
        tasks=tuple(_task_line(board, table, links) for table in board.group.tables),
    )


def _ranking_section(
    id: str, board: Board, ranking: Ranking, found: Boards, *, whole: bool, by_channel: bool
) -> RankingSection:
    links = found.addresses
    families = {table.runs.family for table in board.group.tables if table.runs.task in ranking.tasks}
    more = []
    if whole:
        more = [
            ("Other aggregates", view.aggregates_table(ranking)),
            ("Who beats whom", view.improvement_table(ranking)),
        ]
    drawn = ranking.scored and whole
    return RankingSection(
        family=clean(families.pop(), 60) if len(families) == 1 else "",
        table=view.ranking_table(ranking, links.entries),
        channels=view.channel_table(ranking, links.entries) if by_channel else None,
        figure=_ranking_figure(id, board, ranking, found.styles) if drawn else None,
        profile=_profile(f"{id}-profile", board, ranking, found.styles) if drawn else None,
        more=tuple((title, table) for title, table in more if table),
    )


def _task_line(board: Board, table: TaskTable, links: Addresses) -> TaskLine:
    first = [row for row in table.rows if row.rank == 1]
    others = f" and {len(first) - 1} other{'s' if len(first) > 2 else ''}" if len(first) > 1 else ""
    best = "no result"
    if first:
        best = f"best: {clean(first[0].label, 60)}{others}, OOD {number(first[0].values['ood'].value, 2)}"
    href = f"{links.tasks[table.runs.task]}#{board.id}"
    return TaskLine(clean(table.runs.task, 80), clean(table.runs.family, 60), best, href)


def drawn(rows: Sequence[RankingRow] | Sequence[TaskRow], styles: Mapping[Entry, int]) -> list[Drawn]:
    """Return what plots draw of some rows: each in its style, or where a better one has that colour, in the next."""
    found: list[Drawn] = []
    taken: set[int] = set()
    for row in rows:
        style = styles[row.entry]
        if len(taken) < svg.COLOURS:
            style = next(one for one in range(style, style + svg.COLOURS) if one % svg.COLOURS not in taken)
            taken.add(style % svg.COLOURS)
        found.append(Drawn(row.entry, row.label, style, row.values["id"], row.values["ood"]))
    return found


def _ranking_figure(name: str, board: Board, ranking: Ranking, styles: Mapping[Entry, int]) -> Figure | None:
    tasks = [task for task in board.group.key.tasks if task.task in ranking.tasks]
    return plots.figure(name, tasks, drawn([row for row in ranking.rows if row.rank], styles), scored=True)


def _profile(name: str, board: Board, ranking: Ranking, styles: Mapping[Entry, int]) -> Figure | None:
    tasks = tuple(task for task in board.group.key.tasks if task.task in ranking.tasks)
    ranked = [row for row in ranking.rows if row.rank]
    shown = drawn(ranked[: plots.MOST_LINES], styles)
    if not shown:
        return None
    summaries = {
        one.entry: tuple(normalise(task, measured(task, task.results[one.entry])) for task in tasks) for one in shown
    }
    chosen = Selection("", tasks, tuple(shown), summaries, scored=True, notes=())
    return Figure(
        "Performance profiles: the share of runs (task, seed) with an OOD score above the value below. A line that is "
        "above another everywhere belongs to the better method, whatever average one prefers. Scores beyond the axis "
        f"count, and are not drawn. {plots.bands_and(len(ranked))}",
        (more_plots.profile_drawing(name, chosen),),
        tuple((plots.swatch(one.style), one.label) for one in shown),
    )
