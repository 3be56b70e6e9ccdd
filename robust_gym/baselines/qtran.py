"""QTRAN: individual values transform an unrestricted joint value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.compositions import QTRANMixing
from robust_gym.baselines.marl.factorisation import ValueFactorisation


@register_team_algorithm(
    "qtran",
    about="QTRAN: a joint action value of any form, and individual values that agree with it on what is greedy.",
    actions=("discrete",),
    compare=("vdn",),
    paper=(
        "Son et al., QTRAN: Learning to Factorize with Transformation for Cooperative Multi-Agent "
        "Reinforcement Learning, ICML 2019"
    ),
)
@dataclass
class QTRAN(QTRANMixing, ValueFactorisation):
    """QTRAN-base with the standard backup, y = r + gamma Q(h', u*), where u* are the agents' greedy next actions.

    A joint network learns the targets. The agents' values and a state-value network then follow it: their sum equals
    the joint value at the agents' greedy actions and is no less elsewhere. See ``ValueFactorisation`` for the arguments
    that every composition has.
    """

    algorithm: ClassVar[str] = "qtran"
