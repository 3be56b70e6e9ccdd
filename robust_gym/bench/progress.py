"""How far a campaign is: counts, steps per second, and the time that is left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from time import monotonic

from robust_gym import registry
from robust_gym.bench.cell import Cell
from robust_gym.bench.engine import Event, Failed, Finished, Phase, Progressed, Trained

WINDOW_SECONDS = 20.0
"""Steps per second are those of the last so many seconds."""

ASSUMED_EVALUATION = 0.25
"""Time of an evaluation as a share of its training's, until one has been measured."""


@dataclass
class Running:
    """A cell that is under way; ``before`` is what an earlier process has done of its training steps."""

    cell: Cell
    budget_steps: int
    began: float
    before: int = 0
    phase: Phase = "start"
    done: int = 0
    total: int = 0
    trained_seconds: float | None = None

    @property
    def own_steps(self) -> int:
        """The training steps that are left to this process."""
        return max(0, self.budget_steps - self.before)


@dataclass
class Board:
    """The state of a campaign, as events tell it.

    Attributes:
        clock: Seconds, from any point on.
        planned: Cells to compute that no worker has begun with, by path.
        running: Cells under way, by path, the oldest first.
        done: How many cells this campaign has finished.
        skipped: How many were finished before, or by another process.
        failed: How many have failed, now or before.
    """

    clock: Callable[[], float] = monotonic
    planned: dict[PurePosixPath, Cell] = field(default_factory=dict)
    running: dict[PurePosixPath, Running] = field(default_factory=dict)
    done: int = 0
    skipped: int = 0
    failed: int = 0
    _began: float | None = None
    _planned_steps: int = 0
    _work_done: float = 0.0
    _steps: int = 0
    _samples: deque[tuple[float, int]] = field(default_factory=deque)
    _shares: list[float] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many cells there are in all."""
        return len(self.planned) + len(self.running) + self.ended

    @property
    def ended(self) -> int:
        """How many cells need nothing more."""
        return self.done + self.skipped + self.failed

    def skip(self, cell: Cell, *, failed: bool = False) -> None:
        """Count a cell that needs no computing, or no more."""
        self._unplan(cell)
        if failed:
            self.failed += 1
        else:
            self.skipped += 1

    def plan(self, cell: Cell) -> None:
        """Count a cell that has to be computed."""
        self.planned[cell.path] = cell
        self._planned_steps += _budget_steps(cell)

    def _unplan(self, cell: Cell) -> None:
        if self.planned.pop(cell.path, None) is not None:
            self._planned_steps -= _budget_steps(cell)

    def start(self, cell: Cell) -> None:
        """Note that a worker has begun with a cell."""
        self._unplan(cell)
        now = self.clock()
        self._began = now if self._began is None else self._began
        self.running[cell.path] = Running(cell, _budget_steps(cell), now)

    def update(self, event: Event) -> None:
        """Take up what happened to a running cell."""
        running = self.running[event.cell.path]
        if isinstance(event, Progressed):
            if event.phase == "train":
                if running.phase != "train":
                    running.before = running.done = event.done
                self._count_steps(event.done - running.done)
            running.phase, running.done, running.total = event.phase, event.done, event.total
        elif isinstance(event, Trained):
            running.phase, running.done, running.total = "evaluate", 0, 0
            running.trained_seconds = self.clock() - running.began
        elif isinstance(event, (Finished, Failed)):
            self._end(event, running)

    def _end(self, event: Finished | Failed, running: Running) -> None:
        del self.running[event.cell.path]
        if isinstance(event, Failed):
            self.failed += 1
        else:
            self.done += 1
            if running.trained_seconds:
                self._shares.append((self.clock() - running.began) / running.trained_seconds - 1)
        self._work_done += self._whole(running)

    def _count_steps(self, steps: int) -> None:
        now = self.clock()
        self._steps += max(0, steps)
        self._samples.append((now, self._steps))
        while len(self._samples) > 2 and now - self._samples[1][0] > WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def steps_per_second(self) -> float | None:
        """Environment steps of training per second, over all workers; ``None`` when none are being made."""
        now = self.clock()
        if not self._samples or now - self._samples[-1][0] > WINDOW_SECONDS:
            return None
        (first, before), (_, after) = self._samples[0], self._samples[-1]
        return (after - before) / (now - first) if now > first and after > before else None

    @property
    def seconds_left(self) -> float | None:
        """About how long it will take from now; ``None`` while nothing is known.

        Work is measured in training steps; an evaluation counts as the share of them that the evaluations
        so far have taken.
        """
        if self._began is None:
            return None
        under_way = sum(self._work_of(running) for running in self.running.values())
        all_running = sum(map(self._whole, self.running.values()))
        done = self._work_done + under_way
        if done <= 0:
            return None
        return (all_running - under_way + self._work(self._planned_steps)) * (self.clock() - self._began) / done

    @property
    def _share(self) -> float:
        return sum(self._shares) / len(self._shares) if self._shares else ASSUMED_EVALUATION

    def _work(self, steps: int) -> float:
        return steps * (1 + self._share)

    def _whole(self, running: Running) -> float:
        """Return the work of a cell that is left to this campaign."""
        return running.own_steps + self._share * running.budget_steps

    def _work_of(self, running: Running) -> float:
        """Return what of it is done."""
        before = running.before if running.phase == "train" else 0
        part = min(1.0, (running.done - before) / (running.total - before)) if running.total > before else 0.0
        if running.phase == "evaluate":
            return running.own_steps + self._share * running.budget_steps * part
        return running.own_steps * part


def _budget_steps(cell: Cell) -> int:
    return registry.task(cell.task).budget(cell.budget).steps
