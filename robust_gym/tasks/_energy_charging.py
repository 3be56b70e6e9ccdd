"""Charging electric cars: SustainGym's garages as environments for one agent and for a team."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from robust_gym.disruption import did_you_mean
from robust_gym.tasks._energy_garage import CAPACITY, STEPS, Garage
from robust_gym.tasks._energy_team import SharedView, read_day
from robust_gym.tasks._energy_traces import PERIODS, days, draw_sessions, moer
from robust_gym.tasks._parallel import DiscreteTeam

TRACES = ("model", "recorded")
"""Where the cars come from: a Gaussian mixture fitted to the period, or the recorded sessions of the day."""

_PER_DAY = ("arrivals", "requested_energy", "stay", "overstay")
LEVELS = 5
"""Actions of a station's agent: action k charges at k quarters of the largest current."""


class Day:
    """A garage with its calendar: what both environments are made of.

    Args:
        site: ``"caltech"`` or ``"jpl"``.
        period: A key of ``PERIODS``.
        traces: One of `TRACES`.

    Raises:
        ValueError: If there is no such period or kind of trace.
    """

    def __init__(self, site: str, period: str, traces: str) -> None:
        self.site = site
        self.garage = Garage(site)
        self.size = 2 * len(self.garage.network.stations) + 38
        self._per_day: dict[str, float] = {}
        self.set_words(period=period, traces=traces)

    def set_words(self, period: str, traces: str) -> None:
        """Set the period and the kind of traces, from the next reset on."""
        for what, word, known in (("period", period, tuple(PERIODS)), ("traces", traces, TRACES)):
            if word not in known:
                raise ValueError(f"unknown {what} {word!r}; known are {', '.join(known)}.{did_you_mean(word, known)}")
        self.period, self.traces = period, traces

    def set_numbers(self, values: Mapping[str, float]) -> None:
        """Set parameters, in physical units; those of the day's cars from the next reset on."""
        numbers = dict(values)
        self._per_day = {name: numbers.pop(name) for name in _PER_DAY if name in numbers}
        if "overstay" in self._per_day:
            self._per_day["overstay"] /= 5  # minutes to steps
        self.garage.rates = replace(self.garage.rates, **numbers)

    def reset(self, rng: np.random.Generator, options: Mapping[str, Any] | None) -> dict[str, Any]:
        """Begin a day.

        Whatever the parameters, this draws two numbers: the day, and a seed for its cars.
        """
        day, seed = int(rng.integers(days(self.period))), int(rng.integers(2**63))
        if options and "day" in options:
            day = read_day(options["day"], days(self.period))
        cars = np.random.default_rng(seed)
        sessions = draw_sessions(self.site, self.period, self.traces, day, cars, **self._per_day)
        self.garage.reset(sessions, moer(self.period, day))
        return {"day": day, "cars": len(sessions.arrival)}

    def observe(self) -> np.ndarray:
        """Return what is known; see `EVCharging`."""
        return self.garage.observe()

    def space(self) -> spaces.Box:
        """Return the space of what is observed."""
        n = len(self.garage.network.stations)
        high = np.array([CAPACITY] * n + [STEPS] * n + [5.0] * 37 + [1.0], np.float32)
        low = np.array([0.0] * n + [-STEPS] * n + [0.0] * 38, np.float32)
        return spaces.Box(low, high, dtype=np.float32)


class EVCharging(gym.Env[np.ndarray, np.ndarray]):
    """A garage whose operator sets the current of every station, over one day.

    It computes what SustainGym's ``EVChargingEnv`` computes without its action projection: currents beyond what the
    network bears are paid for, not prevented. Cars are drawn from the mixture that SustainGym fitted to a period.

    An observation, float32 ``[2 n + 38]`` for n stations, has SustainGym's parts in the order in which Gymnasium
    flattens them: the energy still asked for at every station (kWh), the steps until each car's stated departure, the
    marginal emissions forecast for the next 36 steps and those of the last step (kg CO2/kWh), and the time (share of
    the day). An action, float32 ``[n]`` between 0 and 1, is the share of 32 A at every station; stations round it to
    currents they know. The reward is the profit less the cost of carbon and of violations, in $. After 288 steps of
    five minutes the episode is truncated.

    Args:
        site: ``"caltech"``, 54 stations, or ``"jpl"``, 52 stations.
        period: A key of ``PERIODS``.
        traces: One of `TRACES`.
        render_mode: Only ``None``.

    Raises:
        ValueError: If there is no such period, kind of trace or render mode.
    """

    metadata = {"render_modes": []}

    def __init__(
        self,
        site: str = "caltech",
        period: str = "summer_2019",
        traces: str = "model",
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None:
            raise ValueError(f"the garage has no render mode {render_mode!r}")
        self.render_mode = None
        self.world = Day(site, period, traces)
        n = len(self.world.garage.network.stations)
        self.observation_space = self.world.space()
        self.action_space = spaces.Box(0.0, 1.0, (n,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin a day.

        Args:
            seed: Seeds the generator that draws days and cars; ``None`` lets it go on.
            options: ``{"day": d}`` begins that day of the period.

        Raises:
            ValueError: If there is no such day.
        """
        super().reset(seed=seed)
        info = self.world.reset(self.np_random, options)
        return self.world.garage.observe(), info

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Let five minutes pass.

        Raises:
            RuntimeError: If the day is over.
        """
        garage = self.world.garage
        if garage.t >= STEPS:
            raise RuntimeError("the day is over: reset() begins another")
        reward, parts = garage.step(np.clip(np.asarray(action, np.float64), 0.0, 1.0))
        return garage.observe(), reward, False, garage.t >= STEPS, parts


class EVChargingTeam(SharedView, DiscreteTeam):
    """The same garage with an agent at every station.

    As in SustainGym's ``MultiAgentEVChargingEnv`` with discrete actions, every agent observes the whole garage and
    gets an equal share of the reward. Action k, 0 to 4, charges at k quarters of 32 A.

    Args:
        site: ``"caltech"`` or ``"jpl"``.
        period: A key of ``PERIODS``.
        traces: One of `TRACES`.
        render_mode: Only ``None``.

    Raises:
        ValueError: If there is no such period, kind of trace or render mode.
    """

    world: Day
    metadata = {"name": "robust_ev_charging_v0", "render_modes": [], "is_parallelizable": True}

    def __init__(
        self,
        site: str = "caltech",
        period: str = "summer_2019",
        traces: str = "model",
        render_mode: str | None = None,
    ) -> None:
        self.world = Day(site, period, traces)
        agents = self.world.garage.network.stations
        space = self.world.space()
        super().__init__(dict.fromkeys(agents, space), dict.fromkeys(agents, LEVELS), space, render_mode)

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Let five minutes pass.

        Raises:
            ValueError: If an agent has no action, or one that is not in its space.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        garage = self.world.garage
        reward, _ = garage.step(np.array(self._read(actions)) / (LEVELS - 1))
        n = len(self.possible_agents)
        return self._results(self._observations(), [reward / n] * n, garage.t >= STEPS)


def make(**kwargs: Any) -> EVCharging:
    """Make the garage of one operator; the arguments are those of `EVCharging`."""
    return EVCharging(**kwargs)


def make_team(**kwargs: Any) -> EVChargingTeam:
    """Make the garage of a team; the arguments are those of `EVChargingTeam`."""
    return EVChargingTeam(**kwargs)
