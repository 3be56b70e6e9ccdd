"""Running a cogeneration plant: SustainGym's plant as an environment for one agent and for a team."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from robust_gym.tasks._energy_plant import STEPS
from robust_gym.tasks._energy_plant_world import ACTIONS, AGENTS, Plant
from robust_gym.tasks._energy_team import SharedView


class Cogen(gym.Env[np.ndarray, np.ndarray]):
    """A plant of three gas turbines and a steam turbine that must meet a demand for power and steam, over one day.

    It computes what SustainGym's ``CogenEnv`` computes. An observation, float32 ``[44]``, is the time (share of the
    day), the previous action (15), and for each of temperature (°F), pressure (psia), humidity (share), net power
    asked for (MW), process steam asked for (klb/h), price of electricity ($/MWh) and of gas ($/MMBtu) the present
    value and its next three. (The prices do not enter the reward.) An action, float32 ``[15]`` between -1 and 1, sets
    the inputs 3 to 17 of the plant's model between their least and largest value: for each gas turbine its power
    augmentation and its evaporative cooler (on above 0) and its power, then the three heat recovery flows, the power
    of the steam turbine, the steam that flows to the condenser, and the number of cooling bays. The reward is the
    negative cost of fuel, of ramps, of demand that is not met and of violated operating limits. After 96 steps of a
    quarter of an hour the episode is truncated.

    Args:
        season: A key of ``SEASONS``.
        render_mode: Only ``None``.

    Raises:
        ValueError: If there is no such season or render mode.
    """

    metadata = {"render_modes": []}

    def __init__(self, season: str = "summer", render_mode: str | None = None) -> None:
        if render_mode is not None:
            raise ValueError(f"the plant has no render mode {render_mode!r}")
        self.render_mode = None
        self.world = Plant(season)
        self.observation_space = self.world.space()
        self.action_space = spaces.Box(-1.0, 1.0, (ACTIONS,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin a day.

        Args:
            seed: Seeds the generator that draws days; ``None`` lets it go on.
            options: ``{"day": d}`` begins that recorded day, whatever the season.

        Raises:
            ValueError: If there is no such day.
        """
        super().reset(seed=seed)
        info = self.world.reset(self.np_random, options)
        return self.world.observe(), info

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Let a quarter of an hour pass.

        Raises:
            RuntimeError: If the day is over.
        """
        if self.world.t >= STEPS:
            raise RuntimeError("the day is over: reset() begins another")
        reward, _ = self.world.step(action)
        return self.world.observe(), reward, False, self.world.t >= STEPS, {}


class CogenTeam(SharedView, ParallelEnv[str, np.ndarray, np.ndarray]):
    """The same plant with an agent at every turbine, as in SustainGym's ``MultiAgentCogenEnv``.

    Agents ``gas_1`` to ``gas_3`` set their two switches, their power and their heat recovery, ``steam`` the rest;
    each observes what `Cogen` observes and pays its own costs and a quarter of what is not delivered.

    Args:
        season: A key of ``SEASONS``.
        render_mode: Only ``None``.

    Raises:
        ValueError: If there is no such season or render mode.
    """

    world: Plant
    metadata = {"name": "robust_cogen_v0", "render_modes": [], "is_parallelizable": True}

    def __init__(self, season: str = "summer", render_mode: str | None = None) -> None:
        if render_mode is not None:
            raise ValueError(f"the plant has no render mode {render_mode!r}")
        self.render_mode = None
        self.world = Plant(season)
        self.possible_agents = list(AGENTS)
        self.agents: list[str] = []
        self.state_space = self.world.space()
        self.observation_spaces = {agent: self.world.space() for agent in AGENTS}
        self.action_spaces = {
            agent: spaces.Box(-1.0, 1.0, (len(numbers),), np.float32) for agent, numbers in AGENTS.items()
        }

    def observation_space(self, agent: str) -> spaces.Box:
        """Return an agent's observation space."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Box:
        """Return an agent's action space."""
        return self.action_spaces[agent]

    def step(
        self, actions: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Let a quarter of an hour pass.

        Raises:
            ValueError: If an agent has no action, or one of another length.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        whole = np.zeros(ACTIONS)
        for agent, numbers in AGENTS.items():
            if agent not in actions:
                raise ValueError(f"no action for {agent!r}; every one of {', '.join(AGENTS)} needs one")
            part = np.asarray(actions[agent], np.float64)
            if part.shape != (len(numbers),):
                raise ValueError(f"the action of {agent!r} must be {len(numbers)} numbers, got {actions[agent]!r}")
            whole[list(numbers)] = part
        _, costs = self.world.step(whole)
        over = self.world.t >= STEPS
        if over:
            self.agents = []
        rewards = {agent: -float(cost) for agent, cost in zip(AGENTS, costs, strict=True)}
        return (
            self._observations(),
            rewards,
            dict.fromkeys(AGENTS, False),
            dict.fromkeys(AGENTS, over),
            {agent: {} for agent in AGENTS},
        )


def make(**kwargs: Any) -> Cogen:
    """Make the plant of one operator; the arguments are those of `Cogen`."""
    return Cogen(**kwargs)


def make_team(**kwargs: Any) -> CogenTeam:
    """Make the plant of a team; the arguments are those of `CogenTeam`."""
    return CogenTeam(**kwargs)
