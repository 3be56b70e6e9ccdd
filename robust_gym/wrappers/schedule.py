"""When, within an episode and over episodes, a term of a disruption acts, and how strongly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from robust_gym.disruption import OVER_EPISODES, Schedule
from robust_gym.wrappers.base import Stream
from robust_gym.wrappers.effect import Draws


class Clock:
    """Turns a schedule into a strength in [0, 1] for each step of every copy's episode.

    Draws come from a stream of the schedule's own, so that the strength at step ``t`` depends on the episode seed
    and ``t`` alone. A law over episodes is entered at a seeded reset at a place drawn from the seed, and goes on by
    one episode at every unseeded reset.

    Args:
        schedule: The schedule.
        copies: How many copies there are.

    Attributes:
        name: Name of the schedule.
        values: Its values.
        always: Whether it always acts in full.
        constant: Whether its strength is the same throughout an episode.
        draws: Whether it draws from its stream.
    """

    def __init__(self, schedule: Schedule, copies: int = 1) -> None:
        self.name = schedule.name
        self.values = schedule.values
        self.always = schedule.name == "always"
        self.constant = schedule.name in ("always", "episode", *OVER_EPISODES)
        self.draws = schedule.name in ("p", "episode", "fault", *OVER_EPISODES)
        self._t = np.zeros(copies)
        self._begun = np.zeros(copies, bool)
        self._chance = Draws(copies, (), normal=False) if schedule.name == "p" else None
        self._held = np.ones(copies)  # the strength of a whole episode, or the step of a fault
        self._episode = np.zeros(copies)

    def reset(self, copy: int, stream: Stream, seeded: bool = True) -> None:
        """Begin an episode of one copy; a law over episodes begins anew at a seeded one."""
        seeded = seeded or not self._begun[copy]
        self._t[copy], self._begun[copy] = 0, True
        if self._chance is not None:
            self._chance.reset(copy, stream)
        elif self.name == "episode":
            self._held[copy] = stream().random() < self.values[0]
        elif self.name == "fault":
            self._held[copy] = stream().integers(int(self.values[0]))
        elif self.name == "walk":
            rng = stream()
            before = rng.random() if seeded else self._held[copy]
            moved = abs(before + self.values[0] * rng.standard_normal()) % 2.0
            self._held[copy] = min(moved, 2.0 - moved)  # reflected at 0 and at 1
        elif self.name in OVER_EPISODES:
            self._episode[copy] = stream().integers(int(self.values[0])) if seeded else self._episode[copy] + 1
            self._held[copy] = _law(self.name, self._episode[copy] / self.values[0])

    def parts(self) -> list[Any]:
        """Return everything that holds a state for each copy."""
        return [self] if self._chance is None else [self, self._chance]

    def strength(self) -> Any:
        """Return the strength of every copy at its present step, ``[copies]``, and let a step pass."""
        t = self._t
        now = self._strength(t)
        self._t = t + 1
        return now

    def _strength(self, t: np.ndarray) -> np.ndarray:
        name = self.name
        if self.constant:
            return self._held
        value = self.values[0]
        if self._chance is not None:
            return (self._chance() < value).astype(np.float64)
        if name == "every":
            return (t % value == 0).astype(np.float64)
        if name == "steps":
            return ((value <= t) & (t <= self.values[1])).astype(np.float64)
        if name == "fault":
            return (t >= self._held).astype(np.float64)
        if name == "ramp":
            return np.minimum(1.0, t / value)
        return np.array([(1.0 - math.cos(2.0 * math.pi * s / value)) / 2.0 for s in t])


def _law(name: str, periods: float) -> float:
    """Return the strength of a law over episodes after a number of periods."""
    if name == "trend":
        return min(1.0, periods)
    phase = periods % 1.0
    if name == "cyclic":
        return phase
    if name == "saw":
        return 1.0 - abs(1.0 - 2.0 * phase)
    return (1.0 - math.cos(2.0 * math.pi * phase)) / 2.0
