"""What teams in a batch save, as ratios of CPU time in one run.

    python benchmarks/teams.py [--runs 5] [--episodes 20] [--steps 3000] [--keep]

The multi-agent building, one thread: a step of 64 copies in the batch against 64 environments one by one, with the
wrappers that disturb nothing and without; ``robust_gym.evaluate`` of a VDN team over the whole protocol, in the batch
against environments side by side, and how much of it each part takes; and training of VDN with one and with 16
episodes collected at once: whole, and its collection alone. The slow evaluation runs two episodes of each disruption,
as its cost of a step does not depend on how many. Pieces alternate; ratios of medians are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import functools
import importlib
import pstats
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from recorded import Table
from timing import alternate

import robust_gym
from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.task import Budget
from robust_gym.vector.worlds import Worlds

ID = "Robust-Building-v0"
COPIES = 64
NEVER = 10**9
"""Steps between updates in a run that only collects."""

PARTS = {
    "policy": ("policy.py", "act"),
    "signals": ("disturbed.py", "pass_on"),
    "observations": ("disturbed.py", "look"),
    "drifting worlds": ("worlds.py", "_drift"),
    "simulator": ("building.py", "step"),
    "resets": ("disturbed.py", "begin"),
}
"""Functions whose share of an evaluation is printed."""


def stepping(runs: int) -> dict[str, float]:
    """Time a step of 64 copies."""
    task, rng = registry.task(ID), np.random.default_rng(0)
    worlds = Worlds(task, COPIES)
    actions = [{agent: rng.integers(200, size=COPIES) for agent in worlds.agents} for _ in range(task.horizon - 1)]
    single = [[{agent: int(many[copy]) for agent, many in one.items()} for one in actions] for copy in range(COPIES)]

    def together() -> float:
        worlds.renew(np.arange(COPIES), list(range(COPIES)))
        before = time.process_time()
        for one in actions:
            worlds.advance(one)
            worlds.observe()
        return (time.process_time() - before) / len(actions)

    def alone(envs: list[Any]) -> float:
        for seed, env in enumerate(envs):
            env.reset(seed=seed)
        before = time.process_time()
        for env, own in zip(envs, single, strict=True):
            for one in own:
                env.step(one)
        return (time.process_time() - before) / len(actions)

    wrapped = [robust_gym.make(ID) for _ in range(COPIES)]
    bare: list[Any] = [env.unwrapped for env in wrapped]
    pieces = {"batch": together, "environments": lambda: alone(wrapped), "without wrappers": lambda: alone(bare)}
    return alternate(pieces, runs)


@contextlib.contextmanager
def one_by_one() -> Iterator[None]:
    """Let nothing be batched."""
    module: Any = importlib.import_module("robust_gym.vector.simulator")
    before = module.is_batched
    module.is_batched = lambda task: False
    try:
        yield
    finally:
        module.is_batched = before


def trained(steps: int, **arguments: Any) -> Any:
    """Return a VDN team."""
    return create("vdn", arguments).train(registry.task(ID), Budget("own", steps, 1), 0, lambda done: None)


def evaluation(policy: Any, episodes: int, runs: int) -> dict[str, float]:
    """Time a step of an evaluation."""

    def run(many: int) -> float:
        before = time.process_time()
        results = robust_gym.evaluate(policy, ID, episodes=many).results
        return (time.process_time() - before) / sum(sum(one.lengths) for one in results)

    def alone() -> float:
        with one_by_one():
            return run(2)

    return alternate({"batch": lambda: run(episodes), "environments": alone}, runs)


def shares(policy: Any, episodes: int) -> dict[str, float]:
    """Return the shares of an evaluation's parts, under the profiler."""
    profile = cProfile.Profile()
    profile.runcall(robust_gym.evaluate, policy, ID, episodes=episodes)
    stats: Any = pstats.Stats(profile)
    times = {(path.rsplit("/", 1)[-1], name): row[3] for (path, _, name), row in stats.stats.items()}
    whole = times["evaluate.py", "evaluate"]
    return {part: times.get(function, 0.0) / whole for part, function in PARTS.items()}


def training(steps: int, runs: int) -> dict[str, float]:
    """Time a step of training."""

    def run(**arguments: Any) -> float:
        before = time.process_time()
        trained(steps, **arguments)
        return (time.process_time() - before) / steps

    pieces: dict[str, Callable[[], float]] = {}
    for network in ("mlp", "lstm"):
        for n_envs in (1, 16):
            common = functools.partial(run, network=network, n_envs=n_envs)
            pieces[f"{network}, {n_envs}"] = common
            pieces[f"{network}, {n_envs}, collection"] = functools.partial(common, update_every=NEVER)
    return alternate(pieces, runs)


def main(runs: int, episodes: int, steps: int, keep: bool) -> None:
    """Measure, and print."""
    found = stepping(runs)
    rows = [
        (f"a step of {COPIES} copies, µs", *_pair(found["environments"], found["batch"])),
        ("the same without wrappers, µs", *_pair(found["without wrappers"], found["batch"])),
    ]
    policy = trained(300)
    found = evaluation(policy, episodes, max(1, runs // 2))
    rows.append(("a step of an evaluation, µs", *_pair(found["environments"], found["batch"])))
    print("evaluation: " + ", ".join(f"{part} {share:.0%}" for part, share in shares(policy, episodes).items()))
    found = training(steps, max(1, runs // 2))
    for network in ("mlp", "lstm"):
        for what in ("", ", collection"):
            name = f"a step of training vdn, {network}{what and ', without updates'}, 16 copies, µs"
            rows.append((name, *_pair(found[f"{network}, 1{what}"], found[f"{network}, 16{what}"])))
    command = f"python benchmarks/teams.py --runs {runs} --episodes {episodes} --steps {steps}"
    table = Table("teams", command, ("The building, CPU time", "one by one", "in the batch", "×"), rows)
    print(table)
    if keep:
        table.keep()


def _pair(alone: float, together: float) -> tuple[str, str, str]:
    return f"{alone * 1e6:.0f}", f"{together * 1e6:.0f}", f"{alone / together:.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/results and docs/speed.md")
    options = parser.parse_args()
    main(options.runs, options.episodes, options.steps, options.keep)
