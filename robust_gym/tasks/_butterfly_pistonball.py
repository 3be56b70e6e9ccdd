"""Pistonball seen as numbers, and how its physics is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo.butterfly.pistonball.pistonball import raw_env

from robust_gym.task import Task
from robust_gym.tasks._aec import Simultaneous

_SPEED = 1000.0
"""Unit of the ball's velocity in observations, pixels per second."""

_SPIN = 6 * math.pi
"""Unit of its spin, the largest at the start, in rad/s."""


def pistonball_vector(render_mode: str | None = None, **kwargs: Any) -> Simultaneous:
    """Make PettingZoo's ``pistonball_v6``, of which each agent sees eight numbers, see `PistonballVector`.

    Args:
        render_mode: ``"human"``, ``"rgb_array"`` or ``None``.
        **kwargs: Arguments of PettingZoo's environment, such as ``n_pistons``.
    """
    return Simultaneous(PistonballVector(render_mode=render_mode, **kwargs))


class PistonballVector(raw_env):
    """PettingZoo's game, of which a piston sees eight numbers in place of 457 × 120 pixels.

    In order: heights of its own, the left and the right piston (0 down to 1 up; no neighbour is 0), the ball's
    distance to the right and height above it (screens' widths and heights), its velocity to the right and down
    (1000 pixels per second) and its spin (6π rad/s), float32. ``state()`` is all heights, then the ball's five numbers
    seen from the lower left corner.

    Args:
        **kwargs: PettingZoo's arguments.

    Attributes:
        piston_speed: Factor of every piston's move.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.piston_speed = 1.0
        self.observation_spaces = {agent: _unbounded(8) for agent in self.possible_agents}
        self.state_space = _unbounded(self.n_pistons + 5)

    def move_piston(self, piston: Any, v: float) -> None:
        """Move a piston by an action."""
        super().move_piston(piston, v * self.piston_speed)

    def observe(self, agent: str) -> np.ndarray:
        """Return the agent's eight numbers."""
        number = self.agent_name_mapping[agent]
        around = (number, number - 1, number + 1)
        heights = [self._height(one) if 0 <= one < self.n_pistons else 0.0 for one in around]
        piston = self.pistonList[number].position
        return np.array([*heights, *self._ball(piston.x + self.piston_width / 2, piston.y)], np.float32)

    def state(self) -> np.ndarray:
        """Return all heights and the ball's place and motion."""
        heights = [self._height(number) for number in range(self.n_pistons)]
        return np.array([*heights, *self._ball(self.wall_width, self.screen_height)], np.float32)

    def _height(self, number: int) -> float:
        lowest = self.screen_height - self.wall_width - (self.piston_height - self.piston_head_height)
        stroke = self.n_piston_positions * self.pixels_per_position
        return float((lowest - self.pistonList[number].position.y) / stroke)

    def _ball(self, x: float, y: float) -> list[float]:
        ball = self.ball
        return [
            (ball.position.x - x) / self.screen_width,
            (y - ball.position.y) / self.screen_height,
            ball.velocity.x / _SPEED,
            ball.velocity.y / _SPEED,
            ball.angular_velocity / _SPIN,
        ]


def _unbounded(length: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (length,), np.float32)


class PistonballDynamics:
    """Writes the physics of ball and pistons, which every reset builds anew.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Simultaneous, task: Task) -> None:
        self._game: PistonballVector = env.game
        self._nominal = {name: parameter.nominal for name, parameter in task.dynamics.items()}
        self._nominal["ball_friction"] = env.game.ball_friction  # what the environment was made with
        self._ball: Any = None
        self._moment = 0.0

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Nothing to write yet: the reset builds the ball, and moves nothing."""

    def apply(self, values: Mapping[str, float]) -> None:
        """Write into the present ball and space."""
        game = self._game
        if game.ball is not self._ball:
            self._ball, self._moment = game.ball, game.ball.moment
        scaled = {name: nominal * values.get(name, 1.0) for name, nominal in self._nominal.items()}
        tilt = math.radians(values.get("tilt", 0.0))
        game.space.gravity = (scaled["gravity"] * math.sin(tilt), scaled["gravity"] * math.cos(tilt))
        game.space.damping = math.exp(-values.get("drag", 0.0))
        game.ball.moment = self._moment * values.get("ball_inertia", 1.0)
        for shape in game.ball.shapes:
            shape.friction = scaled["ball_friction"]
        game.piston_speed = scaled["piston_speed"]
