"""Disruptions of the literature that have a name."""

from __future__ import annotations

from robust_gym.kind import Preset
from robust_gym.kind_table._arguments import REALWORLD


def _combined(
    name: str, delay: int, reward: int, sigma: float, p: float, steps: int, repeat: int, dummy: int
) -> Preset:
    """Return one of realworldrl_suite's combined challenges.

    Its noise is in our units of scale. A reading that is dropped there reads zero for some steps; here as large a share
    of readings does, each by itself. Its perturbed physics, other parameters in every domain, is left out.
    """
    lost = round(p * steps / (1 + p * steps), 2)
    held = f"+action:repeat:{repeat - 1}" if repeat > 1 else ""  # ours counts further steps
    terms = (
        f"action:gauss:{sigma}+action:delay:{delay}{held}",
        f"reward:delay:{reward}",
        f"obs:gauss:{sigma}+obs:dropout:{lost}+obs:freeze:{p},{steps}+obs:delay:{delay}+obs:dummy:{dummy}",
    )
    about = (
        f"The {name} combined challenge of realworldrl_suite, without its perturbed physics; lost readings are as many "
        "as there, but each is lost for a step."
    )
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
        "Forces on the task's bodies, within its own bounds, drawn anew at every step: RARL's kind of disturbance "
        "without its learned adversary. RRLS's forces are on fewer bodies, and at most 3 N.",
        "RARL (Pinto et al., 2017)",
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _PRESETS}
