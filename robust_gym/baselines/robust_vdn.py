"""Robust VDN with a rho-contamination uncertainty set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.compositions import ContaminationBackup
from robust_gym.baselines.marl.factorisation import ValueFactorisation


@register_team_algorithm(
    "robust-vdn",
    about="VDN whose backup expects an adversary to move the team anywhere with probability rho.",
    actions=("discrete",),
    compare=("vdn",),
    paper="Distributionally Robust Cooperative MARL via Robust Value Factorization, ICLR 2026 (arXiv 2602.11437)",
)
@dataclass
class RobustVDN(ContaminationBackup, ValueFactorisation):
    """Robust VDN, y = r + gamma ((1 - rho) V' + rho w).

    V' is the sum of the agents' greedy next values, so the worst case is the team's, not each agent's own: greedy
    individual actions stay greedy for the robust joint value (DrIGM, Theorem 1 of the paper).

    With a worst value of 0 this equals VDN with a discount of gamma (1 - rho): run ``vdn`` with that ``gamma`` as
    its control. Where rewards are never positive, as in the building, 0 is the *best* value, not the worst.
    """

    algorithm: ClassVar[str] = "robust-vdn"
