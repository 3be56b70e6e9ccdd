r"""Write the fixed points of every task's normalised score into ``robust_gym/measurements.json``.

    robust-gym bench --algo random,controller,ppo,vdn --tasks 'classic*,mujoco,mpe,building,*Lander*,*Biped*' \
        --budget quick --seeds 1 --out results/reference
    python benchmarks/reference_scores.py results/reference
    python benchmarks/reference_scores.py --exact

With ``--exact``, those of the small exact worlds: both returns are computed from their models, not measured.

The policies that ``bench`` saved are evaluated again on the protocol's undisturbed split, all 20 episodes of it.
Zero is the random policy, one the best of the others. A task on which none of them beats random by more than two
standard errors and a tenth, or that was not run, gets no fixed points, and so no normalised score. CarRacing was not:
its rendered episodes take twenty minutes a cell.
"""

from __future__ import annotations

import sys
from pathlib import Path

import measurements
import numpy as np

import robust_gym
from robust_gym.baselines.base import load_policy
from robust_gym.tasks import exact_returns

COMMAND = (
    "robust-gym bench --algo random,controller,ppo,vdn --tasks 'classic*,mujoco,mpe,building,*Lander*,*Biped*' "
    "--budget quick --seeds 1 --out results/reference"
)


def id_returns(cell: Path, task: str) -> np.ndarray:
    """Return the undisturbed returns of a cell's policy."""
    (result,) = robust_gym.evaluate(load_policy(cell / "policy"), task, splits=["id"]).results
    return np.asarray(result.returns)


def standard_error(one: np.ndarray, other: np.ndarray) -> float:
    """Return the standard error of the difference of two means over as many episodes."""
    return float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / len(one)))


def main(results: Path) -> None:
    """Evaluate and write."""
    for id in robust_gym.list_tasks():
        returns = {
            cell.parent.name: id_returns(cell, id)
            for cell in sorted((results / "v1" / "quick" / id).glob("*/seed-0"))
            if (cell / "policy").is_dir()
        }
        if "random" not in returns:
            continue
        reference = None
        scores = {name: float(of_one.mean()) for name, of_one in returns.items()}
        random = scores.pop("random")
        best = max(scores, key=scores.__getitem__, default="")
        gain = scores.get(best, random) - random
        if best and gain > max(2 * standard_error(returns[best], returns["random"]), 0.1 * abs(random)):
            steps = robust_gym.task(id).steps["quick"]
            method = best if best == "controller" else f"{best}, {steps} steps, seed 0"
            reference = {
                "random": float(f"{random:.6g}"),
                "reference": float(f"{scores[best]:.6g}"),
                "method": method,
                "command": COMMAND,
            }
        measurements.save(id, reference=reference)
        print(f"{id:34} random {random:12.2f}  " + "  ".join(f"{k} {v:.2f}" for k, v in scores.items()), flush=True)


def main_exact() -> None:
    """Compute and write."""
    for id in robust_gym.list_tasks():
        task = robust_gym.task(id)
        if task.exact:
            returns = exact_returns(task)
            reference = {
                "random": float(f"{returns.random:.6g}"),
                "reference": float(f"{returns.optimal:.6g}"),
                "method": "best policy, computed from the model",
                "command": "python benchmarks/reference_scores.py --exact",
            }
            measurements.save(id, reference=reference)
            print(f"{id:34} random {returns.random:12.2f}  optimal {returns.optimal:.2f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--exact"]:
        main_exact()
    else:
        main(Path(sys.argv[1]))
