"""Timing of pieces of code against one another."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping


def alternate(pieces: Mapping[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """Return the median of what each piece says it took.

    They alternate, so that a busy machine slows all of them alike, and the first round only warms up.

    Args:
        pieces: Each returns how long it took, by the clock it chooses.
        runs: Rounds that count.
    """
    times: dict[str, list[float]] = {name: [] for name in pieces}
    for number in range(runs + 1):
        for name, piece in pieces.items():
            taken = piece()
            if number:
                times[name].append(taken)
    return {name: statistics.median(many) for name, many in times.items()}
