"""How fast copies of the classic control tasks step and are evaluated, as ratios in one run.

    python benchmarks/stepping_classic.py [--copies 64] [--runs 7] [--episodes 16] [TASK ...]

For every task: processor time of an environment step under random actions in what people use today (one environment
in a loop, ``SyncVectorEnv``, Gymnasium's own vectorised CartPole, which draws other initial states), and in
``gymnasium.make_vec`` of the Robust task, plain and with disturbed dynamics and signals, a world of its own for every
copy. Then the processor time of ``robust_gym.evaluate`` on the task's whole protocol, in the batch and in
environments stepped one by one, which give the same episodes. One thread does all the work. Pieces alternate; medians
and ratios of medians are printed.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv, VectorEnv

import robust_gym
from robust_gym.vector import simulator

STEPS = 200


def loop(env: Any, actions: np.ndarray) -> Callable[[], float]:
    """Return what times a single environment, in seconds a step."""

    def run() -> float:
        env.reset(seed=1)
        started = time.process_time()
        for action in actions[:, 0]:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return (time.process_time() - started) / len(actions)

    return run


def vector(env: VectorEnv, actions: np.ndarray) -> Callable[[], float]:
    """Return what times a vector environment, in seconds a step of one copy."""

    def run() -> float:
        env.reset(seed=1)
        started = time.process_time()
        for action in actions:
            env.step(action)
        return (time.process_time() - started) / (len(actions) * env.num_envs)

    return run


def medians(pieces: Mapping[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """Return the median time of each piece; they alternate, and the first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in pieces}
    for number in range(runs + 1):
        for name, piece in pieces.items():
            taken = piece()
            if number:
                times[name].append(taken)
    return {name: statistics.median(many) for name, many in times.items()}


def stepping(id: str, copies: int, runs: int) -> None:
    """Time the steps of one task, and print a line for each way to take them."""
    base, box = robust_gym.task(id).base, robust_gym.task(id).action == "box"
    disruption = f"dynamics:0.2+action:{'gauss' if box else 'sticky'}:0.1+reward:gauss:0.1+obs:gauss:0.1"
    nominal, disturbed = gym.make_vec(id, copies), gym.make_vec(id, copies, disruption=disruption)
    nominal.action_space.seed(0)
    actions = np.array([nominal.action_space.sample() for _ in range(STEPS)])

    def plain() -> Any:
        return gym.make(base)

    def robust() -> Any:
        return robust_gym.make(id, disruption=disruption)

    sync = f"SyncVectorEnv, {copies}"
    pieces = {"gym.make, one": loop(plain(), actions), sync: vector(SyncVectorEnv([plain] * copies), actions)}
    if gym.spec(base).vector_entry_point is not None:
        own = gym.make_vec(base, copies, "vector_entry_point")
        pieces[f"Gymnasium's {type(own).__name__}, {copies}"] = vector(own, actions)
    pieces[f"make_vec, {copies}"] = vector(nominal, actions)
    pieces[f"SyncVectorEnv, {copies}, disturbed"] = vector(SyncVectorEnv([robust] * copies), actions)
    pieces[f"make_vec, {copies}, disturbed"] = vector(disturbed, actions)
    found = medians(pieces, runs)
    print(f"{id}, {robust_gym.task(id).about}")
    for name, taken in found.items():
        print(f"  {name:44} {taken * 1e6:8.2f} us   {found[sync] / taken:6.1f} x Sync")
    apart, together = found[f"SyncVectorEnv, {copies}, disturbed"], found[f"make_vec, {copies}, disturbed"]
    print(f"  disturbed, make_vec against SyncVectorEnv: {apart / together:.1f} x")


class Network:
    """A policy of two layers of 64 units, with random weights; on CartPole, the rule that keeps the pole upright.

    Args:
        id: The task's id.
    """

    def __init__(self, id: str) -> None:
        env, rng = robust_gym.make(id), np.random.default_rng(0)
        self._space: Any = env.action_space
        self._rule = "CartPole" in id
        outputs = self._space.shape[0] if self._space.shape else int(self._space.n)
        sizes = [env.observation_space.shape[0], 64, 64, outputs]
        self._layers = [rng.normal(size=(a, b)) / np.sqrt(a) for a, b in itertools.pairwise(sizes)]

    def act(self, observation: np.ndarray, state: Any, episode_start: np.ndarray) -> tuple[np.ndarray, Any]:
        """Choose actions."""
        found = observation.astype(np.float64)
        for layer in self._layers[:-1]:
            found = np.tanh(found @ layer)
        found = found @ self._layers[-1]
        if self._rule:
            return (observation[:, 2] + observation[:, 3] > 0).astype(int), state
        return (np.clip(found, -1, 1) if self._space.shape else found.argmax(axis=1)), state


def evaluation(id: str, episodes: int, runs: int) -> None:
    """Time the evaluation of one task on its protocol, in the batch and in environments one by one."""
    policy = Network(id)
    results: dict[str, Any] = {}

    def timed(name: str) -> float:
        started = time.process_time()
        results[name] = robust_gym.evaluate(policy, id, episodes=episodes).results
        return time.process_time() - started

    def apart() -> float:
        with mock.patch.object(simulator, "is_batched", lambda task: False):
            return timed("apart")

    found = medians({"batch": lambda: timed("batch"), "apart": apart}, runs)
    batch, single = found["batch"], found["apart"]
    alike = sum(a == b for a, b in zip(results["batch"], results["apart"], strict=True))
    print(
        f"  evaluate, {len(results['batch'])} disruptions x {episodes} episodes: {batch:.2f} s in the batch, "
        f"{single:.2f} s one by one, {single / batch:.1f} x; {alike} disruptions alike to the bit"
    )


def main() -> None:
    """Time all tasks asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=robust_gym.list_tasks("classic_control"))
    parser.add_argument("--copies", type=int, default=64)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--episodes", type=int, default=16)
    options = parser.parse_args()
    for id in options.tasks:
        stepping(id, options.copies, options.runs)
        evaluation(id, options.episodes, max(1, options.runs // 3))


if __name__ == "__main__":
    main()
