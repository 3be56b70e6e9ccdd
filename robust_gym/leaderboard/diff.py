"""What the page's own comparison of two entries needs, as JSON values."""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import Any

from robust_gym.leaderboard.boards import Boards
from robust_gym.leaderboard.text import clean


def diff_data(found: Boards) -> list[dict[str, Any]]:
    """Return for each group its entries, and each task's values of every entry: OOD and ID, ``None`` where missing.

    Values are normalised scores where the task's references are known, else returns, with as many digits as near equals
    need to differ.
    """
    groups = []
    for board in found.boards:
        tables = board.group.tables
        entries = sorted({row.entry: row.label for table in tables for row in table.rows}.items(), key=lambda e: e[1])
        tasks = []
        for table in tables:
            rows = {row.entry: row for row in table.rows}
            low, high = table.runs.reference or (0.0, 1.0)
            values = [
                [
                    _digits((rows[entry].values[name].value - low) / (high - low)) if entry in rows else None
                    for entry, _ in entries
                ]
                for name in ("ood", "id")
            ]
            tasks.append(
                {
                    "name": clean(table.runs.task, 80),
                    "href": found.addresses.tasks[table.runs.task],
                    "scored": table.runs.reference is not None,
                    "ood": values[0],
                    "id": values[1],
                }
            )
        groups.append(
            {
                "id": board.id,
                "title": clean(board.title, 200),
                # The name stays the same whatever else is published, as an address must; the label may not.
                "entries": [
                    {"name": PurePosixPath(found.addresses.entries[entry]).stem, "label": clean(label, 80)}
                    for entry, label in entries
                ],
                "tasks": tasks,
            }
        )
    return groups


def _digits(value: float) -> float | None:
    return float(f"{value:.8g}") if math.isfinite(value) else None
