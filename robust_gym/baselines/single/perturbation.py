"""What a policy answers to observations within a ball around the true one: searched for, and bounded for certain."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from robust_gym.baselines.single.layers import flat
from robust_gym.wrappers.attacks.gradient import ascend

_TEMPERATURE = 1e-5
"""Of the Langevin dynamics; the value of the authors of SA-PPO."""


def sgld(harm: Callable[[Tensor], Tensor], rows: Tensor, radius: float, steps: int) -> Tensor:
    """Search a ball in the largest norm for the rows that do the most harm, by Langevin dynamics.

    Signed gradients with a noise that falls as 1/n, from a random place (Zhang et al., 2020, appendix C.2); of all
    places met the worst is kept. All chance is torch's.

    Args:
        harm: From moved rows to how much harm each does, ``[B]``; differentiable.
        rows: ``[B, numbers]``.
        radius: Of the ball, in the units of the rows.
        steps: How many gradient steps.

    Returns:
        The moved rows.
    """
    ends = torch.full_like(rows, radius)
    start = radius * (2 * torch.rand_like(rows) - 1)
    spread = math.sqrt(2 * radius / steps * _TEMPERATURE)
    move = ascend(harm, rows, start, -ends, ends, steps, lambda place: spread / (place + 1) * torch.randn_like(rows))
    return rows + move


def bounds(network: Sequence[nn.Module], low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Bound the outputs of a network over a box of inputs, by interval bound propagation.

    Gowal et al., "On the effectiveness of interval bound propagation for training verifiably robust models", 2018
    (arXiv 1810.12715), equation 6: exact through one layer, and never too narrow through several.

    Args:
        network: Its layers in order: Linear, ReLU, Tanh, Flatten, and Sequential of these.
        low: Least inputs, ``[B, inputs]``.
        high: Largest.

    Returns:
        Least and largest outputs, ``[B, outputs]``; gradients pass.

    Raises:
        TypeError: At a layer of another kind.
    """
    for layer in flat(network):
        if isinstance(layer, nn.Linear):
            middle, half = layer((low + high) / 2), nn.functional.linear((high - low) / 2, layer.weight.abs())
            low, high = middle - half, middle + half
        elif isinstance(layer, (nn.ReLU, nn.Tanh, nn.Flatten)):  # none of them falls anywhere
            low, high = layer(low), layer(high)
        else:
            raise TypeError(f"no bounds for the layer {layer}")
    return low, high


def actor(policy: Any) -> list[nn.Module]:
    """Return the layers of a PPO policy of vectors that lead to the mean action, or to the log-odds of each."""
    return list(flat([policy.mlp_extractor.policy_net, policy.action_net]))


def _divergence(one: Any, other: Any) -> Tensor:
    each: Tensor = kl_divergence(one, other)
    return each.sum(-1) if isinstance(one, Normal) else each


def worst_divergence(policy: Any, rows: Tensor, radius: float, inner: str, steps: int) -> Tensor:
    """Return the largest KL(pi(.|s) || pi(.|s')) over all s' within a radius of s, ``[B]``; gradients pass.

    Args:
        policy: A PPO policy of vectors, whose actions are normal or categorical.
        rows: Observations s, as the policy's networks see them, ``[B, numbers]``.
        radius: In the largest norm.
        inner: ``"sgld"``: the largest found, never too large. ``"ibp"``: a bound, never too small; of normal actions it
            takes the spread to be the same everywhere, which state-dependent exploration is not.
        steps: Of the search.
    """
    true = policy.get_distribution(rows).distribution
    if inner == "ibp":
        low, high = bounds(actor(policy), rows - radius, rows + radius)
        return _bound(true, low, high)
    with torch.no_grad():
        kept = policy.get_distribution(rows).distribution
    worst = sgld(lambda moved: _divergence(kept, policy.get_distribution(moved).distribution), rows, radius, steps)
    return _divergence(true, policy.get_distribution(worst).distribution)


def _bound(true: Any, low: Tensor, high: Tensor) -> Tensor:
    """Bound the divergence from a distribution to all whose mean, or whose log-odds, are within a box."""
    if isinstance(true, Normal):
        farthest = torch.maximum(high - true.loc, true.loc - low)
        return (farthest / true.scale).square().sum(-1) / 2
    # Each -log q_i is largest where its own log-odds are least and all others largest.
    others = torch.where(torch.eye(low.shape[-1], dtype=torch.bool), low[..., None, :], high[..., None, :])
    surprise = others.logsumexp(-1) - low
    return (true.probs * (true.logits + surprise)).sum(-1)


def possible(low: Tensor, high: Tensor) -> Tensor:
    """Tell which choices may have the largest log-odds within a box of log-odds, ``[B, choices]``."""
    return high >= low.max(-1, keepdim=True).values


def lowest(value: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, steps: int) -> Tensor:
    """Return the least value found in boxes, by projected gradient descent from their middles, ``[B]``.

    Args:
        value: From points, one in each box, to ``[B]``; differentiable.
        low: Least points of the boxes, ``[B, dimensions]``.
        high: Largest.
        steps: How many gradient steps.
    """
    middle, half = (low + high) / 2, (high - low) / 2
    move = ascend(lambda points: -value(points), middle, torch.zeros_like(half), -half, half, steps)
    with torch.no_grad():
        return value(middle + move)
