"""Tasks as plug-ins write them: a right one of each API, and environments and adapters with a defect each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from pettingzoo import ParallelEnv

from robust_gym.task import DynamicsParameter, Task

_BOX = gym.spaces.Box(-10.0, 10.0, (2,), np.float32)
_ACT = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)


class Walk(gym.Env[Any, Any]):
    """A noisy walk that an action pushes with a gain."""

    observation_space, action_space = _BOX, _ACT

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.gain = 1.0
        self.now = np.zeros(2, np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.now = self.start().astype(np.float32)
        return self.seen(), {}

    def start(self) -> np.ndarray:
        return self.np_random.uniform(-1, 1, 2)

    def seen(self) -> np.ndarray:
        return self.now.copy()

    def reward(self) -> float:
        return -float(np.abs(self.now).sum())

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.now[:] = np.clip(0.9 * self.now + 0.1 * self.gain * float(action[0]), -10, 10)
        return self.seen(), self.reward(), False, False, {}


class Alike(Walk):
    """Begins every episode anew with the same draws."""

    def start(self) -> np.ndarray:
        return np.random.default_rng(0).uniform(-1, 1, 2)


class Lends(Walk):
    """Shows the array that it goes on to change."""

    def seen(self) -> np.ndarray:
        return self.now


class Unpaid(Walk):
    """Pays no number."""

    def reward(self) -> float:
        return float("nan")


class Fails(Walk):
    """Falls over something of its own."""

    def reward(self) -> float:
        return {}["wage"]  # type: ignore[no-any-return]


class Gain:
    """Writes the gain."""

    def __init__(self, env: Any, task: Task) -> None:
        self._env = env

    def configure(self, values: Mapping[str, float | str]) -> None:
        self._env.gain = float(values.get("gain", 1.0))

    def apply(self, values: Mapping[str, float]) -> None:
        self._env.gain = values.get("gain", 1.0)


class Draws(Gain):
    """Draws from the environment's own generator before a reset."""

    def configure(self, values: Mapping[str, float | str]) -> None:
        super().configure(values)
        if values.get("gain", 1.0) != 1.0:
            self._env.np_random.random()


class Pair(ParallelEnv[str, Any, Any]):
    """Two walks that never end by themselves."""

    metadata = {"name": "pair", "render_modes": []}
    render_mode = None

    def __init__(self, render_mode: str | None = None) -> None:
        self.possible_agents = ["a", "b"]
        self.agents: list[str] = []
        self.observation_spaces = dict.fromkeys(self.possible_agents, _BOX)
        self.action_spaces = dict.fromkeys(self.possible_agents, _ACT)
        self.gain = 1.0
        self.np_random = np.random.default_rng(0)

    def observation_space(self, agent: str) -> Any:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        if seed is not None:
            self.np_random = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self.now = {agent: self.np_random.uniform(-1, 1, 2).astype(np.float32) for agent in self.agents}
        return self.seen(), {agent: {} for agent in self.agents}

    def seen(self) -> dict[str, np.ndarray]:
        return {agent: one.copy() for agent, one in self.now.items()}

    def infos(self) -> dict[str, dict[str, Any]]:
        return {agent: {} for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> tuple[Any, ...]:
        for agent, action in actions.items():
            self.now[agent][:] = np.clip(0.9 * self.now[agent] + 0.1 * self.gain * float(action[0]), -10, 10)
        rewards = {agent: -float(np.abs(one).sum()) for agent, one in self.now.items()}
        no = dict.fromkeys(self.agents, False)
        return self.seen(), rewards, no, no, self.infos()


class PairLends(Pair):
    """Shows the arrays that it goes on to change."""

    def seen(self) -> dict[str, np.ndarray]:
        return dict(self.now)


class PairSilent(Pair):
    """Tells nothing of a step to the second agent."""

    def infos(self) -> dict[str, dict[str, Any]]:
        return {"a": {}}


class PairDraws(Draws):
    """Draws from the team's own generator before a reset."""


class Torque:
    """Writes the largest torque of Gymnasium's pendulum."""

    def __init__(self, env: Any, task: Task) -> None:
        self._env = env

    def configure(self, values: Mapping[str, float | str]) -> None:
        self.apply({name: float(value) for name, value in values.items()})

    def apply(self, values: Mapping[str, float]) -> None:
        self._env.max_torque = 2.0 * values.get("max_torque", 1.0)


def task(base: str = "Walk", adapter: str = "Gain", **changes: Any) -> Task:
    """Return a task of one of the environments here."""
    fields: dict[str, Any] = {
        "id": f"Defective-{base}{adapter}-v0",
        "family": "defective",
        "about": "Stand still.",
        "base": f"defective_tasks:{base}",
        "adapter": f"defective_tasks:{adapter}",
        "horizon": 30,
        "api": "parallel" if base.startswith("Pair") else "gymnasium",
        "dynamics": {"gain": DynamicsParameter("gain", "of the push", "1", 1.0, 0.2, 5.0)},
    }
    return Task(**{**fields, **changes})
