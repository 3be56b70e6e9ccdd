"""The robustness curves: score against severity level, for each kind of disruption."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from robust_gym.leaderboard import statistics
from robust_gym.leaderboard.quantities import BOOTSTRAP_SEED
from robust_gym.leaderboard.runs import CellName, Entry, TaskRuns
from robust_gym.leaderboard.statistics import Array
from robust_gym.protocol import FAR_LEVELS, NEAR_LEVELS

_CHANNELS = ("dynamics", "action", "reward", "observation")


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


def severity_levels(cells: Sequence[CellName]) -> dict[str, tuple[int, ...]]:
    """Find the cells of severity levels 1 to 5, for every ``channel:kind`` that has them all.

    The protocol's ``near`` splits hold levels 1 and 2 of a kind, its ``far`` splits levels 3 to 5. Their order
    follows from the arguments, which grow or shrink with the level, so the order of the records does not matter.
    A kind whose order cannot be told is left out.

    Args:
        cells: Split and disruption of each cell.

    Returns:
        For each kind, in the order of the channels, the places of its five levels in ``cells``.
    """
    found: dict[str, dict[str, list[tuple[tuple[float, ...], int]]]] = defaultdict(lambda: {"near": [], "far": []})
    for place, (split, disruption) in enumerate(cells):
        _, _, rest = split.partition("ood-")
        reach, _, channel = rest.partition("-")
        kind, _, arguments = disruption.rpartition(":")
        if reach not in ("near", "far") or not channel or kind.count(":") != 1:
            continue
        try:
            values = tuple(float(part) for part in arguments.split(","))
        except ValueError:  # a schedule, a second term or a word: no level of a kind
            continue
        found[kind][reach].append((values, place))
    levels = {}
    for kind in sorted(found, key=lambda kind: (channel_place(kind), kind)):
        near, far = sorted(found[kind]["near"]), sorted(found[kind]["far"])
        if (len(near), len(far)) != (len(NEAR_LEVELS), len(FAR_LEVELS)):
            continue
        if near[-1][0] < far[0][0]:
            levels[kind] = tuple(place for _, place in near + far)
        elif far[-1][0] < near[0][0]:
            levels[kind] = tuple(place for _, place in reversed(far + near))
    return levels


def channel_place(kind: str) -> int:
    """Return the place of the channel of a ``channel:kind`` among the channels."""
    channel = kind.partition(":")[0]
    return _CHANNELS.index(channel) if channel in _CHANNELS else len(_CHANNELS)


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
            centre = statistic(np.concatenate(strata, axis=-1))
            ends = statistics.bootstrap_interval(strata, statistic, np.random.default_rng(BOOTSTRAP_SEED))
            low, high = (_numbers(ends[0]), _numbers(ends[1])) if ends else (None, None)
            yield Series(label, style, _numbers(centre), low, high)


def _numbers(values: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
