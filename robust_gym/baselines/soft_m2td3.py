"""SoftM2TD3: M2TD3 whose actor minds every candidate world by its probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.m2td3 import M2TD3, PAPER

if TYPE_CHECKING:
    from torch import Tensor


@register_single_algorithm(
    "soft-m2td3",
    about="M2TD3 whose actor maximises the value in all candidate worlds, each weighted by how often it is the worst.",
    actions=("box",),
    observations=("box", "dict"),
    honours=("dynamics:random",),
    train="disrupted",
    privileges=("parameter-box", "privileged-dynamics"),
    compare=("td3", "m2td3"),
    paper=PAPER,
)
@dataclass
class SoftM2TD3(M2TD3):
    """M2TD3 whose actor ascends sum_k p_k mean Q(s, pi(s), omega_k) rather than the smallest term alone.

    The probability p_k is the share of the last updates in which candidate k was the worst, so that the actor trades a
    little of the worst case for the average of the bad ones. The noise on worlds has fallen to its end after half of
    the run, as the authors' has. All else is M2TD3's; see there for the arguments.
    """

    algorithm: ClassVar[str] = "soft-m2td3"
    noise_falls: ClassVar[float] = 0.5

    def actor_loss(self, values: Tensor, probabilities: Tensor) -> Tensor:
        """Return minus the expected value over the candidates' probabilities."""
        return -(probabilities * values).sum()
