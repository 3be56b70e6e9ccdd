"""What the arguments of every team algorithm have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robust_gym.baselines.base import Checked
from robust_gym.disruption import alternatives

Settings = Mapping[str, Mapping[str, Any]]
"""By name: values of some of an algorithm's arguments that belong together; see ``robust-gym bench --settings``."""

FAST: Mapping[str, Any] = {"n_envs": 8}
"""Value factorisation at a tenth of the cost: its defaults, collected from eight copies."""

PAPER: Mapping[str, Any] = {**FAST, "network": "lstm", "learning_rate": 5e-4, "normalise_observations": False}
"""Value factorisation with the networks, observations and step sizes of arXiv 2602.11437's code.

Unlike there, eight copies collect at once, the dual of total variation is minimised itself (``dual_objective``; there
its square), an episode's last transition is learnt from, and QMIX's biases are drawn."""


class TeamArguments(Checked):
    """Arguments that are checked when they are made, a training distribution among them."""

    train_disruption: str

    @property
    def distribution(self) -> list[str]:
        """The disruptions of the training episodes, each an environment of the training distribution."""
        return alternatives(self.train_disruption)
