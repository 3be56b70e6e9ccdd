"""Robust methods on TD3 and SAC: what all of them have to do, and the box of worlds that M2TD3 learns in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from baseline_help import global_state
from offpolicy_games import CORNERS, SADDLE, games
from solo_games import BOX, DISCRETE, PLAIN, echoes, mean_reward
from test_baselines_checkpoints import Always, Keeper, StoppedError

pytest.importorskip("stable_baselines3")

import robust_gym
from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.checkpoints import pack, unpack
from robust_gym.baselines.single.parameter_box import ChosenWorlds, ParameterBox
from robust_gym.baselines.single.policy import FeedForwardPolicy
from robust_gym.task import Budget, Task

__all__ = ["echoes", "games"]

FAST: dict[str, Any] = {"layers": (16,), "learning_rate": 1e-2, "batch_size": 32, "gamma": 0.5}
SMALL: dict[str, dict[str, Any]] = {
    "m2td3": {**FAST, "train_disruption": CORNERS, "learning_starts": 0.2},
    "soft-m2td3": {**FAST, "train_disruption": CORNERS, "learning_starts": 0.2},
    "ompo": {**FAST, "train_disruption": "none", "local_size": 50, "discriminator_steps": 2, "gradient_steps": 1},
    "rsc-sac": {**FAST, "model_learning_rate": 1e-2},
    "dbc": {**FAST, "features": 8, "encoder_layers": (16,), "model_units": 16},
}
TASKS = {name: SADDLE if "m2td3" in name else PLAIN for name in SMALL}
SAC_LIKE = [name for name in SMALL if "m2td3" not in name]


def train(name: str, steps: int, seed: int = 0, task: Task | None = None, **arguments: Any) -> FeedForwardPolicy:
    algorithm = create(name, {**SMALL[name], **arguments})
    return algorithm.train(task or TASKS[name], Budget("test", steps, 1), seed, lambda step: None)


@pytest.mark.parametrize(("name", "least"), [("ompo", -0.8), ("rsc-sac", -0.6), ("dbc", -0.8)])
def test_learns_to_do_what_is_shown(echoes: None, name: str, least: float) -> None:
    # A policy that ignores the observation gets -1.5.
    assert mean_reward(train(name, 600), PLAIN) > least


@pytest.mark.parametrize("name", SMALL)
def test_policies_are_determined_and_saved(echoes: None, games: None, name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    before = global_state()
    policy = train(name, 90, 3)
    assert global_state() == before
    torch.manual_seed(2)
    again, other = train(name, 90, 3), train(name, 90, 4)
    one, two, three = (list(found.network.state_dict().values()) for found in (policy, again, other))
    assert all(map(torch.equal, one, two)) and not all(map(torch.equal, one, three))

    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    width = policy.network[0].in_features
    seen, start = np.random.default_rng(0).uniform(-1, 5, (16, width)).astype(np.float32), np.ones(16, bool)
    actions, _ = policy.act(seen, None, start)
    assert len(np.unique(actions)) > 1
    np.testing.assert_array_equal(actions, loaded.act(seen, None, start)[0])
    singly = [policy.act(row[None], None, start[:1])[0][0] for row in seen]
    np.testing.assert_allclose(actions, singly, atol=1e-5)
    rows, chosen = torch.from_numpy(seen), torch.from_numpy(actions)
    if name == "dbc":
        with pytest.raises(TypeError, match="saved without a critic"):
            loaded.worth(rows, chosen)
    else:
        assert torch.equal(loaded.worth(rows, chosen), policy.worth(rows, chosen))


@pytest.mark.parametrize("name", SMALL)
def test_goes_on_from_a_checkpoint(echoes: None, games: None, name: str) -> None:
    # An episode that begins anew may draw a candidate anew.
    kept = {"restart_distance": 0.0, "restart_probability": 0.0} if "m2td3" in name else {}
    algorithm, keeper = create(name, {**SMALL[name], **kept}), Keeper(70)
    run = (TASKS[name], Budget("test", 100, 1), 0)
    with pytest.raises(StoppedError):
        algorithm.train(*run, lambda step: None, Always(keeper))
    at, files = keeper.kept[-1]
    assert at >= 70
    # It goes on from all that was learnt, the method's own networks and their optimisers included.
    steps: list[int] = []
    again = Keeper(1)
    with pytest.raises(StoppedError):
        algorithm.train(*run, steps.append, Always(again, files))
    before, after = unpack(files), unpack(again.kept[0][1])
    for snapshot in (before, after):
        snapshot.pop("seeds")
    if kept:  # an episode that begins draws its world, and divides chances by their sum
        chances = [snapshot["parts"]["omegas"].pop("probabilities") for snapshot in (before, after)]
        for snapshot in (before, after):
            snapshot.pop("torch")
        np.testing.assert_allclose(*chances, rtol=1e-5)
    assert pack(before) == pack(after)
    algorithm.train(*run, steps.append, Always(Keeper(), files))
    assert (steps[0], steps[-1]) == (at, 100)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("m2td3", {"candidates": 1}, "m2td3: candidates must be at least 2, got 1"),
        ("m2td3", {"restart_probability": 0.2}, "restart_probability must be at least 0 and below 1 / candidates"),
        ("soft-m2td3", {"omega_noise": -1.0}, "soft-m2td3: omega_noise must be at least 0, got -1.0"),
        ("ompo", {"exponent": 1.0}, "ompo: exponent must be greater than 1, got 1.0"),
        ("ompo", {"local_size": 0}, "local_size must be at least 1"),
        ("rsc-sac", {"share": 1.5}, "rsc-sac: share must be from 0 to 1, got 1.5"),
        ("rsc-sac", {"exponent": 0.0}, "exponent must be above 0 and at most 1"),
        ("dbc", {"features": 0}, "dbc: features must be at least 1, got 0"),
        ("dbc", {"encoder_layers": (0,)}, "encoder_layers must be numbers of at least 1"),
    ],
)
def test_bad_arguments_are_refused(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(name, arguments)


def test_what_cannot_be_trained_is_refused_before_training() -> None:
    for name in ("m2td3", "soft-m2td3", "ompo"):
        info = registry.algorithm(name)
        assert "no dynamics parameter to draw" in str(info.refuses(PLAIN))
        assert info.refuses(registry.task("Robust-Pendulum-v0")) is None
    for name in SMALL:
        assert "discrete" in str(registry.algorithm(name).refuses(DISCRETE))
        image = registry.algorithm(name).refuses(registry.task("Robust-CarRacing-v0"))
        assert image is None if name == "dbc" else "observations" in str(image)


@pytest.mark.parametrize(
    ("disruption", "message"),
    [
        ("none", "needs dynamics, such as .*got 'none'; Saddle-v0 has slope, height, count"),
        ("obs:0.1", "needs dynamics"),
        ("dynamics:slope:1", "'dynamics:slope:1' is no box of worlds"),
        ("dynamics:random:0.3~ramp=5", "is no box of worlds.*without a schedule"),
        ("dynamics:corner:0.3", "is no box of worlds"),
        ("dynamics:mass:1..2", "no dynamics parameter 'mass'"),
        ("dynamics:slope:-5..1", "out of bounds"),
        ("dynamics:random:0.3+dynamics:slope:-1..1", "gives 'slope' of Saddle-v0 two intervals"),
    ],
)
def test_what_is_no_box_is_refused(games: None, disruption: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create("m2td3", {"train_disruption": disruption}).train(SADDLE, Budget("t", 10, 1), 0, lambda step: None)


def test_a_box_maps_its_corners_to_the_ends_of_its_intervals(games: None) -> None:
    box, rest = ParameterBox.of("obs:0.1+dynamics:random:0.3", SADDLE)
    assert rest == "observation:gauss:0.1"
    assert box.values(-np.ones(2)) == {"slope": pytest.approx(-0.6), "height": 0.7}  # 0.3 of its span, 2
    assert box.values(np.ones(2)) == {"slope": pytest.approx(0.6), "height": 1.3}
    assert box.values(np.zeros(2)) == {"slope": pytest.approx(0.0), "height": pytest.approx(1.0)}
    wide, _ = ParameterBox.of("dynamics:random:0.95", SADDLE)
    assert wide.values(-np.ones(2))["height"] == 0.1  # its bound
    whole, rest = ParameterBox.of("dynamics:count:0.5..1.5", SADDLE)
    assert rest == "none"
    assert whole.values(np.array([0.4])) == {"count": 4 / 3}  # 3.6 times, of 3


def test_a_chosen_world_is_the_disrupted_one() -> None:
    """Places become values as exactly as a disruption's, and are told to the learner and in the info."""
    task = registry.task("Robust-Pendulum-v0")
    box, _ = ParameterBox.of("dynamics:gravity:0.5..1.5+dynamics:length:0.8..1.2", task)
    asked: list[int] = []
    chosen = ChosenWorlds(robust_gym.make(task.id), task, box)
    other = robust_gym.make(task.id, disruption="dynamics:gravity:1.25+dynamics:length:0.8")

    def choose(steps: int) -> np.ndarray:
        asked.append(steps)
        return np.array([0.5, -3.0])

    chosen.choose = choose
    for _ in range(2):
        seen, info = chosen.reset(seed=3)
        expected, there = other.reset(seed=3)
        assert info["dynamics"] == there["dynamics"]
        assert info["dynamics"]["gravity"] == 1.25 and info["dynamics"]["mass"] == 1.0
        for _ in range(7):
            assert chosen.observation_space.contains(seen)
            np.testing.assert_array_equal(seen[:3], expected)
            np.testing.assert_array_equal(seen[3:], [0.5, -1.0])
            seen, reward, *_ = chosen.step(np.array([0.3], np.float32))
            expected, true, *_ = other.step(np.array([0.3], np.float32))
            assert reward == true
    assert asked == [0, 7]
    with pytest.raises(ValueError, match="vectors"):
        ChosenWorlds(gym.make("FrozenLake-v1"), task, box)


def test_training_noise_of_other_channels_reaches_training(games: None) -> None:
    plain, noisy = (train("m2td3", 60, train_disruption=text) for text in (CORNERS, CORNERS + "+reward:gauss:1"))
    assert not torch.equal(plain.network[0].weight, noisy.network[0].weight)


@pytest.mark.parametrize("name", SAC_LIKE)
def test_observations_in_double_precision(echoes: None, name: str) -> None:
    assert train(name, 60, task=BOX).act(np.zeros((1, 2)), None, np.ones(1, bool))[0].shape == (1, 1)


def test_ompo_takes_its_updates_for_every_step_however_many_are_collected_at_once() -> None:
    for id, every in (("Robust-BipedalWalker-v0", 64), ("Robust-Hopper-v0", 1)):
        algorithm = create("ompo")
        fitted = algorithm.fitted(algorithm.values(registry.task(id)), 100_000)
        assert (fitted["train_freq"], fitted["gradient_steps"]) == (every, 3 * every)


@pytest.mark.parametrize("name", SMALL)
def test_arrays_that_are_no_images_are_flattened(name: str) -> None:
    task = registry.task("Robust-Racetrack-v0")
    if task.missing():
        pytest.skip(task.missing())
    worlds = "dynamics:0.2" if "m2td3" in name else "none"
    policy = train(name, 30, task=task, batch_size=4, learning_starts=0.5, train_disruption=worlds)
    env = robust_gym.make(task.id)
    observation, _ = env.reset(seed=0)
    assert observation.ndim == 3
    action, _ = policy.act(observation[None], None, np.ones(1, bool))
    assert env.action_space.contains(action[0])
    env.close()
