"""The engine of a Slurm cluster: a job of the queue per cell, submitted with submitit.

A job and the driver have a folder of a shared file system in common, through which events come as files, one each,
that are whole as soon as they can be seen. The job's own process computes nothing: like an actor of the Ray engine it
holds a [LocalEngine][robust_gym.bench.local.LocalEngine] with one worker.

Slurm may start a job again, after a preemption or the loss of its node. The files with the last checkpoint and the
trained policy stay until the cell has ended, so that the second start goes on from there.
"""

from __future__ import annotations

import shutil
import time
import warnings
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robust_gym.bench.cell import Cell
from robust_gym.bench.engine import Event, Failed, Finished, Job
from robust_gym.bench.limits import Limits
from robust_gym.bench.slurm_folder import SUBMITIT, EngineFolder
from robust_gym.bench.slurm_job import GivenUp, run_job
from robust_gym.bench.slurm_queue import Queue, check_queue, requests
from robust_gym.bench.slurm_submitted import Submitted

LOOK_SECONDS = 0.25
"""How often the driver looks for messages."""

ASK_SECONDS = 30.0
"""How often the driver asks whether jobs still exist, and says that it exists itself."""

SOON_SECONDS = 5.0
"""How often it asks while only jobs whose cells have ended keep it from submitting others."""

GRACE_SECONDS = 20.0
"""How much later than a job's end its messages may become visible on a shared file system."""

RETRY_SECONDS = 60.0
"""How long after Slurm has refused a job it is submitted again."""

REFUSALS = 5
"""How many refusals, one after the other and with nothing in the queue, end the campaign."""

GIVEN_UP = 3
"""How often a job may end because it sees no sign of the driver; then something is wrong with the folder."""


class SlurmEngine:
    """Runs jobs in the queue of a Slurm cluster.

    A job that Slurm refuses is submitted again after a minute, if it has taken others.

    Args:
        jobs: How many jobs there are in the queue at once at most, waiting, running or ending.
        folder: A folder that this machine and the nodes have in common; made if need be. What is put there is
            removed when the engine is closed. What killed drivers have left there is removed at the start, and their
            jobs are taken back.
        limits: What each cell may use.
        partition: Slurm's partition; ``None`` for its default.
        minutes: Slurm's time limit of a job, of which a cell has about three less; ``None`` for what the time limit of
            cells asks for, if there is one.
        cpus: Cores of a job, and threads that numerical libraries have in it.
        memory_mib: Memory of a job; ``None`` for a little more than the cell's limit, or for Slurm's default.
        parameters: Other options of ``sbatch`` by name, such as ``{"account": "robots"}``; not another cluster.
        executor: ``"slurm"``, or ``"local"`` for processes of this machine in place of Slurm's jobs.

    Raises:
        ValueError: If a number is too small, if it is not said how long a job may take, if there is no such executor
            or no Slurm, or if Slurm does not tell the states of jobs.
        OSError: If the folder cannot be written.
    """

    def __init__(
        self,
        jobs: int,
        *,
        folder: Path | str,
        limits: Limits = Limits(),  # noqa: B008
        partition: str | None = None,
        minutes: int | None = None,
        cpus: int = 1,
        memory_mib: float | None = None,
        parameters: Mapping[str, Any] | None = None,
        executor: str = "slurm",
    ) -> None:
        if executor not in ("slurm", "local"):
            raise ValueError(f"there is no executor {executor!r}; there are slurm and local")
        for name, number in (("jobs", jobs), ("minutes", minutes), ("cpus", cpus)):
            if number is not None and number < 1:
                raise ValueError(f"the number of {name} must be at least 1, got {number}")
        if executor == "slurm" and shutil.which("sbatch") is None:
            raise ValueError("there is no Slurm here: the command sbatch is not found")
        asked = requests(limits, partition, minutes, cpus, memory_mib, parameters or {})
        if executor == "slurm":
            check_queue()
        self._jobs = jobs
        self._limits = limits
        self._cpus = cpus
        self._submitted: list[Submitted] = []
        # Submitit's handles of jobs whose cell has ended, and which are about to end too.
        self._ending: list[Any] = []
        # Jobs that Slurm has refused, or that have given up: to be submitted again, but not before a certain time.
        self._waiting: deque[Submitted] = deque()
        self._not_before = self._asked = self._touched = float("-inf")
        self._accepted = False
        self._refusals = 0
        self._folder = EngineFolder(Path(folder).absolute())
        self._queue = Queue(executor, self._folder.path / SUBMITIT, asked)

    @property
    def free(self) -> int:
        """How many more jobs it would put into the queue."""
        return 0 if self._waiting else max(0, self._jobs - self._in_queue())

    def _in_queue(self) -> int:
        # For Slurm, and so for its limits, a job is there until it has ended, whatever its cell has said.
        return len(self._submitted) + len(self._ending)

    def submit(self, job: Job) -> None:
        """Put a job into the queue; one that Slurm refuses is submitted again later, if there are others.

        Raises:
            ChildProcessError: If Slurm refuses it, and has accepted none before.
            OSError: If the folder cannot be written.
        """
        self._put(Submitted(job, self._folder.new_cell()))

    def _put(self, one: Submitted) -> None:
        self._show_life()
        try:
            handle = self._queue.submit(run_job, one.job, self._limits, str(one.folder), self._cpus)
        except Exception as error:
            self._refused(one, error)
            return
        self._accepted = True
        self._refusals = 0
        one.handle, one.ended_at = handle, None
        self._submitted.append(one)

    def _refused(self, one: Submitted, error: Exception) -> None:
        """Keep a job for later, as its refusal may pass: Slurm is busy, or as many jobs are there as it allows."""
        line = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        self._refusals += 1
        if not self._accepted or (self._refusals >= REFUSALS and not self._in_queue()):
            raise ChildProcessError(f"{self._queue.executor} refuses the job of {one.job.cell}: {line}") from error
        self._waiting.append(one)
        self._not_before = time.monotonic() + RETRY_SECONDS
        warnings.warn(
            f"{self._queue.executor} refuses a job, which is submitted again in {RETRY_SECONDS:g} s: {line}",
            stacklevel=2,
        )

    def _put_waiting(self) -> None:
        for _ in range(len(self._waiting)):
            if time.monotonic() >= self._not_before and self._in_queue() < self._jobs:
                self._put(self._waiting.popleft())

    def _show_life(self) -> None:
        now = time.monotonic()
        if now - self._touched >= ASK_SECONDS:
            self._touched = now
            self._folder.touch()

    def wait(self, timeout: float) -> list[Event]:
        """Return what has happened, waiting at most ``timeout`` seconds for something to happen.

        Raises:
            ChildProcessError: If Slurm goes on refusing jobs while there are none in the queue.
        """
        end = time.monotonic() + timeout
        while True:
            self._show_life()
            # First, as it may raise an error, and events must not be lost.
            self._put_waiting()
            events = [event for one in list(self._submitted) for event in self._heard(one)]
            events += self._ended()
            left = end - time.monotonic()
            if events or left <= 0:
                return events
            time.sleep(min(left, LOOK_SECONDS))

    def _heard(self, one: Submitted) -> list[Event]:
        messages = one.messages()
        events = [message for message in messages if not isinstance(message, GivenUp)]
        if any(isinstance(event, (Finished, Failed)) for event in events):
            self._forget(one)
        elif len(events) < len(messages):
            one.given_up += 1
            if one.given_up == GIVEN_UP:
                name = self._queue.named(one.handle)
                events.append(one.failed(f"{name} ended: it saw no sign of the driver, {GIVEN_UP} times"))
                self._forget(one)
            else:
                self._submitted.remove(one)
                self._ending.append(one.handle)
                self._waiting.append(one)
        return events

    def _forget(self, one: Submitted) -> None:
        self._submitted.remove(one)
        self._ending.append(one.handle)
        one.remove()

    def _ended(self) -> list[Event]:
        """Find jobs that have ended without saying how their cell did."""
        now = time.monotonic()
        blocked = bool(self._ending) and self._in_queue() >= self._jobs
        if now - self._asked < (min(SOON_SECONDS, ASK_SECONDS) if blocked else ASK_SECONDS):
            return []
        self._asked = now
        states = self._queue.ended(self._handles())
        if states is None:
            return []
        dead = []
        for one in self._submitted:
            state = states.get(one.handle.job_id)
            if state is None:
                one.ended_at = None
            elif one.ended_at is None:
                one.ended_at = now
            elif now - one.ended_at >= GRACE_SECONDS:
                dead.append(one)
        named = self._queue.named
        events: list[Event] = [one.failed(f"{named(one.handle)} ended: {states[one.handle.job_id]}") for one in dead]
        # Should one run on where Slurm does not see it, it must not come back.
        self._queue.cancel([one.handle for one in dead])
        for one in dead:
            self._forget(one)
        self._folder.forget([handle for handle in self._ending if handle.job_id in states])
        self._ending = [handle for handle in self._ending if handle.job_id not in states]
        return events

    def _handles(self) -> list[Any]:
        return [*self._ending, *(one.handle for one in self._submitted)]

    def withdraw(self) -> list[Cell]:
        """Take back the jobs of which nothing was heard yet, and return their cells; nothing more comes of them."""
        back = list(self._waiting)
        self._waiting.clear()
        if self._queue.executor == "slurm":  # jobs of the local executor never wait
            pending = [one for one in self._submitted if not one.begun]
            self._queue.cancel([one.handle for one in pending])
            for one in pending:
                self._forget(one)
            back += pending
        for one in back:
            one.remove()
        return [one.job.cell for one in back]

    def close(self) -> None:
        """Stop everything at once."""
        handles = self._handles()
        self._submitted, self._ending = [], []
        self._waiting.clear()
        self._queue.stop(handles)
        self._folder.remove()
