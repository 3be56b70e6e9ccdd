"""What a job of the Slurm engine does on its node: compute a cell, and write messages."""

from __future__ import annotations

import contextlib
import pickle
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from robust_gym.bench.cell import Cell
from robust_gym.bench.engine import (
    DOING,
    Checkpointed,
    Event,
    Failed,
    Finished,
    Job,
    Phase,
    Progressed,
    Resources,
    Trained,
)
from robust_gym.bench.files import write_atomically
from robust_gym.bench.limits import Limits
from robust_gym.bench.local import LocalEngine

MESSAGE = ".message"
"""Ending of a message, after the time at which the job started and a number that counts them."""

TRAINED = ".trained" + MESSAGE
"""Ending of the one that holds the trained policy, which stays until the cell has ended."""

GIVEN = "0-0" + TRAINED
"""Such a file from the driver, with what an earlier campaign has trained."""

CHECKPOINT = "checkpoint"
"""The file with the last checkpoint, for another start of the job."""

ALIVE = "driver"
"""A file above the folder of the messages, which the driver touches now and then."""

PROGRESS_SECONDS = 10.0
"""Progress within a phase is reported at most this often: hundreds of jobs share one file system."""

WAIT_SECONDS = 1.0
"""How long a job waits for news of its worker before it looks whether a signal has come."""

LOOK_SECONDS = 5.0
"""How often a job looks whether the driver is there."""

SIGNAL_SECONDS = 1.0
"""How much later than the worker, which a signal has killed, this process may get the same signal."""

TIME_IS_UP = frozenset((signal.SIGUSR1, signal.SIGUSR2))
"""Signals that submitit has Slurm send shortly before the end of a job's time."""

ABANDONED_SECONDS = 900.0
"""After how long without a sign of the driver a job gives up."""


@dataclass(frozen=True)
class GivenUp:
    """A message like the events: the job ends before its cell does, because the driver seems to be gone.

    Should the driver only have been suspended, it submits the job again.
    """

    cell: Cell


def hand_over(job: Job, folder: Path) -> Job:
    """Write what a job goes on from into the folder of its messages, where every start of it looks first.

    Args:
        job: The cell, with a trained policy or a checkpoint where there is one. Either may be larger than what
            submitit takes.
        folder: Where the messages of its cell go.

    Returns:
        The job without them.

    Raises:
        OSError: If the folder cannot be written.
    """
    if job.policy is not None:
        write_atomically(folder / GIVEN, pickle.dumps(Trained(job.cell, job.policy)))
    elif job.checkpoint is not None:
        write_atomically(folder / CHECKPOINT, pickle.dumps(Checkpointed(job.cell, job.checkpoint)))
    return replace(job, policy=None, checkpoint=None)


def run_job(job: Job, limits: Limits, folder: str, cpus: int = 1) -> None:
    """Compute a cell in a job of the queue.

    Args:
        job: The cell.
        limits: What it may use.
        folder: Where its messages go.
        cpus: How many cores it has.
    """
    mailbox = _Mailbox(Path(folder))
    engine = LocalEngine(1, limits=limits, cpus=cpus)
    try:
        with _signals_to_end() as received:
            engine.submit(mailbox.taken_up(job))
            while not (engine.free or received or mailbox.abandoned()):
                for event in engine.wait(WAIT_SECONDS):
                    if isinstance(event, Failed):
                        time.sleep(SIGNAL_SECONDS)
                    # What the signal has done to the worker is no result: Slurm may start the job again.
                    if not (received and isinstance(event, Failed)):
                        mailbox.send(event)
            if received & TIME_IS_UP:
                mailbox.send(mailbox.out_of_time(job.cell))
            elif not received:
                mailbox.send(GivenUp(job.cell))
    finally:
        engine.close()


@contextlib.contextmanager
def _signals_to_end() -> Iterator[set[int]]:
    """Note the signals by which Slurm ends a job, and which submitit would take for its own; yields those that came."""
    received: set[int] = set()

    def note(number: int, frame: object) -> None:
        received.add(number)

    numbers = (signal.SIGTERM, *TIME_IS_UP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Mailbox:
    """The job's side of the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._start = time.time_ns()
        self._count = 0
        self._reported: tuple[Phase, float] | None = None
        self._last: Progressed | None = None
        self._driver = (0, time.monotonic())
        self._looked = float("-inf")
        self._ended = False

    def taken_up(self, job: Job) -> Job:
        """Return the job with what an earlier start of it has trained, or has left of its training."""
        # The first one is what the driver has kept, should there be several.
        for path in sorted(self._folder.glob(f"*{TRAINED}")):
            trained: Trained = pickle.loads(path.read_bytes())
            return replace(job, policy=trained.files, checkpoint=None)
        with contextlib.suppress(FileNotFoundError):
            left: Checkpointed = pickle.loads((self._folder / CHECKPOINT).read_bytes())
            return replace(job, checkpoint=left.files)
        return job

    def send(self, event: Event | GivenUp) -> None:
        """Write a message, but not every little progress, and nothing after the end of the cell."""
        if self._ended:
            return
        self._ended = isinstance(event, (Finished, Failed))
        now = time.monotonic()
        if isinstance(event, Progressed):
            self._last = event
            if self._reported and self._reported[0] == event.phase and now - self._reported[1] < PROGRESS_SECONDS:
                return
            self._reported = event.phase, now
        self._count += 1
        suffix = TRAINED if isinstance(event, Trained) else MESSAGE
        content = pickle.dumps(event)
        # If the driver has closed, the folder is gone, and nobody waits for the message.
        with contextlib.suppress(FileNotFoundError):
            write_atomically(self._folder / f"{self._start}-{self._count:08}{suffix}", content)
            if isinstance(event, Checkpointed):
                # The driver takes its copy away; this one stays.
                write_atomically(self._folder / CHECKPOINT, content)

    def out_of_time(self, cell: Cell) -> Failed:
        """Return the failure of a cell for which its job had not enough time."""
        phase: Phase = self._last.phase if self._last else "start"
        used = self._last.resources if self._last else Resources(0.0)
        return Failed(cell, f"over the time limit of its Slurm job, while {DOING[phase]}", "", phase, used)

    def abandoned(self) -> bool:
        """Tell whether nobody waits for the cell: its folder is gone, or the driver has been silent for long."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return False
        self._looked = now
        try:
            self._folder.stat()
            touched = (self._folder.parent / ALIVE).stat().st_mtime_ns
        except FileNotFoundError:
            return True
        if touched != self._driver[0]:
            self._driver = touched, now
        return now - self._driver[1] > ABANDONED_SECONDS
