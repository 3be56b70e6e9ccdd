"""Policies whose worst perturbation is known, and adversaries ready to be called."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from robust_gym import registry
from robust_gym.baselines.single.policy import Critic, FeedForwardPolicy, Head
from robust_gym.wrappers.adversary import ActionAdversary, Adversary, ObservationAdversary
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.victim import Victim

PENDULUM = "Robust-Pendulum-v0"
SCALE = np.array([1.0, 2.0, 0.5])
OBSERVATIONS = spaces.Box(-np.inf, np.inf, (3,), np.float64)
ACTIONS = spaces.Box(-1.0, 1.0, (2,), np.float32)
WEIGHTS = torch.tensor([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]])
VALUES = np.array([[0.3, -0.2, 0.1], [1.0, 2.0, -3.0]])


class Linear:
    """Acts ``W s``; its critic, if it has one, is linear too."""

    def __init__(self, of: str = "", sign: float = 1.0) -> None:
        self.critic = type("Critic", (), {"of": of})() if of else None
        self.sign = sign

    def response(self, rows: Tensor) -> Tensor:
        return rows @ WEIGHTS.T

    def act(self, observation: np.ndarray, state: Any, start: np.ndarray) -> tuple[np.ndarray, Any]:
        return (observation @ WEIGHTS.numpy().T).astype(np.float32), state

    def worth(self, rows: Tensor, actions: Tensor | None = None) -> Tensor:
        return self.sign * (rows @ torch.tensor([1.0, 1.0, -1.0]) if actions is None else actions @ torch.ones(2))


class Blind:
    """A policy without gradients."""

    def act(self, observation: np.ndarray, state: Any, start: np.ndarray) -> tuple[np.ndarray, Any]:
        return Linear().act(observation, state, start)


def adversary(
    attack: str, policy: Any, *, eps: float = 0.1, budget: int = 0, on: str = "observation", seed: int = 0
) -> Adversary:
    """Return an adversary of two copies, ready to be called."""
    space, scale = (OBSERVATIONS, SCALE) if on == "observation" else (ACTIONS, np.ones(2))
    made = (ObservationAdversary if on == "observation" else ActionAdversary)(
        Signal(space, scale, np.zeros(space.shape), copies=2), attack, eps, budget
    )
    made.bind(Victim(policy, OBSERVATIONS, ACTIONS, on, 2))
    for copy in range(2):
        made.reset(copy, Stream(seed, ("test", copy)))
    return made


def policy_of(task: str = PENDULUM, bias: float = 0.0) -> FeedForwardPolicy:
    """Return a linear policy of the pendulum, with a critic V(s) = sum(s)."""
    network, critic = nn.Sequential(nn.Linear(3, 1)), nn.Sequential(nn.Linear(3, 1))
    nn.init.constant_(network[0].weight, 0.7)
    nn.init.constant_(network[0].bias, bias)
    nn.init.ones_(critic[0].weight)
    nn.init.zeros_(critic[0].bias)
    head = Head("clip", (-2.0,), (2.0,))
    return FeedForwardPolicy(network, head, "ppo", registry.task(task), critic=Critic(critic, "state"))
