"""Timing of pieces of code against one another."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np
from gymnasium.vector import VectorEnv


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


def vector(env: VectorEnv, actions: np.ndarray, clock: Callable[[], float] = time.perf_counter) -> Callable[[], float]:
    """Return what times a vector environment from a reset on, in seconds a step of one copy.

    Args:
        env: The environment.
        actions: ``[steps, copies, …]``.
        clock: Wall clock, or processor time.
    """

    def run() -> float:
        env.reset(seed=1)
        started = clock()
        for action in actions:
            env.step(action)
        return (clock() - started) / (len(actions) * env.num_envs)

    return run
