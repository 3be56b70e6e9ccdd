"""A game of memory, and training of the standard algorithms on small games."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from baseline_help import registered
from solo_games import BOX, PLAIN, Echo

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.task import Budget, Task

OFF_POLICY: dict[str, Any] = {"layers": (16,), "learning_rate": 1e-2, "batch_size": 32, "gamma": 0.5}
ON_POLICY: dict[str, Any] = {"layers": (16,), "learning_rate": 1e-2, "n_envs": 2, "gamma": 0.5}
NOISY = {**OFF_POLICY, "action_noise": 0.3, "learning_starts": 0.2}
SMALL: dict[str, dict[str, Any]] = {
    "td3": NOISY,
    "ddpg": NOISY,
    "tqc": {**OFF_POLICY, "n_quantiles": 5},
    "crossq": {**OFF_POLICY, "critic_layers": (16,)},
    "dqn": {**OFF_POLICY, "train_freq": 1, "gradient_steps": 1},
    "a2c": ON_POLICY,
    "trpo": {**ON_POLICY, "n_steps": 64},
    "recurrent-ppo": {**ON_POLICY, "lstm_hidden_size": 16, "n_envs": 8, "n_steps": 16},
}
NAMES = list(SMALL)
PENDULUM = "Robust-Pendulum-v0"


class Recall(gym.Env[Any, Any]):
    """The action that pays is the one shown some steps ago.

    Args:
        lag: How many steps; 0 for the one that is shown.
    """

    observation_space = gym.spaces.Box(0, 1, (3,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, lag: int) -> None:
        self.lag = lag

    def _show(self) -> np.ndarray:
        self.shown.append(int(self.np_random.integers(3)))
        return np.eye(3, dtype=np.float32)[self.shown[-1]]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.shown = [0] * self.lag
        return self._show(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        reward = float(action == self.shown[-1 - self.lag])
        return self._show(), reward, False, False, {}


def recalled(**kwargs: Any) -> Recall:
    return Recall(**kwargs)


def nobody(env: Any, task: Task) -> None:
    """No dynamics."""


def _recall(lag: int) -> Task:
    where = "recall_help"
    return Task(
        f"Recall{lag}-v0", "recall", "Do what was shown.", f"{where}:recalled", f"{where}:nobody", 10,
        action="discrete", kwargs={"lag": lag},
    )  # fmt: skip


SHOWN, BEFORE = map(_recall, (0, 1))


@pytest.fixture
def games(echoes: None) -> Iterator[None]:
    """The games, registered for the time of a test."""
    with registered(SHOWN, BEFORE):
        yield


def learn(name: str, task: Task, steps: int, seed: int = 0, **arguments: Any) -> Any:
    algorithm: Any = create(name, {**SMALL.get(name, {}), **arguments})
    return algorithm.train(task, Budget("test", steps, 1), seed, lambda step: None)


def fitting(name: str) -> Task:
    """Return a game that an algorithm can play."""
    return PLAIN if registry.algorithm(name).refuses(PLAIN) is None else SHOWN


def seen_in(task: Task, rows: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    shape = (3,) if task is SHOWN else Echo(**task.kwargs).observation_space.shape
    return rng.normal(100 if task is BOX else 0, 50 if task is BOX else 3, (rows, *shape)).astype(np.float32)


def right_share(policy: Any, lag: int, steps: int = 200) -> float:
    env = Recall(lag)
    seen, _ = env.reset(seed=7)
    state, start, total = None, np.ones(1, bool), 0.0
    for _ in range(steps):
        actions, state = policy.act(seen[None], state, start)
        start = np.zeros(1, bool)
        seen, reward, *_ = env.step(actions[0])
        total += reward
    return total / steps
