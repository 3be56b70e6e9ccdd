"""``robust-gym status``: how far the campaigns of a folder of results are, running or not."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from robust_gym.bench.files import held
from robust_gym.bench.inspecting import cells_below
from robust_gym.bench.manifest import kept
from robust_gym.bench.store import FAILED, LOCK, POLICY, RECORDS, failure
from robust_gym.terminal import console, table

STATES = ("finished", "failed", "running", "trained", "open")
"""How far a cell can be; ``trained`` is one whose evaluation is still to come, and that nobody is at."""

FAILURES = 20
"""Most failed cells that are named."""


@dataclass(frozen=True)
class Progress:
    """How far some cells are.

    Attributes:
        name: The campaign, or ``"all cells"``.
        started: When it was started last, where that is known.
        states: The state of every cell, by its path.
        newest: When the last of them was finished, if any was.
    """

    name: str
    started: datetime.datetime | None
    states: dict[PurePosixPath, str]
    newest: datetime.datetime | None


def status_command(out: Path, *, as_json: bool) -> int:
    """Print how far the campaigns of a folder are.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds no results.
    """
    found = status(out)
    failures = {
        str(path): failure(out / path)
        for one in found
        for path, state in one.states.items()
        if state == "failed"
    }  # fmt: skip
    if as_json:
        print(json.dumps({"campaigns": [_plain(one) for one in found], "failures": failures}, indent=2))
        return 0
    printed = console()
    for place, one in enumerate(found):
        if place:
            printed.print()
        printed.print(_title(one))
        printed.print(table(("algorithm", *STATES, "all"), _rows(one), numbers=(*STATES, "all")))
    if failures:
        printed.print()
    for path, line in list(failures.items())[:FAILURES]:
        printed.print(f"failed: {path}: {line}")
    if len(failures) > FAILURES:
        printed.print(f"… and {len(failures) - FAILURES} more")
    return 0


def status(out: Path) -> list[Progress]:
    """Return how far the campaigns of a folder of results are, the one started last first.

    Files are looked for, not read: whether the records of a finished cell are whole is seen when they are used.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds no results.
    """
    if not out.is_dir():
        raise FileNotFoundError(f"there is no folder {str(out)!r}")
    campaigns = kept(out)
    found = [_progress(out, one.name, one.manifest.starts[-1].at, one.paths) for one in campaigns]
    known = {path for one in found for path in one.states}
    others = [path for path in cells_below(out) if path not in known]
    if others:
        found.append(_progress(out, "other cells" if found else "all cells", None, others))
    if not found:
        raise ValueError(f"{out} holds no results: a folder of results is what 'robust-gym bench --out' writes")
    return found


def _progress(
    out: Path, name: str, started: datetime.datetime | None, paths: Iterable[PurePosixPath]
) -> Progress:  # fmt: skip
    states = {path: _state(out / path) for path in paths}
    ended = []
    for path, state in states.items():
        if state == "finished":
            with contextlib.suppress(FileNotFoundError):
                ended.append((out / path / RECORDS).stat().st_mtime)
    newest = datetime.datetime.fromtimestamp(max(ended), datetime.timezone.utc) if ended else None
    return Progress(name, started, states, newest)


def _state(folder: Path) -> str:
    if (folder / RECORDS).exists():
        return "finished"
    if held(folder / LOCK):
        return "running"
    if (folder / FAILED).exists():
        return "failed"
    return "trained" if (folder / POLICY).is_dir() else "open"


def _title(one: Progress) -> str:
    done = sum(state == "finished" for state in one.states.values())
    parts = [f"{one.name}: {done} of {len(one.states)} cells finished"]
    if one.started is not None:
        parts.append(f"started {one.started:%Y-%m-%d %H:%M} UTC")
    if one.newest is not None:
        parts.append(f"last one finished {one.newest:%Y-%m-%d %H:%M} UTC")
    return ", ".join(parts)


def _rows(one: Progress) -> list[Sequence[str]]:
    by_variant: dict[str, Counter[str]] = {}
    for path, state in one.states.items():
        by_variant.setdefault(path.parts[3], Counter())[state] += 1
    lines = list(by_variant.items())
    if len(lines) > 1:
        lines.append(("all", sum(by_variant.values(), Counter())))
    return [(name, *(str(counts[state]) for state in STATES), str(counts.total())) for name, counts in lines]


def _plain(one: Progress) -> dict[str, Any]:
    counts = Counter(one.states.values())
    return {
        "name": one.name,
        "started": one.started.isoformat() if one.started else None,
        "newest": one.newest.isoformat() if one.newest else None,
        "counts": {state: counts[state] for state in STATES},
        "cells": {str(path): state for path, state in one.states.items()},
    }
