"""SISL's pursuers on a grid, and how their world is written."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from pettingzoo.sisl.pursuit.pursuit import raw_env
from pettingzoo.sisl.pursuit.utils.controllers import SingleActionPolicy

from robust_gym.task import Task
from robust_gym.tasks._aec import Simultaneous

_STAY = 4
_PILLARS = (2, 3, 7, 8, 12, 13)


def pursuit(**kwargs: Any) -> Simultaneous:
    """Make PettingZoo's ``pursuit_v5``; arguments are its own, such as ``n_evaders`` and ``render_mode``."""
    return Chase(raw_env(**kwargs))


class Chase(Simultaneous):
    """The game, drawn in whatever font there is."""

    def render(self) -> np.ndarray | None:
        """Draw the game; see `Simultaneous.render`."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The system font", UserWarning)
            return super().render()


class _Frozen(SingleActionPolicy):
    """Lets evaders stay, and those who wander in other episodes be seeded, which the game does only in their place.

    Args:
        usual: What moves the evaders in other episodes.
    """

    def __init__(self, usual: Any) -> None:
        super().__init__(_STAY)
        self._usual = usual

    def set_rng(self, rng: np.random.Generator) -> None:
        """Pass on the generator of an episode that begins with a seed."""
        if hasattr(self._usual, "set_rng"):
            self._usual.set_rng(rng)


class PursuitDynamics:
    """Writes the grid's obstacles, who moves how fast, and how far pursuers see.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Simultaneous, task: Task) -> None:
        self._env = env
        game = env.game.env
        self._evaders, self._controller = game.n_evaders, game.evader_controller
        self._map = game.map_matrix

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Choose what the coming reset places: obstacles and evaders."""
        game = self._env.game.env
        game.map_matrix = _obstacles(str(values.get("map", "rectangle")), self._map)
        frozen = values.get("evaders", "wandering") == "frozen"
        game.evader_controller = _Frozen(self._controller) if frozen else self._controller
        game.n_evaders = max(1, round(self._evaders * float(values.get("evader_count", 1.0))))
        game.evaders_gone = np.zeros(game.n_evaders, bool)
        self._set_sight(float(values.get("sight", 1.0)))

    def apply(self, values: Mapping[str, float]) -> None:
        """Set speeds and sight; the number of evaders is that of the reset."""
        game = self._env.game.env
        for layer, name in ((game.evader_layer, "evader_speed"), (game.pursuer_layer, "pursuer_speed")):
            layer.__dict__.pop("move_agent", None)
            if values.get(name, 1.0) != 1.0:
                layer.move_agent = functools.partial(_move, game, layer, values[name])
        self._set_sight(values.get("sight", 1.0))

    def _set_sight(self, sight: float) -> None:
        game = self._env.game.env
        game.__dict__.pop("collect_obs_by_idx", None)
        if sight != 1.0:
            game.collect_obs_by_idx = functools.partial(_look, game, sight)


def _move(game: Any, layer: Any, speed: float, agent: int, action: int) -> None:
    """Take, over time, ``speed`` cells in place of each one."""
    cells = math.floor((game.frames + 1) * speed) - math.floor(game.frames * speed)
    for _ in range(cells):
        type(layer).move_agent(layer, agent, action)


def _look(game: Any, sight: float, layer: Any, agent: int) -> np.ndarray:
    """See nothing beyond ``sight`` times the usual distance."""
    seen: np.ndarray = type(game).collect_obs_by_idx(game, layer, agent)
    away = np.abs(np.arange(game.obs_range) - game.obs_offset)
    seen[:, np.maximum(away[:, None], away) > sight * game.obs_offset] = 0.0
    return seen


def _obstacles(name: str, usual: np.ndarray) -> np.ndarray:
    """Return a map, -1 where an obstacle stands, of the usual one's shape ``[x, y]``."""
    if name == "rectangle":
        return usual
    grid = np.zeros_like(usual)
    width, height = grid.shape
    if name == "pillars":
        columns = [x for x in _PILLARS if x < width]
        grid[np.ix_(columns, [y for y in _PILLARS if y < height])] = -1
    elif name == "walls":
        # Two walls with gaps at opposite ends.
        grid[width // 3, : height * 2 // 3] = -1
        grid[width * 2 // 3, height // 3 :] = -1
    return grid
