"""Meta-World's environments, on a MuJoCo newer than the one they are pinned to, and reproducible from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium import spaces
from gymnasium.envs.mujoco.mujoco_rendering import MujocoRenderer
from gymnasium.utils import seeding
from metaworld import ALL_V3_ENVIRONMENTS
from metaworld.sawyer_xyz_env import SawyerMocapBase

from robust_gym.task import DynamicsParameter, Task
from robust_gym.tasks._mujoco_dynamics import MujocoDynamics
from robust_gym.tasks._mujoco_targets import Target, Targets

_ROBOT = "base"  # the body on which the arm stands
_PUSHES = {"object_push": 0, "object_crosspush": 1}


def _reset_mocap_welds(self: Any) -> None:
    """Set the weld that drags the hand: the same eleven numbers as Meta-World, of which newer MuJoCo has twelve."""
    welds = self.model.eq_type == int(mujoco.mjtEq.mjEQ_WELD)
    self.model.eq_data[welds, :11] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 5.0]


def _state_of(self: Any) -> dict[str, Any]:
    """Return what a copy is made of: everything but what draws the pictures."""
    return {**self.__dict__, "mujoco_renderer": None}


def _become(self: Any, state: dict[str, Any]) -> None:
    """Take over the state of another environment, where Meta-World would build one with another action space."""
    self.__dict__.update(state)
    self.mujoco_renderer = MujocoRenderer(
        self.model, self.data, None, self.width, self.height, camera_id=self.camera_id, camera_name=self.camera_name
    )
    # These show where the pads are now, in every environment: copied, they would stay where they were.
    self.init_left_pad, self.init_right_pad = (self.get_body_com(name) for name in ("leftpad", "rightpad"))


for _name, _method in (
    ("reset_mocap_welds", _reset_mocap_welds),
    ("__getstate__", _state_of),
    ("__setstate__", _become),
):
    setattr(SawyerMocapBase, _name, _method)


class SeededSawyer(gym.Wrapper[np.ndarray, np.ndarray, np.ndarray, np.ndarray]):
    """One Meta-World task whose goal is observed and drawn anew, with the objects' places, at every reset.

    Meta-World's ``reset`` ignores its seed; here it seeds the draws. Every observation is clipped into its space, as
    Meta-World does with those of ``step``.

    Args:
        env: The environment, one of ``metaworld.ALL_V3_ENVIRONMENTS``.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        # What Meta-World's own variants with observable goals do.
        env._partially_observable = False
        del env.sawyer_observation_space  # is computed once
        space = env.observation_space = env.sawyer_observation_space
        # Gymnasium warns of bounds that are equal, as those of a goal's height can be: a millimetre of room.
        room = 1e-3 * (space.low == space.high)
        self.observation_space = spaces.Box(space.low - room, space.high + room, dtype=np.float64)
        env._set_task_called = True
        env._freeze_rand_vec, env.seeded_rand_vec = False, True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode; a seed determines it fully.

        Args:
            seed: Seed of this episode and of those after it.
            options: Not used.
        """
        env: Any = self.unwrapped
        if seed is not None:
            env._np_random, env._np_random_seed = seeding.np_random(seed)
        observation, info = self.env.reset()
        return self._inside(observation), dict(info)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._inside(observation), float(reward), terminated, truncated, info

    def _inside(self, observation: np.ndarray) -> np.ndarray:
        space: Any = self.observation_space
        return np.clip(observation, space.low, space.high)


def make(name: str, render_mode: Any = None, **kwargs: Any) -> SeededSawyer:
    """Make a task of Meta-World without Gymnasium's time limit.

    Args:
        name: Its name there, such as ``"door-open-v3"``.
        render_mode: ``None``, ``"rgb_array"``, ``"depth_array"`` or ``"human"``.
        **kwargs: ``camera_name``, ``camera_id``, ``width`` and ``height`` of pictures.
    """
    return SeededSawyer(ALL_V3_ENVIRONMENTS[name](render_mode=render_mode, **kwargs))


class SawyerDynamics(MujocoDynamics):
    """Writes dynamics into the model of a Meta-World task.

    ``object_mass``, ``object_damping`` and ``object_stiffness`` act on all things that move beside the arm, whatever
    they are called; ``object_push`` and ``object_crosspush`` on the heaviest of them; ``arm_damping`` on the arm's
    joints; ``action_scale`` on the environment.
    """

    handled = ("action_scale", *_PUSHES)

    def __init__(self, env: Any, task: Task) -> None:
        self._scale: float = env.action_scale
        super().__init__(env, task)

    def write(self, values: Mapping[str, float | str]) -> None:
        """Write how far an action moves the hand's goal, and the forces on an object."""
        self._env.action_scale = self._scale * float(values.get("action_scale", 1.0))
        for name, axis in _PUSHES.items():
            if name in values:
                self._env.data.xfrc_applied[self._heaviest, axis] = float(values[name])

    def measure(self) -> dict[str, float]:
        """Return the nominal values as the model and the environment have them."""
        return {**super().measure(), "action_scale": self._scale}

    def _bind(self) -> None:
        model = self._env.model
        self._places = model.body_pos.copy()
        self._robot = model.body_rootid == model.body_rootid[model.body(_ROBOT).id]
        # A body moves if the nearest of its ancestors that is not welded to its parent has joints.
        self._objects = ~self._robot & (model.body_dofnum[model.body_weldid] > 0)
        self._heaviest = int(np.argmax(model.body_mass * self._objects))
        super()._bind()

    def _derive(self, values: Mapping[str, float]) -> None:
        # Meta-World writes world coordinates into the place of a site within its body, which MuJoCo ignores for sites
        # that were compiled into their body's origin; mj_setConst would find out that they have moved away.
        frames = self._model.site_sameframe.copy()
        # It also moves bodies at every reset. Where they stood in the last episode must not round what is derived.
        places = self._model.body_pos.copy()
        self._model.body_pos[:] = self._places
        super()._derive(values)
        self._model.site_sameframe[:] = frames
        self._model.body_pos[:] = places

    def _find(
        self, name: str, parameter: DynamicsParameter, names: Targets, claims: Mapping[str, list[int]]
    ) -> list[Target]:
        model = self._model
        joints, dofs = ~self._robot[model.jnt_bodyid], ~self._robot[model.dof_bodyid]
        if name == "object_mass":
            return [("body_mass", self._objects), ("body_inertia", self._objects)]
        if name == "object_damping":
            return [("dof_damping", dofs)]
        if name == "object_stiffness":
            return [("jnt_stiffness", joints)]
        if name == "arm_damping":
            return [("dof_damping", ~dofs)]
        return super()._find(name, parameter, names, claims)
