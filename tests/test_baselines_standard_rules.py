"""What every baseline must do, asked of the standard ones: seeds, budgets, checkpoints, arguments."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from baseline_help import global_state
from recall_help import NAMES, PENDULUM, SHOWN, SMALL, fitting, games, learn
from solo_games import echoes
from test_baselines_checkpoints import Always, Keeper, StoppedError, gone_on, stopped, train

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.checkpoints import pack, unpack
from robust_gym.baselines.single.tuned import tuned
from robust_gym.task import Budget

__all__ = ["echoes", "games"]


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_weights_and_nothing_global_moves(games: None, name: str) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        return list(learn(name, fitting(name), 130, seed)._stored()[0].values())

    torch.manual_seed(1)
    before = global_state()
    one = weights(3)
    assert global_state() == before
    torch.manual_seed(2)
    assert all(map(torch.equal, one, weights(3)))
    assert not all(map(torch.equal, one, weights(4)))


@pytest.mark.parametrize(
    ("name", "task", "steps", "after"),
    [
        ("td3", PENDULUM, 150, 75),
        ("ddpg", PENDULUM, 150, 75),
        ("tqc", PENDULUM, 150, 75),
        ("crossq", PENDULUM, 150, 75),
        ("dqn", "Robust-CartPole-v0", 150, 75),
        ("a2c", PENDULUM, 1000, 10),
        ("trpo", PENDULUM, 1500, 3),
        ("recurrent-ppo", PENDULUM, 1500, 3),
    ],
)
def test_checkpoints(name: str, task: str, steps: int, after: int) -> None:
    counted: list[int] = []
    arguments = SMALL[name]
    if name in ("a2c", "trpo", "recurrent-ppo"):
        # With gSDE a rollout draws its noise before it can be stopped, so one that goes on has drawn once more.
        arguments = {**arguments, "use_sde": False}
    undisturbed = train(name, arguments, task, steps, None, counted)
    assert train(name, arguments, task, steps, Always(Keeper())) == undisturbed
    at, files = stopped(name, arguments, task, steps, after)
    assert at > 0
    reported: list[int] = []
    keeper = Keeper(1)
    with pytest.raises(StoppedError):
        train(name, arguments, task, steps, Always(keeper, files), reported)
    # What was learnt is what it went on from; episodes begin anew, and with them moments move on.
    before, after_all = unpack(files), unpack(keeper.kept[0][1])
    for snapshot in (before, after_all):
        snapshot.pop("seeds")
        snapshot.pop("moments", None)
    assert pack(before) == pack(after_all)
    if steps == counted[-1]:
        gone_on(name, arguments, task, steps, after)


def test_the_target_network_follows_as_often_after_a_checkpoint() -> None:
    _, files = stopped("dqn", SMALL["dqn"], "Robust-CartPole-v0", 150, 75)
    counters = unpack(files)["counters"]
    assert counters["_n_calls"] == unpack(files)["steps"] > 50
    assert 0 < counters["exploration_rate"] < 1


def test_every_argument_has_a_value() -> None:
    for name in (*NAMES, "ppo", "sac"):
        algorithm: Any = create(name, {})
        fields = {field.name for field in dataclasses.fields(algorithm)} - {"train_disruption"}
        for id in (PENDULUM, "Robust-CartPole-v0", "Robust-Hopper-v0", "Robust-CarRacing-v0", "Robust-Highway-v0"):
            values = tuned(algorithm.tuned_as, registry.task(id), {})
            assert set(values) == fields, name
            assert None not in values.values()


def test_values_of_the_zoo() -> None:
    def of(name: str, task: str) -> dict[str, Any]:
        return tuned(name, registry.task(f"Robust-{task}-v0"), {})

    assert of("td3", "MountainCarContinuous")["noise"] == "ornstein-uhlenbeck"
    assert of("dqn", "CartPole")["target_update_interval"] == 10
    assert of("ppo", "Pendulum").items() >= {"use_sde": True, "sde_sample_freq": 4, "log_std_init": 0.0}.items()
    assert of("sac", "MountainCarContinuous").items() >= {"use_sde": True, "log_std_init": -3.67}.items()
    assert of("trpo", "HalfCheetah").items() >= {"target_kl": 0.04, "normalise": True, "n_envs": 2}.items()
    assert of("tqc", "Hopper")["top_quantiles_to_drop_per_net"] == 5
    assert of("recurrent-ppo", "CartPole").items() >= {"n_steps": 32, "lstm_hidden_size": 64, "decay": True}.items()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("td3", {"noise": "pink"}, "td3: noise must be normal or ornstein-uhlenbeck, got 'pink'"),
        ("ddpg", {"action_noise": -1.0}, "ddpg: action_noise must be at least 0, got -1.0"),
        ("crossq", {"ent_coef": "much"}, "crossq: ent_coef must be a number of at least 0, 'auto' or"),
        ("sac", {"ent_coef": -1.0}, "sac: ent_coef must be .*, got -1.0"),
        ("sac", {"ent_coef": "auto_-1"}, "sac: ent_coef must be .*, got 'auto_-1'"),
        ("sac", {"gradient_steps": 0}, "sac: gradient_steps must be at least 1, or -1 for as many as there were steps"),
        ("td3", {"policy_delay": 0}, "td3: policy_delay must be at least 1, got 0"),
        ("a2c", {"n_steps": 1}, "a2c: n_steps must be at least 2, got 1"),
        ("tqc", {"top_quantiles_to_drop_per_net": 5}, "tqc: top_quantiles_to_drop_per_net must be between 0 and 4"),
        ("tqc", {"sde_sample_freq": 0}, "tqc: sde_sample_freq must be at least 1, or -1, got 0"),
        ("dqn", {"exploration_fraction": 2.0}, "dqn: exploration_fraction must be between 0 and 1, got 2.0"),
    ],
)
def test_bad_arguments(games: None, name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        learn(name, fitting(name), 100, **arguments)
    with pytest.raises(ValueError, match="trpo needs a budget of at least 2 steps, got 1"):
        learn("trpo", SHOWN, 1)


def test_state_dependent_exploration_is_for_continuous_actions(games: None) -> None:
    with pytest.raises(ValueError, match="a2c: use_sde needs continuous actions; those of Recall0-v0 are discrete"):
        learn("a2c", SHOWN, 100, use_sde=True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [10, 333])
def test_budget_is_kept(games: None, name: str, steps: int) -> None:
    reported: list[int] = []
    algorithm: Any = create(name, SMALL[name])
    algorithm.train(fitting(name), Budget("test", steps, 1), 0, reported.append)
    assert reported == sorted(reported) and 0.75 * steps < reported[-1] <= steps


def test_the_target_of_dqn_fits_the_budget() -> None:
    values = tuned("dqn", registry.task("Robust-FourRooms-v0"), {})
    algorithm: Any = create("dqn", {})
    assert algorithm.fitted(values, 2400)["target_update_interval"] == 100
    assert algorithm.fitted(values, 10**6)["target_update_interval"] == 10_000


def test_damaged_policies_are_refused(games: None, tmp_path: Path) -> None:
    learn("recurrent-ppo", SHOWN, 100).save(tmp_path)
    meta = json.loads((tmp_path / "policy.json").read_text())
    for key, value in (("memory", [2, 2, 1]), ("memory", None), ("eyes", [["flatten"], 3])):
        (tmp_path / "policy.json").write_text(json.dumps({**meta, key: value}))
        with pytest.raises(ValueError, match="holds no recurrent policy|describes no layer"):
            load_policy(tmp_path)


def test_policies_are_loaded_without_the_libraries_that_trained_them(tmp_path: Path) -> None:
    task = registry.task("Robust-CartPole-v0")
    for name in ("recurrent-ppo", "dqn"):
        create(name, SMALL[name]).train(task, Budget("test", 100, 1), 0, lambda step: None).save(tmp_path / name)
    code = (
        "import sys, pathlib; from robust_gym.baselines.base import load_policy;"
        f"[load_policy(path) for path in pathlib.Path({str(tmp_path)!r}).iterdir()];"
        "sys.exit('stable_baselines3' in sys.modules or 'sb3_contrib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ppo", {"gamma": 2.0}, "ppo: gamma must be from 0 to 1, got 2.0"),
        ("td3", {"learning_rate": 0.0}, "td3: learning_rate must be a number above 0, got 0.0"),
        ("dqn", {"batch_size": 0}, "dqn: batch_size must be at least 1, got 0"),
        ("a2c", {"layers": (64, 0)}, r"a2c: layers must be numbers of at least 1, got \(64, 0\)"),
    ],
)
def test_bad_arguments_are_refused_when_made(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(name, arguments)
