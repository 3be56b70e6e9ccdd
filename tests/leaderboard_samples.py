"""Synthetic records for the tests of the leaderboard: invented algorithms on invented tasks, clearly no results."""

import datetime
from collections.abc import Iterator, Sequence

import numpy as np

from robust_gym.protocol import Protocol, build_v1
from robust_gym.record import Machine, Provenance, RunRecord

LEVELS = {
    "dynamics": {"random": [f"dynamics:random:{x}" for x in (0.1, 0.2, 0.3, 0.45, 0.6)]},
    "action": {
        "gauss": [f"action:gauss:{x}" for x in (0.05, 0.1, 0.2, 0.3, 0.5)],
        "delay": [f"action:delay:{x}" for x in (1, 2, 3, 5, 8)],
    },
    "observation": {
        "gauss": [f"observation:gauss:{x}" for x in (0.05, 0.1, 0.2, 0.3, 0.5)],
        "delay": [f"observation:delay:{x}" for x in (1, 2, 3, 5, 8)],
    },
}
ALGORITHMS = ("synthetic-brittle", "synthetic-plain", "synthetic-robust", "synthetic-steady", "synthetic-wild")
TASKS = ("Synthetic-Alpha-v0", "Synthetic-Beta-v0", "Synthetic-Gamma-v0", "Synthetic-Delta-v0")

PROVENANCE = Provenance(
    robust_gym="0.1.0",
    git_commit="0123456789abcdef0123456789abcdef01234567",
    git_dirty=False,
    libraries={"numpy": "2.3.0", "gymnasium": "1.4.0"},
    machine=Machine(platform="Linux-6.1-x86_64", processor="Synthetic CPU", cores=2, python="3.11.2"),
    created=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
)


def protocol(task: str, semantic: Sequence[str] = ("dynamics:city:tampa",)) -> Protocol:
    """Return version 1 of the protocol of an invented task."""
    return build_v1(task, 1000, LEVELS, semantic)


def make(task: str = TASKS[0], algorithm: str = ALGORITHMS[0], **changes: object) -> RunRecord:
    """Return one record of the undisturbed split, with some fields changed."""
    cells = protocol(task)
    returns = changes.pop("returns", (10.0, 12.0))
    fields = {
        "algorithm": algorithm,
        "task": task,
        "task_version": 0,
        "family": "synthetic",
        "seed": 0,
        "protocol": cells.version,
        "protocol_sha256": cells.sha256,
        "split": "id",
        "disruption": "none",
        "episode_seeds": cells.seeds[: len(returns)],
        "returns": returns,
        "lengths": (100,) * len(returns),
        "budget": "quick",
        "budget_steps": 50_000,
        "steps_used": 50_000,
        "train_seconds": 60.0,
        "evaluate_seconds": 3.0,
        "provenance": PROVENANCE,
    }
    return RunRecord(**{**fields, **changes})


def run(task: str, algorithm: str, seed: int = 0, level: float = 100.0, loss: float = 50.0, **changes: object):
    """Yield all records of one run: ``level`` on the undisturbed task, less by severity times ``loss``."""
    rng = np.random.default_rng([seed, sum(map(ord, task + algorithm))])
    episodes = int(changes.pop("episodes", 5))
    shift = rng.normal(0, 0.04 * level)
    for split in protocol(task).splits:
        for place, disruption in enumerate(split.disruptions):
            reach = {"id": 0.0, "ood-near": 0.3, "ood-far": 0.7}.get("-".join(split.name.split("-")[:2]), 0.8)
            severity = reach + 0.05 * place
            returns = level + shift - loss * severity + rng.normal(0, 0.05 * level, episodes)
            yield make(
                task, algorithm, seed=seed, split=split.name, disruption=disruption,
                returns=tuple(float(value) for value in returns), **changes,
            )  # fmt: skip


def board(
    algorithms: Sequence[str] = ALGORITHMS,
    tasks: Sequence[str] = TASKS,
    seeds: int = 3,
    references: bool = True,
    **changes: object,
) -> Iterator[RunRecord]:
    """Yield a full board: every algorithm on every task, the later tasks with larger returns."""
    for place, task in enumerate(tasks):
        scale = 10.0 ** (place % 4)
        known = {"random_return": 5.0 * scale, "reference_return": 100.0 * scale} if references else {}
        for number, algorithm in enumerate(algorithms):
            level = (110 - 6 * (number % 7)) * scale
            loss = (75 - 14 * (number % 6)) * scale
            privileges = ("parameter-box",) if number % 4 == 2 else ()
            for seed in range(seeds):
                yield from run(
                    task, algorithm, seed, level, loss, privileges=privileges, **{**known, **changes}
                )  # fmt: skip


def everything() -> list[RunRecord]:
    """Return records that fill every part of a page: scores, raw returns, several groups, a partial entry."""
    return [
        *board(),
        *board(algorithms=ALGORITHMS[:2], train="disrupted"),
        *run(TASKS[0], "synthetic-partial", random_return=5.0, reference_return=100.0),
        *board(tasks=TASKS[:2], references=False, budget="smoke", budget_steps=2_000, seeds=1),
    ]
