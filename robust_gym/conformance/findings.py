"""What checks find, and how one is run."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: The check's name.
        ok: Whether what it looked at is right.
        detail: What was wrong; of a check that passed, what is worth knowing.
    """

    check: str
    ok: bool
    detail: str = ""


def require_assertions() -> None:
    """Refuse a Python that leaves out assertions.

    Raises:
        RuntimeError: If it does: everything would pass.
    """
    if not __debug__:
        raise RuntimeError("the checks are assertions, which python -O and PYTHONOPTIMIZE leave out: run without them")


def found_by(check: Callable[..., str | None], name: str, *about: str) -> Finding:
    """Run a check.

    Args:
        check: The check; what it raises is what it finds, and what it returns is worth knowing.
        name: The name of the finding.
        *about: What is checked.
    """
    try:
        noted = check(*about)
    except Exception as error:
        return Finding(name, False, f"{type(error).__name__}: {error}{_place(error)}")
    return Finding(name, True, noted or "")


def _place(error: Exception) -> str:
    """Return where an error was raised, unless a check found it: in the code that is checked, if that took part."""
    own = str(Path(__file__).parents[1])
    frames = traceback.extract_tb(error.__traceback__)
    if frames[-1].filename.startswith(str(Path(__file__).parent)):
        return ""
    theirs = [frame for frame in frames if not frame.filename.startswith(own) and "site-packages" not in frame.filename]
    last = (theirs or frames)[-1]
    return f" ({last.filename}, line {last.lineno})"
