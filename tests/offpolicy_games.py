"""Games of numbers whose robust answers are known, as tasks that are registered for the time of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from baseline_help import registered

from robust_gym.task import DynamicsParameter, Task


class Saddle(gym.Env[Any, Any]):
    """An action a is worth -(a - 0.8)^2 - slope a + (height - 1) 2 / 3; what is seen means nothing.

    With slopes from -1 to 1, the worst world for every a > 0 is the largest slope and the least height, and the best
    action there is 0.3; in the middle of the box it is 0.8.
    """

    observation_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self) -> None:
        self.configured: list[dict[str, float]] = []
        self.slope, self.height = 0.0, 1.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        return self._show(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        a = float(action[0])
        return self._show(), -((a - 0.8) ** 2) - self.slope * a + (self.height - 1) * 2 / 3, False, False, {}

    def _show(self) -> np.ndarray:
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)


class SaddleDynamics:
    """Slope, set to a value, and height, a factor."""

    def __init__(self, env: Any, task: Task) -> None:
        self._env = env

    def configure(self, values: Mapping[str, float]) -> None:
        self._env.configured.append(dict(values))

    def apply(self, values: Mapping[str, float]) -> None:
        for name, value in {"slope": 0.0, "height": 1.0, **values}.items():
            setattr(self._env, name, value)


class Mirror(gym.Env[Any, Any]):
    """What is asked is shown beside another number; an action is worth minus its squared distance, plus a bonus.

    Args:
        share: How much of what is asked the other number has; the rest is noise.
        noise: The noise's standard deviation.
        bonus: Times what is asked, is added to every reward.
    """

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, share: float = 0.0, noise: float = 1.0, bonus: float = 0.0) -> None:
        self.share, self.noise, self.bonus = share, noise, bonus

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        return self._show(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        reward = self.bonus * self.asked - (float(action[0]) - self.asked) ** 2
        return self._show(), reward, False, False, {}

    def _show(self) -> np.ndarray:
        self.asked = self.np_random.uniform(-1, 1)
        return np.array([self.asked, self.share * self.asked + self.noise * self.np_random.normal()], np.float32)


def nobody(env: Any, task: Task) -> None:
    """No dynamics."""


def _mirror(name: str, **kwargs: float) -> Task:
    base, adapter = "offpolicy_games:Mirror", "offpolicy_games:nobody"
    return Task(f"{name}-v0", "games", "Do what is asked.", base, adapter, 10, action="box", kwargs=kwargs)


SADDLE = Task(
    "Saddle-v0",
    "games",
    "Choose a number.",
    "offpolicy_games:Saddle",
    "offpolicy_games:SaddleDynamics",
    10,
    action="box",
    dynamics={
        "slope": DynamicsParameter("slope", "what an action costs", "1", 0.0, -2.0, 2.0, mode="set"),
        "height": DynamicsParameter("height", "what is added", "1", 1.0, 0.1, 3.0),
        "count": DynamicsParameter("count", "nothing", "1", 3.0, 0.1, 3.0, whole=True, drawn=False),
    },
)
CONFOUNDED = _mirror("Confounded", share=5.0, noise=1.0)
DISTRACTED = _mirror("Distracted", bonus=3.0)
TASKS = (SADDLE, CONFOUNDED, DISTRACTED)

CORNERS = "dynamics:slope:-1..1+dynamics:height:0.5..1.5"


@pytest.fixture
def games() -> Iterator[None]:
    """The games, registered for the time of a test."""
    with registered(*TASKS):
        yield
