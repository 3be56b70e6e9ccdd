"""How fast copies of the classic control tasks step and are evaluated, as ratios in one run.

    python benchmarks/stepping_classic.py [--copies 64] [--runs 7] [--episodes 16] [--keep] [TASK ...]

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
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv
from recorded import Table, command, refuse_part
from timing import alternate, vector

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


def stepping(id: str, copies: int, runs: int) -> dict[str, float]:
    """Time the steps of one task, in seconds for each way to take them."""
    base, box = robust_gym.task(id).base, robust_gym.task(id).action == "box"
    disruption = f"dynamics:0.2+action:{'gauss' if box else 'sticky'}:0.1+reward:gauss:0.1+obs:gauss:0.1"
    nominal, disturbed = gym.make_vec(id, copies), gym.make_vec(id, copies, disruption=disruption)
    nominal.action_space.seed(0)
    actions = np.array([nominal.action_space.sample() for _ in range(STEPS)])

    def plain() -> Any:
        return gym.make(base)

    def robust() -> Any:
        return robust_gym.make(id, disruption=disruption)

    pieces = {
        "one": loop(plain(), actions),
        "sync": vector(SyncVectorEnv([plain] * copies), actions, time.process_time),
    }
    if gym.spec(base).vector_entry_point is not None:
        pieces["own"] = vector(gym.make_vec(base, copies, "vector_entry_point"), actions, time.process_time)
    pieces["plain"] = vector(nominal, actions, time.process_time)
    pieces["sync, disturbed"] = vector(SyncVectorEnv([robust] * copies), actions, time.process_time)
    pieces["disturbed"] = vector(disturbed, actions, time.process_time)
    return alternate(pieces, runs)


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


def evaluation(id: str, episodes: int, runs: int) -> float:
    """Return how many times longer the evaluation of one task's protocol takes in environments one by one.

    Raises:
        AssertionError: If the episodes differ.
    """
    policy = Network(id)
    results: dict[str, Any] = {}

    def timed(name: str) -> float:
        started = time.process_time()
        results[name] = robust_gym.evaluate(policy, id, episodes=episodes).results
        return time.process_time() - started

    def apart() -> float:
        with mock.patch.object(simulator, "is_batched", lambda task: False):
            return timed("apart")

    found = alternate({"batch": lambda: timed("batch"), "apart": apart}, runs)
    assert results["batch"] == results["apart"], f"{id}: the episodes in the batch are others"
    return found["apart"] / found["batch"]


def row(id: str, copies: int, runs: int, episodes: int) -> tuple[str, ...]:
    """Time one task; return its row of the table."""
    found = stepping(id, copies, runs)
    ways = ("one", "sync", "own", "plain", "sync, disturbed", "disturbed")
    cells = [f"{found[way] * 1e6:.2f}" if way in found else "" for way in ways]
    ratios = found["sync"] / found["plain"], found["sync, disturbed"] / found["disturbed"]
    evaluated = evaluation(id, episodes, max(1, runs // 3))
    return (id.split("-")[1], *cells, *(f"{ratio:.1f}" for ratio in (*ratios, evaluated)))


def main() -> None:
    """Time all tasks asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=robust_gym.list_tasks("classic_control"))
    parser.add_argument("--copies", type=int, default=64)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--episodes", type=int, default=16)
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/results and docs/speed.md")
    options = parser.parse_args()
    refuse_part(parser, options)
    many = options.copies
    columns = (
        "µs CPU a step",
        "one env",
        f"Sync, {many}",
        f"Gymnasium's batch, {many}",
        f"ours, {many}",
        "Sync, disturbed",
        "ours, disturbed",
        "plain, × Sync",
        "disturbed, × Sync",
        "evaluation, ×",
    )
    rows = [row(id, many, options.runs, options.episodes) for id in options.tasks]
    table = Table("stepping_classic", command(parser, options), columns, rows)
    print(table)
    if options.keep:
        table.keep()


if __name__ == "__main__":
    main()
