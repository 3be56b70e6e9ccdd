"""What something of ours needs of other packages, and how what a path names is imported."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from robust_gym.grammar import did_you_mean


class MissingExtraError(ImportError):
    """A task or an algorithm needs a package that is not installed; the message says how to get it."""


class PathError(ValueError):
    """A path ``"module:attribute"`` that names nothing; the message says why."""


def missing(name: str, modules: Sequence[str], install: str) -> str | None:
    """Return the one line that says what something needs and how to get it, or ``None`` when all is there."""
    for module in modules:
        try:
            found = importlib.util.find_spec(module) is not None
        except (ImportError, ValueError):  # a finder that refuses, or a module without a specification
            found = False
        if not found:
            return f"{name} needs the package {module!r}, which is not installed: {install}"
    return None


def load(path: str) -> Any:
    """Import ``"module:attribute"``.

    Raises:
        PathError: If the path has another form, or there is no such module or attribute. What a module raises while it
            is imported is left as it is.
    """
    name, colon, attribute = path.partition(":")
    if not (name and colon and attribute):
        raise PathError(f"expected 'module:attribute', got {path!r}")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # something else, which the module imports
        raise PathError(f"there is no module {error.name!r}") from None
    if not hasattr(module, attribute):
        hint = did_you_mean(attribute, [one for one in vars(module) if not one.startswith("__")])
        raise PathError(f"the module {name!r} has no {attribute!r}.{hint}")
    return getattr(module, attribute)
