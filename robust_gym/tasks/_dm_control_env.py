"""The DeepMind Control environments as Gymnasium environments, through shimmy: one flat vector, one seed."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle

with warnings.catch_warnings():
    # Without a display, GLFW warns when it is imported; that matters only to who renders, and fails there.
    warnings.filterwarnings("ignore", module="glfw")
    from dm_control.composer import EpisodeInitializationError
    from dm_control.rl.control import PhysicsError
    from shimmy import DmControlCompatibilityV0

_NOISE = (
    "'settotalmass' is deprecated",  # the cheetah's XML, at every build
    " Time = ",  # MuJoCo's warnings while it simulates: each ends the episode, with info["diverged"]
    "Failed to converge after",  # a pose for the Jaco arm: dm_control draws another one
)
_ATTEMPTS = 10


class _Quiet(logging.Filter):
    """Drops, inside a ``with`` block, notes of MuJoCo's and dm_control's that nobody here could act on."""

    _depth = 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *error: object) -> None:
        self._depth -= 1

    def filter(self, record: logging.LogRecord) -> bool:
        return not self._depth or not any(text in record.getMessage() for text in _NOISE)


_quiet = _Quiet()
# dm_control sends MuJoCo's warnings to absl's logger.
logging.getLogger("absl").addFilter(_quiet)


class ControlEnv(gym.Env[np.ndarray, np.ndarray], EzPickle):
    """One task of dm_control, as shimmy and Gymnasium's ``FlattenObservation`` show it.

    Observations are the task's named observations in alphabetical order, flattened into one float64 vector. The task
    draws from Gymnasium's ``np_random``, through the legacy interface that dm_control knows. A simulation that
    diverges ends the episode (terminated, the last observation, no reward, ``info["diverged"]``) instead of raising.

    Args:
        collection: ``"suite"``, ``"manipulation"`` or ``"locomotion"``.
        name: The task: ``"domain/task"`` in the suite, else its own name in dm_control.
        render_mode: ``None``, ``"rgb_array"``, ``"depth_array"``, ``"multi_camera"`` or ``"human"``.
        render_kwargs: Passed to dm_control's ``physics.render``: ``height``, ``width``, ``camera_id``.
    """

    metadata = {"render_modes": list(DmControlCompatibilityV0.metadata["render_modes"]), "render_fps": 30}

    def __init__(
        self, collection: str, name: str, render_mode: str | None = None, render_kwargs: dict[str, Any] | None = None
    ) -> None:
        EzPickle.__init__(self, collection, name, render_mode, render_kwargs)
        with _quiet:
            control = _load(collection, name)
        self._inner: Any = DmControlCompatibilityV0(control, render_mode, render_kwargs)
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "render_fps": round(1.0 / control.control_timestep())}
        self.action_space = self._inner.action_space
        self._named_space = self._inner.observation_space
        flat: Any = spaces.flatten_space(self._named_space)
        self.observation_space = flat
        self._last = np.zeros(flat.shape, flat.dtype)
        if render_mode is None and name == "quadruped/escape":
            _stay_blind(control.physics)
        if collection == "suite":
            with _quiet:
                control.reset()  # writes into the model, once for all: the damping of the finger's hinge

    @property
    def model(self) -> Any:
        """The MjModel of the present episode; manipulation tasks compile a new one at each reset."""
        return self._inner.physics.model.ptr

    @property
    def data(self) -> Any:
        """The MjData of the present episode."""
        return self._inner.physics.data.ptr

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; a seed determines it fully.

        Args:
            seed: Seed of this episode and of those after it.
            options: Not used.

        Raises:
            PhysicsError: If in this world ten starts in a row diverge at once.
        """
        super().reset(seed=seed)
        self._share_generator()
        with _quiet:
            return self._flat(self._start()), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one control step."""
        try:
            with _quiet:
                observation, reward, terminated, truncated, info = self._inner.step(action)
        except PhysicsError:
            return self._last.copy(), 0.0, True, False, {"discount": 0.0, "diverged": True}
        return self._flat(observation), float(reward), terminated, truncated, {"discount": info["timestep.discount"]}

    def render(self) -> Any:
        """Return a picture, as the render mode says."""
        return self._inner.render()

    def close(self) -> None:
        """Free the simulation."""
        self._inner.close()

    def _start(self) -> Any:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._inner.reset()[0]
            except (PhysicsError, EpisodeInitializationError):
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def _flat(self, observation: Any) -> np.ndarray:
        self._last = np.asarray(spaces.flatten(self._named_space, observation))
        return self._last.copy()

    def _share_generator(self) -> None:
        self._inner.np_random = np.random.RandomState(self.np_random.bit_generator)


def _load(collection: str, name: str) -> Any:
    if collection == "suite":
        from dm_control import suite

        return suite.load(*name.split("/"))
    if collection == "manipulation":
        from dm_control import manipulation

        return manipulation.load(name)
    from dm_control.locomotion.examples import basic_cmu_2019

    return getattr(basic_cmu_2019, name)()


def _stay_blind(physics: Any) -> None:
    """Keep an environment that nobody renders from asking for OpenGL.

    The quadruped's ``escape`` sends its new terrain to the renderer at each reset, and by looking whether there is
    one creates one; without a display or GPU that is an error.
    """
    seeing = type(physics)
    physics.__class__ = type(seeing.__name__, (seeing,), {"contexts": None})


def make(collection: str, name: str, render_mode: str | None = None, **kwargs: Any) -> ControlEnv:
    """Make a task of dm_control without Gymnasium's time limit; see `ControlEnv`."""
    return ControlEnv(collection, name, render_mode, **kwargs)
