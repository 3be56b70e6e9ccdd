"""The driver of a benchmark: hands cells to an engine, and alone writes what comes back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from time import monotonic
from typing import Protocol

from robust_gym.baselines.checkpoints import SECONDS
from robust_gym.bench.cell import Cell
from robust_gym.bench.engine import Checkpointed, Engine, Event, Failed, Finished, Job, Trained
from robust_gym.bench.store import Claim, State, Store
from robust_gym.bench.terms import terms_of
from robust_gym.record import RecordError

WAIT_SECONDS = 0.25
"""How long a campaign waits for news before it looks whether it should stop."""

LOOK_SECONDS = 1.0
"""How often cells that another process is computing are looked at again."""


class Listener(Protocol):
    """Hears of everything a campaign does; made for progress displays."""

    def planned(self, cell: Cell) -> None:
        """A cell has to be computed."""

    def skipped(self, cell: Cell) -> None:
        """A cell was finished before, or by another process; it may have been planned."""

    def failed_before(self, cell: Cell) -> None:
        """A cell failed in an earlier run, or in another process; it may have been planned."""

    def started(self, cell: Cell) -> None:
        """A worker has begun with a planned cell."""

    def elsewhere(self, cell: Cell) -> None:
        """Another process is computing a planned cell; this one waits until it is done, or takes it over."""

    def happened(self, event: Event) -> None:
        """A running cell has got on, finished or failed."""

    def turned(self) -> None:
        """Time has passed; called a few times a second."""

    def warned(self, line: str) -> None:
        """Something needs to be said at once."""


@dataclass
class Outcome:
    """How the cells of a campaign ended.

    Attributes:
        finished: Cells with complete records.
        failed: Cells without, and the one line that says why.
        stopped: Whether the campaign was stopped before its end.
        unseen: How many cells it had not looked at by then, each of which may be finished or not.
    """

    finished: list[Cell] = field(default_factory=list)
    failed: list[tuple[Cell, str]] = field(default_factory=list)
    stopped: bool = False
    unseen: int = 0


class Campaign:
    """Computes cells until none is left.

    Args:
        store: Where results lie.
        engine: Who computes; the campaign closes it.
        listener: Hears of everything.
        retry_failed: Whether to try cells again that failed before this campaign began.
        checkpoint_seconds: How often trainings leave checkpoints, of algorithms that do that.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        listener: Listener,
        *,
        retry_failed: bool = False,
        checkpoint_seconds: float = SECONDS,
    ) -> None:
        self._store = store
        self._engine = engine
        self._listener = listener
        self._retry_failed = retry_failed
        self._checkpoint_seconds = checkpoint_seconds
        self._open: deque[Cell] = deque()
        # Cells that another process holds, to be looked at again.
        self._elsewhere: list[Cell] = []
        self._told: set[PurePosixPath] = set()
        self._looked = monotonic()
        self._claims: dict[PurePosixPath, Claim] = {}
        # Of the cells that the engine has, those that a worker has begun with.
        self._begun: set[PurePosixPath] = set()
        self._old_failures: dict[PurePosixPath, tuple[int, int] | None] = {}
        self._finishing = False
        self._told_of_finish = False
        self._left_out = 0
        self.outcome = Outcome()

    def run(self, cells: Iterable[Cell]) -> Outcome:
        """Compute what is not finished.

        Returns:
            How the cells ended.

        Raises:
            OSError: If results cannot be written; nothing that was written before is lost.
        """
        try:
            self._survey(cells)
            while not self.outcome.stopped and (self._open or self._elsewhere or self._claims):
                if self._finishing:
                    self._leave_the_rest()
                self._submit()
                for event in self._engine.wait(WAIT_SECONDS):
                    self._handle(event)
                self._listener.turned()
                self._look_elsewhere()
        finally:
            self._engine.close()
            for claim in self._claims.values():
                claim.release()
        if self._left_out:
            self.outcome.stopped = True
        return self.outcome

    def finish(self) -> None:
        """Let ``run`` return when what is running has ended; may be called by a signal handler.

        What waits in the engine's queue is taken back. The outcome then counts as stopped if that leaves a cell out.
        """
        self._finishing = True

    def stop(self) -> None:
        """Let ``run`` return soon, without what is running; may be called by a signal handler."""
        self.outcome.stopped = True

    def _leave_the_rest(self) -> None:
        """Start no more cells, and say so the first time."""
        if not self._told_of_finish:
            self._told_of_finish = True
            self._withdraw()
            running = f"{len(self._claims)} running cell{'' if len(self._claims) == 1 else 's'}"
            if self._claims:
                self._listener.warned(f"finishing {running} and starting no others; Ctrl-C again stops at once")
        self._left_out += len(self._open) + len(self._elsewhere)
        self._open.clear()
        self._elsewhere.clear()

    def _withdraw(self) -> None:
        """Take back what has not begun."""
        for cell in self._engine.withdraw():
            self._release(cell)
            self._left_out += 1

    @property
    def _interrupted(self) -> bool:
        return self._finishing or self.outcome.stopped

    def _survey(self, cells: Iterable[Cell]) -> None:
        cells = list(cells)
        for number, cell in enumerate(cells):
            if self._interrupted:
                self.outcome.unseen = len(cells) - number
                self._left_out += self.outcome.unseen
                return
            state = self._store.state(cell)
            if state is State.FINISHED:
                self._store.tidy(cell)
                self._skip(cell)
            elif state is State.FAILED and not self._retry_failed:
                self._store.tidy(cell)
                self._skip_failed(cell)
            else:
                self._old_failures[cell.path] = self._store.failure_stamp(cell)
                self._open.append(cell)
                self._listener.planned(cell)

    def _skip(self, cell: Cell) -> None:
        self.outcome.finished.append(cell)
        self._listener.skipped(cell)

    def _skip_failed(self, cell: Cell) -> None:
        self.outcome.failed.append((cell, self._store.failure(cell)))
        self._listener.failed_before(cell)

    def _submit(self) -> None:
        while self._open and not self._interrupted and self._engine.free > 0:
            cell = self._open.popleft()
            claim = self._store.claim(cell)
            if claim is None:
                self._wait_for(cell)
                continue
            self._claims[cell.path] = claim
            job = self._job(claim)
            if job is None:
                self._release(cell)
                continue
            self._engine.submit(job)

    def _job(self, claim: Claim) -> Job | None:
        """Look at a cell again now that nobody else can change it."""
        cell = claim.cell
        state = self._store.state(cell)
        if state is State.FINISHED:
            self._skip(cell)
            return None
        if state is State.FAILED and self._store.failure_stamp(cell) != self._old_failures[cell.path]:
            # Another process has just tried it.
            self._skip_failed(cell)
            return None
        job = self._salvaged(claim)
        claim.forget_failure()
        return job

    def _salvaged(self, claim: Claim) -> Job:
        """Return a cell's job, with what there is of the cell by now."""
        policy, lines = claim.salvage()
        checkpoint, more = claim.salvage_checkpoint(policy)
        for line in [*lines, *more]:
            self._listener.warned(line)
        renew = partial(self._salvaged, claim)
        return Job(claim.cell, policy, checkpoint, self._checkpoint_seconds, renew, terms_of(claim.cell))

    def _handle(self, event: Event) -> None:
        if self.outcome.stopped and isinstance(event, Failed):
            # What has stopped the campaign may have ended its workers as well; the same command tries the cell again.
            return
        claim = self._claims[event.cell.path]
        if event.cell.path not in self._begun:
            self._begun.add(event.cell.path)
            self._listener.started(event.cell)
        if isinstance(event, Checkpointed):
            claim.keep_checkpoint(event.files)
        elif isinstance(event, Trained):
            claim.keep_policy(event.files)
        elif isinstance(event, Finished):
            try:
                claim.keep_records(event.records)
            except RecordError as error:
                event = Failed(event.cell, f"RecordError: {error}", "", "evaluate", event.resources)
            else:
                self.outcome.finished.append(event.cell)
        if isinstance(event, Failed):
            claim.keep_failure(event)
            self.outcome.failed.append((event.cell, event.error))
        if isinstance(event, (Finished, Failed)):
            self._release(event.cell)
        self._listener.happened(event)

    def _release(self, cell: Cell) -> None:
        self._claims.pop(cell.path).release()
        self._begun.discard(cell.path)

    def _wait_for(self, cell: Cell) -> None:
        self._elsewhere.append(cell)
        if cell.path not in self._told:
            self._told.add(cell.path)
            self._listener.elsewhere(cell)

    def _look_elsewhere(self) -> None:
        if self._elsewhere and monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = monotonic()
            self._open.extend(self._elsewhere)
            self._elsewhere = []
