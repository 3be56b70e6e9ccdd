"""Offline trainings that leave checkpoints, and go on from them.

While the behaviour is trained, a checkpoint is its own. Then it is the data, if they were collected, and all that has
been learnt from them: a training that goes on from such a one ends in the same bits as one that was never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from robust_gym.baselines.checkpoints import Checkpoints, Snapshot, optimiser_state, restore_optimiser, tensors
from robust_gym.baselines.offline.episodes import Episode
from robust_gym.baselines.offline.networks import Tracked, Trainer

if TYPE_CHECKING:
    from robust_gym.baselines.base import Progress

_HEARTBEAT = 500


class Learning:
    """A learner whose parts a checkpoint keeps.

    Attributes:
        kept: Names of its attributes that change while it learns: networks with or without a target, numbers that are
            learnt, optimisers, counters, and other learners.
    """

    kept: tuple[str, ...] = ()

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps."""
        return {name: _kept(getattr(self, name)) for name in self.kept}

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint."""
        for name in self.kept:
            if isinstance(snapshot[name], int):
                setattr(self, name, snapshot[name])
            else:
                _restore(getattr(self, name), snapshot[name])


def _kept(part: Any) -> Any:
    if isinstance(part, Tracked):
        return {"online": _kept(part.online), "target": _kept(part.target)}
    if isinstance(part, Trainer):
        return optimiser_state(part.adam)
    if isinstance(part, Learning):
        return part.snapshot()
    if isinstance(part, nn.Module):
        return part.state_dict()
    return part.detach() if isinstance(part, torch.Tensor) else part


def _restore(part: Any, kept: Any) -> None:
    if isinstance(part, Tracked):
        _restore(part.online, kept["online"])
        _restore(part.target, kept["target"])
    elif isinstance(part, Trainer):
        restore_optimiser(part.adam, kept)
    elif isinstance(part, Learning):
        part.restore(kept)
    elif isinstance(part, nn.Module):
        part.load_state_dict(tensors(kept))
    else:
        part.data.copy_(torch.from_numpy(kept))


class Counted:
    """Counts the steps and the updates of an offline training, tells of them, and leaves checkpoints.

    Args:
        progress: Told how many environment steps were done, and so again while something is learnt from them.
        checkpoints: Takes checkpoints, and knows the one to go on from.
    """

    def __init__(self, progress: Progress, checkpoints: Checkpoints | None = None) -> None:
        self._progress, self._checkpoints = progress, checkpoints
        last = None if checkpoints is None else checkpoints.last
        self._last = last if last is not None and "data" in last else None
        self._episodes: Sequence[Episode] = ()
        self._done, self._beats = 0, 0

    def __call__(self, done: int) -> None:
        """Tell that so many steps are done."""
        self._done = done
        self._progress(done)

    def beat(self) -> None:
        """Tell every now and then that it is still so many; called after every update."""
        self._beats += 1
        if self._beats % _HEARTBEAT == 0:
            self._progress(self._done)

    def onwards(self) -> Progress:
        """Return what takes steps counted from now on."""
        done = self._done
        return lambda more: self(done + more)

    @property
    def behaviour(self) -> Checkpoints | None:
        """Checkpoints of the training of the behaviour."""
        return None if self._checkpoints is None else self._checkpoints.part("behaviour")

    def collected(self, collect: Callable[[], list[Episode]]) -> list[Episode]:
        """Return the data that were collected before the last checkpoint, or else collect them."""
        if self._last is not None:
            episodes = unpacked(self._last["data"])
            self(self._last["steps"])
        else:
            episodes = collect()
        self._episodes = episodes
        self._leave({})
        return episodes

    def updates(self, learner: Learning, total: int, update: Callable[[int], int]) -> None:
        """Take updates, from those of the last checkpoint on.

        Args:
            learner: What learns.
            total: How many.
            update: Takes one or a few of those that are left, whose number it gets, and returns how many.
        """
        done = 0
        if self._last is not None and "learner" in self._last:
            done = self._last["updates"]
            learner.restore(self._last["learner"])
            torch.set_rng_state(torch.from_numpy(self._last["torch"]))
        while done < total:
            done += update(total - done)
            self.beat()
            if done < total:
                self._leave({"updates": done, "learner": learner.snapshot, "torch": torch.get_rng_state})

    def _leave(self, learnt: Mapping[str, Any]) -> None:
        """Leave a checkpoint where one is due: the data, and what has been learnt, or what returns it."""
        if self._checkpoints is None or not self._checkpoints.due():
            return
        now = {name: part() if callable(part) else part for name, part in learnt.items()}
        self._checkpoints.save(self._done, {"steps": self._done, "data": packed(self._episodes), **now})


def packed(episodes: Sequence[Episode]) -> Snapshot:
    """Return episodes as a few long arrays."""
    seen = episodes[0].observations
    names = list(seen) if isinstance(seen, Mapping) else None
    if names is None:
        parts = [[one.observations for one in episodes]]
    else:
        parts = [[one.observations[name] for one in episodes] for name in names]
    return {
        "names": names,
        "observations": {str(number): np.concatenate(part) for number, part in enumerate(parts)},
        "actions": np.concatenate([one.actions for one in episodes]),
        "rewards": np.concatenate([one.rewards for one in episodes]),
        "lengths": np.array([len(one) for one in episodes]),
        "terminated": np.array([one.terminated for one in episodes]),
        "seeds": [one.seed for one in episodes],
    }


def unpacked(data: Snapshot) -> list[Episode]:
    """Return what ``packed`` was given."""
    lengths, names = data["lengths"], data["names"]
    ends = np.cumsum(lengths)[:-1]
    parts = data["observations"]  # in whatever order their file has them
    split = [np.split(parts[str(number)], np.cumsum(lengths + 1)[:-1]) for number in range(len(parts))]
    seen = split[0] if names is None else [dict(zip(names, parts, strict=True)) for parts in zip(*split, strict=True)]
    rows = zip(
        seen,
        np.split(data["actions"], ends),
        np.split(data["rewards"], ends),
        data["terminated"],
        data["seeds"],
        strict=True,
    )
    return [Episode(sight, actions, rewards, bool(over), seed) for sight, actions, rewards, over, seed in rows]
