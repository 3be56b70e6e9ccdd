"""Which tasks have a simulator that steps many copies together, and what such a simulator does."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from robust_gym import registry
from robust_gym.task import Task, load


class Simulator(Protocol):
    """Copies of a world that step together, to the bit as their environments would one by one.

    Every copy has an environment, which resets it and draws its initial state, and into which the task's dynamics
    adapter writes; the simulator reads the worlds there. Of a team, actions and observations are dicts keyed by agent,
    rewards are ``[copies, agents]``, and all agents play until the episode ends; where its environments have a global
    ``state()``, so has the simulator, of all copies, ``[copies, …]``.
    """

    def load(self, copies: np.ndarray) -> None:
        """Take over the state and the world of some copies, whose environments have just been reset."""

    def world(self, copy: int) -> None:
        """Take over the world of one copy, which has changed within an episode."""

    def step(self, copies: np.ndarray | None, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Step some copies, or all.

        Args:
            copies: Their numbers.
            actions: Of all copies, ``[copies, …]``.

        Returns:
            Rewards and terminations of all copies, ``[copies]``; those of copies that rest mean nothing.
        """

    def observe(self) -> np.ndarray:
        """Return what all copies observe, ``[copies, …]``, a new array."""

    def close(self) -> None:
        """Let go of threads."""


@dataclass(frozen=True)
class _Batched:
    """A simulator, and whose worlds it reads.

    Attributes:
        needs: A module that it needs.
        implementation: ``"module:function"`` that makes it.
        adapters: The dynamics adapters that write what it reads for each copy; another one may write what it takes
            from one copy for all.
        like: The task whose parameters it reads for each copy; empty where these adapters write nothing else.
    """

    needs: str
    implementation: str
    adapters: tuple[str, ...]
    like: str = ""


_MUJOCO = _Batched(
    "mujoco.batch", "robust_gym.vector.mujoco:MujocoSimulator", ("robust_gym.tasks._mujoco_dynamics:MujocoDynamics",)
)


def _classic(like: str) -> _Batched:
    # The types of two simulators are those of NumPy 2, which is when numpy.strings came.
    adapter = "robust_gym.tasks.classic_control:AttributeDynamics"
    return _Batched("numpy.strings", "robust_gym.vector.classic:simulate", (adapter,), like)


_SIMULATORS = {
    "Ant-v5": _MUJOCO,
    "Hopper-v5": _MUJOCO,
    "Humanoid-v5": _MUJOCO,
    "HumanoidStandup-v5": _MUJOCO,
    "InvertedDoublePendulum-v5": _MUJOCO,
    "InvertedPendulum-v5": _MUJOCO,
    "Pusher-v5": _MUJOCO,
    "Reacher-v5": _MUJOCO,
    "Swimmer-v5": _MUJOCO,
    "Walker2d-v5": _MUJOCO,
    "robust_gym.tasks.mujoco:half_cheetah": _MUJOCO,
    "Acrobot-v1": _classic("Robust-Acrobot-v0"),
    "CartPole-v1": _classic("Robust-CartPole-v0"),
    "MountainCar-v0": _classic("Robust-MountainCar-v0"),
    "MountainCarContinuous-v0": _classic("Robust-MountainCarContinuous-v0"),
    "Pendulum-v1": _classic("Robust-Pendulum-v0"),
    "robust_gym.tasks._building_env:make": _Batched(
        "numpy.strings",
        "robust_gym.vector.building:BuildingSimulator",
        ("robust_gym.tasks._building_env:BuildingDynamics",),
    ),
    "robust_gym.tasks._mamujoco_env:team": _Batched(
        "mujoco.batch",
        "robust_gym.vector.mamujoco:TeamSimulator",
        ("robust_gym.tasks._mamujoco_env:TeamDynamics",),
    ),
}
"""By what a task is made of."""

_COMPUTED = ("CoupledHalfCheetah", "Reacher")
"""MaMuJoCo's robots whose agents see what MuJoCo does not hold, but MaMuJoCo computes."""


def is_batched(task: Task) -> bool:
    """Return whether a task's copies can step together."""
    found = _SIMULATORS.get(task.base)
    if found is None or task.adapter not in found.adapters or task.kwargs.get("scenario") in _COMPUTED:
        return False
    if found.like and not set(task.dynamics) <= set(registry.task(found.like).dynamics):
        return False
    return task.missing() is None and importlib.util.find_spec(found.needs) is not None


def simulator(task: Task, envs: Sequence[Any], threads: int) -> Simulator:
    """Make the simulator of a batched task's copies.

    Args:
        task: The task.
        envs: The copies' unwrapped environments.
        threads: Threads that step.
    """
    make: Callable[[Sequence[Any], int], Simulator] = load(_SIMULATORS[task.base].implementation)
    return make(envs, threads)
