"""The statistics of the leaderboard, in NumPy.

Words:

- A *run* is one policy: an algorithm, its arguments, a task and a training seed.
- A *cell* is one (disruption, episode seed) of the task's protocol; a run has one return in each.
- The *score of a disruption* is a run's mean return over the episodes under it.

Aggregates follow Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(NeurIPS 2021): the interquartile mean over (task, seed), and the probability of improvement; their intervals are
those of [bootstrap_interval][robust_gym.leaderboard.bootstrap.bootstrap_interval]. Unlike there, every task weighs the
same however many seeds it has, and the interquartile mean is exact for any number of runs, so that entries with one
seed and with five are comparable.

Every function works along the last axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

CVAR_FRACTION = 0.1
"""The share of cells that CVaR averages, the worst ones."""


class Statistic(Protocol):
    """What becomes of many values: maps ``[..., n]`` to ``[...]``, with a weight for each of the ``n`` or with none."""

    def __call__(self, values: ArrayLike, weights: Array | None = None, /) -> Array:
        """Return the statistic."""
        ...


def task_weights(tasks: Sequence[ArrayLike]) -> Array | None:
    """Return weights for the seeds of several tasks, laid end to end, by which every task counts the same.

    Args:
        tasks: For each task values ``[..., seeds]``.

    Returns:
        One over the number of a task's seeds, for each of them; ``None`` where all tasks have as many.
    """
    seeds = [np.shape(values)[-1] for values in tasks]
    if len(set(seeds)) < 2:
        return None
    return np.repeat([1 / max(count, 1) for count in seeds], seeds)


def pooled(tasks: Sequence[ArrayLike], statistic: Statistic) -> Array:
    """Take a statistic over (task, seed) of ``[..., seeds]`` for each task, in which every task counts the same."""
    return statistic(np.concatenate([np.asarray(values, float) for values in tasks], axis=-1), task_weights(tasks))


def unvarying(tasks: Sequence[ArrayLike]) -> bool:
    """Return whether on no task any seed differs from another, as with a method without chance.

    Such seeds are copies of one run, however many they are.

    Args:
        tasks: For each task values ``[..., seeds]``.
    """
    return all(np.array_equal(one, one[..., :1] + 0 * one, equal_nan=True) for one in map(np.asarray, tasks))


def mean(values: ArrayLike, weights: Array | None = None, /) -> Array:
    """Return the mean, ``[..., n] -> [...]``."""
    values = np.asarray(values, float)
    if weights is None:
        return np.asarray(np.mean(values, axis=-1))
    return np.asarray((values * weights).sum(axis=-1) / weights.sum())


def iqm(values: ArrayLike, weights: Array | None = None, /) -> Array:
    """Return the interquartile mean, the mean of the middle half, ``[..., n] -> [...]``.

    A quarter of all weight is left out at either end. Where it ends within a value, that value counts by the rest of
    its weight: of five values 1.25 are left out at either end, so that the second and the fourth count by 0.75. For
    multiples of four it is ``scipy.stats.trim_mean(values, 0.25)``, which otherwise leaves out less; the exact one
    stays the same where every value is there several times.
    """
    values = np.asarray(values, float)
    if weights is not None:
        ordered, up_to, weight = _ordered(values, weights)
        total = up_to[..., -1:]
        inside = np.clip(np.minimum(up_to, 0.75 * total) - np.maximum(up_to - weight, 0.25 * total), 0, None)
        return np.asarray((inside * ordered).sum(axis=-1) / inside.sum(axis=-1))
    count = values.shape[-1]
    whole, part = divmod(count, 4)
    if count:
        values = np.partition(values, (whole, count - whole - 1), axis=-1)[..., whole : count - whole]
    if not part:
        return mean(values)
    inside = np.ones(values.shape[-1])
    inside[0] -= part / 4
    inside[-1] -= part / 4
    return mean(values, inside)


def median(values: ArrayLike, weights: Array | None = None, /) -> Array:
    """Return the median, ``[..., n] -> [...]``: the mean of the two in the middle where there are two."""
    values = np.asarray(values, float)
    if weights is None:
        return np.asarray(np.median(values, axis=-1))
    ordered, up_to, _ = _ordered(values, weights)
    half = 0.5 * up_to[..., -1:]
    slack = 1e-9 * half  # sums of thirds are not exact
    found = [np.argmax(up_to > half + side, axis=-1)[..., None] for side in (-slack, slack)]
    return mean(np.concatenate([np.take_along_axis(ordered, place, axis=-1) for place in found], axis=-1))


def _ordered(values: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return values in their order, the weight up to and with each of them, and the weight of each."""
    order = np.argsort(values, axis=-1, kind="stable")
    weight = weights[order]
    return np.take_along_axis(values, order, axis=-1), np.cumsum(weight, axis=-1), weight


def optimality_gap(scores: ArrayLike, weights: Array | None = None, /, target: float = 1.0) -> Array:
    """Return by how much scores miss a target on average, ``[..., n] -> [...]``; those beyond it miss it by nothing."""
    return mean(np.maximum(target - np.asarray(scores, float), 0.0), weights)


def profile(scores: ArrayLike, thresholds: ArrayLike, weights: Array | None = None) -> Array:
    """Return the performance profile: the share of scores above each threshold, ``[..., n] -> [..., thresholds]``."""
    above = np.asarray(scores, float)[..., None, :] > np.asarray(thresholds, float)[:, None]
    return mean(above, weights)


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


def ranks(values: Sequence[float]) -> list[int | None]:
    """Rank from best (1, the highest) to worst; equal values share the better rank, NaN has none.

    Values are equal to ten digits: sums of the same numbers in another order are.
    """
    told = rounded(values).tolist()
    ordered = sorted((value for value in told if value == value), reverse=True)
    first = {value: place for place, value in reversed(list(enumerate(ordered, start=1)))}
    return [first[value] if value == value else None for value in told]


def rounded(values: ArrayLike) -> Array:
    """Round to ten significant digits, by which values are compared, so that no rounding error decides a rank."""
    values = np.asarray(values, float)
    some = np.isfinite(values) & (values != 0)
    size = np.floor(np.log10(np.abs(np.where(some, values, 1.0))))
    unit = 10.0 ** np.clip(9 - size, -290, 290)
    return np.where(some, np.round(np.where(some, values, 0.0) * unit) / unit, values)
