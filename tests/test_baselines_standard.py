"""The standard algorithms of Stable-Baselines3 and sb3-contrib, and domain randomisation around them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from baseline_help import global_state
from solo_games import BOX, IMAGE, PLAIN, Echo, echoes, mean_reward
from test_baselines_checkpoints import Always, Keeper, StoppedError, gone_on, stopped, train
from torch import nn

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.checkpoints import pack, unpack
from robust_gym.baselines.crossq import folded
from robust_gym.baselines.single import layers
from robust_gym.baselines.single.tuned import tuned
from robust_gym.bench.plan import Request, make_plan
from robust_gym.task import Budget, Task

__all__ = ["echoes"]

OFF_POLICY: dict[str, Any] = {"layers": (16,), "learning_rate": 1e-2, "batch_size": 32, "gamma": 0.5}
ON_POLICY: dict[str, Any] = {"layers": (16,), "learning_rate": 1e-2, "n_envs": 2, "gamma": 0.5}
NOISY = {**OFF_POLICY, "action_noise": 0.3, "learning_starts": 0.2}
SMALL: dict[str, dict[str, Any]] = {
    "td3": NOISY,
    "ddpg": NOISY,
    "tqc": {**OFF_POLICY, "n_quantiles": 5},
    "crossq": {**OFF_POLICY, "critic_layers": (16,)},
    "dqn": {**OFF_POLICY, "train_freq": 1, "gradient_steps": 1},
    "a2c": ON_POLICY,
    "trpo": {**ON_POLICY, "n_steps": 64},
    "recurrent-ppo": {**ON_POLICY, "lstm_hidden_size": 16, "n_envs": 8, "n_steps": 16},
}
NAMES = list(SMALL)
PENDULUM = "Robust-Pendulum-v0"


class Recall(gym.Env[Any, Any]):
    """The action that pays is the one shown some steps ago.

    Args:
        lag: How many steps; 0 for the one that is shown.
    """

    observation_space = gym.spaces.Box(0, 1, (3,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, lag: int) -> None:
        self.lag = lag

    def _show(self) -> np.ndarray:
        self.shown.append(int(self.np_random.integers(3)))
        return np.eye(3, dtype=np.float32)[self.shown[-1]]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.shown = [0] * self.lag
        return self._show(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        reward = float(action == self.shown[-1 - self.lag])
        return self._show(), reward, False, False, {}


def recalled(**kwargs: Any) -> Recall:
    return Recall(**kwargs)


def nobody(env: Any, task: Task) -> None:
    """No dynamics."""


def _recall(lag: int) -> Task:
    where = "test_baselines_standard"
    return Task(
        f"Recall{lag}-v0", "recall", "Do what was shown.", f"{where}:recalled", f"{where}:nobody", 10,
        action="discrete", kwargs={"lag": lag},
    )  # fmt: skip


SHOWN, BEFORE = map(_recall, (0, 1))


@pytest.fixture
def games(echoes: None) -> Iterator[None]:
    """The games, registered for the time of a test."""
    for task in (SHOWN, BEFORE):
        registry.register_task(task)
    yield
    for task in (SHOWN, BEFORE):
        del registry._tasks[task.id]
        gym.registry.pop(task.id, None)


def learn(name: str, task: Task, steps: int, seed: int = 0, **arguments: Any) -> Any:
    algorithm: Any = create(name, {**SMALL.get(name, {}), **arguments})
    return algorithm.train(task, Budget("test", steps, 1), seed, lambda step: None)


def fitting(name: str) -> Task:
    """Return a game that an algorithm can play."""
    return PLAIN if registry.algorithm(name).refuses(PLAIN) is None else SHOWN


def seen_in(task: Task, rows: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    shape = (3,) if task is SHOWN else Echo(**task.kwargs).observation_space.shape
    return rng.normal(100 if task is BOX else 0, 50 if task is BOX else 3, (rows, *shape)).astype(np.float32)


def right_share(policy: Any, lag: int, steps: int = 200) -> float:
    env = Recall(lag)
    seen, _ = env.reset(seed=7)
    state, start, total = None, np.ones(1, bool), 0.0
    for _ in range(steps):
        actions, state = policy.act(seen[None], state, start)
        start = np.zeros(1, bool)
        seen, reward, *_ = env.step(actions[0])
        total += reward
    return total / steps


@pytest.mark.parametrize(("name", "least"), [("td3", -0.5), ("ddpg", -0.5), ("tqc", -0.5), ("crossq", -0.9)])
def test_learns_to_do_the_number_that_is_shown(games: None, name: str, least: float) -> None:
    assert mean_reward(learn(name, PLAIN, 500), PLAIN) > least  # -1.5 for a policy that ignores it


@pytest.mark.parametrize(("name", "steps"), [("dqn", 600), ("a2c", 1500), ("trpo", 1500)])
def test_learns_to_choose_what_is_shown(games: None, name: str, steps: int) -> None:
    assert right_share(learn(name, SHOWN, steps), 0) > 0.95  # 1/3 for a policy that ignores it


@pytest.mark.parametrize("name", ["a2c", "trpo"])
def test_learns_with_a_normaliser(games: None, name: str) -> None:
    extra = {"n_envs": 4} if name == "a2c" else {}
    assert mean_reward(learn(name, BOX, 3000, normalise=True, **extra), BOX) > -0.7


def test_an_lstm_remembers(games: None) -> None:
    assert right_share(learn("recurrent-ppo", BEFORE, 2000), 1) > 0.95
    # Nothing else tells what was shown before.
    assert right_share(learn("ppo", BEFORE, 2000, **{**ON_POLICY, "n_envs": 8, "n_steps": 16}), 1) < 0.5


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
    ("name", "task", "arguments"),
    [(name, PLAIN, {}) for name in NAMES if name != "dqn"]
    + [(name, PLAIN, {"use_sde": True}) for name in ("a2c", "trpo", "recurrent-ppo", "tqc", "crossq")]
    + [(name, SHOWN, {}) for name in ("dqn", "a2c", "trpo", "recurrent-ppo")]
    + [(name, BOX, {"normalise": True}) for name in ("a2c", "trpo", "recurrent-ppo")],
)
def test_policy_equals_the_model_it_came_from(
    games: None,
    name: str,
    task: Task,
    arguments: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models: list[Any] = []
    algorithm = type(create(name, {}))
    take_out = algorithm.policy
    monkeypatch.setattr(algorithm, "policy", lambda self, task, model, envs: (
        models.append(model), take_out(self, task, model, envs))[1])  # fmt: skip
    policy = learn(name, task, 200, **arguments)
    (model,) = models
    assert model.use_sde == ("use_sde" in arguments)
    seen = seen_in(task)
    envs = model.get_vec_normalize_env()
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    state = again = single = theirs = None
    for step in range(3):
        # Some rows begin a new episode.
        start = np.ones(64, bool) if step == 0 else np.arange(64) % 5 == 0
        model.policy.set_training_mode(False)
        rows = (seen + step).astype(np.float32)
        if envs is not None:
            rows[:, 1] = envs.obs_rms.mean[1]  # it never changes, so our policy ignores it
        expected, theirs = model.predict(envs.normalize_obs(rows) if envs else rows, theirs, start, True)
        actions, state = policy.act(rows, state, start)
        np.testing.assert_allclose(actions, expected, atol=1e-5 if task is PLAIN else 1e-4)
        repeated, again = loaded.act(rows, again, start)
        np.testing.assert_array_equal(repeated, actions)
        one, single = loaded.act(rows[:1], single, start[:1])
        np.testing.assert_allclose(one, actions[:1], atol=1e-5)
    assert len(np.unique(actions)) > 1


@pytest.mark.parametrize("name", ["dqn", "a2c", "recurrent-ppo"])
def test_images(games: None, name: str, tmp_path: Path) -> None:
    extra = {"buffer_size": 50} if name == "dqn" else {"n_envs": 2, "n_steps": 8}
    policy = learn(name, IMAGE, 60, **extra)
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    state = again = None
    start = np.ones(3, bool)
    for seed in range(3):
        images = np.random.default_rng(seed).integers(256, size=(3, 80, 74, 3)).astype(np.uint8)
        one, state = policy.act(images, state, start)
        two, again = loaded.act(images, again, start)
        np.testing.assert_array_equal(one, two)
        start = np.array([False, True, False])


def test_batch_renormalisation_becomes_part_of_linear_layers() -> None:
    from sb3_contrib.common.torch_layers import BatchRenorm1d

    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(BatchRenorm1d(5), nn.Linear(5, 7), nn.ReLU(), BatchRenorm1d(7), nn.Linear(7, 2)).eval()
    for module in network:
        if isinstance(module, BatchRenorm1d):
            for name in ("scale", "bias", "ra_mean", "ra_var"):
                values = torch.rand(module.num_features, generator=generator)
                getattr(module, name).data.copy_(values)
    plain = nn.Sequential(*folded(network))
    assert [type(layer) for layer in plain] == [nn.Linear, nn.ReLU, nn.Linear]
    rows = torch.randn(50, 5, generator=generator)
    torch.testing.assert_close(plain(rows), network(rows), rtol=1e-5, atol=1e-6)


def test_an_averaged_layer_returns_the_mean() -> None:
    layer, rows = nn.Linear(4, 25), torch.randn(10, 4)
    torch.testing.assert_close(layers.averaged(layer)(rows)[:, 0], layer(rows).mean(1))


@pytest.mark.parametrize("name", ["td3", "ddpg", "tqc", "crossq"])
def test_the_critic_that_is_kept_is_one_of_the_model(games: None, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models: list[Any] = []
    algorithm = type(create(name, {}))
    critic = algorithm.critic
    monkeypatch.setattr(algorithm, "critic", lambda self, model: (models.append(model), critic(self, model))[1])
    policy = learn(name, PLAIN, 200)
    (model,) = models
    rows = torch.from_numpy(seen_in(PLAIN))
    actions = torch.linspace(-2, 6, 64)[:, None]
    model.policy.set_training_mode(False)
    with torch.no_grad():
        scaled = torch.from_numpy(model.policy.scale_action(actions.numpy()))
        expected = model.critic(rows, scaled)
        first = expected[:, 0].mean(-1) if name == "tqc" else expected[0][:, 0]
        torch.testing.assert_close(policy.worth(rows, actions), first, rtol=1e-4, atol=1e-4)


def test_what_keeps_no_critic_says_so(games: None) -> None:
    policy = learn("dqn", SHOWN, 100)
    assert policy.response(torch.zeros(2, 3)).shape == (2, 3)
    with pytest.raises(TypeError, match="saved without a critic"):
        policy.worth(torch.zeros(2, 3))
    assert not hasattr(learn("recurrent-ppo", SHOWN, 100), "response")


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


@pytest.mark.parametrize("name", ["ppo", "sac", "td3"])
def test_domain_randomisation_is_the_base_on_drawn_dynamics(name: str) -> None:
    info, task = registry.algorithm(f"dr-{name}"), registry.task(PENDULUM)
    assert (info.train, info.privileges, info.compare) == ("disrupted", ("parameter-box",), (name,))
    few = {"layers": (16,), "batch_size": 32}

    def weights(algorithm: str, **arguments: Any) -> list[torch.Tensor]:
        policy = create(algorithm, {**few, **arguments}).train(task, Budget("test", 250, 1), 0, lambda step: None)
        return list(policy.network.state_dict().values())  # type: ignore[attr-defined]

    drawn = weights(f"dr-{name}")
    assert all(map(torch.equal, drawn, weights(name, train_disruption="dynamics:random:0.3")))
    assert not all(map(torch.equal, drawn, weights(name)))
    drop = ("train_disruption",)
    ours, theirs = (dataclasses.asdict(create(one)) for one in (f"dr-{name}", name))  # type: ignore[call-overload]
    assert {k: v for k, v in ours.items() if k not in drop} == {k: v for k, v in theirs.items() if k not in drop}


def test_domain_randomisation_needs_dynamics(games: None) -> None:
    line = (
        "dr-sac trains under 'dynamics:random', which Echo-Box-v0 cannot honour: it has no dynamics parameter to draw"
    )
    assert registry.algorithm("dr-sac").refuses(BOX) == line
    assert registry.algorithm("sac").refuses(BOX) is None
    with pytest.raises(ValueError, match=line):
        make_plan(Request(("dr-sac",), (BOX.id,)))
    found = make_plan(Request(("dr-sac",), ("echo", PENDULUM), seeds=(0,), compare=False))
    assert [cell.task for cell in found.cells] == [PENDULUM]
    assert f"skipped: {line}" in found.notes


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
        ("crossq", {"ent_coef": "much"}, "crossq: ent_coef must be a number or 'auto', got 'much'"),
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
