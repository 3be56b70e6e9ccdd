"""Robust QMIX with a rho-contamination uncertainty set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.compositions import ContaminationBackup, QMIXMixing
from robust_gym.baselines.marl.factorisation import ValueFactorisation


@register_team_algorithm(
    "robust-qmix",
    about="QMIX whose backup expects an adversary to move the team anywhere with probability rho.",
    actions=("discrete",),
    compare=("qmix",),
    paper="Distributionally Robust Cooperative MARL via Robust Value Factorization, ICLR 2026 (arXiv 2602.11437)",
)
@dataclass
class RobustQMIX(ContaminationBackup, QMIXMixing, ValueFactorisation):
    """Robust QMIX, y = r + gamma ((1 - rho) V' + rho w).

    V' is the mixing network's value of the agents' greedy next values in the next state, so the worst case is the
    team's, not each agent's own: greedy individual actions stay greedy for the robust joint value (DrIGM, Theorem 1 of
    the paper).

    With a worst value of 0 this equals QMIX with a discount of gamma (1 - rho): run ``qmix`` with that ``gamma`` as its
    control.
    """

    algorithm: ClassVar[str] = "robust-qmix"
