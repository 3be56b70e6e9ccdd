"""Every kind of disruption, from the table: effective, seeded, reset-aware, space-true, composable, batched."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

import robust_gym
from robust_gym import conformance, kinds, registry
from robust_gym.conformance.chains import Probe, check_forgets, check_rests, check_seed, check_values
from robust_gym.conformance.copies import check_copies
from robust_gym.conformance.rollout import Rollout, rollout
from robust_gym.disruption import SCHEDULES
from robust_gym.kinds import CHANNELS, Kind
from robust_gym.support import supported_kinds, unsupported
from robust_gym.vector.disruption import VectorDisruption
from robust_gym.wrappers.base import Signal
from robust_gym.wrappers.reward import RewardDisruption

KINDS = [kind for kind in kinds.kinds() if not kind.policy]
SIGNALS = [kind for kind in KINDS if kind.channel != "dynamics"]


def named(kind: Kind) -> str:
    return kind.full_name


def probes(kind: Kind) -> list[str]:
    return conformance.kind_tasks(named(kind))


def play(id: str, disruption: str, seed: int = 7, steps: int = 60, spaces: bool = True) -> Rollout:
    return rollout(robust_gym.make(id, disruption=disruption), seed, steps, check_spaces=spaces)


def test_there_are_at_least_fifty_kinds() -> None:
    assert len(KINDS) >= 50
    assert {kind.channel for kind in KINDS} == set(CHANNELS)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_every_kind_is_tried_on_a_task(kind: Kind) -> None:
    assert set(probes(kind)) & set(conformance.KIND_TASKS), "no probe supports it: add one"


@pytest.mark.parametrize("check", conformance.KIND_CHECKS)
@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_kind(kind: Kind, check: str) -> None:
    for id in probes(kind):
        conformance.KIND_CHECKS[check](named(kind), id)


def _unmet(kind: Kind, id: str) -> bool:
    """Return whether random actions on a probe give a kind nothing to change."""
    sparse = id in ("Robust-FrozenLake-v0", "Robust-FetchReach-v0")  # no reward, or always the same
    costless = kind.channel == "cost" and kind.name not in ("gauss", "laplace", "uniform", "shift", "flip")
    return costless or (kind.channel == "reward" and sparse)


def test_dummy_dimensions_are_there_and_zero_while_a_schedule_rests() -> None:
    for id in probes(kinds.kind_named("obs:dummy")):
        seen, raw = play(id, "obs:dummy@5~steps=1000..2000"), play(id, "none")
        assert all(np.array_equal(a[: len(b)], b) for a, b in zip(seen.observations, raw.observations, strict=True))
        assert all(len(a) > len(b) for a, b in zip(seen.observations, raw.observations, strict=True))
        assert not any(a[len(b) :].any() for a, b in zip(seen.observations, raw.observations, strict=True))


@pytest.mark.parametrize("schedule", [schedule.example for schedule in SCHEDULES.values()])
@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_every_kind_takes_every_schedule(kind: Kind, schedule: str) -> None:
    id = probes(kind)[0]
    steps = 10 if "CarRacing" in id else 40
    text = f"{named(kind)}@3~{schedule}"
    assert play(id, text, steps=steps) == play(id, text, steps=steps)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_kinds_compose_with_every_other_channel(kind: Kind) -> None:
    id = probes(kind)[0]
    task = registry.task(id)
    others = {
        channel: supported_kinds(task, channel)[0]
        for channel in CHANNELS
        if channel != kind.channel and supported_kinds(task, channel)
    }
    text = "+".join([f"{named(kind)}@2", *(f"{named(other)}@1" for other in others.values())])
    steps = 10 if "CarRacing" in id else 40
    whole = play(id, text, steps=steps)
    terms = text.split("+")
    for left_out in terms[1:] if _unmet(kind, id) else terms:
        rest = "+".join(term for term in terms if term != left_out) or "none"
        assert play(id, rest, steps=steps) != whole, f"{left_out} does nothing in {text}"
    # Twice the same kind: each has draws of its own, and both act.
    twice = play(id, f"{named(kind)}@2+{named(kind)}@3", steps=steps)
    # Two limits are the narrower one.
    for level in () if kind.name in ("deadzone", "saturate", "clip") or _unmet(kind, id) else (2, 3):
        assert play(id, f"{named(kind)}@{level}", steps=steps) != twice, f"@{level} alone does the same"


# --- copies ---------------------------------------------------------------------------------------------------------


def small(kind: Kind) -> Probe:
    """Return a signal of four dimensions, or a small image, whose runs are long enough for every block of draws."""
    sort = "discrete" if kind.spaces == ("discrete",) else kind.spaces[0]
    space: Any = {
        "box": spaces.Box(-1.0, 1.0, (4,), np.float32),
        "vector": spaces.Box(-np.inf, np.inf, (4,), np.float64),
        "discrete": spaces.Discrete(6),
        "image": spaces.Box(0, 255, (8, 10, 3), np.uint8),
    }[sort]
    if kind.channel in ("reward", "cost"):
        space = spaces.Box(-np.inf if kind.channel == "reward" else 0.0, np.inf, (), np.float64)
    null = 0 if sort == "discrete" else np.zeros(space.shape, space.dtype)
    heard, placed = (1, 2) if kind.messages else (), (0, 1) if kind.opponents else ()
    signal = Signal(space, np.full(space.shape, 0.5), null, agents=2, messages=heard, opponents=placed)
    return Probe(kind, signal, "agent_0" if kind.team else None)


@pytest.mark.parametrize("check", [check_seed, check_values, check_rests, check_forgets, check_copies])
@pytest.mark.parametrize("kind", SIGNALS, ids=named)
def test_small_signals(kind: Kind, check: Callable[[Probe], None]) -> None:
    check(small(kind))


@pytest.mark.parametrize(
    ("id", "disruption"),
    [
        ("Robust-Pendulum-v0", "action:gauss:0.2+action:delay:2+reward:gauss:0.3+obs:gauss:0.1+obs:freeze:0.1,5"),
        ("Robust-CartPole-v0", "action:sticky:0.4+reward:flip:0.2+obs:gauss:0.2~p=0.5+obs:dummy:2"),
        ("Robust-FetchReach-v0", "action:ou:0.2+obs:gauss:0.1+obs:jitter:3"),
    ],
)
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP], ids=lambda mode: mode.value)
def test_a_disturbed_vector_is_a_vector_of_disturbed_ones(id: str, disruption: str, mode: AutoresetMode) -> None:
    if registry.task(id).missing():
        pytest.skip("not installed")
    singles = gym.vector.SyncVectorEnv([lambda: robust_gym.make(id, disruption=disruption)] * 3, autoreset_mode=mode)
    plain = gym.vector.SyncVectorEnv([lambda: robust_gym.make(id)] * 3, autoreset_mode=mode)
    together = VectorDisruption(plain, disruption, task=id)
    assert together.observation_space == singles.observation_space
    rng = np.random.default_rng(0)
    first, second = singles.reset(seed=4)[0], together.reset(seed=4)[0]
    for _ in range(220):
        assert _equal(first, second)
        chosen = [rng.integers(singles.single_action_space.n) for _ in range(3)] if id.endswith("CartPole-v0") else None
        actions = np.array(chosen) if chosen else rng.uniform(-1, 1, singles.action_space.shape).astype(np.float32)
        first, *outcome, info = singles.step(actions)
        second, *other, told = together.step(actions)
        assert all(np.array_equal(a, b) for a, b in zip(outcome, other, strict=True))
        for copy in np.flatnonzero(info.get("_final_obs", [])):
            assert _equal(info["final_obs"][copy], told["final_obs"][copy])
    singles.close()
    together.close()


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP], ids=lambda mode: mode.value)
def test_the_true_reward_of_one_s_own_environment_is_told(mode: AutoresetMode) -> None:
    def own() -> gym.Env[Any, Any]:
        return gym.make("Pendulum-v1", max_episode_steps=5)

    singles = gym.vector.SyncVectorEnv([lambda: RewardDisruption(own(), "reward:gauss:0.3")] * 2, autoreset_mode=mode)
    together = VectorDisruption(gym.vector.SyncVectorEnv([own] * 2, autoreset_mode=mode), "reward:gauss:0.3")
    plain = gym.vector.SyncVectorEnv([own] * 2, autoreset_mode=mode)
    for env in (singles, together, plain):
        env.reset(seed=1)
    for _ in range(12):
        actions = plain.action_space.sample()
        _, told, _, _, info = singles.step(actions)
        _, other, _, _, noted = together.step(actions)
        _, rewards, *_ = plain.step(actions)
        assert np.array_equal(told, other)
        assert not np.array_equal(told, rewards) or not rewards.any()
        for found, same in ((info, noted), (info.get("final_info", {}), noted.get("final_info", {}))):
            assert ("nominal_reward" in found) == ("nominal_reward" in same)
            for name in ("nominal_reward", "_nominal_reward") if "nominal_reward" in found else ():
                assert np.array_equal(found[name], same[name])
                assert name[0] == "_" or np.array_equal(found[name], np.where(found[f"_{name}"], rewards, 0))


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, dict):
        return all(_equal(first[name], second[name]) for name in first)
    return bool(np.array_equal(first, second))


def test_copies_may_be_disturbed_differently() -> None:
    strings = ["obs:0.1", "none", "action:delay:2+obs:0.3"]
    singles = gym.vector.SyncVectorEnv(
        [lambda one=one: robust_gym.make("Robust-Pendulum-v0", disruption=one) for one in strings]
    )
    plain = gym.vector.SyncVectorEnv([lambda: robust_gym.make("Robust-Pendulum-v0")] * 3)
    together = VectorDisruption(plain, strings, "Robust-Pendulum-v0")
    assert np.array_equal(singles.reset(seed=1)[0], together.reset(seed=1)[0])
    for _ in range(10):
        actions = np.ones((3, 1), np.float32)
        assert np.array_equal(singles.step(actions)[0], together.step(actions)[0])


def test_a_vector_refuses_what_it_cannot_do() -> None:
    plain = gym.vector.SyncVectorEnv([lambda: robust_gym.make("Robust-Pendulum-v0")] * 2)
    with pytest.raises(robust_gym.DisruptionError, match="where each copy is made"):
        VectorDisruption(plain, "dynamics:0.2")
    with pytest.raises(ValueError, match="one disruption for each of 2 copies"):
        VectorDisruption(plain, ["obs:0.1"])
    with pytest.raises(robust_gym.DisruptionError, match="same observation space"):
        VectorDisruption(plain, ["obs:dummy:2", "none"])


# --- every task ------------------------------------------------------------------------------------------------------


def test_task_of_no_parameters_cannot_be_drawn() -> None:
    task = dataclasses.replace(registry.task("Robust-CartPole-v0"), dynamics={})
    for kind in kinds.kinds("dynamics"):
        assert unsupported(task, kind)
    assert not any("dynamics" in text for text in conformance.disruptions(task))


def _families() -> list[str]:
    """Return a task of every family, the first that is quick and whose packages are installed."""
    chosen: dict[str, str] = {}
    for id in robust_gym.list_tasks():
        task = registry.task(id)
        if not task.slow and task.missing() is None:
            chosen.setdefault(task.family, id)
    return list(chosen.values())


@pytest.mark.parametrize("id", _families())
@pytest.mark.filterwarnings("ignore")  # of the simulators
def test_noise_reaches_every_agent_of_every_family_from_the_reset_on(id: str) -> None:
    task = registry.task(id)
    text = "obs:random:1" if task.observation == "discrete" else "obs:gauss:0.5"
    plain, noisy = (robust_gym.make(id, disruption=disruption) for disruption in ("none", text))
    changed: dict[str, bool] = {}
    for seed in range(5):
        first, second = plain.reset(seed=seed)[0], noisy.reset(seed=seed)[0]
        parts = first if isinstance(first, dict) else {"": first}
        for name in parts:
            if name not in task.undisturbed:
                seen = (first[name], second[name]) if name else (first, second)
                changed[name] = changed.get(name, False) or not np.array_equal(*seen)
    assert all(changed.values()), changed
    assert changed
