"""How fast PPO trains on the batch, and whether it learns as much, as ratios in one run.

    python benchmarks/ppo_training.py speed [--task Robust-Hopper-v0] [--runs 3] [--keep]
    python benchmarks/ppo_training.py returns [--task Robust-Hopper-v0] [--steps 300000] [--seeds 5] [--keep]

The settings: Stable-Baselines3's own PPO with its default values in one environment of Gymnasium, normalised
(``VecNormalize``); ``ppo`` of this package on 16 copies with the same minibatches and as many gradient steps; and on
16 copies with larger minibatches and steps, the setting recommended for them. ``speed`` times short trainings in turn,
after a round that warms up (wall clock: keep the machine quiet; the copies step on all cores, Stable-Baselines3's
environment on one). ``returns`` trains every seed and plays 20 undisturbed episodes; it writes
``benchmarks/results/ppo_training.json``, where what is there already is not trained again, unless a setting's values
have changed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from recorded import RESULTS, Stamp, Table, command, stamp_of_all, stamp_of_now
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from stepping import plain
from timing import alternate

import robust_gym
from robust_gym.baselines.base import create
from robust_gym.task import Budget

FILE = RESULTS / "ppo_training.json"
ROLLOUT = 2048
COPIES = 16
SETTINGS: dict[str, dict[str, Any]] = {
    "Stable-Baselines3, one environment": {},
    f"ppo, {COPIES} copies, the same minibatches": {"n_envs": COPIES, "n_steps": ROLLOUT // COPIES},
    f"ppo, {COPIES} copies, recommended": {
        "n_envs": COPIES,
        "n_steps": ROLLOUT // COPIES,
        "batch_size": 256,
        "learning_rate": 1e-3,
    },
}


def stable_baselines(id: str, steps: int, seed: int) -> Any:
    """Train as users of Stable-Baselines3 do; return the policy as a function."""
    envs = VecNormalize(DummyVecEnv([lambda: gym.make(plain(id))]))
    model = PPO("MlpPolicy", envs, seed=seed, device="cpu").learn(steps)

    def act(observation: np.ndarray) -> np.ndarray:
        actions, _ = model.predict(np.asarray(envs.normalize_obs(observation)), deterministic=True)
        return actions

    return act


def train(setting: str, id: str, steps: int, seed: int) -> Any:
    """Train in a setting; return the policy."""
    values = SETTINGS[setting]
    if not values:
        return stable_baselines(id, steps, seed)
    return create("ppo", values).train(robust_gym.task(id), Budget("benchmark", steps, 20), seed, lambda steps: None)


def seconds(run: Callable[[], Any]) -> float:
    """Return how long something takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def speed(id: str, runs: int, repeat: str) -> Table:
    """Return steps a second in each setting."""
    steps = 24 * ROLLOUT  # fewer would shorten the rollouts of ppo

    def timed(setting: str) -> Callable[[], float]:
        return lambda: seconds(lambda: train(setting, id, steps, 0)) / steps

    medians = alternate({setting: timed(setting) for setting in SETTINGS}, runs)
    first = medians[next(iter(SETTINGS))]
    columns = (f"PPO on {id.split('-')[1]}", "steps a second", "× Stable-Baselines3")
    rows = [(setting, f"{1 / taken:.0f}", f"{first / taken:.2f}") for setting, taken in medians.items()]
    return Table("ppo_speed", repeat, columns, rows)


def trained(id: str, steps: int, seeds: int, file: Path = FILE) -> dict[str, list[dict[str, Any]]]:
    """Train all seeds that have not been with the values of today; return what is known, by setting."""
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    chosen: dict[str, list[dict[str, Any]]] = {setting: [] for setting in SETTINGS}
    for seed in range(seeds):
        for setting, values in SETTINGS.items():
            key = f"{id}, {steps} steps, {setting}, seed {seed}"
            if key not in found or found[key]["values"] != values:
                policy = train(setting, id, steps, seed)
                (result,) = robust_gym.evaluate(policy, id, disruptions="none", episodes=20).results
                found[key] = {"return": round(result.mean, 2), "values": values, "stamp": stamp_of_now()}
                file.write_text(json.dumps(found, indent=1) + "\n")
                print(f"{key}: {result.mean:.0f}", flush=True)
            chosen[setting].append(found[key])
    return chosen


def stamp(entry: Mapping[str, Any]) -> Stamp:
    """Return when and with what an entry was trained; those without a stamp were when the kept table was."""
    if "stamp" in entry:
        return entry["stamp"]
    kept: dict[str, Any] = json.loads((RESULTS / "ppo_returns.json").read_text())
    return {name: kept[name] for name in ("date", "machine", "libraries")}


def returns(id: str, steps: int, seeds: int, repeat: str) -> Table:
    """Train all seeds that have not been; return the returns."""
    found = trained(id, steps, seeds)
    rows = []
    for setting, entries in found.items():
        many = [entry["return"] for entry in entries]
        spread = statistics.stdev(many) if seeds > 1 else float("nan")
        rows.append((setting, f"{np.mean(many):.0f}", f"{spread:.0f}", " ".join(f"{one:.0f}" for one in sorted(many))))
    columns = (f"{id.split('-')[1]}, {steps} steps", "mean return", "standard deviation over seeds", "all seeds")
    stamps = [stamp(entry) for entries in found.values() for entry in entries]
    return Table("ppo_returns", repeat, columns, rows, stamp_of_all(stamps))


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "returns"))
    parser.add_argument("--task", default="Robust-Hopper-v0")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/results and docs/speed.md")
    options = parser.parse_args()
    torch.set_num_threads(1)  # as training does: more only spin on networks this small
    repeat = command(parser, options, "what")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = (
            speed(options.task, options.runs, repeat)
            if options.what == "speed"
            else returns(options.task, options.steps, options.seeds, repeat)
        )
    print(table)
    if options.keep:
        table.keep()


if __name__ == "__main__":
    main()
