"""The leaderboard's intervals: a seeded bootstrap, stratified by task, after Agarwal et al. (NeurIPS 2021).

Their ``rliable`` is not used because it ignores the seed it is given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from robust_gym.leaderboard.statistics import Array, Statistic, mean, pooled, rounded, unvarying

RESAMPLES = 2_000
"""Bootstrap resamples behind every interval."""

LEVEL = 0.95
"""Coverage of the intervals."""

FEWEST_SEEDS = 3
"""With fewer seeds on any task, or only copies of one run, there is no interval."""


def bootstrap_interval(
    tasks: Sequence[ArrayLike],
    statistic: Statistic,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[Array, Array] | None:
    """Return the percentile interval of a statistic over (task, seed), by a bootstrap stratified by task.

    Within each task as many seeds are drawn, with replacement, as there are; the statistic is then taken
    over all tasks' draws together, in which every task counts the same. Several quantities of the same seeds are
    resampled together.

    Args:
        tasks: For each task the scores ``[..., seeds]``; the leading axes are the same for all tasks.
        statistic: A statistic over (task, seed), such as ``iqm``.
        rng: Where the draws come from.
        resamples: Number of resamples.
        level: Coverage.

    Returns:
        Lower and upper end ``[...]``, or ``None`` where a task has fewer than three seeds.
    """
    strata = [np.asarray(scores, float) for scores in tasks]
    if not enough(strata):
        return None
    return _ends(pooled([_drawn(scores, rng, resamples) for scores in strata], statistic), level)


def improvement_interval(
    x: Sequence[ArrayLike],
    y: Sequence[ArrayLike],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[float, float] | None:
    """Return the interval of the probability of improvement, by the same bootstrap, of X and of Y independently.

    Returns:
        Lower and upper end, or ``None`` where a task has fewer than three seeds of X or of Y.
    """
    if not enough(x) or not enough(y):
        return None
    chances = [
        (np.sign(_drawn(ours, rng, resamples)[:, :, None] - _drawn(theirs, rng, resamples)[:, None, :]) + 1) / 2
        for ours, theirs in zip(x, y, strict=True)
    ]
    low, high = _ends(mean(np.stack([chance.mean(axis=(1, 2)) for chance in chances], axis=-1)), level, axis=0)
    return float(low), float(high)


def difference_interval(
    x: Sequence[ArrayLike],
    y: Sequence[ArrayLike],
    statistic: Statistic,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[Array, Array] | None:
    """Return the interval of a statistic of X minus that of Y, by the same bootstrap, of X and of Y independently.

    Args:
        x: For each task X's scores ``[..., seeds]``; the leading axes are the same for all tasks, and for Y.
        y: The same of Y.
        statistic: A statistic over (task, seed), such as ``iqm``.
        rng: Where the draws come from.
        resamples: Number of resamples.
        level: Coverage.

    Returns:
        Lower and upper end ``[...]``, or ``None`` where a task has fewer than three seeds of X or of Y.
    """
    if not enough(x) or not enough(y):
        return None
    ours, theirs = (pooled([_drawn(scores, rng, resamples) for scores in tasks], statistic) for tasks in (x, y))
    return _ends(ours - theirs, level)


def rank_ranges(
    entries: Sequence[Sequence[ArrayLike]],
    statistic: Statistic,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> list[tuple[int, int] | None]:
    """Return the ranks that each entry may well have: the range that holds ``level`` of the bootstrap's rankings.

    Every resample draws seeds for all entries, task by task, and ranks them by the statistic over all their draws; the
    best has rank 1, and of equal ones all have the better rank.

    Args:
        entries: For each entry, for each task, the scores ``[seeds]``.
        statistic: A statistic over (task, seed), such as ``iqm``.
        rng: Where the draws come from.
        resamples: Number of resamples.
        level: Share of the resamples that a range holds.

    Returns:
        For each entry the best and the worst rank; ``None`` for one with fewer than three seeds of a task, which the
        others are ranked among all the same.

    Raises:
        ValueError: If an entry has no seed of a task.
    """
    if not any(enough(tasks) for tasks in entries):
        return [None] * len(entries)
    if not all(np.size(one) for tasks in entries for one in tasks):
        raise ValueError("every entry needs at least one seed of every task")
    values = rounded([pooled([_drawn(one, rng, resamples) for one in tasks], statistic) for tasks in entries])
    places = 1 + (values[None, :, :] > values[:, None, :]).sum(axis=1)
    tail = (1 - level) / 2
    best = np.quantile(places, tail, axis=-1, method="inverted_cdf")
    worst = np.quantile(places, 1 - tail, axis=-1, method="inverted_cdf")
    return [
        (int(low), int(high)) if enough(tasks) else None for tasks, low, high in zip(entries, best, worst, strict=True)
    ]


def enough(tasks: Sequence[ArrayLike]) -> bool:
    """Return whether there are tasks, of each seeds enough for an interval, and some seeds that differ."""
    return bool(tasks) and min(np.shape(scores)[-1] for scores in tasks) >= FEWEST_SEEDS and not unvarying(tasks)


def _drawn(scores: ArrayLike, rng: np.random.Generator, resamples: int) -> Array:
    """Draw as many seeds as there are, with replacement, ``[..., seeds] -> [..., resamples, seeds]``."""
    scores = np.asarray(scores, float)
    seeds = scores.shape[-1]
    return np.asarray(scores[..., rng.integers(0, seeds, size=(resamples, seeds))])


def _ends(values: Array, level: float, axis: int = -1) -> tuple[Array, Array]:
    """Return the percentile interval of resampled values."""
    tail = (1 - level) / 2
    low, high = np.quantile(values, (tail, 1 - tail), axis=axis)
    return low, high
