"""IPPO: every agent learns by PPO, with a critic of its own observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.gradient import PolicyGradient


@register_team_algorithm(
    "ippo",
    about="Independent PPO: every agent's critic sees what the agent sees.",
    actions=("discrete", "box"),
    paper="de Witt et al., Is Independent Learning All You Need in the StarCraft Multi-Agent Challenge?, 2020 "
    "(arXiv 2011.09533)",
)
@dataclass
class IPPO(PolicyGradient):
    """PPO with decentralised critics; see ``PolicyGradient`` for the arguments."""

    algorithm: ClassVar[str] = "ippo"
    needs_state: ClassVar[bool] = False
