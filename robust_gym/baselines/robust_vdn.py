"""Robust VDN with a rho-contamination uncertainty set."""

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
    "robust-vdn",
    about="VDN whose backup expects an adversary to move the team anywhere with probability rho.",
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
class RobustVDN(ValueFactorisation):
    """Robust VDN, y = r + gamma ((1 - rho) V' + rho w).

    With a worst value of 0 this equals VDN with a discount of gamma (1 - rho): run ``vdn`` with that ``gamma`` as
    its control. Where rewards are never positive, as in the building, 0 is the *best* value, not the worst.

    Attributes:
        rho: Size of the uncertainty set, 0 to 1; the paper tries 0 to 0.02.
        worst_value: ``w``, the least value the world could offer, in the units of the team's return. The public code
            of the paper takes 0; the true bound is (least team reward of a step) / (1 - gamma).
    """

    rho: float = 0.008
    worst_value: float = 0.0

    algorithm: ClassVar[str] = "robust-vdn"

    def make_backup(self, team: Team, generator: torch.Generator) -> Backup:
        """Return the rho-contamination backup."""
        from robust_gym.baselines.marl.backups import RhoContamination

        return RhoContamination(self.gamma, self.rho, self.worst_value / self.reward_scale)

    def check(self) -> None:
        """Check the arguments; see ``ValueFactorisation.check``."""
        super().check()
        self._require("rho", 0 <= self.rho <= 1, "between 0 and 1")
