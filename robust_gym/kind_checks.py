"""What a kind of disruption must be to be registered: whatever else would only be found when it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from robust_gym.fields import are_words, is_flag, is_number, is_path, is_text, is_whole, misfits, path_meant, quoted
from robust_gym.grammar import did_you_mean
from robust_gym.kind import CHANNELS, NAME, Argument, Kind

_SPACES = ("box", "discrete", "image", "vector")
_ALONE = ("image", "vector")
_NAMED = "lower-case letters, digits and '_', a letter first"
_NUMBER = "a finite number, an int or a float of Python's own"

# What a field asks for is looked at on these channels only; elsewhere it would do nothing.
_FLAGS = {"messages": ("observation",), "opponents": ("observation",), "policy": ("action", "observation")}


def check_kind(kind: Kind) -> None:
    """Check that every field of a kind is what it may be.

    Raises:
        ValueError: At the first that is not; the message names the kind, the field, its value and what it may be.
    """
    if not isinstance(kind, Kind):
        raise ValueError(f"a Kind is registered, got {kind!r}")
    for problem in _problems(kind):
        raise ValueError(f"the kind {kind.full_name!r} is refused: {problem}")


def _problems(kind: Kind) -> Iterator[str]:
    if kind.channel not in CHANNELS:
        hint = did_you_mean(str(kind.channel), CHANNELS)
        yield f"unknown channel {kind.channel!r}; channels are {', '.join(CHANNELS)}.{hint}"
    fields = vars(kind)
    yield from misfits(fields, f"{_NAMED}, such as 'slew'", _is_name, "name")
    yield from misfits(fields, "a string", is_text, "about", "source")
    yield from _arguments(kind)
    yield from _implementation(kind)
    yield from _spaces(kind)
    yield from _levels(kind)  # they are arguments, which have been looked at
    yield from misfits(fields, "a whole number, at least 1", _is_count, "least")
    yield from misfits(fields, "True or False", is_flag, "team", *_FLAGS)
    for field, channels in _FLAGS.items():
        if fields[field] and kind.channel not in channels:
            yield f"{field}=True is for kinds of {' and '.join(channels)}, and this is one of {kind.channel}"


def _arguments(kind: Kind) -> Iterator[str]:
    arguments = kind.arguments
    if not isinstance(arguments, tuple) or not all(isinstance(one, Argument) for one in arguments):
        yield f"arguments must be a tuple of Arguments, such as (Argument(…),) with its comma, got {arguments!r}"
        return
    for one in arguments:
        for problem in _argument_problems(one):
            yield f"of the argument {one.name!r}, {problem}"
    names = [one.name for one in arguments]
    if twice := [name for name in names if names.count(name) > 1]:
        yield f"arguments must have names of their own, got {twice[0]!r} twice"


def _argument_problems(one: Argument) -> Iterator[str]:
    fields = vars(one)
    yield from misfits(fields, _NAMED, _is_name, "name")
    yield from misfits(fields, "a string", is_text, "about", "unit", "words")
    yield from misfits(fields, _NUMBER, _is_plain, "low")
    yield from misfits(fields, f"{_NUMBER}, or None", _or_none(_is_plain), "high", "default", "identity")
    yield from misfits(fields, "True or False", is_flag, "integer", "open_low")
    if one.high is not None and (one.high < one.low or (one.open_low and one.high == one.low)):
        yield f"high must be {'above' if one.open_low else 'at least'} low, which is {one.low:g}, got {one.high!r}"
    if one.default is not None:
        if one.words:
            yield f"default must be None, for the argument is a word of {one.words!r}, got {one.default!r}"
        elif problem := one.problem(one.default):
            yield f"default {problem}"


def _implementation(kind: Kind) -> Iterator[str]:
    path = kind.implementation
    if not is_path(path):
        yield f"implementation must be 'module:Class', got {path!r}.{path_meant(path)}"


def _spaces(kind: Kind) -> Iterator[str]:
    spaces = kind.spaces
    if not isinstance(spaces, tuple) or not are_words(spaces) or not spaces:
        yield f"spaces must be a tuple of some of {quoted(_SPACES)}, such as ('box',) with its comma, got {spaces!r}"
        return
    for one in spaces:
        if one not in _SPACES:
            yield f"spaces must be some of {quoted(_SPACES)}, got {one!r} among them.{did_you_mean(one, _SPACES)}"
    wanted = {"reward": ("box",), "cost": ("box",), "action": ("box", "discrete")}.get(kind.channel, _SPACES)
    if not set(spaces) <= set(wanted):
        yield f"spaces of a kind of {kind.channel} must be {' or '.join(map(repr, wanted))}, got {spaces!r}"
    if len(spaces) > 1 and set(spaces) & set(_ALONE):
        yield f"spaces must have 'image' or 'vector' alone, or some of 'box', 'discrete', got {spaces!r}"


def _levels(kind: Kind) -> Iterator[str]:
    levels, names = kind.levels, [one.name for one in kind.arguments]
    if not isinstance(levels, tuple) or len(levels) != 5:
        yield f"levels must be five severity levels, a tuple of five tuples of arguments, got {levels!r}"
        return
    holds = f"a tuple with a value for each of {quoted(names)}" if names else "(), for there are no arguments"
    for number, level in enumerate(levels, 1):
        if not isinstance(level, tuple) or len(level) != len(names):
            yield f"levels[{number - 1}], which is @{number}, must be {holds}, got {level!r}"
            return
        for one, value in zip(kind.arguments, level, strict=True):
            if problem := _level_problem(one, value):
                yield f"levels[{number - 1}], which is @{number}, gives {one.name!r}, which {problem}"


def _level_problem(one: Argument, value: Any) -> str | None:
    if one.words:
        return None if is_text(value) and value else f"must be a word of {one.words!r}, got {value!r}"
    if not _is_plain(value):
        return f"must be {_NUMBER}, got {value!r}"
    return one.problem(value)


def _is_name(value: Any) -> bool:
    return is_text(value) and NAME.fullmatch(value) is not None


def _is_plain(value: Any) -> bool:
    """Return whether a value is a number that is written as it is read: NumPy's own are not."""
    return is_number(value) and type(value) in (int, float)


def _is_count(value: Any) -> bool:
    return is_whole(value) and value >= 1


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)
