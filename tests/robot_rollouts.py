"""Robots of gymnasium-robotics, made, moved and looked at."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np


def made(name: str, disruption: str | None = None, seed: int | None = 1, **kwargs: Any) -> Any:
    env = gym.make(f"Robust-{name}-v0", disruption=disruption, disable_env_checker=True, **kwargs)
    if seed is not None:
        env.reset(seed=seed)
    return env


def flat(observation: Any) -> np.ndarray:
    if isinstance(observation, dict):
        return np.concatenate([flat(observation[key]) for key in sorted(observation)])
    return np.ravel(observation)


def played(env: Any, seed: int = 3, steps: int = 8) -> list[np.ndarray]:
    env.action_space.seed(seed)
    seen = [flat(env.reset(seed=seed)[0])]
    return seen + [flat(env.step(env.action_space.sample())[0]) for _ in range(steps)]


def at(env: Any, body: str) -> np.ndarray:
    data: np.ndarray = env.unwrapped.data.body(body).xpos.copy()
    return data


def still(env: Any, steps: int) -> Any:
    """Take steps with the action in the middle of the range."""
    for _ in range(steps):
        env.step(np.zeros(env.action_space.shape, env.action_space.dtype))
    return env
