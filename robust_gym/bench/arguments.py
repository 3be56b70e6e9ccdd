"""Reading the values of ``--seeds`` and ``--set``: text in, checked Python values out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from robust_gym.algorithm import AlgorithmInfo
from robust_gym.baselines.base import create
from robust_gym.disruption import Disruption, DisruptionError, alternatives, did_you_mean

MAX_SEEDS = 10_000

MAX_DIGITS = 18
"""Digits of a seed; records hold seeds below 2^63."""


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read training seeds: a count (``"3"`` is 0, 1, 2) or a list (``"0,1,5"``, ``"7,"``).

    Raises:
        ValueError: If it is neither, or names a seed twice.
    """
    listed = "," in text
    pieces = [piece.strip() for piece in text.split(",")]
    if listed and pieces[-1] == "":
        pieces.pop()
    if not pieces or not all(piece.isascii() and piece.isdecimal() and len(piece) <= MAX_DIGITS for piece in pieces):
        raise ValueError(f"the seeds {text!r} must be a count such as 3, or a list such as 0,1,5")
    numbers = tuple(int(piece) for piece in pieces)
    if not listed:
        if not 1 <= numbers[0] <= MAX_SEEDS:
            raise ValueError(f"the number of seeds must be from 1 to {MAX_SEEDS}, got {numbers[0]}")
        return tuple(range(numbers[0]))
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"the seeds {text!r} name a seed twice")
    return numbers


def listed(option: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Split names at commas; an option whose variable was empty does not mean all there is.

    Raises:
        ValueError: If the option was given, and names nothing.
    """
    names = tuple(name.strip() for text in texts for name in text.split(",") if name.strip())
    if texts and not names:
        raise ValueError(f"{option} names nothing")
    return names


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` texts whose values have no declared type: JSON where they are JSON, else plain text.

    Raises:
        ValueError: If one has another form, or a name comes twice.
    """
    values: dict[str, Any] = {}
    for name, text in split_assignments(texts, "--engine-set").items():
        try:
            values[name] = json.loads(text, parse_constant=_refuse)
        except ValueError:
            values[name] = text
    return values


def split_assignments(texts: Sequence[str], option: str = "--set") -> dict[str, str]:
    """Split ``NAME=VALUE`` texts.

    Args:
        texts: The texts.
        option: What they were given to, for errors.

    Raises:
        ValueError: If one has another form, or a name comes twice.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not (name.isidentifier() and equals):
            raise ValueError(f"{option} takes NAME=VALUE, got {text!r}")
        if name in values:
            raise ValueError(f"{option} gives {name!r} twice")
        values[name] = value.strip()
    return values


def overrides_of(
    info: AlgorithmInfo, values: Mapping[str, str], given: Mapping[str, Any] | None = None, settings: str = ""
) -> tuple[tuple[str, Any], ...]:
    """Return the arguments of an algorithm that differ from their defaults, converted to their types.

    Args:
        info: The algorithm.
        values: Texts by argument name, which go before all others; names that the algorithm lacks are left out.
        given: Values from a campaign file, by argument name; the algorithm must have all of them.
        settings: Name of one of the algorithm's settings, which everything else goes before.

    Returns:
        Names and values, sorted; a value equal to the default is left out, for it changes nothing.

    Raises:
        MissingExtraError: If a package the algorithm needs is missing.
        ValueError: If a value is none of the argument's type, the algorithm refuses it, or has no such settings.
    """
    # Also where nothing is overridden: it finds out early that a package is missing.
    defaults = create(info.name)
    fields = {field.name for field in dataclasses.fields(info.cls)}
    chosen: dict[str, Any] = dict(_settings(info, settings))
    for name, value in (given or {}).items():
        if name not in fields:
            known = ", ".join(sorted(fields)) or "none"
            raise ValueError(f"no argument {name!r} of {info.name}; there are {known}.{did_you_mean(name, fields)}")
        chosen[name] = _converted(info, name, value, f"{name}: {value!r} for {info.name}")
    chosen |= {name: _convert(info, name, text) for name, text in values.items() if name in fields}
    if isinstance(chosen.get("train_disruption"), str):
        chosen["train_disruption"] = _canonical(info, chosen["train_disruption"])
    chosen = {name: value for name, value in chosen.items() if value != getattr(defaults, name)}
    try:
        create(info.name, chosen)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{info.name}: {str(error).removeprefix(f'{info.name}: ')}") from error
    return tuple(sorted(chosen.items()))


def _canonical(info: AlgorithmInfo, disruptions: str) -> str:
    """Write disruptions, with ``|`` between them, in one way, so that one training has one cell."""
    try:
        return " | ".join(str(Disruption.parse(one)) for one in alternatives(disruptions))
    except DisruptionError as error:
        raise ValueError(f"train_disruption of {info.name}: {error}") from None


def trained_under(info: AlgorithmInfo, overrides: Mapping[str, Any]) -> str:
    """Return the disruption of an algorithm's training episodes, or ``none``."""
    defaults = {field.name: field.default for field in dataclasses.fields(info.cls)}
    return str({**defaults, **overrides}.get("train_disruption", "none"))


def trained_how(info: AlgorithmInfo, arguments: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return whether a training saw disruptions, ``nominal`` or ``disrupted``, and what the method may know.

    What its registration says holds, but for what its ``train_disruption`` changes: whoever trains on dynamics drawn
    from a set knows that set, and domain randomisation without any is training on the nominal task.

    Args:
        info: The algorithm.
        arguments: The values of its arguments, or those that differ from the defaults.

    Raises:
        DisruptionError: If ``train_disruption`` is malformed.
    """
    told = list(info.privileges)
    by_default = alternatives(trained_under(info, {}))
    worlds = [Disruption.parse(one) for one in alternatives(trained_under(info, arguments))]
    if any(world.of("dynamics") for world in worlds):
        told += [] if "parameter-box" in told else ["parameter-box"]
    elif by_default != ["none"]:
        told = [one for one in told if one != "parameter-box"]
    always = info.train == "disrupted" and by_default == ["none"]
    train = "disrupted" if always or any(world.terms for world in worlds) else "nominal"
    return train, tuple(told)


def known_settings(info: AlgorithmInfo) -> Mapping[str, Mapping[str, Any]]:
    """Return an algorithm's settings: named values of some of its arguments, such as those of its paper."""
    found: Mapping[str, Mapping[str, Any]] = getattr(info.cls, "settings", {})
    return found


def _settings(info: AlgorithmInfo, name: str) -> Mapping[str, Any]:
    known = known_settings(info)
    if name and name not in known:
        there = f"there are {', '.join(known)}" if known else "it has none"
        raise ValueError(f"{info.name} has no settings {name!r}; {there}.{did_you_mean(name, known)}")
    return known[name] if name else {}


def check_all_used(infos: Sequence[AlgorithmInfo], values: Mapping[str, str]) -> None:
    """Check that every given argument belongs to at least one algorithm.

    Raises:
        ValueError: If one belongs to none; the message suggests the nearest.
    """
    names = sorted({field.name for info in infos for field in dataclasses.fields(info.cls)})
    for name in values:
        if name not in names:
            of = ", ".join(info.name for info in infos)
            known = ", ".join(names) or "none"
            raise ValueError(f"no argument {name!r} of {of}; there are {known}.{did_you_mean(name, names)}")


def _convert(info: AlgorithmInfo, name: str, text: str) -> Any:
    adapter = _adapter(info, name)
    # As JSON first (numbers, true, null, [64, 64]), then as a list without brackets, then as plain text.
    for candidate in (text, f"[{text}]"):
        with contextlib.suppress(ValueError):
            return adapter.validate_python(json.loads(candidate, parse_constant=_refuse))
    return _converted(info, name, text, f"--set {name}={text} for {info.name}")


def _converted(info: AlgorithmInfo, name: str, given: Any, where: str) -> Any:
    try:
        value = _adapter(info, name).validate_python(given)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise ValueError(f"{where}: {problem[0].lower()}{problem[1:]}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: the number must be finite")
    return value


def _adapter(info: AlgorithmInfo, name: str) -> TypeAdapter[Any]:
    return TypeAdapter(typing.get_type_hints(info.cls)[name])


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a value")
