"""A task and an algorithm that cost almost nothing: what remains of a cell's time is the bench's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from robust_gym.registry import register_algorithm, register_task
from robust_gym.task import Budget, Task


class OneStep(gym.Env[np.ndarray, np.ndarray]):
    """Ends after its first step."""

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Start anew."""
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """End."""
        return np.zeros(1, np.float32), 1.0, True, False, {}


register_task(
    Task(
        id="Trivial-OneStep-v0",
        family="trivial",
        about="Ends after one step.",
        base="trivial_cells:OneStep",
        adapter="trivial_cells:OneStep",
        horizon=1,
        steps={"smoke": 1, "quick": 1, "standard": 1},
    )
)


class Still:
    """A policy that does nothing."""

    def act(self, observation: np.ndarray, state: Any, episode_start: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return zeros."""
        return np.zeros_like(observation), state

    def save(self, directory: Path) -> None:
        """Write a file, as every policy does."""
        (directory / "still.json").write_text("{}")


@register_algorithm("trivial", about="Learns nothing.", apis=("gymnasium",))
@dataclass
class Trivial:
    """Learns nothing."""

    def train(self, task: Task, budget: Budget, seed: int, progress: Any) -> Still:
        """Return at once."""
        progress(budget.steps)
        return Still()

    @staticmethod
    def load(directory: Path, task: Task) -> Still:
        """Load nothing."""
        return Still()
