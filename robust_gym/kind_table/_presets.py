"""Disruptions of the literature that have a name."""

from __future__ import annotations

from robust_gym.kind import Preset
from robust_gym.kind_table._arguments import REALWORLD


def _combined(
    name: str, delay: int, reward: int, sigma: float, p: float, stuck: int, repeat: int, dummy: int
) -> Preset:
    """Return one of realworldrl_suite's combined challenges.

    Its dropped and stuck sensors are those of `freeze` and `dropout`, its noise is in our units of scale.
    """
    terms = (
        f"action:gauss:{sigma}+action:delay:{delay}+action:repeat:{repeat}",
        f"reward:delay:{reward}",
        f"obs:gauss:{sigma}+obs:dropout:{p}+obs:freeze:{p},{stuck}+obs:delay:{delay}+obs:dummy:{dummy}",
    )
    about = f"The {name} combined challenge of realworldrl_suite."
    return Preset(f"realworldrl-{name}", "+".join(terms), about, REALWORLD)


_PRESETS = (
    _combined("easy", 3, 10, 0.1, 0.01, 1, 1, 10),
    _combined("medium", 6, 20, 0.3, 0.05, 5, 2, 20),
    _combined("hard", 9, 40, 1, 0.1, 10, 3, 50),
    Preset(
        "robust-gymnasium-state",
        "obs:gauss:0.1",
        "Gaussian noise on the observation, as in the main experiments of Robust-Gymnasium.",
        "Robust-Gymnasium (Gu et al., ICLR 2025)",
    ),
    Preset(
        "rarl-forces",
        "dynamics:forces:1,1",
        "The force set of RARL and RRLS with forces drawn anew at every step, in place of the learned adversary.",
        "RARL (Pinto et al., 2017)",
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _PRESETS}
