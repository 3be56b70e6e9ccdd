"""The building of the family ``building``, under a single controller with continuous actions."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from robust_gym.task import Task
from robust_gym.tasks._building_env import ACTIONS, Building, BuildingDynamics
from robust_gym.tasks.building import SEASONS, STEPS_PER_DAY


class CentralBuilding(gym.Env[np.ndarray, np.ndarray]):
    """One controller for the six zones of a small office, as in SustainGym's ``BuildingEnv``.

    An observation is the ten numbers of [Building][robust_gym.tasks._building_env.Building]'s ``state()``, an action
    the power of every zone's unit, float32 ``[6]`` between -1 (cooling) and 1 (heating), to the nearest hundredth and
    at most 0.99; the reward is that of each of the team's agents.

    Args:
        city: A key of ``CITIES``.
        season: A key of ``SEASONS``.
        render_mode: Only ``None``.

    Raises:
        ValueError: If there is no such city, season or render mode.
    """

    metadata = {"render_modes": []}

    def __init__(self, city: str = "tucson", season: str = "training", render_mode: str | None = None) -> None:
        self.building = Building(city, season, render_mode)
        self.render_mode = None
        self.observation_space = self.building.state_space
        self.action_space = spaces.Box(-1.0, 1.0, (len(self.building.possible_agents),), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin a day.

        Args:
            seed: Seeds the generator that draws days; ``None`` lets it go on.
            options: ``{"day": d}`` begins that day, 0 to 364.

        Raises:
            ValueError: If there is no such day.
        """
        super().reset(seed=seed)
        day = int(self.np_random.integers(*SEASONS[self.building.season]))
        _, infos = self.building.reset(options={"day": day, **(options or {})})
        return self.building.state(), dict(infos[self.building.possible_agents[0]])

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Let five minutes pass.

        Raises:
            RuntimeError: If the day is over.
        """
        agents = self.building.possible_agents
        if not self.building.agents:
            raise RuntimeError(f"the {STEPS_PER_DAY} steps of the day are over: reset() begins another")
        levels = np.clip(np.rint(np.asarray(action, np.float64) * 100) + 100, 0, ACTIONS - 1).astype(int).tolist()
        _, rewards, _, over, _ = self.building.step(dict(zip(agents, levels, strict=True)))
        return self.building.state(), rewards[agents[0]], False, over[agents[0]], {}


class CentralDynamics(BuildingDynamics):
    """Writes dynamics and semantic shifts into the building that the controller runs.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Any, task: Task) -> None:
        super().__init__(env.building, task)


def make(**kwargs: Any) -> CentralBuilding:
    """Make the building; the arguments are those of `CentralBuilding`."""
    return CentralBuilding(**kwargs)
