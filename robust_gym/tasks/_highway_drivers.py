"""The drivers of highway-env, with parameters of their own.

highway-env keeps a driver's parameters in class attributes, and its intersection writes into them: whoever drives
there once changes the traffic of every other road of the process. The classes here hold their own copies, and each
driver takes over the conditions of the road it is put on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from highway_env.vehicle.behavior import AggressiveVehicle, DefensiveVehicle, IDMVehicle

ATTRIBUTES = {
    "time_gap": "TIME_WANTED",
    "jam_distance": "DISTANCE_WANTED",
    "driver_acceleration": "COMFORT_ACC_MAX",
    "driver_braking": "COMFORT_ACC_MIN",
    "change_gain": "LANE_CHANGE_MIN_ACC_GAIN",
}
"""Names of the parameters of drivers, and the attributes of highway-env that hold them."""


class Driver(IDMVehicle):
    """What the drivers share: highway-env's values, whatever has been written into its classes."""

    DISTANCE_WANTED = 10.0
    COMFORT_ACC_MAX = 3.0
    COMFORT_ACC_MIN = -5.0

    def __init__(self, road: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(road, *args, **kwargs)
        self.collecting_data = False  # Linear drivers would keep a record of every decision
        adopt(self, road.conditions)


class Crossing(Driver):
    """What the drivers at an intersection share: the values that highway-env gives them there."""

    DISTANCE_WANTED = 7
    COMFORT_ACC_MAX = 6
    COMFORT_ACC_MIN = -3


class Idm(Driver):
    """Follows the intelligent driver model (Treiber et al., 2000) and changes lanes by MOBIL."""


class Aggressive(Driver, AggressiveVehicle):
    """A linear driver that keeps little distance."""


class Defensive(Driver, DefensiveVehicle):
    """A linear driver that keeps much distance."""


class CrossingIdm(Crossing):
    """The driver model at an intersection."""


class CrossingAggressive(Crossing, AggressiveVehicle):
    """The aggressive driver at an intersection."""


class CrossingDefensive(Crossing, DefensiveVehicle):
    """The defensive driver at an intersection."""


def adopt(vehicle: Any, conditions: Mapping[str, float]) -> None:
    """Give a driver the parameters that hold on its road.

    Args:
        vehicle: A driver of this module, or an ``IDMVehicle``.
        conditions: Factors on highway-env's values, and ``politeness`` itself.
    """
    kind = type(vehicle) if isinstance(vehicle, Driver) else Idm
    for name, attribute in ATTRIBUTES.items():
        setattr(vehicle, attribute, getattr(kind, attribute) * conditions.get(name, 1.0))
    vehicle.POLITENESS = conditions.get("politeness", 0.0)
