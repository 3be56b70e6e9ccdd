"""Tables as people see them, ready for the templates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from robust_gym.leaderboard import text
from robust_gym.leaderboard.bootstrap import FEWEST_SEEDS
from robust_gym.leaderboard.columns import (
    ABOUT,
    CHECKED,
    NOWHERE,
    SELF_REPORTED,
    Cell,
    Column,
    Links,
    Table,
    cells_of,
    column_of,
    cost_columns,
    coverage_column,
    name_column,
    place_column,
    privileges_column,
    ranges_column,
    seed_range_column,
    seeds_cell,
    sort_key_of,
    table_of,
    value_columns,
)
from robust_gym.leaderboard.heat import short
from robust_gym.leaderboard.quantities import Value
from robust_gym.leaderboard.tables import Ranking, RankingRow, TaskRow, TaskTable
from robust_gym.leaderboard.text import CHANNELS, NONE, clean, number

_AGGREGATES = {
    "iqm": "mean of the middle half of all scores",
    "mean": "mean of all scores",
    "median": "median of all scores, where rliable takes that of the tasks' means",
    "optimality gap": "by how much scores are below 1 on average; those above it count as 1",
}


def ranking_table(ranking: Ranking, links: Links = NOWHERE) -> Table:
    """Lay out a ranking: normalised scores, or without references the ranks on each task."""
    return _scored_table(ranking, links) if ranking.scored else _tally_table(ranking, links)


def task_table(table: TaskTable, links: Links = NOWHERE) -> Table:
    """Lay out one task: raw returns, and the normalised score where references are known."""
    rows = table.rows
    columns = [place_column(rows), name_column(rows, links)]
    columns += value_columns(rows, [row.values for row in rows], worst_name=lambda row: row.worst_split)
    if table.runs.reference:
        scores = [row.score or Value(math.nan) for row in rows]
        columns.insert(4, (column_of("score"), cells_of(scores, True)))
    columns += cost_columns(rows)
    columns += [
        (Column("Seeds", "training seeds with complete results"), [seeds_cell(row) for row in rows]),
        (
            Column("Training", "mean wall time of training, and environment steps used for each seed"),
            [
                Cell(text.duration(row.train_seconds), f"{text.span(row.steps_used)} steps", row.train_seconds)
                for row in rows
            ],
        ),
        privileges_column(rows),
    ]
    if any(row.checked != SELF_REPORTED for row in rows):
        columns.append((CHECKED, [_checked(row, len(table.runs.cells)) for row in rows]))
    return table_of(f"{table.runs.task}: true return, mean over training seeds", columns, rows)


def _checked(row: TaskRow, cells: int) -> Cell:
    return Cell(row.checked, f"{row.replayed} of {cells} disruptions" if row.replayed else "", key=row.checked)


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
        (Column("Rank", "by OOD return, of the algorithms there", low=True), places),
    ]
    for name in ("score", "ood", "id", "worst", "gap", "cvar"):
        values = [(row.score or Value(math.nan)) if name == "score" else row.values[name] for row in rows]
        cells = [cell for value in values for cell in cells_of([value], name in ("score", "ood", "id"), mark=False)]
        columns.append((column_of(name), cells))
    columns.append((Column("Seeds", "training seeds with complete results"), [seeds_cell(row) for row in rows]))
    return table_of("Results by task: true return, mean over training seeds", columns)


def channel_table(ranking: Ranking, links: Links = NOWHERE) -> Table | None:
    """Lay out the OOD score under the disruptions of each channel, or ``None`` where there are no such scores."""
    rows = ranking.rows
    shown = [name for name in CHANNELS if any(math.isfinite(_of(row, name).value) for row in rows)]
    if not shown:
        return None
    some = [row for row in rows if math.isfinite(_of(row, "ood").value)]
    if all(_of(row, shown[0]) == _of(row, "ood") for row in some):
        return None  # nothing but this channel is disturbed
    eligible = [row.rank is not None for row in rows]
    columns = [place_column(rows), name_column(rows, links)]
    for name in shown:
        column = Column(name.capitalize(), f"OOD score under disruptions of {name} alone", channel=name)
        columns.append((_of_some(ranking, name, column), cells_of([_of(row, name) for row in rows], True, eligible)))
    columns.append(coverage_column(ranking))
    return table_of(f"{_tasks(ranking)}: OOD score by disturbed channel, IQM over task and seed", columns, rows)


def _of(row: RankingRow, name: str) -> Value:
    return row.values.get(name, Value(math.nan))


def improvement_table(ranking: Ranking) -> Table | None:
    """Lay out who beats whom, or ``None`` where there are fewer than two entries."""
    rows = ranking.rows[: len(ranking.improvement)]
    if len(rows) < 2:
        return None
    first = f"; the first {len(rows)} of {len(ranking.rows)}" if len(rows) < len(ranking.rows) else ""
    columns = [name_column(rows)]
    for place, row in enumerate(rows):
        chances = [float(chance) for chance in ranking.improvement[:, place]]
        cells = [Cell(number(chance, 2), key=sort_key_of(chance)) for chance in chances]
        columns.append((Column(clean(row.label, 60)), cells))
    return table_of(
        f"{_tasks(ranking)}: probability that a run of the row's entry beats one of the column's, by OOD return, on "
        f"the tasks that both did; equal returns count half{first}",
        columns,
        rows,
    )


def aggregates_table(ranking: Ranking) -> Table | None:
    """Lay out other aggregates than the interquartile mean, or ``None`` where there are no scores."""
    if not ranking.scored:
        return None
    rows = ranking.rows
    eligible = [row.rank is not None for row in rows]
    columns = [place_column(rows), name_column(rows)]
    for name, about in _AGGREGATES.items():
        cells = cells_of([row.aggregates[name] for row in rows], True, eligible, mark=name != "optimality gap")
        title = name.upper() if name == "iqm" else name.capitalize()
        columns.append((Column(title, about, low=name == "optimality gap"), cells))
    columns.append(coverage_column(ranking))
    return table_of(f"{_tasks(ranking)}: aggregates of the OOD score over task and seed", columns, rows)


def _scored_table(ranking: Ranking, links: Links) -> Table:
    rows = ranking.rows
    # An entry that did only some tasks may have done the easy ones: it is never marked as the best.
    columns = [ranges_column(rows), name_column(rows, links)]
    columns += value_columns(
        rows,
        [row.values for row in rows],
        eligible=[row.rank is not None for row in rows],
        column=lambda name: _of_some(ranking, name, column_of(name)),
    )
    columns += [coverage_column(ranking), seed_range_column(rows), privileges_column(rows)]
    table = table_of(f"{_tasks(ranking)}: normalised score, IQM over task and seed", columns, rows)
    return replace(table, notes=_notes(ranking, [column.title for column, _ in columns]))


def _tally_table(ranking: Ranking, links: Links) -> Table:
    rows = ranking.rows
    best = max((row.tasks_won for row in rows), default=0)
    won = [Cell(str(row.tasks_won), key=row.tasks_won, best=row.tasks_won == best > 0) for row in rows]
    columns = [name_column(rows, links), (Column("Best on", "tasks on which no entry has a higher OOD return"), won)]
    for place, task in enumerate(ranking.tasks[:8]):
        ranks = [row.task_ranks[place] for row in rows]
        cells = [Cell(str(rank) if rank else NONE, key=rank, best=rank == 1) for rank in ranks]
        columns.append((Column(task, f"rank by OOD return on {task}", low=True), cells))
    columns += [coverage_column(ranking), seed_range_column(rows), privileges_column(rows)]
    return table_of(f"{_tasks(ranking)}: rank by OOD return on each task", columns, rows)


def _notes(ranking: Ranking, shown: Sequence[str]) -> tuple[str, ...]:
    """Say what is not the same for all columns, or for all rows."""
    many = len(ranking.tasks)
    some = [
        (column_of(name).title, count) for name, count in ranking.measured.items() if name in ABOUT and count < many
    ]
    told = [f"{title}: {count} of these {many} tasks have it." for title, count in some if title in shown]
    if ranking.thin:
        names = ", ".join(short(task) for task in ranking.thin)
        told.append(f"Not in this ranking, for too few have done them so far: {names}.")
    ranked = [row for row in ranking.rows if row.rank]
    if any(row.rank_range for row in ranked) and not all(row.rank_range for row in ranked):
        told.append(
            f"An entry with fewer than {FEWEST_SEEDS} seeds of a task, or whose seeds all did the same, has no "
            "intervals; other entries' ranges of ranks take its score as it is, though further seeds may change it."
        )
    return tuple(told)


def _of_some(ranking: Ranking, name: str, column: Column) -> Column:
    """Let a column say so where not every task has its quantity."""
    measured = ranking.measured[name]
    if measured == len(ranking.tasks):
        return column
    return replace(column, about=f"{column.about}; {measured} of these {len(ranking.tasks)} tasks have it")


def _tasks(ranking: Ranking) -> str:
    many = f"{len(ranking.tasks)} task{'s' if len(ranking.tasks) != 1 else ''}"
    return f"{ranking.family or ('Several families' if ranking.thin else 'All tasks')} ({many})"
