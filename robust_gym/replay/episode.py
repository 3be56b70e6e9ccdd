"""One episode, played as the evaluation plays it, and filmed."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from robust_gym.disruption import DisruptionError
from robust_gym.evaluate import as_policy, chooser
from robust_gym.task import MissingExtraError, Task
from robust_gym.tensors import one_torch_thread

FRAMES_A_SECOND = 30.0
"""Where the environment does not say how fast its pictures follow one another."""


_NOTHING = ("disable", "disabled", "off", "0", "false")
"""Values of MUJOCO_GL with which MuJoCo draws nothing."""


class RenderingError(ValueError):
    """A task that cannot be drawn, or not on this machine; the message says what to do."""


@dataclass(frozen=True)
class Filmed:
    """An episode.

    Attributes:
        frames: Its pictures, ``[H, W, 3]`` each, uint8: one after the reset and one after every step.
        fps: Pictures a second at the speed of the world.
        total: True return.
        length: Steps.
        cost: True cost.
    """

    frames: tuple[np.ndarray, ...]
    fps: float
    total: float
    length: int
    cost: float


class _Camera:
    """An environment of either API that keeps a picture of every state it goes through."""

    def __init__(self, env: Any, task: Task) -> None:
        self.env = env
        self.frames: list[np.ndarray] = []
        self._task = task

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def reset(self, **kwargs: Any) -> Any:
        found = self.env.reset(**kwargs)
        self.frames = []
        self._take()
        return found

    def step(self, action: Any) -> Any:
        found = self.env.step(action)
        self._take()
        return found

    def _take(self) -> None:
        try:
            picture = self.env.render()
        except Exception as error:
            raise _cannot(self._task, error) from None
        frame: np.ndarray = np.asarray(picture if picture is not None else [])
        if frame.ndim != 3 or frame.shape[2] not in (3, 4) or not frame.size:
            raise RenderingError(f"{self._task.id} cannot be drawn: it gives no pictures")
        self.frames.append(np.array(frame[..., :3], np.uint8))


def film(policy: Any, task: Task, disruption: str, seed: int) -> Filmed:
    """Play an episode and film it.

    The policy sees the batch of the size that the evaluation has, in which only the first row is an episode: so it does
    the same to the bit.

    Args:
        policy: As for ``evaluate``.
        task: The task.
        disruption: A disruption string.
        seed: Seed of the episode.

    Raises:
        RenderingError: If the task cannot be drawn, or not here.
        DisruptionError: If the task cannot honour the disruption.
        MissingExtraError: If a package the task needs is not installed.
    """
    _without_screen()
    if "mujoco" in task.modules and os.environ.get("MUJOCO_GL", "").lower() in _NOTHING:
        raise _cannot(task, RuntimeError("MuJoCo is told to draw nothing"))
    from robust_gym.tasks import make
    from robust_gym.vector.slots import SLOTS, EpisodeBatch
    from robust_gym.wrappers.adversary import bind

    acting = as_policy(policy)
    cameras: list[_Camera] = []

    def filmed(text: str) -> _Camera:
        try:
            env = make(task.id, text, render_mode="rgb_array")
        except (DisruptionError, MissingExtraError):
            raise
        except Exception as error:  # every simulator has its own for what it cannot draw
            raise _cannot(task, error) from None
        cameras.append(_Camera(bind(env, acting), task))
        return cameras[-1]

    with warnings.catch_warnings(), one_torch_thread():
        warnings.simplefilter("ignore")  # of drawing: old interfaces, screens that are not there
        batch = EpisodeBatch(task, [(disruption, [seed])], filmed, SLOTS)
        with contextlib.closing(batch):
            finished, choose, state = [], chooser(acting), None
            while batch.running:
                actions, state = choose(batch, state)
                finished += list(batch.step(actions))
    (episode,) = finished
    (camera,) = cameras
    fps = float((getattr(camera.env, "metadata", None) or {}).get("render_fps") or FRAMES_A_SECOND)
    return Filmed(tuple(camera.frames), fps, float(episode.total), episode.length, float(episode.cost))


def _without_screen() -> None:
    """Let pygame and MuJoCo draw into memory where there is no screen; settings of one's own go before."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("MUJOCO_GL", "egl")


def _cannot(task: Task, error: Exception) -> RenderingError:
    reason = " ".join(str(error).split()) or type(error).__name__
    line = f"{task.id} cannot be drawn: {reason[:300]}"
    if "mujoco" in task.modules or "mujoco" in reason.lower():
        chosen = os.environ.get("MUJOCO_GL", "")
        line += f" (MUJOCO_GL is {chosen!r}; egl, osmesa or glfw draw, and robust-gym doctor says which work here)"
    return RenderingError(line)
