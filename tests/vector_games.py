"""A team game whose actions are vectors, small enough to learn in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from baseline_help import registered
from gymnasium import spaces
from pettingzoo import ParallelEnv

from robust_gym.baselines.marl.actors import Actors
from robust_gym.baselines.marl.copies import SeparateCopies
from robust_gym.baselines.marl.critics import OwnCritic, StateCritic
from robust_gym.baselines.marl.rollout import Runner
from robust_gym.baselines.marl.team import Team
from robust_gym.task import Task


class Targets(ParallelEnv):
    """Each agent has a hidden target, the same always; only the state, not what agents see, says how far off they are.

    Agents are alike: all see one random number, and are paid minus the squared distance of a vector from the target.
    The agent ``leaver`` leaves after two steps.

    Args:
        high: Upper bound of the actions; the lower one is 1.
        stays: Whether the leaver stays.
    """

    metadata = {"name": "targets"}
    targets = {"leaver": (1.5, 3.0), "stayer": (2.5, 1.2)}

    def __init__(self, high: float = 3.0, stays: bool = False) -> None:
        self.possible_agents = list(self.targets)
        self.agents: list[str] = []
        self.high, self.stays = high, stays
        self.played: list[np.ndarray] = []

    def observation_space(self, agent: str) -> spaces.Box:
        return spaces.Box(-np.inf, np.inf, (1,), np.float32)

    def action_space(self, agent: str) -> spaces.Box:
        return spaces.Box(1.0, self.high, (2,), np.float32)

    def state(self) -> np.ndarray:
        return np.full(3, self.t, np.float32)

    def _observe(self) -> dict[str, np.ndarray]:
        return {agent: self.rng.normal(size=1).astype(np.float32) for agent in self.agents}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        self.rng, self.t, self.agents = np.random.default_rng(seed), 0, list(self.possible_agents)
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, np.ndarray]) -> tuple[Any, ...]:
        agents = self.agents
        assert list(actions) == agents
        for agent, action in actions.items():
            assert self.action_space(agent).contains(action)
            self.played.append(action)
        paid = {agent: -float(np.sum((actions[agent] - self.targets[agent]) ** 2)) for agent in agents}
        self.t += 1
        over = self.t >= 4
        left = dict.fromkeys(agents, over)
        left["leaver"] = over or (self.t == 2 and not self.stays)
        left = {agent: left[agent] for agent in agents}
        self.agents = [agent for agent in agents if not left[agent]]
        return self._observe(), paid, left, dict.fromkeys(agents, False), {agent: {} for agent in agents}


TARGETS = Task(
    "Game-Targets-v0", "game", "Vectors.", "vector_games:Targets", "team_games:nobody", 4, api="parallel", action="box"
)


@pytest.fixture
def vectors() -> Iterator[None]:
    """The game with vectors, registered for the time of a test."""
    with registered(TARGETS):
        yield


def rollout_of(env: Any, count: int, steps: int, critic: str = "own", **options: Any) -> Any:
    """Return a rollout of untrained actors in copies of a game, the actors, and the copies."""
    team = Team.of(env(), box=True)
    copies = SeparateCopies([env()], count, lambda which: env(), team)
    generator = torch.Generator().manual_seed(0)
    actors = Actors(team, team.alike, 8, generator)
    made: Any = OwnCritic(team, team.alike, 8, generator) if critic == "own" else StateCritic(team, 8, generator)
    runner = Runner(copies, actors, made, np.random.default_rng(0), generator, **{"normalise": False, **options})
    return runner.collect(steps), actors, copies
