"""What the names of parameters stand for in a compiled MuJoCo model: entries of its arrays, bodies, geoms."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from robust_gym.disruption import did_you_mean
from robust_gym.task import DynamicsParameter, Task

Target = tuple[str, Any]
"""Entries of one model array: its name, and an index into it."""

MEDIUM = ("wind", "crosswind", "fluid_density", "fluid_viscosity")
PUSHES = {"push": 0, "crosspush": 1, "lift": 2}
_JOINT = {
    "joint_damping": ("dof_damping", "dof_dampingpoly"),
    "joint_stiffness": ("jnt_stiffness", "jnt_stiffnesspoly"),
    "joint_friction": ("dof_frictionloss",),
    "joint_armature": ("dof_armature",),
}
_KNOWN = (
    f"gravity, {', '.join(MEDIUM)}, friction, {', '.join(_JOINT)}, actuator_gain, mass, push, crosspush, lift, "
    "and BODY_mass, BODY_length, BODY_size, BODY_friction, GEOM_friction, BODY_push, BODY_crosspush, BODY_lift"
)


class Targets:
    """Finds what each parameter of a task acts on.

    Args:
        model: The MjModel.
        task: The task.
        groups: Names for several bodies or geoms at once.
        handled: Names that are not looked for.

    Raises:
        ValueError: From every method, if the model has not what a parameter names; the message says what it has.
    """

    def __init__(
        self, model: Any, task: Task, groups: Mapping[str, tuple[str, ...]], handled: Collection[str] = ()
    ) -> None:
        self._model = model
        self._task = task
        self._groups = groups
        self._ids: dict[str, dict[str, int]] = {
            "body": _ids(model.body, range(1, model.nbody)),
            "geom": _ids(model.geom, range(model.ngeom)),
        }
        self._handled = handled

    def checked(self, name: str, found: list[Target]) -> list[Target]:
        """Return those entries that a parameter can change, after checking that there are some."""
        sizes = [at(self._model, *one).size for one in found]
        self._require(any(sizes), name, "has no such joint, geom or actuator")
        if self._task.dynamics[name].mode == "set":
            return found
        able = [one for one in found if np.any(at(self._model, *one))]
        self._require(able, name, "has only zeros there, which no factor changes")
        return able

    def pushed(self, name: str, main_body: str) -> tuple[list[int], int]:
        """Return the bodies a push acts on, and the axis of the force."""
        stem, _, word = name.rpartition("_")
        stem = stem or main_body
        return self.bodies(name, stem) if stem else [_main_body(self._model)], PUSHES[word]

    def bodies(self, name: str, stem: str, links: Mapping[str, tuple[str, ...]] | None = None) -> list[int]:
        """Return the bodies of a name: a limb's, a group's, a body's own, or that of a geom of a body without a name.

        Args:
            name: The parameter.
            stem: The name.
            links: Names for the links of whole limbs; one that the model lacks is looked for as any other.
        """
        bodies = [body for one in (links or {}).get(stem, ()) for body in self._bodies(one)] or self._bodies(stem)
        self._require(bodies, name, f"has no body {stem!r}", stem, ("body",))
        return bodies

    def require_medium(self, name: str) -> None:
        """Check that there is a density or a viscosity to scale."""
        value = getattr(self._model.opt, name.removeprefix("fluid_"))
        self._require(self._task.dynamics[name].mode == "set" or value, name, "has no medium, which no factor changes")

    def entries(self, name: str, parameter: DynamicsParameter, claims: Mapping[str, list[int]]) -> list[Target]:
        """Return the array entries that a parameter scales, or shifts with ``mode="set"``.

        Args:
            name: The parameter's name.
            parameter: The parameter.
            claims: The bodies of every ``BODY_mass``.
        """
        model = self._model
        if name == "gravity":
            self._require(parameter.mode == "scale", name, "scales its gravity only: give it mode='scale'")
            return [("opt.gravity", slice(None))]
        if name == "mass":
            return [("body_mass", slice(None)), ("body_inertia", slice(None))]
        if name == "friction":
            return [("geom_friction", np.s_[:, 0]), ("pair_friction", np.s_[:, 0:2])]
        if name == "actuator_gain":
            return _strengths(model)
        if name in _JOINT:
            fields = [field for field in _JOINT[name] if hasattr(model, field)]
            if parameter.mode == "scale":
                return [(field, slice(None)) for field in fields]
            joints = _driven_joints(model)
            return [(fields[0], joints if fields[0].startswith("jnt") else model.jnt_dofadr[joints])]
        stem, _, word = name.rpartition("_")
        if stem and word == "mass":
            self._require(name in claims, name, f"has no body {stem!r}", stem, ("body",))
            return [("body_mass", claims[name]), ("body_inertia", claims[name])]
        if stem and word == "friction":
            bodies = self._find("body", stem)
            geoms = np.flatnonzero(np.isin(model.geom_bodyid, bodies)) if bodies else self._find("geom", stem)
            self._require(len(geoms), name, f"has no body or geom {stem!r}", stem, ("body", "geom"))
            pairs = np.isin(model.pair_geom1, geoms) | np.isin(model.pair_geom2, geoms)
            return [("geom_friction", np.s_[geoms, 0]), ("pair_friction", np.s_[pairs, 0:2])]
        raise ValueError(
            f"{self._task.id}: the adapter knows no parameter called {name!r}; it knows {_KNOWN}; "
            "what a subclass writes itself stands in its `handled`"
        )

    def _bodies(self, stem: str) -> list[int]:
        return self._find("body", stem) or [int(self._model.geom_bodyid[geom]) for geom in self._find("geom", stem)]

    def _find(self, kind: str, stem: str) -> list[int]:
        wanted = [_plain(one) for one in self._groups.get(stem, (stem,))]
        known = self._ids[kind]
        return [known[one] for one in wanted] if all(one in known for one in wanted) else []

    def claims(self) -> dict[str, list[int]]:
        """Return the bodies of every ``BODY_mass``: those it names, and their descendants that none names."""
        named: dict[int, list[str]] = {}
        for parameter in self._task.dynamics:
            stem = parameter.removesuffix("_mass")
            if stem != parameter and parameter not in self._handled:
                for body in self._find("body", stem):
                    named.setdefault(body, []).append(parameter)
        found: dict[str, list[int]] = {}
        for body in range(1, self._model.nbody):
            owner = body
            while owner and owner not in named:
                owner = int(self._model.body_parentid[owner])
            for parameter in named.get(owner, ()):
                found.setdefault(parameter, []).append(body)
        return found

    def _require(self, ok: object, name: str, lack: str, word: str = "", kinds: tuple[str, ...] = ()) -> None:
        if not ok:
            known = [*self._groups, *(one for kind in kinds for one in self._ids[kind])]
            has = f"; it has {', '.join(known)}.{did_you_mean(word, known)}" if kinds else ""
            raise ValueError(f"{self._task.id}: parameter {name!r}: the model {lack}{has}")


def array(model: Any, field: str) -> np.ndarray:
    """Return a view of a model's array, such as ``"body_mass"`` or ``"opt.gravity"``."""
    found: np.ndarray = operator.attrgetter(field)(model)
    return found


def at(model: Any, field: str, index: Any) -> np.ndarray:
    """Return entries of a model's array."""
    found: np.ndarray = array(model, field)[index]
    return found


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _ids(get: Callable[[int], Any], indices: range) -> dict[str, int]:
    return {_plain(get(index).name): index for index in indices if get(index).name}


def _strengths(model: Any) -> list[Target]:
    """Return what scales every actuator's force: gear of motors; gain, bias and limit of servos and muscles."""
    from mujoco import mjtBias, mjtGain

    gain, bias = model.actuator_gaintype, model.actuator_biastype
    motors = (gain == int(mjtGain.mjGAIN_FIXED)) & (bias == int(mjtBias.mjBIAS_NONE))
    # Of a muscle only its peak force (index 2) and the scale of an automatic one (3) are strengths.
    muscles = gain == int(mjtGain.mjGAIN_MUSCLE)
    servos = ~motors & ~muscles
    found: list[Target] = [("actuator_gear", motors)]
    for rows, columns in ((servos, slice(None)), (muscles, slice(2, 4))):
        found += [("actuator_gainprm", np.s_[rows, columns]), ("actuator_biasprm", np.s_[rows, columns])]
    return [*found, ("actuator_forcerange", ~motors)]


def _direct(model: Any) -> np.ndarray:
    """Return the joints that actuators act on directly."""
    from mujoco import mjtTrn

    kinds = [int(mjtTrn.mjTRN_JOINT), int(mjtTrn.mjTRN_JOINTINPARENT)]
    found: np.ndarray = model.actuator_trnid[np.isin(model.actuator_trntype, kinds), 0]
    return found


def _driven_joints(model: Any) -> np.ndarray:
    """Return the hinges and slides that actuators act on, or all of them where none is driven directly."""
    from mujoco import mjtJoint

    simple = np.isin(model.jnt_type, [int(mjtJoint.mjJNT_HINGE), int(mjtJoint.mjJNT_SLIDE)])
    driven = np.isin(np.arange(model.njnt), _direct(model)) & simple
    return np.flatnonzero(driven if driven.any() else simple)


def _main_body(model: Any) -> int:
    """Return the root of the part of the model with the most actuators; of several or none, the heaviest."""
    driven = np.bincount(model.body_rootid[model.jnt_bodyid[_direct(model)]], minlength=model.nbody)
    moving = np.unique(model.body_rootid[model.jnt_bodyid])
    return int(max(moving, key=lambda body: (driven[body], model.body_subtreemass[body])))
