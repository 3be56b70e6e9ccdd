"""A step down a loss, in the bits of the plain one."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim import SGD, Adam

from robust_gym.baselines.descent import descend


def test_a_step_is_the_plain_one_and_leaves_other_networks_without_gradients() -> None:
    torch.manual_seed(0)
    actor, critic = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)), nn.Linear(2, 1)
    plain = copy.deepcopy(actor)
    ours, theirs = (Adam(network.parameters(), lr=1e-2) for network in (actor, plain))
    rows = torch.randn(16, 3)
    for _ in range(3):
        descend(ours, -critic(actor(rows)).mean())
        assert [parameter.grad for parameter in critic.parameters()] == [None, None]
        theirs.zero_grad()
        (-critic(plain(rows)).mean()).backward()
        theirs.step()
        critic.zero_grad()  # the plain step has given it gradients
    assert all(map(torch.equal, actor.state_dict().values(), plain.state_dict().values()))


def test_every_group_of_an_optimiser_is_changed_and_what_the_loss_does_not_know_is_left() -> None:
    one, other, idle = (nn.Parameter(torch.ones(2)) for _ in range(3))
    optimizer = SGD([{"params": [one]}, {"params": [other, idle], "lr": 2.0}], lr=1.0)
    descend(optimizer, (one + other).sum())
    assert one.tolist() == [0.0, 0.0] and other.tolist() == [-1.0, -1.0] and idle.tolist() == [1.0, 1.0]
