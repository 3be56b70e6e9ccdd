"""Whether episodes played again agree with those recorded: to the bit, within a tolerance, or by a test."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from robust_gym.record import Provenance

TOLERANCE = 0.01
"""Where versions or processors differ, a cell's mean return may differ by this part of its size, and of 1 at least."""

LEVEL = 0.01
"""Chance that an honest submission fails the test of the fresh episodes; divided by the number of its runs."""

PERMUTATIONS = 10_000
"""Of more ways to deal the episodes out than this, as many are drawn; more where the level asks for it."""

MOST_FRESH = 500
"""Where a test would need more fresh episodes than this, a run cannot be verified."""


def within_tolerance(recorded: ArrayLike, replayed: ArrayLike) -> bool:
    """Return whether the means of two lists of returns are the same but for what other versions may change."""
    expected = float(np.mean(np.asarray(recorded, float)))
    return abs(float(np.mean(np.asarray(replayed, float))) - expected) <= TOLERANCE * max(1.0, abs(expected))


def fresh_needed(recorded: int, level: float) -> int:
    """Return the fewest fresh episodes with which a test can fail: with fewer, no p-value is below the level.

    Args:
        recorded: Number of recorded episodes.
        level: Level of the test.
    """
    count = 1
    # The ways in which the means lie farthest apart may be two, one for each sign.
    while level * math.comb(recorded + count, recorded) <= 2:
        count += 1
    return count


def permutation_p(recorded: ArrayLike, fresh: ArrayLike, rng: np.random.Generator, level: float = LEVEL) -> float:
    """Return the p-value of a two-sided permutation test of equal means.

    If the policy was not fitted to the recorded episodes, the seeds that were recorded and those drawn anew are alike,
    and any way of dealing the returns out to the two groups is as likely as the one at hand (Fisher, The Design of
    Experiments, 1935). The value is the share of the ways in which the means lie at least as far apart, the one at hand
    included.

    Args:
        recorded: A return for each recorded seed, ``[n]``.
        fresh: A return for each fresh seed, ``[m]``.
        rng: Where the draws come from; not used where all ways can be counted.
        level: What the value will be compared with: ways enough are drawn that a tenth of it can be told.
    """
    first, second = np.asarray(recorded, float), np.asarray(fresh, float)
    together, count = np.concatenate([first, second]), len(first)
    total = together.sum()

    def distance(sums: Any) -> Any:
        """From the sum of the first group to the distance of the means."""
        return np.abs(sums / count - (total - sums) / (len(together) - count))

    observed = distance(first.sum())
    slack = 1e-9 * max(1.0, float(np.abs(together).max()))  # sums in another order may differ in their last bits
    if math.comb(len(together), count) <= PERMUTATIONS:
        places = np.array(list(itertools.combinations(range(len(together)), count)))
        return float(np.mean(distance(together[places].sum(axis=1)) >= observed - slack))
    farther = drawn = 0
    while drawn < max(PERMUTATIONS, 10 / level):
        sums = rng.permuted(np.tile(together, (PERMUTATIONS, 1)), axis=1)[:, :count].sum(axis=1)
        farther += int(np.sum(distance(sums) >= observed - slack))
        drawn += PERMUTATIONS
    return (1 + farther) / (1 + drawn)


def unlike(made: Provenance, here: Provenance) -> list[str]:
    """Return in what two installations differ that can change a bit of a return; empty where they are alike.

    Libraries that only one of them has are left out: most tasks need few of them.
    """
    found = []
    pairs = [
        ("robust-gym", made.robust_gym, here.robust_gym),
        ("commit", made.git_commit or here.git_commit, here.git_commit or made.git_commit),
        ("Python", made.machine.python, here.machine.python),
        ("processor", made.machine.processor, here.machine.processor),
    ]
    shared = sorted(made.libraries.keys() & here.libraries.keys())
    pairs += [(name, made.libraries[name], here.libraries[name]) for name in shared]
    for name, then, now in pairs:
        if then != now:
            found.append(f"{name} {_short(then)} then, {_short(now)} now")
    return found


def _short(text: str | None) -> str:
    line = "".join(mark for mark in (text or "unknown") if mark.isprintable())
    return line if len(line) <= 40 else f"{line[:39]}…"
