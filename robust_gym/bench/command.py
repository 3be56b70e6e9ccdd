"""``robust-gym bench``: plan, run, print the tables, write the page."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from rich.console import Console

from robust_gym.baselines.checkpoints import SECONDS
from robust_gym.bench.campaign import Campaign, Outcome
from robust_gym.bench.display import duration, summary_line
from robust_gym.bench.engines import EngineChoice
from robust_gym.bench.manifest import keep
from robust_gym.bench.plan import Plan, Request, make_plan
from robust_gym.bench.reporting import Reporting
from robust_gym.bench.store import FAILED, Store
from robust_gym.bench.summary import rows, tables
from robust_gym.plugins import load_plugins
from robust_gym.record import RunRecord

PAGE = Path("leaderboard", "index.html")
"""Where the leaderboard page lies in the folder of the results."""

Publish = Callable[[Sequence[RunRecord], Path], Path]
"""Writes the leaderboard page of some records to a path, and returns it."""


@dataclass(frozen=True)
class Options:
    """What ``bench`` is asked to do.

    Attributes:
        request: What to run.
        out: Folder of the results.
        engine: Who computes the cells.
        retry_failed: Whether to try cells again that have failed.
        reporting: Who hears of it.
        checkpoint_seconds: How often trainings leave checkpoints, of algorithms that do that.
    """

    request: Request
    out: Path = Path("results")
    engine: EngineChoice = field(default_factory=EngineChoice)
    retry_failed: bool = False
    reporting: Reporting = field(default_factory=Reporting)
    checkpoint_seconds: float = SECONDS


def bench(options: Options, publish: Publish) -> int:
    """Run a benchmark and say how it went.

    Args:
        options: What to do.
        publish: Writes the leaderboard page.

    Returns:
        The exit code: 0 when every cell is finished, 1 when one failed, 128 + N after signal N.

    Raises:
        ValueError: If the request makes no sense; its subclasses say more.
        MissingExtraError: If a package is missing that was asked for.
        OSError: If results cannot be written.
    """
    began = monotonic()
    out = options.reporting.console()
    load_plugins(options.request.plugins)
    plan = make_plan(options.request)
    store = Store(options.out)
    with contextlib.ExitStack() as closing:
        # Before signals are caught: Ray has its own way with them while it starts.
        engine = closing.enter_context(contextlib.closing(options.engine.make(len(plan.cells), options.out)))
        try:
            keep(options.out, options.request, plan)
        except OSError as error:  # where cells are to be computed, that fails for itself; finished ones can be read
            out.print(f"warning: the campaign cannot be noted beside its results: {error}")
        _announce(out, plan, engine.free, options)
        display, listener = closing.enter_context(options.reporting.listeners(out))
        campaign = Campaign(
            store,
            engine,
            listener,
            retry_failed=options.retry_failed,
            checkpoint_seconds=options.checkpoint_seconds,
        )
        with _stopped_by_signals(campaign) as received:
            outcome = campaign.run(plan.cells)
    if outcome.stopped:
        count = f"{len(outcome.finished)} of {len(plan.cells)} cells are finished"
        if outcome.unseen:
            count += f", {outcome.unseen} have not been looked at"
        out.print(f"stopped: {count}; the same command resumes with the others")
        return 128 + received[-1] if received else 1
    out.print(summary_line(display.board))
    _report(out, store, plan, outcome)
    records = store.everything(lambda line: out.print(f"warning: {line}"))
    if records:
        out.print(f"leaderboard: {publish(records, options.out / PAGE)}")
    out.print(f"took {duration(monotonic() - began)}")
    return 1 if outcome.failed else 0


def _announce(out: Console, plan: Plan, jobs: int, options: Options) -> None:
    for note in plan.notes:
        out.print(note)
    budget = plan.cells[0].budget
    where = "" if options.engine.name == "local" else f" by {options.engine.name}"
    variants = len({cell.variant for cell in plan.cells})
    tasks = len({cell.task for cell in plan.cells})
    seeds = len({cell.seed for cell in plan.cells})
    out.print(
        f"{_count(len(plan.cells), 'cell')}: {_count(variants, 'algorithm')}, {_count(tasks, 'task')}, "
        f"{_count(seeds, 'seed')}, budget {budget}, {_count(jobs, 'worker')}{where}, results in {options.out}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _report(out: Console, store: Store, plan: Plan, outcome: Outcome) -> None:
    finished = {cell.path for cell in outcome.finished}
    failed = {cell.path: error for cell, error in outcome.failed}
    # In the order of the plan, whichever worker was faster.
    read = ((cell, store.records(cell)) for cell in plan.cells if cell.path in finished)
    for built in tables(rows(read, [cell for cell in plan.cells if cell.path in failed])):
        out.print()
        out.print(built)
    out.print()
    for cell in plan.cells:
        if cell.path in failed:
            out.print(f"failed: {cell}: {failed[cell.path]} ({store.folder(cell) / FAILED})")
    if failed:
        out.print("--retry-failed tries failed cells again")


@contextlib.contextmanager
def _stopped_by_signals(campaign: Campaign) -> Iterator[list[int]]:
    """Let Ctrl-C finish the running cells, and other signals or a second Ctrl-C stop at once; yields those received."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def stop(number: int, frame: object) -> None:
        received.append(number)
        if received == [signal.SIGINT]:
            campaign.finish()
        else:
            campaign.stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it, which the terminal's end does not end
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
