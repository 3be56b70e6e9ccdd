"""What is measured of a run, and its estimate over runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from robust_gym.leaderboard import bootstrap, statistics
from robust_gym.leaderboard.levels import severity_levels
from robust_gym.leaderboard.runs import Results, TaskRuns
from robust_gym.leaderboard.statistics import Array, Statistic, pooled
from robust_gym.leaderboard.text import CHANNELS, SPLIT_FAMILIES, channel, split_family

BOOTSTRAP_SEED = 0
"""Seed of every bootstrap, so that a page depends on its records only."""

FAMILIES = (*SPLIT_FAMILIES, "other")
"""Families of splits outside ``id``."""

QUANTITIES = ("id", "ood", *FAMILIES, *CHANNELS, "worst", "gap", "cvar", "area")
"""What is computed for every run, in the order of [summarise][robust_gym.leaderboard.quantities.summarise]."""

WITH_INTERVALS = ("id", "ood", *CHANNELS)
"""What is shown with an interval."""


AGGREGATES: Mapping[str, Statistic] = MappingProxyType(
    {
        "iqm": statistics.iqm,
        "mean": statistics.mean,
        "median": statistics.median,
        "optimality gap": statistics.optimality_gap,
    }
)
"""The ways in which the scores of several tasks become one number."""


@dataclass(frozen=True)
class Value:
    """A number, with its 95 % interval where there are seeds enough; NaN where there is none."""

    value: float
    interval: tuple[float, float] | None = None


def summarise(cells: Sequence[tuple[str, str]], returns: Array) -> Array:
    """Compute every quantity of every run.

    Args:
        cells: Split and disruption of each cell.
        returns: ``[seeds, cells, episodes]``.

    Returns:
        ``[quantities, seeds]``. ``ood`` is the mean over all disruptions outside ``id``, the split families
        are means over their disruptions, ``worst`` is the run's lowest out-of-distribution split, ``gap`` is
        ID minus OOD and ``cvar`` is the mean of the worst tenth of all episodes. A channel is the mean over the
        disruptions outside ``id`` that disturb it alone. ``area`` is the mean height of the curve of returns against
        severity levels 0 to 5, over all kinds that have them.
    """
    seeds = len(returns)
    scores = returns.mean(axis=-1) if seeds else np.empty((0, len(cells)))
    families = np.array([split_family(split) for split, _ in cells])
    channels = np.array([channel(disruption) for _, disruption in cells])

    def average(chosen: Array) -> Array:
        return scores[:, chosen].mean(axis=1) if chosen.any() else np.full(seeds, np.nan)

    def family(name: str) -> Array:
        return average(families == name)

    per_split = [values for name, values in split_scores(cells, scores).items() if name != "id"]
    ood = average(families != "id")
    return np.array(
        [
            family("id"),
            ood,
            *(family(name) for name in FAMILIES),
            *(average((families != "id") & (channels == name)) for name in CHANNELS),
            np.min(per_split, axis=0) if per_split else np.full(seeds, np.nan),
            statistics.gap(family("id"), ood),
            statistics.cvar(returns.reshape(seeds, -1)) if seeds else np.empty(0),
            _area(cells, scores, family("id")),
        ]
    )


def measured(runs: TaskRuns, results: Results) -> Array:
    """Return every quantity of one entry's runs of a task, ``[quantities, seeds]``."""
    return summarise(runs.cells, results.returns)


def _area(cells: Sequence[tuple[str, str]], scores: Array, nominal: Array) -> Array:
    curves = [
        statistics.curve_area(np.concatenate([nominal[:, None], scores[:, list(places)]], axis=1))
        for places in severity_levels(cells).values()
    ]
    return np.mean(curves, axis=0) if curves else np.full(len(scores), np.nan)


def split_scores(cells: Sequence[tuple[str, str]], scores: Array) -> dict[str, Array]:
    """Return the mean of each split, ``[seeds]``, from the scores of disruptions ``[seeds, cells]``."""
    splits = np.array([split for split, _ in cells])
    return {split: scores[:, splits == split].mean(axis=1) for split in dict.fromkeys(splits.tolist())}


def normalise(runs: TaskRuns, values: Array) -> Array:
    """Return quantities ``[quantities, …]`` as normalised scores: (value - random) / (reference - random).

    Raises:
        ValueError: If the task's references are not known.
    """
    low, high = _references(runs)
    shift = np.full((len(values), *(1,) * (values.ndim - 1)), low)
    shift[QUANTITIES.index("gap")] = 0  # a difference of two returns
    return (values - shift) / (high - low)


def _references(runs: TaskRuns) -> tuple[float, float]:
    if runs.reference is None:
        raise ValueError(f"the references of {runs.task} are not known")
    return runs.reference


def aggregate(tasks: Sequence[Array]) -> dict[str, Value]:
    """Take every aggregate of normalised scores over (task, seed), ``[seeds]`` for each task."""
    if not sum(map(len, tasks)):
        return dict.fromkeys(AGGREGATES, Value(np.nan))
    found = {}
    for name, statistic in AGGREGATES.items():
        ends = bootstrap.bootstrap_interval(tasks, statistic, np.random.default_rng(BOOTSTRAP_SEED))
        interval = (float(ends[0]), float(ends[1])) if ends else None
        found[name] = Value(float(pooled(tasks, statistic)), interval)
    return found


def estimate(tasks: Sequence[Array], statistic: Statistic) -> dict[str, Value]:
    """Take a statistic of every quantity over (task, seed), ``[quantities, seeds]`` for each task.

    Every task counts the same. A quantity that some tasks do not have, such as a family of splits, is taken over those
    that do; ``gap`` is the difference of the two estimates that it is named after. Those in
    ``WITH_INTERVALS`` come with their intervals, the others without: most of the work is resampling.
    """
    found = dict.fromkeys(QUANTITIES, Value(np.nan))
    measured: list[Any] = [np.isfinite(values).any(axis=-1).tolist() for values in tasks]
    having: dict[tuple[bool, ...], list[str]] = {}
    for place, name in enumerate(QUANTITIES):
        having.setdefault(tuple(has[place] for has in measured), []).append(name)
    for among, names in having.items():
        chosen = [values[None] for values, has in zip(tasks, among, strict=True) if has]
        if chosen:
            estimates = _estimates(chosen, statistic, names)[0]
            found.update({name: estimates[name] for name in names})
    if any({"id", "ood", "gap"} <= set(names) for names in having.values()):
        # Of medians and the like, the difference is not that of the differences.
        found["gap"] = Value(float(statistics.gap(found["id"].value, found["ood"].value)))
    return found


def estimate_all(entries: Sequence[Array], statistic: Statistic) -> list[dict[str, Value]]:
    """Take a statistic of every quantity over the seeds of one task, for each entry's ``[quantities, seeds]``.

    The values are those of ``estimate``, entry by entry; those with as many seeds are resampled together, by the same
    draws.
    """
    found: list[dict[str, Value]] = [dict.fromkeys(QUANTITIES, Value(np.nan))] * len(entries)
    for seeds in {values.shape[-1] for values in entries} - {0}:
        alike = [place for place, values in enumerate(entries) if values.shape[-1] == seeds]
        for start in range(0, len(alike), _TOGETHER):
            places = alike[start : start + _TOGETHER]
            together = _estimates([np.stack([entries[place] for place in places])], statistic)
            for place, one in zip(places, together, strict=True):
                found[place] = one
    return found


_TOGETHER = 16
"""Entries resampled at once; more take memory, and no less time."""


def _estimates(
    tasks: Sequence[Array], statistic: Statistic, names: Sequence[str] = QUANTITIES
) -> list[dict[str, Value]]:
    """Estimate several entries from ``[entries, quantities, seeds]`` for each task, with intervals for those named."""
    centre = pooled(tasks, statistic)
    known = np.isfinite(centre).any(axis=0).ravel()
    asked = [
        place for place, name in enumerate(QUANTITIES) if name in WITH_INTERVALS and name in names and known[place]
    ]
    resampled = [values[:, asked] for values in tasks]
    ends = bootstrap.bootstrap_interval(resampled, statistic, np.random.default_rng(BOOTSTRAP_SEED)) if asked else None
    low, high = (end.tolist() for end in ends) if ends else ([], [])
    found = []
    for entry, values in enumerate(centre.tolist()):
        intervals = (
            {place: (low[entry][at], high[entry][at]) for at, place in enumerate(asked) if np.isfinite(values[place])}
            if ends and not statistics.unvarying([task[entry] for task in tasks])
            else {}
        )
        found.append({name: Value(values[place], intervals.get(place)) for place, name in enumerate(QUANTITIES)})
    return found


def scored(value: Value, runs: TaskRuns) -> Value:
    """Return a mean return, with its interval, as a normalised score; both are as linear as each other.

    Raises:
        ValueError: If the task's references are unknown.
    """
    low, high = _references(runs)

    def score(number: float) -> float:
        return (number - low) / (high - low)

    return Value(score(value.value), (score(value.interval[0]), score(value.interval[1])) if value.interval else None)
