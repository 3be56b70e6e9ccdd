"""Which cells are the severity levels of a kind of disruption."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from robust_gym.leaderboard.agreed import CellName
from robust_gym.protocol import FAR_LEVELS, NEAR_LEVELS

_CHANNELS = ("dynamics", "action", "reward", "observation")


def severity_levels(cells: Sequence[CellName]) -> dict[str, tuple[int, ...]]:
    """Find the cells of severity levels 1 to 5, for every ``channel:kind`` that has them all.

    The protocol's ``near`` splits hold levels 1 and 2 of a kind, its ``far`` splits levels 3 to 5. Their order
    follows from the arguments, which grow or shrink with the level, so the order of the records does not matter.
    A kind whose order cannot be told is left out.

    Args:
        cells: Split and disruption of each cell.

    Returns:
        For each kind, in the order of the channels, the places of its five levels in ``cells``.
    """
    found: dict[str, dict[str, list[tuple[tuple[float, ...], int]]]] = defaultdict(lambda: {"near": [], "far": []})
    for place, (split, disruption) in enumerate(cells):
        _, _, rest = split.partition("ood-")
        reach, _, channel = rest.partition("-")
        kind, _, arguments = disruption.rpartition(":")
        if reach not in ("near", "far") or not channel or kind.count(":") != 1:
            continue
        try:
            values = tuple(float(part) for part in arguments.split(","))
        except ValueError:  # a schedule, a second term or a word: no level of a kind
            continue
        found[kind][reach].append((values, place))
    levels = {}
    for kind in sorted(found, key=lambda kind: (channel_place(kind), kind)):
        near, far = sorted(found[kind]["near"]), sorted(found[kind]["far"])
        if (len(near), len(far)) != (len(NEAR_LEVELS), len(FAR_LEVELS)):
            continue
        if near[-1][0] < far[0][0]:
            levels[kind] = tuple(place for _, place in near + far)
        elif far[-1][0] < near[0][0]:
            levels[kind] = tuple(place for _, place in reversed(far + near))
    return levels


def channel_place(kind: str) -> int:
    """Return the place of the channel of a ``channel:kind`` among the channels."""
    channel = kind.partition(":")[0]
    return _CHANNELS.index(channel) if channel in _CHANNELS else len(_CHANNELS)
