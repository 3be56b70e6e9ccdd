"""Kinds of the dynamics channel: laws by which all parameters of a task are drawn."""

from __future__ import annotations

from robust_gym.kind import Argument, Kind
from robust_gym.kind_table._arguments import one, steps

_LAWS = "robust_gym.wrappers.dynamics:DynamicsDisruption"
_DELTA = Argument("delta", "half width of the draw", "fraction", low=0, high=0.95, open_low=True)
_LEVELS = one(0.1, 0.2, 0.3, 0.45, 0.6)

DYNAMICS: tuple[Kind, ...] = (
    Kind(
        "dynamics",
        "random",
        "Every dynamics parameter of the task drawn anew at each reset: scaled by U[1-delta, 1+delta], "
        "or, for a parameter whose nominal value is zero, shifted by U[-delta, delta] of its span, and kept within "
        "the parameter's bounds. Pushes and most shapes are left out: they are only written by name.",
        (_DELTA,),
        _LAWS,
        _LEVELS,
        source="domain randomisation; Robust-Gymnasium (Gu et al., ICLR 2025)",
    ),
    Kind(
        "dynamics",
        "normal",
        "As random, with a normal draw of that standard deviation, within two of them.",
        (Argument("sigma", "standard deviation of the draw", "fraction", low=0, high=0.45, open_low=True),),
        _LAWS,
        one(0.05, 0.1, 0.15, 0.2, 0.3),
        source="domain randomisation",
    ),
    Kind(
        "dynamics",
        "corner",
        "Every dynamics parameter at one end of random's interval, which one is drawn at each reset: the corners of "
        "the uncertainty set.",
        (_DELTA,),
        _LAWS,
        _LEVELS,
        source="RRLS (Zouitine et al., 2024), which evaluates on a grid over the set",
    ),
    Kind(
        "dynamics",
        "redraw",
        "As random, and drawn anew within the episode, every so many steps.",
        (_DELTA, steps("how long a draw holds", default=100)),
        _LAWS,
        tuple((delta, 100) for (delta,) in _LEVELS),
        source="non-stationary MDPs; " + "Robust-Gymnasium (Gu et al., ICLR 2025)",
    ),
    Kind(
        "dynamics",
        "forces",
        "Every external force of the task (its pushes) drawn from U[-share, share] of the largest accepted one, and "
        "drawn anew every so many steps.",
        (
            Argument("share", "half width of the draw", "of the largest force", low=0, high=1, open_low=True),
            steps("how long a draw holds", default=20),
        ),
        _LAWS,
        tuple((share, 20) for share in (0.05, 0.1, 0.2, 0.35, 0.5)),
        source="the force sets of RARL (Pinto et al., 2017) and RRLS (Zouitine et al., 2024), at random",
    ),
)
