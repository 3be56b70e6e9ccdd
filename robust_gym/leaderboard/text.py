"""Numbers and words as the page shows them."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterable, Sequence
from itertools import takewhile

from robust_gym.record import EXTERNAL

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"
"""What stands where there is no value."""


def clean(text: str, limit: int = 200) -> str:
    """Return a stranger's text on one line: no control or direction marks, cut after ``limit`` characters."""
    if text.isprintable() and len(text) <= limit:  # as nearly all are
        return text
    line = "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text[: limit + 1])
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def shortened(names: Sequence[str], limit: int) -> list[str]:
    """Cut names to a length; of those that would look the same, the middle is left out, so that they differ."""
    cut = [clean(name, limit) for name in names]
    for short in {one for one, name in zip(cut, names, strict=True) if cut.count(one) > 1 and len(name) > limit}:
        alike = [place for place, one in enumerate(cut) if one == short]
        whole = [names[place] for place in alike]
        marks = takewhile(lambda one: len(set(one)) == 1, zip(*whole, strict=False))
        same = sum(1 for _ in marks)
        word = max((whole[0].rfind(mark, 0, same) + 1 for mark in " (=,-"), default=0)
        # From where they begin to differ, or the end of each: whichever tells more of them apart.
        ends = [[name[word:] for name in whole], [name[limit // 3 + 1 - limit :] for name in whole]]
        ways = [
            [
                clean(f"{name[: max(limit // 3, limit - 1 - len(end))]}…{end}", limit)
                for name, end in zip(whole, way, strict=False)
            ]
            for way in ends
        ]
        for place, one in zip(alike, max(ways, key=lambda found: len(set(found))), strict=True):
            cut[place] = one
    return cut


def decimals(values: Iterable[float]) -> int:
    """Return how many decimals give the largest of some values four digits."""
    finite = [abs(value) for value in values if math.isfinite(value)]
    largest = max(finite, default=0.0)
    return max(0, 3 - max(0, math.floor(math.log10(largest)))) if largest > 0 else 0


def number(value: float, places: int = 3) -> str:
    """Write a number with that many decimals, thousands apart; very large ones as powers of ten."""
    if not math.isfinite(value):
        return NONE
    text = f"{value:.2e}" if abs(value) >= 1e9 else f"{value:,.{places}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def interval(ends: tuple[float, float] | None, places: int) -> str:
    """Write an interval, or nothing where there is none."""
    return f"[{number(ends[0], places)}, {number(ends[1], places)}]" if ends else ""


def count(value: int) -> str:
    """Write a whole number, however large."""
    return f"{value:,}" if value.bit_length() < 60 else "over 10^18"


def span(values: Sequence[int]) -> str:
    """Write the lowest and highest of some whole numbers."""
    low, high = min(values, default=0), max(values, default=0)
    return count(low) if low == high else f"{count(low)}{NONE}{count(high)}"


def duration(seconds: float) -> str:
    """Write a time in the unit people would choose."""
    if seconds >= 1e9:
        return "over 30 years"
    if seconds >= 5_400:
        return f"{seconds / 3_600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.1f} s"


def repeat_command(
    algorithm: str, arguments: str, task: str, protocol: str, budget: str, episodes: int, seeds: Sequence[int]
) -> str:
    """Return the command that repeats some runs.

    Args:
        algorithm: Registered name, or the name given to a policy of one's own.
        arguments: The algorithm's arguments, as a JSON object; all of them are given, so that the command does
            the same where defaults have changed. Very many are left out.
        task: Id of the task.
        protocol: Version of the protocol.
        budget: Name of the budget; ``external`` for a policy that ``robust-gym eval`` was given.
        episodes: Evaluation episodes for every disruption.
        seeds: Training seeds.
    """
    where = ["--protocol", protocol]
    if budget == EXTERNAL:
        words = ["eval", "POLICY", "--task", task, "--name", algorithm, "--episodes", str(episodes), *where]
        return f"robust-gym {shlex.join(words)}"
    listed = f"{seeds[0]}," if len(seeds) == 1 else ",".join(map(str, seeds))  # a lone number would be a count
    words = ["bench", "--algo", algorithm, "--tasks", task, "--budget", budget, "--seeds", listed, *where]
    words.append("--no-compare")
    settings = [f"{name}={json.dumps(value)}" for name, value in json.loads(arguments).items()]
    if sum(map(len, settings)) <= MOST_SETTINGS:
        words += [word for setting in settings for word in ("--set", setting)]
    return f"robust-gym {shlex.join(words)}"


MOST_SETTINGS = 1_500
"""Longest arguments, in characters, that a command on the page repeats."""


def split_family(split: str) -> str:
    """Return ``id``, one of ``SPLIT_FAMILIES``, or ``other`` for a split's name."""
    if split == "id":
        return "id"
    for family in SPLIT_FAMILIES:
        if split == f"ood-{family}" or split.startswith(f"ood-{family}-"):
            return family
    return "other"


def channel(disruption: str) -> str:
    """Return the channel that all terms of a disruption disturb, or nothing where there are several or none."""
    found = {re.split("[/:]", term)[0] for term in re.split(r"\+(?=[a-z])", disruption)}
    return found.pop() if len(found) == 1 and found <= set(CHANNELS) else ""


CHANNELS = ("dynamics", "action", "observation", "reward", "cost")
"""Channels that have a column of their own."""

SPLIT_FAMILIES = ("near", "far", "mixed", "drift", "semantic", "1d", "2d", "3d")
"""Families of the out-of-distribution splits, as their names begin."""
