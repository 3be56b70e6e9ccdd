"""highway-env's roads, made reproducible, with truthful spaces, and changeable without touching its classes."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from types import MethodType
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from robust_gym.task import Task, load

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
import highway_env  # noqa: F401  (registers its ids)
from highway_env.envs.common.abstract import AbstractEnv
from highway_env.vehicle.behavior import IDMVehicle
from highway_env.vehicle.dynamics import BicycleVehicle

from robust_gym.tasks._highway_drivers import ATTRIBUTES, adopt

_UNIT = {"presence": (0.0, 1.0), "cos_h": (-1.0, 1.0), "sin_h": (-1.0, 1.0), "cos_d": (-1.0, 1.0), "sin_d": (-1.0, 1.0)}
_NORMALISED = ("x", "y", "vx", "vy")
_BORROWED = ("_make_road", "_make_vehicles")


class Driving(AbstractEnv):
    """What all roads share; mixed into the classes of highway-env by ``drive``.

    It differs from highway-env in what a seed must determine and a space must tell: the spaces stay the same objects,
    so that a seeded action space stays seeded; observation bounds are the true ones; the information of a reset
    names the idle action and not a random one; the initial reset is left to the caller.

    Args:
        config: What differs from the configuration of highway-env's class.
        scenes: By the name of a semantic shift and its option: what differs in the configuration, and under
            ``"methods"`` the id of the road whose class builds the road and its traffic.
        render_mode: As of highway-env.
    """

    id: str
    # Set by highway-env, which has no types.
    config: dict[str, Any]
    metadata: dict[str, Any]
    action_space: Any
    observation_space: Any

    def __init__(
        self,
        config: Mapping[str, Any],
        scenes: Mapping[str, Mapping[str, Mapping[str, Any]]],
        render_mode: str | None = None,
    ) -> None:
        self.scenes = scenes
        self.conditions: dict[str, float] = {}
        self.scene: dict[str, Any] = {}
        self._spaces: tuple[Any, Any] | None = None
        self._limits: list[tuple[Any, float | None]] = []
        self._ready = False
        super().__init__(dict(config))
        self._ready = True
        self.metadata = dict(self.metadata)  # highway-env writes the frame rate into its classes
        self.render_mode = render_mode
        self.config["offscreen_rendering"] = render_mode != "human"
        self._config = dict(self.config)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Copy and pickle by the road's id: its class is made at run time, and no module holds it.

        Left out are the window, and the borrowed methods that every reset takes anew.
        """
        state = {name: value for name, value in self.__dict__.items() if name not in _BORROWED}
        return _empty, (self.id,), {**state, "viewer": None}

    @property
    def road(self) -> Any:
        """The road; a new one takes over the conditions before anybody drives on it."""
        return self.__dict__["_road"]

    @road.setter
    def road(self, road: Any) -> None:
        self.__dict__["_road"] = road
        if road is not None:
            road.conditions = self.conditions
            self._limits = [(lane, lane.speed_limit) for lane in road.network.lanes_list()]
            self._limit_speeds()

    def _limit_speeds(self) -> None:
        for lane, limit in self._limits:
            lane.speed_limit = None if limit is None else limit * self.conditions.get("speed_limit", 1.0)

    def define_spaces(self) -> None:
        """Define the spaces once; later calls link observations and actions to the new vehicles."""
        super().define_spaces()
        if self._spaces is None:
            self._spaces = self.action_space, self._truthful(self.observation_space)
            self.action_space = self._spaces[0]
        # The new action space stays until the reset is over: highway-env samples from it, not from the caller's.
        self.observation_space = self._spaces[1]

    def _truthful(self, space: Any) -> Any:
        seen = self.config["observation"]
        if seen["type"] == "OccupancyGrid":
            return spaces.Box(0.0, 1.0, space.shape, np.float32)
        if seen["type"] == "AttributesObservation":
            return spaces.Box(-np.inf, np.inf, (sum(part.shape[0] for part in space.values()),), np.float32)
        if seen["type"] in ("Kinematics", "ExitObservation"):
            clipped = {name: (-1.0, 1.0) for name in _NORMALISED if seen.get("clip", True)}
            bounds = [{**_UNIT, **clipped}.get(name, (-np.inf, np.inf)) for name in self.observation_type.features]
            low, high = np.array([bounds] * space.shape[0], np.float32).transpose(2, 0, 1)
            return spaces.Box(low, high, dtype=np.float32)
        return space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Build the scene of an episode, which the seed determines."""
        if not self._ready:
            return None, {}
        if options and "config" in options:
            raise ValueError("the configuration is an argument of make, and no option of reset")
        if self.vehicle is None:
            # Where a space is defined by what is seen, that takes draws of sensor noise as soon as there is a vehicle;
            # every reset must take as many.
            self._build()
        gym.Env.reset(self, seed=seed)
        generator, after = self.np_random.bit_generator, None
        if self.scene or (self.conditions and "spawn_probability" in self._config):
            # Other traffic takes other draws. What comes after is still drawn as in the undisturbed world.
            before, conditions, scene = generator.state, self.conditions, self.scene
            self.conditions, self.scene = {}, {}
            self._build()
            self.conditions, self.scene, after = conditions, scene, generator.state
            generator.state = before
        observation = self._build()
        if after is not None:
            generator.state = after
        assert self._spaces is not None
        self.action_space = self._spaces[0]
        self.trajectory: list[Any] = []  # a record of all episodes, in highway-env's lane keeping
        self.prepare()
        return self._flat(observation), self._info(observation, self._idle())

    def _build(self) -> Any:
        methods = self.scene.get("methods")
        for name in _BORROWED:
            self.__dict__.pop(name, None)
            if methods:
                setattr(self, name, MethodType(getattr(load(str(gym.spec(methods).entry_point)), name), self))
        self.config = {**self._config, **{name: value for name, value in self.scene.items() if name != "methods"}}
        observation, _ = super().reset()
        return observation

    def _idle(self) -> Any:
        return 1 if isinstance(self.action_space, spaces.Discrete) else np.zeros(self.action_space.shape, np.float32)

    def _flat(self, observation: Any) -> Any:
        if self.config["observation"]["type"] != "AttributesObservation":
            return observation
        return np.concatenate([part.ravel() for part in observation.values()]).astype(np.float32)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Drive on until the next decision."""
        observation, reward, terminated, truncated, info = super().step(action)
        if "action" in info:
            info["action"] = np.array(action)
        return self._flat(observation), float(reward), bool(terminated), bool(truncated), info

    def prepare(self) -> None:
        """Give the ego vehicle, the other drivers and the lanes what the conditions say."""
        self._limit_speeds()
        self.road.conditions = self.conditions
        for vehicle in self.road.vehicles:
            if isinstance(vehicle, IDMVehicle):
                adopt(vehicle, self.conditions)
        ego, factor = self.vehicle, self._factor
        ego.LENGTH = type(ego).LENGTH * factor("length")
        ego.diagonal = np.sqrt(ego.LENGTH**2 + ego.WIDTH**2)
        if isinstance(self.action_space, spaces.Discrete):
            ego.KP_A = type(ego).KP_A * factor("throttle_response")
            ego.KP_HEADING = type(ego).KP_HEADING * factor("steering_response")
            ego.target_speeds = self.action_type.target_speeds * factor("cruise_speed")
            ego.target_speed = ego.index_to_speed(ego.speed_index)
            return
        if isinstance(ego, BicycleVehicle):
            for name, attributes in _BICYCLE.items():
                for attribute in attributes:
                    setattr(ego, attribute, getattr(type(ego), attribute) * factor(name))
        controls = self.action_type
        plain = type(controls)(self, **self.config["action"])
        for name, bias in (("acceleration", "slope"), ("steering", "misalignment")):
            low, high = getattr(plain, f"{name}_range")
            shift, wide = self.conditions.get(bias, 0.0), factor(_RANGES[name])
            setattr(controls, f"{name}_range", (low * wide + shift, high * wide + shift))

    def _factor(self, name: str) -> float:
        return self.conditions.get(name, 1.0)


_BICYCLE = {"mass": ("MASS", "INERTIA_Z"), "tyre_friction": ("FRICTION_FRONT", "FRICTION_REAR")}
_RANGES = {"acceleration": "engine", "steering": "steering"}


@functools.cache
def _driving(road: str) -> type[Driving]:
    """Return a class of highway-env with what all roads share."""
    kind = load(str(gym.spec(road).entry_point))
    return type(kind.__name__, (Driving, kind), {"__module__": __name__, "__doc__": kind.__doc__, "id": road})


def _empty(road: str) -> Driving:
    """Return a road that a copy's state is yet to be written into."""
    kind = _driving(road)
    return kind.__new__(kind)


def drive(
    road: str,
    config: Mapping[str, Any] | None = None,
    scenes: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    render_mode: str | None = None,
) -> Driving:
    """Build one of highway-env's environments.

    Args:
        road: highway-env's id.
        config: What differs from its default configuration.
        scenes: What the options of semantic shifts change, see ``Driving``.
        render_mode: ``"human"``, ``"rgb_array"`` or ``None``.
    """
    drivers = f"robust_gym.tasks._highway_drivers.{'Crossing' if road.startswith('intersection') else ''}Idm"
    return _driving(road)({"other_vehicles_type": drivers, **(config or {})}, scenes or {}, render_mode)


# Parameters that are values of the configuration, read when a scene is built.
_CONFIG = {
    "density": "vehicles_density",
    "vehicles": "vehicles_count",
    "spawning": "spawn_probability",
    "radius": "roundabout_radius",
}
_DRIVERS = {"aggressive": "Aggressive", "defensive": "Defensive"}
_CONDITIONS = {
    *ATTRIBUTES,
    *("politeness", "speed_limit", "length", "throttle_response", "steering_response", "cruise_speed"),
    *(*_BICYCLE, *_RANGES.values(), "slope", "misalignment"),
}


class DrivingDynamics:
    """Writes the conditions and the scene of a road.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Driving, task: Task) -> None:
        self._env = env
        self._task = task

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set what the coming reset builds."""
        numbers = {name: float(value) for name, value in values.items() if not isinstance(value, str)}
        self._env.conditions = self._conditions(numbers)
        self._env.scene = {}
        for name, value in values.items():
            shift = self._task.semantic.get(name)
            if shift is not None and value != shift.nominal:
                self._env.scene.update(self._scene(name, str(value)))
            elif name in _CONFIG and value != 1.0:
                # What the environment was made with is nominal, whatever that of the task is.
                wanted = self._env._config[_CONFIG[name]] * float(value)
                self._env.scene[_CONFIG[name]] = round(wanted) if name == "vehicles" else wanted

    def _scene(self, name: str, option: str) -> dict[str, Any]:
        if name == "traffic":
            own = self._env._config["other_vehicles_type"]
            return {"other_vehicles_type": own.replace("Idm", _DRIVERS[option])}
        return dict(self._env.scenes[name][option])

    def apply(self, values: Mapping[str, float]) -> None:
        """Set the conditions of the present episode; scenes stay until the next reset."""
        self._env.conditions = self._conditions(values)
        self._env.prepare()

    def _conditions(self, values: Mapping[str, float]) -> dict[str, float]:
        return {
            name: value
            for name, value in values.items()
            if name in _CONDITIONS and value != self._task.dynamics[name].identity
        }
