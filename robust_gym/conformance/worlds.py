"""One environment under many disruptions, one after the other: what makes checking hundreds of them affordable."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import gymnasium as gym

from robust_gym import registry
from robust_gym.conformance.rollout import Rollout, rollout
from robust_gym.disruption import Disruption
from robust_gym.task import Task
from robust_gym.tasks import undisturbed
from robust_gym.wrappers.apply import disturb, disturb_parallel
from robust_gym.wrappers.dynamics import restore

STEPS = 200
SLOW_STEPS = 50
"""Steps of a rollout, of a slow task."""


class Worlds:
    """Plays rollouts of one task in one environment, built once, whose dynamics are nominal again after each.

    Args:
        id: The task's id.
        steps: Steps of a rollout.
    """

    def __init__(self, id: str, steps: int) -> None:
        self.task: Task = registry.task(id)
        self.steps = steps
        self._env = undisturbed(self.task)

    def __enter__(self) -> Worlds:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._env.close()

    def play(
        self, disruption: str | None = None, seed: int = 7, steps: int | None = None, check_spaces: bool = False
    ) -> Rollout:
        """Play random actions under a disruption.

        Raises:
            AssertionError: If an observation is outside its space; the message names the disruption.
        """
        parsed = Disruption.parse(disruption)
        wrap = disturb_parallel if self.task.api == "parallel" else disturb
        env: Any = wrap(self._env, self.task, parsed)
        if self.task.api != "parallel":
            env = gym.wrappers.TimeLimit(env, self.task.horizon)
        try:
            return rollout(env, seed, steps or self.steps, check_spaces, close=False)
        except AssertionError as error:
            raise AssertionError(f"under {disruption or 'none'}: {error}") from None
        finally:
            if parsed.of("dynamics"):
                restore(env)


def steps_of(task: Task) -> int:
    """Return how many steps a rollout of a task takes."""
    return SLOW_STEPS if task.slow else STEPS


def worlds_of(id: str) -> Worlds:
    """Return a task's worlds, for rollouts of its length."""
    return Worlds(id, steps_of(registry.task(id)))
