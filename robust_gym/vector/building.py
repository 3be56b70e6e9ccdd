"""The multi-agent building: many copies, each in a city, a season and a thermal model of its own, in NumPy.

Every copy has an environment that draws its days and whose model the dynamics adapter changes. A step is a few array
operations, to the bit those of the environment: NumPy multiplies a stack of matrices and vectors one by one, as it
does a single matrix and vector. Only squares of single-precision numbers are rounded otherwise in arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robust_gym.tasks._building_env import ACTIONS, COMMANDS, Building
from robust_gym.tasks._building_model import GROUND, HVAC, OUTDOOR
from robust_gym.tasks.building import STEPS_PER_DAY


class BuildingSimulator:
    """Copies of the building.

    Args:
        envs: The copies' unwrapped environments.
        threads: Not needed: a step of all copies takes less than handing it to a thread.
    """

    def __init__(self, envs: Sequence[Building], threads: int) -> None:
        self._envs = envs
        self._agents = tuple(envs[0].possible_agents)
        copies, zones = len(envs), len(self._agents)
        self._city: Any = None
        self._A, self._BD = np.zeros((copies, zones, zones)), np.zeros((copies, zones, zones + HVAC + 1))
        self._gain = np.zeros((copies, zones, 1))
        self._weather = np.zeros((copies, STEPS_PER_DAY, 3))  # outdoor, ground, sun, as they are observed
        self._rate, self._rate_squared = np.zeros((2, copies, STEPS_PER_DAY))
        self._state = np.zeros((copies, zones + 4), np.float32)
        self._t = np.zeros(copies, np.int64)
        self._rows = np.arange(copies)

    def load(self, copies: np.ndarray) -> None:
        """Take over the day and the state of some copies, whose environments have just been reset."""
        for copy in copies:
            env = self._envs[copy]
            self._state[copy], self._t[copy] = env.state(), 0
            self._rate[copy] = rates = env.day().metabolism
            self._rate_squared[copy] = _squares(rates)
            self.world(copy)

    def world(self, copy: int) -> None:
        """Take over the dynamics of one copy, which have changed."""
        day = self._envs[copy].day()
        self._city = day.city  # what is read of it is the same in every city
        self._A[copy], self._BD[copy] = day.A_d, day.BD_d
        self._gain[copy, :, 0] = 0.0 if day.gain is None else day.gain
        for column, values in enumerate((day.outdoor, day.ground, day.sun)):
            self._weather[copy, :, column] = values

    def step(self, copies: np.ndarray | None, actions: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Let five minutes pass in some copies, or all.

        Args:
            copies: Their numbers.
            actions: Of all copies, ``[copies]`` for each agent, 0 to 199.

        Returns:
            Rewards ``[copies, agents]`` and terminations ``[copies]``, which never come; those of copies that rest mean
            nothing.

        Raises:
            ValueError: If an action of a copy that steps is not in its space.
        """
        rows = self._rows if copies is None else copies
        chosen = self._read(actions, rows)
        commands = COMMANDS[chosen]
        t, zones, city = self._t[rows], len(self._agents), self._city
        temperatures, weather = self._state[rows, :zones], self._weather[rows, t]
        mean = np.add.reduce(temperatures, axis=1) / zones
        heat = city.heat(mean, _squares(mean), self._rate[rows, t], self._rate_squared[rows, t])
        y = np.empty((len(rows), zones + HVAC + 1, 1))
        y[:, 0, 0], y[:, OUTDOOR, 0], y[:, GROUND, 0], y[:, -1, 0] = heat, weather[:, 0], weather[:, 1], weather[:, 2]
        y[:, HVAC:-1, 0] = commands
        A, BD, gain = (
            (self._A, self._BD, self._gain) if copies is None else (self._A[rows], self._BD[rows], self._gain[rows])
        )
        new = (A @ temperatures[:, :, None] + BD @ y + gain)[:, :, 0]
        error = new - city.target
        reward = 0 - (_norm(commands) * city.energy_weight + _norm(error) * city.comfort_weight)
        self._state[rows, :zones] = new
        self._state[rows, zones:-1], self._state[rows, -1] = weather, heat / 1000
        self._t[rows] = t + 1
        rewards = np.zeros((len(self._envs), zones))
        rewards[rows] = reward[:, None]
        return rewards, np.zeros(len(self._envs), bool)

    def _read(self, actions: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
        chosen = np.stack([actions[agent][rows] for agent in self._agents], axis=1)
        outside = (chosen < 0) | (chosen >= ACTIONS)
        if outside.any():
            row, agent = np.argwhere(outside)[0]
            raise ValueError(
                f"the action of {self._agents[agent]!r} must be a whole number 0 to {ACTIONS - 1}, got "
                f"{chosen[row, agent]} (in copy {rows[row]})"
            )
        return chosen

    def observe(self) -> dict[str, np.ndarray]:
        """Return what every agent observes in all copies, ``[copies, 5]`` for each."""
        zones = len(self._agents)
        seen = np.empty((zones, len(self._envs), 5), np.float32)
        seen[:, :, 0] = self._state[:, :zones].T
        seen[:, :, 1:] = self._state[:, zones:]
        return dict(zip(self._agents, seen, strict=True))

    def state(self) -> np.ndarray:
        """Return what ``state()`` of the environments does, of all copies, ``[copies, 10]``."""
        return self._state.copy()

    def close(self) -> None:
        """Let go of nothing: there are no threads."""


def _squares(values: np.ndarray) -> np.ndarray:
    """Return squares as NumPy rounds those of single numbers."""
    return np.fromiter((value**2 for value in values), values.dtype, len(values))


def _norm(rows: np.ndarray) -> np.ndarray:
    """Return the Euclidean norm of every row, of the sum that a dot product gives."""
    return np.sqrt((rows[:, None, :] @ rows[:, :, None])[:, 0, 0])
