"""Checkpoints: what a training leaves now and then, so that another process can go on with it.

The state of a training, a snapshot, is a tree: dicts by names without a slash, whose leaves are arrays, tensors or JSON
values. It is kept as two files, neither of which can do anything when it is read.
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from robust_gym.baselines.marl.optimiser import Optimiser

Files = Mapping[str, bytes]
Snapshot = Mapping[str, Any]

NUMBERS = "state.json"
"""The part of a snapshot that is JSON."""

ARRAYS = "state.safetensors"
"""Its arrays and tensors, by their places in the tree."""

SECONDS = 300.0
"""How often a training leaves a checkpoint, unless something else is asked for."""

PATIENCE = 2
"""For how many intervals more a checkpoint that is due may wait for a good moment."""

MOST_SHARE = 0.05
"""Most of the time that may go into writing checkpoints; where it would be more, they are fewer."""


class Checkpoints:
    """Tells a training when to leave a checkpoint, takes it, and knows the one to go on from.

    Args:
        keep: Takes the number of environment steps done and the files of a checkpoint.
        last: The files of the checkpoint to go on from, if there is one.
        seconds: How often there should be one.
    """

    def __init__(
        self, keep: Callable[[int, Files], None], last: Files | None = None, *, seconds: float = SECONDS
    ) -> None:
        self._keep = keep
        self._last = last
        self._path: tuple[str, ...] = ()
        self._wait = self._seconds = seconds
        self._since = monotonic()
        self._found_due: float | None = None

    @property
    def last(self) -> Snapshot | None:
        """The state to go on from, in arrays of NumPy; ``None`` for a training that begins."""
        found = None if self._last is None else unpack(self._last)
        for name in self._path:
            found = None if found is None else found.get(name)
        return found

    def counting(self, factor: int) -> Checkpoints:
        """Return the same for a training each of whose steps counts as several."""
        other = copy.copy(self)
        other._keep = lambda steps, files: self._keep(steps * factor, files)
        return other

    def part(self, name: str) -> Checkpoints:
        """Return the same for a training that is a part of another: its snapshots lie in the other's under a name."""
        other = copy.copy(self)
        other._path = (*self._path, name)
        return other

    def due(self) -> bool:
        """Tell whether it is time for a checkpoint."""
        now = monotonic()
        if now - self._since < self._wait:
            return False
        if self._found_due is None:
            self._found_due = now
        return True

    def overdue(self) -> bool:
        """Tell whether one has been due for so long that a moment will do from which a training cannot go on exactly.

        The time counts from when ``due`` said so: before, something may have taken long that offered no moment at all.
        """
        return self._found_due is not None and monotonic() - self._found_due >= PATIENCE * self._wait

    def save(self, steps: int, snapshot: Snapshot) -> None:
        """Leave a checkpoint.

        Args:
            steps: Environment steps done.
            snapshot: All that the training needs in order to go on.
        """
        began = monotonic()
        for name in reversed(self._path):
            snapshot = {name: snapshot}
        self._keep(steps, pack(snapshot))
        self._since, self._found_due = monotonic(), None
        self._wait = max(self._seconds, (self._since - began) / MOST_SHARE)


def takes_checkpoints(algorithm: Any) -> bool:
    """Tell whether an algorithm can go on from checkpoints: its ``train`` then has an argument ``checkpoints``."""
    return "checkpoints" in inspect.signature(algorithm.train).parameters


def resuming(algorithm: Any, checkpoints: Checkpoints | None) -> dict[str, Checkpoints]:
    """Return the argument by which an algorithm's ``train`` gets checkpoints; nothing where it takes or has none."""
    return {"checkpoints": checkpoints} if checkpoints is not None and takes_checkpoints(algorithm) else {}


def pack(snapshot: Snapshot) -> dict[str, bytes]:
    """Make files of a snapshot."""
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    numbers = _without_arrays(snapshot, "", arrays)
    return {NUMBERS: json.dumps(numbers).encode(), ARRAYS: save(arrays)}


def _without_arrays(tree: Snapshot, place: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the JSON part of a tree, and put its arrays among others."""
    numbers: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            numbers[name] = _without_arrays(value, f"{place}{name}/", arrays)
        elif hasattr(value, "__array__"):
            arrays[place + name] = np.ascontiguousarray(value).reshape(np.shape(value))
        else:
            numbers[name] = value
    return numbers


def unpack(files: Files) -> dict[str, Any]:
    """Return the snapshot that files were made of."""
    from safetensors.numpy import load

    tree: dict[str, Any] = json.loads(files[NUMBERS])
    for place, array in load(files[ARRAYS]).items():
        *folders, name = place.split("/")
        node = tree
        for folder in folders:
            node = node[folder]
        node[name] = array.copy()  # what is read cannot be written
    return tree


def tensors(arrays: Snapshot) -> dict[str, torch.Tensor]:
    """Return arrays as the tensors they were."""
    import torch

    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def optimiser_state(optimiser: Optimiser) -> dict[str, Any]:
    """Return what an optimiser remembers of each parameter; its settings are those of the algorithm's arguments."""
    return {str(number): memory for number, memory in optimiser.state_dict()["state"].items()}


def restore_optimiser(optimiser: Optimiser, state: Snapshot) -> None:
    """Let an optimiser go on from what ``optimiser_state`` returned."""
    remembered = {int(number): tensors(memory) for number, memory in state.items()}
    optimiser.load_state_dict({**optimiser.state_dict(), "state": remembered})
