"""How gymnasium-robotics is imported: without its notice, and mended where the installed MuJoCo needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

_HINGE = "<mujoco><worldbody><body><joint name='hinge'/><geom size='1'/></body></worldbody></mujoco>"


def load() -> None:
    """Import gymnasium-robotics, which registers its environments with Gymnasium, so that they can be built.

    From MuJoCo 3.12 on, an enum compared with a number of NumPy is never equal, and the library's helpers refuse
    every joint. Where they do, and only there, they get joint types that are plain integers.
    """
    if "gymnasium_robotics" not in sys.modules:
        with _without_notice():
            import gymnasium_robotics  # noqa: F401
    import mujoco
    from gymnasium_robotics.utils import mujoco_utils

    if mujoco_utils.mujoco is mujoco and _refuses(mujoco_utils, mujoco):
        mujoco_utils.mujoco = _WithPlainJoints(mujoco)


class _WithPlainJoints:
    """MuJoCo as it is, except that its joint types are integers."""

    def __init__(self, mujoco: Any) -> None:
        self._mujoco = mujoco
        self.mjtJoint = SimpleNamespace(**{name: int(kind) for name, kind in mujoco.mjtJoint.__members__.items()})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mujoco, name)


def _refuses(mujoco_utils: Any, mujoco: Any) -> bool:
    model = mujoco.MjModel.from_xml_string(_HINGE)
    try:
        mujoco_utils.get_joint_qpos(model, mujoco.MjData(model), "hinge")
    except AssertionError:
        return True
    return False


@contextmanager
def _without_notice() -> Iterator[None]:
    """Keep the import from printing what is new; it speaks of releases, not of anything the caller did."""
    try:
        from farama_notifications import notifications
    except ImportError:
        yield
        return
    kept = notifications.pop("gymnasium_robotics", None)
    try:
        yield
    finally:
        if kept is not None:
            notifications["gymnasium_robotics"] = kept
