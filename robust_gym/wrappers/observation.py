"""The observation channel: what the agent sees, from the reset observation on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym.disruption import DisruptionError
from robust_gym.task import Task
from robust_gym.wrappers.base import ChannelWrapper, Signal, box_scale, channel_terms, find_task
from robust_gym.wrappers.runner import Chain, chains


def observation_signal(
    space: spaces.Space[Any], task: Task | None, name: str | None = None, agent: int = 0, agents: int = 1
) -> Signal:
    """Describe the observations of a single-agent environment, or of one agent.

    Args:
        space: The space, of one part where the observation is a dict.
        task: The task whose measured scales apply.
        name: Name of the agent, or of the part of a dict.
        agent: The agent's number.
        agents: How many there are.

    Raises:
        DisruptionError: If the observations are neither Box nor Discrete.
    """
    family = "" if task is None else task.family
    if isinstance(space, spaces.Discrete):
        return Signal(space, np.ones(()), None, family=family, agent=agent, agents=agents)
    if not isinstance(space, spaces.Box):
        raise DisruptionError(f"observation disruptions act on Box and Discrete observations, got {space}")
    measured: Any = None if task is None else task.observation_scale
    if isinstance(measured, dict):
        measured = measured.get(name)
    heard = () if task is None or name is None else task.messages.get(name, ())
    messages = tuple(dimension % space.shape[0] for dimension in heard)
    opponents = () if task is None or name is None else tuple(task.opponents.get(name, ()))
    null = np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype)
    scale = box_scale(space, measured)
    return Signal(space, scale, null, 1, family, agent, agents, messages, opponents)


def with_parts(space: spaces.Dict, parts: Mapping[Any, Chain]) -> spaces.Dict:
    """Return what a Dict observation is in after its parts have been disturbed; only ``dummy`` changes it."""
    found = spaces.Dict({**space.spaces, **{name: chain.result.space for name, chain in parts.items()}})
    return space if found == space else found


class ObservationDisruption(ChannelWrapper):
    """Disturbs what the agent sees.

    A Dict observation is disturbed part by part, each with noise of its own; what the task lists as
    ``undisturbed`` (the goal) stays true. What leaves the wrapper is inside the observation space: values are clipped
    to finite bounds, and only ``dummy`` changes the space. Noise is in units of each dimension's own scale: the task's
    measured standard deviation, or half the range of a bounded dimension, or 1.

    Args:
        env: The environment.
        disruption: Terms of the observation channel, such as ``"obs:gauss:0.1+obs:delay:2"``.
        task: Id of the task whose measured scales apply; ``None`` for an environment of your own.

    Raises:
        DisruptionError: If the string is malformed or the observations cannot be disturbed so.

    Examples:
        >>> import gymnasium as gym
        >>> env = ObservationDisruption(gym.make("CartPole-v1"), "obs:bias:0.1")
        >>> observation, _ = env.reset(seed=1)
    """

    _whole: Chain | None = None
    _parts: Mapping[str, Chain] = MappingProxyType({})

    def __init__(self, env: gym.Env[Any, Any], disruption: str, task: str | None = None) -> None:
        RecordConstructorArgs.__init__(self, disruption=disruption, task=task)
        gym.Wrapper.__init__(self, env)
        terms = channel_terms(disruption, "observation")
        space, found = env.observation_space, find_task(task)
        if isinstance(space, spaces.Dict):
            spared = () if found is None else found.undisturbed
            signals = {
                name: observation_signal(part, found, name) for name, part in space.spaces.items() if name not in spared
            }
            self._parts = chains(terms, signals, of="part")
            self._chains = tuple(self._parts.values())
            self.observation_space = with_parts(space, self._parts)
        else:
            self._whole = Chain(terms, observation_signal(space, found))
            self._chains = (self._whole,)
            self.observation_space = self._whole.result.space

    def _disturb(self, observation: Any) -> Any:
        if self._whole is not None:
            return self._whole(observation)
        return {name: self._parts[name](value) if name in self._parts else value for name, value in observation.items()}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset; the first observation is disturbed too."""
        observation, info = super().reset(seed=seed, options=options)
        return self._disturb(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and disturb the observation."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._disturb(observation), reward, terminated, truncated, info
