"""How much adversaries lower the return of a trained policy, next to noise of the same radius.

    python benchmarks/adversaries.py [--cache DIR] [--episodes 20] [--radii 0.1 0.2]

Trains PPO on Robust-Hopper-v0, and an adversary against it at the smallest radius, which is let loose at all of
them; both are kept in the cache and trained only once. Evaluates the policy under noise and under attack, on the same
episodes, and writes ``benchmarks/results/adversaries.json`` and the table of ``docs/adversaries.md``. Gaussian noise
has the radius as its standard deviation, so that it leaves the ball in a third of all dimensions; uniform noise stays
within it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from recorded import ROOT, between

import robust_gym
from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.single.adversary import train_adversary
from robust_gym.task import Budget
from robust_gym.wrappers.attacks import register_learned

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


def victim(cache: Path) -> Any:
    """Return the policy under attack, trained if it is not there."""
    directory = cache / f"ppo-{STEPS}-0"
    if not directory.exists():
        policy = create("ppo").train(registry.task(TASK), Budget("own", STEPS, 1), 0, lambda done: None)
        policy.save(directory)
    return load_policy(directory)


def adversary(cache: Path, policy: Any, eps: float) -> str:
    """Return the word of the adversary that was trained at a radius, trained if it is not there."""
    directory = cache / f"learned-{eps:g}-{ADVERSARY_STEPS}-0"
    if not directory.exists():
        train_adversary(
            policy, TASK, f"obs:adversary:learned,{eps}", steps=ADVERSARY_STEPS, seed=0, directory=directory
        )
    name = f"hopper_{eps:g}".replace(".", "_")
    register_learned(name, directory)
    return name


def measure(policy: Any, name: str, disruption: str, episodes: int) -> dict[str, Any]:
    """Evaluate one row."""
    started = time.process_time()
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


def main(cache: Path, episodes: int, radii: Sequence[float]) -> None:
    """Train what is missing, measure, write."""
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
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(between(PAGE.read_text(), "adversaries", table(results)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "robust_gym" / "adversaries")
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--radii", type=float, nargs="+", default=[0.1, 0.2])
    options = parser.parse_args()
    main(options.cache, options.episodes, options.radii)
