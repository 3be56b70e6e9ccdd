"""PointMaze and AntMaze of gymnasium-robotics, and how their walls are exchanged.

The library writes each maze as an XML file into the common temporary folder, under a name made of the clock, and
leaves it there. Here every maze has a folder of its own while it is built, so that processes which start together
cannot read each other's mazes, and nothing stays behind.
"""

from __future__ import annotations

import functools
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import gymnasium as gym

from robust_gym.task import Task
from robust_gym.tasks import _robotics_library
from robust_gym.tasks._mujoco_dynamics import MujocoDynamics

_robotics_library.load()

from gymnasium_robotics.envs.maze import maps, maze_v4  # noqa: E402  needs the line above
from gymnasium_robotics.envs.maze.ant_maze_v5 import AntMazeEnv  # noqa: E402
from gymnasium_robotics.envs.maze.point_maze import PointMazeEnv  # noqa: E402

MAPS: dict[str, list[list[Any]]] = {
    "umaze": maps.U_MAZE,
    "open": maps.OPEN,
    "open_diverse_g": maps.OPEN_DIVERSE_G,
    "medium": maps.MEDIUM_MAZE,
    "medium_diverse_g": maps.MEDIUM_MAZE_DIVERSE_G,
    "medium_diverse_gr": maps.MEDIUM_MAZE_DIVERSE_GR,
    "large": maps.LARGE_MAZE,
    "large_diverse_g": maps.LARGE_MAZE_DIVERSE_G,
    "large_diverse_gr": maps.LARGE_MAZE_DIVERSE_GR,
}
"""The library's maps, by the words of the shift ``map``."""

_building = threading.Lock()


@contextmanager
def _own_folder() -> Iterator[None]:
    """Let the library write its file into a folder that exists only meanwhile."""
    with _building, tempfile.TemporaryDirectory() as folder:
        within = functools.partial(tempfile.TemporaryDirectory, dir=folder)
        maze_v4.tempfile = SimpleNamespace(TemporaryDirectory=within)
        try:
            yield
        finally:
            maze_v4.tempfile = tempfile


class PointMaze(PointMazeEnv):
    """PointMaze that leaves no file behind; arguments as of the library's.

    Attributes:
        word: The map that now stands in place of the one it was made with, if another does.
    """

    inner = "point_env"
    word: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with _own_folder():
            super().__init__(*args, **kwargs)


class AntMaze(AntMazeEnv):
    """AntMaze that leaves no file behind; arguments as of the library's.

    Attributes:
        word: The map that now stands in place of the one it was made with, if another does.
    """

    inner = "ant_env"
    word: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with _own_folder():
            super().__init__(*args, **kwargs)


def maze(id: str, **kwargs: Any) -> Any:
    """Build a maze without its time limit.

    Args:
        id: Its Gymnasium id.
        **kwargs: Arguments of the environment: ``reward_type`` (``"sparse"`` or ``"dense"``), ``continuing_task``,
            ``reset_target``, and others.
    """
    kind = PointMaze if id.startswith("PointMaze") else AntMaze
    merged = {**gym.spec(id).kwargs, **kwargs}
    env = kind(**merged)
    env._ezpickle_args, env._ezpickle_kwargs = (), merged
    return env


class MazeDynamics(MujocoDynamics):
    """Dynamics of a maze: those of its agent, and the shift ``map``, which builds other walls before a reset."""

    def __init__(self, env: Any, task: Task) -> None:
        self._nominal_map = task.semantic["map"].nominal
        super().__init__(env, task)

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Build the coming episode's maze where it is another one, then write everything."""
        wanted = str(values.get("map", self._nominal_map))
        # The environment knows which maze it is: a copy of it is made as it was, whatever its adapter had built.
        if wanted != (self._env.word or self._nominal_map):
            self._build(wanted)
        super().configure(values)

    def _build(self, wanted: str) -> None:
        env = self._env
        # A map given as an argument of the environment is the nominal one.
        walls = env._ezpickle_kwargs["maze_map"] if wanted == self._nominal_map else MAPS[wanted]
        other = type(env)(**{**env._ezpickle_kwargs, "maze_map": walls})
        old, new = getattr(env, env.inner), getattr(other, env.inner)
        new._np_random, new._np_random_seed = old._np_random, old._np_random_seed
        old.close()
        for part in (env.inner, "maze", "_model_names", "target_site_id", "tmp_xml_file_path"):
            setattr(env, part, getattr(other, part))
        env.word = wanted
