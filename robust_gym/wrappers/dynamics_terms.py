"""What a disruption may say of a task's dynamics: parameters within their bounds, and what changes something."""

from __future__ import annotations

import math
from collections.abc import Sequence

from robust_gym.disruption import DisruptionError, Range, Term, did_you_mean
from robust_gym.kinds import find_kind, levels
from robust_gym.support import unsupported
from robust_gym.task import DynamicsParameter, Task
from robust_gym.wrappers import laws

_WHOLE = "'always', 'episode', or a schedule over episodes"


def check_term(term: Term, task: Task) -> None:
    """Check one dynamics term against a task's parameters and semantic shifts.

    Raises:
        DisruptionError: If the task lacks the parameter, or the value is out of bounds or without effect.
    """
    if term.spec is not None:
        reason = unsupported(task, term.spec)
        if reason:
            raise DisruptionError(f"{task.id} cannot honour {str(term)!r}: {reason}")
        if term.schedule.within_episode and all(one.at_reset for one in laws.parameters(term.kind, task)):
            raise DisruptionError(
                f"{str(term)!r}: the parameters of {task.id} that are drawn take effect at resets only; use {_WHOLE}"
            )
        return
    if term.kind in task.semantic:
        _check_semantic(term, task)
        return
    parameter = task.dynamics.get(term.kind)
    if parameter is None:
        names = ", ".join(["random", *task.dynamics, *task.semantic])
        raise DisruptionError(
            f"{task.id} has no dynamics parameter {term.kind!r} (in {str(term)!r}); it has "
            f"{names}.{task.closest_parameter(term.kind)}"
        )
    if parameter.at_reset and term.schedule.within_episode:
        raise DisruptionError(
            f"{str(term)!r}: {parameter.name!r} of {task.id} takes effect at resets only; use {_WHOLE}"
        )
    if term.level is not None:
        delta = delta_of(term, task)
        _check_whole(term, parameter, laws.at(parameter, delta, -1.0), laws.at(parameter, delta, 1.0))
        return
    (value,) = term.args
    bounds = f"{parameter.low:g} to {parameter.high:g}" + (
        f" {parameter.unit}" if parameter.mode == "set" else " times its nominal value"
    )
    if isinstance(value, str):
        raise DisruptionError(f"{parameter.name!r} of {task.id} is a number ({bounds}), got {value!r}")
    ends = (value.low, value.high) if isinstance(value, Range) else (value,)
    if any(not parameter.low <= end <= parameter.high for end in ends):
        raise DisruptionError(f"{str(term)!r} is out of bounds: {parameter.name!r} of {task.id} goes from {bounds}")
    if isinstance(value, Range):
        _check_whole(term, parameter, value.low, value.high)
    elif parameter.realised(value) == parameter.identity:
        whole = f", {parameter.nominal:g}, a whole number" if parameter.whole else ""
        raise DisruptionError(f"{str(term)!r} is the nominal value{whole}, which changes nothing")


def _check_whole(term: Term, parameter: DynamicsParameter, low: float, high: float) -> None:
    if parameter.stays_nominal(low, high):
        raise DisruptionError(
            f"{str(term)!r} draws whole numbers, all of them the nominal {parameter.nominal:g}, which changes nothing"
        )


def delta_of(term: Term, task: Task) -> float:
    """Return how far a level of a single parameter reaches: as far as the kind that draws them all."""
    random = find_kind("dynamics", "random")
    assert random is not None
    assert term.level is not None
    return float(levels(random, task.family)[term.level - 1][0])


def check_together(terms: Sequence[Term], task: Task) -> None:
    """Check what a task's dynamics terms, each of them checked, are together.

    Raises:
        DisruptionError: If a semantic shift is given twice, or the values of a parameter cancel out.
    """
    for name in dict.fromkeys(term.kind for term in terms if term.spec is None):
        same = [term for term in terms if term.kind == name]
        if len(same) > 1 and name in task.semantic:
            raise DisruptionError(f"{str(same[1])!r}: the {name} of {task.id} is given twice")
        if len(same) > 1 and _cancel_out(same, task.dynamics[name]):
            together = "+".join(map(str, same))
            raise DisruptionError(f"{together!r} is the nominal {name} of {task.id} in the end, which changes nothing")


def _cancel_out(terms: Sequence[Term], parameter: DynamicsParameter) -> bool:
    """Return whether fixed values of one parameter, which act at the same steps, come to the nominal one."""
    values = [term.args[0] for term in terms if term.level is None and not isinstance(term.args[0], Range)]
    schedules = {term.schedule for term in terms}
    # Every other schedule is drawn for each term; where a strength grows, shifts still cancel out, but factors do not.
    together = ("always", "every", "steps", *(("ramp", "sine") if parameter.mode == "set" else ()))
    if len(values) < len(terms) or len(schedules) > 1 or schedules.pop().name not in together:
        return False
    numbers = [float(str(value)) for value in values]
    if parameter.mode == "scale":
        total = math.prod(numbers)
    else:
        total = parameter.nominal + sum(number - parameter.nominal for number in numbers)
    total = min(max(total, parameter.low), parameter.high)
    return math.isclose(parameter.realised(total), parameter.identity, rel_tol=1e-9, abs_tol=1e-12)


def _check_semantic(term: Term, task: Task) -> None:
    shift = task.semantic[term.kind]
    if term.level is not None or not isinstance(term.args[0], str) or term.args[0] not in shift.options:
        hint = did_you_mean(str(term.args[0]) if term.args else "", shift.options)
        raise DisruptionError(f"{str(term)!r}: {shift.name!r} of {task.id} is one of {', '.join(shift.options)}.{hint}")
    if term.args[0] == shift.nominal:
        raise DisruptionError(f"{str(term)!r} is the nominal {shift.name}, which changes nothing")
    if term.schedule.name not in ("always", "episode"):
        raise DisruptionError(f"{str(term)!r}: the {shift.name} is fixed within an episode; use 'always' or 'episode'")
