"""What training with the DrIGM paper's networks costs, against its bare updates and against the authors' code.

    python benchmarks/drigm_training.py [--episodes 10] [--runs 3] [--keep]

An episode has 288 steps; VDN takes 144 updates in it, the total-variation method as many again of its dual network.
*Training* is the CPU time of all that ``train`` does, on one thread, by episode: stepping, acting, replay and updates,
in the settings ``paper``. *Bare updates* are as many updates of the same learner as that training makes (none in its
first steps, which fill the replay), on a full replay, and nothing else. *Plain loop* is the way it is usually written,
of ``vdn_update.py``: a network for each agent in turn, and target networks evaluated at every update; that many of its
updates, and nothing else. What the authors' code took, 2.5 s (VDN) and 2.8 s (total variation) of CPU time an episode,
was noted by hand on a machine of this kind: no record of that run is kept. Pieces alternate; medians are printed.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from recorded import Table, command
from timing import alternate
from vdn_update import HIDDEN, TEAM, WINDOW, PlainLearner, filled_replay

from robust_gym import registry
from robust_gym.baselines.base import create, one_thread
from robust_gym.baselines.marl.learner import Learner
from robust_gym.baselines.marl.networks import AgentNetworks
from robust_gym.baselines.marl.optimiser import make_optimiser
from robust_gym.task import Budget

STEPS = 288
AUTHORS = {"vdn": 2.5, "robust-vdn-tv": 2.8}
"""CPU seconds an episode of the authors' code, one thread; noted by hand, without a record."""


def make(name: str, settings: str) -> Any:
    """Return an algorithm in one of its settings."""
    # Targets are copied six times in 600 episodes: in a short run, once is more than their share.
    return create(name, {**registry.algorithm(name).cls.settings[settings], "target_updates": 1})


def updates_of(algorithm: Any, steps: int) -> int:
    """Return how often a training of so many steps updates, as ``robust_gym.baselines.marl.trainer`` does it."""
    warm_up = min(steps, max(algorithm.batch_size, math.ceil(algorithm.warm_up * steps)))
    return steps // algorithm.update_every - warm_up // algorithm.update_every


def training(name: str, settings: str, episodes: int) -> Callable[[], float]:
    """Return what trains, and returns CPU seconds an episode."""
    task = registry.task("Robust-Building-v0")

    def run() -> float:
        learner = make(name, settings)
        began = time.process_time()
        learner.train(task, Budget("short", episodes * STEPS, 1), 0, lambda steps: None)
        return (time.process_time() - began) / episodes

    return run


def repeated(update: Callable[[], None], updates: int, episodes: int) -> Callable[[], float]:
    """Return what updates so often as a training of some episodes does, and returns CPU seconds an episode."""

    def run() -> float:
        with one_thread():
            began = time.process_time()
            for _ in range(updates):
                update()
            return (time.process_time() - began) / episodes

    return run


def bare(name: str, episodes: int) -> Callable[[], float]:
    """Return what takes the updates of a training, and nothing else."""
    algorithm = make(name, "paper")
    generator = torch.Generator().manual_seed(0)
    networks = AgentNetworks(TEAM, "lstm", HIDDEN, WINDOW, generator)
    learner = Learner(
        networks,
        algorithm.make_mixer(TEAM, generator),
        algorithm.make_backup(TEAM, generator),
        filled_replay(networks.history, states=True),
        optimiser=make_optimiser("rmsprop", list(networks.parameters()), 5e-4),
        max_grad_norm=0.0,
        batch_size=64,
        reward_scale=1.0,
        rng=np.random.default_rng(1),
    )
    times = updates_of(algorithm, episodes * STEPS)
    return repeated(lambda: learner.update(algorithm.updates), times, episodes)


def main() -> None:
    """Measure all pieces and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=10, help="episodes of a training (default 10)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/results and docs/speed.md")
    options = parser.parse_args()
    with one_thread():
        plain = PlainLearner(filled_replay(WINDOW), np.random.default_rng(1))
    paper = make("vdn", "paper")
    times = paper.updates * updates_of(paper, options.episodes * STEPS)
    pieces = {"plain": repeated(plain.update, times, options.episodes)}
    for name in AUTHORS:
        pieces[f"{name} bare"] = bare(name, options.episodes)
        pieces[f"{name} paper"] = training(name, "paper", options.episodes)
        pieces[f"{name} fast"] = training(name, "fast", options.episodes)
    medians = alternate(pieces, options.runs)
    rows = []
    for name, authors in AUTHORS.items():
        whole, updates, fast = (medians[f"{name} {piece}"] for piece in ("paper", "bare", "fast"))
        loop = medians["plain"] if name == "vdn" else None
        rows.append(
            (
                name,
                f"{whole:.2f}",
                f"{updates:.2f}",
                f"{whole / updates:.2f}",
                f"{authors:.1f}",
                f"{authors / whole:.2f}",
                "" if loop is None else f"{loop:.2f}",
                "" if loop is None else f"{loop / whole:.2f}",
                f"{fast:.2f}",
                f"{whole / fast:.1f}",
            )
        )
    columns = (
        "CPU seconds an episode",
        "training",
        "bare updates",
        "ratio",
        "authors' code",
        "× faster",
        "plain loop's updates",
        "× faster than it",
        "`fast`",
        "`paper` / `fast`",
    )
    table = Table("drigm_training", command(parser, options), columns, rows)
    print(table)
    if options.keep:
        table.keep()


if __name__ == "__main__":
    main()
