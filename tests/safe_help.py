"""Worlds in which what pays also costs, and training in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from baseline_help import registered
from gymnasium import spaces
from torch.nn.functional import softplus

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.evaluate import play
from robust_gym.task import Budget, Task

NAMES = ("ppo-lagrangian", "crpo", "pcrpo")
STEPS = 10


class World(gym.Env[Any, Any]):
    """An episode of ten like steps, in which what pays also costs.

    ``box``: an action a in [-1, 3] pays -(a - 2)^2 and costs max(a, 0). Without a limit, a = 2 is best and costs 20;
    with d < 20 it is a = d / 10, whose return is -10 (d / 10 - 2)^2.
    ``discrete``: the second of two actions pays 1 and costs 1, the first nothing. Without a limit the second is best
    and costs 10; with d < 10, it is best to choose it with probability d / 10, for a return of d.

    Args:
        kind: Which.
        seen: The space of the observation, which says nothing: ``box``, ``discrete`` or ``dict``.
    """

    def __init__(self, kind: str = "box", seen: str = "box") -> None:
        box = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = {"box": box, "discrete": spaces.Discrete(2), "dict": spaces.Dict({"a": box})}[seen]
        self.action_space: Any = spaces.Discrete(2) if kind == "discrete" else spaces.Box(-1.0, 3.0, (1,), np.float32)
        self.kind, self.seen = kind, seen

    def shows(self) -> Any:
        """Return a new observation."""
        one = np.ones(1, np.float32)
        return {"box": one, "discrete": 1, "dict": {"a": one}}[self.seen]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.shows(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.kind == "discrete":
            return self.shows(), float(action), False, False, {"cost": float(action)}
        number = float(action[0])
        return self.shows(), -((number - 2) ** 2), False, False, {"cost": max(number, 0.0)}


def world(**kwargs: Any) -> World:
    return World(**kwargs)


def _task(kind: str, seen: str = "box", limit: float | None = None) -> Task:
    return Task(
        f"Costly-{kind}-{seen}-v0",
        "costly",
        "What pays also costs.",
        f"{__name__}:world",
        "solo_games:nobody",
        STEPS,
        observation=seen,  # type: ignore[arg-type]
        action=kind,  # type: ignore[arg-type]
        kwargs={"kind": kind, "seen": seen},
        cost=True,
        cost_limit=limit,
    )


BOX, DISCRETE = _task("box", limit=10.0), _task("discrete", limit=3.0)
NUMBER, PARTS = _task("discrete", "discrete"), _task("box", "dict")
TASKS = (BOX, DISCRETE, NUMBER, PARTS)


@pytest.fixture(autouse=True)
def worlds() -> Iterator[None]:
    """The worlds, registered for the time of a test."""
    with registered(*TASKS):
        yield


SMALL: dict[str, Any] = {
    "n_steps": 100,
    "n_envs": 2,
    "batch_size": 100,
    "layers": (16,),
    "gamma": 0.9,
    "learning_rate": 3e-3,
}


def train(name: str, task: Task, steps: int, seed: int = 0, **arguments: Any) -> Any:
    algorithm = create(name, {**SMALL, **arguments})
    return algorithm.train(task, Budget("test", steps, 1), seed, lambda step: None)


def watched(name: str, task: Task, steps: int, **arguments: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Train, and note of every rollout what the method made of it."""
    cls = registry.algorithm(name).cls
    notes: list[dict[str, Any]] = []

    class Watched(cls):  # type: ignore[misc, valid-type]
        def collected(self, model: Any) -> None:
            buffer = model.rollout_buffer
            note = {"cost": model.episode_cost, "A_r": buffer.advantages.copy(), "A_c": buffer.cost_advantages.copy()}
            super().collected(model)
            price = softplus(model.multiplier[0].detach()).item() if name == "ppo-lagrangian" else None
            notes.append({**note, "A": buffer.advantages.copy(), "price": price})

    policy = Watched(**{**SMALL, **arguments}).train(task, Budget("test", steps, 1), 0, lambda step: None)
    return policy, notes


def episode(policy: Any, task: Task) -> tuple[float, float]:
    """Return the return and the cost of an episode of a policy, which does the same in each."""
    ((total, _, cost),) = play(policy, task, [("none", [1])]).values()
    return total, cost
