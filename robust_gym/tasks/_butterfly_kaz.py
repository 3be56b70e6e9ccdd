"""Knights, archers and zombies, and how their speeds are written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from robust_gym.task import Task
from robust_gym.tasks._aec import Simultaneous

_CONSTANTS = {
    "zombie_speed": "ZOMBIE_Y_SPEED",
    "zombie_sway": "ZOMBIE_X_SPEED",
    "arrow_speed": "ARROW_SPEED",
    "reload": "ARROW_TIMEOUT",
}


def knights_archers_zombies(**kwargs: Any) -> Battle:
    """Make PettingZoo's ``knights_archers_zombies_v11``; arguments are its own, such as ``num_archers``."""
    written = sys.dont_write_bytecode
    try:
        from pettingzoo.butterfly.knights_archers_zombies.knights_archers_zombies import raw_env
    finally:
        sys.dont_write_bytecode = written  # its import switches bytecode off for the whole process
    return Battle(raw_env(**kwargs))


class Battle(Simultaneous):
    """The game, whose episodes do not depend on those before: its clock of zombies starts anew with each.

    Directions are rounded into their space, which they leave by a hair when players turn.

    Args:
        game: PettingZoo's ``raw_env``.

    Attributes:
        constants: Values of the game's constants while it steps, whole pixels or steps.
    """

    def __init__(self, game: Any) -> None:
        super().__init__(game)
        self.constants: dict[str, int] = {}

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Begin an episode; see `Simultaneous.reset`."""
        self.game.zombie_spawn_interval.reset()
        return super().reset(seed, options)

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Let all living agents act; see `Simultaneous.step`."""
        with _constants(self.constants):
            return super().step(actions)

    def _fresh(self, observations: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {
            agent: np.array(one) if one.dtype == np.uint8 else np.clip(one, -1.0, 1.0)  # pictures need no rounding
            for agent, one in observations.items()
        }


@contextmanager
def _constants(values: Mapping[str, int]) -> Iterator[None]:
    """Set the game's constants for the time of a step: it reads them from a module, which other games share."""
    from pettingzoo.butterfly.knights_archers_zombies.src import constants

    before = {name: getattr(constants, name) for name in values}
    try:
        for name, value in values.items():
            setattr(constants, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(constants, name, value)


class BattleDynamics:
    """Writes the speeds of players, zombies and arrows, in whole pixels, and how often zombies come.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Battle, task: Task) -> None:
        self._env = env
        self._nominal = {name: parameter.nominal for name, parameter in task.dynamics.items()}
        # What the environment was made with is nominal, whatever that of the task is.
        self._nominal["spawn_delay"] = env.game.zombie_spawn_interval.step_interval
        self._borders = "deadly" if env.game.line_death else "safe"

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set what happens at the upper and lower border; the rest follows the reset, which moves nothing."""
        self._env.game.line_death = values.get("borders", self._borders) == "deadly"

    def apply(self, values: Mapping[str, float]) -> None:
        """Set all numbers."""
        scaled = {name: nominal * values.get(name, 1.0) for name, nominal in self._nominal.items()}
        self._env.constants = {
            constant: max(1, round(scaled[name]))
            for name, constant in _CONSTANTS.items()
            if scaled[name] != self._nominal[name]
        }
        clock = self._env.game.zombie_spawn_interval
        clock.step_interval = max(1, round(scaled["spawn_delay"]))
        # A clock that has passed its alarm would never ring.
        clock._current_step = min(clock._current_step, clock.step_interval - 1)
        for player in self._env.game.agent_map.values():
            player.speed, player.ang_rate = scaled["player_speed"], scaled["turn_rate"]
