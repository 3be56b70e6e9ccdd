"""GroupDR: VDN with the worst reward of several training environments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.compositions import GroupBackup
from robust_gym.baselines.marl.factorisation import ValueFactorisation


@register_team_algorithm(
    "groupdr-vdn",
    about="VDN that learns from the least reward which any of its training environments would pay, by an estimate.",
    actions=("discrete",),
    train="disrupted",
    privileges=("parameter-box", "privileged-dynamics"),
    compare=("vdn", "dr-vdn"),
    paper=(
        "Liu et al., Distributionally Robust Multi-Agent Reinforcement Learning for Dynamic Chute Mapping, ICML 2025; "
        "as in Distributionally Robust Cooperative MARL via Robust Value Factorization, ICLR 2026 (arXiv 2602.11437)"
    ),
)
@dataclass
class GroupDRVDN(GroupBackup, ValueFactorisation):
    """VDN with GroupDR's backup, y = min_k r(s, u, k) + gamma V'.

    r estimates the team's reward for state, joint action and group k, and V' is the sum of the agents' greedy next
    values. The estimator is told which group each training episode is from; the policy never is. States and joint
    actions that a group has hardly met are judged by what its output makes of them: the least of several such guesses
    is low.

    The groups are the disruptions of ``train_disruption``. In arXiv 2602.11437 they are cities of the building:
    ``train_disruption="none | dynamics:city:tampa | dynamics:city:honolulu | dynamics:city:el_paso |
    dynamics:city:cool_marine_seattle"``. Run ``vdn`` with the same ``train_disruption`` as its control.
    """

    algorithm: ClassVar[str] = "groupdr-vdn"
