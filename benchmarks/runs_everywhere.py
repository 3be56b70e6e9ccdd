"""Whether every algorithm runs on every kind of task that its spaces allow: a short training, and an episode.

    python benchmarks/runs_everywhere.py [--algorithms ppo ...] [--families mujoco ...] [--steps 200]

Of every installed family one task is taken for each kind of observation, action and interface that it has, the one
with the shortest episodes. What an algorithm refuses it must refuse with a reason, before it trains; everything else
trains for some steps and then plays one undisturbed and one disturbed episode. The record is
``benchmarks/results/runs_everywhere.json``; what is in there is not run again, unless it failed. Several of these may
run beside each other, on other algorithms or families. The exit status is 1 if anything that was asked for failed.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import torch

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.bench.files import write_atomically
from robust_gym.evaluate import play
from robust_gym.protocol import EVALUATION_SEEDS
from robust_gym.splits import task_protocol
from robust_gym.task import Budget, Task

FILE = Path(__file__).parent / "results" / "runs_everywhere.json"
LIMIT = 300
"""Seconds after which a run counts as failed."""


def representatives(families: list[str] | None) -> list[Task]:
    """Return one task of each family and kind of spaces, the one with the shortest episodes."""
    chosen: dict[tuple[str, ...], Task] = {}
    for task in map(registry.task, registry.list_tasks()):
        if (families and task.family not in families) or task.missing():
            continue
        kind = (task.family, task.api, task.observation, task.action)
        if kind not in chosen or task.horizon < chosen[kind].horizon:
            chosen[kind] = task
    return list(chosen.values())


def run(name: str, task: Task, steps: int) -> dict[str, Any]:
    """Train for some steps and play two episodes, or say why not."""
    reason = registry.algorithm(name).refuses(task)
    if reason:
        return {"refused": reason}
    started = time.monotonic()
    signal.alarm(LIMIT)  # whose exception ends the run
    try:
        policy = create(name).train(task, Budget("short", steps, 1), 0, lambda done: None)
        disturbed = task_protocol(task.id).splits[1].disruptions[0]
        seeds = range(EVALUATION_SEEDS, EVALUATION_SEEDS + 1)
        returns = [total for total, *_ in play(policy, task, [("none", seeds), (disturbed, seeds)]).values()]
        return {"seconds": round(time.monotonic() - started, 1), "returns": [round(value, 3) for value in returns]}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"[:500]}
    finally:
        signal.alarm(0)


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"not done after {LIMIT} s")


def load() -> dict[str, Any]:
    """Read the record."""
    found: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def save(key: str, result: dict[str, Any]) -> dict[str, Any]:
    """Add a result to the record as it is by now, and return the record; a reader finds the old one or the new one."""
    found = {**load(), key: result}
    write_atomically(FILE, (json.dumps(found, indent=1) + "\n").encode())
    return found


def main() -> int:
    """Do what is asked; return 1 if any of it failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithms", nargs="+", default=registry.list_algorithms())
    parser.add_argument("--families", nargs="+")
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _too_long)
    found, asked = load(), set()
    for task in representatives(options.families):
        for name in options.algorithms:
            key = f"{name} {task.id} {options.steps}"
            asked.add(key)
            if key not in found or "failed" in found[key]:
                found = save(key, run(name, task, options.steps))
                if "refused" not in found[key]:
                    print(key, found[key], flush=True)
    ran, refused, failed = (sum(what in one for one in found.values()) for what in ("returns", "refused", "failed"))
    print(f"{ran} ran, {refused} refused with a reason, {failed} failed")
    return 1 if any("failed" in found[key] for key in asked) else 0


if __name__ == "__main__":
    sys.exit(main())
