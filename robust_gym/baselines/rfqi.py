"""Robust fitted Q iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.offline.arguments import ABOUT
from robust_gym.baselines.offline.robust import RobustOffline
from robust_gym.registry import register_algorithm

if TYPE_CHECKING:
    from robust_gym.baselines.offline.data import Data
    from robust_gym.baselines.offline.divergences import Divergence


@register_algorithm(
    "rfqi",
    about="Robust fitted Q iteration: learns from a fixed dataset for the worst dynamics within a distance in total "
    "variation.",
    paper="Panaganti, Xu, Kalathil & Ghavamzadeh, Robust Reinforcement Learning using Offline Data, NeurIPS 2022 "
    "(arXiv 2208.05129)",
    compare=("implicit-q",),
    **ABOUT,
)
@dataclass
class RFQI(RobustOffline):
    """A dual network g finds the worst next states within total variation ``rho``, and Q regresses on what is left.

    With ``V(s') = max_a' Q(s', a')``, g maximises the mean of ``(1 - rho) * g(s, a) - (g(s, a) - V(s'))_+``, and Q
    regresses on ``r + gamma * ((1 - rho) * g(s, a) - (g(s, a) - V(s'))_+)``. The paper assumes a fail state of value 0
    and no reward below 0; where the worst value is another, ``gamma * rho * fail_value`` is added. It must be none that
    the task never comes near: then an end of the episode, whose value is 0, would be worth more than to go on.

    Where actions are a box, the maximum is over actions like those of the data, as in BCQ and in the authors' code.
    Unlike that code, the dual network is kept from update to update instead of being fitted anew to every batch, the
    value is 0 where the task ends, and the dual network lies between the bounds of the value, of which it is a
    quantile. Where actions are discrete, the maximum is over all of them, as in the paper's Algorithm 1.

    Attributes:
        rho: Radius in total variation, in [0, 1]; the paper's value.
        fail_value: Value of the worst state that the world could be thrown into, in units of scaled rewards; ``None``
            for the least discounted return from any state of the data on, or 0 where none is below 0.
        tau: Share of the online networks that the target networks take over after an update; BCQ's.
        iteration_updates: Updates in an iteration, after which the targets are refreshed; one, as in the authors' code.
    """

    rho: float = 0.5
    tau: float = 0.005
    iteration_updates: int = 1

    algorithm: ClassVar[str] = "rfqi"
    most_updates: ClassVar[int] = 500_000
    settings: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {"updates": 500_000, "batch_size": 1000}}
    """``paper``: its number of updates, whatever the budget, and its batches."""

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        super().check()
        self._require("rho", 0 <= self.rho <= 1, "from 0 to 1")

    def worst(self, data: Data) -> float | None:
        """Return the value of the worst state, scaled."""
        if self.fail_value is not None:
            return self.fail_value
        return min(0.0, float((data.transitions.returns_to_go(self.discount) * data.scale).min()))

    def divergence(self, data: Data) -> Divergence:
        """Return the ball in total variation."""
        from robust_gym.baselines.offline.divergences import WithinTV

        return WithinTV(self.rho)
