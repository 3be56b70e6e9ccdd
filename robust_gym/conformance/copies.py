"""A kind of disruption on several copies of a signal at once, as vectorised evaluation steps them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from robust_gym.conformance.chains import Probe

COPIES = 3
LEVEL = 3


def check_copies(probe: Probe) -> None:
    """A batch gives, copy by copy and to the bit, what single environments give, whenever each of them resets."""
    for schedule in ("always", "p=0.4", "ramp=20", "walk=0.3", "fault=10"):
        _check_together(probe, schedule)
    for schedule in ("always", "p=0.4", "walk=0.3"):
        _check_again(probe, schedule)


class _Both:
    """The copies of a signal in one chain, and each in a chain of its own."""

    def __init__(self, probe: Probe, schedule: str) -> None:
        self._where = f"at @{LEVEL}~{schedule}"
        self._many = probe.chain(LEVEL, schedule, COPIES)
        self._single = [probe.chain(LEVEL, schedule) for _ in range(COPIES)]

    def reset(self, copy: int, seed: int | None) -> None:
        """Begin an episode of one copy."""
        with self._together():
            self._many.reset(seed, copy)
        self._single[copy].reset(seed)

    def step(self, values: np.ndarray, when: str) -> None:
        """Compare a step of all copies."""
        with self._together():
            together = self._many.batch(values.copy())
        wanted = self._many.result.space
        shape = (COPIES, *(wanted.shape or ()))
        assert together.shape == shape, f"{self._where} {COPIES} copies give the shape {together.shape}, not {shape}"
        assert together.dtype == wanted.dtype, f"{self._where} it gives {together.dtype}, and its space {wanted.dtype}"
        for copy in range(COPIES):
            self._compare(copy, together, values, when)

    def again(self, copy: int, values: np.ndarray, when: str) -> None:
        """Compare another step of one copy, while the others wait."""
        with self._together():
            together = self._many.again(values.copy(), np.arange(COPIES) == copy)
        self._compare(copy, together, values, when)

    def _compare(self, copy: int, together: np.ndarray, values: np.ndarray, when: str) -> None:
        alone = self._single[copy].batch(values[copy : copy + 1].copy())[0]
        same = np.array_equal(together[copy], alone, equal_nan=True)
        assert same, (
            f"{self._where} copy {copy} of {COPIES} differs from an environment of its own {when}: what it remembers, "
            "or draws for an episode, is an array among its attributes with a place for every copy, [copies, …]"
        )

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise AssertionError(
                f"{self._where} it fails on {COPIES} copies at once: {type(error).__name__}: {error}"
            ) from error


def _check_together(probe: Probe, schedule: str) -> None:
    both, steps = _Both(probe, schedule), probe.length(100)
    # Not all begin together, some begin anew, with and without a seed, and late enough for other draws to be at hand.
    resets: Mapping[int, Sequence[tuple[int, int | None]]] = {
        0: [(0, 11), (1, 12), (2, 13)],
        steps // 14 + 1: [(1, None)],
        steps * 7 // 10: [(2, 14), (0, None)],
        steps * 9 // 10: [(1, None)],
    }
    for t, values in enumerate(probe.values(steps, COPIES)):
        for copy, seed in resets.get(t, ()):
            both.reset(copy, seed)
        both.step(values, f"at step {t}")


def _check_again(probe: Probe, schedule: str) -> None:
    """Where some copies begin anew, their first observation is another step of theirs alone, whatever was drawn."""
    both, steps = _Both(probe, schedule), probe.length(140)
    for copy in range(COPIES):
        both.reset(copy, 20 + copy)
    # One number is drawn anew after 64 steps: about there, every copy is at another place of its draws.
    often = range(steps * 3 // 7, steps // 2)
    for t, values in enumerate(probe.values(steps, COPIES, seed=6)):
        both.step(values, f"at step {t}")
        if t % 7 == 0 or t in often:
            both.reset(t % 3, None if t % 2 else t)
            both.again(t % 3, values, f"which began an episode at step {t}")
