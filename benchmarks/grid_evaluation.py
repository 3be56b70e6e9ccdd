"""What evaluating a policy over a grid of disruptions costs, as ratios in one run.

    python benchmarks/grid_evaluation.py [--disruptions 48] [--episodes 16] [--train 60000] [--keep] [TASK ...]

A Stable-Baselines3 PPO model (64 x 64) is trained for a while on the bare task, so that robots keep upright. Then it is
evaluated by ``robust_gym.evaluate`` over disruptions of dynamics, observations and actions, all in one batch, and by
Stable-Baselines3's ``evaluate_policy``: in environments of the same disruptions, one after the other, and in bare ones
of Gymnasium. Printed is CPU time for each environment step, of all threads, and how many cores were busy. The slow ways
run a few disruptions and episodes only: their cost for a step does not depend on how many.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import torch
from recorded import Table, command, refuse_part
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stepping import plain

import robust_gym

TASKS = ("Robust-HalfCheetah-v0", "Robust-Hopper-v0", "Robust-Ant-v0")
SAMPLE = 4
"""Disruptions that the slow ways run."""


def grid(many: int) -> list[str]:
    """Return disruptions in the proportions of the protocol: mostly dynamics, some signals, some both."""
    forms = ("dynamics:{}", "dynamics:{}+obs:gauss:{}", "obs:gauss:{}", "action:gauss:{}+dynamics:{}")
    return [forms[i % len(forms)].replace("{}", f"{0.05 + 0.4 * i / many:.3f}") for i in range(many)]


def timed(run: Callable[[], int]) -> tuple[float, float]:
    """Return CPU seconds for a step, and how many cores were busy."""
    wall, cpu = time.perf_counter(), time.process_time()
    steps = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return cpu / steps, cpu / wall


def stable_baselines(model: Any, make: Callable[[str], Any], disruptions: list[str], episodes: int) -> int:
    """Evaluate as users of Stable-Baselines3 do; return the steps taken."""
    steps = 0
    for text in disruptions:
        env = make(text)
        _, lengths = evaluate_policy(model, env, episodes, return_episode_rewards=True, warn=False)
        steps += sum(lengths)
        env.close()
    return steps


def measure(id: str, many: int, episodes: int, train: int) -> tuple[str, ...]:
    """Time one task; return its row of the table."""
    base = plain(id)
    model = PPO("MlpPolicy", gym.make(base), seed=0, device="cpu", policy_kwargs={"net_arch": [64, 64]})
    model.learn(train)
    disruptions = grid(many)
    few = disruptions[:SAMPLE]

    def together() -> int:
        results = robust_gym.evaluate(model, id, disruptions=disruptions, episodes=episodes).results
        return sum(sum(result.lengths) for result in results)

    ours, cores = timed(together)
    theirs, _ = timed(lambda: stable_baselines(model, lambda text: gym.make(id, disruption=text), few, SAMPLE))
    bare, _ = timed(lambda: stable_baselines(model, lambda text: gym.make(base), few, SAMPLE))
    times = (f"{cost * 1e6:.1f}" for cost in (bare, theirs, ours))
    return (id.split("-")[1], *times, f"{ours / bare:.2f}", f"{ours / theirs:.2f}", f"{cores:.1f}")


def main() -> None:
    """Time all tasks asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--disruptions", type=int, default=48)
    parser.add_argument("--episodes", type=int, default=16)
    parser.add_argument("--train", type=int, default=60_000)
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/results and docs/speed.md")
    options = parser.parse_args()
    refuse_part(parser, options)
    torch.set_num_threads(1)  # more threads only spin on networks this small
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [measure(id, options.disruptions, options.episodes, options.train) for id in options.tasks]
    columns = (
        "µs CPU a step",
        "`evaluate_policy`, bare",
        "`evaluate_policy`, disturbed",
        "`robust_gym.evaluate`",
        "of the bare",
        "of the disturbed",
        "cores busy",
    )
    table = Table("grid_evaluation", command(parser, options), columns, rows)
    print(table)
    if options.keep:
        table.keep()


if __name__ == "__main__":
    main()
