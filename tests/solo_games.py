"""Single-agent games small enough to learn in seconds, as tasks that are registered for the time of a test."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from baseline_help import registered

from robust_gym.task import Task


class Echo(gym.Env[Any, Any]):
    """The action that pays is the one shown; numbers are scaled and shifted, so that it pays to normalise them.

    Args:
        kind: ``discrete``: show one of three actions; ``box``: show a number that the action should equal, in
            [-2, 6]; ``image``: show one of two shades of green on a black picture.
        plain: Show the number as it is, and not beside another that never changes.
        precision: Type of the actions of a ``box``.
    """

    def __init__(self, kind: str = "discrete", plain: bool = False, precision: str = "float32") -> None:
        self.kind = kind
        self.plain = plain
        self.seeds: list[int | None] = []
        if kind == "box":
            self.observation_space = gym.spaces.Box(-np.inf, np.inf, (1 if plain else 2,), np.float64)
            self.action_space: Any = gym.spaces.Box(-2.0, 6.0, (1,), np.dtype(precision).type)
        elif kind == "image":
            self.observation_space = gym.spaces.Box(0, 255, (80, 74, 3), np.uint8)
            self.action_space = gym.spaces.Discrete(2)
        else:
            self.observation_space = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
            self.action_space = gym.spaces.Discrete(3)

    def _show(self) -> np.ndarray:
        if self.kind == "box":
            self.asked: Any = self.np_random.uniform(-1, 5)
            return np.array([self.asked] if self.plain else [100 + 10 * self.asked, 40])
        if self.kind == "image":
            self.asked = int(self.np_random.integers(2))
            image = np.zeros((80, 74, 3), np.uint8)
            image[..., 1] = 60 + 180 * self.asked
            return image
        self.asked = int(self.np_random.integers(3))
        return np.eye(3, dtype=np.float32)[self.asked] * 100 + 500

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.seeds.append(seed)
        return self._show(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        reward = -abs(float(action[0]) - self.asked) if self.kind == "box" else float(action == self.asked)
        return self._show(), reward, False, False, {}


def shown(**kwargs: Any) -> Echo:
    """Make the game."""
    return Echo(**kwargs)


def nobody(env: Any, task: Task) -> None:
    """No dynamics."""


def _task(kind: str, plain: bool = False) -> Task:
    image = kind == "image"
    return Task(
        f"Echo-{kind.title()}{'Plain' * plain}-v0",
        "echo",
        "Do what is shown.",
        "solo_games:shown",
        "solo_games:nobody",
        10,
        observation="image" if image else "box",
        action="box" if kind == "box" else "discrete",
        kwargs={"kind": kind, "plain": plain},
    )


DISCRETE, BOX, IMAGE = map(_task, ("discrete", "box", "image"))
PLAIN = _task("box", plain=True)
DOUBLE = dataclasses.replace(BOX, id="Echo-Double-v0", kwargs={"kind": "box", "precision": "float64"})
TASKS = (DISCRETE, BOX, IMAGE, PLAIN, DOUBLE)


@pytest.fixture
def echoes() -> Iterator[None]:
    """The games, registered for the time of a test."""
    with registered(*TASKS):
        yield


def mean_reward(policy: Any, task: Task, steps: int = 200) -> float:
    """Return a policy's mean reward per step on the undisturbed game."""
    env = Echo(**task.kwargs)
    seen, _ = env.reset(seed=7)
    state, start, total = None, np.ones(1, bool), 0.0
    for _ in range(steps):
        actions, state = policy.act(seen[None], state, start)
        start = np.zeros(1, bool)
        seen, reward, *_ = env.step(actions[0])
        total += reward
    return total / steps
