"""Robust VDN with a total-variation uncertainty set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from robust_gym.baselines.marl.factorisation import ValueFactorisation
from robust_gym.registry import register_algorithm

if TYPE_CHECKING:
    import torch

    from robust_gym.baselines.marl.backups import Backup
    from robust_gym.baselines.marl.team import Team


@register_algorithm(
    "robust-vdn-tv",
    about="VDN whose backup expects the worst dynamics within a total-variation distance rho.",
    apis=("parallel",),
    modules=("torch",),
    install='pip install "robust-gym[torch]"',
    actions=("discrete",),
    observations=("box",),
    cooperative=True,
    compare=("vdn",),
    paper="Distributionally Robust Cooperative MARL via Robust Value Factorization, ICLR 2026 (arXiv 2602.11437)",
)
@dataclass
class RobustVDNTV(ValueFactorisation):
    """Robust VDN with a dual network for the worst transition model in a total-variation ball.

    As in the paper, each batch of updates comes every 8 environment steps: ``updates`` steps on the dual network,
    then as many on the agents'.

    Attributes:
        rho: Radius of the ball, 0 to 1; the paper tries 0 to 0.5.
        worst_value: The least value of any state, in the units of the team's return; the public code takes 0.
        dual_hidden: Units in each layer of the dual network.
        dual_learning_rate: Adam's, for the dual network.
        dual_objective: ``exact``, the dual of the problem, or ``squared``, which is what the public code minimises.
    """

    update_every: int = 8
    updates: int = 4
    rho: float = 0.2
    worst_value: float = 0.0
    dual_hidden: int = 64
    dual_learning_rate: float = 1e-3
    dual_objective: str = "exact"

    algorithm: ClassVar[str] = "robust-vdn-tv"

    def make_backup(self, team: Team, generator: torch.Generator) -> Backup:
        """Return the total-variation backup with a new dual network."""
        from robust_gym.baselines.marl.backups import DualNetwork, TotalVariation

        dual = DualNetwork(team, self.dual_hidden, generator)
        worst = self.worst_value / self.reward_scale
        return TotalVariation(self.gamma, self.rho, worst, dual, self.dual_learning_rate, self.dual_objective)

    def check(self) -> None:
        """Check the arguments; see ``ValueFactorisation.check``."""
        super().check()
        self._require("rho", 0 <= self.rho <= 1, "between 0 and 1")
        self._require("dual_objective", self.dual_objective in ("exact", "squared"), "exact or squared")
        self._require("dual_hidden", self.dual_hidden >= 1, "at least 1")
        self._require("dual_learning_rate", self.dual_learning_rate > 0, "greater than 0")
