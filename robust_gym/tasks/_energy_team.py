"""What the energy worlds share: days chosen by a reset option, and teams that all observe the whole."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np


def read_day(value: Any, many: int) -> int:
    """Return the reset option ``"day"``.

    Raises:
        ValueError: If it is not a whole number below ``many``.
    """
    try:
        day = operator.index(value)
    except TypeError:
        day = -1
    if not 0 <= day < many:
        raise ValueError(f"the reset option 'day' must be a whole number 0 to {many - 1}, got {value!r}")
    return day


class Shared(Protocol):
    """A world with a calendar that a whole team observes."""

    def reset(self, rng: np.random.Generator, options: Mapping[str, Any] | None) -> dict[str, Any]:
        """Begin a day."""

    def observe(self) -> np.ndarray:
        """Return what is known."""


class SharedView:
    """A part of a parallel environment: its ``world`` draws days, and every agent observes all of it."""

    world: Shared
    agents: list[str]
    possible_agents: list[str]
    _rng: np.random.Generator | None = None

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Begin a day.

        Args:
            seed: Seeds the generator that draws days; ``None`` lets it go on.
            options: ``{"day": d}`` begins that day.

        Raises:
            ValueError: If there is no such day.
        """
        if seed is not None or self._rng is None:
            self._rng = np.random.default_rng(seed)
        info = self.world.reset(self._rng, options)
        self.agents = list(self.possible_agents)
        return self._observations(), {agent: dict(info) for agent in self.agents}

    def state(self) -> np.ndarray:
        """Return what every agent observes."""
        return self.world.observe()

    def _observations(self) -> dict[str, np.ndarray]:
        seen = self.world.observe()
        return {agent: seen.copy() for agent in self.possible_agents}
