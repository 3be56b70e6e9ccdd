"""The velocity tasks of Safety-Gymnasium: MuJoCo robots that are to be fast, but not faster than a limit."""

from __future__ import annotations

from robust_gym.registry import register_task
from robust_gym.task import Task
from robust_gym.tasks import mujoco

COST_LIMIT = 25.0
"""Summed cost of an episode, here its steps above the limit, that the authors' algorithms are to stay below."""

_LIMITS = {
    "Ant": "A four-legged robot runs forward, slower than 2.6222 m/s in any direction.",
    "HalfCheetah": "A planar two-legged robot runs forward, slower than 3.2096 m/s.",
    "Hopper": "A planar one-legged robot hops forward without falling, slower than 0.7402 m/s.",
    "Humanoid": "A humanoid walks forward without falling, slower than 1.4149 m/s in any direction.",
    "Swimmer": "Three links swim forward in a viscous fluid, slower than 0.2282 m/s.",
    "Walker2d": "A planar two-legged robot walks forward without falling, slower than 2.3415 m/s.",
}

for _robot, _about in _LIMITS.items():
    _same = mujoco.TASKS[_robot]
    register_task(
        Task(
            id=f"Robust-Safety{_robot}Velocity-v0",
            family="safety_velocity",
            about=_about,
            base="robust_gym.tasks._safety_velocity_env:make",
            adapter=_same.adapter,
            horizon=_same.horizon,
            dynamics=_same.dynamics,
            kwargs={"robot": _robot},
            modules=_same.modules,
            install=_same.install,
            source="Safety-Gymnasium (Ji et al., NeurIPS 2023 Datasets and Benchmarks), on Gymnasium MuJoCo v4",
            cost=True,
            cost_limit=COST_LIMIT,
        )
    )
