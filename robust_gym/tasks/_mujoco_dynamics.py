"""How dynamics are written into MuJoCo: one adapter for every family whose simulator it is.

Parameters are found by their names:

- ``gravity``, ``wind``, ``crosswind``, ``fluid_density``, ``fluid_viscosity``: the world's options.
- ``friction``: sliding friction of all geoms and explicit contact pairs; ``BODY_friction`` or ``GEOM_friction``:
  of the geoms of one body, or of one geom. MuJoCo takes the larger of two, so these matter while they are the larger.
- ``joint_damping``, ``joint_stiffness``, ``joint_friction`` (dry), ``joint_armature``: of every joint that has some.
  With ``mode="set"`` the value is added in every driven joint instead, for models that have none.
- ``actuator_gain``: strength of every actuator. A motor's gear is scaled. A servo's gear would scale the position it
  feels too, so of a servo the gains, the bias and the force limit are scaled: the whole law times the factor.
- ``mass``: all bodies; ``BODY_mass``: one body, with its descendants that no other parameter claims. Both multiply.
- ``BODY_length``, ``BODY_size``: shapes, see ``_mujoco_geometry``. They come first: masses scale what they give.
- ``push``, ``crosspush``, ``lift``: a force in N along +x, +y, +z on the main body; ``BODY_push`` and so on: on one.

Where a body's name has signs that a disruption string cannot hold, an underscore stands for each:
``robot0:palm`` is ``robot0_palm``. A body without a name goes by that of one of its geoms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import numpy as np

from robust_gym.task import DynamicsParameter, Task
from robust_gym.tasks._mujoco_geometry import STATISTICS, Geometry, Shape
from robust_gym.tasks._mujoco_targets import MEDIUM, PUSHES, Target, Targets, array

AIR_DENSITY = 1.2
AIR_VISCOSITY = 1.8e-5
"""MuJoCo's models have no medium, in which wind would do nothing; wind brings air (kg/m³ and Pa s) with it."""

# Of Gymnasium's Ant and Humanoid.
LIMBS = {
    "front_left_leg": ("left_leg_geom", "left_ankle_geom"),
    "front_right_leg": ("right_leg_geom", "right_ankle_geom"),
    "back_leg": ("back_leg_geom", "third_ankle_geom"),
    "right_back_leg": ("rightback_leg_geom", "fourth_ankle_geom"),
    **{link: (f"right_{link}", f"left_{link}") for link in ("thigh", "shin", "upper_arm", "lower_arm")},
}

_INERTIAL = {"body_mass", "body_inertia", "dof_armature"}
# What mj_setConst derives from inertia: inverse weights, which set the stiffness of contacts, and more.
_DERIVED = (
    "body_subtreemass",
    "body_invweight0",
    "dof_invweight0",
    "dof_M0",
    "tendon_invweight0",
    "actuator_acc0",
    "cam_poscom0",
    "light_poscom0",
)


def without_islands(model: Any) -> None:
    """Let MuJoCo skip its search for islands of constraints, where one tree can only be one island.

    A step of HalfCheetah costs a tenth less then, and Gymnasium's robots move as before, to the bit.
    """
    import mujoco

    if model.ntree == 1:
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ISLAND)


class MujocoDynamics:
    """Writes dynamics into the compiled model, in memory, and keeps derived constants true.

    Values at nominal leave the model equal to the bit to the one that was compiled. A model that a reset has
    replaced is written again. A family whose model sits elsewhere overrides ``physics`` (and ``spec`` and ``start``
    for shapes); one with parameters that are not MuJoCo's lists them in ``handled`` and writes them in ``write``.

    Args:
        env: The unwrapped environment.
        task: Its task.

    Raises:
        ValueError: If the model has not what a parameter names.
    """

    handled: ClassVar[Collection[str]] = ()
    """Names of the parameters that a subclass writes itself."""
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Names for several bodies or geoms at once: ``{"legs": ("left_leg", "right_leg")}`` makes ``legs_mass``."""
    links: ClassVar[Mapping[str, tuple[str, ...]]] = LIMBS
    """Bodies, or geoms of bodies without a name, that ``NAME_length`` stretches together."""
    main_body: ClassVar[str] = ""
    """The body that ``push`` acts on; left empty, the root of the part of the model with the most actuators."""

    def __init__(self, env: Any, task: Task) -> None:
        self._env = env
        self._task = task
        self._identity = {name: parameter.identity for name, parameter in task.dynamics.items()}
        self._model: Any = None
        self._written: dict[str, float] = {}
        if self.physics()[0] is not None:
            self._bind()

    def __getstate__(self) -> dict[str, Any]:
        # The scratch data are made again when needed.
        return {**self.__dict__, "_scratch": None}

    # What a subclass may override.

    def physics(self) -> tuple[Any, Any]:
        """Return the present MjModel and MjData; (None, None) before the first reset has made them."""
        return self._env.model, self._env.data

    def spec(self) -> Any:
        """Return a fresh ``mujoco.MjSpec`` of the model, for parameters that change its shape."""
        import mujoco

        return mujoco.MjSpec.from_file(self._env.fullpath)

    def pose(self) -> np.ndarray:
        """Return the nominal pose in which episodes start, of shape (nq,)."""
        if self._pose is None:
            self._pose = np.array(getattr(self._env, "init_qpos", self._model.qpos0))
        return self._pose

    def start(self, rises: Mapping[int, float]) -> None:
        """Set how much higher than in the nominal pose the coming episodes start.

        An environment without Gymnasium's ``init_qpos`` is left as it is.

        Args:
            rises: Metres, by the index into ``qpos`` of a root's height.
        """
        if hasattr(self._env, "init_qpos"):
            for index, rise in rises.items():
                self._env.init_qpos[index] = self.pose()[index] + rise

    def write(self, values: Mapping[str, float | str]) -> None:
        """Write the parameters of ``handled``; called after all others, before and after each reset."""

    # The adapter's interface.

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Write before the reset, so that the first observation already belongs to the new world."""
        if self.physics()[0] is not None:
            self._write({name: value for name, value in values.items() if not isinstance(value, str)})
        self.write(values)

    def apply(self, values: Mapping[str, float]) -> None:
        """Write again: within an episode, or into a model or data that the reset has replaced."""
        self._write(values)
        self.write(values)

    def measure(self) -> dict[str, float]:
        """Return the nominal value, as the model has it, of every parameter that is one physical quantity."""
        found = self._variants.measure(self._model) if self._variants else {}
        for name, parameter in self._task.dynamics.items():
            entries = self._targets.get(name, [])
            if name == "gravity":
                found[name] = float(np.linalg.norm(self._nominal["opt.gravity"]))
            elif name in self._medium:
                found[name] = float(self._medium[name])
            elif entries and entries[0][0] == "geom_friction":
                found[name] = max(float(self._nominal[field][index].max(initial=0.0)) for field, index in entries)
            elif entries and entries[0][0] == "body_mass" and name != "mass":
                found[name] = float(self._nominal["body_mass"][entries[0][1]].sum())
            elif parameter.mode == "scale" and entries:
                found[name] = 1.0
        return found

    # How it does it.

    def _bind(self) -> None:
        """Remember a fresh model's nominal values, and find what each parameter acts on."""
        from gymnasium.envs.mujoco import MujocoEnv

        model = self._model = self.physics()[0]
        self._written, self._scratch = {}, None
        if isinstance(self._env, MujocoEnv):
            without_islands(model)
        self._medium = {"fluid_density": model.opt.density, "fluid_viscosity": model.opt.viscosity}
        self._wind = model.opt.wind.copy()
        names = Targets(model, self._task, self.groups, self.handled)
        self._targets: dict[str, list[Target]] = {}
        self._pushes: dict[str, tuple[list[int], int]] = {}
        shapes: dict[str, dict[str, list[int]]] = {"length": {}, "size": {}}
        claims = names.claims()
        for name, parameter in self._task.dynamics.items():
            stem, _, word = name.rpartition("_")
            if name in self.handled or name in ("wind", "crosswind"):
                continue
            if name in self._medium:
                names.require_medium(name)
            elif word in PUSHES:
                self._pushes[name] = names.pushed(name, self.main_body)
            elif stem and word in shapes:
                shapes[word][name] = names.bodies(name, stem, self.links)
            else:
                self._targets[name] = names.checked(name, self._find(name, parameter, names, claims))
        fields = {field for entries in self._targets.values() for field, _ in entries}
        if any(shapes.values()):
            fields |= {"body_mass", "body_inertia"}
        self._actors: dict[str, list[Target]] = {field: [] for field in fields}
        for name, entries in self._targets.items():
            for field, index in entries:
                self._actors[field].append((name, index))
        self._inertial = {name for field in fields & _INERTIAL for name, _ in self._actors[field]}
        kept = fields | set(_DERIVED) if fields & _INERTIAL else fields
        self._nominal = {field: array(model, field).copy() for field in kept}
        self._variants = self._form = None
        self._statistics = {name: float(getattr(model.stat, name)) for name in STATISTICS}
        if any(shapes.values()):
            try:
                self._variants = Geometry(self.spec, model, shapes["length"], shapes["size"])
            except ValueError as error:
                raise ValueError(f"{self._task.id}: {error}") from None
            self._form = Shape(model, self._variants, self._nominal, self._statistics)

    _pose: np.ndarray | None = None
    _variants: Geometry | None
    _form: Shape | None

    def _find(
        self, name: str, parameter: DynamicsParameter, names: Targets, claims: Mapping[str, list[int]]
    ) -> list[Target]:
        """Return the array entries that a parameter scales, or shifts with ``mode="set"``."""
        return names.entries(name, parameter, claims)

    def _write(self, values: Mapping[str, float]) -> None:
        if self.physics()[0] is not self._model:
            self._bind()
        identity, before = self._identity, self._written
        names = values.keys() | before.keys()
        changed = {one for one in names if values.get(one, identity[one]) != before.get(one, identity[one])}
        fields = {field for name in changed for field, _ in self._targets.get(name, ())}
        if self._variants and self._form and not changed.isdisjoint(self._variants.names):
            self.start(self._form.write(values, self.pose()))
            fields |= self._actors.keys() & _INERTIAL
        for field in fields:
            self._write_field(field, values)
        if not changed.isdisjoint(MEDIUM):
            self._write_medium(values)
        if fields & _INERTIAL:
            self._derive(values)
        self._written = dict(values)
        # The data's forces do not outlive a reset, so they are written whether or not they changed.
        for name, (bodies, axis) in self._pushes.items():
            if name in values:
                self.physics()[1].xfrc_applied[bodies, axis] = values[name]

    def _write_field(self, field: str, values: Mapping[str, float]) -> None:
        nominal = self._nominal[field]
        factor, added = np.ones_like(nominal), None
        for name, index in self._actors[field]:
            if self._task.dynamics[name].mode == "scale":
                factor[index] *= values.get(name, 1.0)
            else:
                added = np.zeros_like(nominal) if added is None else added
                added[index] += values.get(name, 0.0)
        array(self._model, field)[...] = nominal * factor if added is None else nominal * factor + added

    def _write_medium(self, values: Mapping[str, float]) -> None:
        option = self._model.opt
        wind = (values.get("wind", 0.0), values.get("crosswind", 0.0), 0.0)
        option.wind[:] = self._wind + wind
        for name, nominal in self._medium.items():
            value = nominal
            if name in values:
                scales = self._task.dynamics[name].mode == "scale"
                value = nominal * values[name] if scales else nominal + values[name]
            setattr(option, name.removeprefix("fluid_"), value)
        if any(wind) and option.density == option.viscosity == 0.0:
            option.density, option.viscosity = AIR_DENSITY, AIR_VISCOSITY

    def _derive(self, values: Mapping[str, float]) -> None:
        """Renew the constants that MuJoCo derives from masses and inertia."""
        if all(values.get(name, self._identity[name]) == self._identity[name] for name in self._inertial):
            for field in _DERIVED:
                array(self._model, field)[...] = self._nominal[field]
            for name, value in self._statistics.items():
                setattr(self._model.stat, name, value)
            return
        import mujoco

        if self._scratch is None:  # mj_setConst overwrites the data it is given
            self._scratch = mujoco.MjData(self._model)
        held = self._model.eq_data.copy()
        mujoco.mj_setConst(self._model, self._scratch)
        # It renews the poses that welds hold too, which an environment may have set.
        self._model.eq_data[:] = held
