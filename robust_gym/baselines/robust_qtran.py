"""Robust QTRAN with a rho-contamination uncertainty set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.compositions import ContaminationBackup, QTRANMixing
from robust_gym.baselines.marl.factorisation import ValueFactorisation


@register_team_algorithm(
    "robust-qtran",
    about="QTRAN whose backup expects an adversary to move the team anywhere with probability rho.",
    actions=("discrete",),
    compare=("qtran",),
    paper="Distributionally Robust Cooperative MARL via Robust Value Factorization, ICLR 2026 (arXiv 2602.11437)",
)
@dataclass
class RobustQTRAN(ContaminationBackup, QTRANMixing, ValueFactorisation):
    """Robust QTRAN, y = r + gamma ((1 - rho) V' + rho w).

    V' is the joint network's value of the agents' greedy next actions. The joint network learns the robust value, and
    the other two losses make greedy individual actions greedy for it (DrIGM, Theorem 1 of the paper).

    With a worst value of 0 this equals QTRAN with a discount of gamma (1 - rho): run ``qtran`` with that ``gamma`` as
    its control.
    """

    algorithm: ClassVar[str] = "robust-qtran"
