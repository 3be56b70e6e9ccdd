"""Domain randomisation of any algorithm: what its registrations and arguments have in common."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from robust_gym.baselines.base import register_single_algorithm

register_randomised = functools.partial(
    register_single_algorithm,
    honours=("dynamics:random",),
    train="disrupted",
    privileges=("parameter-box",),
    paper=(
        "Tobin et al., Domain Randomization for Transferring Deep Neural Networks from Simulation to the Real "
        "World, IROS 2017 (arXiv 1703.06907)"
    ),
)
"""Registers an algorithm that learns in worlds drawn anew; see ``registry.register_algorithm``."""


@dataclass
class Randomised:
    """Training episodes whose dynamics are drawn at random.

    Attributes:
        train_disruption: Disruption of every training episode: by default each dynamics parameter of the task is drawn
            from 0.7 to 1.3 times its nominal value at each reset.
    """

    train_disruption: str = "dynamics:random:0.3"
