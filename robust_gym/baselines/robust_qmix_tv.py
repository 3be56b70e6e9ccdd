"""Robust QMIX with a total-variation uncertainty set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.compositions import QMIXMixing, TotalVariationBackup
from robust_gym.baselines.marl.factorisation import ValueFactorisation


@register_team_algorithm(
    "robust-qmix-tv",
    about="QMIX whose backup expects the worst dynamics within a total-variation distance rho.",
    actions=("discrete",),
    compare=("qmix",),
    paper="Distributionally Robust Cooperative MARL via Robust Value Factorization, ICLR 2026 (arXiv 2602.11437)",
)
@dataclass
class RobustQMIXTV(TotalVariationBackup, QMIXMixing, ValueFactorisation):
    """Robust QMIX with a dual network for the worst transition model in a total-variation ball.

    y = r + gamma max_g E[(1 - rho) g - (g - V')_+ + rho w], with V' the mixing network's value of the agents' greedy
    next values and g a network of the state and the joint action: the worst case is the team's (DrIGM, Theorem 1 of the
    paper). Each batch of updates takes ``updates`` steps on the dual network, then as many on agents and mixer.
    """

    algorithm: ClassVar[str] = "robust-qmix-tv"
