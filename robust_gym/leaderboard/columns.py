"""Columns and cells of the tables that people see."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from robust_gym.leaderboard import text
from robust_gym.leaderboard.quantities import FAMILIES, Value
from robust_gym.leaderboard.runs import Entry
from robust_gym.leaderboard.statistics import rounded
from robust_gym.leaderboard.tables import Ranking, RankingRow, TaskRow
from robust_gym.leaderboard.text import NONE, clean, number

Row = TypeVar("Row", RankingRow, TaskRow)

ABOUT = {
    "ood": "mean over all disruptions outside the ID split",
    "id": "the undisturbed task, on fresh episode seeds",
    "near": "severity levels 1 and 2",
    "far": "severity levels 3 to 5",
    "mixed": "several channels disturbed at once",
    "drift": "disruptions that grow within an episode",
    "semantic": "another world: a map, city, season or goal",
    "1d": "one parameter of the dynamics moved, by RRLS's sets",
    "2d": "two parameters of the dynamics moved, by RRLS's sets",
    "3d": "three parameters of the dynamics moved, by RRLS's sets",
    "other": "splits of any other name",
    "worst": "a run's lowest out-of-distribution split; the one named is the lowest in most runs",
    "gap": "ID minus OOD: what is lost when the world changes",
    "cvar": "mean of the worst tenth of all episodes, over all disruptions",
    "area": "mean height of the curves of return against severity levels 0 to 5, over all kinds of disruption",
    "score": "OOD return as a score: the undisturbed task gives the random policy 0, the reference method 1; "
    "nothing is clipped, so OOD scores may lie far outside",
}
"""What every column of values means."""

_TITLES = {
    "ood": "OOD",
    "id": "ID",
    "cvar": "CVaR 10\N{NO-BREAK SPACE}%",
    "score": "OOD score",
    "worst": "Worst split",
    "area": "Curve area",
    "1d": "1D",
    "2d": "2D",
    "3d": "3D",
}


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        title: Its title.
        about: What it means.
        numeric: Whether it holds numbers.
        low: Whether the lowest of them is the best.
        channel: The channel it is about, where columns may be chosen by it.
    """

    title: str
    about: str = ""
    numeric: bool = True
    low: bool = False
    channel: str = ""


_COSTS = {
    "ood": Column(
        "OOD cost", "mean cost of an episode outside the ID split; a safe method keeps it below its limit", low=True
    ),
    "id": Column("ID cost", "mean cost of an episode of the undisturbed task", low=True),
}


SELF_REPORTED = "self-reported"
CHECKED = Column(
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
        notes: What to say below it.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    privileges: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def meanings(self) -> tuple[tuple[str, str], ...]:
        """Title and meaning of each column that has one."""
        return tuple((column.title, column.about) for column in self.columns if column.about)

    @property
    def heading_column(self) -> int:
        """Place of the column that names the row."""
        return next((place for place, column in enumerate(self.columns) if not column.numeric), 0)


Links = Mapping[Entry, str]
"""Where the page of each entry is."""

NOWHERE: Links = MappingProxyType({})


def table_of(
    caption: str, columns: Sequence[tuple[Column, Sequence[Cell]]], chosen_from: Sequence[TaskRow | RankingRow] = ()
) -> Table:
    """Join columns to a table; ``chosen_from`` are the rows, where they may be chosen by privilege."""
    cells = tuple(zip(*(cells for _, cells in columns), strict=True))
    privileges = tuple(row.privileges for row in chosen_from)
    return Table(caption, tuple(column for column, _ in columns), cells, privileges)


def column_of(name: str) -> Column:
    """Return the column of a quantity, with its title and meaning."""
    return Column(_TITLES.get(name, name.capitalize()), ABOUT[name], low=name == "gap")


def place_column(rows: Sequence[Row]) -> tuple[Column, list[Cell]]:
    """Return the ranks."""
    return Column("Rank", low=True), [Cell(str(row.rank) if row.rank else NONE, key=row.rank) for row in rows]


def ranges_column(rows: Sequence[RankingRow]) -> tuple[Column, list[Cell]]:
    """Return ranks with the range of each below it, where there is one."""
    column, cells = place_column(rows)
    ranges = [text.span(row.rank_range) if row.rank_range else "" for row in rows]
    about = "by OOD score; below it the ranks in 95 % of the bootstrap's rankings"
    return replace(column, about=about), [replace(cell, small=small) for cell, small in zip(cells, ranges, strict=True)]


def name_column(rows: Sequence[Row], links: Links = NOWHERE) -> tuple[Column, list[Cell]]:
    """Return the names of the rows, which lead to their pages."""
    names = [clean(row.label, 80) for row in rows]
    cells = [Cell(name, key=name, href=links.get(row.entry, "")) for name, row in zip(names, rows, strict=True)]
    return Column("Algorithm", numeric=False), cells


def privileges_column(rows: Sequence[Row]) -> tuple[Column, list[Cell]]:
    """Return what the methods may know."""
    told = [", ".join(row.privileges[:6]) or "none" for row in rows]
    return (
        Column("Privileges", "what the method may know beyond the observations", numeric=False),
        [Cell(clean(names), key=clean(names)) for names in told],
    )


def coverage_column(ranking: Ranking) -> tuple[Column, list[Cell]]:
    """Return how many of the tasks each row did."""
    done = [(row.tasks_done, len(ranking.tasks)) for row in ranking.rows]
    return Column("Tasks", "tasks done, of those ranked here"), [Cell(f"{n}/{all}", key=n) for n, all in done]


def seed_range_column(rows: Sequence[RankingRow]) -> tuple[Column, list[Cell]]:
    """Return how many seeds there are for each task."""
    return (
        Column("Seeds", "training seeds for each task"),
        [Cell(text.span(row.seeds), key=min(row.seeds, default=0)) for row in rows],
    )


def seeds_cell(row: TaskRow) -> Cell:
    """Return the number of seeds, and of runs left out."""
    return Cell(str(len(row.seeds)), f"{row.left_out} left out" if row.left_out else "", key=len(row.seeds))


def value_columns(
    rows: Sequence[Row],
    values: Sequence[Mapping[str, Value]],
    worst_name: Callable[[Row], str] | None = None,
    eligible: Sequence[bool] | None = None,
    column: Callable[[str], Column] = column_of,
) -> list[tuple[Column, list[Cell]]]:
    """Return every quantity, in the order of the page.

    Args:
        rows: The rows.
        values: Those of each row.
        worst_name: Names a row's lowest split.
        eligible: Which rows may be the best.
        column: Makes the column of a quantity.
    """
    known: set[str] = {name for name in (*FAMILIES, "area") if any(math.isfinite(one[name].value) for one in values)}
    shown = ["ood", "id", "worst", "gap", *(name for name in FAMILIES if name in known), "cvar"]
    shown += ["area"] if "area" in known else []
    columns: list[tuple[Column, list[Cell]]] = []
    for name in shown:
        interval = name in ("ood", "id")
        cells = cells_of([of_row[name] for of_row in values], interval, eligible, mark=name != "gap")
        if name == "worst" and worst_name:
            names = [worst_name(row).removeprefix("ood-") for row in rows]
            cells = [replace(cell, small=split) for cell, split in zip(cells, names, strict=True)]
        columns.append((column(name), cells))
    return columns


def cost_columns(rows: Sequence[TaskRow]) -> list[tuple[Column, list[Cell]]]:
    """Return what episodes cost, which should be low; nothing is marked, for a limit is no race."""
    if not any(row.costs for row in rows):
        return []
    found = [(_COSTS[name], [row.costs.get(name, Value(math.nan)) for row in rows]) for name in _COSTS]
    return [(column, cells_of(values, interval=True, mark=False)) for column, values in found]


def cells_of(
    values: Sequence[Value], interval: bool, eligible: Sequence[bool] | None = None, mark: bool = True
) -> list[Cell]:
    """Write values with the same decimals; the highest is marked where there is another to compare with."""
    places = text.decimals(value.value for value in values)
    compared = [value.value for place, value in enumerate(values) if eligible is None or eligible[place]]
    finite = [value for value in compared if math.isfinite(value)]
    best = float(rounded(max(finite))) if mark and len(finite) > 1 else math.nan
    return [
        Cell(
            number(value.value, places),
            text.interval(value.interval, places) if interval else "",
            sort_key_of(value.value),
            float(rounded(value.value)) == best and (eligible is None or eligible[place]),
        )
        for place, value in enumerate(values)
    ]


def sort_key_of(value: float) -> float | None:
    """Return what to sort a number by."""
    return value if math.isfinite(value) else None
