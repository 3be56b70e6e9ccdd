"""One run of a submission, played again: recorded episodes of some cells, and fresh ones under the same disruptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robust_gym import registry
from robust_gym.bench.policies import find_policy
from robust_gym.evaluate import play
from robust_gym.leaderboard.text import clean
from robust_gym.plugins import PluginError, load_plugin
from robust_gym.protocol import EVALUATION_SEEDS
from robust_gym.record import Provenance, RunRecord
from robust_gym.registry import UnknownNameError
from robust_gym.submission.checking import Run
from robust_gym.submission.consistency import (
    MOST_FRESH,
    TOLERANCE,
    fresh_needed,
    permutation_p,
    unlike,
    within_tolerance,
)
from robust_gym.submission.verdict import CellVerdict, RunVerdict, Word
from robust_gym.task import MissingExtraError

FIRST_FRESH = EVALUATION_SEEDS + 2**29 + 2**20
"""Fresh seeds are at least this: beyond those of every task's protocol, and of training."""

FRESH_SEEDS = 2**28
"""How many there are to draw from."""


@dataclass(frozen=True)
class Check:
    """How a run is checked.

    Attributes:
        cells: Disruptions to play again; all where there are fewer.
        fresh: Fresh episodes under each of them, at least; with 0 there are none, and no test.
        level: Level of the test of the fresh episodes, for this run. There are as many as it needs.
        entry: ``module:function`` of the submission.
        trust_code: Whether it may be imported.
        here: Versions and machine.
    """

    cells: int
    fresh: int
    level: float
    entry: str | None
    trust_code: bool
    here: Provenance


def verify_run(run: Run, folder: Path, check: Check, seed: Sequence[int]) -> RunVerdict:
    """Play a run again, and judge it.

    Args:
        run: The run, checked.
        folder: Its cell, as it lies on the disk.
        check: How.
        seed: Chooses cells and fresh seeds.
    """
    rng = np.random.default_rng(seed)
    if run.policy is None and not check.trust_code:
        return ended(run, "could not be verified", f"its policy is code, {check.entry}, which only --trust-code runs")
    chosen = sorted(rng.choice(len(run.records), min(check.cells, len(run.records)), replace=False).tolist())
    records = [run.records[place] for place in chosen]
    needed = fresh_needed(len(records[0].episode_seeds), check.level) if check.fresh else 0
    if needed > MOST_FRESH:
        few = f"{len(records[0].episode_seeds)} recorded episodes are too few"
        return ended(run, "could not be verified", f"{few} for a test at level {check.level:.2g}")
    fresh = (FIRST_FRESH + rng.choice(FRESH_SEEDS, max(check.fresh, needed), replace=False)).tolist()
    try:
        task = registry.task(run.records[0].task)
        task.require()
        policy = _policy(run, folder, check)
        jobs = {record.disruption: (*record.episode_seeds, *fresh) for record in records}
        finished = play(policy, task, list(jobs.items()))
    except (MissingExtraError, UnknownNameError, PluginError) as error:
        return ended(run, "could not be verified", _line(error))
    except (Exception, SystemExit) as error:  # whatever a stranger's policy does, it is the policy's fault
        return ended(run, "not verified", f"its policy cannot be played: {type(error).__name__}: {_line(error)}")
    return _judged(run, records, fresh, finished, check, rng)


def ended(run: Run, verdict: Word, reason: str) -> RunVerdict:
    """Return the verdict of a run of which nothing was played to its end."""
    return RunVerdict(run=str(run.path), verdict=verdict, reasons=(reason,))


def _policy(run: Run, folder: Path, check: Check) -> Any:
    """Load a saved policy, or make one by the code that the submission names.

    Raises:
        PluginError: If the code cannot be imported.
    """
    if run.policy is not None:
        return find_policy(str(folder), None).policy
    assert check.entry is not None  # what is checked before has a policy or an entry
    module_name, _, function = check.entry.partition(":")
    module = load_plugin(module_name)
    if not callable(getattr(module, function, None)):
        raise PluginError(f"{module_name!r} has no function {function!r}")
    first = run.records[0]
    return getattr(module, function)(first.task, first.seed)


def _judged(
    run: Run,
    records: Sequence[RunRecord],
    fresh: Sequence[int],
    finished: dict[tuple[str, int], tuple[float, int, float]],
    check: Check,
    rng: np.random.Generator,
) -> RunVerdict:
    cells, beyond = [], []
    recorded = np.array([record.returns for record in records])
    for record in records:
        episodes = [finished[record.disruption, seed] for seed in record.episode_seeds]
        returns, lengths, costs = zip(*episodes, strict=True)
        exact = (returns, lengths) == (record.returns, record.lengths) and record.costs in (None, costs)
        pairs = [(record.returns, returns), *([(record.costs, costs)] if record.costs is not None else [])]
        if not all(within_tolerance(*pair) for pair in pairs):
            beyond.append(record.disruption)
        cells.append(
            CellVerdict(
                split=record.split,
                disruption=record.disruption,
                exact=exact,
                recorded_mean=record.mean_return,
                replayed_mean=float(np.mean(returns)),
                fresh_mean=float(np.mean([finished[record.disruption, seed][0] for seed in fresh])) if fresh else None,
            )
        )
    # One number for each seed, its mean over the cells: the cells share their seeds, so they are not independent.
    anew = np.array([[finished[record.disruption, seed][0] for seed in fresh] for record in records])
    p_value = permutation_p(recorded.mean(axis=0), anew.mean(axis=0), rng, check.level) if fresh else None

    if not all(np.isfinite((cell.replayed_mean, cell.fresh_mean or 0.0)).all() for cell in cells):
        return ended(run, "not verified", "its policy gives returns that are not numbers")
    differences = unlike(run.records[0].provenance, check.here)
    inexact = [cell for cell in cells if not cell.exact]
    reasons = []
    if inexact and (beyond or not differences):
        worst = max(inexact, key=lambda cell: abs(cell.replayed_mean - cell.recorded_mean))
        limit = f"beyond the tolerance of {100 * TOLERANCE:g} %" if differences else "which is not the same to the bit"
        reasons.append(
            f"{len(inexact)} of {len(cells)} cells differ when their episodes are played again: "
            f"{clean(worst.disruption)!r} is recorded with a mean return of {worst.recorded_mean:.10g} and gives "
            f"{worst.replayed_mean:.10g}, {limit}"
        )
    if p_value is not None and p_value < check.level:
        reasons.append(
            f"episodes with fresh seeds have another mean return, {anew.mean():.6g}, than the recorded ones, "
            f"{recorded.mean():.6g} (permutation test, p = {p_value:.2g} < {check.level:.2g})"
        )
    word: Word = "verified"
    if reasons:
        word = "could not be verified" if differences else "not verified"
        if differences:
            more = f", and {len(differences) - 4} more" if len(differences) > 4 else ""
            reasons.append(f"this may be due to other versions: {'; '.join(differences[:4])}{more}")
    return RunVerdict(
        run=str(run.path),
        verdict=word,
        reasons=tuple(reasons),
        unlike=tuple(differences),
        p_value=p_value,
        episodes=sum(len(record.returns) for record in records),
        fresh=len(fresh) * len(records),
        cells=tuple(cells),
    )


def _line(error: BaseException) -> str:
    return clean(" ".join(str(error).split()), 500)
