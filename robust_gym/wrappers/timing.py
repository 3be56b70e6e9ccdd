"""Kinds that give a signal's values at other times."""

from __future__ import annotations

from typing import Any

import numpy as np

from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.effect import Effect


class Delay(Effect):
    """The value of some steps ago; until there is one, the null value, or the first where there is none."""

    from_first = False

    def __init__(self, signal: Signal, steps: float) -> None:
        super().__init__(signal)
        self._steps = int(steps)
        self._from_first = self.from_first or signal.null is None
        space: Any = signal.space
        self._waiting = np.zeros((signal.copies, self._steps, *(space.shape or ())), space.dtype)
        self._at = np.zeros(signal.copies, np.int64)
        self._new = np.ones(signal.copies, bool)
        self._rows = np.arange(signal.copies)

    def begin(self, copy: int, stream: Stream) -> None:
        self._at[copy], self._new[copy] = 0, True

    def __call__(self, values: Any) -> Any:
        for copy in np.flatnonzero(self._new):
            self._waiting[copy] = values[copy] if self._from_first else self.signal.null
        self._new[:] = False
        found = self._waiting[self._rows, self._at]
        self._waiting[self._rows, self._at] = values
        self._at = (self._at + 1) % self._steps
        return found


class LateReading(Delay):
    """The value of some steps ago; the first one until then, since a sensor's buffer starts with what it read."""

    from_first = True


class Jitter(Effect):
    """The newest value that has arrived, when each step's takes 0 to some steps, drawn uniformly."""

    def __init__(self, signal: Signal, steps: float) -> None:
        super().__init__(signal)
        self._places = int(steps) + 1
        space: Any = signal.space
        self._sent = np.zeros((signal.copies, self._places, *(space.shape or ())), space.dtype)
        self._t = np.zeros(signal.copies, np.int64)
        self._newest = np.zeros(signal.copies, np.int64)
        self._late = self.draws(shape=())
        self._rows = np.arange(signal.copies)

    def begin(self, copy: int, stream: Stream) -> None:
        self._t[copy] = self._newest[copy] = 0

    def __call__(self, values: Any) -> Any:
        self._sent[self._rows, self._t % self._places] = values
        arrived = self._t - (self._late() * self._places).astype(np.int64)
        self._newest = np.maximum(self._newest, arrived)
        self._t += 1
        return self._sent[self._rows, self._newest % self._places]


class Freeze(Effect):
    """Each dimension sticks with probability p, for a number of steps."""

    def __init__(self, signal: Signal, p: float, steps: float) -> None:
        super().__init__(signal)
        self._p, self._steps = p, int(steps)
        self._left = self.memory(0, np.int64)
        self._held = self.memory(0, signal.space.dtype)
        self._chance = self.draws()

    def begin(self, copy: int, stream: Stream) -> None:
        self._left[copy], self._held[copy] = 0, 0

    def __call__(self, values: Any) -> Any:
        starts = (self._left == 0) & (self._chance() < self._p)
        self._held = np.where(starts, values, self._held)
        self._left = np.where(starts, self._steps + 1, self._left)  # its own value now, then `steps` stale ones
        stuck = self._left > 0
        self._left = self._left - stuck
        return np.where(stuck, self._held, values)


class Sticky(Effect):
    """With probability p what was applied last is applied again."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p
        self._chance = self.draws(shape=())
        self._last = self.memory(0, signal.space.dtype)
        self._new = np.ones(signal.copies, bool)

    def begin(self, copy: int, stream: Stream) -> None:
        self._new[copy] = True

    def __call__(self, values: Any) -> Any:
        again = (self._chance() < self._p) & ~self._new
        return np.where(self.column(again), self._last, values)

    def applied(self, values: Any) -> None:
        """Remember what the environment really got."""
        self._last = np.array(values)
        self._new[:] = False


class Repeat(Effect):
    """Every value is held for a number of further steps, during which others are ignored."""

    def __init__(self, signal: Signal, steps: float) -> None:
        super().__init__(signal)
        self._steps = int(steps)
        self._left = np.zeros(signal.copies, np.int64)
        self._held = self.memory(0, signal.space.dtype)

    def begin(self, copy: int, stream: Stream) -> None:
        self._left[copy] = 0

    def __call__(self, values: Any) -> Any:
        free = self._left == 0
        self._held = np.where(self.column(free), values, self._held)
        self._left = np.where(free, self._steps, self._left - 1)
        return self._held.copy()


class Lag(Effect):
    """A first-order lag: from the null value, the signal follows with a time constant of tau steps."""

    def __init__(self, signal: Signal, tau: float) -> None:
        super().__init__(signal)
        self._share = 1.0 - np.exp(-1.0 / tau)
        self._state = self.memory(signal.null)

    def begin(self, copy: int, stream: Stream) -> None:
        self._state[copy] = self.signal.null

    def __call__(self, values: Any) -> Any:
        self._state = self._state + self._share * (values - self._state)
        return self._state.copy()


class Sparse(Effect):
    """Sums, handed over every so many steps; in between zero, and what is open when the episode ends is lost."""

    def __init__(self, signal: Signal, steps: float) -> None:
        super().__init__(signal)
        self._steps = int(steps)
        self._t = np.zeros(signal.copies, np.int64)
        self._sum = self.memory()

    def begin(self, copy: int, stream: Stream) -> None:
        self._t[copy], self._sum[copy] = 0, 0.0

    def __call__(self, values: Any) -> Any:
        self._sum, self._t = self._sum + values, self._t + 1
        due = self.column(self._t % self._steps == 0)
        paid = np.where(due, self._sum, 0.0)
        self._sum = np.where(due, 0.0, self._sum)
        return paid
