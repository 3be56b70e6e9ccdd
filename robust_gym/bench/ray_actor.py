"""What the Ray engine starts on the nodes: actors, each of which minds one worker process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from robust_gym.bench.engine import Event, Failed, Finished, Job, Phase, Progressed, Resources
from robust_gym.bench.limits import Limits
from robust_gym.bench.local import LocalEngine


class Supervisor:
    """What runs on the nodes: the actor.

    Args:
        limits: What each cell may use.
        cpus: Cores for a cell.
    """

    def __init__(self, limits: Limits, cpus: int) -> None:
        self._engine = LocalEngine(1, limits=limits, cpus=cpus)

    def node(self) -> str:
        """Return the id of its node."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def run(self, job: Job) -> Iterator[Event]:
        """Compute a job; the last event is ``Finished`` or ``Failed``.

        A signal that ends all of a node is no failure of the cell: Ray ends this process by it before the engine judges
        the worker, and then finds out that the node is lost.
        """
        self._engine.submit(job)
        while not self._engine.free:
            # Ray sends values into generators, which "yield from" a list does not take.
            for event in self._engine.wait(60.0):  # noqa: UP028
                yield event


class Actor:
    """One actor seen from the driver, and the job it is at.

    Args:
        handle: Ray's handle of it.

    Attributes:
        node: Id of its node, once it has started.
        job: What it is at.
        judged_at: Set when it does not answer: until when its node may turn out to be lost.
        reason: What Ray says about that, in one line.
    """

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.asked: Any = handle.node.remote()
        self.node: str | None = None
        self.job: Job | None = None
        self.stream: Any = None
        self.started = 0.0
        self.last: Progressed | None = None
        self.judged_at: float | None = None
        self.reason = ""

    def start(self, job: Job) -> None:
        """Give it a job."""
        self.job = job.bare()
        self.last = None
        self.started = time.monotonic()
        self.stream = self.handle.run.options(num_returns="streaming").remote(job.renewed())

    @property
    def idle(self) -> bool:
        """Whether it can be given a job."""
        return self.node is not None and self.job is None and self.judged_at is None

    @property
    def source(self) -> Any:
        """Where its next news come from, or ``None``."""
        if self.judged_at is not None:
            return None
        return self.asked if self.node is None else self.stream

    def noted(self, event: Event) -> Event:
        """Take note of an event of its job, and return it."""
        assert self.job is not None
        if isinstance(event, Progressed):
            self.last = event
        elif isinstance(event, (Finished, Failed)):
            self.job = self.stream = None
        return event

    def failed(self, error: str, traceback: str = "") -> Failed:
        """Return its job as a failure."""
        assert self.job is not None
        used = self.last.resources if self.last else Resources(0.0)
        resources = Resources(time.monotonic() - self.started, used.cpu_seconds, used.peak_memory_mib)
        phase: Phase = self.last.phase if self.last else "start"
        return Failed(self.job.cell, error, traceback, phase, resources)
