"""A day in SustainGym's cogeneration plant: what is asked for, what is set, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import did_you_mean
from robust_gym.tasks._energy_plant import COLUMNS, SEASONS, STEPS, limits, outputs, record
from robust_gym.tasks._energy_team import read_day

AHEAD = 3
"""Steps of forecast that are observed beside the present."""

ACTIONS = 15
_HIGH = (115.0, 15.0, 1.0, 2000.0, 3000.0, 2000.0, 100.0)

# Inputs 3 to 17 of the plant's model are the action; of these:
_SWITCHES = np.array([0, 1, 3, 4, 6, 7])  # power augmentation and evaporative cooler of the three gas turbines
_BAYS = 14
_POWERS = np.array([2, 5, 8, 12])
AGENTS: dict[str, tuple[int, ...]] = {
    "gas_1": (0, 1, 2, 9),
    "gas_2": (3, 4, 5, 10),
    "gas_3": (6, 7, 8, 11),
    "steam": (12, 13, 14),
}
"""The team's agents, and which numbers of the action each sets."""

# Outputs of the model.
_FUEL, _ALL_FUEL, _NET_POWER, _STEAM = slice(6, 9), 21, -2, -1


@dataclass(frozen=True)
class Conditions:
    """What the dynamics may change about the plant.

    Attributes:
        ambient_temperature: Offset, in °F.
        ambient_pressure: Offset, in psia.
        humidity: Offset of the relative humidity.
        power_demand: Multiple of the net power asked for.
        steam_demand: Multiple of the process steam asked for.
        wind_capacity: Wind turbines that serve part of the demand, in MW.
        power_loss: Share of the net power that is lost.
        steam_loss: Share of the process steam that is lost.
        fuel_cost: Cost of a klb/h of fuel.
        ramp_penalty: Cost of changing a turbine's power by a MW.
        delivery_penalty: Cost of a MW or klb/h that is not delivered.
        constraint_penalty: Cost of leaving the plant's operating limits by a unit.
    """

    ambient_temperature: float = 0.0
    ambient_pressure: float = 0.0
    humidity: float = 0.0
    power_demand: float = 1.0
    steam_demand: float = 1.0
    wind_capacity: float = 0.0
    power_loss: float = 0.0
    steam_loss: float = 0.0
    fuel_cost: float = 1.0
    ramp_penalty: float = 2.0
    delivery_penalty: float = 1000.0
    constraint_penalty: float = 1000.0


class Plant:
    """A plant with its calendar: what both environments are made of.

    Args:
        season: A key of ``SEASONS``.

    Raises:
        ValueError: If there is no such season.
    """

    def __init__(self, season: str) -> None:
        self.conditions = Conditions()
        self.t, self._day = 0, 0
        low, high, _ = limits()
        self._low, self._span = low[3:].astype(np.float64), (high - low)[3:].astype(np.float64)
        self._ambient = low[:3].astype(np.float64), high[:3].astype(np.float64)
        self.set_words(season)
        self._set = np.zeros(ACTIONS)
        self._rows = np.zeros((STEPS + AHEAD + 1, len(COLUMNS)))

    def set_words(self, season: str) -> None:
        """Set the season, from the next reset on."""
        if season not in SEASONS:
            hint = did_you_mean(season, SEASONS)
            raise ValueError(f"unknown season {season!r}; known are {', '.join(SEASONS)}.{hint}")
        self.season = season

    def set_numbers(self, values: Mapping[str, float]) -> None:
        """Set parameters, in physical units."""
        conditions = Conditions(**values)
        if conditions != self.conditions:
            self.conditions = conditions
            self._read_day()

    def reset(self, rng: np.random.Generator, options: Mapping[str, Any] | None) -> dict[str, Any]:
        """Begin a day: draw it, and how the plant ran before."""
        # The last day has no morrow to forecast.
        known = np.flatnonzero(np.isin(record().months[:-1], SEASONS[self.season]))
        day = int(rng.choice(known))
        if options and "day" in options:
            day = read_day(options["day"], len(record().months) - 1)
        self._set = self._settings(rng.uniform(-1.0, 1.0, ACTIONS))
        self.t, self._day = 0, day
        self._read_day()
        return {"day": day}

    def _read_day(self) -> None:
        """Take the day's table, and the beginning of the next, under the present conditions."""
        days, now = slice(self._day, self._day + 2), self.conditions
        rows = record().table[days].reshape(-1, len(COLUMNS))[: STEPS + AHEAD + 1].copy()
        offsets = (now.ambient_temperature, now.ambient_pressure, now.humidity)
        if any(offsets):
            rows[:, :3] = np.clip(rows[:, :3] + offsets, *self._ambient)
        if now.wind_capacity:
            wind = record().wind[days].ravel()[: len(rows)]
            rows[:, 3] = np.maximum(rows[:, 3] - now.wind_capacity * wind, 0.0)
        rows[:, 3] *= now.power_demand
        rows[:, 4] *= now.steam_demand
        self._rows = rows.astype(np.float32)

    def _settings(self, action: np.ndarray) -> np.ndarray:
        """Turn an action between -1 and 1 into the model's inputs 3 to 17."""
        share = (np.clip(action, -1.0, 1.0) + 1.0) / 2.0
        share[_SWITCHES] = share[_SWITCHES] > 0.5
        settings = self._low + share * self._span
        settings[_BAYS] = np.rint(settings[_BAYS])
        return settings

    def space(self) -> spaces.Box:
        """Return the space of what is observed."""
        high = np.concatenate([np.ones(1 + ACTIONS), np.repeat(_HIGH, AHEAD + 1)]).astype(np.float32)
        low = np.zeros_like(high)
        low[1 : 1 + ACTIONS] = -1.0
        return spaces.Box(low, high, dtype=np.float32)

    def observe(self) -> np.ndarray:
        """Return what is known; see `Cogen`."""
        before = np.clip(2.0 * (self._set - self._low) / self._span - 1.0, -1.0, 1.0)
        ahead = self._rows[self.t : self.t + AHEAD + 1].T.ravel()
        return np.concatenate([[self.t / STEPS], before, ahead]).astype(np.float32)

    def step(self, action: np.ndarray) -> tuple[float, np.ndarray]:
        """Let a quarter of an hour pass.

        Args:
            action: What to set, between -1 and 1, ``[15]``.

        Returns:
            The reward, and the part of every one of `AGENTS` in its cost, ``[4]``.
        """
        now, before, ambient = self.conditions, self._set, self._rows[self.t]
        self._set = self._settings(np.asarray(action, np.float64))
        inputs = np.concatenate([ambient[:3], self._set]).astype(np.float32)
        out = outputs(inputs).astype(np.float64)
        settings = inputs.astype(np.float64)
        steam = max(0.0, ambient[4] - out[_STEAM] * (1.0 - now.steam_loss))
        power = max(0.0, ambient[3] - out[_NET_POWER] * (1.0 - now.power_loss))
        shared = now.delivery_penalty * (steam + power)
        own = now.constraint_penalty * _violations(settings, out)
        own += now.ramp_penalty * np.abs(self._set[_POWERS] - before[_POWERS])
        costs = own.copy()
        costs[:3] += now.fuel_cost * out[_FUEL]
        total = now.fuel_cost * out[_ALL_FUEL] + own.sum() + shared
        self.t += 1
        return -float(total), costs + shared / len(costs)


def _violations(settings: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Return by how much each generator leaves its operating limits, ``[4]``."""
    found = np.zeros(4)
    for k in range(3):
        power, heat = settings[5 + 3 * k], settings[12 + k]
        found[k] = (
            max(0.0, out[9 + 2 * k] - power)
            + max(0.0, power - out[10 + 2 * k])
            + max(0.0, out[15 + 2 * k] - heat)
            + max(0.0, heat - out[16 + 2 * k])
        )
    # As in SustainGym, the process steam must not exceed either of its two limits.
    found[3] = max(0.0, out[24] - settings[15]) + max(0.0, settings[15] - out[25])
    found[3] += max(0.0, settings[16] - out[22]) + max(0.0, settings[16] - out[23])
    return found
