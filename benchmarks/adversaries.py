"""How much adversaries lower the return of a trained policy, next to noise of the same radius.

    python benchmarks/adversaries.py [--cache DIR] [--episodes 20] [--radii 0.1 0.2] [--keep]

Trains PPO on Robust-Hopper-v0, and an adversary against it at the smallest radius, which is let loose at all of
them; both are kept in the cache and trained only once. Evaluates the policy under noise and under attack, on the same
episodes, and prints the table; with ``--keep`` it writes ``benchmarks/results/adversaries.json`` and the table of
``docs/adversaries.md``. Gaussian noise has the radius as its standard deviation, so that it leaves the ball in a third
of all dimensions; uniform noise stays within it. The cost of a step is CPU time of all threads, in environments that
step one by one, attacked or not.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from recorded import ROOT, between

import robust_gym
from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.single.adversary import train_adversary
from robust_gym.task import Budget
from robust_gym.vector import simulator
from robust_gym.wrappers.attacks import register_learned
from robust_gym.wrappers.attacks.learned import FILE

RESULTS = ROOT / "benchmarks" / "results" / "adversaries.json"
PAGE = ROOT / "docs" / "adversaries.md"
TASK = "Robust-Hopper-v0"
STEPS = 500_000
ADVERSARY_STEPS = 300_000

ROWS = {
    "Gaussian noise": "obs:gauss:{eps}",
    "uniform noise": "obs:uniform:{eps}",
    "`random`: a corner, held for 10 steps": "obs:adversary:random,{eps}",
    "`search`: 32 tries, judged by the critic": "obs:adversary:search,{eps}",
    "`mad`: 10 gradient steps": "obs:adversary:mad,{eps}",
    "`critic`: 10 gradient steps": "obs:adversary:critic,{eps}",
    "`learned`: an adversary trained against it": "obs:adversary:{learned},{eps}",
}
"""What is compared, in the words of the table."""


def whole(directory: Path, last: str, save: Callable[[Path], object]) -> None:
    """Let a folder be there whole: one whose writing was cut short is written again.

    Args:
        directory: The folder.
        last: The file that is written last.
        save: Writes the folder that it is given.
    """
    if (directory / last).exists():
        return
    partial = directory.with_name(f"{directory.name}.partial")
    for rest in (partial, directory):
        shutil.rmtree(rest, ignore_errors=True)
    save(partial)
    partial.replace(directory)


def victim(cache: Path) -> Any:
    """Return the policy under attack, trained if it is not there."""
    directory = cache / f"ppo-{STEPS}-0"

    def save(partial: Path) -> None:
        create("ppo").train(registry.task(TASK), Budget("own", STEPS, 1), 0, lambda done: None).save(partial)

    whole(directory, "policy.json", save)
    return load_policy(directory)


def adversary(cache: Path, policy: Any, eps: float) -> str:
    """Return the word of the adversary that was trained at a radius, trained if it is not there."""
    directory = cache / f"learned-{eps:g}-{ADVERSARY_STEPS}-0"
    attack = f"obs:adversary:learned,{eps}"
    whole(
        directory,
        FILE,
        lambda partial: train_adversary(policy, TASK, attack, steps=ADVERSARY_STEPS, seed=0, directory=partial),
    )
    name = f"hopper_{eps:g}".replace(".", "_")
    register_learned(name, directory)
    return name


def measure(policy: Any, name: str, disruption: str, episodes: int) -> dict[str, Any]:
    """Evaluate one row.

    Environments step one by one, for that is how attacked ones do: copies without an adversary would step in a batch,
    which costs less, and costs of the rows could not be compared. The episodes are the same.
    """
    started = time.process_time()
    with mock.patch.object(simulator, "is_batched", lambda task: False):
        (result,) = robust_gym.evaluate(policy, TASK, disruptions=disruption, episodes=episodes).results
    steps = sum(result.lengths)
    row = {
        "name": name,
        "disruption": result.disruption,
        "mean": round(result.mean, 1),
        "standard_error": round(float(np.std(result.returns, ddof=1)) / episodes**0.5, 1),
        "length": round(steps / episodes, 1),
        "milliseconds_per_step": round(1000 * (time.process_time() - started) / steps, 2),
    }
    print(json.dumps(row), flush=True)
    return row


def table(results: dict[str, Any]) -> str:
    """Write the table of the page."""
    radii = results["radii"]
    head = ["| Who moves the observation |", *(f" radius {eps} |" for eps in radii), " cost of a step |"]
    lines = ["".join(head), "| :-- |" + " --: |" * (len(radii) + 1)]
    named = {"nobody": [results["nominal"]] * len(radii)}
    named |= {
        name: [next(r for r in results["rows"][f"{eps:g}"] if r["name"] == name) for eps in radii] for name in ROWS
    }
    for name, rows in named.items():
        cells = "".join(f" {row['mean']:.0f} ± {row['standard_error']:.0f} |" for row in rows)
        lines.append(f"| {name} |{cells} {rows[-1]['milliseconds_per_step']:.2f} ms |")
    return "\n".join(lines) + "\n"


def main(cache: Path, episodes: int, radii: Sequence[float], keep: bool) -> None:
    """Train what is missing, measure, print, and write if asked to."""
    policy = victim(cache)
    results: dict[str, Any] = {
        "task": TASK,
        "policy": f"ppo, {STEPS} steps, seed 0",
        "adversary": f"ppo, {ADVERSARY_STEPS} steps at radius {min(radii):g}, seed 0",
        "episodes": episodes,
        "radii": list(radii),
        "command": f"python benchmarks/adversaries.py --episodes {episodes} --radii {' '.join(map(str, radii))}",
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("mujoco", "torch", "stable-baselines3")},
        },
        "nominal": measure(policy, "nobody", "none", episodes),
        "rows": {},
    }
    learned = adversary(cache, policy, min(radii))
    for eps in radii:
        results["rows"][f"{eps:g}"] = [
            measure(policy, name, text.format(eps=eps, learned=learned), episodes) for name, text in ROWS.items()
        ]
    print(table(results))
    if not keep:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(between(PAGE.read_text(), "adversaries", table(results)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "robust_gym" / "adversaries")
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--radii", type=float, nargs="+", default=[0.1, 0.2])
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results and docs/adversaries.md")
    options = parser.parse_args()
    main(options.cache, options.episodes, options.radii, options.keep)
