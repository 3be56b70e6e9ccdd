"""How far the papers' attacks move observations, which defences are trained against too."""

from __future__ import annotations

RADII = {
    "Robust-Hopper-v0": 0.075,
    "Robust-Walker2d-v0": 0.05,
    "Robust-HalfCheetah-v0": 0.15,
    "Robust-Ant-v0": 0.15,
}
"""In the largest norm of normalised observations; alike in the papers of SA-PPO, ATLA and WocaR-PPO."""


def radius(task: str, given: float | None, otherwise: float) -> float:
    """Return the radius of a task's ball.

    Args:
        task: The task's id.
        given: What the user chose; ``None`` for the papers' radius.
        otherwise: For tasks that the papers do not have.
    """
    return RADII.get(task, otherwise) if given is None else given
