"""Safety-Gymnasium's navigation worlds on today's Gymnasium, MuJoCo and NumPy, with resets that take milliseconds.

Safety-Gymnasium 1.0.0 pins releases of 2023, and its ``__init__`` imports modules that Gymnasium no longer has. The
worlds themselves need none of that, so they are imported past it (`library`), and a few of their parts are exchanged
for ones that compute the same numbers (`_amend`).
"""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.util
import math
import sys
import types
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import gymnasium as gym
import numpy as np
import yaml
from gymnasium.envs.mujoco.mujoco_rendering import OffScreenViewer
from gymnasium.utils import EzPickle

_PACKAGE = "safety_gymnasium"


class _Colour(np.ndarray):
    """An array that has a hash, as the default value of a dataclass must from Python 3.11 on."""

    __hash__ = object.__hash__  # type: ignore[assignment]


def library(module: str) -> Any:
    """Import a module of Safety-Gymnasium without running the package's own ``__init__``.

    Args:
        module: Its name inside the package, such as ``"builder"``.

    Raises:
        ModuleNotFoundError: If Safety-Gymnasium is not installed.
    """
    if _PACKAGE in sys.modules:
        return importlib.import_module(f"{_PACKAGE}.{module}")
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
    package = types.ModuleType(_PACKAGE)
    package.__path__ = list(spec.submodule_search_locations or ())
    package.__file__, package.__spec__ = spec.origin, spec
    sys.modules[_PACKAGE] = package
    try:
        colours = importlib.import_module(f"{_PACKAGE}.assets.color").COLOR
        colours.update({name: np.asarray(colour).view(_Colour) for name, colour in colours.items()})
        return importlib.import_module(f"{_PACKAGE}.{module}")
    finally:
        # Whoever imports the package by its name gets the real one, or its real error.
        del sys.modules[_PACKAGE]


_RENDERED: ContextVar[bool] = ContextVar("rendered", default=True)
"""Whether the world that is being compiled will be looked at."""


@functools.cache
def _assets(path: str, rendered: bool) -> dict[str, Any]:
    """Return the table of textures, materials and meshes; read once, and cheap to compile where nobody looks.

    Reading the six pictures of the sky takes a third of a second at every reset, and all the rest milliseconds.
    """
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - the library gives a name as text
        assets: dict[str, Any] = yaml.safe_load(file)
    if rendered:
        return assets
    flat = {"@builtin": "flat", "@width": "1", "@height": "1"}
    textures = assets["textures"]
    plain = {"skybox": {"@type": "skybox", **flat}, "matplane": {**textures["matplane"], **flat}}
    return {**assets, "textures": {**textures, **plain}}


def _amend() -> Any:
    """Exchange what does not work any more or is needlessly slow; return the module with ``Builder``."""
    builder = library("builder")
    base_agent, underlying, world = (library(name) for name in ("bases.base_agent", "bases.underlying", "world"))
    # NumPy no longer makes a number of an array with one element.
    base_agent.float = lambda value: builtins.float(np.asarray(value).item())
    # Today's viewer wants to know its size.
    underlying.OffScreenViewer = lambda model, data: OffScreenViewer(
        model, data, int(model.vis.global_.offwidth), int(model.vis.global_.offheight)
    )
    world.yaml = types.SimpleNamespace(load=lambda file, Loader: _assets(file.name, _RENDERED.get()), FullLoader=None)
    generator = library("utils.random_generator").RandomGenerator
    underlying.RandomGenerator = type("RandomGenerator", (generator,), {"sample_layout": _sample_layout})
    gremlins = library("assets.mocaps.gremlins").Gremlins
    gremlins.move, gremlins.speed, gremlins.ahead = _move, 1.0, 0.0
    return builder


def _sample_layout(self: Any) -> bool:
    """Draw positions of all objects, each up to a hundred times; return whether all found room.

    The library's own method with plain numbers instead of arrays: the same draws and the same distances, many
    times faster. Crowded worlds need some ten thousand draws.
    """
    draw, margin = self.random_generator.random_sample, self.placements_margin
    taken: list[tuple[float, float, float]] = []
    for placements, keepout in self.placements.values():
        x0, y0, x1, y1 = self.constrain_placement(self.placements_extents, keepout)
        for _ in range(100):
            if placements is None:
                x, y = x0 + (x1 - x0) * draw(), y0 + (y1 - y0) * draw()
            else:
                x, y = self.draw_placement(placements, keepout)
            for other_x, other_y, other in taken:
                if math.sqrt((x - other_x) * (x - other_x) + (y - other_y) * (y - other_y)) < other + margin + keepout:
                    break
            else:
                break
        else:
            return False
        taken.append((x, y, keepout))
    self.layout = {name: np.array(place[:2]) for name, place in zip(self.placements, taken, strict=True)}
    return True


def _move(self: Any) -> None:
    """Send every gremlin along its circle: the library's own method, computed once for all, with a speed.

    ``ahead`` is by how much an earlier speed of the episode has turned them farther than the present one would have.
    """
    phase = float(self.engine.data.time) * self.speed + self.ahead
    place = (*(np.array([np.sin(phase), np.cos(phase)]) * self.travel), self.size)
    model = self.engine.model
    for number in range(self.num):
        self.engine.data.mocap_pos[model.body_mocapid[model.body(f"gremlin{number}mocap").id]] = place


class NavigationEnv(_amend().Builder):  # type: ignore[misc]
    """A robot among hazards, vases, pillars, buttons and gremlins, as a Gymnasium environment.

    Each step's cost is in ``info["cost"]``: 1.0 where any constraint is violated, else 0.0, and for every kind of
    constraint in ``info["cost_hazards"]`` and the like. A seed given to ``reset`` determines the layout and all that
    follows. MuJoCo's model is compiled anew at each reset.

    Args:
        robot: ``"Point"``, ``"Car"``, ``"Doggo"``, ``"Racecar"`` or ``"Ant"``.
        scenario: Task and level, such as ``"Goal1"``.
        render_mode: ``None``, ``"human"``, ``"rgb_array"`` or ``"depth_array"``.
        width: Width of pictures, in pixels.
        height: Height of pictures, in pixels.
        camera_id: Number of the camera.
        camera_name: ``"vision"`` (also when neither is given), ``"track"``, ``"fixednear"`` or ``"fixedfar"``.

    Attributes:
        prepare: Called with no arguments at each reset when the new model has been compiled, before the first
            observation: where dynamics are written.
    """

    def __init__(
        self,
        robot: str,
        scenario: str,
        render_mode: str | None = None,
        width: int = 256,
        height: int = 256,
        camera_id: int | None = None,
        camera_name: str | None = None,
    ) -> None:
        with warnings.catch_warnings():
            # Gymnasium casts the largest float64 to the float32 in which the library gives the action bounds.
            warnings.filterwarnings("ignore", "overflow encountered in cast", RuntimeWarning)
            # The library indexes joints by arrays of one number.
            warnings.filterwarnings("ignore", "Conversion of an array", DeprecationWarning)
            super().__init__(
                task_id=f"Safety{robot}{scenario}-v0",
                config={"agent_name": robot},
                render_mode=render_mode,
                width=width,
                height=height,
                camera_id=camera_id,
                camera_name=camera_name,
            )
        EzPickle.__init__(self, robot, scenario, render_mode, width, height, camera_id, camera_name)
        self.prepare: Callable[[], None] | None = None
        # Gymnasium's time limit ends episodes.
        self.task.num_steps = sys.maxsize
        # The library prints a line whenever it clips a reward.
        self._reward_clip = self.task.reward_conf.reward_clip or np.inf
        self.task.reward_conf.reward_clip = None

    @property
    def model(self) -> Any:
        """The MjModel of the present episode; ``None`` before the first."""
        return None if self.task.world is None else self.task.model

    @property
    def data(self) -> Any:
        """The MjData of the present episode; ``None`` before the first."""
        return None if self.task.world is None else self.task.data

    def set_seed(self, seed: int | None = None) -> None:
        """Seed the generator of layouts; without a seed, from the operating system's entropy."""
        # Of NumPy's legacy generator a seed has 32 bits.
        legacy = seed if seed is not None and seed < 2**32 else np.random.SeedSequence(seed).generate_state(1)[0]
        super().set_seed(int(legacy))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Draw a layout and compile the world.

        Args:
            seed: Seed of this episode and of those after it.
            options: Not used.

        Returns:
            The observation (a float64 vector) and an empty dictionary.

        Raises:
            RuntimeError: If the objects are so many or so large that ten thousand tries gave no layout.
        """
        gym.Env.reset(self, seed=seed)
        if seed is not None:
            self.set_seed(seed)
        self.terminated = self.truncated = False
        self.steps = 0
        token = _RENDERED.set(self.render_mode is not None)
        try:
            self.task.reset()
        except library("utils.common_utils").ResamplingError:
            raise RuntimeError(f"{self.task_id}: no room for all objects; use fewer or smaller ones") from None
        finally:
            _RENDERED.reset(token)
        if self.prepare is not None:
            self.prepare()
        self.task.update_world()
        self.task.specific_reset()
        self.task.agent.reset()
        self._cost()
        return self.task.obs(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one step.

        Returns:
            Observation, reward, whether the robot has fallen (Ant only) or no new goal found room, ``False``, and an
            ``info`` with ``cost``, its parts ``cost_*``, and ``goal_met`` when a goal has been reached.
        """
        observation, reward, cost, terminated, truncated, info = super().step(np.asarray(action, dtype=np.float64))
        costs = {name: float(value) for name, value in info.items() if name.startswith("cost_")}
        reward = float(np.clip(reward, -self._reward_clip, self._reward_clip))
        return observation, reward, bool(terminated), bool(truncated), {**info, **costs, "cost": float(cost)}

    def close(self) -> None:
        """Free the windows and pictures."""
        for viewer in self.task._viewers.values():
            viewer.close()
        self.task._viewers.clear()


def make(robot: str, scenario: str, **kwargs: Any) -> NavigationEnv:
    """Make a navigation world without a time limit; see `NavigationEnv`."""
    return NavigationEnv(robot, scenario, **kwargs)
