"""Whether ppo, sac and td3 return what rl-baselines3-zoo publishes, with its budgets and its values.

    python benchmarks/zoo_returns.py [--tasks Robust-Pendulum-v0 ...] [--algorithms ppo ...] [--seeds 3]

Every seed is trained for as many steps as the zoo's, with the default arguments, which are the zoo's
(``robust_gym/baselines/single/tuned/``). It is evaluated by the zoo's definition: undisturbed episodes of the
deterministic policy, for 150,000 steps, and the mean and standard deviation of their returns. The zoo's numbers are of
one run. What is in ``benchmarks/results/zoo_returns.json`` already is not trained again, and a training that was killed
goes on from its checkpoint in ``build/zoo_returns/``, in new episodes.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recorded import Table

import robust_gym
from robust_gym.baselines.base import create
from robust_gym.baselines.checkpoints import Checkpoints, Files
from robust_gym.evaluate import play
from robust_gym.protocol import EVALUATION_SEEDS
from robust_gym.task import Budget

FILE = Path(__file__).parent / "results" / "zoo_returns.json"
CHECKPOINTS = Path(__file__).parents[1] / "build" / "zoo_returns"
SOURCE = "github.com/DLR-RM/rl-baselines3-zoo, benchmark.md, commit 0088472b8cb622732bdbc4aa3d0d0abde86c67ed"
EVALUATED = 150_000
"""Steps of an evaluation."""
_BLOCK = 150
_NAMES = ["ppo", "sac", "td3"]
_SECONDS = "seconds"
"""Member of a checkpoint: CPU seconds that the training had taken."""


@dataclass(frozen=True)
class Published:
    """What the zoo says of a method on an environment.

    Attributes:
        steps: Environment steps of the training.
        mean: Mean return.
        std: Standard deviation of the episodes' returns.
    """

    steps: int
    mean: float
    std: float


ZOO: dict[str, dict[str, Published]] = {
    "Robust-Pendulum-v0": {
        "ppo": Published(100_000, -172.225, 104.159),
        "sac": Published(20_000, -156.995, 88.714),
        "td3": Published(20_000, -151.855, 90.227),
    },
    "Robust-MountainCarContinuous-v0": {
        "ppo": Published(20_000, 88.343, 2.572),
        "sac": Published(50_000, 94.679, 1.134),
        "td3": Published(300_000, 93.483, 0.075),
    },
    # The zoo's is version 2 of the environment, ours version 3.
    "Robust-LunarLanderContinuous-v0": {
        "ppo": Published(1_000_000, 270.863, 32.072),
        "sac": Published(500_000, 260.390, 65.467),
        "td3": Published(300_000, 207.451, 67.562),
    },
}


def evaluated(policy: Any, id: str) -> np.ndarray:
    """Return the returns of the undisturbed episodes that fill an evaluation's steps."""
    returns: list[float] = []
    steps = 0
    while steps < EVALUATED:
        seeds = range(EVALUATION_SEEDS + len(returns), EVALUATION_SEEDS + len(returns) + _BLOCK)
        for total, length, _ in play(policy, robust_gym.task(id), [("none", seeds)]).values():
            returns.append(total)
            steps += length
    return np.array(returns)


class Training:
    """One seed of an algorithm on a task, by the zoo's budget.

    Attributes:
        key: What the record calls it.
    """

    def __init__(self, id: str, name: str, seed: int) -> None:
        self._id, self._name, self._seed = id, name, seed
        self._steps = ZOO[id][name].steps
        self.key = f"{id} {name} {self._steps} seed {seed}"
        self._file = CHECKPOINTS / f"{self.key.replace(' ', '-')}.zip"
        self._began = time.process_time()

    def run(self) -> dict[str, Any]:
        """Train, from the checkpoint on if there is one, and evaluate."""
        last: dict[str, bytes] | None = None
        if self._file.exists():
            with zipfile.ZipFile(self._file) as file:
                last = {name: file.read(name) for name in file.namelist()}
            self._began -= float(last.pop(_SECONDS))
        checkpoints = Checkpoints(self._keep, last)
        task, budget = robust_gym.task(self._id), Budget("zoo", self._steps, 1)
        algorithm: Any = create(self._name)
        policy = algorithm.train(task, budget, self._seed, lambda steps: None, checkpoints)
        taken = time.process_time() - self._began
        returns = evaluated(policy, self._id)
        return {
            "mean": round(float(returns.mean()), 3),
            "std": round(float(returns.std()), 3),
            "episodes": len(returns),
            "train_cpu_seconds": round(taken),
        }

    def _keep(self, steps: int, files: Files) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".new")
        with zipfile.ZipFile(unfinished, "w") as file:
            for name, content in {**files, _SECONDS: f"{time.process_time() - self._began}".encode()}.items():
                file.writestr(name, content)
        unfinished.replace(self._file)
        print(f"{self.key}: {steps:,} steps", flush=True)

    def forget(self) -> None:
        """Remove the checkpoint of a training whose result is kept."""
        self._file.unlink(missing_ok=True)


def measure(ids: list[str], names: list[str], seeds: int) -> dict[str, Any]:
    """Run what is not in the file yet, and return the file."""
    for id in ids:
        for name in names:
            for seed in range(seeds):
                training = Training(id, name, seed)
                if training.key in _recorded()["runs"]:
                    continue
                done = training.run()
                # Read again, since another process may have added its runs meanwhile.
                found = _recorded()
                found["runs"] = dict(sorted({**found["runs"], training.key: done}.items()))
                FILE.write_text(json.dumps(found, indent=1) + "\n")
                training.forget()
                print(training.key, done, flush=True)
    return _recorded()


def _recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"source": SOURCE, "runs": {}}
    found["zoo"] = {id: {name: asdict(one) for name, one in by.items()} for id, by in ZOO.items()}
    return found


def table(runs: dict[str, Any], ids: list[str], names: list[str], seeds: int) -> Table:
    """Lay ours beside the zoo's."""
    rows = []
    for id in ids:
        for name in names:
            zoo = ZOO[id][name]
            ours = [runs[Training(id, name, seed).key] for seed in range(seeds)]
            rows.append(
                (
                    id,
                    name,
                    f"{zoo.steps:,}",
                    f"{np.mean([one['mean'] for one in ours]):.1f}",
                    " ".join(f"{one['mean']:.1f} ± {one['std']:.1f}" for one in ours),
                    f"{zoo.mean:.1f} ± {zoo.std:.1f}",
                )
            )
    columns = ("task", "algorithm", "steps", "our mean", "ours, each seed", "the zoo, one run")
    command = f"python benchmarks/zoo_returns.py --tasks {' '.join(ids)} --algorithms {' '.join(names)} --seeds {seeds}"
    return Table("zoo_returns", command, columns, rows)


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(ZOO), default=list(ZOO))
    parser.add_argument("--algorithms", nargs="+", choices=_NAMES, default=_NAMES)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)  # as training does: more only spin on networks this small
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = measure(options.tasks, options.algorithms, options.seeds)
    print(table(found["runs"], options.tasks, options.algorithms, options.seeds))


if __name__ == "__main__":
    main()
