"""Which tasks have a simulator that steps many copies together, and what such a simulator does."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

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


_ROBOTS = (
    "Ant-v5",
    "Hopper-v5",
    "Humanoid-v5",
    "HumanoidStandup-v5",
    "InvertedDoublePendulum-v5",
    "InvertedPendulum-v5",
    "Pusher-v5",
    "Reacher-v5",
    "Swimmer-v5",
    "Walker2d-v5",
    "robust_gym.tasks.mujoco:half_cheetah",
)
_CLASSIC = ("Acrobot-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1")

# The types of two of them are those of NumPy 2, which is when numpy.strings came.
_SIMULATORS = {
    **dict.fromkeys(_ROBOTS, ("mujoco.batch", "robust_gym.vector.mujoco:MujocoSimulator")),
    **dict.fromkeys(_CLASSIC, ("numpy.strings", "robust_gym.vector.classic:simulate")),
    "robust_gym.tasks._building_env:make": ("numpy.strings", "robust_gym.vector.building:BuildingSimulator"),
    "robust_gym.tasks._mamujoco_env:team": ("mujoco.batch", "robust_gym.vector.mamujoco:TeamSimulator"),
}
"""By what a task is made of: a module that it needs, and the simulator."""

_COMPUTED = ("CoupledHalfCheetah", "Reacher")
"""MaMuJoCo's robots whose agents see what MuJoCo does not hold, but MaMuJoCo computes."""


def is_batched(task: Task) -> bool:
    """Return whether a task's copies can step together."""
    needed, _ = _SIMULATORS.get(task.base, ("", ""))
    if not needed or task.kwargs.get("scenario") in _COMPUTED:
        return False
    return task.missing() is None and importlib.util.find_spec(needed) is not None


def simulator(task: Task, envs: Sequence[Any], threads: int) -> Simulator:
    """Make the simulator of a batched task's copies.

    Args:
        task: The task.
        envs: The copies' unwrapped environments.
        threads: Threads that step.
    """
    _, implementation = _SIMULATORS[task.base]
    make: Callable[[Sequence[Any], int], Simulator] = load(implementation)
    return make(envs, threads)
