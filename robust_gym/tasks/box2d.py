"""The Box2D tasks of Gymnasium."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, Task

_P = DynamicsParameter


def _task(
    name: str,
    base: str,
    about: str,
    dynamics: tuple[DynamicsParameter, ...],
    adapter: str,
    horizon: int,
    *,
    discrete: bool = False,
    image: bool = False,
    kwargs: Mapping[str, Any] | None = None,
    steps: tuple[int, int, int] = (2_000, 100_000, 1_000_000),
    version: int = 0,
) -> None:
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="box2d",
            about=about,
            base=base,
            adapter=f"robust_gym.tasks.box2d:{adapter}",
            horizon=horizon,
            dynamics={parameter.name: parameter for parameter in dynamics},
            observation="image" if image else "box",
            action="discrete" if discrete else "box",
            null_action=0 if discrete else None,
            kwargs=kwargs or {},
            modules=("Box2D", "pygame"),
            install='pip install "robust-gym[box2d]"',
            steps=dict(zip(("smoke", "quick", "standard"), steps, strict=True)),
            version=version,
            source="Gymnasium Box2D (Klimov, 2016)",
        )
    )


_LANDER = (
    _P("gravity", "gravitational acceleration", "m/s²", 10.0, 0.1, 3.0),
    _P("wind_power", "strength of the wind", "N", 0.0, 0.0, 20.0, mode="set"),
    _P("turbulence_power", "strength of the turning gusts", "N m", 0.0, 0.0, 2.0, mode="set"),
    _P("lander_density", "density of the lander's hull", "kg/m²", 5.0),
    _P("leg_density", "density of its legs", "kg/m²", 1.0),
    _P("leg_spring", "torque of the springs that hold the legs", "N m", 40.0),
)
_task(
    "LunarLander",
    "LunarLander-v3",
    "Land between the flags with three engines that are on or off.",
    _LANDER,
    "LanderDynamics",
    1000,
    discrete=True,
)
_task(
    "LunarLanderContinuous",
    "LunarLander-v3",
    "Land between the flags with engines that throttle.",
    _LANDER,
    "LanderDynamics",
    1000,
    kwargs={"continuous": True},
)
_WALKER = (
    _P("gravity", "gravitational acceleration", "m/s²", 10.0, 0.1, 3.0),
    _P("hull_density", "density of the hull", "kg/m²", 5.0),
    _P("leg_density", "density of the legs", "kg/m²", 1.0),
    _P("friction", "friction of the ground", "", 2.5, 0.01, 5.0),
)
_task(
    "BipedalWalker",
    "robust_gym.tasks._box2d_env:BipedalWalker",
    "A planar two-legged robot walks over gentle ground.",
    _WALKER,
    "WalkerDynamics",
    1600,
    version=1,  # a new Box2D world in every episode
)
_task(
    "BipedalWalkerHardcore",
    "robust_gym.tasks._box2d_env:BipedalWalker",
    "A planar two-legged robot walks over stumps, pits and stairs.",
    _WALKER,
    "WalkerDynamics",
    2000,
    kwargs={"hardcore": True},
)
_task(
    "CarRacing",
    "CarRacing-v3",
    "Drive a car round a track, seen from above.",
    (
        _P("road_friction", "grip of the road; of grass it is 0.6", "of nominal", 1.0, 0.6, 3.0),
        _P("hull_density", "density of the car's body", "kg/m²", 1.0),
        _P("wheel_radius", "radius at which the wheels turn", "m", 0.54, 0.25, 4.0),
        _P("drag", "damping of the car's speed", "1/s", 0.0, 0.0, 5.0, mode="set"),
    ),
    "CarDynamics",
    1000,
    image=True,
    steps=(1_000, 10_000, 1_000_000),
)


class BodyDynamics:
    """What the Box2D tasks share: bodies are built anew at every reset, so values are written after it.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Any, task: Task) -> None:
        self._env = env
        self._task = task
        self._seen: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # Box2D's bodies cannot be copied; the copy's first reset builds its own.
        return {**self.__dict__, "_seen": None}

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Nothing to write yet: the reset builds the bodies."""

    def apply(self, values: Mapping[str, float]) -> None:
        """Write into the bodies of the present episode."""
        if self.main_body() is not self._seen:
            self._seen = self.main_body()
            self._nominal_density = {
                name: [[fixture.density for fixture in body.fixtures] for body in bodies]
                for name, bodies in self.densities().items()
            }
        for name, bodies in self.densities().items():
            for body, nominal in zip(bodies, self._nominal_density[name], strict=True):
                for fixture, density in zip(body.fixtures, nominal, strict=True):
                    fixture.density = density * values.get(name, 1.0)
                body.ResetMassData()
        self.write(values)

    def main_body(self) -> Any:
        """Return the body whose change shows that a reset has rebuilt the world."""
        return self._env.hull

    def densities(self) -> dict[str, list[Any]]:
        """Return the bodies of every density parameter."""
        return {"hull_density": [self._env.hull], "leg_density": list(self._env.legs)}

    def write(self, values: Mapping[str, float]) -> None:
        """Write everything but densities."""
        raise NotImplementedError

    def _nominal(self, name: str) -> float:
        return self._task.dynamics[name].nominal


class LanderDynamics(BodyDynamics):
    """Dynamics of LunarLander; gravity and wind given as arguments of the environment are its nominal ones."""

    def __init__(self, env: Any, task: Task) -> None:
        super().__init__(env, task)
        self._gravity, self._windy = env.gravity, env.enable_wind
        self._wind = (env.wind_power, env.turbulence_power) if env.enable_wind else (0.0, 0.0)

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set gravity, which the reset gives to its new world, and keep the reset itself free of wind."""
        self._env.gravity = self._gravity * float(values.get("gravity", 1.0))
        # With wind on, the reset would draw its phase from the environment's generator and so change
        # everything drawn later.
        self._env.enable_wind = self._windy
        if not self._windy:
            self._env.wind_idx = None

    def main_body(self) -> Any:
        """Return the lander."""
        return self._env.lander

    def densities(self) -> dict[str, list[Any]]:
        """Return the bodies of every density parameter."""
        return {"lander_density": [self._env.lander], "leg_density": list(self._env.legs)}

    def write(self, values: Mapping[str, float]) -> None:
        """Write gravity, wind and springs."""
        env = self._env
        env.world.gravity = (0.0, self._gravity * values.get("gravity", 1.0))
        for leg in env.legs:
            leg.joint.maxMotorTorque = self._nominal("leg_spring") * values.get("leg_spring", 1.0)
        env.wind_power = values.get("wind_power", self._wind[0])
        env.turbulence_power = values.get("turbulence_power", self._wind[1])
        env.enable_wind = bool(env.wind_power or env.turbulence_power)
        if env.enable_wind and env.wind_idx is None:
            # The phases differ between episodes as Gymnasium's own do, drawn from a copy of its generator.
            peek = copy.deepcopy(env.np_random)
            env.wind_idx, env.torque_idx = (int(phase) for phase in peek.integers(-9999, 9999, size=2))


class WalkerDynamics(BodyDynamics):
    """Dynamics of BipedalWalker."""

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set gravity, which the reset gives to its new world."""
        self._env.gravity = (0.0, -self._nominal("gravity") * float(values.get("gravity", 1.0)))

    def write(self, values: Mapping[str, float]) -> None:
        """Write gravity and the friction of the ground."""
        self._env.world.gravity = (0.0, -self._nominal("gravity") * values.get("gravity", 1.0))
        friction = self._nominal("friction") * values.get("friction", 1.0)
        for ground in self._env.terrain:
            for fixture in ground.fixtures:
                fixture.friction = friction
            for contact in ground.contacts:
                contact.contact.ResetFriction()


class CarDynamics(BodyDynamics):
    """Dynamics of CarRacing."""

    def main_body(self) -> Any:
        """Return the car's body."""
        return self._env.car.hull

    def densities(self) -> dict[str, list[Any]]:
        """Return the bodies of every density parameter."""
        return {"hull_density": [self._env.car.hull]}

    def write(self, values: Mapping[str, float]) -> None:
        """Write grip, wheels and drag."""
        for tile in self._env.road:
            tile.road_friction = values.get("road_friction", 1.0)
        for wheel in self._env.car.wheels:
            wheel.wheel_rad = self._nominal("wheel_radius") * values.get("wheel_radius", 1.0)
        self._env.car.hull.linearDamping = values.get("drag", 0.0)
