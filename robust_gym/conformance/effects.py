"""Whether every disruption that a task can honour does something to it."""

from __future__ import annotations

from robust_gym import registry
from robust_gym.conformance.rollout import Rollout
from robust_gym.conformance.worlds import worlds_of
from robust_gym.disruption import Disruption
from robust_gym.kinds import CHANNELS, plugin_kinds
from robust_gym.support import supported_kinds
from robust_gym.task import DynamicsParameter, Task

BRIEF = 30
"""Least steps of a rollout under what is done to a signal."""

FEW = 10
"""Rewards or costs other than zero that a random rollout needs for every kind to have met one; worlds drawn."""

_MORE = (8, 9, 10)
"""Episodes that are tried too where a drawn world was like the nominal one."""

# What multiplies, hides or delays a signal does nothing to one that is always zero; what a plug-in's kind does is seen
# by its own checks, which draw rewards.
_SILENT_ON_ZERO = {"scale", "flip", "delay", "dropout", "sparse"}


def disruptions(task: Task) -> list[str]:
    """List one strong disruption for every kind, every parameter and every semantic option of a task."""
    kinds = [kind for channel in CHANNELS for kind in supported_kinds(task, channel) if not kind.policy]
    found = [f"{kind.channel}:{kind.name}@5" for kind in kinds]
    for parameter in task.dynamics.values():
        found += [f"dynamics:{parameter.name}:{value:g}" for value in _both_sides(parameter)]
    for shift in task.semantic.values():
        found += [f"dynamics:{shift.name}:{option}" for option in shift.options if option != shift.nominal]
    return found


def _both_sides(parameter: DynamicsParameter) -> list[float]:
    """Return a value below and one above the nominal, both well inside the bounds."""
    if parameter.mode == "scale":
        values = [max(parameter.low, 0.7), min(parameter.high, 1.4)]
    else:
        values = [(parameter.low + parameter.nominal) / 2, (parameter.high + parameter.nominal) / 2]
    # A small change of a whole number may be none.
    chosen = [
        end if parameter.realised(value) == parameter.identity else value
        for value, end in zip(values, (parameter.low, parameter.high), strict=True)
    ]
    return [value for value in chosen if parameter.realised(value) != parameter.identity]


def check_effect(id: str) -> None:
    """Every kind, every parameter (below and above its nominal value) and every semantic option matters.

    Each observation is inside its space, and afterwards the world is nominal again to the bit. A kind that multiplies,
    clips or hides rewards or costs is left out where random actions earn or cost next to nothing.
    """
    task = registry.task(id)
    with worlds_of(id) as worlds:
        nominal = worlds.play(check_spaces=True)
        # What is done to a signal mostly shows at once; what is done to the world may take its time.
        brief = max(BRIEF, worlds.steps // 5)
        short = worlds.play(steps=brief)

        def idle(text: str) -> bool:
            if not text.startswith("dynamics:") and worlds.play(text, steps=brief, check_spaces=True) != short:
                return False
            if worlds.play(text, check_spaces=True) != nominal:
                return False
            # Half of what is drawn around a bound is the bound, and a chance may be missed: another episode draws anew.
            return all(worlds.play(text, seed) == worlds.play(seed=seed) for seed in _MORE)

        without = [text for text in disruptions(task) if idle(text) and not _excused(text, task, nominal)]
        assert not without, f"no effect on {worlds.steps} random steps: {', '.join(without)}"
        assert worlds.play() == nominal, "after disturbances, the nominal world is not what it was"


def _excused(disruption: str, task: Task, nominal: Rollout) -> bool:
    """Return whether random actions met nothing that a kind could change."""
    (term,) = Disruption.parse(disruption).resolved(task.family).terms
    if term.channel not in ("reward", "cost"):
        return False
    values, scale = (
        (nominal.nominal, task.reward_scale) if term.channel == "reward" else (nominal.costs, task.cost_scale)
    )
    if term.kind == "clip":
        return max(map(abs, values), default=0.0) <= float(str(term.args[0])) * (scale or 1.0)
    silent = term.kind in _SILENT_ON_ZERO or term.spec in plugin_kinds()
    return silent and sum(map(bool, values)) < FEW
