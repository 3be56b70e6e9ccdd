"""Datasets in Minari's format: made by a command, read by Minari and by the offline algorithms."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from cli_help import Capture, call, fails
from solo_games import DISCRETE, PLAIN, echoes

pytest.importorskip("minari")
pytest.importorskip("h5py")
pytest.importorskip("stable_baselines3")

import h5py
import minari

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.baselines.offline import datasets
from robust_gym.baselines.offline.episodes import Behaviour, Episode, collect, first, returns
from robust_gym.baselines.offline.transitions import Transitions
from robust_gym.task import Budget, MissingExtraError, Task

__all__ = ["echoes"]

RANDOM = Behaviour((None,))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all datasets."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


def random_episodes(task: Task, steps: int = 57) -> list[Episode]:
    return collect(task, RANDOM, steps, np.random.default_rng(0))


def parts(episode: Episode) -> list[np.ndarray]:
    seen = episode.observations
    shown = [seen[name] for name in sorted(seen)] if isinstance(seen, dict) else [seen]
    return [*shown, episode.actions, episode.rewards, episode.terminations, episode.truncations]


@pytest.mark.parametrize(
    "id",
    [
        "Robust-Pendulum-v0",
        "Robust-CartPole-v0",
        "Robust-FrozenLake-v0",
        "Robust-FetchReach-v0",
        "Robust-MiniGridFetch8x8N3-v0",
    ],
)
def test_what_is_written_is_read_to_the_bit(id: str, root: Path) -> None:
    task = registry.task(id)
    if task.missing():
        pytest.skip(f"{id} is not installed")
    episodes = random_episodes(task)
    name = datasets.dataset_id(task, "random")
    folder = datasets.write(name, task, episodes, {"algorithm": "random"})
    assert folder == root / name
    again = datasets.read(name, task)
    assert [one.seed for one in again] == [one.seed for one in episodes]
    for one, other in zip(episodes, again, strict=True):
        for a, b in zip(parts(one), parts(other), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)

    loaded = minari.load_dataset(name)
    assert (loaded.total_steps, loaded.total_episodes) == (57, len(episodes))
    for one, other in zip(episodes, loaded.iterate_episodes(), strict=True):
        np.testing.assert_array_equal(one.rewards, other.rewards)
        np.testing.assert_array_equal(one.actions, other.actions)
    env = loaded.recover_environment()
    assert env.spec.id == id
    env.close()
    assert list(minari.list_local_datasets()) == [name]


def test_transitions_are_flat_and_end_where_episodes_do(echoes: None) -> None:
    ended = Episode(np.array([[0.0], [1.0], [2.0]]), np.array([[5.0], [6.0]]), np.array([1.0, 2.0]), True)
    cut = Episode(np.array([[3.0], [4.0]]), np.array([[7.0]]), np.array([4.0]), False)
    flat = Transitions.of([ended, cut])
    assert flat.observations.ravel().tolist() == [0, 1, 3]
    assert flat.next_observations.ravel().tolist() == [1, 2, 4]
    assert flat.terminations.tolist() == [False, True, False]
    assert flat.truncations.tolist() == [False, False, True]
    assert flat.times.tolist() == [0, 1, 0]
    assert flat.returns().tolist() == [3, 4]
    assert flat.returns_to_go(0.5).tolist() == [2, 2, 4]
    (short,) = first([ended, cut], 1)
    assert len(short) == 1 and not short.terminated and short.observations.ravel().tolist() == [0, 1]
    assert [len(one) for one in first([ended, cut], 3)] == [2, 1]
    one_hot = Transitions.of([Episode(np.array([2, 0]), np.array([1]), np.zeros(1), True)], states=3)
    assert one_hot.rows.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_collecting_depends_on_its_generator_alone(echoes: None) -> None:
    acts = create("random").train(PLAIN, Budget("test", 1, 1), 5, lambda done: None)
    behaviour = Behaviour((acts, None), shares=(3, 1), epsilon=0.2, noise=0.1)
    one, other, third = (
        datasets.digest(collect(PLAIN, behaviour, 40, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert one == other != third


def test_noise_and_random_actions_are_as_strong_as_asked(echoes: None) -> None:
    still = _Still()
    moved = np.concatenate(
        [e.actions for e in collect(PLAIN, Behaviour((still,), noise=0.1), 2000, np.random.default_rng(0))]
    )
    assert moved.std() == pytest.approx(0.4, rel=0.1) and moved.mean() == pytest.approx(2, abs=0.05)
    mixed = np.concatenate(
        [e.actions for e in collect(PLAIN, Behaviour((still,), epsilon=0.3), 2000, np.random.default_rng(0))]
    )
    assert (mixed != 2).mean() == pytest.approx(0.3, abs=0.04)
    assert mixed.min() < -1.5 and mixed.max() > 5.5


class _Still:
    """Always does the same."""

    def act(self, observation: np.ndarray, state: Any, episode_start: np.ndarray) -> tuple[np.ndarray, Any]:
        return np.full((len(observation), 1), 2.0, np.float32), state

    def save(self, directory: Path) -> None:
        raise NotImplementedError


def test_an_algorithm_learns_from_a_dataset_and_not_beyond_the_budget(echoes: None, root: Path) -> None:
    datasets.write("here/plain-v0", PLAIN, random_episodes(PLAIN, 300), {"algorithm": "random"})
    small = {"layers": (16,), "batch_size": 32, "updates": 20}
    done: list[int] = []
    by_id = create("td3-bc", {**small, "dataset": "here/plain-v0"})
    policy = by_id.train(PLAIN, Budget("test", 120, 1), 0, done.append)
    assert done[-1] == 120
    by_folder = create("td3-bc", {**small, "dataset": str(root / "here/plain-v0")})
    other = by_folder.train(PLAIN, Budget("test", 1000, 1), 0, done.append)
    assert done[-1] == 300
    assert float(policy.moments[0][0]) != float(other.moments[0][0])


def test_an_episode_that_the_steps_cut_off_has_no_return() -> None:
    task = registry.task("Robust-Pendulum-v0")
    three = random_episodes(task, 450)
    assert [len(one) for one in three] == [200, 200, 50]
    assert returns(task, three).tolist() == [one.rewards.sum() for one in three[:2]]
    assert returns(task, three[:2]).tolist() == returns(task, three).tolist()
    assert len(returns(task, three[2:])) == 1


def test_a_dataset_of_the_base_environment_will_do(root: Path) -> None:
    task = registry.task("Robust-Pendulum-v0")
    folder = datasets.write("a/b-v0", task, random_episodes(task), {"algorithm": "random"}) / "data" / "metadata.json"
    metadata = json.loads(folder.read_text())
    del metadata[datasets.OURS]
    metadata["env_spec"] = metadata["env_spec"].replace("Robust-Pendulum-v0", task.base)
    folder.write_text(json.dumps(metadata))
    assert len(datasets.read("a/b-v0", task)) == 1
    metadata["env_spec"] = metadata["env_spec"].replace(task.base, "Acrobot-v1")
    folder.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="is of Acrobot-v1, not of Robust-Pendulum-v0"):
        datasets.read("a/b-v0", task)


def test_a_dataset_of_gymnasium_s_robot_will_do_where_a_function_makes_ours(root: Path) -> None:
    task = registry.task("Robust-HalfCheetah-v0")
    folder = datasets.write("a/c-v0", task, random_episodes(task), {"algorithm": "random"}) / "data" / "metadata.json"
    metadata = json.loads(folder.read_text())
    del metadata[datasets.OURS]
    metadata["env_spec"] = gym.spec("HalfCheetah-v5").to_json()
    folder.write_text(json.dumps(metadata))
    assert len(datasets.read("a/c-v0", task)) == 1
    metadata["env_spec"] = gym.spec("HalfCheetah-v4").to_json()
    folder.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="is of HalfCheetah-v4, not of Robust-HalfCheetah-v0"):
        datasets.read("a/c-v0", task)


def _cut(folder: Path) -> None:
    file = folder / "main_data.hdf5"
    file.write_bytes(file.read_bytes()[:5000])


def _altered(folder: Path) -> None:
    with h5py.File(folder / "main_data.hdf5", "a") as file:
        file["episode_0/rewards"][0] += 1


def _not_finite(folder: Path) -> None:
    with h5py.File(folder / "main_data.hdf5", "a") as file:
        file["episode_0/actions"][0] = np.nan


def _without(name: str) -> Any:
    def damage(folder: Path) -> None:
        with h5py.File(folder / "main_data.hdf5", "a") as file:
            del file["episode_0"][name]

    return damage


def _metadata(change: Any) -> Any:
    def damage(folder: Path) -> None:
        file = folder / "metadata.json"
        file.write_text(change(file.read_text()))

    return damage


def _no_space(text: str) -> str:
    metadata = json.loads(text)
    del metadata["observation_space"]
    return json.dumps(metadata)


def _other_space(text: str) -> str:
    metadata = json.loads(text)
    metadata["action_space"] = metadata["action_space"].replace("6.0", "7.0")
    return json.dumps(metadata)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut, "is damaged: "),
        (_altered, "is damaged: its episodes are not those that were written"),
        (_not_finite, "is damaged: episode 0 holds a number that is not finite"),
        (_without("actions"), "is damaged: "),
        (_without("terminations"), "is damaged: "),
        (_metadata(lambda text: text[:40]), "is damaged: its metadata.json is not Minari's"),
        (_metadata(_no_space), "is damaged: its metadata.json is not Minari's"),
        (_metadata(_other_space), "has actions in Box"),
        (_metadata(lambda text: text.replace('"task_version": 0', '"task_version": 7')), "is of version 7 of Echo-Box"),
    ],
)
def test_damage_is_refused(echoes: None, root: Path, damage: Any, message: str) -> None:
    folder = datasets.write("here/plain-v0", PLAIN, random_episodes(PLAIN), {"algorithm": "random"})
    damage(folder / "data")
    with pytest.raises(ValueError, match="the dataset in .*here/plain-v0/data") as error:
        datasets.read("here/plain-v0", PLAIN)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_what_is_not_there_or_of_another_task_is_refused(echoes: None, root: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no dataset 'here/plain-v0', neither as a folder nor in"):
        datasets.read("here/plain-v0", PLAIN)
    datasets.write("here/plain-v0", PLAIN, random_episodes(PLAIN), {"algorithm": "random"})
    with pytest.raises(ValueError, match="is of Echo-BoxPlain-v0, not of Echo-Discrete-v0"):
        datasets.read("here/plain-v0", DISCRETE)
    with pytest.raises(ValueError, match="there is a dataset in .*: choose another id"):
        datasets.write("here/plain-v0", PLAIN, random_episodes(PLAIN), {})
    for wrong in ("plain", "../plain-v0", "/plain-v0", "a b-v0"):
        with pytest.raises(ValueError, match="a dataset's id is like"):
            datasets.write(wrong, PLAIN, random_episodes(PLAIN), {})


def test_nothing_is_left_of_a_dataset_that_failed(echoes: None, root: Path) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        datasets.write("here/plain-v0", PLAIN, random_episodes(PLAIN), {"algorithm": "x", "wrong": object()})
    assert list((root / "here").iterdir()) == []


def test_minari_is_asked_for(echoes: None, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(MissingExtraError, match=r'needs the package .minari.*pip install "robust-gym\[offline\]"'):
        datasets.read("here/plain-v0", PLAIN)
    assert 'pip install "robust-gym[offline]"' in fails(capsys, "dataset", "Robust-Pendulum-v0", "--algo", "random")


def test_command_mixes_policies(root: Path, capsys: Capture, tmp_path: Path) -> None:
    task = registry.task("Robust-CartPole-v0")
    create("ppo").train(task, Budget("test", 100, 1), 0, lambda done: None).save(tmp_path / "saved")
    asked = ("dataset", task.id, "--algo", "random", "--policy", str(tmp_path / "saved"), "--shares", "1,3")
    more = ("--epsilon", "0.25", "--steps", "200", "--id", "robust-gym/CartPole/mixed-v0", "--out", str(root / "own"))
    code, out, error = call(capsys, *asked, *more, "--json")
    assert code == 0, error
    made = json.loads(out)
    assert made["steps"] == 200 and made["folder"] == str(root / "own/robust-gym/CartPole/mixed-v0")
    about = json.loads(Path(made["folder"], "data", "metadata.json").read_text())
    assert about["algorithm_name"] == "random and ppo"
    ours = about["robust_gym"]
    assert [part["share"] for part in ours["behaviours"]] == [0.25, 0.75]
    assert (ours["epsilon"], ours["seed"], ours["task"]) == (0.25, 0, task.id)
    assert ours["returns"]["mean"] == pytest.approx(made["mean_return"])
    assert len(datasets.read(made["folder"], task)) == made["episodes"]


def test_command_trains_and_repeats_itself(root: Path, capsys: Capture) -> None:
    digests = []
    for place in ("one", "two"):
        asked = ("dataset", "Robust-CartPole-v0", "--budget", "smoke", "--steps", "300", "--out", str(root / place))
        code, out, error = call(capsys, *asked)
        assert code == 0, error
        assert "training ppo on Robust-CartPole-v0 for 2000 steps" in error
        assert out.startswith("robust-gym/CartPole/ppo-smoke-v0: ")
        about = json.loads((root / place / "robust-gym/CartPole/ppo-smoke-v0/data/metadata.json").read_text())
        digests.append(about["robust_gym"]["sha256"])
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Robust-Pendulun-v0",), "unknown task 'Robust-Pendulun-v0'"),
        (("Robust-MPESpread-v0",), "one agent whose observations are numbers; Robust-MPESpread-v0 has several agents"),
        (("Robust-CarRacing-v0",), "one agent whose observations are numbers; Robust-CarRacing-v0 has images"),
        (("Robust-CartPole-v0", "--algo", "sac"), "sac trains on box actions"),
        (("Robust-CartPole-v0", "--algo", "pp"), "unknown algorithm 'pp'"),
        (("Robust-CartPole-v0", "--noise", "0.1"), "noise is for box actions"),
        (("Robust-CartPole-v0", "--algo", "random", "--epsilon", "0.1"), "noise and epsilon change nothing"),
        (("Robust-CartPole-v0", "--epsilon", "2"), "epsilon must be from 0 to 1, got 2.0"),
        (("Robust-CartPole-v0", "--shares", "1,2"), "shares must be 1 numbers"),
        (("Robust-CartPole-v0", "--shares", "x"), "--shares takes numbers such as 0.7,0.3, got 'x'"),
        (("Robust-CartPole-v0", "--budget", "huge"), "unknown budget 'huge'"),
        (("Robust-CartPole-v0", "--steps", "0"), "steps must be at least 1"),
        (
            ("Robust-CartPole-v0", "--id", "medium"),
            "id is like 'robust-gym/Hopper/medium-v0', got 'medium'",
        ),
        (("Robust-CartPole-v0", "--policy", "nowhere"), "nowhere holds no policy"),
    ],
)
def test_bad_commands(root: Path, capsys: Capture, arguments: tuple[str, ...], message: str) -> None:
    assert message in fails(capsys, "dataset", *arguments)
