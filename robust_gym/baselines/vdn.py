"""VDN: agents' values add up to the team's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.factorisation import ValueFactorisation


@register_team_algorithm(
    "vdn",
    about="Value-decomposition networks: the team's action value is the sum of its agents'.",
    actions=("discrete",),
    paper="Sunehag et al., Value-Decomposition Networks for Cooperative Multi-Agent Learning, AAMAS 2018",
)
@dataclass
class VDN(ValueFactorisation):
    """VDN with the standard backup; see ``ValueFactorisation`` for the arguments."""

    algorithm: ClassVar[str] = "vdn"
