"""What one kind does to one signal: the base class of all kinds, and where their random numbers come from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from robust_gym.wrappers.base import Signal, Stream

_BLOCK = 64
_NUMBERS = 4096


class Draws:
    """Random numbers of one shape for every copy at each step, drawn ahead in blocks.

    A block holds the numbers that drawing step by step would give, so that they do not depend on its size; it saves
    the calls, which cost more than the numbers.

    Args:
        copies: How many copies there are.
        shape: Shape of one copy's numbers.
        normal: Standard normal, or uniform in [0, 1).
    """

    def __init__(self, copies: int, shape: tuple[int, ...], normal: bool) -> None:
        self._block = max(1, min(_BLOCK, _NUMBERS // max(1, math.prod(shape))))
        self._drawn = np.empty((copies, self._block, *shape))
        self._streams: list[Stream | None] = [None] * copies
        self._normal = normal
        self._single = copies == 1
        self._next = self._block  # of a single copy
        self._at = np.full(copies, self._block)
        self._rows = np.arange(copies)

    def reset(self, copy: int, stream: Stream) -> None:
        """Draw from this stream from now on."""
        self._streams[copy] = stream
        self._at[copy] = self._next = self._block

    def _fill(self, copy: int) -> None:
        stream = self._streams[copy]
        assert stream is not None, "reset() comes first"
        rng, out = stream(), self._drawn[copy]
        if self._normal:
            rng.standard_normal(out=out)
        else:
            rng.random(out=out)

    def __call__(self) -> np.ndarray:
        """Return this step's numbers, ``[copies, *shape]``; they may be overwritten at the next step."""
        if self._single:
            if self._next == self._block:
                self._fill(0)
                self._next = 0
            self._next += 1
            return self._drawn[:, self._next - 1]
        for copy in np.flatnonzero(self._at == self._block):
            self._fill(copy)
            self._at[copy] = 0
        found: np.ndarray = self._drawn[self._rows, self._at]
        self._at += 1
        return found


class Effect:
    """What one kind does to one signal; subclasses are the kinds of ``robust_gym.kinds``.

    An effect disturbs all copies of a signal at once: arrays begin with a dimension of ``signal.copies``, which is 1
    for a single environment. It never writes into the values it is given, and keeps copies of what it remembers.

    Args:
        signal: The signal it acts on.
        args: The kind's arguments, in the order of its table entry.

    Attributes:
        signal: The signal it acts on.
        result: The signal that leaves it: the same one, but for kinds that change the space.
        streams: The random stream of each copy's episode.
    """

    team_stream = False
    """Whether all agents of a team share the draws."""

    def __init__(self, signal: Signal, *args: Any) -> None:
        self.signal = self.result = signal
        self.streams: list[Any] = [None] * signal.copies
        self._draws: list[Draws] = []

    def draws(self, normal: bool = False, shape: tuple[int, ...] | None = None) -> Draws:
        """Return a source of standard normal, or of uniform numbers, for every step and copy.

        Args:
            normal: Which of the two.
            shape: Shape of one copy's numbers; that of the signal by default.
        """
        chosen = (self.signal.space.shape or ()) if shape is None else shape
        self._draws.append(Draws(self.signal.copies, chosen, normal))
        return self._draws[-1]

    def memory(self, value: Any = 0.0, dtype: Any = np.float64) -> np.ndarray:
        """Return an array with a place for every copy's value, ``[copies, *shape]``."""
        return np.full((self.signal.copies, *(self.signal.space.shape or ())), value, dtype)

    def column(self, per_copy: np.ndarray) -> np.ndarray:
        """Return one number per copy in a shape that broadcasts with the values."""
        return per_copy.reshape(per_copy.shape + (1,) * len(self.signal.space.shape or ()))

    def parts(self) -> list[Any]:
        """Return everything that holds a state for each copy: arrays ``[copies, …]`` among its attributes."""
        return [self, *self._draws]

    def reset(self, copy: int, stream: Stream) -> None:
        """Begin an episode of one copy with a stream of its own."""
        self.streams[copy] = stream
        for draws in self._draws:
            draws.reset(copy, stream)
        self.begin(copy, stream)

    def begin(self, copy: int, stream: Stream) -> None:
        """Forget a copy's last episode, and draw what holds for all of the next from ``stream()``."""

    def __call__(self, values: Any) -> Any:
        """Return the disturbed values; called once per step, whether or not the schedule uses them."""
        raise NotImplementedError

    def idle(self, values: Any) -> Any:
        """Return what the values are while the schedule rests, in the space of ``result``."""
        return values

    def applied(self, values: Any) -> None:
        """Learn what left the term at this step: the schedule may have kept or blended the values."""
