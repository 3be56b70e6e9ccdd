"""Shapes of MuJoCo robots: longer and shorter links, larger and smaller bodies, compiled in memory.

A link is stretched along the axis of its longest geom, away from the joint that holds it; what hangs on it moves
along, so that nothing comes apart. MuJoCo's own compiler (``MjSpec``) then derives masses, inertias, bounding volumes
and all else. Materials keep their density: a longer link is a heavier one. What differs from the compiled original is
written into the model that the environment holds, and only that.

Between episodes the robot starts higher or lower, as far from the ground as the original. Within an episode a shape
changes where the robot is: a leg that grows pushes against the ground.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robust_gym.tasks._mujoco_layout import Layout, link_axis, lowest_points
from robust_gym.tasks._mujoco_targets import array

SIZES = ("nq", "nv", "nu", "nbody", "ngeom", "nsite", "njnt", "ntendon", "nbvh")
_FIELDS = ("body_", "geom_", "jnt_", "dof_", "site_", "cam_", "light_", "tendon_", "actuator_", "eq_", "qpos", "bvh_")
STATISTICS = ("extent", "meaninertia", "meanmass", "meansize")
_KEPT = 16


@dataclass(frozen=True)
class Patch:
    """What a change of shape writes into a model.

    Attributes:
        arrays: For every array that differs, by name: which entries, and their values.
        statistics: The model's statistics, by name.
        rises: For every root that can move vertically: the index of its height in ``qpos``, and by how much it has to
            start higher, in metres, to be as far from the ground as the original.
    """

    arrays: Mapping[str, tuple[np.ndarray, np.ndarray]]
    statistics: Mapping[str, float]
    rises: tuple[tuple[int, float], ...]


class Geometry:
    """Compiles variants of a model.

    Args:
        spec: Returns the model's ``MjSpec``.
        model: The compiled original.
        lengths: The bodies that each ``BODY_length`` stretches.
        sizes: The bodies whose geoms each ``BODY_size`` scales.
    """

    def __init__(
        self,
        spec: Callable[[], Any],
        model: Any,
        lengths: Mapping[str, Sequence[int]],
        sizes: Mapping[str, Sequence[int]],
    ) -> None:
        self._read = spec
        self._lengths, self._sizes = dict(lengths), dict(sizes)
        self.names = (*self._lengths, *self._sizes)
        self._axes = {body: link_axis(model, body) for bodies in self._lengths.values() for body in bodies}
        self._mass = float(model.body_mass.sum())
        self._spec: Any = None
        self._patches: OrderedDict[tuple[float, ...], Patch] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        # MuJoCo's specifications can be neither pickled nor copied; the copy reads its own.
        return {**self.__dict__, "_spec": None, "_original": None, "_compared": {}}

    def measure(self, model: Any) -> dict[str, float]:
        """Return the nominal length, in m, of every link, and the radius or half-width of every body."""
        found = {}
        for name, bodies in self._lengths.items():
            found[name] = max(self._reach(model, body, bodies) for body in bodies)
        for name, bodies in self._sizes.items():
            found[name] = float(model.geom_size[np.isin(model.geom_bodyid, bodies), 0].max())
        return found

    def _reach(self, model: Any, body: int, bodies: Sequence[int]) -> float:
        """Return the length of a link and of those of its ancestors that are stretched with it."""
        if not body:
            return 0.0
        geom, _, column = self._axes.get(body, (0, None, 0))
        own = float(2 * model.geom_size[geom, column]) if body in bodies else 0.0
        return own + self._reach(model, int(model.body_parentid[body]), bodies)

    def patch(self, values: Mapping[str, float], qpos: np.ndarray) -> Patch:
        """Return what factors of lengths and sizes change in the model.

        Args:
            values: Factors, by parameter; those left out are 1.
            qpos: The pose in which an episode starts.
        """
        key = tuple(values.get(name, 1.0) for name in self.names)
        if key not in self._patches:
            self._patches[key] = self._compile(dict(zip(self.names, key, strict=True)), qpos)
            if len(self._patches) > _KEPT:
                self._patches.popitem(last=False)
        self._patches.move_to_end(key)
        return self._patches[key]

    def _compile(self, factors: Mapping[str, float], qpos: np.ndarray) -> Patch:
        import mujoco

        with quiet(mujoco):
            if self._spec is None:
                self._spec, self._original = self._prepared()
                self._compared = {
                    field: value
                    for field in dir(self._original)
                    if field.startswith(_FIELDS) and isinstance(value := getattr(self._original, field), np.ndarray)
                }
            spec, original = self._spec.copy(), self._original
            layout = Layout(original)
            for body, axis in self._axes.items():
                together = [factors[name] for name, bodies in self._lengths.items() if body in bodies]
                layout.stretch(body, math.prod(together), *axis)
            for name, bodies in self._sizes.items():
                layout.swell(bodies, factors[name])
            layout.write(spec, original)
            changed = spec.compile()
        for size in SIZES:
            assert getattr(changed, size) == getattr(original, size), f"{size} of the model changed with its shape"
        arrays = {}
        for field, before in self._compared.items():
            after = getattr(changed, field)
            differs = (before != after) & ~((before != before) & (after != after))  # NaN equals NaN
            if differs.any():
                arrays[field] = (differs, after[differs].copy())
        statistics = {name: float(getattr(changed.stat, name)) for name in STATISTICS}
        lowest = lowest_points(changed, qpos)
        rises = tuple((index, low - lowest[index]) for index, low in lowest_points(original, qpos).items())
        return Patch(arrays, statistics, rises)

    def _prepared(self) -> tuple[Any, Any]:
        """Return the specification and its model, with the deprecated ``settotalmass`` turned into densities.

        Otherwise a longer shin would take its mass from all other bodies.
        """
        spec = self._read()
        if spec.compiler.settotalmass > 0:
            spec.compiler.settotalmass = -1
            factor = self._mass / float(spec.copy().compile().body_mass.sum())
            for geom in spec.geoms:
                geom.density *= factor
                geom.mass *= factor
        if hasattr(spec, "delete"):  # textures take most of the time of a compilation, and no part in physics
            for element in (*spec.geoms, *spec.sites, *spec.tendons):
                element.material = ""
            for asset in (*spec.materials, *spec.textures):
                spec.delete(asset)
        # Only a specification that has been compiled knows the indices of its elements, and its copies do too.
        return spec, spec.compile()


@contextlib.contextmanager
def quiet(mujoco: Any) -> Iterator[None]:
    """Silence MuJoCo's note, at every compilation, that HalfCheetah's XML uses a deprecated attribute."""
    if not hasattr(mujoco, "get_mju_user_warning"):  # older MuJoCo does not warn
        yield
        return
    before = mujoco.get_mju_user_warning()

    def warn(message: str) -> None:
        if "settotalmass" not in message and before is not None:
            before(message)

    mujoco.set_mju_user_warning(warn)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*settotalmass.*")
            yield
    finally:
        mujoco.set_mju_user_warning(before)


class Shape:
    """The present shape of a model: writes patches into it and takes them back, to the bit.

    Args:
        model: The MjModel.
        geometry: What compiles its variants.
        nominal: Nominal values of arrays that factors act on as well; kept up to date with the shape.
        statistics: The model's statistics, likewise.
    """

    def __init__(
        self, model: Any, geometry: Geometry, nominal: dict[str, np.ndarray], statistics: dict[str, float]
    ) -> None:
        self._model, self._geometry = model, geometry
        self._nominal, self._statistics = nominal, statistics
        self._original = dict(statistics)
        self._saved: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._rises: dict[int, float] = {}

    def write(self, values: Mapping[str, float], qpos: np.ndarray) -> dict[int, float]:
        """Give the model a shape.

        Args:
            values: Factors of lengths and sizes.
            qpos: The nominal pose in which an episode starts.

        Returns:
            By how much the roots have to start higher, see [Patch][robust_gym.tasks._mujoco_geometry.Patch].
        """
        for field, (where, old) in self._saved.items():
            self._put(field, where, old)
        self._saved = {}
        self._rises = dict.fromkeys(self._rises, 0.0)
        statistics: Mapping[str, float] = self._original
        if any(values.get(name, 1.0) != 1.0 for name in self._geometry.names):
            patch = self._geometry.patch(values, qpos)
            for field, (where, new) in patch.arrays.items():
                source = self._nominal.get(field, array(self._model, field))
                self._saved[field] = (where, source[where].copy())
                self._put(field, where, new)
            self._rises.update(patch.rises)
            statistics = patch.statistics
        self._statistics.update(statistics)
        for name, value in statistics.items():
            setattr(self._model.stat, name, value)
        return self._rises

    def _put(self, field: str, where: np.ndarray, values: np.ndarray) -> None:
        array(self._model, field)[where] = values
        if field in self._nominal:
            self._nominal[field][where] = values
