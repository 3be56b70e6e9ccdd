"""Observations of any space as one vector: the parts of a dict side by side, a Discrete one as one-hot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

Array = np.ndarray[Any, Any]


def vectors(observation: Any, states: int = 0) -> Array:
    """Make a batch of observations a matrix.

    Args:
        observation: ``[B, …]``, or a dict of such arrays keyed by part, put in alphabetical order.
        states: How many values a Discrete observation has, whose batch is ``[B]``; 0 for other spaces.

    Returns:
        ``[B, numbers]``.
    """
    if isinstance(observation, Mapping):
        return np.concatenate([vectors(observation[name]) for name in sorted(observation)], axis=1)
    rows = np.asarray(observation)
    return np.eye(states, dtype=np.float32)[rows] if states else rows.reshape(len(rows), -1)


class VectorObservation(gym.ObservationWrapper[Any, Any, Any]):
    """Lets an agent train on the vectors that its policy will see.

    Args:
        env: An environment with Dict (of Boxes), Discrete (from 0) or Box observations.

    Raises:
        ValueError: If a Discrete observation starts elsewhere.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        space = env.observation_space
        if isinstance(space, spaces.Discrete) and space.start != 0:
            raise ValueError(f"a Discrete observation must count from 0, got {space}")
        self._states = int(space.n) if isinstance(space, spaces.Discrete) else 0
        if isinstance(space, spaces.Dict):
            low, high = (self.observation({n: getattr(p, end) for n, p in space.items()}) for end in ("low", "high"))
        elif isinstance(space, spaces.Box):
            low, high = self.observation(space.low), self.observation(space.high)
        else:
            low, high = np.zeros(self._states, np.float32), np.ones(self._states, np.float32)
        self.observation_space = gym.spaces.Box(low, high, dtype=low.dtype)

    def observation(self, observation: Any) -> Array:
        """Return the vector."""
        if isinstance(observation, Mapping):
            batch: Any = {name: np.asarray(part)[None] for name, part in observation.items()}
        else:
            batch = np.asarray(observation)[None]
        return vectors(batch, self._states)[0]
