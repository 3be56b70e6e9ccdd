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
    adapter writes; the simulator reads the worlds there.
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


_SIMULATORS = {
    "mujoco": ("mujoco.batch", "robust_gym.vector.mujoco:MujocoSimulator"),
}
"""By family: a module that it needs, and the simulator."""


def is_batched(task: Task) -> bool:
    """Return whether a task's copies can step together."""
    needed, _ = _SIMULATORS.get(task.family, ("", ""))
    return bool(needed) and task.missing() is None and importlib.util.find_spec(needed) is not None


def simulator(task: Task, envs: Sequence[Any], threads: int) -> Simulator:
    """Make the simulator of a batched task's copies.

    Args:
        task: The task.
        envs: The copies' unwrapped environments.
        threads: Threads that step.
    """
    _, implementation = _SIMULATORS[task.family]
    make: Callable[[Sequence[Any], int], Simulator] = load(implementation)
    return make(envs, threads)
