"""Classical controllers, written by hand: what a little knowledge of the task buys without learning.

Each is a function of batched observations alone, with the constants of the undisturbed task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robust_gym.registry import register_algorithm
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    from robust_gym.baselines.base import Progress

Array = np.ndarray[Any, Any]
Controller = Callable[[Any], Any]
"""From observations ``[B, …]`` to actions ``[B, …]``, or from dicts of such arrays to dicts."""


def _force(values: Array, limit: float) -> Array:
    return np.clip(values, -limit, limit)[:, None].astype(np.float32)


def building(observation: Mapping[str, Array]) -> dict[str, Array]:
    """Heat or cool by .15 per degree below 22 °C, and .01 per degree that it is colder outside."""
    actions = {}
    for zone, seen in observation.items():
        power = 0.15 * (22 - seen[:, 0]) + 0.01 * (22 - seen[:, 1])
        actions[zone] = np.clip(np.rint(100 + 100 * power), 0, 199).astype(np.int64)
    return actions


def cart_pole(observation: Array) -> Array:
    """Push to the side that linear state feedback asks for."""
    x, speed, angle, turning = observation.T
    return (0.1 * x + 0.2 * speed + angle + 0.3 * turning > 0).astype(np.int64)


def mountain_car(observation: Array) -> Array:
    """Push the way the car rolls, which adds energy at every step."""
    return np.where(observation[:, 1] < 0, 0, 2)


def mountain_car_continuous(observation: Array) -> Array:
    """Push as hard as possible the way the car rolls."""
    return np.where(observation[:, 1:] < 0, -1, 1).astype(np.float32)


def pendulum(observation: Array) -> Array:
    """Bring the energy to that of the upright rest, then hold it there (Åström and Furuta, 2000)."""
    cosine, sine, turning = observation.T
    angle = np.arctan2(sine, cosine)
    energy = turning**2 / 6 + 5 * cosine
    swing = np.where(turning < 0, -1, 1) * (5 - energy)
    hold = -10 * angle - 2 * turning
    return _force(np.where(cosine > 0.9, hold, swing), 2)


def acrobot(observation: Array) -> Array:
    """Torque at the elbow the way it turns, which adds energy at every step."""
    return np.where(observation[:, 5] < 0, 0, 2)


def inverted_pendulum(observation: Array) -> Array:
    """Linear state feedback."""
    x, angle, speed, turning = observation.T
    return _force(0.1 * x + 3 * angle + 0.3 * speed + 0.6 * turning, 3)


def _lander(observation: Array) -> tuple[Array, Array]:
    """Return how much to rise and how much to turn left: Gymnasium's ``lunar_lander.heuristic``."""
    x, y, speed_x, speed_y, angle, turning, left, right = observation.T
    landed = (left > 0) | (right > 0)
    rise = np.where(landed, 0, 0.5 * (0.55 * np.abs(x) - y)) - 0.5 * speed_y
    turn = 0.5 * (np.clip(0.5 * x + speed_x, -0.4, 0.4) - angle) - turning
    return rise, np.where(landed, 0, turn)


def lunar_lander(observation: Array) -> Array:
    """Fire the engine that is needed most, if any: Gymnasium's own heuristic."""
    rise, turn = _lander(observation)
    choices = [(rise > np.abs(turn)) & (rise > 0.05), turn < -0.05, turn > 0.05]
    return np.select(choices, [2, 3, 1], 0)


def lunar_lander_continuous(observation: Array) -> Array:
    """Throttle both engines in proportion: Gymnasium's own heuristic."""
    rise, turn = _lander(observation)
    return np.clip(np.stack((20 * rise - 1, -20 * turn), 1), -1, 1).astype(np.float32)


CONTROLLERS: dict[str, Controller] = {
    "Robust-Building-v0": building,
    "Robust-CartPole-v0": cart_pole,
    "Robust-MountainCar-v0": mountain_car,
    "Robust-MountainCarContinuous-v0": mountain_car_continuous,
    "Robust-Pendulum-v0": pendulum,
    "Robust-Acrobot-v0": acrobot,
    "Robust-InvertedPendulum-v0": inverted_pendulum,
    "Robust-LunarLander-v0": lunar_lander,
    "Robust-LunarLanderContinuous-v0": lunar_lander_continuous,
}
"""The controller of each task that has one."""


class ControllerPolicy:
    """Acts as a task's controller says.

    Args:
        task: A task that has a controller.

    Raises:
        ValueError: If it has none.
    """

    def __init__(self, task: Task) -> None:
        if task.id not in CONTROLLERS:
            raise ValueError(f"there is no controller for {task.id}; tasks with one are {', '.join(CONTROLLERS)}")
        self._task = task
        self._controller = CONTROLLERS[task.id]

    def act(self, observation: Any, state: None, episode_start: Array) -> tuple[Any, None]:
        """Return the controller's actions; it remembers nothing."""
        return self._controller(observation), None

    def save(self, directory: Path) -> None:
        """Write which task it controls."""
        from robust_gym.baselines.base import save_policy

        save_policy(directory, "controller", self._task, {}, {})


@register_algorithm(
    "controller",
    about="A classical controller, where the task has one; nothing is trained.",
    apis=("gymnasium", "parallel"),
    tasks=tuple(CONTROLLERS),
)
@dataclass
class ClassicalController:
    """The task's classical controller; it has no arguments."""

    def train(self, task: Task, budget: Budget, seed: int, progress: Progress) -> ControllerPolicy:
        """Return the controller; takes no environment step.

        Raises:
            ValueError: If the task has none.
        """
        return ControllerPolicy(task)

    @staticmethod
    def load(directory: Path, task: Task) -> ControllerPolicy:
        """Load a saved controller.

        Raises:
            FileNotFoundError: If the directory holds no policy.
            ValueError: If it is damaged, or the task has no controller.
        """
        from robust_gym.baselines.base import read_policy

        read_policy(directory)
        return ControllerPolicy(task)
