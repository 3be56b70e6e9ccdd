"""Tables as people see them: columns, cells and notes, ready for the templates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from robust_gym.leaderboard import text
from robust_gym.leaderboard.quantities import Value
from robust_gym.leaderboard.runs import Entry
from robust_gym.leaderboard.tables import Ranking, RankingRow, TaskRow, TaskTable
from robust_gym.leaderboard.text import CHANNELS, NONE, clean, number

Row = TypeVar("Row", RankingRow, TaskRow)

ABOUT = {
    "ood": "mean over all disruptions outside the ID split",
    "id": "the undisturbed task, on fresh episode seeds",
    "near": "severity levels 1 and 2",
    "far": "severity levels 3 to 5",
    "mixed": "several channels disturbed at once",
    "drift": "disruptions that grow within an episode",
    "semantic": "another world: a map, city, season or goal",
    "other": "splits of any other name",
    "worst": "a run's lowest out-of-distribution split; the one named is the lowest in most runs",
    "gap": "ID minus OOD: what is lost when the world changes",
    "cvar": "mean of the worst tenth of all episodes, over all disruptions",
    "score": "OOD return as a normalised score: random policy 0, reference method 1",
}
"""What every column of values means."""

_TITLES = {"ood": "OOD", "id": "ID", "cvar": "CVaR 10\N{NO-BREAK SPACE}%", "score": "OOD score", "worst": "Worst split"}
_AGGREGATES = {
    "iqm": "mean of the middle half of all scores",
    "mean": "mean of all scores",
    "median": "median of all scores",
    "optimality gap": "by how much scores are below 1 on average; those above it count as 1",
}
_FAMILIES = ("near", "far", "mixed", "drift", "semantic", "other")


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        title: Its title.
        about: What it means.
        numeric: Whether it holds numbers.
        channel: The channel it is about, where columns may be chosen by it.
        href: Where its title leads.
    """

    title: str
    about: str = ""
    numeric: bool = True
    channel: str = ""
    href: str = ""


_COSTS = {
    "ood": Column("OOD cost", "mean cost of an episode outside the ID split; a safe method keeps it below its limit"),
    "id": Column("ID cost", "mean cost of an episode of the undisturbed task"),
}


SELF_REPORTED = "self-reported"
_CHECKED = Column(
    "Checked", "whether somebody else has played the policies again, with robust-gym verify", numeric=False
)


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: What it says.
        small: What stands below it in small letters.
        key: What to sort by; ``None`` sorts last.
        best: Whether it is the best of its column.
        href: Where it leads.
    """

    text: str
    small: str = ""
    key: float | str | None = None
    best: bool = False
    href: str = ""

    @property
    def sort_key(self) -> str | None:
        """What to sort by, as short as it may be."""
        return f"{self.key:.6g}" if isinstance(self.key, float) else None if self.key is None else str(self.key)


@dataclass(frozen=True)
class Table:
    """A table; the first column that is not numeric names the row.

    Attributes:
        caption: What it shows.
        columns: Its columns.
        rows: Its cells.
        privileges: Those of each row's method, where rows may be chosen by them.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    privileges: tuple[tuple[str, ...], ...] = ()

    @property
    def heading_column(self) -> int:
        """Place of the column that names the row."""
        return next((place for place, column in enumerate(self.columns) if not column.numeric), 0)


Links = Mapping[Entry, str]
"""Where the page of each entry is."""

_NOWHERE: Links = MappingProxyType({})


def ranking_table(ranking: Ranking, links: Links = _NOWHERE) -> Table:
    """Lay out a ranking: normalised scores, or without references the ranks on each task."""
    return _scored_table(ranking, links) if ranking.scored else _tally_table(ranking, links)


def task_table(table: TaskTable, links: Links = _NOWHERE) -> Table:
    """Lay out one task: raw returns, and the normalised score where references are known."""
    rows = table.rows
    columns = [_place_column(rows), _name_column(rows, links)]
    columns += _value_columns(rows, [row.values for row in rows], worst_name=lambda row: row.worst_split)
    if table.runs.reference:
        scores = [row.score or Value(math.nan) for row in rows]
        columns.insert(4, (_column("score"), _cells(scores, True)))
    columns += _cost_columns(rows)
    columns += [
        (Column("Seeds", "training seeds with complete results"), [_seeds_cell(row) for row in rows]),
        (
            Column("Training", "mean wall time of training, and environment steps used for each seed"),
            [
                Cell(text.duration(row.train_seconds), f"{text.span(row.steps_used)} steps", row.train_seconds)
                for row in rows
            ],
        ),
        _privileges_column(rows),
    ]
    if any(row.checked != SELF_REPORTED for row in rows):
        columns.append((_CHECKED, [Cell(row.checked, key=row.checked) for row in rows]))
    return _table(f"{table.runs.task}: true return, mean over training seeds", columns, rows)


def entry_table(done: Sequence[tuple[TaskTable, TaskRow]], links: Mapping[str, str]) -> Table:
    """Lay out what one entry did on several tasks.

    Args:
        done: Each task, and the entry's row there.
        links: Where the page of each task is.
    """
    rows = [row for _, row in done]
    names = [
        Cell(clean(table.runs.task, 80), key=clean(table.runs.task, 80), href=links[table.runs.task])
        for table, _ in done
    ]
    places = [Cell(f"{row.rank}/{len(table.rows)}" if row.rank else NONE, key=row.rank) for table, row in done]
    columns = [
        (Column("Task", numeric=False), names),
        (Column("Rank", "by OOD return, of the algorithms there"), places),
    ]
    for name in ("score", "ood", "id", "worst", "gap", "cvar"):
        values = [(row.score or Value(math.nan)) if name == "score" else row.values[name] for row in rows]
        cells = [cell for value in values for cell in _cells([value], name in ("score", "ood", "id"), mark=False)]
        columns.append((_column(name), cells))
    columns.append((Column("Seeds", "training seeds with complete results"), [_seeds_cell(row) for row in rows]))
    return _table("Results by task: true return, mean over training seeds", columns)


def channel_table(ranking: Ranking, links: Links = _NOWHERE) -> Table | None:
    """Lay out the OOD score under the disruptions of each channel, or ``None`` where there are no such scores."""
    rows = ranking.rows
    shown = [name for name in CHANNELS if any(math.isfinite(_of(row, name).value) for row in rows)]
    if not shown:
        return None
    eligible = [row.rank is not None for row in rows]
    columns = [_place_column(rows), _name_column(rows, links)]
    for name in shown:
        column = Column(name.capitalize(), f"OOD score under disruptions of {name} alone", channel=name)
        columns.append((column, _cells([_of(row, name) for row in rows], True, eligible)))
    columns.append(_coverage_column(ranking))
    return _table(f"{_tasks(ranking)}: OOD score by disturbed channel, IQM over task and seed", columns, rows)


def _of(row: RankingRow, name: str) -> Value:
    return row.values.get(name, Value(math.nan))


def improvement_table(ranking: Ranking) -> Table | None:
    """Lay out who beats whom, or ``None`` where there are fewer than two entries."""
    rows = ranking.rows[: len(ranking.improvement)]
    if len(rows) < 2:
        return None
    columns = [_name_column(rows)]
    for place, row in enumerate(rows):
        chances = [float(chance) for chance in ranking.improvement[:, place]]
        cells = [Cell(number(chance, 2), key=_key(chance)) for chance in chances]
        columns.append((Column(clean(row.label, 60)), cells))
    return _table(
        f"{_tasks(ranking)}: probability that a run of the row's entry beats one of the column's, by OOD return",
        columns,
    )


def aggregates_table(ranking: Ranking) -> Table | None:
    """Lay out other aggregates than the interquartile mean, or ``None`` where there are no scores."""
    if not ranking.scored:
        return None
    rows = ranking.rows
    eligible = [row.rank is not None for row in rows]
    columns = [_place_column(rows), _name_column(rows)]
    for name, about in _AGGREGATES.items():
        cells = _cells([row.aggregates[name] for row in rows], True, eligible, mark=name != "optimality gap")
        columns.append((Column(name.upper() if name == "iqm" else name.capitalize(), about), cells))
    columns.append(_coverage_column(ranking))
    return _table(f"{_tasks(ranking)}: aggregates of the OOD score over task and seed", columns)


def _scored_table(ranking: Ranking, links: Links) -> Table:
    rows = ranking.rows
    # An entry that did only some tasks may have done the easy ones: it is never marked as the best.
    columns = [_ranges_column(rows), _name_column(rows, links)]
    columns += _value_columns(rows, [row.values for row in rows], eligible=[row.rank is not None for row in rows])
    columns += [_coverage_column(ranking), _seed_range_column(rows), _privileges_column(rows)]
    return _table(f"{_tasks(ranking)}: normalised score, IQM over task and seed", columns, rows)


def _tally_table(ranking: Ranking, links: Links) -> Table:
    rows = ranking.rows
    best = max((row.tasks_won for row in rows), default=0)
    won = [Cell(str(row.tasks_won), key=row.tasks_won, best=row.tasks_won == best > 0) for row in rows]
    columns = [_name_column(rows, links), (Column("Best on", "tasks on which no entry has a higher OOD return"), won)]
    for place, task in enumerate(ranking.tasks[:8]):
        ranks = [row.task_ranks[place] for row in rows]
        cells = [Cell(str(rank) if rank else NONE, key=rank, best=rank == 1) for rank in ranks]
        columns.append((Column(task, f"rank by OOD return on {task}"), cells))
    columns += [_coverage_column(ranking), _seed_range_column(rows), _privileges_column(rows)]
    return _table(f"{_tasks(ranking)}: rank by OOD return on each task", columns, rows)


def _tasks(ranking: Ranking) -> str:
    many = f"{len(ranking.tasks)} task{'s' if len(ranking.tasks) != 1 else ''}"
    return f"{ranking.family} ({many})" if ranking.family else f"All tasks ({many})"


def _table(
    caption: str, columns: Sequence[tuple[Column, Sequence[Cell]]], chosen_from: Sequence[TaskRow | RankingRow] = ()
) -> Table:
    cells = tuple(zip(*(cells for _, cells in columns), strict=True))
    privileges = tuple(row.privileges for row in chosen_from)
    return Table(caption, tuple(column for column, _ in columns), cells, privileges)


def _column(name: str) -> Column:
    return Column(_TITLES.get(name, name.capitalize()), ABOUT[name])


def _place_column(rows: Sequence[Row]) -> tuple[Column, list[Cell]]:
    return Column("Rank"), [Cell(str(row.rank) if row.rank else NONE, key=row.rank) for row in rows]


def _ranges_column(rows: Sequence[RankingRow]) -> tuple[Column, list[Cell]]:
    """Return ranks with the range of each below it, where there is one."""
    column, cells = _place_column(rows)
    ranges = [text.span(row.rank_range) if row.rank_range else "" for row in rows]
    about = "by OOD score; below it the ranks in 95 % of the bootstrap's rankings"
    return replace(column, about=about), [replace(cell, small=small) for cell, small in zip(cells, ranges, strict=True)]


def _name_column(rows: Sequence[Row], links: Links = _NOWHERE) -> tuple[Column, list[Cell]]:
    names = [clean(row.label, 80) for row in rows]
    cells = [Cell(name, key=name, href=links.get(row.entry, "")) for name, row in zip(names, rows, strict=True)]
    return Column("Algorithm", numeric=False), cells


def _privileges_column(rows: Sequence[Row]) -> tuple[Column, list[Cell]]:
    told = [", ".join(row.privileges[:6]) or "none" for row in rows]
    return (
        Column("Privileges", "what the method may know beyond the observations", numeric=False),
        [Cell(clean(names), key=clean(names)) for names in told],
    )


def _coverage_column(ranking: Ranking) -> tuple[Column, list[Cell]]:
    done = [(row.tasks_done, len(ranking.tasks)) for row in ranking.rows]
    return Column("Tasks", "tasks done, of those ranked here"), [Cell(f"{n}/{all}", key=n) for n, all in done]


def _seed_range_column(rows: Sequence[RankingRow]) -> tuple[Column, list[Cell]]:
    return (
        Column("Seeds", "training seeds for each task"),
        [Cell(text.span(row.seeds), key=min(row.seeds, default=0)) for row in rows],
    )


def _seeds_cell(row: TaskRow) -> Cell:
    return Cell(str(len(row.seeds)), f"{row.left_out} left out" if row.left_out else "", key=len(row.seeds))


def _value_columns(
    rows: Sequence[Row],
    values: Sequence[Mapping[str, Value]],
    worst_name: Callable[[Row], str] | None = None,
    eligible: Sequence[bool] | None = None,
) -> list[tuple[Column, list[Cell]]]:
    families: list[str] = [name for name in _FAMILIES if any(math.isfinite(of_row[name].value) for of_row in values)]
    columns: list[tuple[Column, list[Cell]]] = []
    for name in ["ood", "id", "worst", "gap", *families, "cvar"]:
        interval = name in ("ood", "id")
        cells = _cells([of_row[name] for of_row in values], interval, eligible, mark=name != "gap")
        if name == "worst" and worst_name:
            names = [worst_name(row).removeprefix("ood-") for row in rows]
            cells = [replace(cell, small=split) for cell, split in zip(cells, names, strict=True)]
        columns.append((_column(name), cells))
    return columns


def _cost_columns(rows: Sequence[TaskRow]) -> list[tuple[Column, list[Cell]]]:
    """Return what episodes cost, which should be low; nothing is marked, for a limit is no race."""
    if not any(row.costs for row in rows):
        return []
    found = [(_COSTS[name], [row.costs.get(name, Value(math.nan)) for row in rows]) for name in _COSTS]
    return [(column, _cells(values, interval=True, mark=False)) for column, values in found]


def _cells(
    values: Sequence[Value], interval: bool, eligible: Sequence[bool] | None = None, mark: bool = True
) -> list[Cell]:
    """Write values with the same decimals; the highest is marked where there is another to compare with."""
    places = text.decimals(value.value for value in values)
    compared = [value.value for place, value in enumerate(values) if eligible is None or eligible[place]]
    finite = [value for value in compared if math.isfinite(value)]
    best = max(finite) if mark and len(finite) > 1 else math.nan
    return [
        Cell(
            number(value.value, places),
            text.interval(value.interval, places) if interval else "",
            _key(value.value),
            value.value == best and (eligible is None or eligible[place]),
        )
        for place, value in enumerate(values)
    ]


def _key(value: float) -> float | None:
    return value if math.isfinite(value) else None
