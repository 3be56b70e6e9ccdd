"""A permutation test of two entries' scores over tasks and seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from robust_gym.leaderboard.statistics import Array, Statistic, pooled, rounded, unvarying

DRAWS = 10_000
"""Ways of dealing the runs out that are drawn."""


def p_value(
    x: Sequence[ArrayLike],
    y: Sequence[ArrayLike],
    statistic: Statistic,
    rng: np.random.Generator,
    level: float,
    draws: int = DRAWS,
) -> float | None:
    """Return the p-value of a two-sided test that X and Y are alike, by a statistic of X minus that of Y.

    If they are alike, any way of dealing the runs of a task out to the two is as likely as the one at hand (Fisher, The
    Design of Experiments, 1935). Unlike an interval of the bootstrap, the test keeps its level with few seeds.

    Args:
        x: For each task X's scores ``[seeds]``.
        y: The same of Y.
        statistic: A statistic over (task, seed), such as ``iqm``.
        rng: Where the ways come from.
        level: What the value will be compared with.
        draws: How many ways are drawn; the one at hand counts as one more.

    Returns:
        The share of the ways in which the statistics lie at least as far apart; ``None`` where there are so few ways
        that it cannot be below the level.
    """
    strata = list(zip(_runs(x), _runs(y), strict=True))
    ways = math.prod(math.comb(len(ours) + len(theirs), len(ours)) for ours, theirs in strata)
    # Where both have as many runs, the way at hand and its mirror image are equally far apart.
    alike = 2 if all(len(ours) == len(theirs) for ours, theirs in strata) else 1
    if alike / ways >= level:
        return None
    dealt = [_dealt(np.concatenate(both), rng, draws) for both in strata]
    first = pooled([way[:, : len(ours)] for way, (ours, _) in zip(dealt, strata, strict=True)], statistic)
    second = pooled([way[:, len(ours) :] for way, (ours, _) in zip(dealt, strata, strict=True)], statistic)
    # Equal distances must count as equal, whatever the order of their sums.
    apart: Array = rounded(np.abs(first - second))
    return float(np.mean(apart >= apart[0] * (1 - 1e-9)))


def _runs(tasks: Sequence[ArrayLike]) -> list[Array]:
    """Return the scores of each task, of copies of one run the first alone."""
    once = slice(0, 1) if unvarying(tasks) else slice(None)
    return [np.asarray(scores, float)[once] for scores in tasks]


def _dealt(scores: Array, rng: np.random.Generator, draws: int) -> Array:
    """Return the scores in the order at hand, and then in drawn ones, ``[1 + draws, seeds]``."""
    orders = rng.permuted(np.tile(np.arange(len(scores)), (draws, 1)), axis=1)
    return np.concatenate([scores[None], scores[orders]])
