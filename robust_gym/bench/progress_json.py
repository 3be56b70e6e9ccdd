"""Progress for machines: one JSON object a line, always with the same keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import PurePosixPath
from time import monotonic
from typing import TextIO

from robust_gym.bench.cell import Cell
from robust_gym.bench.engine import Event, Failed, Finished, Phase, Progressed, Resources, Trained
from robust_gym.bench.sinks import Quiet

EVENTS = (
    "planned",
    "skipped",
    "failed-before",
    "started",
    "elsewhere",
    "progress",
    "trained",
    "finished",
    "failed",
    "warning",
    "end",
)
"""What the key ``event`` may say."""


class JsonProgress(Quiet):
    """Writes a line for everything that happens.

    The keys of every line, ``null`` where they say nothing:

    - ``event``: one of [EVENTS][robust_gym.bench.progress_json.EVENTS];
    - ``cell``: the path of its results;
    - ``phase``: ``start``, ``train`` or ``evaluate``;
    - ``done``, ``total``: steps while training, episodes while evaluating, cells at the end;
    - ``seconds``: since the campaign began;
    - ``resources``: what the cell has used;
    - ``error``: of a cell that failed, or a warning.

    Args:
        stream: Where to.
        clock: Seconds, from any point on.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._cells: set[PurePosixPath] = set()
        self._finished = 0

    def _write(
        self,
        event: str,
        cell: Cell | None = None,
        phase: Phase | None = None,
        done: int | None = None,
        total: int | None = None,
        resources: Resources | None = None,
        error: str | None = None,
    ) -> None:
        line = {
            "event": event,
            "cell": None if cell is None else str(cell.path),
            "phase": phase,
            "done": done,
            "total": total,
            "seconds": round(self._clock() - self._began, 3),
            "resources": None if resources is None else asdict(resources),
            "error": error,
        }
        # At once: whoever reads it wants to know now.
        print(json.dumps(line), file=self._stream, flush=True)

    def planned(self, cell: Cell) -> None:
        """A cell has to be computed."""
        self._cells.add(cell.path)
        self._write("planned", cell)

    def skipped(self, cell: Cell) -> None:
        """A cell was finished before, or by another process."""
        self._cells.add(cell.path)
        self._finished += 1
        self._write("skipped", cell)

    def failed_before(self, cell: Cell) -> None:
        """A cell failed in an earlier run, or in another process."""
        self._cells.add(cell.path)
        self._write("failed-before", cell)

    def started(self, cell: Cell) -> None:
        """A worker has begun with a cell."""
        self._write("started", cell, "start")

    def elsewhere(self, cell: Cell) -> None:
        """Another process is computing a cell."""
        self._write("elsewhere", cell)

    def happened(self, event: Event) -> None:
        """A running cell has got on, finished or failed."""
        if isinstance(event, Progressed):
            self._write("progress", event.cell, event.phase, event.done, event.total, event.resources)
        elif isinstance(event, Trained):
            self._write("trained", event.cell, "train")
        elif isinstance(event, Finished):
            self._finished += 1
            self._write("finished", event.cell, "evaluate", resources=event.resources)
        elif isinstance(event, Failed):
            self._write("failed", event.cell, event.phase, resources=event.resources, error=event.error)

    def warned(self, line: str) -> None:
        """Something needs to be said at once."""
        self._write("warning", error=line)

    def close(self) -> None:
        """Say how many of all cells are finished."""
        self._write("end", done=self._finished, total=len(self._cells))
