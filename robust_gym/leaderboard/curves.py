"""The robustness curves: score against severity level, for each kind of disruption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from robust_gym.leaderboard import bootstrap, statistics
from robust_gym.leaderboard.quantities import BOOTSTRAP_SEED
from robust_gym.leaderboard.runs import Entry, TaskRuns
from robust_gym.leaderboard.statistics import Array


@dataclass(frozen=True)
class Series:
    """One line: a label, the index of its style, and values with the ends of their intervals."""

    label: str
    style: int
    values: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None

    @property
    def everything(self) -> tuple[float, ...]:
        """All values and ends."""
        return self.values + (self.low or ()) + (self.high or ())


def curves(
    tasks: Sequence[tuple[TaskRuns, tuple[int, ...]]], entries: Sequence[tuple[Entry, str, int]], scored: bool
) -> Iterator[Series]:
    """Compute the curve of every entry that did all of some tasks.

    Args:
        tasks: Tasks with the places of a kind's five levels.
        entries: Entries with label and style index.
        scored: Whether to normalise and take the IQM over (task, seed), instead of the mean over seeds.
    """
    for entry, label, style in entries:
        strata = []
        for runs, places in tasks:
            results = runs.results.get(entry)
            if results is None or not results.runs:
                break
            nominal = [place for place, (split, _) in enumerate(runs.cells) if split == "id"]
            if not nominal:
                break
            scores = results.returns.mean(axis=-1)
            levels = np.stack([scores[:, nominal].mean(axis=1), *scores[:, places].T])
            if scored and runs.reference:
                levels = (levels - runs.reference[0]) / (runs.reference[1] - runs.reference[0])
            strata.append(levels)
        else:
            statistic = statistics.iqm if scored else statistics.mean
            centre = statistics.pooled(strata, statistic)
            ends = bootstrap.bootstrap_interval(strata, statistic, np.random.default_rng(BOOTSTRAP_SEED))
            low, high = (_numbers(ends[0]), _numbers(ends[1])) if ends else (None, None)
            yield Series(label, style, _numbers(centre), low, high)


def _numbers(values: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
