"""SISL's cooperative tasks of PettingZoo: walkers that carry a package, and pursuers on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task

_P = DynamicsParameter
_SOURCE = "PettingZoo SISL (Gupta, Egorov and Kochenderfer, AAMAS 2017; Terry et al., NeurIPS 2021)"
_INSTALL = 'pip install "robust-gym[sisl]"'


def _walkers(name: str, about: str, **kwargs: Any) -> None:
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="sisl",
            about=about,
            api="parallel",
            base="robust_gym.tasks._sisl_multiwalker:multiwalker",
            adapter="robust_gym.tasks._sisl_multiwalker:MultiwalkerDynamics",
            dynamics={parameter.name: parameter for parameter in _WALKERS},
            semantic={"terrain": _TERRAIN},
            horizon=500,
            kwargs=kwargs,
            modules=("Box2D", "pygame"),
            install=_INSTALL,
            steps={"smoke": 1_000, "quick": 100_000, "standard": 2_000_000},
            version=1,  # time that is up truncates
            source=f"{_SOURCE}, multiwalker_v9",
            slow=bool(kwargs),
        )
    )


_WALKERS = (
    _P("gravity", "gravitational acceleration", "m/s²", 10.0, 0.1, 3.0),
    _P("slope", "slope of the ground, uphill in the direction of the walk", "°", 0.0, -15.0, 15.0, mode="set"),
    _P("hull_density", "density of the walkers' hulls", "kg/m²", 5.0),
    _P("leg_density", "density of their legs", "kg/m²", 1.0),
    _P("package_density", "density of the package", "kg/m²", 1.0),
    _P("friction", "friction of the ground", "", 2.5, 0.01, 5.0),
    _P("package_friction", "friction of the package", "", 0.5, 0.01, 10.0),
    _P("motor_torque", "largest torque of every joint's motor", "N m", 80.0, 0.05, 5.0),
    _P("motor_speed", "speed at which motors turn", "of nominal", 1.0, 0.1, 3.0),
)
_TERRAIN = SemanticShift(
    "terrain",
    "the ground: gentle grass, or with stumps, stairs and pits",
    "grass",
    ("grass", "hardcore"),
    ("hardcore",),
)
_walkers("Multiwalker", "Three two-legged walkers carry a package forward; if one falls, all have lost.")
_walkers("Multiwalker2", "Two two-legged walkers carry a package forward; if one falls, both have lost.", n_walkers=2)
_walkers("Multiwalker5", "Five two-legged walkers carry a package forward; if one falls, all have lost.", n_walkers=5)
_walkers(
    "MultiwalkerSurvivors",
    "Three two-legged walkers carry a package forward; those who fall leave, the others go on.",
    terminate_on_fall=False,
)


def _pursuers(name: str, about: str, kwargs: Mapping[str, Any], *parameters: DynamicsParameter) -> None:
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="sisl",
            about=about,
            api="parallel",
            base="robust_gym.tasks._sisl_pursuit:pursuit",
            adapter="robust_gym.tasks._sisl_pursuit:PursuitDynamics",
            dynamics={parameter.name: parameter for parameter in parameters},
            semantic={"map": _MAP, "evaders": _EVADERS},
            action="discrete",
            null_action=4,
            horizon=500,
            kwargs=kwargs,
            modules=("pygame", "scipy"),
            install=_INSTALL,
            steps={"smoke": 500, "quick": 50_000, "standard": 1_000_000},
            source=f"{_SOURCE}, pursuit_v5",
            slow=True,
        )
    )


_MAP = SemanticShift(
    "map",
    "the obstacles on the grid: a block in the middle, none, nine pillars, or two walls",
    "rectangle",
    ("rectangle", "open", "pillars", "walls"),
    ("open", "pillars", "walls"),
)
_EVADERS = SemanticShift(
    "evaders", "what the evaders do: wander at random, or stay", "wandering", ("wandering", "frozen"), ("frozen",)
)


def _evader_count(nominal: int) -> DynamicsParameter:
    return _P("evader_count", "number of evaders", "", float(nominal), 0.1, 1.5, at_reset=True, whole=True)


_PURSUIT = (
    _P("evader_speed", "cells that an evader moves in a step", "cells", 1.0, 0.0, 3.0),
    _P("pursuer_speed", "cells that a pursuer moves in a step", "cells", 1.0, 0.1, 3.0),
    _P("sight", "distance to which pursuers see", "cells", 3.0, 0.3, 1.0),
)
_pursuers("Pursuit", "Eight pursuers surround thirty wandering evaders.", {}, *_PURSUIT, _evader_count(30))
_pursuers(
    "PursuitTag",
    "Eight pursuers catch thirty wandering evaders, two of them on the same cell as one.",
    {"surround": False},
    *_PURSUIT,
    _evader_count(30),
)
