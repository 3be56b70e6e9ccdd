"""A team game in which every step allows other actions, as a task that is registered for the time of a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
from baseline_help import registered
from gymnasium import spaces
from pettingzoo import ParallelEnv

from robust_gym.task import Task

LENGTH = 6


class Locks(ParallelEnv):
    """Each agent is paid the number of its action; some are locked in every step, which nothing that it sees tells.

    Attributes:
        wrong: Actions that were taken although they were locked, in all copies.
    """

    metadata = {"name": "locks"}
    sizes: ClassVar[dict[str, int]] = {"big": 4, "small": 3}
    wrong: ClassVar[list[int]] = []

    def __init__(self) -> None:
        self.possible_agents = list(self.sizes)
        self.agents: list[str] = []
        self.rng = np.random.default_rng()

    def observation_space(self, agent: str) -> spaces.Box:
        return spaces.Box(-1, 1, (2,), np.float32)

    def action_space(self, agent: str) -> spaces.Discrete:
        return spaces.Discrete(self.sizes[agent])

    def _infos(self) -> dict[str, dict[str, Any]]:
        self.masks = {agent: (self.rng.random(size) < 0.5).astype(np.int8) for agent, size in self.sizes.items()}
        for mask in self.masks.values():
            mask[self.rng.integers(len(mask))] = 1
        return {agent: {"action_mask": mask.copy()} for agent, mask in self.masks.items()}

    def _observe(self) -> dict[str, np.ndarray]:
        return {agent: np.ones(2, np.float32) for agent in self.agents}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        self.rng = np.random.default_rng(seed)
        self.t = 0
        self.agents = list(self.possible_agents)
        return self._observe(), self._infos()

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        paid = {}
        for agent, action in actions.items():
            free = bool(self.masks[agent][action])
            paid[agent] = float(action) if free else 0.0
            if not free:
                self.wrong.append(action)
        self.t += 1
        seen, over = self._observe(), self.t >= LENGTH
        cut = dict.fromkeys(self.agents, over)
        ended = dict.fromkeys(self.agents, False)
        if over:
            self.agents = []
        return seen, paid, ended, cut, self._infos()


LOCKS = Task(
    "Game-Locks-v0",
    "game",
    "A team game.",
    "masked_games:Locks",
    "team_games:nobody",
    LENGTH,
    api="parallel",
    action="discrete",
    steps={"smoke": 100, "quick": 1500, "standard": 5000},
)


@pytest.fixture
def locks() -> Iterator[None]:
    """The game, registered for the time of a test; nobody has done anything wrong yet."""
    Locks.wrong.clear()
    with registered(LOCKS):
        yield


def best_mean() -> float:
    """Return the mean return of always taking the largest action that is free."""
    rng = np.random.default_rng(0)
    total = 0.0
    for size in Locks.sizes.values():
        masks = rng.random((20_000, size)) < 0.5
        masks[np.arange(len(masks)), rng.integers(size, size=len(masks))] = True
        total += float((size - 1 - masks[:, ::-1].argmax(1)).mean())
    return LENGTH * total
