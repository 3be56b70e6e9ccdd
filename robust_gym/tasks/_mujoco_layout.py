"""The parts of a MuJoCo model: where they hang, in which direction they are long, how low they reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_PARALLEL = 0.9  # cosine between a geom and its link, above which the geom is stretched rather than moved


class Layout:
    """Positions and sizes of a model's parts, in the frames of their bodies, to be moved about.

    Args:
        model: The compiled original.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.body_pos, self.site_pos = model.body_pos.copy(), model.site_pos.copy()
        self.geom_pos, self.geom_size = model.geom_pos.copy(), model.geom_size.copy()

    def stretch(self, body: int, factor: float, main: int, axis: np.ndarray, column: int) -> None:
        """Stretch a link along its axis, away from its joint, and move along what hangs on it."""
        model, anchor = self._model, _anchor(self._model, body)

        def shift(point: np.ndarray) -> np.ndarray:
            return (factor - 1.0) * float((point - anchor) @ axis) * axis

        for geom in np.flatnonzero(model.geom_bodyid == body):
            own = _elongation(model, geom)
            if own is not None and abs(own[0] @ axis) > _PARALLEL:
                self.geom_size[geom, own[1]] *= factor
            self.geom_pos[geom] += shift(model.geom_pos[geom])
        for site in np.flatnonzero(model.site_bodyid == body):
            self.site_pos[site] += shift(model.site_pos[site])
        for child in np.flatnonzero(model.body_parentid == body):
            if child:
                local = _anchor(model, child)
                self.body_pos[child] += shift(model.body_pos[child] + _rotate(model.body_quat[child], local))

    def swell(self, bodies: Sequence[int], factor: float) -> None:
        """Scale the geoms of bodies about the bodies' origins."""
        for geom in np.flatnonzero(np.isin(self._model.geom_bodyid, bodies)):
            self.geom_size[geom] *= factor
            self.geom_pos[geom] *= factor

    def write(self, spec: Any, original: Any) -> None:
        """Write what has moved into a specification."""
        for body in spec.bodies:
            body.pos += self.body_pos[body.id] - original.body_pos[body.id]
        for site in spec.sites:
            site.pos += self.site_pos[site.id] - original.site_pos[site.id]
        for geom in spec.geoms:
            same_size = np.array_equal(self.geom_size[geom.id], original.geom_size[geom.id])
            if same_size and np.array_equal(self.geom_pos[geom.id], original.geom_pos[geom.id]):
                continue
            geom.size = self.geom_size[geom.id]
            if np.isnan(geom.fromto[0]):
                geom.pos += self.geom_pos[geom.id] - original.geom_pos[geom.id]
            else:  # two end points would overrule position and size
                geom.fromto = [np.nan] * 6
                geom.pos, geom.quat = self.geom_pos[geom.id], original.geom_quat[geom.id]


def link_axis(model: Any, body: int) -> tuple[int, np.ndarray, int]:
    """Return the longest geom of a link, the direction it points in, and the column of its half-length."""
    candidates = [(geom, _elongation(model, geom)) for geom in np.flatnonzero(model.geom_bodyid == body)]
    long = [(int(geom), *found) for geom, found in candidates if found is not None]
    if not long:
        raise ValueError(f"the body {model.body(body).name!r} has no capsule, cylinder or box to stretch")
    return max(long, key=lambda one: model.geom_size[one[0], one[2]])


def _elongation(model: Any, geom: int) -> tuple[np.ndarray, int] | None:
    """Return the direction in which a geom is long, in its body's frame, and the column of its half-length."""
    from mujoco import mjtGeom

    kind = int(model.geom_type[geom])
    if kind in (int(mjtGeom.mjGEOM_CAPSULE), int(mjtGeom.mjGEOM_CYLINDER)):
        direction, column = np.array([0.0, 0.0, 1.0]), 1
    elif kind in (int(mjtGeom.mjGEOM_BOX), int(mjtGeom.mjGEOM_ELLIPSOID)):
        column = int(np.argmax(model.geom_size[geom]))
        direction = np.eye(3)[column]
    else:
        return None
    return _rotate(model.geom_quat[geom], direction), column


def _anchor(model: Any, body: int) -> np.ndarray:
    """Return the point at which a body hangs on its parent, in its own frame.

    That is its hinge; of a body without a joint its first geom, wherever the frame is.
    """
    from mujoco import mjtJoint

    joints = np.flatnonzero(model.jnt_bodyid == body)
    turning = [joint for joint in joints if model.jnt_type[joint] != int(mjtJoint.mjJNT_SLIDE)]
    if turning:
        return np.array(model.jnt_pos[turning[-1]])
    geoms = np.flatnonzero(model.geom_bodyid == body)
    return np.array(model.geom_pos[geoms[0]]) if len(geoms) and not len(joints) else np.zeros(3)


def _rotate(quat: np.ndarray, vector: np.ndarray) -> np.ndarray:
    import mujoco

    result = np.zeros(3)
    mujoco.mju_rotVecQuat(result, np.asarray(vector, dtype=float), quat)
    return result


def lowest_points(model: Any, qpos: np.ndarray) -> dict[int, float]:
    """Return how low, in m, the parts of every vertically movable root reach, by the index of its height in qpos."""
    import mujoco

    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    found: dict[int, float] = {}
    for joint in range(model.njnt):
        body = int(model.jnt_bodyid[joint])
        free = model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_FREE)
        slides = model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_SLIDE) and data.xaxis[joint][2] > 0.99
        if model.body_parentid[body] == 0 and (free or slides):
            geoms = np.flatnonzero(model.body_rootid[model.geom_bodyid] == body)
            bottoms = [_bottom(model, data, geom) for geom in geoms]
            found[int(model.jnt_qposadr[joint]) + (2 if free else 0)] = min(bottoms, default=0.0)
    return found


def _bottom(model: Any, data: Any, geom: int) -> float:
    """Return the height of a geom's lowest point: exact for spheres and capsules, else that of its bounding box."""
    import mujoco

    size, rotation = model.geom_size[geom], data.geom_xmat[geom].reshape(3, 3)
    if model.geom_type[geom] == int(mujoco.mjtGeom.mjGEOM_SPHERE):
        return float(data.geom_xpos[geom][2] - size[0])
    if model.geom_type[geom] == int(mujoco.mjtGeom.mjGEOM_CAPSULE):
        return float(data.geom_xpos[geom][2] - abs(rotation[2, 2]) * size[1] - size[0])
    centre, half = model.geom_aabb[geom][:3], model.geom_aabb[geom][3:]
    return float(data.geom_xpos[geom][2] + rotation[2] @ centre - np.abs(rotation[2]) @ half)
