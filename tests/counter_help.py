"""A signal that is known exactly, and what the wrappers make of it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from robust_gym.wrappers import ActionDisruption, Nominal, ObservationDisruption, RewardDisruption


class Counter(gym.Env[Any, Any]):
    """Observation (t, 10 t), reward t; records the actions it really gets."""

    def __init__(self, action_space: gym.Space[Any] | None = None, bound: float = np.inf) -> None:
        self.observation_space = gym.spaces.Box(-bound, bound, (2,), np.float64)
        self.action_space = action_space or gym.spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.actions: list[Any] = []

    def _observe(self) -> np.ndarray:
        return np.array([self.t, 10.0 * self.t])

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.t = 0
        self.actions = []
        return self._observe(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.t += 1
        self.actions.append(action)
        return self._observe(), float(self.t), False, False, {}


def observations(disruption: str, steps: int = 40, seed: int = 3, **kwargs: Any) -> np.ndarray:
    env = ObservationDisruption(Counter(**kwargs), disruption)
    seen = [env.reset(seed=seed)[0]]
    seen += [env.step(np.zeros(2, np.float32))[0] for _ in range(steps)]
    return np.array(seen)


def applied(disruption: str, actions: list[Any], space: gym.Space[Any] | None = None, seed: int = 3) -> list[Any]:
    env = ActionDisruption(Counter(space), disruption)
    env.reset(seed=seed)
    for action in actions:
        env.step(action)
    return list(env.unwrapped.actions)


def rewards(disruption: str, steps: int = 40, seed: int = 3) -> np.ndarray:
    env = RewardDisruption(Nominal(Counter()), disruption)
    env.reset(seed=seed)
    told = []
    for t in range(1, steps + 1):
        _, reward, _, _, info = env.step(np.zeros(2, np.float32))
        assert info["nominal_reward"] == t
        assert isinstance(reward, float)
        told.append(reward)
    return np.array(told)


TIMES = np.arange(41.0)
TRUE = np.stack([TIMES, 10 * TIMES], axis=1)
