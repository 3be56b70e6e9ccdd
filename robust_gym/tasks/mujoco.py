"""The eleven MuJoCo tasks of Gymnasium, version 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, Task

_GRAVITY = DynamicsParameter("gravity", "gravitational acceleration", "m/s²", 9.81, 0.1, 3.0)
_FRICTION_ABOUT = "sliding friction of every geom, and so of every contact (MuJoCo takes the larger of the two)"
_DAMPING = DynamicsParameter("joint_damping", "damping of every damped joint", "of nominal", 1.0, 0.0, 5.0)
_STIFFNESS = DynamicsParameter("joint_stiffness", "stiffness of every sprung joint", "of nominal", 1.0, 0.0, 10.0)
_GAIN = DynamicsParameter("actuator_gain", "gear of every actuator: torque or force per action", "of nominal", 1.0, 0.0)
_WIND = DynamicsParameter("wind", "wind along +x, in air of 1.2 kg/m³", "m/s", 0.0, -20.0, 20.0, mode="set")
_CROSSWIND = DynamicsParameter("crosswind", "wind along +y, in air of 1.2 kg/m³", "m/s", 0.0, -20.0, 20.0, mode="set")
_CURRENT = DynamicsParameter("wind", "current of the fluid along +x", "m/s", 0.0, -5.0, 5.0, mode="set")

AIR_DENSITY = 1.2
AIR_VISCOSITY = 1.8e-5
"""MuJoCo's models have no medium, in which wind would do nothing; wind brings air (kg/m³ and Pa s) with it."""


def _friction(nominal: float) -> DynamicsParameter:
    return DynamicsParameter("friction", _FRICTION_ABOUT, "", nominal, 0.05, 5.0)


def _masses(**kilograms: float) -> tuple[DynamicsParameter, ...]:
    return tuple(
        DynamicsParameter(f"{body}_mass", f"mass and inertia of {body}", "kg", mass, 0.1, 10.0)
        for body, mass in kilograms.items()
    )


def half_cheetah(**kwargs: Any) -> Any:
    """Build Gymnasium's HalfCheetah without the note, at every build, that its XML uses a deprecated attribute."""
    import mujoco
    from gymnasium.envs.mujoco.half_cheetah_v5 import HalfCheetahEnv

    if not hasattr(mujoco, "get_mju_user_warning"):  # older MuJoCo does not warn
        return HalfCheetahEnv(**kwargs)
    before = mujoco.get_mju_user_warning()

    def warn(message: str) -> None:
        if "settotalmass" not in message and before is not None:
            before(message)

    mujoco.set_mju_user_warning(warn)
    try:
        return HalfCheetahEnv(**kwargs)
    finally:
        mujoco.set_mju_user_warning(before)


def _task(
    name: str,
    about: str,
    dynamics: tuple[DynamicsParameter, ...],
    horizon: int = 1000,
    base: str | None = None,
) -> None:
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="mujoco",
            about=about,
            base=base or f"{name}-v5",
            adapter="robust_gym.tasks.mujoco:MujocoDynamics",
            horizon=horizon,
            dynamics={parameter.name: parameter for parameter in dynamics},
            modules=("mujoco", "imageio"),
            install='pip install "robust-gym[mujoco]"',
            source="Gymnasium MuJoCo v5 (Todorov et al., 2012; Towers et al., 2024)",
        )
    )


_HUMANOID_MASSES = _masses(
    torso=8.907,
    lwaist=2.262,
    pelvis=6.616,
    right_thigh=4.752,
    right_shin=2.756,
    right_foot=1.767,
    left_thigh=4.752,
    left_shin=2.756,
    left_foot=1.767,
    right_upper_arm=1.661,
    right_lower_arm=1.230,
    left_upper_arm=1.661,
    left_lower_arm=1.230,
)
_HUMANOID = (
    _GRAVITY,
    _WIND,
    _CROSSWIND,
    _friction(1.0),
    _DAMPING,
    _STIFFNESS,
    _GAIN,
    *_HUMANOID_MASSES,
)

_task(
    "Ant",
    "A four-legged robot runs forward.",
    (
        _GRAVITY,
        _WIND,
        _CROSSWIND,
        _friction(1.0),
        _DAMPING,
        _GAIN,
        *_masses(torso=0.327, front_left_leg=0.146, front_right_leg=0.146, back_leg=0.146, right_back_leg=0.146),
    ),
)
_task(
    "HalfCheetah",
    "A planar two-legged robot runs forward.",
    (
        _GRAVITY,
        _WIND,
        _friction(0.4),
        _DAMPING,
        _STIFFNESS,
        _GAIN,
        *_masses(torso=6.250, bthigh=1.544, bshin=1.587, bfoot=1.095, fthigh=1.438, fshin=1.201, ffoot=0.885),
    ),
    base="robust_gym.tasks.mujoco:half_cheetah",
)
_task(
    "Hopper",
    "A planar one-legged robot hops forward without falling.",
    (
        _GRAVITY,
        _WIND,
        _friction(2.0),
        _DAMPING,
        _GAIN,
        *_masses(torso=3.665, thigh=4.058, leg=2.781, foot=5.316),
    ),
)
_task("Humanoid", "A humanoid walks forward without falling.", _HUMANOID)
_task("HumanoidStandup", "A humanoid stands up from lying on its back.", _HUMANOID)
_task(
    "InvertedPendulum",
    "A cart keeps a pole upright.",
    (_GRAVITY, _WIND, _DAMPING, _GAIN, *_masses(cart=10.472, pole=5.019)),
)
_task(
    "InvertedDoublePendulum",
    "A cart keeps two linked poles upright.",
    (_GRAVITY, _WIND, _DAMPING, _GAIN, *_masses(cart=10.472, pole=4.199, pole2=4.199)),
)
_task(
    "Pusher",
    "A seven-joint arm pushes a cylinder to a goal.",
    (
        _DAMPING,
        _GAIN,
        *_masses(
            r_shoulder_pan_link=7.294,
            r_shoulder_lift_link=3.227,
            r_upper_arm_link=1.629,
            r_elbow_flex_link=0.493,
            r_forearm_link=0.848,
            r_wrist_roll_link=0.183,
        ),
    ),
    horizon=100,
)
_task(
    "Reacher",
    "A planar two-joint arm reaches for a target.",
    (_DAMPING, _GAIN, *_masses(body0=0.036, body1=0.036, fingertip=0.004)),
    horizon=50,
)
_task(
    "Swimmer",
    "Three links swim forward in a viscous fluid.",
    (
        _CURRENT,
        DynamicsParameter("fluid_density", "density of the fluid", "kg/m³", 4000.0),
        DynamicsParameter("fluid_viscosity", "viscosity of the fluid", "Pa s", 0.1),
        _GAIN,
        *_masses(torso=35.605, mid=35.605, back=35.605),
    ),
)
_task(
    "Walker2d",
    "A planar two-legged robot walks forward without falling.",
    (
        _GRAVITY,
        _WIND,
        _friction(1.9),
        _DAMPING,
        _GAIN,
        *_masses(torso=3.665, thigh=4.058, leg=2.781, foot=3.167, thigh_left=4.058, leg_left=2.781, foot_left=3.167),
    ),
)


class MujocoDynamics:
    """Writes dynamics into the compiled model, in memory, and keeps derived constants true.

    A mass parameter names a body; bodies without a parameter of their own (a leg's unnamed foot) belong to
    their nearest ancestor that has one. Inertia scales with mass, and ``mj_setConst`` renews the constants
    that MuJoCo derives from them (inverse weights, which set the stiffness of contacts).

    Args:
        env: The unwrapped environment, with ``model``.
        task: Its task.
    """

    def __init__(self, env: Any, task: Task) -> None:
        self._env = env
        self._task = task
        self._model: Any = None

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Write before the reset, so that the first observation already belongs to the new world."""
        self._write(values)

    def apply(self, values: Mapping[str, float]) -> None:
        """Write again: within an episode, or into a model that the reset has replaced."""
        self._write(values)

    def _remember_nominal(self) -> None:
        import mujoco

        model = self._model = self._env.model
        # mj_setConst overwrites the data it is given.
        self._scratch = mujoco.MjData(model)
        self._gravity = model.opt.gravity.copy()
        self._density, self._viscosity = model.opt.density, model.opt.viscosity
        self._friction = model.geom_friction[:, 0].copy()
        self._damping = model.dof_damping.copy()
        self._stiffness = model.jnt_stiffness.copy()
        self._gear = model.actuator_gear.copy()
        self._mass, self._inertia = model.body_mass.copy(), model.body_inertia.copy()
        self._bodies = _mass_groups(model, self._task)
        self._written: dict[str, float | str] = {}

    def _write(self, values: Mapping[str, float | str]) -> None:
        if self._env.model is not self._model:
            self._remember_nominal()
        if values == self._written:
            return
        model = self._model
        factor = {name: float(value) for name, value in values.items()}
        model.opt.gravity[:] = self._gravity * factor.get("gravity", 1.0)
        self._write_medium(factor)
        model.geom_friction[:, 0] = self._friction * factor.get("friction", 1.0)
        model.dof_damping[:] = self._damping * factor.get("joint_damping", 1.0)
        model.jnt_stiffness[:] = self._stiffness * factor.get("joint_stiffness", 1.0)
        model.actuator_gear[:] = self._gear * factor.get("actuator_gain", 1.0)
        for name, bodies in self._bodies.items():
            model.body_mass[bodies] = self._mass[bodies] * factor.get(name, 1.0)
            model.body_inertia[bodies] = self._inertia[bodies] * factor.get(name, 1.0)
        if any(name in factor for name in self._bodies) or any(name in self._written for name in self._bodies):
            import mujoco

            mujoco.mj_setConst(model, self._scratch)
        self._written = dict(values)

    def _write_medium(self, factor: Mapping[str, float]) -> None:
        option = self._model.opt
        wind = (factor.get("wind", 0.0), factor.get("crosswind", 0.0), 0.0)
        blows = any(wind)
        option.wind[:] = wind
        option.density = self._density * factor.get("fluid_density", 1.0)
        option.viscosity = self._viscosity * factor.get("fluid_viscosity", 1.0)
        if blows and self._density == 0.0 and self._viscosity == 0.0:
            option.density, option.viscosity = AIR_DENSITY, AIR_VISCOSITY


def _mass_groups(model: Any, task: Task) -> dict[str, list[int]]:
    """Return the bodies of every mass parameter."""
    groups: dict[str, list[int]] = {name: [] for name in task.dynamics if name.endswith("_mass")}
    for body in range(1, model.nbody):
        owner = body
        while owner and f"{model.body(owner).name}_mass" not in groups:
            owner = model.body_parentid[owner]
        if owner:
            groups[f"{model.body(owner).name}_mass"].append(body)
    return groups
