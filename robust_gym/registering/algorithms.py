"""What an algorithm must be to be registered."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from robust_gym.algorithm import AlgorithmInfo
from robust_gym.disruption import did_you_mean
from robust_gym.fields import are_words, is_flag, is_text, misfits, quoted
from robust_gym.registering.shared import ACTIONS, ID, unknown_kinds
from robust_gym.task import Api, Space

_WORDS = {"apis": get_args(Api), "actions": ACTIONS, "observations": get_args(Space)}
_NAMES = ("honours", "tasks", "families", "modules", "privileges", "compare")
_TRAIN = ("nominal", "disrupted")


def check_name(name: str) -> None:
    """Check the name of an algorithm.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(name, str):
        raise ValueError(f"an algorithm is registered by @register_algorithm('NAME', about=…, apis=…), got {name!r}")
    if not ID.fullmatch(name):
        raise ValueError(f"the name of an algorithm is letters, digits, '-', '_' and '.', got {name!r}")


def check_fields(name: str, about: Mapping[str, Any]) -> None:
    """Check what is said of an algorithm: the fields of ``AlgorithmInfo`` but its name and class.

    Raises:
        ValueError: At the first that is wrong; the message names the algorithm, the field and what it may be.
    """
    for problem in _field_problems(about):
        raise ValueError(f"the algorithm {name!r} is refused: {problem}")


def _field_problems(about: Mapping[str, Any]) -> Iterator[str]:
    fields = [field.name for field in dataclasses.fields(AlgorithmInfo) if field.name not in ("name", "cls")]
    for field in about:
        if field not in fields:
            yield f"there is no field {field!r}; there are {', '.join(fields)}.{did_you_mean(field, fields)}"
    for field in ("about", "apis"):
        if field not in about:
            yield f"{field}= is missing"
    yield from misfits(about, "a string", is_text, "about", "because", "install", "paper")
    yield from misfits(about, "True or False", is_flag, "cooperative", "cost")
    for field, words in _WORDS.items():
        value = about.get(field, words)
        if not are_words(value) or not value or not set(value) <= set(words):
            yield f"{field} must be a tuple of some of {quoted(words)}, such as ({words[0]!r},), got {value!r}"
    yield from misfits(about, "a tuple of strings", are_words, *_NAMES)
    if about.get("train", "nominal") not in _TRAIN:
        yield f"train must be one of {quoted(_TRAIN)}, got {about['train']!r}"
    yield from unknown_kinds("honours", about.get("honours", ()))


def check_class(name: str, cls: type) -> None:
    """Check that a class can be an algorithm: a dataclass that can be made as it is, with ``train`` and ``load``.

    Raises:
        ValueError: If it is not; the message names the algorithm, the class and what is missing.
    """
    for problem in _class_problems(cls):
        raise ValueError(f"the algorithm {name!r} is refused: {getattr(cls, '__qualname__', repr(cls))} {problem}")


def _class_problems(cls: type) -> Iterator[str]:
    own = "__dataclass_fields__" in vars(cls)
    if not dataclasses.is_dataclass(cls) or (not own and inspect.get_annotations(cls)):
        yield "must be a dataclass: write @dataclass between @register_algorithm(…) and the class"
        return
    for field in dataclasses.fields(cls):
        if field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            yield f"must have a default for every argument; {field.name!r} has none"
    if not _takes(cls, "train", 5):
        yield "must have a method train(self, task, budget, seed, progress)"
    if not _takes(cls, "load", 2):
        yield "must have a static method load(directory, task)"
    yield from _unmakeable(cls)


def _unmakeable(cls: type) -> Iterator[str]:
    """Find why an algorithm cannot be made with its defaults, as every list of algorithms does."""
    try:
        made = cls()
    except Exception as error:
        yield f"cannot be made with its defaults, as lists do: {type(error).__name__}: {error}"
        return
    for field in dataclasses.fields(cls):
        if not hasattr(made, field.name):
            yield f"has no value of its field {field.name!r} when it is made with its defaults"


def _takes(cls: type, method: str, arguments: int) -> bool:
    """Return whether a class has a method that can be called with so many arguments."""
    found = getattr(cls, method, None)
    if not callable(found):
        return False
    try:
        inspect.signature(found).bind(*range(arguments))
    except TypeError:
        return False
    return True
