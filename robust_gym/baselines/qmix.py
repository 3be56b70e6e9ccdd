"""QMIX: a network of the state mixes agents' values monotonically."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.compositions import QMIXMixing
from robust_gym.baselines.marl.factorisation import ValueFactorisation


@register_team_algorithm(
    "qmix",
    about="QMIX: a mixing network that is monotone in every agent's value and sees the state.",
    actions=("discrete",),
    compare=("vdn",),
    paper=(
        "Rashid et al., QMIX: Monotonic Value Function Factorisation for Deep Multi-Agent Reinforcement "
        "Learning, ICML 2018"
    ),
)
@dataclass
class QMIX(QMIXMixing, ValueFactorisation):
    """QMIX with the standard backup, y = r + gamma Q(s', q'), where q' are the agents' greedy next values.

    A hypernetwork makes the mixing network's weights from the state, and their absolute value makes the joint value
    rise with each agent's. Adam and clipped gradients are those of arXiv 2602.11437. See ``ValueFactorisation`` for the
    arguments that every composition has.
    """

    algorithm: ClassVar[str] = "qmix"
