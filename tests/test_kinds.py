"""Every kind of disruption, from the table: effective, seeded, reset-aware, space-true, composable, batched."""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

import robust_gym
from robust_gym import conformance, kinds, registry
from robust_gym.conformance.rollout import Rollout, rollout
from robust_gym.disruption import SCHEDULES, Disruption
from robust_gym.kinds import CHANNELS, Kind
from robust_gym.support import supported_kinds, unsupported
from robust_gym.vector.disruption import VectorDisruption
from robust_gym.wrappers.base import Signal
from robust_gym.wrappers.reward import RewardDisruption
from robust_gym.wrappers.runner import Chain

KINDS = [kind for kind in kinds.kinds() if not kind.policy]
SIGNALS = [kind for kind in KINDS if kind.channel != "dynamics"]

# Between them they have every sort of signal: of each kind's channel, the first two that support it are tried.
PROBES = (
    "Robust-Reacher-v0",
    "Robust-CartPole-v0",
    "Robust-SafetyHopperVelocity-v0",
    "Robust-FrozenLake-v0",
    "Robust-MPESpread-v0",
    "Robust-MPESpeakerListener-v0",
    "Robust-FetchReach-v0",
    "Robust-CarRacing-v0",
    "Robust-Smax3m-v0",
)


def named(kind: Kind) -> str:
    return f"{kind.channel}:{kind.name}"


def probes(kind: Kind) -> list[str]:
    ids = [id for id in PROBES if unsupported(registry.task(id), kind) is None]
    return [id for id in ids if registry.task(id).missing() is None][:2]


def play(id: str, disruption: str, seed: int = 7, steps: int = 60, spaces: bool = True) -> Rollout:
    return rollout(robust_gym.make(id, disruption=disruption), seed, steps, check_spaces=spaces)


def test_there_are_at_least_fifty_kinds() -> None:
    assert len(KINDS) >= 50
    assert {kind.channel for kind in KINDS} == set(CHANNELS)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_every_kind_is_tried_on_a_task(kind: Kind) -> None:
    assert probes(kind), "no probe supports it: add one"


@pytest.mark.parametrize("level", range(1, 6))
@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_every_level_has_an_effect_that_the_seed_determines(kind: Kind, level: int) -> None:
    for id in probes(kind):
        text, steps = f"{named(kind)}@{level}", 20 if "CarRacing" in id else 120
        disturbed = play(id, text, steps=steps)
        if not _unmet(kind, id):
            # A dimension that a mask hides may be one that is always zero: five episodes meet another.
            seeds = range(7, 12)
            assert any(play(id, text, seed, steps) != play(id, "none", seed, steps) for seed in seeds), (id, text)
        assert play(id, text, steps=steps) == disturbed, f"{text} on {id} is not determined by the seed"


def _unmet(kind: Kind, id: str) -> bool:
    """Return whether random actions on a probe give a kind nothing to change."""
    sparse = id in ("Robust-FrozenLake-v0", "Robust-FetchReach-v0")  # no reward, or always the same
    costless = kind.channel == "cost" and kind.name not in ("gauss", "laplace", "uniform", "shift", "flip")
    return costless or (kind.channel == "reward" and sparse)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_nothing_of_an_episode_reaches_into_the_next(kind: Kind) -> None:
    for id in probes(kind):
        env = robust_gym.make(id, disruption=f"{named(kind)}@5")
        steps = 10 if "CarRacing" in id else 30
        rollout(env, 3, steps, close=False)
        assert rollout(env, 4, steps) == play(id, f"{named(kind)}@5", 4, steps, spaces=False)


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_a_schedule_that_never_comes_changes_nothing(kind: Kind) -> None:
    for id in probes(kind):
        steps = 10 if "CarRacing" in id else 60
        text = f"{named(kind)}@5~steps=1000..2000"
        seen, raw = play(id, text, steps=steps), play(id, "none", steps=steps)
        if kind.name == "dummy":  # its dimensions are there, and read zero
            assert all(np.array_equal(a[: len(b)], b) for a, b in zip(seen.observations, raw.observations, strict=True))
            assert not any(a[len(b) :].any() for a, b in zip(seen.observations, raw.observations, strict=True))
        else:
            assert seen == raw


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

BOX = spaces.Box(-1.0, 1.0, (4,), np.float32)
SPACES: dict[str, Any] = {
    "box": BOX,
    "vector": spaces.Box(-np.inf, np.inf, (4,), np.float64),
    "discrete": spaces.Discrete(6),
    "image": spaces.Box(0, 255, (8, 10, 3), np.uint8),
}


def signal(kind: Kind, copies: int) -> Signal:
    sort = "discrete" if kind.spaces == ("discrete",) else kind.spaces[0]
    space = SPACES[sort]
    if kind.channel in ("reward", "cost"):
        space = spaces.Box(-np.inf if kind.channel == "reward" else 0.0, np.inf, (), np.float64)
    null = 0 if sort == "discrete" else np.zeros(space.shape, space.dtype)
    return Signal(
        space,
        np.full(space.shape, 0.5),
        null,
        copies,
        agents=2,
        messages=(1, 2) if kind.messages else (),
        opponents=(0, 1) if kind.opponents else (),
    )


@pytest.mark.parametrize("schedule", ["always", "p=0.4", "ramp=20", "walk=0.3", "fault=10"])
@pytest.mark.parametrize("kind", SIGNALS, ids=named)
def test_copies_together_are_copies_one_by_one(kind: Kind, schedule: str) -> None:
    """A batch gives, copy by copy and to the bit, what single environments give, whenever each of them resets."""
    terms = Disruption.parse(f"{named(kind)}@3~{schedule}").terms
    agent = "agent_0" if kind.team else None
    many = Chain(terms, signal(kind, 3), agent)
    single = [Chain(terms, signal(kind, 1), agent) for _ in range(3)]
    space = signal(kind, 1).space
    space.seed(5)
    resets = {0: [(0, 11), (1, 12), (2, 13)], 7: [(1, None)], 70: [(2, 14), (0, None)], 90: [(1, None)]}
    for t in range(100):
        for copy, seed in resets.get(t, ()):
            many.reset(seed, copy)
            single[copy].reset(seed)
        values = np.stack([np.asarray(space.sample()) for _ in range(3)])
        together = many.batch(values)
        for copy, chain in enumerate(single):
            alone = chain.batch(values[copy : copy + 1])
            assert np.array_equal(together[copy], alone[0]), f"copy {copy} at step {t}"
            assert chain.result.space.contains(np.asarray(alone[0], chain.result.space.dtype))
        assert together.dtype == many.result.space.dtype


@pytest.mark.parametrize("schedule", ["always", "p=0.4", "walk=0.3"])
@pytest.mark.parametrize("kind", SIGNALS, ids=named)
def test_another_step_of_one_copy_leaves_the_others(kind: Kind, schedule: str) -> None:
    """Where some copies begin anew, their first observation is another step of theirs alone, whatever was drawn."""
    terms = Disruption.parse(f"{named(kind)}@3~{schedule}").terms
    agent = "agent_0" if kind.team else None
    many = Chain(terms, signal(kind, 3), agent)
    single = [Chain(terms, signal(kind, 1), agent) for _ in range(3)]
    space = signal(kind, 1).space
    space.seed(6)
    for copy in range(3):
        many.reset(20 + copy, copy)
        single[copy].reset(20 + copy)
    for t in range(140):
        values = np.stack([np.asarray(space.sample()) for _ in range(3)])
        together = many.batch(values)
        for copy, chain in enumerate(single):
            assert np.array_equal(together[copy], chain.batch(values[copy : copy + 1])[0]), f"copy {copy} at step {t}"
        if t % 7 == 0 or t in range(60, 68):
            copies = np.arange(3) == t % 3
            seed = None if t % 2 else t
            many.reset(seed, t % 3)
            single[t % 3].reset(seed)
            first = many.again(values, copies)[t % 3]
            assert np.array_equal(first, single[t % 3].batch(values[copies])[0]), f"begun at step {t}"


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


# --- the same noise for everybody -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in SIGNALS if kind.channel == "observation"], ids=named)
def test_noise_does_not_depend_on_the_policy(kind: Kind) -> None:
    """The draws of an episode are those of its seed, however long the episodes before it and whatever was done."""
    if kind.spaces == ("image",) or kind.team:
        return
    terms = Disruption.parse(f"{named(kind)}@3").terms
    chains = [Chain(terms, signal(kind, 1)) for _ in range(2)]
    space = signal(kind, 1).space
    space.seed(1)
    for length, chain in ((5, chains[0]), (50, chains[1])):
        chain.reset(3)
        for _ in range(length):
            chain(space.sample())
    values = [space.sample() for _ in range(20)]
    seen = []
    for chain in chains:
        chain.reset(None)
        seen.append([chain(value) for value in values])
    assert all(np.array_equal(a, b) for a, b in zip(*seen, strict=True))


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
