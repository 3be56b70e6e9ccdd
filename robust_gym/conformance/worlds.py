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
from robust_gym.wrappers.parallel_limit import ParallelTimeLimit

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
        self,
        disruption: str | None = None,
        seed: int = 7,
        steps: int | None = None,
        check_spaces: bool = False,
        actions: int | None = None,
    ) -> Rollout:
        """Play random actions under a disruption.

        Args:
            disruption: A disruption string; ``None`` is the undisturbed world.
            seed: Seed of the first reset.
            steps: Steps to take; by default those of the worlds.
            check_spaces: Whether to check that every observation is inside its space.
            actions: Seed of the actions; by default that of the reset.

        Raises:
            AssertionError: If an observation is outside its space; the message names the disruption.
        """
        parsed = Disruption.parse(disruption)
        wrap = disturb_parallel if self.task.api == "parallel" else disturb
        env = limited(wrap(self._env, self.task, parsed), self.task)
        try:
            return rollout(env, seed, steps or self.steps, check_spaces, close=False, actions=actions)
        except AssertionError as error:
            raise AssertionError(f"under {disruption or 'none'}: {error}") from None
        finally:
            if parsed.of("dynamics"):
                restore(env)


def limited(env: Any, task: Task) -> Any:
    """Return an environment with the task's time limit, as ``make`` puts it on."""
    limit = ParallelTimeLimit if task.api == "parallel" else gym.wrappers.TimeLimit
    return limit(env, task.horizon)


def steps_of(task: Task) -> int:
    """Return how many steps a rollout of a task takes."""
    return SLOW_STEPS if task.slow else STEPS


def worlds_of(id: str) -> Worlds:
    """Return a task's worlds, for rollouts of its length."""
    return Worlds(id, steps_of(registry.task(id)))
