"""The engine of a Ray cluster: actors on its nodes, each of which minds one worker process.

The process of an actor computes nothing itself: it holds a [LocalEngine][robust_gym.bench.local.LocalEngine] with one
worker, so that limits, output, and the death of a cell are the same here as on one machine, and are seen where they
happen. Cells travel to the nodes and events back through Ray; no file system is shared. What the cells need must be
installed on every node: robust-gym in the version of the driver, and the plug-ins.
"""

from __future__ import annotations

import contextlib
import math
import socket
import time
from collections import deque
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from robust_gym.bench.cell import Cell
from robust_gym.bench.child import changed_environment
from robust_gym.bench.engine import Event, Job
from robust_gym.bench.limits import Limits
from robust_gym.bench.local import default_jobs
from robust_gym.bench.ray_actor import Actor, Supervisor

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Environment variables for Ray: it reports to nobody, and does not warn of its own next version."""

CONNECT_SECONDS = 10.0
"""How long a cluster may take to accept a connection."""

LOOK_SECONDS = 0.5
"""How often a node is looked at whose actor does not answer."""

DIED_SECONDS = 3.0
"""How long a node is given to be found dead after an actor of it has died."""

SILENT_SECONDS = 60.0
"""How long it is given when the actor cannot be reached, which Ray takes longer to make sense of."""

START_FAILURES = 3
"""How many actors may fail to start, one after the other, before the campaign ends."""


REASON_CHARACTERS = 500
"""How much of what Ray says about the end of an actor is kept."""


class RayEngine:
    """Runs jobs on a Ray cluster.

    A cell whose process dies has failed, as on one machine. One whose node is lost is computed once more on another,
    from its trained policy or its last checkpoint if the driver has kept one, and so is one that had not begun when
    its actor died; a second time, it fails. Jobs that have not started wait until the cluster has room for them, which
    may be for ever if no node is large enough.

    Args:
        jobs: How many cells are computed at once at most; ``None`` for as many as the cluster has room for now.
        limits: What each cell may use. A limit of memory is also what Ray reserves for a cell.
        address: ``host:port`` of a cluster, ``"auto"`` for one that runs on this machine, or ``None`` to start one
            here that ends with the engine. Where this process has called ``ray.init`` already, that cluster is used
            and left running.
        cpus: Cores that Ray reserves for a cell; numerical libraries have as many threads, and at least one.

    Raises:
        ValueError: If there is no such cluster, if it has room for no cell, or if a number is too small.
    """

    def __init__(
        self,
        jobs: int | None = None,
        *,
        limits: Limits = Limits(),  # noqa: B008
        address: str | None = None,
        cpus: float = 1.0,
    ) -> None:
        if jobs is not None and jobs < 1:
            raise ValueError(f"the number of jobs must be at least 1, got {jobs}")
        if not cpus > 0:
            raise ValueError(f"a cell needs more than 0 cores, got {cpus:g}")
        import ray

        self._ray = ray
        self._began_here = not ray.is_initialized()
        if self._began_here:
            here = jobs or max(1, math.floor(default_jobs() / cpus))
            _connect(ray, address, math.ceil(here * cpus))
        self._needs: dict[str, float] = {"num_cpus": cpus}
        if limits.memory_mib is not None:
            self._needs["memory"] = math.ceil(limits.memory_mib * 2**20)
        self._class = ray.remote(Supervisor)
        self._limits = limits
        self._actors: list[Actor] = []
        self._waiting: deque[Job] = deque()
        self._resubmitted: set[PurePosixPath] = set()
        self._start_failures = 0
        self._jobs = jobs or self._room()
        if self._jobs < 1:
            self.close()
            raise ValueError(f"no node of the Ray cluster has room for a cell, which needs {self._said_needs()}")

    def _said_needs(self) -> str:
        memory = f" and {self._limits.memory_mib:g} MiB of memory" if self._limits.memory_mib is not None else ""
        return f"{self._needs['num_cpus']:g} CPU{memory}"

    def _room(self) -> int:
        """How many cells all nodes together could compute at once."""
        named = {"CPU": self._needs["num_cpus"], "memory": self._needs.get("memory", 1)}
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return sum(math.floor(min(node.get(name, 0) / need for name, need in named.items())) for node in nodes)

    @property
    def free(self) -> int:
        """How many more jobs it would take."""
        return self._jobs - len(self._waiting) - sum(actor.job is not None for actor in self._actors)

    def submit(self, job: Job) -> None:
        """Start a job, as soon as an actor has room for it."""
        # What it goes on from may be large, and is read again when it starts.
        self._waiting.append(job.bare())
        self._assign()

    def withdraw(self) -> list[Cell]:
        """Take back the jobs for which no actor has had room."""
        cells = [job.cell for job in self._waiting]
        self._waiting.clear()
        return cells

    def _assign(self) -> None:
        for actor in self._actors:
            if actor.idle and self._waiting:
                actor.start(self._waiting.popleft())
        starting = sum(actor.node is None for actor in self._actors)
        # Whichever actor is there first takes a job, so that none waits for room on a node that was lost.
        for _ in range(min(len(self._waiting) - starting, self._jobs - len(self._actors))):
            options = {**self._needs, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
            threads = max(1, math.floor(self._needs["num_cpus"]))
            self._actors.append(Actor(self._class.options(**options).remote(self._limits, threads)))

    def wait(self, timeout: float) -> list[Event]:
        """Return what has happened, waiting at most ``timeout`` seconds for something to happen.

        Raises:
            ChildProcessError: If actors cannot start, for example because robust-gym is not installed on the nodes.
        """
        end = time.monotonic() + timeout
        while True:
            events = [event for actor in list(self._actors) for event in self._judged(actor)]
            self._assign()
            left = max(0.0, end - time.monotonic())
            events += self._news(0.0 if events else left)
            self._assign()
            if events or time.monotonic() >= end:
                return events

    def _news(self, timeout: float) -> list[Event]:
        sources = {actor.source: actor for actor in self._actors if actor.source is not None}
        if any(actor.judged_at is not None for actor in self._actors):
            timeout = min(timeout, LOOK_SECONDS)
        if not sources:
            time.sleep(timeout)
            return []
        self._ray.wait(list(sources), num_returns=1, timeout=timeout)
        ready, _ = self._ray.wait(list(sources), num_returns=len(sources), timeout=0)
        return [event for source in ready for event in self._heard(sources[source])]

    def _heard(self, actor: Actor) -> Iterator[Event]:
        """Yield what an actor has to say."""
        errors = self._ray.exceptions
        try:
            if actor.node is None:
                actor.node = self._ray.get(actor.asked)
                self._start_failures = 0
            else:
                yield actor.noted(self._ray.get(next(actor.stream)))
        except StopIteration:
            # It has no more to say, and has not said how the job ended: Ray lost events.
            actor.judged_at = time.monotonic()
        except errors.RayTaskError as error:
            # The actor lives, but what it was doing has ended in an error of its own.
            if actor.job is not None:
                yield actor.failed(_line(error), str(error))
            self._dismiss(actor)
        except errors.RayError as error:
            if actor.job is None:
                self._could_not_start(actor, error)
            else:
                actor.reason = _reason(error)
                died = isinstance(error, errors.ActorDiedError)
                actor.judged_at = time.monotonic() + (DIED_SECONDS if died else SILENT_SECONDS)

    def _could_not_start(self, actor: Actor, error: Any) -> None:
        self._dismiss(actor)
        # If its node was lost meanwhile, another actor takes its place.
        self._start_failures += bool(getattr(error, "actor_init_failed", False))
        if self._start_failures >= START_FAILURES:
            raise ChildProcessError(f"Ray cannot start a worker: {_line(error)}")

    def _judged(self, actor: Actor) -> Iterator[Event]:
        """Decide what becomes of the job of an actor that does not answer."""
        if actor.judged_at is None or actor.job is None:
            return
        lost = not any(node["Alive"] and node["NodeID"] == actor.node for node in self._ray.nodes())
        if not lost and time.monotonic() < actor.judged_at:
            return
        path = actor.job.cell.path
        begun = actor.last is not None
        why = f": {actor.reason}" if actor.reason else ""
        if begun and not lost:
            yield actor.failed(f"the worker process ended, while its node {actor.node} went on{why}")
        elif path in self._resubmitted:
            what = "its node was lost" if lost else "the worker process ended"
            yield actor.failed(f"{what}, and the same had happened to the cell before{why}")
        else:
            self._resubmitted.add(path)
            self._waiting.appendleft(actor.job)
        self._dismiss(actor)

    def _dismiss(self, actor: Actor) -> None:
        self._actors.remove(actor)
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor.handle)

    def close(self) -> None:
        """Stop everything at once."""
        for actor in list(self._actors):
            self._dismiss(actor)
        self._waiting.clear()
        if self._began_here:
            self._ray.shutdown()


def _connect(ray: Any, address: str | None, cpus: int) -> None:
    """Connect this process to a cluster, or start one.

    Raises:
        ValueError: If there is none at the address.
    """
    if address not in (None, "auto"):
        _check_reachable(str(address))
    common = {"log_to_driver": False, "logging_level": "ERROR"}
    with changed_environment(QUIET):
        if address is None:
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, **common)
            return
        try:
            ray.init(address=address, **common)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ValueError(f"there is no Ray cluster at {address!r}: {_line(error)}") from None


def _check_reachable(address: str) -> None:
    """Find out whether anybody listens at an address, about which Ray would take its time.

    Raises:
        ValueError: If not.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise ValueError(f"a Ray cluster is given as host:port or auto, got {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ValueError(f"there is no Ray cluster at {address!r}: {_line(error)}") from None


def _reason(error: Exception) -> str:
    """Return what an error of Ray says about the end of an actor, in one line."""
    # It begins with what is true of every actor that has died, and which one it was.
    general = getattr(error, "BASE_ERROR_MSG", "")
    lines = [line for line in str(error).splitlines() if line.strip() and line != general and not line[0].isspace()]
    line = ": ".join([type(error).__name__, *lines[:1]])
    return line if len(line) <= REASON_CHARACTERS else f"{line[:REASON_CHARACTERS]} ..."


def _line(error: Exception) -> str:
    """Return the last line of an error that may be a whole traceback."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
