"""The statistics of the leaderboard, in NumPy, seeded.

Words, after the "Protocol" section of the design:

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
    if not strata or min(scores.shape[-1] for scores in strata) < FEWEST_SEEDS:
        return None
    drawn = []
    for scores in strata:
        seeds = scores.shape[-1]
        drawn.append(scores[..., rng.integers(0, seeds, size=(resamples, seeds))])
    values = statistic(np.concatenate(drawn, axis=-1))
    tail = (1 - level) / 2
    low, high = np.quantile(values, (tail, 1 - tail), axis=-1)
    return low, high


def ranks(values: Sequence[float]) -> list[int | None]:
    """Rank from best (1, the highest) to worst; equal values share the better rank, NaN has none."""
    ordered = sorted((value for value in values if value == value), reverse=True)
    first = {value: place for place, value in reversed(list(enumerate(ordered, start=1)))}
    return [first[value] if value == value else None for value in values]
