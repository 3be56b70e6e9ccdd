"""Kinds of disruption as plug-ins write them: a right one, and some with a defect each."""

from __future__ import annotations

from typing import Any

import numpy as np

from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.effect import Effect


class Right(Effect):
    """Noise at every step, a gain for every episode, and a memory."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal)
        self._width = width * signal.scale
        self._noise = self.draws(normal=True)
        self._gain = np.ones(signal.copies)
        self._last = self.memory()

    def begin(self, copy: int, stream: Stream) -> None:
        self._gain[copy] = 1.0 - 0.1 * stream().random()
        self._last[copy] = 0.0

    def __call__(self, values: Any) -> Any:
        found = self.column(self._gain) * values + self._width * self._noise() + 0.1 * self._last
        self._last = np.array(values, np.float64)
        return found


class Narrow(Effect):
    """Takes its width, and adds what a subclass says."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal)
        self._width = width * signal.scale

    def noise(self, values: Any) -> Any:
        return 1.0

    def __call__(self, values: Any) -> Any:
        return values + self._width * self.noise(values)


class Unseeded(Narrow):
    """Draws from a generator of its own, which nobody seeds."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal, width)
        self._rng = np.random.default_rng()

    def noise(self, values: Any) -> Any:
        return self._rng.standard_normal(values.shape)


class Fixed(Unseeded):
    """Draws from a generator of its own, which begins once."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal, width)
        self._rng = np.random.default_rng(0)


class Global(Narrow):
    """Draws from NumPy's global generator."""

    def noise(self, values: Any) -> Any:
        return np.random.standard_normal(values.shape)  # noqa: NPY002


class Reseeding(Narrow):
    """Is determined by the seed, and seeds the generator of everybody else."""

    def begin(self, copy: int, stream: Stream) -> None:
        np.random.seed(stream().integers(1000))  # noqa: NPY002


class Counting(Narrow):
    """Grows with every step that was ever taken."""

    _steps = 0

    def noise(self, values: Any) -> Any:
        self._steps += 1
        return 0.01 * self._steps


class CountingEpisodes(Narrow):
    """Grows with every episode."""

    _episodes = 0

    def begin(self, copy: int, stream: Stream) -> None:
        self._episodes += 1

    def noise(self, values: Any) -> Any:
        return 0.01 * self._episodes


class Shared(Narrow):
    """Grows with every step that any environment has taken."""

    def noise(self, values: Any) -> Any:
        Shared.steps += 1
        return 0.01 * Shared.steps

    steps = 0


class Writing(Narrow):
    """Writes into what it is given."""

    def __call__(self, values: Any) -> Any:
        values += self._width.astype(values.dtype)
        return values


class Keeping(Narrow):
    """Shows the last value, of which it has kept no copy."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal, width)
        self._last = self.memory()

    def begin(self, copy: int, stream: Stream) -> None:
        self._last = np.array(self._last)
        self._last[copy] = 0.0

    def __call__(self, values: Any) -> Any:
        last, self._last = self._last, values
        return (1 - self._width) * values + self._width * last


class Lending(Effect):
    """Returns the array in which it remembers."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal)
        self._shown = self.memory(dtype=signal.space.dtype)
        self._share = 1 - width / 2

    def begin(self, copy: int, stream: Stream) -> None:
        self._shown[copy] = 0.0

    def __call__(self, values: Any) -> Any:
        self._shown += self._share * (values - self._shown)
        return self._shown


class Viewing(Narrow):
    """Returns what it is given in another order, and no copy."""

    def __call__(self, values: Any) -> Any:
        return values[:, ::-1]


class Endless(Narrow):
    """Is no number where the space has no bounds."""

    def noise(self, values: Any) -> Any:
        return np.inf


class Restless(Narrow):
    """Does not rest when its schedule does."""

    def idle(self, values: Any) -> Any:
        return values + self._width


class Scalar(Narrow):
    """Draws one number for all copies."""

    _gain = 1.0

    def begin(self, copy: int, stream: Stream) -> None:
        self._gain = stream().random()

    def noise(self, values: Any) -> Any:
        return self._gain


class Unshaped(Narrow):
    """Has a number for every copy, and not the shape that goes with values."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal, width)
        self._gain = np.ones(signal.copies)

    def begin(self, copy: int, stream: Stream) -> None:
        self._gain[copy] = stream().random()

    def noise(self, values: Any) -> Any:
        return self._gain


class Buried(Narrow):
    """Remembers copies where a step of some of them cannot put the others back."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal, width)
        self._kept = {"t": np.zeros(signal.copies)}

    def begin(self, copy: int, stream: Stream) -> None:
        self._kept["t"][copy] = 0.0

    def noise(self, values: Any) -> Any:
        self._kept["t"] += 1.0
        return self.column(self._kept["t"])


class OutOfRange(Effect):
    """Gives a choice that there is none of."""

    def __init__(self, signal: Signal, width: float) -> None:
        super().__init__(signal)

    def __call__(self, values: Any) -> Any:
        space: Any = self.signal.space
        return np.full_like(values, space.start + space.n)


class Thoughtless(Effect):
    """Takes no arguments."""


class Nothing:
    """Is no effect."""
