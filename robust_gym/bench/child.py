"""A worker process of this machine, seen from the process that started it."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from robust_gym.bench.engine import DOING, Event, Failed, Finished, Job, Phase, Progressed, Resources
from robust_gym.bench.limits import Limits, kill_family, memory_mib
from robust_gym.bench.process import worker_main

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

OUTPUT_CHARACTERS = 4000
"""How much of a failed process's output is kept."""

EXIT_SECONDS = 5.0
"""How long a process may take to end after closing its connection."""

SIGNAL_SECONDS = 2.0
"""How much later than its worker, which a signal has ended, a driver may learn that it got the same signal."""

SIGNALS_TO_ALL = frozenset((-signal.SIGTERM, -signal.SIGHUP))
"""Exit codes of processes ended by a signal that often goes to all of a terminal, a service or a job of a queue."""

THREADS = (
    "OMP_NUM_THREADS",
    "ROBUST_GYM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Environment variables that say how many threads numerical libraries have in a process."""


class Worker:
    """One process, and the job it is at.

    Args:
        log: File for what it prints.
        environment: Environment variables that it has besides those of this process.
        core: The core it stays on; ``None`` for any.
        threads: How many threads numerical libraries may have in it.

    Attributes:
        job: What it is at.
        lost: A job that it was given but was dead for already; somebody else should have it.
        core: The core it stays on.
    """

    def __init__(self, log: Path, environment: Mapping[str, str], core: int | None, threads: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=worker_main, args=(theirs, str(log), core, threads))
        variables = {**dict.fromkeys(THREADS, str(threads)), **environment}
        with changed_environment(variables), interrupts_held_back():
            self.process.start()
        assert self.process.pid is not None
        self._id = self.process.pid
        # The other end must be open in the worker alone, so that its death ends the stream.
        theirs.close()
        self.core = core
        self._log = log
        self._started = 0.0
        self._ended: float | None = None
        self.job: Job | None = None
        self.lost: Job | None = None
        self._jobs_begun = 0
        self._last: Progressed | None = None

    def start(self, job: Job) -> None:
        """Give it a job."""
        self.job = job.bare()
        self._last = None
        self._started = time.monotonic()
        # If the worker is dead already, the next wait finds that out.
        with contextlib.suppress(OSError):
            self.connection.send(job)

    def events(self) -> Iterator[Event]:
        """Yield what has arrived; the end of the stream becomes the failure of the running cell."""
        try:
            while self.job is not None and self.connection.poll():
                yield self._noted(self.connection.recv())
            # A process started by the dead one may still hold its end of the connection open.
            died = not self.process.is_alive() and not self.connection.poll()
        except (EOFError, OSError):
            died = True
        if died and self.job is not None:
            yield from self._dead(self.job)

    def _dead(self, job: Job) -> Iterator[Event]:
        """Yield the failure of the job that it was at when it died."""
        if self._ended is None:
            # The connection ends a moment before the process does, whose own exit code is wanted.
            self.process.join(EXIT_SECONDS)
            self.stop()
            self._ended = time.monotonic()
        if self._jobs_begun and self._last is None:
            # It died while it was idle, before it read this job, which is not to blame.
            self.lost, self.job = job, None
        elif not self._in_doubt(self._ended):
            yield self._failed(job, f"the worker process {how_it_ended(self.process.exitcode)}")
            self.job = None

    def _in_doubt(self, ended: float) -> bool:
        """Tell whether this process may have got the signal too that ended the worker; then the cell has not failed."""
        return self.process.exitcode in SIGNALS_TO_ALL and time.monotonic() - ended < SIGNAL_SECONDS

    def _noted(self, event: Event) -> Event:
        if isinstance(event, Progressed):
            self._jobs_begun += self._last is None
            self._last = event
        elif isinstance(event, (Finished, Failed)):
            self.job = None
            if isinstance(event, Failed):
                return Failed(**{**vars(event), "output": self._output()})
        return event

    def stopped_over(self, limits: Limits) -> Failed | None:
        """Stop the process if its cell is over a limit, and return that as a failure."""
        if self.job is None or self.connection.closed:
            return None
        held = 0.0 if limits.memory_mib is None else memory_mib(self._id)
        broken = limits.exceeded(time.monotonic() - self._started, held)
        if broken is None:
            return None
        doing = DOING[self._last.phase if self._last else "start"]
        failed = self._failed(self.job, f"{broken}, while {doing}", held)
        self.stop()
        self.job = None
        return failed

    def _failed(self, job: Job, error: str, held_mib: float = 0.0) -> Failed:
        used = self._last.resources if self._last else Resources(0.0)
        peak = max(used.peak_memory_mib, held_mib)
        ended = self._ended or time.monotonic()
        resources = Resources(ended - self._started, used.cpu_seconds, peak)
        phase: Phase = self._last.phase if self._last else "start"
        return Failed(job.cell, error, "", phase, resources, self._output())

    def _output(self) -> str:
        with contextlib.suppress(OSError):
            return last_characters(self._log, OUTPUT_CHARACTERS)
        return ""

    @property
    def alive(self) -> bool:
        """Whether it can be given a job."""
        return not self.connection.closed and self.process.is_alive()

    def stop(self) -> None:
        """Kill the process and those it has started; it owns nothing that could be left half done."""
        if self.process.is_alive():
            kill_family(self._id)
        self.process.join()
        self.connection.close()


def last_characters(path: Path, count: int) -> str:
    """Read the end of a text file, of which no more is read than that takes.

    Args:
        path: The file.
        count: How many characters at most.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file, io.TextIOWrapper(file, errors="replace") as text:
        # No character takes more than four bytes; one that is cut at the beginning is not among the last ones.
        file.seek(max(0, file.seek(0, io.SEEK_END) - 4 * count))
        return text.read()[-count:]


@contextlib.contextmanager
def changed_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a process about to start: libraries read them when they are loaded."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts, which inherits that until it has arranged to ignore it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def how_it_ended(code: int | None) -> str:
    """Return what the exit code of a process says, in words."""
    how = f"by {_signal_name(-code)}" if code is not None and code < 0 else f"with exit code {code}"
    return f"ended {how}{' (out of memory?)' if code == -signal.SIGKILL else ''}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
