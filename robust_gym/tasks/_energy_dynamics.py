"""How disruptions are written into the energy worlds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from robust_gym.task import Task
from robust_gym.tasks._exact_model import physical


class World(Protocol):
    """What an energy environment's attribute ``world`` offers."""

    def set_words(self, **words: str) -> None:
        """Set all semantic shifts, from the next reset on."""

    def set_numbers(self, values: Mapping[str, float]) -> None:
        """Set all parameters, in physical units."""


class EnergyDynamics:
    """Writes parameters and semantic shifts into the ``world`` of an energy environment.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Any, task: Task) -> None:
        self._world: World = env.world
        self._task = task
        # What the environment was made with is nominal, whatever that of the task is.
        self.own = {name: getattr(self._world, name) for name in task.semantic}

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set everything for the coming episode."""
        self._world.set_words(**{name: str(values.get(name, own)) for name, own in self.own.items()})
        self._write(physical(self._task, values))

    def apply(self, values: Mapping[str, float]) -> None:
        """Set all parameters; those without a value are nominal."""
        self._write(physical(self._task, values))

    def _write(self, given: Mapping[str, Any]) -> None:
        self._world.set_numbers({name: given[name] for name in self._task.dynamics})
