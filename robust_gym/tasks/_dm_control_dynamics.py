"""How dynamics are written into DeepMind Control's models."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

from robust_gym.tasks._mujoco_dynamics import LIMBS, MujocoDynamics

_SLIDE = 2  # mujoco.mjtJoint.mjJNT_SLIDE
_CORNERS = ("front_left", "front_right", "back_right", "back_left")


class SuiteDynamics(MujocoDynamics):
    """Writes dynamics into the model of a task of the suite.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "hind_legs": ("upper_leg_L", "upper_leg_R"),
        "forelegs": ("scapula_L", "scapula_R"),
        "tail": ("Ca_1",),
        **{f"{corner}_leg": (f"hip_{corner}",) for corner in _CORNERS},
    }
    links: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **LIMBS,
        # The quadruped's bodies are called after the joints that hold them.
        "thigh": (*LIMBS["thigh"], *(f"hip_{corner}" for corner in _CORNERS)),
        "shin": (*LIMBS["shin"], *(f"knee_{corner}" for corner in _CORNERS)),
        "leg": ("right_leg", "left_leg"),
        "foot": ("right_foot", "left_foot", *(f"ankle_{corner}" for corner in _CORNERS)),
    }

    def spec(self) -> Any:
        """Return the ``MjSpec`` of the domain's XML."""
        import mujoco
        from dm_control.suite import common

        domain, task = self._task.kwargs["name"].split("/")
        module = importlib.import_module(f"dm_control.suite.{domain}")
        if domain == "quadruped":
            size = float(self._model.geom("floor").size[0])
            xml = module.make_model(floor_size=size, walls_and_ball=task == "fetch")
        elif domain == "cartpole":
            xml, _ = module.get_model_and_assets(num_poles=self._model.nbody - 2)
        else:
            xml, _ = module.get_model_and_assets()
        return mujoco.MjSpec.from_string(xml, include=common.ASSETS)

    def start(self, rises: Mapping[int, float]) -> None:
        """Remember by how much the coming episodes start higher."""
        self._rises: Mapping[int, float] = rises

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Write before the reset; only then may the robot be lifted."""
        super().configure(values)
        self._lift()

    def _lift(self) -> None:
        """Lift the frame in which a planar robot's episodes start; the others look for room by themselves."""
        model, rises = self._model, self._rises
        for joint in range(model.njnt):
            if model.jnt_type[joint] == _SLIDE and model.jnt_qposadr[joint] in rises:
                body = model.jnt_bodyid[joint]
                model.body_pos[body, 2] = self._heights[body] + rises[model.jnt_qposadr[joint]]

    def apply(self, values: Mapping[str, float]) -> None:
        """Write again, over what the reset has written: the finger's ``spin`` sets the damping of its hinge."""
        super().apply(values)
        if "dof_damping" in self._nominal:
            self._write_field("dof_damping", values)

    def _bind(self) -> None:
        super()._bind()
        self._heights = self._model.body_pos[:, 2].copy()
        self._rises = {}


class ManipulationDynamics(MujocoDynamics):
    """Writes dynamics into the model of a Jaco arm and its props, which each reset compiles anew.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    # Bricks with odd numbers are translucent hints of the goal.
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "arm": ("jaco_arm/b_1",),
        "gripper": ("jaco_arm/jaco_hand/hand",),
        "box": ("unnamed_model/",),
        "brick": ("duplo2x4/",),
        **{f"brick_{number}": (f"duplo2x4_{number}/",) for number in range(1, 10)},
    }


class LocomotionDynamics(MujocoDynamics):
    """Writes dynamics into the model of a humanoid on a floor, which each reset compiles anew.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    main_body = "walker/root"
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        body: (f"walker/{body}",)
        for body in (
            *("root", "lowerback", "thorax", "head", "lfemur", "ltibia"),
            *("rfemur", "rtibia", "lhumerus", "rhumerus"),
        )
    }
