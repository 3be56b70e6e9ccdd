"""Which disruptions a task is checked under: those it can honour."""

from __future__ import annotations

from robust_gym import registry
from robust_gym.conformance.rollout import Rollout, rollout
from robust_gym.conformance.worlds import steps_of
from robust_gym.disruption import Disruption
from robust_gym.kinds import CHANNELS
from robust_gym.support import supported_kinds, unsupported
from robust_gym.task import Task
from robust_gym.tasks import make

LAWS = ("dynamics:random@2", "dynamics:normal@2", "dynamics:corner@2")
"""By which worlds are drawn; a task may refuse some."""

CHANGES = ("dynamics:random:0.3", "dynamics:normal@3", "dynamics:corner@3")
"""The same, of a size that shows within an episode."""


def honoured(task: Task, *texts: str) -> str | None:
    """Return the first of some disruptions of one kind each that a task can honour, or ``None``."""
    for text in texts:
        (term,) = Disruption.parse(text).terms
        if term.spec is None or unsupported(task, term.spec) is None:
            return text
    return None


def some_disruption(task: Task) -> str:
    """Return a disruption of every channel the task supports, for checks that need any."""
    terms = []
    for channel in CHANNELS:
        kinds = supported_kinds(task, channel)
        if kinds:
            terms.append(f"{channel}:{kinds[0].name}@2")
    return "+".join(terms)


def play(id: str, disruption: str | None = None, seed: int = 7) -> Rollout:
    """Play random actions in an environment of its own."""
    return rollout(make(id, disruption=disruption), seed, steps_of(registry.task(id)))
