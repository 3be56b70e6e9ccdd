"""An offline training that is stopped goes on: from the behaviour, or from its data in the same bits."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_baselines_checkpoints import Always, Keeper, StoppedError

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.baselines.checkpoints import Checkpoints, pack, unpack
from robust_gym.baselines.offline.episodes import Episode
from robust_gym.baselines.offline.resuming import packed, unpacked
from robust_gym.task import Budget

PENDULUM, POLE, LAKE = "Robust-Pendulum-v0", "Robust-CartPole-v0", "Robust-FrozenLake-v0"
QUICK = {"behaviour": "random", "layers": (8,), "batch_size": 16, "updates": 12}
FITTED = {**QUICK, "iteration_updates": 3}


def train(
    folder: Path, name: str, arguments: dict[str, Any], task: str, checkpoints: Checkpoints | None = None
) -> tuple[str, list[int]]:
    """Return the hash of the saved policy, and the steps that were told."""
    told: list[int] = []
    algorithm: Any = create(name, arguments)
    policy = algorithm.train(registry.task(task), Budget("test", 300, 1), 0, told.append, checkpoints=checkpoints)
    policy.save(folder)
    files = sorted(folder.iterdir())
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest(), told


def stopped(name: str, arguments: dict[str, Any], task: str, after: int, folder: Path) -> Any:
    keeper = Keeper(after)
    with pytest.raises(StoppedError):
        train(folder, name, arguments, task, Always(keeper))
    return keeper.kept[-1][1]


@pytest.mark.parametrize(
    ("name", "arguments", "task"),
    [
        ("td3-bc", QUICK, PENDULUM),
        ("implicit-q", QUICK, PENDULUM),
        ("implicit-q", QUICK, LAKE),
        ("rfqi", FITTED, PENDULUM),
        ("rpq-tv", FITTED, POLE),
        ("rpq-chi2", FITTED, PENDULUM),
        ("rpq-kl", FITTED, POLE),
    ],
)
@pytest.mark.parametrize("after", [1, 3])
def test_it_goes_on_in_the_same_bits(
    name: str, arguments: dict[str, Any], task: str, after: int, tmp_path: Path
) -> None:
    """After the first checkpoint, of the data alone, and after one of what was learnt."""
    whole, _ = train(tmp_path / "whole", name, arguments, task)
    every = Keeper()
    assert train(tmp_path / "every", name, arguments, task, Always(every))[0] == whole
    assert len(every.kept) >= 4
    files = stopped(name, arguments, task, after, tmp_path / "stopped")
    assert ("learner" in unpack(files)) is (after > 1)
    again, told = train(tmp_path / "again", name, arguments, task, Checkpoints(Keeper(), files))
    assert again == whole
    assert told[0] == 300  # nothing is collected anew


def test_the_behaviour_goes_on_as_it_does_alone(tmp_path: Path) -> None:
    arguments = {**QUICK, "behaviour": "sac"}
    keeper = Keeper()
    train(tmp_path / "every", "td3-bc", arguments, PENDULUM, Always(keeper))
    trained = [(steps, files) for steps, files in keeper.kept if "behaviour" in unpack(files)]
    assert len(trained) > 3
    steps, files = trained[len(trained) // 2]
    _, told = train(tmp_path / "again", "td3-bc", arguments, PENDULUM, Checkpoints(Keeper(), files))
    assert 0 < told[0] == steps < 150 < told[-1] == 300


def test_hytq_goes_on_from_its_offline_data(tmp_path: Path) -> None:
    whole, _ = train(tmp_path / "whole", "hytq", FITTED, POLE)
    files = stopped("hytq", FITTED, POLE, 1, tmp_path / "stopped")
    again, told = train(tmp_path / "again", "hytq", FITTED, POLE, Checkpoints(Keeper(), files))
    assert again == whole
    assert told[0] == 225


@pytest.mark.parametrize("names", [None, ("observation", "achieved/goal")])
def test_episodes_are_packed_and_unpacked(names: tuple[str, ...] | None) -> None:
    rng = np.random.default_rng(0)

    def episode(steps: int, terminated: bool, seed: int | None) -> Episode:
        kinds = ((3, np.float32), (2, np.float64))  # a file may have them in another order
        parts = [rng.normal(size=(steps + 1, size)).astype(dtype) for size, dtype in kinds]
        seen = parts[0] if names is None else dict(zip(names, parts, strict=True))
        return Episode(seen, rng.integers(4, size=steps), rng.normal(size=steps), terminated, seed)

    episodes = [episode(4, True, 7), episode(1, False, None), episode(6, False, 0)]
    for one, other in zip(unpacked(unpack(pack(packed(episodes)))), episodes, strict=True):
        assert (one.terminated, one.seed) == (other.terminated, other.seed)
        np.testing.assert_array_equal(one.actions, other.actions)
        np.testing.assert_array_equal(one.rewards, other.rewards)
        seen, wanted = (({"": each.observations} if names is None else each.observations) for each in (one, other))
        assert list(seen) == list(wanted)
        for name, values in wanted.items():
            np.testing.assert_array_equal(seen[name], values)
            assert seen[name].dtype == values.dtype
