"""What is known of an algorithm before anything that it needs is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from robust_gym import kinds
from robust_gym.support import unsupported
from robust_gym.task import Task, missing


@dataclass(frozen=True)
class AlgorithmInfo:
    """What is known of an algorithm without importing what it needs.

    Attributes:
        name: Registered name, as in ``--algo NAME``.
        about: One sentence.
        cls: The dataclass that implements it; its fields are the algorithm's arguments.
        apis: The task APIs it can train on.
        actions: The action spaces it can train on.
        observations: The observations it can train on.
        cooperative: Whether it needs agents that share one goal.
        cost: Whether it needs a task whose steps report a cost.
        honours: Kinds of disruption, ``CHANNEL:KIND``, that a task must honour because training makes use of them.
        tasks: The only tasks it can train on; empty for no such limit.
        families: The only families it can train on; empty for no such limit.
        because: What the tasks of those families have that others lack, as in "tasks whose simulator ...".
        modules: Modules that must be importable.
        install: What to type when one is not.
        train: ``"nominal"``, or ``"disrupted"`` when training itself uses disruptions.
        privileges: What it may know beyond observations.
        compare: Algorithms that ``bench`` runs beside it for comparison.
        paper: Where the method comes from.
    """

    name: str
    about: str
    cls: type[Any]
    apis: tuple[str, ...]
    actions: tuple[str, ...] = ("box", "discrete")
    observations: tuple[str, ...] = ("box", "image", "discrete", "dict")
    cooperative: bool = False
    cost: bool = False
    honours: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    because: str = ""
    modules: tuple[str, ...] = ()
    install: str = "pip install robust-gym"
    train: str = "nominal"
    privileges: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    paper: str = ""

    def missing(self) -> str | None:
        """Return the one line that says what to install, or ``None`` when the algorithm can be used."""
        return missing(self.name, self.modules, self.install)

    def refuses(self, task: Task) -> str | None:
        """Return why the algorithm cannot train on a task, or ``None`` when it can."""
        if task.api not in self.apis:
            kinds_of_task = {"gymnasium": "single-agent", "parallel": "multi-agent"}
            wanted = " and ".join(kinds_of_task[api] for api in self.apis)
            return f"{self.name} trains on {wanted} tasks; {task.id} is a {kinds_of_task[task.api]} one"
        if task.action not in self.actions:
            return f"{self.name} trains on {' or '.join(self.actions)} actions; {task.id} has {task.action} ones"
        if task.observation not in self.observations:
            wanted = " or ".join(self.observations)
            return f"{self.name} trains on {wanted} observations; {task.id} has {task.observation} ones"
        if self.cooperative and task.competitive:
            return f"{self.name} trains agents that share one goal; those of {task.id} compete"
        if self.cost and not task.cost:
            return f"{self.name} learns from costs; {task.id} reports none"
        for one in self.honours:
            kind = kinds.find_kind(*one.split(":"))
            reason = "there is no such kind" if kind is None else unsupported(task, kind)
            if reason:
                return f"{self.name} trains under {one!r}, which {task.id} cannot honour: {reason}"
        if self.tasks and task.id not in self.tasks:
            return f"{self.name} has nothing for {task.id}; it has {', '.join(self.tasks)}"
        if self.families and task.family not in self.families:
            families = ", ".join(self.families)
            return f"{self.name} trains on tasks {self.because} (families {families}); {task.id} is of {task.family}"
        return None
