"""Draw the pictures of the tasks' pages: one frame each, a few random steps into an episode.

    MUJOCO_GL=egl SDL_VIDEODRIVER=dummy python docs/task_pictures.py [--missing] [TASK ...]

Headless rendering of MuJoCo needs EGL (Debian: ``apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libopengl0``).
Each task is drawn in a process of its own: some simulators can hold only one window, and one that crashes or hangs
takes no other with it. Tasks that draw nothing by their own account are named and left without a picture; any other
that fails makes the exit status 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "assets" / "tasks"
SIZE = (320, 240)
STEPS = 12
LIMIT = 300
"""Seconds after which a task counts as failed."""
NOTHING = "draws nothing"


def frame(id: str) -> np.ndarray:
    """Return a frame ``[H, W, 3]``, uint8.

    Raises:
        Exception: Whatever the environment raises when it cannot be drawn.
    """
    import robust_gym
    from robust_gym import registry

    env: Any = robust_gym.make(id, render_mode="rgb_array")
    many = registry.task(id).api == "parallel"
    spaces = {a: env.action_space(a) for a in env.possible_agents} if many else {"": env.action_space}
    for number, space in enumerate(spaces.values()):
        space.seed(number)
    env.reset(seed=1)
    for _ in range(STEPS):
        if many:
            env.step({agent: spaces[agent].sample() for agent in env.agents})
            over = not env.agents
        else:
            _, _, terminated, truncated, _ = env.step(spaces[""].sample())
            over = terminated or truncated
        if over:
            env.reset(seed=2)
            break
    picture = np.asarray(env.render())
    env.close()
    assert picture.ndim == 3 and picture.shape[2] == 3, f"a frame of shape {picture.shape}"
    return picture


def draws(id: str) -> bool:
    """Return whether a task's environment says that it gives frames; of one that cannot be made, they are wanted."""
    import robust_gym

    try:
        env: Any = robust_gym.make(id)
    except Exception:
        return True
    modes = env.metadata.get("render_modes", ())
    env.close()
    return "rgb_array" in modes


def draw(id: str) -> str:
    """Write one picture; return what went wrong, or nothing."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.fromarray(frame(id).astype(np.uint8))
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0] if draws(id) else NOTHING
    image.thumbnail(SIZE)
    FOLDER.mkdir(parents=True, exist_ok=True)
    image.save(FOLDER / f"{id}.webp", quality=60, method=6)
    return ""


def draw_apart(id: str) -> str:
    """Write one picture in a process of its own; return what went wrong, or nothing."""
    try:
        done = subprocess.run([sys.executable, __file__, "--one", id], capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"not done after {LIMIT} s"
    if done.returncode == 0:
        return ""
    said = done.stdout if done.returncode == 1 and done.stdout else done.stderr
    last = (said.strip().splitlines() or ["it says nothing"])[-1]
    return last if done.returncode == 1 else f"exit {done.returncode}: {last}"


def main() -> int:
    """Draw; return 1 if a task failed."""
    import robust_gym
    from robust_gym import registry

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--missing", action="store_true", help="only tasks without a picture")
    parser.add_argument("--one", metavar="TASK", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(problem := draw(options.one))
        return 1 if problem else 0
    ids = registry.match_tasks(options.tasks) if options.tasks else robust_gym.list_tasks()
    ids = [id for id in ids if registry.task(id).missing() is None]
    if options.missing:
        ids = [id for id in ids if not (FOLDER / f"{id}.webp").exists()]
    failed = 0
    for id in ids:
        problem = draw_apart(id)
        failed += problem not in ("", NOTHING)
        print(f"{id}: {problem or 'ok'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
