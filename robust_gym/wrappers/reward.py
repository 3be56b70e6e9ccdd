"""The reward channel: what the agent is told it has earned. The true reward stays in ``info``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym.task import Task
from robust_gym.wrappers.base import Effect, Signal, channel_terms, find_task, runners


class Flip(Effect):
    """With probability p, the reward times minus one."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p

    def __call__(self, value: Any) -> Any:
        return -value if self.rng.random() < self._p else value


def reward_signal(task: Task | None) -> Signal:
    """Describe the reward: an unbounded number, in units of the task's measured scale (or 1)."""
    scale = 1.0 if task is None or task.reward_scale is None else task.reward_scale
    return Signal(spaces.Box(-np.inf, np.inf, (), np.float64), np.asarray(scale), 0.0)


class NominalReward(gym.Wrapper, RecordConstructorArgs):
    """Puts the true reward of each step into ``info["nominal_reward"]``.

    Args:
        env: The environment.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and note the reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, {**info, "nominal_reward": float(reward)}


class RewardDisruption(gym.Wrapper, RecordConstructorArgs):
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
        self._runners = runners(channel_terms(disruption, "reward"), reward_signal(find_task(task)))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and the terms' streams."""
        for runner in self._runners:
            runner.reset(seed)
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and disturb the reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        for runner in self._runners:
            reward = runner(reward)
        return observation, float(reward), terminated, truncated, info
