"""The cost channel of safe tasks: what the agent is told its step has cost. The true cost stays in ``info``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym.disruption import DisruptionError
from robust_gym.task import Task
from robust_gym.wrappers.base import ChannelWrapper, Signal, channel_terms, find_task
from robust_gym.wrappers.runner import Chain


def cost_signal(task: Task | None) -> Signal:
    """Describe the cost: a number of at least zero, in units of the task's measured scale (or 1)."""
    scale = 1.0 if task is None or task.cost_scale is None else task.cost_scale
    family = "" if task is None else task.family
    return Signal(spaces.Box(0.0, np.inf, (), np.float64), np.asarray(scale), 0.0, family=family)


class CostDisruption(ChannelWrapper):
    """Disturbs the cost that the agent is told in ``info["cost"]``.

    Noise is in units of the task's cost scale: the root mean square of one step's cost under the random policy,
    over the steps that cost anything.

    Args:
        env: The environment, whose every step has ``info["cost"]``.
        disruption: Terms of the cost channel, such as ``"cost:dropout:0.2"``.
        task: Id of the task whose cost scale applies; ``None`` for an environment of your own.

    Raises:
        DisruptionError: If the string is malformed.
    """

    def __init__(self, env: gym.Env[Any, Any], disruption: str, task: str | None = None) -> None:
        RecordConstructorArgs.__init__(self, disruption=disruption, task=task)
        gym.Wrapper.__init__(self, env)
        self._chain = Chain(channel_terms(disruption, "cost"), cost_signal(find_task(task)))
        self._chains = (self._chain,)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, disturb the cost, and tell the true one in ``info["nominal_cost"]``.

        Raises:
            DisruptionError: If the environment reports no cost.
        """
        observation, reward, terminated, truncated, info = self.env.step(action)
        if "cost" not in info:
            raise DisruptionError(f"{self.env} reports no info['cost'], so that a cost disruption would do nothing")
        true = float(info["cost"])
        return (
            observation,
            reward,
            terminated,
            truncated,
            {"nominal_cost": true, **info, "cost": float(self._chain(true))},
        )
