"""What a worker does: compute one cell and report on the way, wherever it runs."""

from __future__ import annotations

import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from robust_gym import registry
from robust_gym.bench.cell import Cell
from robust_gym.bench.checkpoint import checkpoints_of, seconds_before, steps_before
from robust_gym.bench.engine import Event, Failed, Finished, Job, Phase, Progressed, Resources, Trained
from robust_gym.bench.terms import check_terms
from robust_gym.bench.training import evaluate_files, train
from robust_gym.plugins import load_plugins

REPORT_SECONDS = 0.5
"""Progress is reported at most this often."""


class Reporter:
    """Sends progress now and then, and knows what the cell has used.

    Args:
        cell: The cell.
        send: Takes the events.
    """

    def __init__(self, cell: Cell, send: Callable[[Event], None]) -> None:
        self._cell = cell
        self._send = send
        self._started = monotonic()
        self._cpu_before = _cpu_seconds()
        self._last = float("-inf")
        self._unsent: tuple[int, int] | None = None
        self.phase: Phase = "start"

    def enter(self, phase: Phase, total: int, done: int = 0) -> None:
        """Begin a phase, of which an earlier process may have done a part."""
        self.phase = phase
        self._last = float("-inf")
        self.report(done, total)

    def report(self, done: int, total: int) -> None:
        """Send how far the phase is, unless the last report was a moment ago."""
        self._unsent = (done, total)
        if monotonic() - self._last >= REPORT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Send the last report, if it was held back."""
        if self._unsent is not None:
            self._last = monotonic()
            self._send(Progressed(self._cell, self.phase, *self._unsent, self.resources()))
            self._unsent = None

    def resources(self) -> Resources:
        """Return what the cell has used so far."""
        return Resources(monotonic() - self._started, _cpu_seconds() - self._cpu_before, _peak_memory_mib())


def run(job: Job, send: Callable[[Event], None]) -> None:
    """Compute a cell; whatever goes wrong in it becomes a ``Failed`` event.

    Args:
        job: The cell, with its policy if that is trained already, or what an earlier training has left.
        send: Takes the events; the last one is ``Finished`` or ``Failed``.
    """
    reporter = Reporter(job.cell, send)
    try:
        send(_compute(job, reporter, send))
    except (Exception, SystemExit) as error:
        # An algorithm that calls sys.exit must not take the worker with it, silently.
        text = "".join(traceback.format_exception(error))
        line = text.strip().splitlines()[-1]
        send(Failed(job.cell, line, text, reporter.phase, reporter.resources()))


def _compute(job: Job, reporter: Reporter, send: Callable[[Event], None]) -> Finished:
    cell = job.cell
    load_plugins(cell.plugins)
    if job.planned is not None:
        check_terms(job.planned, cell)
    budget = registry.task(cell.task).budget(cell.budget)
    files = job.policy
    if files is None:
        reporter.enter("train", budget.steps, steps_before(job.checkpoint))
        files = train(
            cell,
            lambda steps: reporter.report(steps, budget.steps),
            checkpoints_of(job, send),
            seconds_before(job.checkpoint),
        )
        reporter.flush()
        send(Trained(cell, files))
    reporter.enter("evaluate", 0)
    records = evaluate_files(files, cell, reporter.report)
    return Finished(cell, records, reporter.resources())


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_memory_mib() -> float:
    if sys.platform == "linux":
        # What getrusage tells is that of the driver, where it had more when it started this process.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
