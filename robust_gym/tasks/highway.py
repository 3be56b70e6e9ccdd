"""The roads of highway-env: tactical decisions in traffic, and continuous control of a car.

Observations are the positions and velocities of the nearest vehicles (``Kinematics``), or an occupancy grid on the
racetracks, or the state of the car alone. Where highway-env has several versions of a road, it is the newest one, on
which drivers see each other across the ends of lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task

_P = DynamicsParameter

_TIME_GAP = _P("time_gap", "time that other drivers keep to the vehicle in front", "s", 1.5, 0.1, 4.0)
_JAM = _P("jam_distance", "distance that other drivers keep when they stand", "m", 10.0, 0.3, 4.0)
_ACCELERATION = _P("driver_acceleration", "acceleration that other drivers like", "m/s²", 3.0, 0.2, 3.0)
_BRAKING = _P("driver_braking", "deceleration that other drivers like", "m/s²", 5.0, 0.2, 3.0)
_POLITE = _P("politeness", "weight of others' loss when other drivers change lanes", "", 0.0, 0.0, 1.0, mode="set")
_LENGTH = _P("length", "length of the ego vehicle, which turns the slower the longer it is", "m", 5.0, 0.5, 2.5)
_THROTTLE = _P("throttle_response", "how fast the ego vehicle takes up its speed", "1/s", 1 / 0.6, 0.2, 3.0)
_STEERING = _P("steering_response", "how fast the ego vehicle takes up its heading", "1/s", 5.0, 0.2, 2.0)


def _limit(nominal: float, high: float = 2.0) -> DynamicsParameter:
    """Return the speed limit, up to the nominal one where nobody would drive faster."""
    return _P("speed_limit", "speed limit of the lanes, which other drivers obey", "m/s", nominal, 0.4, high)


def _cruise(nominal: float) -> DynamicsParameter:
    return _P("cruise_speed", "speeds that the ego vehicle chooses among; the middle one", "m/s", nominal, 0.5, 1.5)


def _density(nominal: float) -> DynamicsParameter:
    about = "how close other vehicles start to each other"
    return _P("density", about, "of usual", nominal, 0.3, 2.0, at_reset=True)


def _vehicles(nominal: int) -> DynamicsParameter:
    return _P("vehicles", "number of other vehicles", "", float(nominal), 0.2, 2.0, at_reset=True, whole=True)


_CONTROL = (
    _P("steering", "largest steering angle", "rad", 0.785, 0.2, 1.5),
    _P("misalignment", "steering angle of the car left to itself", "rad", 0.0, -0.3, 0.3, mode="set"),
)
_PEDALS = (
    _P("engine", "largest acceleration and deceleration", "m/s²", 5.0, 0.2, 2.0),
    _P("slope", "acceleration of the car left to itself", "m/s²", 0.0, -2.0, 2.0, mode="set"),
)
_TYRES = (
    _P("mass", "mass and moment of inertia of the car", "kg", 1.0, 0.5, 3.0),
    _P("tyre_friction", "cornering stiffness of the tyres", "N/rad", 15.0, 0.1, 1.5),
)

_TRAFFIC = SemanticShift(
    "traffic",
    "how other drivers drive: by the intelligent driver model, or as highway-env's linear drivers",
    "idm",
    ("idm", "aggressive", "defensive"),
    ("aggressive", "defensive"),
)
_SEEN = {
    "type": "Kinematics",
    "features": ["presence", "x", "y", "vx", "vy", "cos_h", "sin_h"],
}


def _task(
    name: str,
    road: str,
    about: str,
    horizon: int,
    dynamics: tuple[DynamicsParameter, ...],
    *,
    shifts: tuple[SemanticShift, ...] = (),
    scenes: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    continuous: bool = False,
    goal: bool = False,
    slow: bool = True,
    standard: int = 100_000,
) -> None:
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="highway",
            about=about,
            base="robust_gym.tasks._highway_env:drive",
            adapter="robust_gym.tasks._highway_env:DrivingDynamics",
            horizon=horizon,
            dynamics={parameter.name: parameter for parameter in dynamics},
            semantic={shift.name: shift for shift in shifts},
            observation="dict" if goal else "box",
            action="box" if continuous else "discrete",
            null_action=None if continuous else 1,
            kwargs={"road": road, **({"config": config} if config else {}), **({"scenes": scenes} if scenes else {})},
            modules=("highway_env",),
            install='pip install "robust-gym[highway]"',
            steps={"smoke": 500, "quick": 10_000, "standard": standard},
            source=f"highway-env's {road} (Leurent, 2018)",
            slow=slow,
        )
    )


def _lanes(key: str, nominal: int, *others: int) -> tuple[SemanticShift, dict[str, Any]]:
    options = tuple(f"n{count}" for count in (nominal, *others))
    shift = SemanticShift("lanes", "number of lanes", options[0], options, options[1:])
    return shift, {"lanes": {f"n{count}": {key: count} for count in others}}


_shift, _scenes = _lanes("lanes_count", 3, 2, 4)
_task(
    "Highway",
    "highway-fast-v0",
    "Drive fast and far to the right on a highway of three lanes, without hitting anyone.",
    30,
    (
        *(_TIME_GAP, _JAM, _ACCELERATION, _POLITE, _limit(30.0), _vehicles(20), _LENGTH, _THROTTLE, _STEERING),
        _density(1.0),
        _cruise(25.0),
    ),
    shifts=(_TRAFFIC, _shift),
    scenes=_scenes,
)
_task(
    "Merge",
    "merge-v1",
    "Drive on while vehicles from an access ramp merge into the highway.",
    30,
    (_TIME_GAP, _JAM, _ACCELERATION, _limit(20.0), _LENGTH, _THROTTLE, _STEERING, _cruise(25.0)),
    shifts=(_TRAFFIC,),
)
_task(
    "Roundabout",
    "roundabout-v1",
    "Take the second exit of a roundabout through flowing traffic.",
    11,
    (_TIME_GAP, _JAM, _ACCELERATION, _limit(20.0), _LENGTH, _THROTTLE, _STEERING, _cruise(8.0)),
    shifts=(_TRAFFIC,),
)

_ROUTE = SemanticShift(
    "route", "where the ego vehicle wants to go", "left", ("left", "straight", "right"), ("straight", "right")
)
_ROUTES = {"route": {"straight": {"destination": "o2"}, "right": {"destination": "o3"}}}
_CROSSING = (
    _P("time_gap", _TIME_GAP.about, "s", 1.5, 0.1, 4.0),
    _P("jam_distance", _JAM.about, "m", 7.0, 0.3, 4.0),
    _P("driver_acceleration", _ACCELERATION.about, "m/s²", 6.0, 0.2, 3.0),
    _limit(10.0),
    _P("spawning", "probability that a vehicle enters in a step", "", 0.6, 0.0, 1.6, at_reset=True),
    _LENGTH,
)
_task(
    "Intersection",
    "intersection-v2",
    "Turn left at an unsignalised intersection, by choosing a speed.",
    13,
    (*_CROSSING, _THROTTLE, _STEERING, _cruise(4.5)),
    shifts=(_TRAFFIC, _ROUTE),
    scenes=_ROUTES,
)
_task(
    "TwoWay",
    "two-way-v0",
    "Overtake slower vehicles on a road with traffic in the other direction.",
    15,
    (_TIME_GAP, _JAM, _ACCELERATION, _limit(20.0), _LENGTH, _THROTTLE, _STEERING, _cruise(25.0)),
    shifts=(_TRAFFIC,),
    config={"observation": _SEEN},
)
_task(
    "UTurn",
    "u-turn-v1",
    "Overtake vehicles that block a U-turn.",
    10,
    (_TIME_GAP, _JAM, _ACCELERATION, _limit(20.0, 1.0), _LENGTH, _THROTTLE, _STEERING, _cruise(16.0)),
    shifts=(_TRAFFIC,),
    config={"observation": _SEEN},
)
_task(
    "LaneKeeping",
    "lane-keeping-v0",
    "Keep to a winding lane with the steering wheel, by noisy readings of the car's state.",
    200,
    (*_TYRES, _P("steering", _CONTROL[0].about, "rad", 1.047, 0.2, 1.4), _CONTROL[1]),
    continuous=True,
    slow=False,
)

_PARKING = (*_CONTROL, *_PEDALS, _LENGTH)
_task(
    "Parking",
    "parking-v0",
    "Park a car on a given spot of an empty lot, facing the right way.",
    500,
    _PARKING,
    continuous=True,
    goal=True,
)
_TRACKS = {
    "usual": {"methods": "racetrack-v1"},
    "large": {"methods": "racetrack-large-v1"},
    "oval": {
        "methods": "racetrack-oval-v1",
        "length": 100,
        "no_lanes": 3,
        "block_lane": False,
        "force_decision": False,
    },
}
_task(
    "Racetrack",
    "racetrack-v1",
    "Steer round a winding racetrack at a given speed, past other cars.",
    1500,
    (*_CONTROL, _limit(10.0), _LENGTH),
    shifts=(SemanticShift("track", "the racetrack", "usual", tuple(_TRACKS), ("large", "oval")),),
    scenes={"track": {track: _TRACKS[track] for track in ("large", "oval")}},
    continuous=True,
)
