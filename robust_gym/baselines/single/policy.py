"""Feed-forward policies of single agents, normaliser included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from robust_gym.baselines.base import read_policy, save_policy
from robust_gym.baselines.single import layers
from robust_gym.baselines.single.frames import Array, push
from robust_gym.baselines.single.vectors import vectors
from robust_gym.task import Task

CLIP = 10.0
"""Normalised observations are clipped here, as in Stable-Baselines3's VecNormalize."""


@dataclass(frozen=True)
class Head:
    """How a network's outputs become actions.

    Attributes:
        kind: ``discrete``: the largest output; ``clip``: the outputs, clipped; ``squash``: their tanh, stretched.
        low: Least action in each dimension; empty for ``discrete``.
        high: Largest.
    """

    kind: str
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def __call__(self, outputs: Tensor) -> Array:
        """Return actions ``[B]`` or ``[B, dimensions]``."""
        if self.kind == "discrete":
            chosen: Array = outputs.argmax(-1).numpy()
            return chosen
        low, high = torch.tensor(self.low), torch.tensor(self.high)
        if self.kind == "squash":
            outputs = low + (outputs.tanh() + 1) * (high - low) / 2
        actions: Array = torch.clamp(outputs, low, high).numpy()
        return actions

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Head:
        """Read the fields.

        Raises:
            ValueError: If there is no such kind.
        """
        head = cls(str(fields["kind"]), tuple(map(float, fields["low"])), tuple(map(float, fields["high"])))
        if head.kind not in ("discrete", "clip", "squash"):
            raise ValueError(f"unknown action head {head.kind!r}")
        return head


class FeedForwardPolicy:
    """A network from the present observation (or the last frames) to an action.

    Args:
        network: Its layers.
        head: From its outputs to actions.
        algorithm: Registered name of the algorithm that trained it.
        task: The task it was trained on.
        moments: Mean and standard deviation of observations, subtracted and divided by; ``None`` for raw ones. A
            standard deviation of infinity makes a number read 0.
        image: Whether observations are images, seen through [frames][robust_gym.baselines.single.frames].
        states: How many values a Discrete observation has; 0 for other spaces.
    """

    def __init__(
        self,
        network: nn.Sequential,
        head: Head,
        algorithm: str,
        task: Task,
        *,
        moments: tuple[Tensor, Tensor] | None = None,
        image: bool = False,
        states: int = 0,
    ) -> None:
        self.network = network.requires_grad_(False)
        self.head = head
        self.algorithm = algorithm
        self.task = task
        self.moments = moments
        self.image = image
        self.states = states

    @torch.no_grad()
    def act(self, observation: Any, state: Array | None, episode_start: Array) -> tuple[Array, Array | None]:
        """Choose the most likely actions.

        Args:
            observation: ``[B, …]``, or a dict of such arrays keyed by part.
            state: What the last call returned: the last frames, or ``None`` where one observation is enough.
            episode_start: Rows whose frames are forgotten first, ``[B]``.

        Returns:
            Actions ``[B]`` or ``[B, dimensions]``, and the new state.
        """
        if self.image:
            state = push(state, observation, episode_start)
            inputs = torch.from_numpy(state).float() / 255
        else:
            # Observations may be float64, as MuJoCo's are; normalising comes first, in full precision.
            rows = torch.from_numpy(vectors(observation, self.states))
            if self.moments is not None:
                mean, std = self.moments
                rows = torch.clamp((rows - mean) / std, -CLIP, CLIP)
            inputs = rows.float()
        return self.head(self.network(inputs)), state

    def save(self, directory: Path) -> None:
        """Write the weights as safetensors and everything else as JSON."""
        weights = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        if self.moments is not None:
            weights["mean"], weights["std"] = self.moments
        meta = {
            "layers": layers.describe(self.network),
            "head": {"kind": self.head.kind, "low": list(self.head.low), "high": list(self.head.high)},
            "image": self.image,
            "states": self.states,
        }
        save_policy(directory, self.algorithm, self.task, weights, meta)

    @classmethod
    def load(cls, directory: Path, task: Task) -> FeedForwardPolicy:
        """Read what ``save`` has written.

        Raises:
            FileNotFoundError: If the directory holds no policy.
            ValueError: If it is damaged, or not a feed-forward policy.
        """
        weights, meta = read_policy(directory)
        try:
            network = layers.build(meta["layers"])
            network.load_state_dict(
                {name.removeprefix("network."): value for name, value in weights.items() if name not in ("mean", "std")}
            )
            moments = (weights["mean"], weights["std"]) if "mean" in weights else None
            head = Head.from_json(meta["head"])
            image, states = bool(meta["image"]), int(meta.get("states", 0))
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{directory} holds no feed-forward policy: {error}") from error
        return cls(network, head, str(meta["algorithm"]), task, moments=moments, image=image, states=states)
