"""Dynamics of the robots of gymnasium-robotics: what ``MujocoDynamics`` knows, and objects of other size and shape."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from robust_gym.task import Task
from robust_gym.tasks._mujoco_dynamics import MujocoDynamics

SHAPES: dict[str, dict[str, tuple[str, tuple[float, ...]]]] = {
    "block": {
        "box": ("BOX", (0.025, 0.025, 0.025)),
        "cylinder": ("CYLINDER", (0.025, 0.025, 0.0)),
        "sphere": ("SPHERE", (0.025, 0.0, 0.0)),
        "ellipsoid": ("ELLIPSOID", (0.03, 0.03, 0.04)),
    },
    "puck": {
        "cylinder": ("CYLINDER", (0.025, 0.02, 0.0)),
        "box": ("BOX", (0.025, 0.025, 0.02)),
        "sphere": ("SPHERE", (0.02, 0.0, 0.0)),
    },
    "pen": {
        "capsule": ("CAPSULE", (0.008, 0.1, 0.0)),
        "cylinder": ("CYLINDER", (0.008, 0.1, 0.0)),
        "box": ("BOX", (0.008, 0.008, 0.1)),
    },
}
"""Shapes that an object can take: MuJoCo's type of geom, and half sizes in m. Its mass stays the same."""

_GEOMETRY = ("geom_type", "geom_size", "geom_pos", "geom_rbound", "geom_aabb", "bvh_aabb", "body_ipos")
_PLACE = ("body_pos", "body_quat")


class RobotDynamics(MujocoDynamics):
    """Dynamics of a robot: besides the parameters of ``MujocoDynamics``, those of ``levers``."""

    levers: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Parameters that scale one array of the model: the array, and the joint it is of (empty: its first column)."""

    def measure(self) -> dict[str, float]:
        """Return the nominal values, those of ``levers`` too."""
        found = super().measure()
        for name in self.levers:
            for field, index in self._targets.get(name, []):
                found[name] = float(np.max(self._nominal[field][index]))
        return found

    def _find(self, name: str, parameter: Any, names: Any, claims: Any) -> Any:
        if name not in self.levers:
            return super()._find(name, parameter, names, claims)
        field, joint = self.levers[name]
        return [(field, [int(self._model.joint(joint).dofadr[0])] if joint else np.s_[:, 0])]

    def _derive(self, values: Mapping[str, float]) -> None:
        # mj_setConst renews the poses that welds hold, too, and would tear the gripper off its target.
        held = self._model.eq_data.copy()
        super()._derive(values)
        self._model.eq_data[:] = held


class ObjectDynamics(RobotDynamics):
    """Dynamics of a robot with an object whose size and shape can change.

    ``object_size`` scales the object in all directions at the same mass; the shift ``object`` gives it another shape
    at the same mass. Moments of inertia follow from both.
    """

    handled = ("object_size",)
    kind: ClassVar[str] = ""
    """The object among ``SHAPES``; empty if its shape never changes."""
    twins: ClassVar[tuple[str, ...]] = ()
    """Geoms that only show the object or its goal, and follow its size and shape."""

    def __init__(self, env: Any, task: Task) -> None:
        self._reshaped: tuple[str, float] | None = None
        self._shape = self._nominal_shape = task.semantic["object"].nominal if "object" in task.semantic else ""
        super().__init__(env, task)

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Note the object's shape, then write everything before the reset."""
        self._shape = str(values.get("object", self._nominal_shape))
        super().configure(values)

    def write(self, values: Mapping[str, float | str]) -> None:
        """Give the object its size and shape, and the moments of inertia that belong to them."""
        wanted = (self._shape, float(values.get("object_size", 1.0)))
        nominal = wanted == (self._nominal_shape, 1.0)
        if wanted != (self._reshaped or (self._nominal_shape, 1.0)):
            self._reshaped = None if nominal else wanted
            self._write_geometry(wanted[1])
            self.rest(float(self._model.geom_aabb[self._geoms[0], 5] - self._geometry["geom_aabb"][self._geoms[0], 5]))
            if nominal:
                numbers = {name: value for name, value in values.items() if not isinstance(value, str)}
                self._write_field("body_inertia", numbers)
                self._derive(numbers)
        if not nominal:
            mass = self._model.body_mass[self._body]
            inertia = mass * wanted[1] ** 2 * self._inertia_per_mass()
            if not np.array_equal(inertia, self._model.body_inertia[self._body]):
                self._model.body_inertia[self._body] = inertia
                self._derive({})

    def rest(self, rise: float) -> None:
        """Adapt where the object begins, if it begins lying on something and its centre is now higher by ``rise``."""

    def _bind(self) -> None:
        super()._bind()
        model = self._model
        self._body = int(model.body(self.groups.get("object", ("object",))[0]).id)
        first = int(model.body_geomadr[self._body])
        self._geoms = [*range(first, first + int(model.body_geomnum[self._body]))]
        self._shown = [geom for geom in range(model.ngeom) if model.geom(geom).name in self.twins]
        self._geometry = {field: getattr(model, field).copy() for field in _GEOMETRY}
        self._nominal_inertia = model.body_inertia[self._body] / model.body_mass[self._body]
        self._reshaped = None

    def _inertia_per_mass(self) -> np.ndarray:
        """Return the moments of inertia of the present shape at nominal size, per kg."""
        if self._shape == self._nominal_shape:
            return self._nominal_inertia
        return _solid(*SHAPES[self.kind][self._shape])[0]

    def _write_geometry(self, size: float) -> None:
        model, body, first = self._model, self._body, self._geoms[0]
        for field in _GEOMETRY:
            getattr(model, field)[...] = self._geometry[field]
        if self._reshaped is None:
            return
        if self._shape != self._nominal_shape:
            kind, half = SHAPES[self.kind][self._shape]
            _, model.geom_rbound[first], model.geom_aabb[first] = _solid(kind, half)
            for geom in (first, *self._shown):
                model.geom_type[geom], model.geom_size[geom] = _geom_type(kind), half
        for field in ("geom_pos", "geom_rbound", "geom_aabb"):
            getattr(model, field)[self._geoms] *= size
        model.geom_size[[*{*self._geoms, *self._shown}]] *= size
        model.body_ipos[body] *= size
        # The tree that finds what may collide gets boxes which hold the object however it is turned.
        far = max(float(np.linalg.norm(model.geom_pos[geom]) + model.geom_rbound[geom]) for geom in self._geoms)
        far += float(np.linalg.norm(model.body_ipos[body]))
        nodes = slice(int(model.body_bvhadr[body]), int(model.body_bvhadr[body] + model.body_bvhnum[body]))
        model.bvh_aabb[nodes] = [0.0, 0.0, 0.0, far, far, far]

    def _derive(self, values: Mapping[str, float]) -> None:
        # No value is equal to NaN, so that an object of another shape is never taken for the nominal one.
        super()._derive({**values, "object_mass": np.nan} if self._reshaped else values)


class FetchDynamics(ObjectDynamics):
    """Dynamics of Fetch: a gripper welded to a target that actions move, and an object on a table."""

    groups = {"object": ("object0",), "table": ("table0", "object0")}
    levers = {"tracking_time": ("eq_solref", "")}

    def rest(self, rise: float) -> None:
        """Let the object begin on the table, not in it."""
        self._env.initial_qpos[self._height] = self._start + rise

    def _bind(self) -> None:
        super()._bind()
        self._height = int(self._model.joint("object0:joint").qposadr[0]) + 2
        self._start = float(self._env.initial_qpos[self._height])


class BlockDynamics(FetchDynamics):
    """Dynamics of Fetch with a block."""

    kind = "block"


class PuckDynamics(FetchDynamics):
    """Dynamics of Fetch with a puck."""

    kind = "puck"


class ReachDynamics(RobotDynamics):
    """Dynamics of Fetch without an object."""

    levers = FetchDynamics.levers


class HandBlockDynamics(ObjectDynamics):
    """Dynamics of the Shadow hand with a block or an egg."""

    kind = "block"
    twins = ("object_hidden", "target")


class HandPenDynamics(ObjectDynamics):
    """Dynamics of the Shadow hand with a pen."""

    kind = "pen"
    twins = ("target",)


class AdroitDynamics(RobotDynamics):
    """Dynamics of the Adroit hand."""

    groups = {"object": ("Object",), "hand": ("forearm",)}
    levers = {"hinge_friction": ("dof_frictionloss", "door_hinge"), "hinge_damping": ("dof_damping", "door_hinge")}

    def _derive(self, values: Mapping[str, float]) -> None:
        # Resets move the door, the board and the goal, on whose places the constants would depend a little.
        model, places = self._model, self._places
        kept = [getattr(model, field).copy() for field in _PLACE]
        for field, place in zip(_PLACE, places, strict=True):
            getattr(model, field)[...] = place
        super()._derive(values)
        for field, place in zip(_PLACE, kept, strict=True):
            getattr(model, field)[...] = place

    @functools.cached_property
    def _places(self) -> list[np.ndarray]:
        """Return where everything is in the library's XML."""
        import mujoco

        model = mujoco.MjModel.from_xml_path(self._env.fullpath)
        return [getattr(model, field) for field in _PLACE]


class AdroitObjectDynamics(AdroitDynamics, ObjectDynamics):
    """Dynamics of the Adroit hand with an object of another size."""

    def rest(self, rise: float) -> None:
        """Remember by how much the object's coming episodes begin higher."""
        self._rise = rise

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Write before the reset; let a ball begin on the table, not in it. A pen begins above the hand."""
        super().configure(values)
        if self._model.geom(self._geoms[0]).name == "sphere":
            self._model.body_pos[self._body, 2] = self._start + self._rise

    def _bind(self) -> None:
        super()._bind()
        self._start = float(self._model.body_pos[self._body, 2])
        self._rise = 0.0


class KitchenDynamics(RobotDynamics):
    """Dynamics of FrankaKitchen; the shift ``tasks`` sets what is asked for."""

    groups = {"arm": ("panda0_link0",), "kettle": ("kettleroot",)}

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set the tasks of the coming episode, then write everything."""
        from robust_gym.tasks._robotics_env import TASK_SETS

        if "tasks" in values:
            self._env.ask_for(TASK_SETS[str(values["tasks"])])
        super().configure(values)


def _geom_type(kind: str) -> int:
    import mujoco

    return int(getattr(mujoco.mjtGeom, f"mjGEOM_{kind}"))


@functools.cache
def _solid(kind: str, half: tuple[float, ...]) -> tuple[np.ndarray, float, np.ndarray]:
    """Let MuJoCo compile a body of 1 kg; return its moments of inertia, bounding radius and bounding box.

    The moments are along the axes of the shape, which are those of the bodies that take it.
    """
    import mujoco

    spec = mujoco.MjSpec()
    spec.worldbody.add_body().add_geom(type=_geom_type(kind), size=[*half], mass=1.0)
    model = spec.compile()
    axes = np.empty(9)
    mujoco.mju_quat2Mat(axes, model.body_iquat[1])
    turn = axes.reshape(3, 3)
    inertia = np.diag(turn @ np.diag(model.body_inertia[1]) @ turn.T)
    return inertia.copy(), float(model.geom_rbound[0]), model.geom_aabb[0].copy()
