"""Camera images as agents see them: grey, a quarter of the pixels, the last few together."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

Array = np.ndarray[Any, Any]

STACK = 4
"""Frames seen together, so that speed can be seen (Mnih et al., 2015)."""

# ITU-R 601, the weights of every common grey conversion.
_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def shrink(images: Array) -> Array:
    """Make images grey and halve both sides by averaging: ``[B, H, W, 3]`` to ``[B, H/2, W/2]``, uint8."""
    grey = images.astype(np.float32) @ _GREY
    batch, height, width = grey.shape
    blocks = grey[:, : height // 2 * 2, : width // 2 * 2].reshape(batch, height // 2, 2, width // 2, 2)
    return blocks.mean((2, 4)).round().astype(np.uint8)


def push(stack: Array | None, images: Array, episode_start: Array) -> Array:
    """Add images to the frames seen so far.

    Args:
        stack: ``[B, STACK, H/2, W/2]``, or ``None`` at the very first.
        images: ``[B, H, W, 3]``.
        episode_start: Rows that fill the whole stack with their image, ``[B]``.

    Returns:
        The new stack; the newest frame is last.
    """
    new = shrink(images)[:, None]
    repeated = np.repeat(new, STACK, axis=1)
    if stack is None:
        return repeated
    moved = np.concatenate((stack[:, 1:], new), axis=1)
    return np.where(np.asarray(episode_start, bool)[:, None, None, None], repeated, moved)


class StackedFrames(gym.ObservationWrapper[Any, Any, Any]):
    """Lets an agent train on the frames that its policy will see, ``[STACK, H/2, W/2]``.

    Args:
        env: An environment whose observations are images ``[H, W, 3]``, uint8.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        assert env.observation_space.shape is not None
        height, width, _ = env.observation_space.shape
        self.observation_space = gym.spaces.Box(0, 255, (STACK, height // 2, width // 2), np.uint8)
        self._stack: Array | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset, and forget the frames of the last episode."""
        self._stack = None
        return super().reset(seed=seed, options=options)

    def observation(self, observation: Array) -> Array:
        """Add the frame to the stack."""
        self._stack = push(self._stack, observation[None], np.zeros(1, bool))
        return self._stack[0]
