"""The reward channel: what the agent is told it has earned. The true reward stays in ``info``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym import registry
from robust_gym.task import Task
from robust_gym.wrappers.base import ChannelWrapper, Signal, channel_terms, find_task
from robust_gym.wrappers.runner import Chain


def reward_signal(task: Task | None) -> Signal:
    """Describe the reward: an unbounded number, in units of the task's measured scale (or 1)."""
    scale = 1.0 if task is None or task.reward_scale is None else task.reward_scale
    family = "" if task is None else task.family
    return Signal(spaces.Box(-np.inf, np.inf, (), np.float64), np.asarray(scale), 0.0, family=family)


def truth(reward: Any, info: dict[str, Any]) -> dict[str, Any]:
    """Return an ``info`` with the true reward and, where there is one, the true cost of a step."""
    noted = {**info, "nominal_reward": float(reward)}
    if "cost" in info:
        noted["nominal_cost"] = float(info["cost"])
    return noted


class Nominal(ChannelWrapper):
    """Tells the truth in ``info``.

    Each step's reward is in ``"nominal_reward"``, its cost, where there is one, in ``"nominal_cost"``, and the
    world at reset in ``"dynamics"``.

    Args:
        env: The environment.
        task: Id of the task whose parameters ``info["dynamics"]`` names, all at their nominal values here, in the
            units of disruption strings; ``None`` leaves it out.
    """

    def __init__(self, env: gym.Env[Any, Any], task: str | None = None) -> None:
        RecordConstructorArgs.__init__(self, task=task)
        gym.Wrapper.__init__(self, env)
        self._dynamics = {} if task is None else registry.task(task).nominal_values()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset, and note the world."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {**info, "dynamics": dict(self._dynamics)} if self._dynamics else info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and note the reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        noted = truth(reward, info)
        return observation, reward, terminated, truncated, noted


class RewardDisruption(ChannelWrapper):
    """Disturbs the reward that the agent is told.

    Noise is in units of the task's reward scale: the root mean square of one step's reward under the random
    policy.

    Args:
        env: The environment.
        disruption: Terms of the reward channel, such as ``"reward:flip:0.1"``.
        task: Id of the task whose reward scale applies; ``None`` for an environment of your own.

    Raises:
        DisruptionError: If the string is malformed.
    """

    def __init__(self, env: gym.Env[Any, Any], disruption: str, task: str | None = None) -> None:
        RecordConstructorArgs.__init__(self, disruption=disruption, task=task)
        gym.Wrapper.__init__(self, env)
        self._chain = Chain(channel_terms(disruption, "reward"), reward_signal(find_task(task)))

        self._chains = (self._chain,)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, disturb the reward, and tell the true one in ``info["nominal_reward"]``."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        # A task's own environments tell it already, before anything else is disturbed.
        noted = info if "nominal_reward" in info else {**info, "nominal_reward": float(reward)}
        return observation, float(self._chain(reward)), terminated, truncated, noted
