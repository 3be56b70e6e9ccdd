"""Training of IPPO and MAPPO, and the policies that come out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from baseline_help import global_state
from team_games import SIGNALS, Signals, games, returns
from vector_games import TARGETS, Targets, rollout_of, vectors

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.marl.actor_policy import ActorPolicy
from robust_gym.baselines.marl.gradient import shared_out
from robust_gym.evaluate import evaluate
from robust_gym.task import Budget, Task

__all__ = ["games", "vectors"]

ALGORITHMS = ("ippo", "mappo")
BEST = 2.0  # of a step of the signals: 1 for each of two agents


def train(name: str, steps: int = 400, seed: int = 0, task: Any = SIGNALS, **arguments: Any) -> ActorPolicy:
    arguments = {"hidden": 16, **arguments}
    return create(name, arguments).train(task, Budget("test", steps, 1), seed, lambda step: None)


def same(one: ActorPolicy, other: ActorPolicy) -> bool:
    pairs = zip(one.actors.state_dict().values(), other.actors.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_learns_the_signals(games: None, name: str) -> None:
    assert returns(train(name, steps=3000, gamma=0.5), Signals()) > 0.95 * BEST * 5


@pytest.mark.parametrize(("name", "sharing"), [("ippo", "separate"), ("mappo", "shared")])
def test_learns_vectors_for_agents_that_leave(vectors: None, name: str, sharing: str) -> None:
    policy = train(name, steps=4000, task=TARGETS, gamma=0.5, initial_std=0.3, sharing=sharing, entropy=0.0)
    assert policy.actors.shared == (sharing == "shared")
    actions, _ = policy.act({agent: np.zeros((1, 1), np.float32) for agent in Targets.targets}, None, np.ones(1, bool))
    for agent, target in Targets.targets.items():
        # One target lies on the edge of the space, where a Gaussian that is clipped may have its mean beyond it.
        np.testing.assert_allclose(actions[agent][0], target, atol=0.25)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_same_seed_same_weights_and_nothing_global_moves(games: None, name: str) -> None:
    torch.manual_seed(5)
    before = global_state()
    one = train(name, seed=3)
    assert global_state() == before
    torch.manual_seed(6)
    assert same(one, train(name, seed=3))
    assert not same(one, train(name, seed=4))


def test_every_argument_changes_training(games: None) -> None:
    plain = train("ippo")
    changes: dict[str, Any] = {
        "n_envs": 4,
        "rollout": 50,
        "epochs": 3,
        "minibatches": 1,
        "gamma": 0.5,
        "gae_lambda": 0.5,
        "clip": 0.01,
        "entropy": 0.5,
        "learning_rate": 1e-4,
        "max_grad_norm": 0.01,
        "critic_learning_rate": 1e-4,
        "normalise_observations": False,
        "train_disruption": "none | observation:gauss:0.5",
    }
    for name, value in changes.items():
        assert not same(plain, train("ippo", **{name: value})), name
    assert not same(train("mappo"), plain)


@pytest.mark.parametrize("steps", [1, 7, 8, 333])
def test_progress_stays_within_the_budget(games: None, steps: int) -> None:
    reported: list[int] = []
    create("mappo", {"hidden": 8}).train(SIGNALS, Budget("test", steps, 1), 0, reported.append)
    assert reported == sorted(reported) and steps - 8 < reported[-1] <= steps


def test_rounds_are_shared_out() -> None:
    assert shared_out(103, 25) == [26, 26, 26, 25]
    assert shared_out(24, 25) == [24] and shared_out(1, 1) == [1]


def test_critic_sees_the_state_and_the_policy_does_not_need_it(vectors: None, tmp_path: Path) -> None:
    found, _, _ = rollout_of(Targets, 2, 6, critic="state")
    # The state of this game is the time, three times.
    assert found.views[0, :, 0].tolist() == [[float(step % 4)] * 3 for step in range(6)]
    assert found.views_after[0].tolist() == [[4.0] * 3] * 2 + [[2.0] * 3] * 2
    own, _, _ = rollout_of(Targets, 2, 6)
    assert torch.equal(own.views, own.observations)
    policy = train("mappo", task=TARGETS)
    policy.save(tmp_path)
    weights = load_policy(tmp_path).actors.state_dict()  # type: ignore[attr-defined]
    assert weights.keys() == train("ippo", task=TARGETS).actors.state_dict().keys()
    # One number is seen, and one of two agents told: nothing has a state's three numbers.
    assert weights["networks.perceptrons.weights.0"].shape == (1, 1 + 2, 16)


@pytest.mark.parametrize("task", [SIGNALS, TARGETS], ids=["discrete", "box"])
def test_saved_policy_acts_the_same(games: None, vectors: None, task: Task, tmp_path: Path) -> None:
    policy = train("mappo", task=task)
    policy.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.json", "policy.safetensors"]
    loaded = load_policy(tmp_path)
    assert isinstance(loaded, ActorPolicy) and same(policy, loaded)
    assert loaded.algorithm == "mappo" and loaded.actors.team == policy.actors.team
    seen = {agent: np.random.default_rng(0).normal(500, 100, (9, 1)) for agent in policy.actors.team.agents}
    if task is SIGNALS:
        seen = {agent: np.random.default_rng(0).normal(500, 100, (9, size)) for agent, size in Signals.sizes.items()}
    for one, other in zip(*(team.act(seen, None, np.zeros(9))[0].values() for team in (policy, loaded)), strict=True):
        np.testing.assert_array_equal(one, other)
    meta = json.loads((tmp_path / "policy.json").read_text())
    (tmp_path / "policy.json").write_text(json.dumps({**meta, "hidden": 99}))
    with pytest.raises(ValueError, match="does not describe a team's actors"):
        load_policy(tmp_path)


def test_vectors_stay_in_the_space(vectors: None) -> None:
    policy = train("ippo", task=TARGETS, initial_std=50.0)
    seen = {agent: np.random.default_rng(0).normal(0, 1e6, (64, 1)) for agent in Targets.targets}
    space = Targets().action_space("stayer")
    for actions in policy.act(seen, None, np.zeros(64))[0].values():
        assert actions.shape == (64, 2) and all(space.contains(action) for action in actions)
    game = Targets()
    rollout_of(lambda: game, 1, 40)  # the game checks what it is told
    assert np.ptp(game.played) > 0.5


@pytest.mark.parametrize("id", ["Robust-MPESpread-v0", "Robust-MPESpeakerListenerContinuous-v0"])
def test_returns_do_not_depend_on_what_else_is_evaluated(id: str) -> None:
    policy = train("ippo", task=registry.task(id))
    noisy = "observation:gauss:0.1"
    alone = evaluate(policy, id, disruptions=[noisy], episodes=4)
    beside = evaluate(policy, id, disruptions=["none", "action:delay:2", noisy], episodes=4)
    assert alone.results[0].returns == beside.results[2].returns


@pytest.mark.skipif(bool(registry.task("Robust-MaHopper3x1-v0").missing()), reason="needs MaMuJoCo")
def test_training_in_a_batch_gives_the_weights_of_separate_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    task = registry.task("Robust-MaHopper3x1-v0")
    arguments: dict[str, Any] = {"n_envs": 3, "train_disruption": "none | action:gauss:0.2 + dynamics:0.2"}
    together = train("ippo", 300, task=task, **arguments)
    monkeypatch.setattr("robust_gym.vector.simulator.is_batched", lambda task: False)
    assert same(together, train("ippo", 300, task=task, **arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gamma": 1.5}, "ippo: gamma must be between 0 and 1, got 1.5"),
        ({"minibatches": 0}, "ippo: minibatches must be at least 1, got 0"),
        ({"sharing": "some"}, "ippo: sharing must be auto, shared or separate, got 'some'"),
        ({"clip": 0.0}, "ippo: clip must be greater than 0, got 0.0"),
        ({"entropy": -1.0}, "ippo: entropy must be at least 0, got -1.0"),
        ({"entropi": 0.1}, "ippo has no argument 'entropi'.*Did you mean 'entropy'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create("ippo", arguments)


def test_agents_that_differ_cannot_share(games: None) -> None:
    with pytest.raises(ValueError, match="mappo: sharing must be separate or auto where agents' spaces differ"):
        train("mappo", sharing="shared")
    assert not train("mappo").actors.shared


def test_tasks_that_it_cannot_learn_are_refused() -> None:
    info = registry.algorithm("mappo")
    assert "multi-agent" in str(info.refuses(registry.task("Robust-CartPole-v0")))
    assert "compete" in str(info.refuses(registry.task("Robust-MPETag-v0")))
    assert info.refuses(registry.task("Robust-MPESpread-v0")) is None
    assert info.refuses(registry.task("Robust-MPESpreadContinuous-v0")) is None
