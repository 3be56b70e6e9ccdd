"""Kinds that map each value to another one, without chance from step to step."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import DisruptionError
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.effect import Effect


def centre(signal: Signal) -> np.ndarray:
    """Return the middle of each dimension's range; zero where it is unbounded."""
    space = signal.space
    assert isinstance(space, spaces.Box)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    bounded = np.isfinite(low) & np.isfinite(high)
    return np.where(bounded, np.where(bounded, low, 0.0) / 2 + np.where(bounded, high, 0.0) / 2, 0.0)


class Factor(Effect):
    """``factor * x``."""

    def __init__(self, signal: Signal, factor: float) -> None:
        super().__init__(signal)
        self._factor = factor

    def __call__(self, values: Any) -> Any:
        return self._factor * np.asarray(values, np.float64)


class Quantise(Effect):
    """The nearest multiple of ``step * scale``."""

    def __init__(self, signal: Signal, step: float) -> None:
        super().__init__(signal)
        self._step = step * signal.scale

    def __call__(self, values: Any) -> Any:
        return np.round(np.asarray(values, np.float64) / self._step) * self._step


class Saturate(Effect):
    """At most ``limit * scale`` from the middle of the range."""

    def __init__(self, signal: Signal, limit: float) -> None:
        super().__init__(signal)
        middle = centre(signal)
        self._low, self._high = middle - limit * signal.scale, middle + limit * signal.scale

    def __call__(self, values: Any) -> Any:
        return np.clip(np.asarray(values, np.float64), self._low, self._high)


class Deadzone(Effect):
    """The null value wherever x is within ``width * scale`` of it."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal)
        self._width = width * signal.scale

    def __call__(self, values: Any) -> Any:
        return np.where(np.abs(values - self.signal.null) < self._width, self.signal.null, values)


class Reverse(Effect):
    """Mirrored at the middle of the range, for a whole episode, in each dimension with probability p."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p, self._middle = p, centre(signal)
        self._wrong = self.memory(False, bool)

    def begin(self, copy: int, stream: Stream) -> None:
        self._wrong[copy] = some(stream, self._p, self.signal.space.shape)

    def __call__(self, values: Any) -> Any:
        return np.where(self._wrong, 2.0 * self._middle - values, values)


class Fail(Effect):
    """``null + factor * (x - null)`` in some dimensions, drawn at each reset."""

    def __init__(self, signal: Signal, factor: float, count: float) -> None:
        super().__init__(signal)
        size = int(np.prod(signal.space.shape or ()))
        if count > size:
            raise DisruptionError(f"{int(count)} dimensions cannot fail: {signal.space} has {size}")
        self._factor, self._count = factor, int(count)
        self._broken = self.memory(False, bool)

    def begin(self, copy: int, stream: Stream) -> None:
        broken = np.zeros(int(np.prod(self.signal.space.shape or ())), bool)
        broken[stream().choice(len(broken), self._count, replace=False)] = True
        self._broken[copy] = broken.reshape(self.signal.space.shape)

    def __call__(self, values: Any) -> Any:
        null = self.signal.null
        return np.where(self._broken, null + self._factor * (np.asarray(values, np.float64) - null), values)


class Swap(Effect):
    """Pairs of dimensions, or of a Discrete space's choices, trade places for a whole episode."""

    def __init__(self, signal: Signal, pairs: float) -> None:
        super().__init__(signal)
        self._discrete = isinstance(signal.space, spaces.Discrete)
        space: Any = signal.space
        self._many = int(space.n) if self._discrete else int(np.prod(space.shape))
        if self._many < 2:
            raise DisruptionError(f"nothing can trade places: {signal.space} has one dimension")
        self._pairs = min(int(pairs), self._many // 2)
        self._order = np.tile(np.arange(self._many), (signal.copies, 1))

    def begin(self, copy: int, stream: Stream) -> None:
        first, second = stream().permutation(self._many)[: 2 * self._pairs].reshape(2, -1)
        self._order[copy] = np.arange(self._many)
        self._order[copy, first], self._order[copy, second] = second, first

    def __call__(self, values: Any) -> Any:
        if self._discrete:
            start = int(self.signal.space.start)  # type: ignore[attr-defined]
            return self._order[np.arange(len(values)), values - start] + start
        flat = values.reshape(len(values), -1)
        return np.take_along_axis(flat, self._order, axis=1).reshape(values.shape)


class Dummy(Effect):
    """Dimensions that mean nothing, standard normal at each step, behind those of a vector."""

    def __init__(self, signal: Signal, count: float) -> None:
        super().__init__(signal)
        space, many = signal.space, int(count)
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise DisruptionError(f"dummy dimensions need a vector, got {space}")
        dtype: Any = space.dtype
        if np.issubdtype(dtype, np.integer):
            raise DisruptionError(f"dummy dimensions are not whole numbers, and {space} has only those")
        low = np.concatenate([space.low, np.full(many, -np.inf, dtype)])
        high = np.concatenate([space.high, np.full(many, np.inf, dtype)])
        scale = np.concatenate([np.broadcast_to(signal.scale, space.shape), np.ones(many)])
        null = np.concatenate([signal.null, np.zeros(many, dtype)])
        wider = spaces.Box(low, high, dtype=dtype)
        self.result = dataclasses.replace(signal, space=wider, scale=scale, null=null)
        self._noise = self.draws(normal=True, shape=(many,))
        self._rest = np.zeros((signal.copies, many))

    def __call__(self, values: Any) -> Any:
        return np.concatenate([values, self._noise()], axis=1)

    def idle(self, values: Any) -> Any:
        return np.concatenate([values, self._rest], axis=1).astype(values.dtype)


class Clip(Effect):
    """At most ``limit * scale`` in size."""

    def __init__(self, signal: Signal, limit: float) -> None:
        super().__init__(signal)
        self._limit = limit * signal.scale

    def __call__(self, values: Any) -> Any:
        return np.clip(values, -self._limit, self._limit)


def some(stream: Stream, p: float, shape: Any) -> np.ndarray:
    """Draw which dimensions something happens to, each with probability p, but at least one."""
    chosen: np.ndarray = np.asarray(stream().random(shape) < p)
    if not chosen.any():
        chosen.flat[int(stream().integers(chosen.size))] = True
    return chosen
