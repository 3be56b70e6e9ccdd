"""The engine of one machine: a few persistent processes, each with one thread unless more are asked for.

A process that dies (killed, out of memory, a crash in native code) takes only its own cell with it, which
``concurrent.futures.ProcessPoolExecutor`` cannot offer: there, one dead process breaks the pool.
"""

from __future__ import annotations

import time
from multiprocessing.connection import wait

from robust_gym.bench.cell import Cell
from robust_gym.bench.child import Worker
from robust_gym.bench.cores import Cores, cpu_quota, usable_cores
from robust_gym.bench.engine import Event, Job
from robust_gym.bench.limits import Limits
from robust_gym.bench.scratch import Scratch

WATCH_SECONDS = 0.25
"""How often cells are compared with their limits."""


def default_jobs() -> int:
    """Return the number of cores this process may use, or of those that its container may use at a time."""
    cores, quota = len(usable_cores()), cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


class LocalEngine:
    """Runs jobs in processes of this machine.

    Each process stays on a core of its own, and so is the only one to use that core's cache; the simulators that
    step with a thread per core then use one thread. With more processes than cores none is pinned, nor are those for
    which other campaigns have left no core, nor where this process cannot see which cores others have taken
    ([Cores][robust_gym.bench.cores.Cores]), nor with several cores for each process.

    Args:
        jobs: How many processes there are at most; they start when they are needed.
        limits: What each cell may use.
        cpus: Cores for each process, and threads that numerical libraries have in it.

    Raises:
        ValueError: If ``jobs`` or ``cpus`` is less than one, or this system cannot tell what is limited.
    """

    def __init__(self, jobs: int, *, limits: Limits = Limits(), cpus: int = 1) -> None:  # noqa: B008
        if jobs < 1:
            raise ValueError(f"the number of jobs must be at least 1, got {jobs}")
        if cpus < 1:
            raise ValueError(f"a cell needs at least 1 core, got {cpus}")
        limits.check_system()
        self._jobs = jobs
        self._limits = limits
        self._cpus = cpus
        self._workers: list[Worker] = []
        self._count = 0
        self._cores = Cores()
        # What algorithms leave in temporary files goes with it.
        self._scratch = Scratch()

    @property
    def free(self) -> int:
        """How many more jobs it would start at once."""
        return self._jobs - len(self._busy())

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.job is not None]

    def submit(self, job: Job) -> None:
        """Start a job, in an idle process or in a new one."""
        idle = self._idle()
        if idle:
            worker = idle[0]
        else:
            self._count += 1
            scratch = self._scratch.path
            core = self._cores.take() if self._cpus == 1 and self._cores.enough_for(self._jobs) else None
            worker = Worker(scratch / f"worker-{self._count}.log", {"TMPDIR": str(scratch)}, core, self._cpus)
            self._workers.append(worker)
        worker.start(job)

    def _idle(self) -> list[Worker]:
        """Return the processes that wait for a job, and forget those that have died meanwhile."""
        idle = []
        for worker in [worker for worker in self._workers if worker.job is None]:
            if worker.alive:
                idle.append(worker)
                continue
            self._workers.remove(worker)
            if worker.core is not None:
                self._cores.give_back(worker.core)
        return idle

    def wait(self, timeout: float) -> list[Event]:
        """Return what has happened, waiting at most ``timeout`` seconds for something to happen."""
        end = time.monotonic() + timeout
        while True:
            left = max(0.0, end - time.monotonic())
            busy = self._busy()
            if not busy:
                time.sleep(left)
                return []
            # Of a worker that has died a moment ago, it may not be clear yet whether its cell has failed.
            heard = [worker.connection for worker in busy if not worker.connection.closed]
            wait(heard, min(left, WATCH_SECONDS) if self._limits.any or len(heard) < len(busy) else left)
            events = [event for worker in busy for event in worker.events()]
            events += self._stopped(busy)
            self._submit_lost(busy)
            if events or time.monotonic() >= end:
                return events

    def _stopped(self, busy: list[Worker]) -> list[Event]:
        """Stop the cells that are over a limit."""
        if not self._limits.any:
            return []
        return [failed for worker in busy if (failed := worker.stopped_over(self._limits)) is not None]

    def _submit_lost(self, busy: list[Worker]) -> None:
        for worker in busy:
            if worker.lost is not None:
                job, worker.lost = worker.lost, None
                self.submit(job.renewed())

    def withdraw(self) -> list[Cell]:
        """Take back no job: each has a process, which has begun with it."""
        return []

    def close(self) -> None:
        """Stop everything at once."""
        for worker in self._workers:
            if not worker.connection.closed:
                worker.stop()
        self._workers = []
        self._cores.close()
        self._scratch.remove()
