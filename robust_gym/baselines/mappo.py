"""MAPPO: PPO for teams, with one critic that sees the state during training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.gradient import PolicyGradient


@register_team_algorithm(
    "mappo",
    about="Multi-agent PPO: during training, a central critic sees the state; agents act on what they see.",
    actions=("discrete", "box"),
    compare=("ippo",),
    paper="Yu et al., The Surprising Effectiveness of PPO in Cooperative Multi-Agent Games, NeurIPS 2022 Datasets and "
    "Benchmarks (arXiv 2103.01955)",
)
@dataclass
class MAPPO(PolicyGradient):
    """PPO with a centralised critic; see ``PolicyGradient`` for the arguments."""

    algorithm: ClassVar[str] = "mappo"
    needs_state: ClassVar[bool] = True
