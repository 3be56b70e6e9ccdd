"""The two charging garages of ACN-Sim, and how their cars charge: all stations at once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STEPS = 288
"""Steps of a day, of five minutes each."""

HOURS = 5 / 60
CAPACITY = 100.0
"""Capacity of a battery, and the most energy that a session may request, in kWh."""

_TRANSITION = 0.8  # state of charge from which a battery takes less and less
_PROFIT_SHARE = 0.2  # of the price of a kWh
_FULL = 1e-3  # kWh: nothing more is asked for


@dataclass(frozen=True, eq=False)
class Network:
    """Who is connected where.

    Attributes:
        stations: Names of the charging stations.
        coarse: Whether a station knows the currents 0, 8, … 32 A only; others know 0 and 6, 7, … 32 A.
        currents: Complex current of every constraint per ampere at every station, ``[constraints, stations]``.
        limits: The largest magnitude of each, in A.
    """

    stations: tuple[str, ...]
    coarse: np.ndarray
    currents: np.ndarray
    limits: np.ndarray


class _Wiring:
    """Collects stations with their phases, and constraints on sums of currents."""

    def __init__(self) -> None:
        self.stations: list[str] = []
        self.angles: list[float] = []
        self.constraints: list[tuple[dict[str, float], float]] = []

    def connect(self, ab: Sequence[str], bc: Sequence[str], ca: Sequence[str]) -> list[dict[str, float]]:
        """Add stations between pairs of phases; return the currents of the three phases."""
        for names, angle in ((ab, 30.0), (bc, -90.0), (ca, 150.0)):
            self.stations += names
            self.angles += [angle] * len(names)
        one = [dict.fromkeys(names, 1.0) for names in (ab, bc, ca)]
        return [_sum(one[k], one[k - 1], -1.0) for k in range(3)]  # a = ab - ca, b = bc - ab, c = ca - bc

    def limit(self, current: dict[str, float], amperes: float) -> None:
        self.constraints.append((current, amperes))

    def transformer(self, phases: list[dict[str, float]], watts: float, primary: float) -> None:
        """Limit a delta-wye transformer on both sides."""
        for phase in phases:
            self.limit(phase, watts / 3 / 120)
        for k in range(3):
            difference = _sum(phases[k], phases[k - 1], -1.0)
            self.limit({name: share / 4 for name, share in difference.items()}, primary)

    def network(self, coarse: Sequence[str] = ()) -> Network:
        matrix = np.zeros((len(self.constraints), len(self.stations)))
        for row, (current, _) in zip(matrix, self.constraints, strict=True):
            for name, share in current.items():
                row[self.stations.index(name)] = share
        phase = np.exp(1j * np.deg2rad(self.angles))
        limits = np.array([amperes for _, amperes in self.constraints])
        return Network(tuple(self.stations), np.isin(self.stations, coarse), matrix * phase, limits)


def _sum(a: dict[str, float], b: dict[str, float], sign: float = 1.0) -> dict[str, float]:
    return {name: a.get(name, 0.0) + sign * b.get(name, 0.0) for name in (*a, *(n for n in b if n not in a))}


def _ca(*numbers: int) -> list[str]:
    return [f"CA-{number}" for number in numbers]


def _caltech() -> Network:
    wiring = _Wiring()
    coarse, fine = _ca(322, 493, 496, 320, 495, 321, 323, 494), _ca(324, 325, 326, 327, 489, 490, 491, 492)
    phases = wiring.connect(
        _ca(308, 508, 303, 513, 310, 506, 316, 500, 318, 498) + fine + coarse,
        _ca(304, 512, 305, 511, 313, 503, 311, 505, 317, 499, 148, 149, 212, 213),
        _ca(307, 509, 309, 507, 306, 510, 315, 501, 319, 497, 312, 504, 314, 502),
    )
    for pod in (coarse, fine):
        wiring.limit(dict.fromkeys(pod, 1.0), 80.0)
    wiring.transformer(phases, 150_000.0, 150_000.0 / 3 / 277)
    return wiring.network(coarse)


def _jpl() -> Network:
    def floor(level: int, *numbers: int) -> list[str]:
        return [f"AG-{level}F{number:02d}" for number in numbers]

    wiring = _Wiring()
    panels = [
        wiring.connect(floor(1, 12, 14), [], floor(1, 11, 13)),
        wiring.connect(floor(1, 3, 6), floor(1, 1, 4), floor(1, 2, 5)),
        wiring.connect(floor(1, 10), floor(1, 7, 9), floor(1, 8)),
        wiring.connect(
            floor(3, 16, 17, 20, 23, 25, 26, 29, 33), floor(3, 18, 21, 27, 30, 31), floor(3, 15, 19, 22, 24, 28, 32)
        ),
        wiring.connect(
            floor(4, 35, 36, 39, 42, 44, 45, 48, 52), floor(4, 37, 40, 46, 49, 50), floor(4, 34, 38, 41, 43, 47, 51)
        ),
    ]
    for phase in range(3):
        for panel, amperes in ((0, 100.0), (1, 100.0), (3, 225.0), (4, 225.0)):
            wiring.limit(panels[panel][phase], amperes)
    for parts, watts in (((2, 0, 1), 45_000.0), ((3, 4), 150_000.0)):
        phases = [functools.reduce(_sum, (panels[part][k] for part in parts)) for k in range(3)]
        wiring.transformer(phases, watts, watts / 3 / 120 * 3**0.5)
    return wiring.network()


@functools.cache
def network(site: str) -> Network:
    """Return the network of ``"caltech"`` or ``"jpl"``, as ACN-Sim wires it."""
    return {"caltech": _caltech, "jpl": _jpl}[site]()


@dataclass(frozen=True)
class Rates:
    """What the dynamics may change about a garage within a day.

    Attributes:
        charger_current: Current at full action, in A.
        voltage: Voltage at the stations, in V.
        battery_power: Most power that a battery takes, in kW.
        transformer: Share of the network's nominal limits that it bears.
        emissions: Multiple of the recorded marginal emissions.
        price: Price of a kWh, in $.
        carbon_price: Price of a tonne of CO2, in $.
        violation_cost: Cost of a kWh beyond the network's limits, in $.
    """

    charger_current: float = 32.0
    voltage: float = 208.0
    battery_power: float = 100.0
    transformer: float = 1.0
    emissions: float = 1.0
    price: float = 0.15
    carbon_price: float = 30.85
    violation_cost: float = 0.001


@dataclass(frozen=True, eq=False)
class Sessions:
    """The cars of a day, in the order in which they arrive.

    Attributes:
        arrival: Step at which a car is plugged in.
        departure: Step at which it leaves.
        estimate: Step at which its driver said it would leave.
        energy: Energy it asks for, in kWh.
        station: Number of the station it takes.
    """

    arrival: np.ndarray
    departure: np.ndarray
    estimate: np.ndarray
    energy: np.ndarray
    station: np.ndarray


class Garage:
    """A day in a charging garage.

    Args:
        site: ``"caltech"`` or ``"jpl"``.
    """

    def __init__(self, site: str) -> None:
        self.network = network(site)
        self.rates = Rates()
        self.t = 0
        n = len(self.network.stations)
        self._asked, self._given = np.zeros(n), np.zeros(n)
        self._here = np.zeros(n, bool)
        self._estimate, self._leaves = np.zeros(n), np.zeros(n)
        self._begin: Sessions | None = None
        self._moer = np.zeros((STEPS + 1, 37), np.float64)

    def reset(self, sessions: Sessions, moer: np.ndarray) -> None:
        """Begin a day.

        Args:
            sessions: Its cars.
            moer: Marginal emissions of each step, and their 36 forecasts, in kg CO2/kWh, ``[289, 37]``.
        """
        self._begin, self._moer, self.t = sessions, moer, 0
        self._here[:] = False

    def observe(self) -> np.ndarray:
        """Return what is known: see `EVCharging`, float32 ``[2 stations + 38]``."""
        left = self._asked - self._given
        active = self._here & (left > _FULL)
        moer = self._moer[self.t] * self.rates.emissions
        return np.concatenate(
            [
                np.where(active, left, 0.0),
                np.where(active, self._estimate - self.t, 0.0),
                moer[1:],
                moer[:1],
                [self.t / STEPS],
            ]
        ).astype(np.float32)

    def step(self, action: np.ndarray) -> tuple[float, dict[str, float]]:
        """Let five minutes pass.

        Args:
            action: Share of the largest current at every station, 0 to 1.

        Returns:
            The reward in $, and the parts it is made of.
        """
        rates, net = self.rates, self.network
        wanted = action * rates.charger_current
        pilots = np.where(net.coarse, np.round(wanted / 8) * 8, np.where(wanted >= 6, np.round(wanted), 0.0))
        energy = self._charge(np.where(self._here, pilots, 0.0))
        self.t += 1
        self._move_cars()
        total = energy.sum()
        excess = np.maximum(0.0, np.abs(net.currents @ pilots) - net.limits * rates.transformer).sum()
        parts = {
            "profit": total * rates.price * _PROFIT_SHARE,
            "carbon_cost": total * rates.carbon_price / 1000 * self._moer[self.t, 0] * rates.emissions,
            "excess_charge": excess * rates.voltage / 1000 * HOURS * rates.violation_cost,
        }
        return float(parts["profit"] - parts["carbon_cost"] - parts["excess_charge"]), {
            name: float(part) for name, part in parts.items()
        }

    def _charge(self, pilots: np.ndarray) -> np.ndarray:
        """Charge every car; return the energy of each station in kWh.

        ACN-Sim's two-stage battery: at the pilot's current up to a state of charge, then ever slower.
        """
        rates = self.rates
        most = rates.battery_power / CAPACITY * HOURS
        asked = np.minimum(pilots * rates.voltage / 1000 / CAPACITY * HOURS, most)
        bend = _TRANSITION + (asked - most) / most * (_TRANSITION - 1.0)
        before = 1.0 + (self._given - self._asked) / CAPACITY
        tail = np.minimum(bend - 1.0, -1e-12)  # where nothing is asked the bend is at 1, and nothing charged
        late = 1.0 + np.exp(asked / tail) * (before - 1.0)
        mixed = 1.0 + np.exp(np.minimum((asked + before - bend) / tail, 0.0)) * tail  # where the bend is passed
        after = np.where(before >= bend, late, np.where(before + asked <= bend, before + asked, mixed))
        energy = np.where(asked > 0.0, (after - before) * CAPACITY, 0.0)
        self._given += energy
        return energy

    def _move_cars(self) -> None:
        assert self._begin is not None, "reset() comes before step()"
        sessions, t = self._begin, self.t
        self._here &= self._leaves > t
        # ACN-Sim handles a day's first events after the first step.
        new = np.flatnonzero((sessions.arrival == t) | ((t == 1) & (sessions.arrival == 0)))
        station = sessions.station[new]
        self._here[station], self._given[station] = True, 0.0
        self._asked[station], self._estimate[station] = sessions.energy[new], sessions.estimate[new]
        self._leaves[station] = sessions.departure[new]
