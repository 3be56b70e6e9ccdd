"""VDN: agents' values add up to the team's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.marl.factorisation import ValueFactorisation
from robust_gym.registry import register_algorithm


@register_algorithm(
    "vdn",
    about="Value-decomposition networks: the team's action value is the sum of its agents'.",
    apis=("parallel",),
    modules=("torch",),
    install='pip install "robust-gym[torch]"',
    actions=("discrete",),
    observations=("box",),
    cooperative=True,
    paper="Sunehag et al., Value-Decomposition Networks for Cooperative Multi-Agent Learning, AAMAS 2018",
)
@dataclass
class VDN(ValueFactorisation):
    """VDN with the standard backup; see ``ValueFactorisation`` for the arguments."""

    algorithm: ClassVar[str] = "vdn"
