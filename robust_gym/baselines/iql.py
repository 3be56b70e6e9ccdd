"""IQL: agents that learn the team's return independently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from robust_gym.baselines.base import register_team_algorithm
from robust_gym.baselines.marl.factorisation import ValueFactorisation

if TYPE_CHECKING:
    import torch

    from robust_gym.baselines.marl.mixers import Mixer
    from robust_gym.baselines.marl.team import Team


@register_team_algorithm(
    "iql",
    about="Independent Q-learning: every agent learns the team's return from its own value alone.",
    actions=("discrete",),
    compare=("vdn",),
    paper="Tan, Multi-Agent Reinforcement Learning: Independent vs. Cooperative Agents, ICML 1993",
)
@dataclass
class IQL(ValueFactorisation):
    """Independent Q-learning, y_i = r + gamma max Q_i(h_i', .), with r the team's reward: a floor for mixers.

    Nothing is mixed, so that no agent's value depends on another's; the agents share the replay and nothing else. A
    positive ``max_grad_norm`` would tie them together, as it clips the gradient of all of them at once. See
    ``ValueFactorisation`` for the arguments.
    """

    algorithm: ClassVar[str] = "iql"

    def make_mixer(self, team: Team, generator: torch.Generator) -> Mixer:
        """Return a mixer that mixes nothing."""
        from robust_gym.baselines.marl.mixers import Independent

        return Independent(team)
