"""What compositions are made of, as dataclasses of arguments: one for each mixer and each backup that has any.

An algorithm inherits one of each and ``ValueFactorisation``, in the order backup, mixer, ``ValueFactorisation``; its
arguments then stand in the opposite order. This module imports torch only inside methods.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from robust_gym.baselines.marl.arguments import FAST, PAPER, Settings

if TYPE_CHECKING:
    import torch

    from robust_gym.baselines.marl.backups import Backup
    from robust_gym.baselines.marl.factorisation import ValueFactorisation
    from robust_gym.baselines.marl.mixers import Mixer
    from robust_gym.baselines.marl.team import Team

    Part = ValueFactorisation
else:
    # A dataclass takes over the defaults that its bases inherit: parts that inherited ``ValueFactorisation`` would undo
    # each other's defaults.
    Part = object


@dataclass
class QMIXMixing(Part):
    """QMIX's mixing network, and the optimiser that arXiv 2602.11437 gives it.

    Rewards are brought to a size of 1: Adam would take most of a short run to reach returns of tens of thousands, as
    those of the building.

    Attributes:
        mixer_hidden: Units of the mixing network.
    """

    optimiser: str = "adam"
    max_grad_norm: float = 10.0
    reward_scale: float = 0.0
    mixer_hidden: int = 32

    settings: ClassVar[Settings] = {"fast": FAST, "paper": {**PAPER, "reward_scale": 1.0}}

    def make_mixer(self, team: Team, generator: torch.Generator) -> Mixer:
        """Return a new mixing network."""
        from robust_gym.baselines.marl.qmix import QMIX

        return QMIX(team, self.mixer_hidden, generator)

    def check(self) -> None:
        """Check the arguments; see ``ValueFactorisation.check``."""
        super().check()
        self._require("mixer_hidden", self.mixer_hidden >= 1, "at least 1")


@dataclass
class QTRANMixing(Part):
    """QTRAN's networks and losses; rewards are brought to a size of 1, as for QMIX.

    The optimiser is that of VDN. With the Adam and the clipped gradients of arXiv 2602.11437
    (``optimiser="adam", max_grad_norm=10``) it is hardly better than random play at the quick budget.

    Attributes:
        mixer_hidden: Units of the layers of the joint and the state-value network.
        opt_weight: Weight of the loss at the agents' greedy actions, L_opt.
        nopt_weight: Weight of the loss at all others, L_nopt.
    """

    reward_scale: float = 0.0
    mixer_hidden: int = 32
    opt_weight: float = 1.0
    nopt_weight: float = 1.0

    joint_features: ClassVar[bool] = True
    settings: ClassVar[Settings] = {
        "fast": FAST,
        "paper": {**PAPER, "reward_scale": 1.0, "optimiser": "adam", "learning_rate": 1e-3, "max_grad_norm": 10.0},
    }

    def make_mixer(self, team: Team, generator: torch.Generator) -> Mixer:
        """Return new joint and state-value networks."""
        from robust_gym.baselines.marl.qtran import QTRAN

        return QTRAN(team, self.hidden, self.mixer_hidden, self.opt_weight, self.nopt_weight, generator)

    def check(self) -> None:
        """Check the arguments; see ``ValueFactorisation.check``."""
        super().check()
        self._require("mixer_hidden", self.mixer_hidden >= 1, "at least 1")
        for name in ("opt_weight", "nopt_weight"):
            self._require(name, getattr(self, name) >= 0, "at least 0")


@dataclass
class ContaminationBackup(Part):
    """The rho-contamination backup, y = r + gamma ((1 - rho) V' + rho w).

    Attributes:
        rho: Size of the uncertainty set, 0 to 1; the paper tries 0 to 0.02.
        worst_value: ``w``, the least value the world could offer, in the units of the team's return. The public code
            of the paper takes 0; the true bound is (least team reward of a step) / (1 - gamma).
    """

    rho: float = 0.008
    worst_value: float = 0.0

    def make_backup(self, team: Team, generator: torch.Generator) -> Backup:
        """Return the rho-contamination backup."""
        from robust_gym.baselines.marl.backups import RhoContamination

        return RhoContamination(self.gamma, self.rho, self.worst_value)

    def check(self) -> None:
        """Check the arguments; see ``ValueFactorisation.check``."""
        super().check()
        self._require("rho", 0 <= self.rho <= 1, "between 0 and 1")
        self._require("worst_value", math.isfinite(self.worst_value), "a finite number")


@dataclass
class TotalVariationBackup(Part):
    """The total-variation backup, with a dual network for the worst transition model.

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

    def make_backup(self, team: Team, generator: torch.Generator) -> Backup:
        """Return the total-variation backup with a new dual network, which reads what the joint value reads."""
        from robust_gym.baselines.marl.backups import DualNetwork, TotalVariation

        features = self.hidden if self.joint_features else 0
        dual = DualNetwork(team, self.dual_hidden, generator, features)
        return TotalVariation(
            self.gamma, self.rho, self.worst_value, dual, self.dual_learning_rate, self.dual_objective
        )

    def check(self) -> None:
        """Check the arguments; see ``ValueFactorisation.check``."""
        super().check()
        self._require("rho", 0 <= self.rho <= 1, "between 0 and 1")
        self._require("worst_value", math.isfinite(self.worst_value), "a finite number")
        self._require("dual_objective", self.dual_objective in ("exact", "squared"), "exact or squared")
        self._require("dual_hidden", self.dual_hidden >= 1, "at least 1")
        self._require("dual_learning_rate", self.dual_learning_rate > 0, "greater than 0")


@dataclass
class GroupBackup(Part):
    """The backup of GroupDR, with the least reward that an estimator expects of any group.

    The groups are the disruptions of ``train_disruption``: each training episode is drawn from one of them. First the
    estimator alone is trained, on a warm-up of random actions; then, like the dual network of the total-variation
    backup, it takes ``updates`` steps before each ``updates`` steps on the agents' networks, for they come to visit
    other states than random actions do.

    By default the groups are the undisturbed task, the protocol's level 3 of random dynamics, and its corners; every
    task of the registry with Discrete actions has them.

    Attributes:
        estimator_hidden: Units in each layer of the estimator.
        estimator_learning_rate: Adam's, for the estimator.
        estimator_share: Share of the budget, all of it random, before the estimator is first fitted; the first update
            comes after it, or after ``learning_starts`` if that is longer. The fit sees what the replay still holds.
        estimator_updates: Steps of this first fit.
    """

    train_disruption: str = "none | dynamics:random:0.3 | dynamics:corner:0.3"
    estimator_hidden: int = 64
    estimator_learning_rate: float = 1e-3
    estimator_share: float = 0.05
    estimator_updates: int = 1000

    @property
    def warm_up(self) -> float:
        """Share of the budget before the first update."""
        return max(super().warm_up, self.estimator_share)

    def make_backup(self, team: Team, generator: torch.Generator) -> Backup:
        """Return the backup with a new estimator, of as many groups as there are training disruptions."""
        from robust_gym.baselines.marl.backups import StateActionNetwork
        from robust_gym.baselines.marl.groups import GroupWorst

        estimator = StateActionNetwork(team, self.estimator_hidden, generator, outputs=len(self.distribution))
        return GroupWorst(self.gamma, estimator, self.estimator_learning_rate, self.estimator_updates)

    def check(self) -> None:
        """Check the arguments; see ``ValueFactorisation.check``."""
        super().check()
        self._require("estimator_hidden", self.estimator_hidden >= 1, "at least 1")
        self._require("estimator_learning_rate", self.estimator_learning_rate > 0, "greater than 0")
        self._require("estimator_share", 0 <= self.estimator_share <= 1, "between 0 and 1")
        self._require("estimator_updates", self.estimator_updates >= 0, "at least 0")
