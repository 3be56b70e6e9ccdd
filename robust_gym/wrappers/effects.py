"""Effects that mean the same on every channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from robust_gym.wrappers.base import Effect, Signal


class Gauss(Effect):
    """``x + sigma * scale * N(0, 1)``, independent per dimension and step."""

    def __init__(self, signal: Signal, sigma: float) -> None:
        super().__init__(signal)
        self._width = sigma * signal.scale
        self._shape = signal.space.shape

    def __call__(self, value: Any) -> Any:
        return value + self._width * self.rng.standard_normal(self._shape)


class Uniform(Effect):
    """``x + width * scale * U[-1, 1]``, independent per dimension and step."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal)
        self._width = width * signal.scale
        self._shape = signal.space.shape

    def __call__(self, value: Any) -> Any:
        return value + self._width * (2.0 * self.rng.random(self._shape) - 1.0)


class Offset(Effect):
    """``x + offset * scale``."""

    def __init__(self, signal: Signal, offset: float) -> None:
        super().__init__(signal)
        self._offset = offset * signal.scale

    def __call__(self, value: Any) -> Any:
        return value + self._offset


class Factor(Effect):
    """``factor * x``."""

    def __init__(self, signal: Signal, factor: float) -> None:
        super().__init__(signal)
        self._factor = factor

    def __call__(self, value: Any) -> Any:
        return self._factor * np.asarray(value, np.float64)


class Dropout(Effect):
    """The signal's null value with probability p: in each dimension of a Box, or as a whole."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p
        self._shape = signal.space.shape

    def __call__(self, value: Any) -> Any:
        lost = self.rng.random(self._shape) < self._p
        if self._shape:
            return np.where(lost, self.signal.null, value)
        return self.signal.null if lost else value


class Delay(Effect):
    """The value of some steps ago; until there is one, the null value, or the first where there is none."""

    def __init__(self, signal: Signal, steps: float) -> None:
        super().__init__(signal)
        self._steps = int(steps)
        self._waiting: list[Any] = []

    def reset(self, rng: np.random.Generator) -> None:
        """Forget the last episode."""
        super().reset(rng)
        self._waiting = []

    def first(self, value: Any) -> Any:
        """Return what the buffer is filled with at the start of an episode."""
        return value if self.signal.null is None else self.signal.null

    def __call__(self, value: Any) -> Any:
        if not self._waiting:
            self._waiting = [self.first(value)] * self._steps
        self._waiting.append(np.array(value) if self.signal.space.shape else value)
        return self._waiting.pop(0)
