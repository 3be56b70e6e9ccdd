"""Slurm's queue: what it is asked for, what it says of jobs, and how jobs are taken back.

Ctrl-C in the driver's terminal ends none of the programs that do this half-way: they run in sessions of their own, or,
where submitit starts them, have it held back.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from robust_gym.bench.child import interrupts_held_back
from robust_gym.bench.limits import Limits, kill_family

ENDED = (
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
)
"""States in which a job of Slurm has ended, if Slurm does not start it again."""

ANSWER_SECONDS = 20.0
"""How long Slurm may take to answer."""

CANCEL_AT_ONCE = 100
"""How many jobs are taken back with one call."""

UNANSWERED = 10
"""After how many questions without an answer the driver says that it does not learn of jobs that die."""

CLOSE_SECONDS = 10.0
"""How long jobs of the local executor may take to end."""

SPARE_MINUTES = 5
"""What a job may take longer than its cell's time limit, for starting."""

SPARE_MIB = 1024
"""Memory of a job besides that of its cell, for the process that minds it."""

ELSEWHERE = ("clusters", "M")
"""Options of ``sbatch`` that send a job to another cluster, of whose jobs ``squeue`` does not tell here."""


class Queue:
    """Slurm's queue, or processes of this machine in place of its jobs, through submitit.

    Args:
        executor: ``"slurm"`` or ``"local"``.
        folder: Where submitit keeps its files.
        asked: What ``requests`` has returned.

    Attributes:
        executor: As given.
    """

    def __init__(self, executor: str, folder: Path, asked: Mapping[str, Any]) -> None:
        import submitit

        self.executor = executor
        self._submitit = submitit.AutoExecutor(folder, cluster=executor)
        self._submitit.update_parameters(**asked)
        self._unanswered = 0

    def submit(self, function: Callable[..., None], *arguments: Any) -> Any:
        """Submit a function call as a job, and return submitit's handle of it.

        Raises:
            Exception: If Slurm refuses it: submitit has no error of its own for what sbatch says.
        """
        with interrupts_held_back():
            return self._submitit.submit(function, *arguments)

    def named(self, handle: Any) -> str:
        """Return what a job is called in messages."""
        return f"the {'Slurm' if self.executor == 'slurm' else 'local'} job {handle.job_id}"

    def ended(self, handles: Sequence[Any]) -> dict[str, str] | None:
        """Return the last states of those jobs that have ended, by their ids; ``None`` if Slurm does not answer."""
        if self.executor == "local":
            return {handle.job_id: handle.state for handle in handles if handle.done()}
        known = queue_states() if handles else {}
        if known is None:
            self._unanswered += 1
            if self._unanswered == UNANSWERED:
                warnings.warn(
                    f"squeue has failed {UNANSWERED} times in a row; until it answers, jobs that die are not noticed",
                    stacklevel=2,
                )
            return None
        self._unanswered = 0
        states = {handle.job_id: known.get(handle.job_id, "it is no longer in the queue") for handle in handles}
        return {job: state for job, state in states.items() if job not in known or state in ENDED}

    def cancel(self, handles: Sequence[Any]) -> None:
        """Have Slurm take jobs back, without waiting until they have ended; nothing happens to local ones."""
        if self.executor == "slurm":
            cancel([handle.job_id for handle in handles])

    def stop(self, handles: Sequence[Any]) -> None:
        """Take jobs back; local ones have ended when this returns."""
        self.cancel(handles)
        if self.executor == "slurm":
            return
        for handle in handles:
            # Submitit would send Ctrl-C, which is held back for them.
            if not handle.done():
                os.kill(int(handle.job_id), signal.SIGTERM)
        end = time.monotonic() + CLOSE_SECONDS
        while not all(handle.done() for handle in handles) and time.monotonic() < end:
            time.sleep(0.05)
        for handle in handles:
            if not handle.done():
                kill_family(int(handle.job_id))


def queue_states() -> dict[str, str] | None:
    """Ask Slurm for the states of this user's jobs, by their ids; ``None`` if it does not answer.

    Unlike ``sacct``, by which submitit finds out, ``squeue`` works where Slurm keeps no accounts.
    """
    try:
        answer = _ask()
    except (OSError, subprocess.SubprocessError):
        return None
    # Some sites print lines of their own.
    words = [line.split() for line in answer.splitlines()]
    return {line[0]: line[1] for line in words if len(line) == 2}


def check_queue() -> None:
    """Check that Slurm tells the states of jobs at all: without that, a job that dies is never noticed.

    Raises:
        ValueError: If not.
    """
    try:
        _ask()
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        raise ValueError(
            f"the engine slurm needs a squeue that lists this user's jobs, and it fails: {lines[0]}"
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(f"the engine slurm needs a squeue that lists this user's jobs: {error}") from None


def _ask() -> str:
    command = ["squeue", "--me", "--states=all", "--noheader", "--format=%i %T"]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True, start_new_session=True
    ).stdout


def cancel(jobs: Sequence[str]) -> None:
    """Take jobs back, by their ids, whether they wait or run; one that has ended already is no error.

    If Slurm does not answer, those that run notice by themselves that their folder is gone.
    """
    for start in range(0, len(jobs), CANCEL_AT_ONCE):
        try:
            subprocess.run(
                ["scancel", *jobs[start : start + CANCEL_AT_ONCE]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=ANSWER_SECONDS,
                check=False,
                start_new_session=True,
            )
        except (OSError, subprocess.SubprocessError):
            return


def requests(
    limits: Limits,
    partition: str | None,
    minutes: int | None,
    cpus: int,
    memory_mib: float | None,
    parameters: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what is asked of Slurm for each job, in submitit's words.

    Args:
        limits: What a cell may use.
        partition: Slurm's partition; ``None`` for its default.
        minutes: The time of a job; ``None`` for a little more than the cell's.
        cpus: Cores of a job.
        memory_mib: Memory of a job; ``None`` for a little more than the cell's.
        parameters: Other options of ``sbatch``.

    Raises:
        ValueError: If a value makes no sense, or if nothing says how long a job may take.
    """
    for name in ELSEWHERE:
        if name in parameters:
            raise ValueError(
                f"the engine slurm sends jobs to the cluster of this machine only, and its parameters have "
                f"{name!r}: {parameters[name]!r}; start it on a login node of that cluster"
            )
    if memory_mib is not None and not (memory_mib > 0 and math.isfinite(memory_mib)):
        raise ValueError(f"memory_mib of the engine slurm must be a positive number of MiB, got {memory_mib:g}")
    if minutes is None:
        if limits.seconds is None:
            raise ValueError("the engine slurm needs a time limit of cells, or minutes, for Slurm to plan with")
        minutes = math.ceil(limits.seconds / 60) + SPARE_MINUTES
    if memory_mib is None and limits.memory_mib is not None:
        memory_mib = limits.memory_mib + SPARE_MIB
    asked: dict[str, Any] = {"name": "robust-gym", "timeout_min": minutes, "cpus_per_task": cpus}
    if memory_mib is not None:
        asked["mem_gb"] = math.ceil(memory_mib) / 1024
    if partition is not None:
        asked["slurm_partition"] = partition
    if parameters:
        asked["slurm_additional_parameters"] = dict(parameters)
    return asked
