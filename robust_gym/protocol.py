"""The fixed list of cells that every method must face, and its hash.

A protocol is versioned data: for each task a list of splits, each a list of disruptions, all evaluated
on the same episode seeds. Its sha256 is committed in ``protocols.json``; a changed hash is a failed test
and calls for a new version.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources

EVALUATION_SEEDS = 2**30
"""Evaluation seeds are at least this, training seeds below it, so that the two never meet."""

EPISODES_PER_CELL = 20

NEAR_LEVELS = (1, 2)
FAR_LEVELS = (3, 4, 5)


@dataclass(frozen=True)
class Split:
    """Some disruptions that answer one question.

    Attributes:
        name: ``id``, ``ood-near-CHANNEL``, ``ood-far-CHANNEL``, ``ood-mixed``, ``ood-drift`` or ``ood-semantic``.
        disruptions: Canonical disruption strings without severity levels.
    """

    name: str
    disruptions: tuple[str, ...]


@dataclass(frozen=True)
class Protocol:
    """All cells of one task: every disruption of every split, at every episode seed.

    Attributes:
        version: Version of the protocol, such as ``"v1"``.
        task: The task's id.
        splits: The splits; the first is ``id``.
        seeds: Episode seeds, the same for every disruption, so that differences are paired.
    """

    version: str
    task: str
    splits: tuple[Split, ...]
    seeds: tuple[int, ...]

    @property
    def sha256(self) -> str:
        """Hash of every cell, in hexadecimal."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def split_of(self, disruption: str) -> str | None:
        """Return the name of the split that a disruption belongs to."""
        for split in self.splits:
            if disruption in split.disruptions:
                return split.name
        return None


def episode_seeds(task: str, version: str, count: int = EPISODES_PER_CELL) -> tuple[int, ...]:
    """Return the evaluation seeds of a task: fixed, distinct, and disjoint from training seeds."""
    digest = hashlib.sha256(f"robust-gym {version} {task}".encode()).digest()
    start = int.from_bytes(digest[:8], "big") % (2**29)
    return tuple(EVALUATION_SEEDS + start + number for number in range(count))


def build_v1(
    task: str,
    horizon: int,
    levels: Mapping[str, Mapping[str, Sequence[str]]],
    semantic: Sequence[str],
) -> Protocol:
    """Build version 1 of the protocol.

    Args:
        task: The task's id.
        horizon: Its longest episode, in steps; a drift takes a half of it.
        levels: For each channel, for each kind, five concrete terms of growing severity.
        semantic: The task's semantic shifts, as disruption strings.

    Returns:
        The protocol, without the splits that would be empty. The reward channel is left out: a policy that is only
        evaluated sees no rewards.
    """
    splits = [Split("id", ("none",))]
    for reach, chosen in (("near", NEAR_LEVELS), ("far", FAR_LEVELS)):
        for channel, by_kind in levels.items():
            terms = tuple(terms[level - 1] for terms in by_kind.values() for level in chosen)
            splits.append(Split(f"ood-{reach}-{channel}", terms))
    first = [next(iter(by_kind.values())) for by_kind in levels.values()]
    if len(first) > 1:
        mixed = tuple("+".join(terms[level - 1] for terms in first) for level in range(1, 6))
        splits.append(Split("ood-mixed", mixed))
    ramp = max(1, horizon // 2)
    # At the first step nothing has grown yet: where that is the last one too, a drift is none.
    drifting = [levels[channel] for channel in ("dynamics", "observation") if channel in levels and horizon > 1]
    drift = tuple(
        f"{next(iter(by_kind.values()))[level - 1]}~ramp={ramp}" for by_kind in drifting for level in FAR_LEVELS
    )
    if drift:
        splits.append(Split("ood-drift", drift))
    if semantic:
        splits.append(Split("ood-semantic", tuple(semantic)))
    return Protocol("v1", task, tuple(splits), episode_seeds(task, "v1"))


GRID = (10, 5, 3)
"""Values of each parameter in the grids of protocol ``rrls``, by the number of parameters."""


def build_rrls(task: str, boxes: Sequence[Mapping[str, tuple[float, float]]]) -> Protocol:
    """Build the protocol of RRLS's uncertainty sets (arXiv 2406.08406): a grid over each set, its corners included.

    RRLS has ten values of each parameter, from the lowest on in equal steps, but never the highest, so that it leaves
    out the corners in which a method is most likely to fail. With two and three parameters, these grids are coarser.

    Args:
        task: The task's id.
        boxes: The sets: for each parameter the lowest and the highest value, as disruption strings give them.

    Returns:
        The protocol: after ``id``, a split ``ood-1d``, ``ood-2d``, … for each set.
    """
    splits = [Split("id", ("none",))]
    for box, count in zip(boxes, GRID, strict=False):
        axes = [
            [f"dynamics:{name}:{low + (high - low) * step / (count - 1):.4g}" for step in range(count)]
            for name, (low, high) in box.items()
        ]
        splits.append(Split(f"ood-{len(box)}d", tuple(map("+".join, itertools.product(*axes)))))
    return Protocol("rrls", task, tuple(splits), episode_seeds(task, "rrls"))


@functools.cache
def committed_hashes() -> dict[str, dict[str, str]]:
    """Return the committed hashes, ``{version: {task id: sha256}}``."""
    text = resources.files("robust_gym").joinpath("protocols.json").read_text()
    hashes: dict[str, dict[str, str]] = json.loads(text)
    return hashes
