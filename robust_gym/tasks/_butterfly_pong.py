"""Cooperative pong, seen as pixels or as numbers, and how ball and paddles are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo.butterfly.cooperative_pong.cooperative_pong import CooperativePong, raw_env

from robust_gym.task import Task
from robust_gym.tasks._aec import Simultaneous

_NUMBERS = spaces.Box(-2.0, 2.0, (8,), np.float32)


def cooperative_pong(render_mode: str | None = None, **kwargs: Any) -> Simultaneous:
    """Make PettingZoo's ``cooperative_pong_v6``; both agents see the screen.

    Args:
        render_mode: ``"human"``, ``"rgb_array"`` or ``None``.
        **kwargs: Arguments of PettingZoo's environment, such as ``ball_speed``.
    """
    # Without a render mode PettingZoo's screen stays black.
    return Simultaneous(Pong(render_mode=render_mode or "rgb_array", **kwargs))


def cooperative_pong_vector(render_mode: str | None = None, **kwargs: Any) -> Simultaneous:
    """Make the same game, of which each agent sees eight numbers, see `PongVector`.

    Args:
        render_mode: ``"human"``, ``"rgb_array"`` or ``None``.
        **kwargs: Arguments of PettingZoo's environment, such as ``ball_speed``.
    """
    return Simultaneous(PongVector(render_mode=render_mode, **kwargs))


class Pong(raw_env):
    """PettingZoo's game, in a world whose numbers can be scaled.

    Args:
        **kwargs: PettingZoo's arguments.

    Attributes:
        scales: Factors of ``ball_speed``, ``left_speed``, ``right_speed`` and ``paddle_size``.
    """

    env: CooperativePong
    _kwargs: dict[str, Any]

    def __init__(self, **kwargs: Any) -> None:
        self.scales: Mapping[str, float] = {}
        super().__init__(**kwargs)

    def _seed(self, seed: int | None = None) -> None:
        super()._seed(seed)
        self._note()

    def _note(self) -> None:
        """Remember the nominal heights of a new game's paddles."""
        self._heights = [[rect.height for rect in paddle.rects] for paddle in (self.env.p0, self.env.p1)]

    @property
    def right_paddle(self) -> str:
        """The right paddle's shape, ``"cake"`` or ``"flat"``."""
        return "cake" if self._kwargs.get("cake_paddle", True) else "flat"

    def set_right_paddle(self, shape: str) -> None:
        """Give the right paddle a shape, ``"cake"`` or ``"flat"``, from the next reset on."""
        if self.right_paddle != shape:
            self._kwargs = {**self._kwargs, "cake_paddle": shape == "cake"}
            self.env = CooperativePong(self.randomizer, **self._kwargs)
            self._note()

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin an episode in the scaled world."""
        super().reset(seed, options)
        self._ball_factor = 1.0
        self.write()
        if self.scales and self.render_mode is not None:
            self.env.render()

    def write(self) -> None:
        """Bring the present episode's world up to ``scales``."""
        game, scales = self.env, self.scales
        factor = scales.get("ball_speed", 1.0)
        if factor != self._ball_factor:
            game.ball._speed = [part * factor / self._ball_factor for part in game.ball._speed]
            self._ball_factor = factor
        for paddle, name, speed, heights in zip(
            (game.p0, game.p1), ("left_speed", "right_speed"), game.speed[1:], self._heights, strict=True
        ):
            factor = scales.get(name, 1.0)
            # The game moves paddles by whole pixels and would drop the rest.
            paddle._speed = speed if factor == 1.0 else max(1, round(speed * factor))
            for rect, height in zip(paddle.rects, heights, strict=True):
                wanted = max(1, round(height * scales.get("paddle_size", 1.0)))
                if rect.height != wanted:
                    rect.inflate_ip(0, wanted - rect.height)
            # A paddle that has grown over the screen's edge could never move again.
            shift = paddle.rects[0].clamp(game.area).y - paddle.rects[0].y
            for rect in paddle.rects:
                rect.move_ip(0, shift)


class PongVector(Pong):
    """The game seen as numbers.

    In order: own paddle's y and height, the other's y and height, ball x, ball y (all fractions of the screen, y
    downwards), ball velocity x and y (fractions of the nominal speed), float32. ``state()`` is what the left paddle
    sees.

    Args:
        **kwargs: PettingZoo's arguments.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.observation_spaces = dict.fromkeys(self.possible_agents, _NUMBERS)
        self.state_space = _NUMBERS

    def _note(self) -> None:
        super()._note()
        if self.env.render_mode is None:
            self.env.render = _nothing  # else it warns at every step that there is nothing to draw

    def observe(self, agent: Any) -> Any:
        """Return the agent's eight numbers."""
        game = self.env
        own, other = (game.p0, game.p1) if agent == self.possible_agents[0] else (game.p1, game.p0)
        width, height = game.area.size
        ball, (vx, vy), speed = game.ball._rect, game.ball._speed, game.speed[0]
        numbers = [part / height for rect in (own.rects[0], other.rects[0]) for part in (rect.centery, rect.height)]
        numbers += [ball.centerx / width, ball.centery / height, vx / speed, vy / speed]
        return np.array(numbers, np.float32)

    def state(self) -> Any:
        """Return the left paddle's eight numbers."""
        return self.observe(self.possible_agents[0])


def _nothing() -> None:
    return None


class PongDynamics:
    """Writes speeds and sizes, and the shape of the right paddle.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Simultaneous, task: Task) -> None:
        self._game: Pong = env.game
        self._shape = env.game.right_paddle  # what the environment was made with is nominal

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set the world in which the coming reset begins."""
        self._game.set_right_paddle(str(values.get("right_paddle", self._shape)))
        self._game.scales = {name: value for name, value in values.items() if not isinstance(value, str)}

    def apply(self, values: Mapping[str, float]) -> None:
        """Change the present world."""
        self._game.scales = dict(values)
        self._game.write()
