"""The engine of one machine: a few persistent processes, each with one thread.

A process that dies (killed, out of memory, a crash in native code) takes only its own cell with it, which
``concurrent.futures.ProcessPoolExecutor`` cannot offer: there, one dead process breaks the pool.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

from robust_gym.bench.engine import Event, Failed, Finished, Job, Phase, Progressed, Resources
from robust_gym.bench.process import worker_main
from robust_gym.bench.scratch import Scratch

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


def default_jobs() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Worker:
    """One process, and the job it is at."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=worker_main, args=(theirs, str(log)))
        with _environment(environment), _interrupts_held_back():
            self.process.start()
        # The other end must be open in the worker alone, so that its death ends the stream.
        theirs.close()
        self._log = log
        self._started = 0.0
        self.job: Job | None = None
        self.lost: Job | None = None
        self._jobs_begun = 0
        self._last: Progressed | None = None

    def start(self, job: Job) -> None:
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
                yield self._noted(self._death(self.job))

    def _noted(self, event: Event) -> Event:
        if isinstance(event, Progressed):
            self._jobs_begun += self._last is None
            self._last = event
        elif isinstance(event, (Finished, Failed)):
            self.job = None
            if isinstance(event, Failed):
                return Failed(**{**vars(event), "output": self._output()})
        return event

    def _death(self, job: Job) -> Failed:
        code = self.process.exitcode
        how = f"by {_signal_name(-code)}" if code is not None and code < 0 else f"with exit code {code}"
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        phase: Phase = self._last.phase if self._last else "start"
        used = self._last.resources if self._last else Resources(0.0)
        resources = Resources(time.monotonic() - self._started, used.cpu_seconds, used.peak_memory_mib)
        return Failed(job.cell, f"the worker process ended {how}{hint}", "", phase, resources)

    def _output(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_text(errors="replace")[-OUTPUT_CHARACTERS:]
        return ""

    @property
    def alive(self) -> bool:
        return not self.connection.closed and self.process.is_alive()

    def stop(self) -> None:
        """Kill the process; it owns nothing that could be left half done."""
        self.process.kill()
        self.process.join()
        self.connection.close()


class LocalEngine:
    """Runs jobs in processes of this machine.

    Args:
        jobs: How many processes there are at most; they start when they are needed.

    Raises:
        ValueError: If ``jobs`` is less than one.
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise ValueError(f"the number of jobs must be at least 1, got {jobs}")
        self._jobs = jobs
        self._workers: list[_Worker] = []
        self._count = 0
        # What algorithms leave in temporary files goes with it.
        self._scratch = Scratch()

    @property
    def free(self) -> int:
        """How many more jobs it would start at once."""
        return self._jobs - len(self._busy())

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.job is not None]

    def submit(self, job: Job) -> None:
        """Start a job, in an idle process or in a new one."""
        self._workers = [worker for worker in self._workers if worker.job is not None or worker.alive]
        idle = [worker for worker in self._workers if worker.job is None]
        if idle:
            worker = idle[0]
        else:
            self._count += 1
            scratch = self._scratch.path
            environment = {**ONE_THREAD, "TMPDIR": str(scratch)}
            worker = _Worker(scratch / f"worker-{self._count}.log", environment)
            self._workers.append(worker)
        worker.start(job)

    def wait(self, timeout: float) -> list[Event]:
        """Return what has happened, waiting at most ``timeout`` seconds for something to happen."""
        busy = self._busy()
        if not busy:
            time.sleep(timeout)
            return []
        wait([worker.connection for worker in busy], timeout)
        events = [event for worker in busy for event in worker.events()]
        for worker in busy:
            if worker.lost is not None:
                job, worker.lost = worker.lost, None
                self.submit(job)
        return events

    def close(self) -> None:
        """Stop everything at once."""
        for worker in self._workers:
            if not worker.connection.closed:
                worker.stop()
        self._workers = []
        self._scratch.remove()


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
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
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts, which inherits that until it has arranged to ignore it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
