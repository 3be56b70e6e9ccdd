"""Feed-forward policies of single agents, normaliser included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        actions: Array = torch.clamp(self.smooth(outputs), torch.tensor(self.low), torch.tensor(self.high)).numpy()
        return actions

    def smooth(self, outputs: Tensor) -> Tensor:
        """Return actions before they are clipped, which has no slope, or the log-odds of a ``discrete`` choice."""
        if self.kind != "squash":
            return outputs
        low, high = torch.tensor(self.low), torch.tensor(self.high)
        return low + (outputs.tanh() + 1) * (high - low) / 2

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


@dataclass(frozen=True)
class Critic:
    """What a policy's algorithm learned of how well things stand, which an adversary makes use of.

    Attributes:
        network: From a normalised observation, and for ``of="action"`` an action in [-1, 1], to one number.
        of: ``"state"`` for V(s), ``"action"`` for Q(s, a).
    """

    network: nn.Sequential
    of: str

    def __post_init__(self) -> None:
        """Check what it is of.

        Raises:
            ValueError: If it is neither.
        """
        if self.of not in ("state", "action"):
            raise ValueError(f"a critic is of 'state' or 'action', got {self.of!r}")
        self.network.requires_grad_(False)


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
        critic: The critic it was trained with, if that is kept; only an adversary asks it.
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
        critic: Critic | None = None,
    ) -> None:
        self.network = network.requires_grad_(False)
        self.head = head
        self.algorithm = algorithm
        self.task = task
        self.moments = moments
        self.image = image
        self.states = states
        self.critic = critic

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
            inputs = self._normalised(torch.from_numpy(vectors(observation, self.states)))
        return self.head(self.network(inputs)), state

    def _normalised(self, rows: Tensor) -> Tensor:
        # Observations may be float64, as MuJoCo's are; normalising comes first, in full precision.
        if self.moments is not None:
            mean, std = self.moments
            rows = torch.clamp((rows - mean) / std, -CLIP, CLIP)
        return rows.float()

    def response(self, rows: Tensor) -> Tensor:
        """Return what ``act`` decides by, so that it can be differentiated.

        Args:
            rows: Observations, one vector each, ``[B, numbers]``.

        Returns:
            Actions before clipping, ``[B, dimensions]``, or the log-odds of each choice, ``[B, choices]``.

        Raises:
            TypeError: If observations are images, of which the policy sees the last frames.
        """
        if self.image:
            raise TypeError("a policy that sees the last frames has no response to one observation")
        return self.head.smooth(self.network(self._normalised(rows)))

    def worth(self, rows: Tensor, actions: Tensor | None = None) -> Tensor:
        """Return what the critic thinks of states, or of actions in them, so that it can be differentiated.

        Args:
            rows: Observations, one vector each, ``[B, numbers]``.
            actions: ``[B, dimensions]``; needed, and looked at, by a critic of actions.

        Returns:
            ``[B]``, in the units that the algorithm was trained in, which may be normalised.

        Raises:
            TypeError: If there is no critic, or a critic of actions is given none.
        """
        if self.critic is None:
            raise TypeError(f"this {self.algorithm} policy was saved without a critic")
        inputs = self._normalised(rows)
        if self.critic.of == "action":
            if actions is None:
                raise TypeError("a critic of actions needs actions")
            low, high = torch.tensor(self.head.low), torch.tensor(self.head.high)
            inputs = torch.cat([inputs, (2 * (actions - low) / (high - low) - 1).float()], dim=-1)
        return self.critic.network(inputs)[..., 0]

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
        if self.critic is not None:
            weights.update({f"critic.{name}": value for name, value in self.critic.network.state_dict().items()})
            meta["critic"] = {"of": self.critic.of, "layers": layers.describe(self.critic.network)}
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
            network = _filled(meta["layers"], weights, "network.")
            critic = None
            if "critic" in meta:
                critic = Critic(_filled(meta["critic"]["layers"], weights, "critic."), meta["critic"]["of"])
            moments = (weights["mean"], weights["std"]) if "mean" in weights else None
            head = Head.from_json(meta["head"])
            image, states = bool(meta["image"]), int(meta.get("states", 0))
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{directory} holds no feed-forward policy: {error}") from error
        algorithm = str(meta["algorithm"])
        return cls(network, head, algorithm, task, moments=moments, image=image, states=states, critic=critic)


def _filled(description: Sequence[Sequence[Any]], weights: Mapping[str, Tensor], prefix: str) -> nn.Sequential:
    network = layers.build(description)
    own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    network.load_state_dict(own)
    return network
