"""RARL and ATLA-PPO: a protagonist and an adversary that learn by PPO in turns."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from baseline_help import global_state, registered
from solo_games import BOX, DISCRETE, PLAIN, Echo, echoes

pytest.importorskip("stable_baselines3")

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.checkpoints import Checkpoints
from robust_gym.baselines.single import sb3
from robust_gym.baselines.single.alternating import Alternating
from robust_gym.baselines.single.alternating_play import Forces, Game, Perturbation
from robust_gym.task import Budget, DynamicsParameter, Task

__all__ = ["echoes"]

SMALL: dict[str, Any] = {"n_steps": 64, "n_envs": 2, "layers": (16,), "learning_rate": 1e-2, "gamma": 0.5}
PUSH = 2.0


class Pushed(Echo):
    """The box game, in which a force on the hand adds to the action."""

    push = 0.0

    def step(self, action: Any) -> Any:
        """Act, and be pushed."""
        return super().step(action + self.push)


class Hand:
    """Pushes the hand."""

    def __init__(self, env: Any, task: Task) -> None:
        self._env = env

    def configure(self, values: Any) -> None:
        """Do nothing: a push begins after the reset."""

    def apply(self, values: Any) -> None:
        """Push."""
        self._env.push = values["push"]


def pushed(**kwargs: Any) -> Pushed:
    """Make the game."""
    return Pushed(**kwargs)


PUSHED = dataclasses.replace(
    PLAIN,
    id="Echo-Pushed-v0",
    base="test_baselines_alternating:pushed",
    adapter="test_baselines_alternating:Hand",
    dynamics={"push": DynamicsParameter("push", "a push", "N", 0.0, -PUSH, PUSH, mode="set", drawn=False)},
)
CASES = [("rarl", PUSHED, {"force": 0.3}), ("atla-ppo", PLAIN, {"eps": 0.1})]


@pytest.fixture(autouse=True)
def games(echoes: None) -> Iterator[None]:
    """All games, registered for the time of a test."""
    with registered(PUSHED):
        yield


def train(name: str, task: Task, steps: int = 600, seed: int = 0, **arguments: Any) -> Any:
    return create(name, {**SMALL, **arguments}).train(task, Budget("test", steps, 1), seed, lambda step: None)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models that have been trained."""
    kept: list[Any] = []
    policy = Alternating.policy
    monkeypatch.setattr(Alternating, "policy", lambda *a: (kept.append(a[2]), policy(*a))[1])
    return kept


def mean_reward(model: Any, task: Task, moves: Callable[[np.ndarray], np.ndarray] | None = None) -> float:
    """Return the protagonist's reward per step under the adversary's best moves, or under others."""
    envs = sb3.training_envs(task, "none", 8, np.random.SeedSequence(7), normalise=False, gamma=0.5)
    game = model.env.game
    if isinstance(game.meddling, Forces):
        meddling: Any = Forces(envs, task, game.meddling._newtons)
    else:
        meddling = Perturbation(envs, task, game.meddling._eps, 0.0)
    duel, total = Game(envs, meddling), 0.0
    duel.protagonist, duel.adversary = model, game.adversary
    with contextlib.closing(envs):
        for _ in range(50):
            now = duel.now
            move = game.adversary.predict(now, deterministic=True)[0] if moves is None else moves(now)
            actions = model.predict(duel.seen(now, move), deterministic=True)[0]
            total += float(duel.step(actions, move)[1].mean())
    return total / 50


# What every algorithm does


@pytest.mark.parametrize(("name", "task", "arguments"), CASES)
def test_learns_to_do_what_is_shown(name: str, task: Task, arguments: dict[str, Any], models: list[Any]) -> None:
    train(name, task, 3000, **arguments)
    # A policy that ignores the observation gets -1.5.
    assert mean_reward(models[0], task, lambda now: np.zeros((8, 1))) > -0.5


@pytest.mark.parametrize(("name", "task", "arguments"), CASES)
def test_same_seed_same_weights_and_nothing_global_moves(name: str, task: Task, arguments: dict[str, Any]) -> None:
    torch.manual_seed(1)
    before = global_state()
    one = train(name, task, 300, 3, normalise=True, **arguments)
    assert global_state() == before
    torch.manual_seed(2)
    again, other = (train(name, task, 300, seed, normalise=True, **arguments) for seed in (3, 4))
    first, second, third = (list(policy.network.state_dict().values()) for policy in (one, again, other))
    assert all(map(torch.equal, first, second))
    assert not all(map(torch.equal, first, third))


@pytest.mark.parametrize(("name", "task", "arguments"), CASES)
def test_both_explore_by_states_where_one_does(
    name: str, task: Task, arguments: dict[str, Any], models: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise: dict[str, set[bytes]] = {"moves": set(), "actions": set()}

    def noticed(game: Game, model: Any, observations: np.ndarray) -> np.ndarray:
        found = answer(game, model, observations)
        kind = "actions" if model is game.protagonist else "moves"
        noise[kind].add(model.policy.action_dist.exploration_mat.detach().numpy().tobytes())
        return found

    answer = Game._answer
    monkeypatch.setattr(Game, "_answer", noticed)
    train(name, task, 512, use_sde=True, sde_sample_freq=8, log_std_init=0.0, **arguments)
    adversary = models[0].env.game.adversary
    assert (adversary.use_sde, adversary.sde_sample_freq) == (True, 8)
    # Each is drawn anew every eight steps of the rollouts in which the other learns, of 21 steps in this budget or so.
    assert min(map(len, noise.values())) >= 6


@pytest.mark.parametrize(("name", "task", "arguments"), CASES)
def test_saved_policy_acts_the_same_row_by_row(
    name: str, task: Task, arguments: dict[str, Any], tmp_path: Path
) -> None:
    policy = train(name, task, 300, normalise=True, **arguments)
    policy.save(tmp_path / "policy")
    loaded: Any = load_policy(str(tmp_path))  # as the folder of a cell
    seen = np.random.default_rng(0).uniform(-1, 5, (16, 1))
    actions = policy.act(seen, None, np.ones(16, bool))[0]
    assert np.array_equal(actions, loaded.act(seen, None, np.ones(16, bool))[0])
    single = [policy.act(row[None], None, np.ones(1, bool))[0][0] for row in seen]
    assert actions == pytest.approx(np.array(single), abs=1e-6)
    assert len(np.unique(actions)) > 1
    rows = torch.from_numpy(seen).float()
    assert loaded.critic.of == "state"
    assert torch.equal(policy.worth(rows), loaded.worth(rows))


@pytest.mark.parametrize(("name", "task", "arguments"), CASES)
@pytest.mark.parametrize("turns", [(1, 1), (2, 3)])
def test_both_players_share_the_budget(
    name: str, task: Task, arguments: dict[str, Any], turns: tuple[int, int], models: list[Any]
) -> None:
    reported: list[int] = []
    given = {**SMALL, **arguments, "protagonist_turn": turns[0], "adversary_turn": turns[1]}
    create(name, given).train(task, Budget("test", 1000, 1), 0, reported.append)
    assert reported == sorted(reported)
    # Rollouts of 40 steps: 25, of which the protagonist has the first of each round.
    assert reported[-1] == models[0].num_timesteps == 1000
    mine = sum(rollout % sum(turns) < turns[0] for rollout in range(25))
    assert models[0]._n_updates == 10 * mine
    assert models[0].env.game.adversary._n_updates == 10 * (25 - mine)


@pytest.mark.parametrize(("name", "task", "arguments"), CASES)
def test_goes_on_from_a_checkpoint(
    name: str, task: Task, arguments: dict[str, Any], models: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[Any] = []

    def keep(steps: int, files: Any) -> None:
        left.append((steps, files))
        if steps >= 480:
            raise KeyboardInterrupt

    algorithm: Any = create(name, {**SMALL, **arguments})
    with pytest.raises(KeyboardInterrupt):
        algorithm.train(task, Budget("test", 1000, 1), 0, lambda step: None, Checkpoints(keep, seconds=0))
    steps, files = left[-1]
    assert steps % 80 == 0  # whole rounds
    restored: list[int] = []
    turn = Alternating.learns

    def look(self: Alternating, rollout: int) -> bool:
        restored.append(rollout)
        return turn(self, rollout)

    monkeypatch.setattr(Alternating, "learns", look)
    algorithm.train(task, Budget("test", 1000, 1), 0, lambda step: None, Checkpoints(keep=lambda *a: None, last=files))
    assert models[-1].num_timesteps == 1000
    assert restored[0] == steps // 40 + 1
    adversary = models[-1].env.game.adversary
    updates = adversary.policy.optimizer.state_dict()["state"][0]["step"]
    assert int(updates) == 10 * 12  # in all its turns, those before the checkpoint too


# ATLA


def harm(model: Any, task: Task, turns: int) -> tuple[float, float, float]:
    """Return what a protagonist earns undisturbed, under noise, and under the adversary after turns of its own."""
    for _ in range(turns):
        model.env.game.adversary.turn(1.0)
    noise = np.random.default_rng(0)
    nothing = mean_reward(model, task, lambda now: np.zeros((8, 1)))
    return nothing, mean_reward(model, task, lambda now: noise.uniform(-1, 1, (8, 1))), mean_reward(model, task)


def test_the_adversary_s_turns_harm_more_than_noise_of_its_size(models: list[Any]) -> None:
    rates = {"adversary_learning_rate": 1e-2, "adversary_critic_rate": 1e-2}
    train("atla-ppo", PLAIN, 3000, eps=0.6, warmup=0.0, **rates)
    nothing, noise, learned = harm(models[0], PLAIN, 20)
    # Of the number shown, uniform noise hides 0.3 on average, and the worst move 0.6.
    assert learned < noise - 0.25
    assert noise < nothing - 0.05


def test_the_adversary_has_step_sizes_of_its_own_which_fall(models: list[Any]) -> None:
    found = {
        id: create("atla-ppo").rates(dataclasses.replace(PLAIN, id=id))  # type: ignore[attr-defined]
        for id in ("Robust-Hopper-v0", "Robust-Ant-v0", "Robust-Other-v0")
    }
    assert found == {
        "Robust-Hopper-v0": (3e-3, 3e-5),
        "Robust-Ant-v0": (3e-5, 1e-5),
        "Robust-Other-v0": (3e-3, 3e-4),
    }
    train("atla-ppo", PLAIN, 300, adversary_learning_rate=1e-2, adversary_critic_rate=1e-4)
    adversary = models[0].env.game.adversary
    adversary._current_progress_remaining = 0.5
    adversary._update_learning_rate(adversary.policy.optimizer)
    policy, critic = adversary.policy.optimizer.param_groups
    assert policy["lr"] == pytest.approx(5e-3)
    assert critic["lr"] == pytest.approx(5e-5)
    own = {id(weight) for weight in critic["params"]}
    named = {name for name, weight in adversary.policy.named_parameters() if id(weight) in own}
    assert named
    assert all("value_net" in name for name in named)
    assert len(policy["params"]) + len(named) == len(list(adversary.policy.parameters()))


@pytest.mark.parametrize("normalise", [True, False])
def test_what_the_agent_sees_is_in_the_ball(normalise: bool) -> None:
    task = dataclasses.replace(BOX, observation_scale=(10.0, 2.0))
    envs = sb3.training_envs(BOX, "none", 4, np.random.SeedSequence(0), normalise=normalise, gamma=0.9)
    perturbation = Perturbation(envs, task, 0.5, 0.4)
    true = np.asarray(envs.reset())
    moves = np.array([[1.0, -1.0], [0.0, 0.0], [0.5, 1.0], [-1.0, 0.2]], np.float32)
    for done, share in ((0.0, 0.0), (0.1, 0.25), (0.4, 1.0), (1.0, 1.0)):
        seen = perturbation.seen(true, moves, done)
        scale = np.ones(2) if normalise else np.array([10.0, 2.0])
        assert seen - true == pytest.approx(share * 0.5 * scale * moves, abs=1e-5)
        assert seen.dtype == true.dtype
    assert np.abs(perturbation.seen(np.full((4, 2), 9.9), moves + 9, 1.0)).max() == (10.0 if normalise else 59.9)


def test_what_the_agent_sees_is_in_the_observation_space() -> None:
    task = registry.task("Robust-Pendulum-v0")
    envs = sb3.training_envs(task, "none", 2, np.random.SeedSequence(0), normalise=True, gamma=0.9)
    perturbation = Perturbation(envs, task, 100.0, 0.0)
    seen = perturbation.seen(envs.reset(), np.array([[1.0, -1.0, 1.0]] * 2), 1.0)
    space: Any = envs.observation_space
    expected = np.array([[space.high[0], space.low[1], space.high[2]]])
    assert seen == pytest.approx(np.repeat(envs.normalize_obs(expected), 2, axis=0))
    envs.close()


def test_the_adversary_sees_the_truth_and_is_paid_the_opposite(models: list[Any]) -> None:
    train("atla-ppo", DISCRETE, 300, eps=3.0, normalise=True, train_disruption="reward:shift:1")
    protagonist = models[0].env
    game = protagonist.game
    seat = game.adversary.env
    true = np.asarray(seat.reset())
    assert np.array_equal(true, game.now)
    assert not np.allclose(protagonist.reset(), true)
    paid = []
    step = game.envs.step
    game.envs.step = lambda actions: (paid.append(found := step(actions)), found)[1]
    found, rewards, _, _ = seat.step(np.zeros((2, 3), np.float32))
    assert np.array_equal(found, paid[0][0])
    assert np.array_equal(rewards, -paid[0][1])


# RARL


def test_the_adversary_s_turns_with_forces_harm(models: list[Any]) -> None:
    train("rarl", PUSHED, 3000, force=1.0)
    nothing, noise, learned = harm(models[0], PUSHED, 20)
    assert learned < noise - 0.2
    assert learned < nothing - 0.3


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("id", ["Robust-Hopper-v0", "Robust-Ant-v0"])
def test_forces_act_on_the_robot_and_none_are_none(id: str, copies: int) -> None:
    task = registry.task(id)
    newtons = {one.name: 3.0 for one in task.forces}

    def walk(size: float | None) -> tuple[np.ndarray, list[np.ndarray]]:
        envs = sb3.training_envs(task, "none", copies, np.random.SeedSequence(1), normalise=True, gamma=0.99)
        forces = None if size is None else Forces(envs, task, newtons)
        inner = envs.unwrapped.get_attr("unwrapped")
        robots = [getattr(one, "envs", inner)[copy] for copy, one in enumerate(inner)]
        rng, seen, felt = np.random.default_rng(0), [np.asarray(envs.reset())], []
        for _ in range(60):  # beyond a fall
            moves = rng.choice([-1.0, 1.0], (copies, len(newtons)))
            actions = rng.uniform(-1, 1, (copies, *task_shape(envs)))
            if forces is not None and size is not None:
                forces.act(size * moves)
                felt.append(np.array([robot.data.xfrc_applied[:, :3] for robot in robots]))
                assert (np.sort(np.abs(felt[-1]).reshape(copies, -1))[:, -len(newtons) :] == 3 * size).all()
                assert np.abs(felt[-1]).sum() == pytest.approx(3 * size * copies * len(newtons))
            seen.append(envs.step(actions.astype(np.float32))[0])
        envs.close()
        return np.array(seen), felt

    plain, none, pushed = walk(None)[0], walk(0.0)[0], walk(1.0)[0]
    assert np.array_equal(plain, none)
    assert np.abs(pushed - plain).max() > 1e-3


def task_shape(envs: Any) -> tuple[int, ...]:
    """Return the shape of an action."""
    shape: tuple[int, ...] = envs.action_space.shape
    return shape


def test_the_default_forces_are_those_of_rrls_where_they_are_no_large_ones() -> None:
    algorithm: Any = create("rarl")
    largest = {
        id: {algorithm._newtons(one, registry.task(id)) for one in registry.task(id).forces}
        for id in ("Robust-Ant-v0", "Robust-HalfCheetah-v0", "Robust-Pusher-v0")
    }
    assert largest == {"Robust-Ant-v0": {3.0}, "Robust-HalfCheetah-v0": {3.0}, "Robust-Pusher-v0": {2.0}}


# What is refused


def test_tasks_without_the_adversary_s_means_are_refused() -> None:
    rarl, atla = registry.algorithm("rarl"), registry.algorithm("atla-ppo")
    reason = str(rarl.refuses(registry.task("Robust-CartPole-v0")))
    assert "'dynamics:forces', which Robust-CartPole-v0 cannot honour" in reason
    assert "no parameter that is an external force" in reason
    assert rarl.refuses(registry.task("Robust-Hopper-v0")) is None
    assert atla.refuses(registry.task("Robust-CartPole-v0")) is None
    assert "discrete" in str(atla.refuses(registry.task("Robust-FrozenLake-v0")))
    assert "box or dict" in str(rarl.refuses(registry.task("Robust-CarRacing-v0")))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("atla-ppo", {"eps": -0.1}, r"atla-ppo: eps must be a radius, 0 or more, got -0.1"),
        ("atla-ppo", {"warmup": 1.5}, r"warmup must be a share of the training, 0 to 1, got 1.5"),
        ("atla-ppo", {"adversary_critic_rate": 0.0}, r"adversary_critic_rate must be above 0, or none, got 0.0"),
        ("atla-ppo", {"adversary_turn": 0}, r"adversary_turn must be a number of rollouts, 1 or more, got 0"),
        ("rarl", {"force": -1.0}, r"rarl: force must be 0 or more newtons, got -1.0"),
        ("rarl", {"train_disruption": "dynamics:push:1"}, r"train_disruption must be of other channels than the dyn"),
        ("rarl", {"force": 2.5}, r"'push' of Echo-Pushed-v0 is at most 2 N, got force=2.5"),
    ],
)
def test_arguments_that_make_no_sense(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train(name, PUSHED, 100, **arguments)
