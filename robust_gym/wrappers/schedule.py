"""When, within an episode, a term of a disruption acts, and how strongly."""

from __future__ import annotations

import math

import numpy as np

from robust_gym.disruption import Schedule


class Clock:
    """Turns a schedule into a strength in [0, 1] for each step of an episode.

    Draws come from a stream of the schedule's own, one per step whatever happens, so that the strength at
    step ``t`` depends on the episode seed and ``t`` alone.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.name = schedule.name
        self.values = schedule.values
        self.constant = schedule.name in ("always", "episode")
        self._rng: np.random.Generator | None = None
        self._whole_episode = 1.0

    def reset(self, rng: np.random.Generator) -> None:
        """Begin an episode."""
        self._rng = rng
        if self.name == "episode":
            self._whole_episode = float(rng.random() < self.values[0])

    def strength(self, t: int) -> float:
        """Return the strength at step ``t``; call it once per step, in order."""
        name = self.name
        if name == "always":
            return 1.0
        if name == "episode":
            return self._whole_episode
        value = self.values[0]
        if name == "p":
            assert self._rng is not None, "reset() comes first"
            return float(self._rng.random() < value)
        if name == "every":
            return float(t % int(value) == 0)
        if name == "steps":
            return float(value <= t <= self.values[1])
        if name == "ramp":
            return min(1.0, t / value)
        return (1.0 - math.cos(2.0 * math.pi * t / value)) / 2.0
