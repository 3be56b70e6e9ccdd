"""The statistics of the leaderboard, in NumPy, seeded.

Words:

- A *run* is one policy: an algorithm, its arguments, a task and a training seed.
- A *cell* is one (disruption, episode seed) of the task's protocol; a run has one return in each.
- The *score of a disruption* is a run's mean return over the episodes under it.

Aggregates follow Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(NeurIPS 2021): the interquartile mean over (task, seed), intervals from a bootstrap stratified by task, and
the probability of improvement. Their ``rliable`` is not used because it ignores the seed it is given.

Every function works along the last axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

RESAMPLES = 2_000
"""Bootstrap resamples behind every interval."""

LEVEL = 0.95
"""Coverage of the intervals."""

FEWEST_SEEDS = 3
"""With fewer seeds on any task there is no interval."""

CVAR_FRACTION = 0.1
"""The share of cells that CVaR averages, the worst ones."""


def mean(values: ArrayLike) -> Array:
    """Return the mean, ``[..., n] -> [...]``."""
    return np.asarray(np.mean(np.asarray(values, float), axis=-1))


def iqm(values: ArrayLike) -> Array:
    """Return the interquartile mean, ``[..., n] -> [...]``.

    A quarter of the values (rounded down) is left out at either end, as ``scipy.stats.trim_mean(values, 0.25)``
    does; of fewer than four values it is the plain mean.
    """
    values = np.asarray(values, float)
    count = values.shape[-1]
    cut = count // 4
    if cut:
        values = np.partition(values, (cut, count - cut - 1), axis=-1)[..., cut : count - cut]
    return mean(values)


def median(values: ArrayLike) -> Array:
    """Return the median, ``[..., n] -> [...]``."""
    return np.asarray(np.median(np.asarray(values, float), axis=-1))


def optimality_gap(scores: ArrayLike, target: float = 1.0) -> Array:
    """Return by how much scores miss a target on average, ``[..., n] -> [...]``; those beyond it miss it by nothing."""
    return mean(np.maximum(target - np.asarray(scores, float), 0.0))


def profile(scores: ArrayLike, thresholds: ArrayLike) -> Array:
    """Return the performance profile: the share of scores above each threshold, ``[..., n] -> [..., thresholds]``."""
    above = np.asarray(scores, float)[..., None, :] > np.asarray(thresholds, float)[:, None]
    return mean(above)


def curve_area(scores: ArrayLike) -> Array:
    """Return the area under a robustness curve, ``[..., levels] -> [...]``: levels from 0 on, at equal distances.

    It is the trapezoidal mean height, and so in the unit of the scores: a curve that does not fall has the area of its
    first value.

    Raises:
        ValueError: If there are fewer than two levels.
    """
    values = np.asarray(scores, float)
    if values.shape[-1] < 2:
        raise ValueError(f"a curve has at least two levels, got {values.shape[-1]}")
    return mean((values[..., 1:] + values[..., :-1]) / 2)


def cvar(cells: ArrayLike, fraction: float = CVAR_FRACTION) -> Array:
    """Return the mean of the worst ``fraction`` of a run's cells, ``[..., n] -> [...]``.

    Cells are single episodes: the returns of all disruptions, the undisturbed one included. Where
    ``fraction * n`` is not whole, the last cell counts by the remaining part, so that the value is the exact
    CVaR of the empirical distribution; it is never based on less than one cell.

    Raises:
        ValueError: If ``fraction`` is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be > 0 and <= 1, got {fraction}")
    ordered = np.sort(np.asarray(cells, float), axis=-1)
    size = max(1.0, fraction * ordered.shape[-1])
    # Rounded first: 0.1 * 30 is 3.0000000000000004, which is not a part of a fourth cell.
    weights = np.clip(round(size, 9) - np.arange(ordered.shape[-1]), 0, 1)
    return np.asarray(ordered @ weights / weights.sum())


def worst(splits: Mapping[str, float]) -> tuple[str, float]:
    """Return name and value of the lowest split; of equal ones the first by name.

    Raises:
        ValueError: If there are no splits.
    """
    if not splits:
        raise ValueError("there are no splits to choose the worst of")
    name = min(sorted(splits), key=lambda split: splits[split])
    return name, splits[name]


def gap(id_score: ArrayLike, ood_score: ArrayLike) -> Array:
    """Return the ID-OOD gap, ID minus OOD: what is lost, in the unit of the scores, when the world changes."""
    return np.asarray(id_score, float) - np.asarray(ood_score, float)


def probability_of_improvement(x: Sequence[ArrayLike], y: Sequence[ArrayLike]) -> float:
    """Return the chance that a run of X beats a run of Y on a task drawn at random.

    Args:
        x: For each task, the scores of X's seeds.
        y: The same of Y, for the same tasks.

    Returns:
        The mean over tasks of P(X > Y) + P(X = Y) / 2 over all pairs of seeds (the Mann-Whitney statistic).

    Raises:
        ValueError: If the numbers of tasks differ or are zero, or a task has no seeds.
    """
    if len(x) != len(y) or not x:
        raise ValueError(f"X and Y need scores of the same tasks, got {len(x)} and {len(y)} tasks")
    chances = []
    for ours, theirs in zip(x, y, strict=True):
        difference = np.subtract.outer(np.asarray(ours, float), np.asarray(theirs, float))
        if not difference.size:
            raise ValueError("every task needs at least one seed of X and of Y")
        chances.append(np.mean((np.sign(difference) + 1) / 2))
    return float(np.mean(chances))


def bootstrap_interval(
    tasks: Sequence[ArrayLike],
    statistic: Callable[[Array], Array],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[Array, Array] | None:
    """Return the percentile interval of a statistic over (task, seed), by a bootstrap stratified by task.

    Within each task as many seeds are drawn, with replacement, as there are; the statistic is then taken
    over all tasks' draws together. Several quantities of the same seeds are resampled together.

    Args:
        tasks: For each task the scores ``[..., seeds]``; the leading axes are the same for all tasks.
        statistic: Maps ``[..., n]`` to ``[...]``, such as ``iqm``.
        rng: Where the draws come from.
        resamples: Number of resamples.
        level: Coverage.

    Returns:
        Lower and upper end ``[...]``, or ``None`` where a task has fewer than three seeds.
    """
    strata = [np.asarray(scores, float) for scores in tasks]
    if not enough(strata):
        return None
    return _ends(statistic(np.concatenate([_drawn(scores, rng, resamples) for scores in strata], axis=-1)), level)


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
    statistic: Callable[[Array], Array],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[Array, Array] | None:
    """Return the interval of a statistic of X minus that of Y, by the same bootstrap, of X and of Y independently.

    Args:
        x: For each task X's scores ``[..., seeds]``; the leading axes are the same for all tasks, and for Y.
        y: The same of Y.
        statistic: Maps ``[..., n]`` to ``[...]``, such as ``iqm``.
        rng: Where the draws come from.
        resamples: Number of resamples.
        level: Coverage.

    Returns:
        Lower and upper end ``[...]``, or ``None`` where a task has fewer than three seeds of X or of Y.
    """
    if not enough(x) or not enough(y):
        return None
    ours, theirs = (
        statistic(np.concatenate([_drawn(scores, rng, resamples) for scores in tasks], axis=-1)) for tasks in (x, y)
    )
    return _ends(ours - theirs, level)


def rank_ranges(
    entries: Sequence[Sequence[ArrayLike]],
    statistic: Callable[[Array], Array],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> list[tuple[int, int] | None]:
    """Return the ranks that each entry may well have: the range that holds ``level`` of the bootstrap's rankings.

    Every resample draws seeds for all entries, task by task, and ranks them by the statistic over all their draws; the
    best has rank 1, and of equal ones all have the better rank.

    Args:
        entries: For each entry, for each task, the scores ``[seeds]``.
        statistic: Maps ``[..., n]`` to ``[...]``, such as ``iqm``.
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
    values = np.stack(
        [statistic(np.concatenate([_drawn(one, rng, resamples) for one in tasks], axis=-1)) for tasks in entries]
    )
    places = 1 + (values[None, :, :] > values[:, None, :]).sum(axis=1)
    tail = (1 - level) / 2
    best = np.quantile(places, tail, axis=-1, method="inverted_cdf")
    worst = np.quantile(places, 1 - tail, axis=-1, method="inverted_cdf")
    return [
        (int(low), int(high)) if enough(tasks) else None for tasks, low, high in zip(entries, best, worst, strict=True)
    ]


def enough(tasks: Sequence[ArrayLike]) -> bool:
    """Return whether there are tasks, and of each seeds enough for an interval."""
    return bool(tasks) and min(np.shape(scores)[-1] for scores in tasks) >= FEWEST_SEEDS


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


def ranks(values: Sequence[float]) -> list[int | None]:
    """Rank from best (1, the highest) to worst; equal values share the better rank, NaN has none."""
    ordered = sorted((value for value in values if value == value), reverse=True)
    first = {value: place for place, value in reversed(list(enumerate(ordered, start=1)))}
    return [first[value] if value == value else None for value in values]
