"""Dynamics of the safe navigation worlds: MuJoCo's own, and where and how large things are."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Mapping
from typing import Any, ClassVar

from robust_gym.task import Task
from robust_gym.tasks._mujoco_dynamics import MujocoDynamics

SCALED: dict[str, tuple[tuple[str, str], ...]] = {
    "hazard_size": (("hazards", "size"), ("hazards", "keepout")),
    "goal_size": (("goal", "size"), ("goal", "keepout")),
    "gremlin_speed": (("gremlins", "speed"),),
    "gremlin_travel": (("gremlins", "travel"),),
    "circle_radius": (("circle", "radius"),),
    "boundary": (("sigwalls", "locate_factor"), ("sigwalls", "locations"), ("agent", "placements")),
}
"""What each parameter of the layout multiplies: attributes of the world's objects, whole lists of places included."""

OBSTACLES = ("hazards", "vases", "pillars", "gremlins")
LAYOUTS = {"standard": (1.0, 1.0), "sparse": (0.5, 1.0), "crowded": (1.5, 1.0), "wide": (1.0, 1.25)}
"""Factors of the number of every kind of obstacle, and of the side of the square in which all things lie."""


class NavigationDynamics(MujocoDynamics):
    """Writes the dynamics of a `NavigationEnv`.

    Sizes and speeds act at once; what they mean for the layout (how far from hazards other things lie, where the
    robot starts) and how many obstacles there are shows from the next reset on, which draws the layout.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    handled: ClassVar[tuple[str, ...]] = tuple(SCALED)
    main_body: ClassVar[str] = "agent"

    def __init__(self, env: Any, task: Task) -> None:
        world = env.task
        self._sizes = {
            (name, attribute): copy.deepcopy(getattr(getattr(world, name), attribute))
            for parameter in task.dynamics
            for name, attribute in SCALED.get(parameter, ())
        }
        self._extents = tuple(world.placements_conf.extents)
        self._numbers = {name: getattr(world, name).num for name in OBSTACLES if hasattr(world, name)}
        super().__init__(env, task)

    @property
    def _world(self) -> Any:
        # Not kept: a copy of the environment builds a world of its own.
        return self._env.task

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Prepare the layout of the coming episode, and the writing into the model that its reset will compile."""
        super().configure(values)
        if "gremlin_speed" in self._task.dynamics:
            self._world.gremlins.ahead = 0.0  # a new episode
        crowd, side = LAYOUTS[str(values.get("layout", "standard"))]
        for name, number in self._numbers.items():
            getattr(self._world, name).num = number if crowd == 1.0 else max(1, math.floor(number * crowd + 0.5))
        self._world.placements_conf.extents = tuple(side * end for end in self._extents)
        self._world.placements_conf.placements = None  # drawn up anew from the sizes
        numbers = {name: value for name, value in values.items() if not isinstance(value, str)}
        nominal = all(value == self._task.dynamics[name].identity for name, value in numbers.items())
        self._env.prepare = None if nominal else functools.partial(self._write, numbers)

    def write(self, values: Mapping[str, float | str]) -> None:
        """Write sizes and speeds; gremlins whose speed changes go on from where they are."""
        if "gremlin_speed" in self._task.dynamics and self._env.data is not None:
            gremlins = self._world.gremlins
            change = self._sizes["gremlins", "speed"] * float(values.get("gremlin_speed", 1.0)) - gremlins.speed
            gremlins.ahead -= float(self._env.data.time) * change
        for parameter in SCALED:
            if parameter in self._task.dynamics:
                factor = float(values.get(parameter, 1.0))
                for name, attribute in SCALED[parameter]:
                    nominal = self._sizes[name, attribute]
                    setattr(getattr(self._world, name), attribute, self._scaled(nominal, factor))

    def measure(self) -> dict[str, float]:
        """Return the nominal value of every parameter that is one physical quantity."""
        sizes = {name: float(self._sizes[SCALED[name][0]]) for name in self._task.dynamics if name in SCALED}
        return {**super().measure(), **sizes}

    def _scaled(self, value: Any, factor: float) -> Any:
        """Return a size times a factor; of places, the coordinates between the walls only."""
        if isinstance(value, float | int):
            return value * factor
        across = (factor, factor if self._world.sigwalls.num == 4 else 1.0)
        return [tuple(end * across[axis % 2] for axis, end in enumerate(place)) for place in value]
