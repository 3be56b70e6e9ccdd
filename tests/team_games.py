"""Team games small enough to learn in a second, as tasks that are registered for the time of a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from baseline_help import registered
from gymnasium import spaces
from pettingzoo import ParallelEnv

from robust_gym.task import Task


class Signals(ParallelEnv):
    """Each agent sees which of its actions pays, and the team is paid for every agent that takes it.

    The agents differ: one sees three numbers and has three actions, the other two of each. A signal is scaled
    and shifted, so that networks need to normalise it.

    Args:
        length: Steps of an episode.
        cue: After how many steps a signal pays.
        ends: Whether the last step terminates the episode, rather than truncating it.
    """

    metadata = {"name": "signals"}
    sizes = {"big": 3, "small": 2}

    def __init__(self, length: int = 5, cue: int = 0, ends: bool = False) -> None:
        self.possible_agents = list(self.sizes)
        self.agents: list[str] = []
        self.length, self.cue, self.ends = length, cue, ends
        self.rng = np.random.default_rng()
        self.seeds: list[int | None] = []

    def observation_space(self, agent: str) -> spaces.Box:
        return spaces.Box(-np.inf, np.inf, (self.sizes[agent],), np.float32)

    def action_space(self, agent: str) -> spaces.Discrete:
        return spaces.Discrete(self.sizes[agent])

    def _observe(self) -> dict[str, np.ndarray]:
        self.signals.append({agent: int(self.rng.integers(size)) for agent, size in self.sizes.items()})
        return {
            agent: np.eye(size, dtype=np.float32)[self.signals[-1][agent]] * 100 + 500
            for agent, size in self.sizes.items()
        }

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        self.seeds.append(seed)
        self.rng = np.random.default_rng(seed)
        self.signals: list[dict[str, int]] = []
        self.t = 0
        self.agents = list(self.possible_agents)
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        agents = self.agents
        assert list(actions) == agents
        asked = self.signals[self.t - self.cue] if self.t >= self.cue else None
        paid = {agent: float(asked is not None and asked[agent] == actions[agent]) for agent in agents}
        self.t += 1
        over = self.t >= self.length
        seen = self._observe()
        if over:
            self.agents = []
        ended = dict.fromkeys(agents, over and self.ends)
        cut = dict.fromkeys(agents, over and not self.ends)
        return seen, paid, ended, cut, {agent: {} for agent in agents}


def memory() -> Signals:
    """What pays was shown two steps ago, among newer signals."""
    return Signals(length=6, cue=2)


def nobody(env: Any, task: Task) -> None:
    """No dynamics."""


def _task(name: str, base: str, horizon: int) -> Task:
    steps = {"smoke": 100, "quick": 1500, "standard": 5000}
    return Task(
        name, "game", "A team game.", base, "team_games:nobody", horizon, api="parallel", action="discrete", steps=steps
    )


SIGNALS = _task("Game-Signals-v0", "team_games:Signals", 5)
MEMORY = _task("Game-Memory-v0", "team_games:memory", 6)


@pytest.fixture
def games() -> Iterator[None]:
    """The games, registered for the time of a test."""
    with registered(SIGNALS, MEMORY):
        yield


def returns(policy: Any, env: Signals, episodes: int = 20) -> float:
    """Return the mean team return of a policy, one episode at a time."""
    total = 0.0
    for seed in range(episodes):
        seen, _ = env.reset(seed=seed)
        state, start = None, np.ones(1, bool)
        while env.agents:
            actions, state = policy.act({agent: one[None] for agent, one in seen.items()}, state, start)
            seen, paid, *_ = env.step({agent: int(one[0]) for agent, one in actions.items()})
            total += sum(paid.values())
            start = np.zeros(1, bool)
    return total / episodes
