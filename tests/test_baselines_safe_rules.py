"""What every baseline must do, asked of the safe ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from baseline_help import global_state
from safe_help import BOX, NAMES, NUMBER, PARTS, SMALL, World, train, worlds

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.checkpoints import Checkpoints, Files, pack, unpack
from robust_gym.task import Budget, Task

__all__ = ["worlds"]


# What every baseline must do.


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("task", [BOX, NUMBER, PARTS], ids=lambda task: task.id)
def test_saved_policies_act_the_same_alone_and_in_a_batch(name: str, task: Task, tmp_path: Path) -> None:
    policy = train(name, task, 100, cost_limit=3.0)
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    shown = {
        "box": np.linspace(-1, 1, 5, dtype=np.float32)[:, None],
        "discrete": np.array([0, 1, 1, 0, 1]),
        "dict": {"a": np.linspace(-1, 1, 5, dtype=np.float32)[:, None]},
    }[task.observation]
    actions, _ = policy.act(shown, None, np.ones(5, bool))
    np.testing.assert_array_equal(loaded.act(shown, None, np.ones(5, bool))[0], actions)
    for row in range(5):
        one = {key: part[row : row + 1] for key, part in shown.items()} if isinstance(shown, dict) else shown[[row]]
        np.testing.assert_allclose(policy.act(one, None, np.ones(1, bool))[0][0], actions[row], rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_weights_and_nothing_global_moves(name: str) -> None:
    def trained(seed: int) -> list[torch.Tensor]:
        return list(train(name, BOX, 240, seed).network.state_dict().values())

    torch.manual_seed(1)
    before = global_state()
    one = trained(3)
    assert global_state() == before
    torch.manual_seed(2)
    assert all(map(torch.equal, one, trained(3)))
    assert not all(map(torch.equal, one, trained(4)))


@pytest.mark.parametrize("name", NAMES)
def test_goes_on_from_a_checkpoint(name: str) -> None:
    kept: list[Files] = []

    class Always(Checkpoints):
        def due(self) -> bool:
            return True

    def weights_of(checkpoints: Checkpoints | None, reported: list[int]) -> list[torch.Tensor]:
        policy = create(name, SMALL).train(BOX, Budget("test", 400, 1), 0, reported.append, checkpoints)
        return list(policy.network.state_dict().values())

    undisturbed = weights_of(None, [])
    keeping = Always(lambda steps, files: kept.append(files))
    assert all(map(torch.equal, undisturbed, weights_of(keeping, [])))
    last = unpack(kept[-1])
    learnt = {"policy", "policy.optimizer", "cost_critic", "cost_optimizer"}
    more = {"multiplier", "multiplier_optimizer"} if name == "ppo-lagrangian" else set()
    assert set(last["parts"]) == learnt | more
    again: list[Files] = []
    reported: list[int] = []
    weights_of(Always(lambda steps, files: again.append(files), kept[5]), reported)
    assert reported[0] == unpack(kept[5])["steps"] > 0
    first = unpack(again[0])
    for part in learnt | more:
        assert pack({"part": first["parts"][part]}) == pack({"part": unpack(kept[5])["parts"][part]})


@pytest.mark.parametrize("name", NAMES)
def test_the_budget_is_kept(name: str) -> None:
    for steps in (2, 10, 333):
        reported: list[int] = []
        create(name, SMALL).train(BOX, Budget("test", steps, 1), 0, reported.append)
        assert reported == sorted(reported) and 0.75 * steps < reported[-1] <= steps


def test_only_tasks_with_costs_are_trained_on() -> None:
    for name in NAMES:
        info = registry.algorithm(name)
        for id in ("Robust-SafetyHopperVelocity-v0", "Robust-SafetyPointGoal1-v0"):
            assert info.refuses(registry.task(id)) is None
        for id in ("Robust-CartPole-v0", "Robust-SafetyPointGoal0-v0"):
            assert info.refuses(registry.task(id)) == f"{name} learns from costs; {id} reports none"
            with pytest.raises(ValueError, match=f"{name} learns from costs; {id} reports none"):
                train(name, registry.task(id), 10)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("crpo", {"cost_limit": -1.0}, "crpo: cost_limit must be a number of at least 0, got -1.0"),
        ("crpo", {"cost_limit": float("nan")}, "crpo: cost_limit must be a number of at least 0, got nan"),
        ("crpo", {"tolerance": -0.5}, "crpo: tolerance must be a number of at least 0, got -0.5"),
        ("pcrpo", {"slack_above": -1}, "pcrpo: slack_above must be a number of at least 0, got -1"),
        ("pcrpo", {"slack_below": -1}, "pcrpo: slack_below must be a number of at least 0, got -1"),
        ("ppo-lagrangian", {"multiplier": 0.0}, "ppo-lagrangian: multiplier must be a number above 0, got 0.0"),
        ("ppo-lagrangian", {"multiplier_rate": -1}, "multiplier_rate must be a number of at least 0, got -1"),
    ],
)
def test_numbers_out_of_range_are_refused(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(name, arguments)


def test_a_task_without_a_limit_needs_one() -> None:
    with pytest.raises(ValueError, match=r"crpo: Costly-discrete-discrete-v0 has no cost limit of its own; give"):
        train("crpo", NUMBER, 100)


def test_steps_without_a_cost_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "step", lambda self, action: (self.shows(), 0.0, False, False, {}))
    with pytest.raises(ValueError, match=r"reports no info\['cost'\]"):
        train("crpo", BOX, 100)
