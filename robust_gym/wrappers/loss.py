"""Kinds by which values are lost, or taken for others."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import DisruptionError
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.effect import Effect
from robust_gym.wrappers.shaping import some


class Dropout(Effect):
    """The signal's null value with probability p: in each dimension of a Box, or as a whole."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p
        self._chance = self.draws()

    def __call__(self, values: Any) -> Any:
        return np.where(self._chance() < self._p, self.signal.null, values)


class Mask(Effect):
    """The null value throughout an episode, in each dimension with probability p, but in one at least."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p
        self._hidden = self.memory(False, bool)

    def begin(self, copy: int, stream: Stream) -> None:
        self._hidden[copy] = some(stream, self._p, self.signal.space.shape)

    def __call__(self, values: Any) -> Any:
        return np.where(self._hidden, self.signal.null, values)


class Random(Effect):
    """With probability p another value: of a Discrete space one of all others, of a Box any one, uniformly."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p
        self._chance = self.draws(shape=())
        self._other = self.draws()
        self._space: Any = signal.space
        if isinstance(signal.space, spaces.Box) and not signal.space.is_bounded():
            raise DisruptionError(f"a random value needs bounds, and {signal.space} has none")

    def __call__(self, values: Any) -> Any:
        wrong, place, space = self.column(self._chance() < self._p), self._other(), self._space
        if isinstance(space, spaces.Discrete):
            return np.where(wrong, other(space, values, place), values)
        return np.where(wrong, space.low + place * (space.high.astype(np.float64) - space.low), values)


class Traitor(Effect):
    """One agent of the team, drawn at each reset, acts at random with probability p."""

    team_stream = True

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        if signal.agents < 2:
            raise DisruptionError("a traitor needs a team, and this task has one agent")
        self._random = Random(signal, p)
        self._mine = np.zeros(signal.copies, bool)

    def parts(self) -> list[Any]:
        """Return what holds a state: the random actions too."""
        return [*super().parts(), *self._random.parts()]

    def begin(self, copy: int, stream: Stream) -> None:
        self._mine[copy] = int(stream().integers(self.signal.agents)) == self.signal.agent
        self._random.reset(copy, stream)

    def __call__(self, values: Any) -> Any:
        return np.where(self.column(self._mine), self._random(values), values)


class Silence(Effect):
    """With probability p the messages of other agents are lost: the dimensions that hold them read zero."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        if not signal.messages:
            raise DisruptionError("silence needs messages of other agents, and this observation holds none")
        self._p = p
        self._chance = self.draws(shape=())
        self._messages = np.zeros(np.shape(signal.null), bool)
        self._messages[list(signal.messages)] = True

    def __call__(self, values: Any) -> Any:
        return np.where(self.column(self._chance() < self._p) & self._messages, self.signal.null, values)


class Flip(Effect):
    """With probability p, the value times minus one."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p
        self._chance = self.draws()

    def __call__(self, values: Any) -> Any:
        return np.where(self._chance() < self._p, -values, values)


class FalseAlarm(Effect):
    """With probability p a cost reads zero, and no cost reads one unit of the scale."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p
        self._chance = self.draws()

    def __call__(self, values: Any) -> Any:
        return np.where(self._chance() < self._p, np.where(values > 0.0, 0.0, self.signal.scale), values)


def other(space: spaces.Discrete, values: Any, place: np.ndarray) -> np.ndarray:
    """Return another value of a Discrete space for each one given, uniform when ``place`` is uniform in [0, 1)."""
    n = int(space.n)
    further: np.ndarray = 1 + (place * max(1, n - 1)).astype(np.int64)
    return space.start + (values - space.start + (further if n > 1 else 0)) % n
