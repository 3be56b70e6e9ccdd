"""The action channel: what the actuators do with the agent's command."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym.disruption import DisruptionError
from robust_gym.task import Task
from robust_gym.wrappers.base import ChannelWrapper, Effect, Signal, box_scale, channel_terms, find_task, runners, through


class Sticky(Effect):
    """With probability p the action applied last is applied again."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p
        self._last: Any = None

    def reset(self, rng: np.random.Generator) -> None:
        """Forget the last episode's actions."""
        super().reset(rng)
        self._last = None

    def __call__(self, value: Any) -> Any:
        repeat = self.rng.random() < self._p
        return self._last if repeat and self._last is not None else value

    def applied(self, value: Any) -> None:
        """Remember what the environment really got."""
        self._last = np.array(value) if self.signal.space.shape else value


def action_signal(space: spaces.Space[Any], task: Task | None) -> Signal:
    """Describe the actions of a single-agent environment, or of one agent.

    Raises:
        DisruptionError: If the actions are neither Box nor Discrete.
    """
    if isinstance(space, spaces.Box):
        null = np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype)
        return Signal(space, box_scale(space), null)
    if isinstance(space, spaces.Discrete):
        return Signal(space, np.ones(()), None if task is None else task.null_action)
    raise DisruptionError(f"action disruptions act on Box and Discrete actions, got {space}")


class ActionDisruption(ChannelWrapper):
    """Disturbs the action on its way to the environment, inside the action space.

    Noise is in units of half the action range of each dimension.

    Args:
        env: The environment.
        disruption: Terms of the action channel, such as ``"action:gauss:0.1+action:delay:2"``.
        task: Id of the task, which knows a discrete action that does nothing; ``None`` for your own environment.

    Raises:
        DisruptionError: If the string is malformed or the actions are neither Box nor Discrete.
    """

    def __init__(self, env: gym.Env[Any, Any], disruption: str, task: str | None = None) -> None:
        RecordConstructorArgs.__init__(self, disruption=disruption, task=task)
        gym.Wrapper.__init__(self, env)
        terms = channel_terms(disruption, "action")
        self._runners = runners(terms, action_signal(env.action_space, find_task(task)))

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step with the disturbed action; the caller's array is left as it is."""
        return self.env.step(through(self._runners, action))
