"""Training of VDN and its robust forms, and the policies that come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from baseline_help import global_state
from team_games import MEMORY, SIGNALS, Signals, games, memory, returns

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.marl.copies import SeparateCopies
from robust_gym.baselines.marl.policy import TeamPolicy
from robust_gym.baselines.marl.replay import Replay
from robust_gym.baselines.marl.trainer import Trainer
from robust_gym.evaluate import evaluate
from robust_gym.task import Budget

__all__ = ["games"]

ALGORITHMS = (
    "vdn",
    "robust-vdn",
    "robust-vdn-tv",
    "iql",
    "qmix",
    "robust-qmix",
    "robust-qmix-tv",
    "qtran",
    "robust-qtran",
    "robust-qtran-tv",
)
# The best that one can do per step is 1 for each of two agents; at random 1/3 + 1/2.
BEST, AT_RANDOM = 2.0, 5 / 6


def train(name: str, steps: int = 300, seed: int = 0, task: Any = SIGNALS, **arguments: Any) -> TeamPolicy:
    arguments = {"hidden": 16, "replay_size": 1000, "batch_size": 32, **arguments}
    return create(name, arguments).train(task, Budget("test", steps, 1), seed, lambda step: None)


def weights(policy: TeamPolicy) -> dict[str, torch.Tensor]:
    return policy.networks.state_dict()


def same(one: TeamPolicy, other: TeamPolicy) -> bool:
    pairs = zip(weights(one).values(), weights(other).values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


# The sum of QTRAN's values follows its joint value, and so learns later than the others.
LEARNERS = [
    pytest.param(name, 2500 if "qtran" in name else 1500, marks=[pytest.mark.slow] if "qtran" in name else [])
    for name in ALGORITHMS
]


@pytest.mark.parametrize(("name", "steps"), LEARNERS)
def test_learns_the_signals(games: None, name: str, steps: int) -> None:
    arguments = {"rho": 0.1} if name.startswith("robust") else {}
    policy = train(name, steps=steps, gamma=0.5, learning_rate=5e-3, target_updates=20, **arguments)
    assert returns(policy, Signals()) > 0.95 * BEST * 5


@pytest.mark.slow
def test_lstm_remembers_what_mlp_cannot(games: None) -> None:
    # Nothing pays at the first two of six steps, so that 8 is the best.
    common = {"task": MEMORY, "steps": 3000, "gamma": 0.0, "learning_rate": 5e-3, "history": 4}
    assert returns(train("vdn", network="lstm", **common), memory()) > 0.9 * 4 * BEST
    assert returns(train("vdn", network="mlp", **common), memory()) < 0.7 * 4 * BEST


@pytest.mark.parametrize("network", ["lstm", "mlp"])
def test_contamination_is_vdn_with_a_smaller_discount(games: None, network: str) -> None:
    robust = train("robust-vdn", network=network, gamma=0.9, rho=0.3)
    control = train("vdn", network=network, gamma=0.9 * (1 - 0.3))
    assert same(robust, control)
    assert not same(robust, train("vdn", network=network, gamma=0.9))
    assert not same(robust, train("robust-vdn", network=network, gamma=0.9, rho=0.3, worst_value=-1.0))


def test_worst_value_is_scaled_with_the_rewards() -> None:
    arguments = {"rho": 0.5, "gamma": 0.8, "worst_value": -4.0, "reward_scale": 2.0, "hidden": 8, "replay_size": 200}
    trainer = Trainer(create("robust-vdn", arguments), SeparateCopies([Signals()]), 100, 0)  # type: ignore[arg-type]
    trainer.run(lambda step: None)
    assert trainer.learner.backup.constant == pytest.approx(0.8 * 0.5 * -2.0)  # type: ignore[attr-defined]


def test_a_reward_scale_of_0_is_the_size_of_the_first_rewards(games: None) -> None:
    sizes: list[float] = []

    class Watched(Replay):
        def reward_size(self) -> float:
            sizes.append(super().reward_size())
            rewards = [self._rewards[slot] for slot in np.flatnonzero(self.valid)]
            assert sizes[-1] == pytest.approx(np.sqrt(np.mean(np.square(rewards))))
            return sizes[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("robust_gym.baselines.marl.trainer.Replay", Watched)
        automatic = train("qmix")
    assert len(sizes) == 1 and sizes[0] not in (0, 1)
    assert same(automatic, train("qmix", reward_scale=sizes[0]))
    assert not same(automatic, train("qmix", reward_scale=1.0))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_same_seed_same_weights_and_nothing_global_moves(games: None, name: str) -> None:
    torch.manual_seed(5)
    before = global_state()
    one = train(name, seed=3, steps=150)
    assert global_state() == before
    torch.manual_seed(6)
    assert same(one, train(name, seed=3, steps=150))
    assert not same(one, train(name, seed=4, steps=150))


def test_training_disruptions_change_training(games: None) -> None:
    plain = train("vdn")
    noisy = train("vdn", train_disruption="observation:gauss:0.5")
    mixed = train("vdn", train_disruption="none | observation:gauss:0.5")
    assert not same(plain, noisy) and not same(plain, mixed) and not same(noisy, mixed)


def test_optimisers_differ(games: None) -> None:
    assert not same(train("vdn"), train("vdn", optimiser="adam"))


@pytest.mark.parametrize("steps", [66, 333])
def test_progress_ends_with_the_budget(games: None, steps: int) -> None:
    reported: list[int] = []
    create("vdn", {"hidden": 8}).train(SIGNALS, Budget("test", steps, 1), 0, reported.append)
    assert reported[-1] == steps and reported == sorted(reported)


@pytest.mark.parametrize("network", ["lstm", "mlp"])
def test_saved_policy_acts_the_same(games: None, network: str, tmp_path: Path) -> None:
    policy = train("robust-vdn", network=network)
    policy.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.json", "policy.safetensors"]
    loaded = load_policy(tmp_path)
    assert isinstance(loaded, TeamPolicy) and same(policy, loaded)
    assert loaded.algorithm == "robust-vdn" and loaded.networks.team == policy.networks.team
    assert returns(loaded, Signals()) == returns(policy, Signals())


def test_damaged_policies_are_refused(games: None, tmp_path: Path) -> None:
    train("vdn", steps=40).save(tmp_path)
    text = (tmp_path / "policy.json").read_text()
    for wrong in ('"hidden": 99', '"network": "gru"'):
        key = wrong.split(":")[0]
        changed = "\n".join(wrong + "," if line.strip().startswith(key) else line for line in text.splitlines())
        (tmp_path / "policy.json").write_text(changed)
        with pytest.raises(ValueError, match="unknown agent network|does not describe a team's networks"):
            load_policy(tmp_path)


@pytest.mark.parametrize("network", ["lstm", "mlp"])
def test_rows_of_a_batch_are_episodes_of_their_own(games: None, network: str) -> None:
    policy = train("vdn", network=network, history=3)
    rng = np.random.default_rng(0)
    rows, steps = 8, 7
    seen = {
        agent: 500 + 100 * rng.normal(size=(steps, rows, size)).astype(np.float32)
        for agent, size in Signals.sizes.items()
    }
    starts = rng.random((steps, rows)) < 0.3
    starts[0] = True
    together, alone = [], []
    state = None
    for t in range(steps):
        actions, state = policy.act({agent: many[t] for agent, many in seen.items()}, state, starts[t])
        together.append(np.stack(list(actions.values())))
    for row in range(rows):
        state = None
        for t in range(steps):
            if starts[t, row]:
                state = None  # a memory cleared by hand is one cleared by episode_start
            one = {agent: many[t, row : row + 1] for agent, many in seen.items()}
            actions, state = policy.act(one, state, starts[t, row : row + 1])
            alone.append(np.concatenate(list(actions.values())))
    np.testing.assert_array_equal(np.stack(together).transpose(2, 0, 1).reshape(rows * steps, 2), np.stack(alone))


def test_acting_reads_the_windows_that_were_learnt_from(games: None) -> None:
    from robust_gym.baselines.marl.copies import SeparateCopies
    from robust_gym.baselines.marl.trainer import Trainer

    game = Signals()
    arguments = {"network": "lstm", "hidden": 8, "history": 3}
    trainer = Trainer(create("vdn", arguments), SeparateCopies([game]), 200, 0)  # type: ignore[arg-type]
    policy = TeamPolicy(trainer.networks, "vdn", SIGNALS)
    chosen: list[np.ndarray] = []

    def greedy(slots: np.ndarray) -> np.ndarray:
        chosen.append(trainer.learner.greedy(slots)[0])
        return chosen[-1][None]

    for _ in range(5):
        trainer.collector.step(0.0, greedy)
    env = Signals()
    seen, _ = env.reset(seed=game.seeds[-1])
    state, start = None, np.ones(1, bool)
    for expected in chosen:
        actions, state = policy.act({agent: one[None] for agent, one in seen.items()}, state, start)
        start = np.zeros(1, bool)
        assert [int(one[0]) for one in actions.values()] == expected.tolist()
        seen, *_ = env.step({agent: int(one[0]) for agent, one in actions.items()})


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("vdn", {"gamma": 1.5}, "vdn: gamma must be between 0 and 1, got 1.5"),
        ("vdn", {"hidden": 0}, "vdn: hidden must be at least 1, got 0"),
        ("vdn", {"network": "gru"}, "vdn: network must be lstm or mlp, got 'gru'"),
        ("vdn", {"optimiser": "sgd"}, "vdn: optimiser must be rmsprop or adam, got 'sgd'"),
        ("vdn", {"learning_rate": 0.0}, "vdn: learning_rate must be a finite number greater than 0, got 0.0"),
        ("robust-vdn", {"rho": 2.0}, "robust-vdn: rho must be between 0 and 1, got 2.0"),
        ("robust-vdn-tv", {"dual_objective": "l2"}, "robust-vdn-tv: dual_objective must be exact or squared, got 'l2'"),
        ("robust-vdn", {"rhoo": 0.1}, "robust-vdn has no argument 'rhoo'.*Did you mean 'rho'"),
    ],
)
def test_wrong_arguments_are_named(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(name, arguments)


@pytest.mark.parametrize(("steps", "arguments"), [(32, {}), (33, {"update_every": 2}), (300, {"learning_starts": 1.0})])
def test_a_run_that_would_learn_nothing_is_refused(games: None, steps: int, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"vdn would learn nothing in {steps} steps: its first update comes after"):
        train("vdn", steps=steps, **arguments)
    fewest = train("vdn", steps=34, batch_size=32, update_every=2)
    assert not same(fewest, train("vdn", steps=34, batch_size=32, update_every=2, learning_rate=0.1))


def test_single_agent_tasks_are_refused() -> None:
    info = registry.algorithm("robust-vdn")
    assert "multi-agent" in str(info.refuses(registry.task("Robust-CartPole-v0")))
    assert info.refuses(registry.task("Robust-MPESpread-v0")) is None
    assert info.compare == ("vdn",)


@pytest.mark.parametrize("network", ["lstm", "mlp"])
def test_returns_do_not_depend_on_what_else_is_evaluated(network: str) -> None:
    task = registry.task("Robust-MPESpread-v0")
    policy = create("vdn", {"network": network, "hidden": 16}).train(task, Budget("test", 100, 1), 0, lambda step: None)
    noisy = "observation:gauss:0.1"
    alone = evaluate(policy, task.id, disruptions=[noisy], episodes=4)
    beside = evaluate(policy, task.id, disruptions=["none", "action:delay:2", noisy], episodes=4)
    assert alone.results[0].returns == beside.results[2].returns
