"""The building as a PettingZoo parallel environment of our own, step for step SustainGym's."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import did_you_mean
from robust_gym.task import Task
from robust_gym.tasks._building_model import HVAC, City, Dynamics, discretise, load_city
from robust_gym.tasks._parallel import DiscreteTeam
from robust_gym.tasks.building import CITIES, SEASONS, STEPS_PER_DAY

ACTIONS = 200
"""Actions of each agent: action k runs the unit at (k - 100) / 100 of its power, cooling below 100, heating above."""

COMMANDS = (np.arange(ACTIONS, dtype=np.float32) - np.float32(100)) / 100
"""The power of a unit under each action, a fraction of its greatest."""

_WEATHER = 4


@dataclass(frozen=True)
class Day:
    """The world of a building on its present day: what its steps read besides its state.

    Attributes:
        city: Where it is.
        A_d: State matrix of the discrete-time model, ``[n, n]``.
        BD_d: Input matrix, ``[n, n + 4]``.
        gain: Rise of each zone's temperature in a step by internal gains ``[n]``, K, or ``None`` where there are none.
        outdoor: Outdoor temperature at each step, ``[288]``, °C.
        ground: Ground temperature, likewise.
        sun: Irradiance, as a fraction of the year's largest.
        metabolism: Metabolic rate of one person, W.
    """

    city: City
    A_d: np.ndarray
    BD_d: np.ndarray
    gain: np.ndarray | None
    outdoor: np.ndarray
    ground: np.ndarray
    sun: np.ndarray
    metabolism: np.ndarray


class Building(DiscreteTeam):
    """Six zones of a small office, each with an agent that heats or cools it, over one day.

    It computes what SustainGym's ``MultiAgentBuildingEnv`` computes, in the same floating-point operations,
    with the agents, spaces and seeds that PettingZoo asks for.

    Agents ``zone_0`` … ``zone_5`` observe five float32 numbers: their own temperature (°C), the outdoor and the
    ground temperature (°C), the irradiance (fraction of the year's largest) and the heat of one occupant (kW).
    ``state()`` is the ten numbers: all zones' temperatures, then the same four. Every agent's reward is
    ``-(0.024 ||a|| + 0.999 ||T - 22||)`` over the whole building; the team's return is their sum. After
    288 steps of five minutes the episode is truncated.

    Days count from 0 to 364. A seed draws one from the season's days; ``reset(options={"day": d})`` names one,
    whatever the season, and then draws nothing.

    Args:
        city: A key of `CITIES`.
        season: A key of `SEASONS`.
        render_mode: Only ``None``.

    Raises:
        ValueError: If there is no such city, season or render mode.
    """

    metadata = {"name": "robust_building_v0", "render_modes": [], "is_parallelizable": True}

    def __init__(self, city: str = "tucson", season: str = "training", render_mode: str | None = None) -> None:
        self._dynamics = Dynamics()
        self.set_place(city, season)
        zones = self._city.zones
        agents = [f"zone_{zone}" for zone in range(zones)]
        super().__init__(
            {agent: _space(1) for agent in agents}, dict.fromkeys(agents, ACTIONS), _space(zones), render_mode
        )
        self._rng: np.random.Generator | None = None
        self._state: np.ndarray | None = None
        self._inputs = np.zeros(HVAC + zones + 1)
        self._first = 0
        self._t = 0

    def set_place(self, city: str, season: str) -> None:
        """Set where and when the following episodes take place.

        Raises:
            ValueError: If there is no such city or season.
        """
        for what, word, known in (("city", city, CITIES), ("season", season, SEASONS)):
            if word not in known:
                raise ValueError(f"unknown {what} {word!r}; known are {', '.join(known)}.{did_you_mean(word, known)}")
        self.city, self.season = city, season
        self._city = load_city(city)
        self._model = discretise(self._city, self._dynamics)

    def set_dynamics(self, dynamics: Dynamics) -> None:
        """Set the dynamics from now on; the initial temperature, from the next reset on."""
        before, self._dynamics = self._dynamics, dynamics
        if dynamics == before:
            return
        self._model = discretise(self._city, dynamics)
        offsets = (dynamics.outdoor_temperature, dynamics.ground_temperature)
        if self._state is not None and offsets != (before.outdoor_temperature, before.ground_temperature):
            self._read_weather()

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Begin a day.

        Args:
            seed: Seeds the generator that draws days; ``None`` lets it go on.
            options: ``{"day": d}`` begins that day, 0 to 364; others are ignored, as PettingZoo asks.

        Returns:
            Observations, and infos that name the day.

        Raises:
            ValueError: If there is no such day.
        """
        day = _read_day(options)
        if seed is not None or self._rng is None:
            self._rng = np.random.default_rng(seed)
        if day is None:
            day = int(self._rng.integers(*SEASONS[self.season]))
        self._first = self._city.first_step(day)
        self._t = 0
        self._read_weather()
        start: Any = self._city.target
        if self._dynamics.initial_temperature:
            start = start + self._dynamics.initial_temperature
        mean = np.sum(start) / self._city.zones
        heat = self._city.occupant_heat(mean, self._metabolism[0])
        self._state = self._full_state(start, heat)
        self.agents = list(self.possible_agents)
        return self._observations(), {agent: {"day": day} for agent in self.agents}

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Let five minutes pass.

        Args:
            actions: Every agent's action, 0 to 199.

        Returns:
            Observations, rewards, terminations, truncations and infos; empty once the day is over.

        Raises:
            ValueError: If an agent has no action, or one that is not in its space.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        assert self._state is not None
        commands = COMMANDS[self._read(actions)]
        city, t, y, n = self._city, self._t, self._inputs, len(commands)
        temperatures = self._state[:n]
        # Types matter to the last bit: the mean is float32, the metabolic rate float64, as in SustainGym.
        y[0] = heat = city.occupant_heat(np.add.reduce(temperatures) / n, self._metabolism[t])
        y[1], y[2], y[-1] = self._ground[t], self._outdoor[t], self._sun[t]
        y[HVAC:-1] = commands
        A_d, BD_d, gain = self._model
        new = A_d @ temperatures + BD_d @ y
        if gain is not None:
            new += gain
        error = new - city.target
        reward = 0 - (
            np.sqrt(commands.dot(commands)) * city.energy_weight + np.sqrt(error.dot(error)) * city.comfort_weight
        )
        self._state = self._full_state(new, heat)
        self._t = t + 1
        return self._results(self._observations(), [float(reward)] * n, self._t >= STEPS_PER_DAY)

    def state(self) -> np.ndarray:
        """Return all zones' temperatures and the four numbers that every agent sees, float32 ``[10]``.

        Raises:
            RuntimeError: Before the first reset.
        """
        if self._state is None:
            raise RuntimeError("reset() comes before state()")
        return self._state.copy()

    def day(self) -> Day:
        """Return the world of the present day, in the dynamics of now.

        Raises:
            RuntimeError: Before the first reset.
        """
        if self._state is None:
            raise RuntimeError("reset() comes before day()")
        return Day(self._city, *self._model, *self._weather(), self._metabolism)

    def _weather(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        day = slice(self._first, self._first + STEPS_PER_DAY)
        city, dynamics = self._city, self._dynamics
        outdoor, ground = city.outdoor[day], city.ground[day]
        if dynamics.outdoor_temperature:
            outdoor = outdoor + dynamics.outdoor_temperature
        if dynamics.ground_temperature:
            ground = ground + dynamics.ground_temperature
        return outdoor, ground, city.sun[day]

    def _read_weather(self) -> None:
        self._outdoor, self._ground, self._sun = (values.tolist() for values in self._weather())
        self._metabolism = self._city.metabolism[self._first : self._first + STEPS_PER_DAY]

    def _full_state(self, temperatures: np.ndarray, heat: Any) -> np.ndarray:
        n, t = len(temperatures), self._t
        state = np.empty(n + _WEATHER, np.float32)
        state[:n] = temperatures
        state[n:] = self._outdoor[t], self._ground[t], self._sun[t], heat / 1000
        return state

    def _observations(self) -> dict[str, np.ndarray]:
        assert self._state is not None
        n = len(self._state) - _WEATHER
        rows = np.empty((n, 1 + _WEATHER), np.float32)
        rows[:, 0] = self._state[:n]
        rows[:, 1:] = self._state[n:]
        return dict(zip(self.possible_agents, rows, strict=True))


def _space(temperatures: int) -> spaces.Box:
    """Return the space of some zone temperatures and the weather.

    How far a zone heats up depends on the dynamics and the actions, so its temperature has no bound; nor has
    the occupants' heat, which is a polynomial of it.
    """
    high = np.array([np.inf] * temperatures + [100.0, 100.0, 1.0, np.inf], np.float32)
    low = -high
    low[temperatures + 2] = 0.0
    return spaces.Box(low, high, dtype=np.float32)


def _read_day(options: Mapping[str, Any] | None) -> int | None:
    if not options or "day" not in options:
        return None
    try:
        day = operator.index(options["day"])
    except TypeError:
        day = -1
    if not 0 <= day < 365:
        raise ValueError(f"the reset option 'day' must be a whole number 0 to 364, got {options['day']!r}")
    return day


def make(**kwargs: Any) -> Building:
    """Make the building; the arguments are those of `Building`."""
    return Building(**kwargs)


class BuildingDynamics:
    """Writes dynamics and semantic shifts into a `Building`.

    Args:
        env: The unwrapped environment; its city and season are the nominal ones.
        task: Its task.
    """

    def __init__(self, env: Building, task: Task) -> None:
        self._env = env
        self.own = {"city": env.city, "season": env.season}

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set the place and all parameters of the coming episode."""
        place = {name: str(values.get(name, word)) for name, word in self.own.items()}
        if place != {"city": self._env.city, "season": self._env.season}:
            self._env.set_place(**place)
        self.apply({name: value for name, value in values.items() if not isinstance(value, str)})

    def apply(self, values: Mapping[str, float]) -> None:
        """Set all parameters; those without a value are nominal."""
        self._env.set_dynamics(Dynamics(**values))
