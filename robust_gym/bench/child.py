"""A worker process of this machine, seen from the process that started it."""

from __future__ import annotations

import contextlib
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

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)
"""What keeps numerical libraries to one thread per process."""


class Worker:
    """One process, and the job it is at.

    Args:
        log: File for what it prints.
        environment: Environment variables that it has besides those of this process.
        core: The core it stays on; ``None`` for any.

    Attributes:
        job: What it is at.
        lost: A job that it was given but was dead for already; somebody else should have it.
        core: The core it stays on.
    """

    def __init__(self, log: Path, environment: Mapping[str, str], core: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=worker_main, args=(theirs, str(log), core))
        with changed_environment(environment), interrupts_held_back():
            self.process.start()
        assert self.process.pid is not None
        self._id = self.process.pid
        # The other end must be open in the worker alone, so that its death ends the stream.
        theirs.close()
        self.core = core
        self._log = log
        self._started = 0.0
        self.job: Job | None = None
        self.lost: Job | None = None
        self._jobs_begun = 0
        self._last: Progressed | None = None

    def start(self, job: Job) -> None:
        """Give it a job."""
        self.job = job
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
            # The connection ends a moment before the process does, whose own exit code is wanted.
            self.process.join(EXIT_SECONDS)
            self.stop()
            if self._jobs_begun and self._last is None:
                # It died while it was idle, before it read this job, which is not to blame.
                self.lost, self.job = self.job, None
            else:
                yield self._death(self.job)
                self.job = None

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
        if self.job is None:
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

    def _death(self, job: Job) -> Failed:
        return self._failed(job, f"the worker process {how_it_ended(self.process.exitcode)}")

    def _failed(self, job: Job, error: str, held_mib: float = 0.0) -> Failed:
        used = self._last.resources if self._last else Resources(0.0)
        peak = max(used.peak_memory_mib, held_mib)
        resources = Resources(time.monotonic() - self._started, used.cpu_seconds, peak)
        phase: Phase = self._last.phase if self._last else "start"
        return Failed(job.cell, error, "", phase, resources, self._output())

    def _output(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_text(errors="replace")[-OUTPUT_CHARACTERS:]
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
