"""A training that is stopped goes on from its checkpoint; where that can be exact, it ends in the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.baselines.checkpoints import (
    MOST_SHARE,
    PATIENCE,
    Checkpoints,
    Files,
    pack,
    takes_checkpoints,
    unpack,
)
from robust_gym.task import Budget

GAME = "Robust-TwoStepGameSum-v0"
BUILDING = "Robust-Building-v0"
SPREAD = "Robust-MPESpread-v0"
SMALL = {"layers": (16,)}
GROUPS = {"train_disruption": "none | dynamics:random:0.3"}


class StoppedError(Exception):
    """Stands for the end of a process."""


class Keeper:
    """Keeps every checkpoint it is given, and stops the training after some of them."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.kept: list[tuple[int, Files]] = []
        self._stop_after = stop_after

    def __call__(self, steps: int, files: Files) -> None:
        self.kept.append((steps, files))
        if len(self.kept) == self._stop_after:
            raise StoppedError


class Always(Checkpoints):
    """Takes a checkpoint at every good moment, and at no other."""

    def due(self) -> bool:
        return True

    def overdue(self) -> bool:
        return False


class AtOnce(Always):
    """Takes one whenever it is asked, good moment or not."""

    def overdue(self) -> bool:
        return True


def weights(policy: Any) -> bytes:
    network = next(getattr(policy, name) for name in ("networks", "network", "actors") if hasattr(policy, name))
    return b"".join(tensor.numpy().tobytes() for tensor in network.state_dict().values())


def train(
    name: str,
    arguments: Mapping[str, Any],
    task: str,
    steps: int,
    checkpoints: Checkpoints | None = None,
    reported: list[int] | None = None,
) -> bytes:
    algorithm: Any = create(name, arguments)
    used: list[int] = [] if reported is None else reported
    policy = algorithm.train(registry.task(task), Budget("test", steps, 1), 0, used.append, checkpoints=checkpoints)
    assert used[-1] <= steps
    return weights(policy)


def stopped(name: str, arguments: Mapping[str, Any], task: str, steps: int, after: int, kind: Any = Always) -> Any:
    """Train until a checkpoint, and return its steps and files."""
    keeper = Keeper(after)
    with pytest.raises(StoppedError):
        train(name, arguments, task, steps, kind(keeper))
    return keeper.kept[-1]


def gone_on(name: str, arguments: Mapping[str, Any], task: str, steps: int, after: int) -> bytes:
    at, files = stopped(name, arguments, task, steps, after)
    reported: list[int] = []
    result = train(name, arguments, task, steps, Checkpoints(Keeper(), files), reported)
    assert reported[0] == at > 0
    assert reported[-1] == steps
    return result


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vdn", {}),
        ("vdn", {"network": "lstm", "optimiser": "adam"}),
        ("vdn", {"n_envs": 3, "replay_size": 150}),
        ("iql", {"replay_size": 100}),
        ("qmix", {}),
        ("qtran", {}),
        ("robust-vdn-tv", {}),
        ("robust-qtran-tv", {"network": "lstm"}),
        ("mappo", {"n_envs": 1, "rollout": 4, "epochs": 1}),
        ("ippo", {"n_envs": 2, "rollout": 2, "epochs": 1}),
    ],
)
@pytest.mark.parametrize("after", [2, 70])
def test_goes_on_in_the_same_bits(name: str, arguments: dict[str, Any], after: int) -> None:
    """Before the first update and after many; with a replay that has been overwritten and one that has not."""
    undisturbed = train(name, arguments, GAME, 480)
    every = Keeper()
    assert train(name, arguments, GAME, 480, Always(every)) == undisturbed
    assert len(every.kept) > 70
    assert gone_on(name, arguments, GAME, 480, after) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "task", "steps", "after"),
    [
        ("vdn", {"network": "lstm"}, BUILDING, 700, 1),
        ("robust-vdn-tv", {}, BUILDING, 700, 2),
        ("groupdr-vdn", GROUPS, BUILDING, 700, 1),
        ("groupdr-qmix", GROUPS, BUILDING, 700, 2),
        ("vdn", {"n_envs": 4}, SPREAD, 1500, 4),
        ("mappo", {"n_envs": 4, "sharing": "separate"}, SPREAD, 1500, 4),
    ],
)
def test_goes_on_in_the_same_bits_in_larger_worlds(
    name: str, arguments: dict[str, Any], task: str, steps: int, after: int
) -> None:
    undisturbed = train(name, arguments, task, steps)
    assert train(name, arguments, task, steps, Always(Keeper())) == undisturbed
    assert gone_on(name, arguments, task, steps, after) == undisturbed


def test_a_second_stop_changes_nothing() -> None:
    undisturbed = train("robust-vdn-tv", {}, GAME, 480)
    at, files = stopped("robust-vdn-tv", {}, GAME, 480, 50)
    keeper = Keeper(30)
    with pytest.raises(StoppedError):
        train("robust-vdn-tv", {}, GAME, 480, Always(keeper, files))
    later, files = keeper.kept[-1]
    assert at < later
    assert train("robust-vdn-tv", {}, GAME, 480, Checkpoints(Keeper(), files)) == undisturbed


def test_an_overdue_checkpoint_is_taken_within_episodes() -> None:
    """The episodes begin anew, and the training does all of its steps."""
    at, files = stopped("vdn", {}, BUILDING, 700, 400, AtOnce)
    assert at == 400
    assert at % registry.task(BUILDING).horizon
    reported: list[int] = []
    train("vdn", {}, BUILDING, 700, Checkpoints(Keeper(), files), reported)
    assert (reported[0], reported[-1]) == (400, 700)


@pytest.mark.parametrize(
    ("name", "arguments", "task", "steps", "after"),
    [
        ("ppo", {}, "Robust-CartPole-v0", 3000, 6),
        ("ppo", {"n_envs": 2}, "Robust-Pendulum-v0", 3000, 5),
        ("ppo", {}, "Robust-MountainCarContinuous-v0", 400, 20),
        ("sac", SMALL, "Robust-Pendulum-v0", 300, 150),
        ("sac", {**SMALL, "ent_coef": "0.1", "buffer_size": 100}, "Robust-Pendulum-v0", 300, 150),
    ],
)
def test_stable_baselines_go_on(name: str, arguments: dict[str, Any], task: str, steps: int, after: int) -> None:
    pytest.importorskip("stable_baselines3")
    counted: list[int] = []
    undisturbed = train(name, arguments, task, steps, None, counted)
    assert train(name, arguments, task, steps, Always(Keeper())) == undisturbed
    at, files = stopped(name, arguments, task, steps, after)
    reported: list[int] = []
    train(name, arguments, task, steps, Checkpoints(Keeper(), files), reported)
    assert reported[0] == at > 0
    assert reported[-1] == counted[-1]


def test_stable_baselines_keep_what_they_have_learnt() -> None:
    """The snapshot of a training that has just gone on is the one it went on from."""
    pytest.importorskip("stable_baselines3")
    for name, task in (("ppo", "Robust-MountainCarContinuous-v0"), ("sac", "Robust-Pendulum-v0")):
        # With gSDE a rollout draws its noise before it can be stopped, so one that goes on has drawn once more.
        arguments = {**SMALL, "use_sde": False}
        _, files = stopped(name, arguments, task, 400, 20)
        keeper = Keeper(1)
        with pytest.raises(StoppedError):
            train(name, arguments, task, 400, Always(keeper, files))
        before, after_all = unpack(files), unpack(keeper.kept[0][1])
        # The environments have begun new episodes: their seeds have moved on, and so have the observations' moments.
        for snapshot in (before, after_all):
            snapshot.pop("seeds")
            snapshot.pop("moments", None)
        assert pack(before) == pack(after_all)


def test_snapshots_survive_their_files() -> None:
    rng = np.random.default_rng(3)
    snapshot = {
        "numbers": {"whole": 2**70, "real": 0.1, "none": None, "list": [1, 2], "empty": {}},
        "rng": rng.bit_generator.state,
        "arrays": {"scalar": np.float64(0.1), "nothing": np.zeros((0, 3)), "flags": np.array([True, False])},
        "turned": np.arange(6).reshape(2, 3).T,
        "tensor": torch.arange(3, dtype=torch.float32),
    }
    files = pack(snapshot)
    found = unpack(files)
    assert found["numbers"] == snapshot["numbers"]
    assert found["rng"] == rng.bit_generator.state
    assert found["arrays"]["scalar"].shape == ()
    assert found["arrays"]["scalar"] == 0.1
    assert found["arrays"]["nothing"].shape == (0, 3)
    assert found["arrays"]["flags"].tolist() == [True, False]
    assert found["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    found["tensor"][0] = 7  # what is restored can be written to
    assert pack(unpack(files)) == files


def test_when_checkpoints_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("robust_gym.baselines.checkpoints.monotonic", lambda: now)

    def keep(steps: int, files: Files) -> None:
        nonlocal now
        now += 10.0

    checkpoints = Checkpoints(keep, seconds=100.0)
    assert not checkpoints.due()
    now = 1000.0
    assert checkpoints.due()
    assert not checkpoints.overdue(), "nothing has offered a good moment yet"
    now += 100.0 * PATIENCE
    assert checkpoints.overdue()
    checkpoints.save(1, {})
    assert not checkpoints.overdue()
    now += 10.0 / MOST_SHARE - 1
    assert not checkpoints.due(), "checkpoints that take long are fewer"
    now += 1.0
    assert checkpoints.due()


def test_which_algorithms_take_checkpoints() -> None:
    pytest.importorskip("stable_baselines3")
    resuming = {name for name in ("vdn", "qtran", "robust-qmix", "ppo", "sac") if takes_checkpoints(create(name))}
    assert resuming == {"vdn", "qtran", "robust-qmix", "ppo", "sac"}
    assert not takes_checkpoints(create("random"))
