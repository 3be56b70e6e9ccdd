"""How fast copies of a MuJoCo task step, as ratios in one run.

    python benchmarks/stepping.py [--copies 64] [--runs 7] [--keep] [TASK ...]

For every task: wall-clock time of an environment step in what people use today (one environment in a loop,
``SyncVectorEnv``, ``AsyncVectorEnv``, EnvPool where it is installed), in ``gymnasium.make_vec`` of the Robust task,
plain and with disturbed dynamics and signals, a world of its own for every copy, and in the limit that the physics
sets: an open-loop ``mujoco.rollout`` of the same worlds under the same actions, on all threads, with MuJoCo's options
as Gymnasium leaves them (the batch lets it skip the search for islands, which changes no bit). Robots do not fall here,
so that all do the same work. Pieces alternate; medians are printed, and ratios of medians for the disturbed copies.
Keep the machine quiet: time is wall-clock time, and *Async*, EnvPool, the physics alone and ``make_vec`` use all cores;
a single environment and ``SyncVectorEnv`` use one.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import mujoco
import mujoco.rollout
import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from recorded import Table, command, refuse_part
from timing import alternate, vector

from robust_gym.vector.worlds import default_threads

TASKS = ("Robust-HalfCheetah-v0", "Robust-Hopper-v0", "Robust-Walker2d-v0", "Robust-Ant-v0", "Robust-Humanoid-v0")
DISRUPTION = "dynamics:0.2+action:gauss:0.1+reward:gauss:0.1+obs:gauss:0.1"
STEPS = 60


def upright(id: str) -> dict[str, Any]:
    """Return the arguments with which a robot's fall ends nothing."""
    falls = {"Hopper", "Walker2d", "Ant", "Humanoid"}
    return {"terminate_when_unhealthy": False} if id.split("-")[1] in falls else {}


def plain(id: str) -> str:
    """Return Gymnasium's own id."""
    return f"{id.split('-')[1]}-v5"


def loop(env: Any, actions: np.ndarray) -> Callable[[], float]:
    """Return what times a single environment, in seconds a step."""

    def run() -> float:
        env.reset(seed=1)
        started = time.perf_counter()
        for action in actions[:, 0]:
            env.step(action)
        return (time.perf_counter() - started) / len(actions)

    return run


def limit(worlds: list[Any], skip: int, actions: np.ndarray) -> Callable[[], float]:
    """Return what times the physics alone, in seconds a step of one copy."""
    models = [copy.copy(world) for world in worlds]
    for model in models:
        model.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_ISLAND)
    full = mujoco.mjtState.mjSTATE_FULLPHYSICS
    data = [mujoco.MjData(models[0]) for _ in range(default_threads())]
    state = np.zeros((len(models), mujoco.mj_stateSize(models[0], full)))
    mujoco.mj_getState(models[0], data[0], state[0], full)
    state[:] = state[0]
    controls = np.repeat(actions.transpose(1, 0, 2), skip, axis=1).astype(np.float64)

    def run() -> float:
        started = time.perf_counter()
        mujoco.rollout.rollout(models, data, state, controls)
        return (time.perf_counter() - started) / actions[:, :, 0].size

    return run


def envpool(id: str, copies: int, kwargs: dict[str, Any], actions: np.ndarray) -> Callable[[], float] | None:
    """Return what times EnvPool, where it is installed; its MuJoCo may be another version."""
    if importlib.util.find_spec("envpool") is None:
        return None
    import envpool as pool

    env = pool.make_gymnasium(plain(id), num_envs=copies, num_threads=default_threads(), seed=1, **kwargs)

    def run() -> float:
        env.reset()
        started = time.perf_counter()
        for action in actions.astype(np.float64):
            env.step(action)
        return (time.perf_counter() - started) / actions[:, :, 0].size

    return run


def measure(id: str, copies: int, runs: int) -> tuple[str, ...]:
    """Time one task; return its row of the table."""
    kwargs = upright(id)
    disturbed: Any = gym.make_vec(id, num_envs=copies, disruption=DISRUPTION, **kwargs)
    nominal = gym.make_vec(id, num_envs=copies, **kwargs)
    rng = np.random.default_rng(0)
    actions = rng.uniform(-0.4, 0.4, (STEPS, *disturbed.action_space.shape)).astype(np.float32)
    disturbed.reset(seed=1)
    inner = disturbed.unwrapped

    def make() -> Any:
        return gym.make(plain(id), **kwargs)

    pieces = {
        "physics": limit(inner.simulator.models, inner.envs[0].frame_skip, actions),
        "one": loop(make(), actions),
        "sync": vector(SyncVectorEnv([make] * copies), actions),
        "async": vector(AsyncVectorEnv([make] * 4), actions[:, :4]),
        "envpool": envpool(id, copies, kwargs, actions),
        "plain": vector(nominal, actions),
        "disturbed": vector(disturbed, actions),
    }
    medians = alternate({name: piece for name, piece in pieces.items() if piece is not None}, runs)
    cells = [f"{medians[name] * 1e6:.1f}" if name in medians else "" for name in pieces]
    ratios = f"{medians['physics'] / medians['disturbed']:.2f}", f"{medians['sync'] / medians['disturbed']:.2f}"
    return (id.split("-")[1], *cells, *ratios)


def main() -> None:
    """Time all tasks asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--copies", type=int, default=64)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/results and docs/speed.md")
    options = parser.parse_args()
    refuse_part(parser, options)
    many = options.copies
    columns = (
        "µs a step",
        "physics alone",
        "one env",
        f"Sync, {many}",
        "Async, 4",
        f"EnvPool, {many}",
        f"ours, {many}",
        f"ours, {many}, disturbed",
        "of the physics",
        "× Sync",
    )
    rows = [measure(id, many, options.runs) for id in options.tasks]
    table = Table("stepping", command(parser, options), columns, rows)
    print(table)
    if options.keep:
        table.keep()


if __name__ == "__main__":
    main()
