"""What another copy of a MuJoCo task takes, and what the package loads at import.

    python benchmarks/memory.py [--keep] [TASK ...]

Every figure is of processes of their own: the memory (unshared, ``/proc/self/smaps_rollup``) after a reset and three
steps of 8 and of 72 copies, and the difference for each of the 64 more.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from recorded import Table, command, refuse_part

TASKS = ("Robust-HalfCheetah-v0", "Robust-Hopper-v0", "Robust-Ant-v0", "Robust-Humanoid-v0")
FEW, MANY = 8, 72
WAYS = {
    "SyncVectorEnv": "gym.make_vec({base!r}, {copies}, 'sync')",
    "make_vec": "gym.make_vec({id!r}, {copies}, disruption=None)",
    "make_vec, disturbed": "gym.make_vec({id!r}, {copies}, disruption='dynamics:0.2+obs:gauss:0.1')",
}
PROGRAM = """
import re, warnings
warnings.simplefilter("ignore")
import gymnasium as gym
import robust_gym
from pathlib import Path
env = {make}
env.reset(seed=0)
for _ in range(3):
    env.step(env.action_space.sample())
print(re.search(r"Private_Dirty: +(\\d+)", Path("/proc/self/smaps_rollup").read_text()).group(1))
"""
SIMULATORS = ("mujoco", "Box2D", "pygame", "torch", "jax", "stable_baselines3")


def kilobytes(id: str, way: str, copies: int) -> int:
    """Return the unshared memory of a process that holds so many copies."""
    make = WAYS[way].format(id=id, base=f"{id.split('-')[1]}-v5", copies=copies)
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(make=make)], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def loaded_at_import() -> list[str]:
    """Return the simulators and learning libraries that importing the package loads."""
    program = f"import sys, robust_gym; print(*[name for name in {SIMULATORS!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return done.stdout.split()


def main() -> None:
    """Measure all tasks asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/results and docs/speed.md")
    options = parser.parse_args()
    refuse_part(parser, options)
    rows = [
        (
            id.split("-")[1],
            *(f"{(kilobytes(id, way, MANY) - kilobytes(id, way, FEW)) / (MANY - FEW):.0f}" for way in WAYS),
        )
        for id in options.tasks
    ]
    columns = ("kB for another copy", *map("`{}`".format, WAYS))
    table = Table("memory", command(parser, options), columns, rows)
    print(table)
    print(f"loaded by import robust_gym: {', '.join(loaded_at_import()) or 'no simulator, no learning library'}")
    if options.keep:
        table.keep()


if __name__ == "__main__":
    main()
