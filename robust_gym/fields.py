"""What a field of an entry may be: the checks by which malformed tasks, parameters and algorithms are refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

_PATH = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")


def misfits(entry: Mapping[str, Any], what: str, fits: Callable[[Any], bool], *fields: str) -> Iterator[str]:
    """Find the fields of an entry that are not what they may be.

    Args:
        entry: Values by field; one that is left out is not looked at.
        what: What the fields may be, in words.
        fits: Whether a value is that.
        fields: Names of the fields.

    Returns:
        For each that is not, a sentence that names it, its value and what it may be.
    """
    for field in fields:
        if field in entry and not fits(entry[field]):
            yield f"{field} must be {what}, got {entry[field]!r}"


def is_text(value: object) -> bool:
    """Return whether a value is a string."""
    return isinstance(value, str)


def is_flag(value: object) -> bool:
    """Return whether a value is true or false."""
    return isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number of Python's own."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Return whether a value is a finite number of Python's own, which JSON can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def are_words(value: object) -> bool:
    """Return whether a value is a tuple, or a list, of strings."""
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, str) for one in value)


def is_path(value: object) -> bool:
    """Return whether a value is ``"module:attribute"``."""
    return isinstance(value, str) and _PATH.fullmatch(value) is not None


def path_meant(value: object) -> str:
    """Return ``" Did you mean 'module:name'?"`` for a class or a function, which other processes must import by it."""
    path = f"{getattr(value, '__module__', '')}:{getattr(value, '__qualname__', '')}"
    return f" Did you mean {path!r}?" if is_path(path) else ""


def quoted(words: Sequence[str]) -> str:
    """Return words in quotes, with commas between them."""
    return ", ".join(map(repr, words))
