"""Checks that every task must pass: run by the tests, by ``robust-gym validate``, and by you on your own.

Each check takes a task's id and raises ``AssertionError`` with what it found.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from robust_gym import registry
from robust_gym.disruption import Disruption
from robust_gym.kinds import CHANNELS
from robust_gym.task import DynamicsParameter, Task, load
from robust_gym.tasks import make

STEPS = 200


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: The check's name.
        ok: Whether the task passed.
        detail: What was wrong; empty when it passed.
    """

    check: str
    ok: bool
    detail: str = ""


@dataclass
class Rollout:
    """What a fixed sequence of random actions led to.

    Attributes:
        observations: Every observation, resets included, flattened; of a team, one after the other.
        rewards: Every reward, as the agent was told it.
        nominal: Every true reward; equal to ``rewards`` where the environment does not report it.
    """

    observations: list[np.ndarray]
    rewards: list[float]
    nominal: list[float]

    def same_observations(self, other: Rollout) -> bool:
        """Return whether all observations are equal to the bit."""
        return len(self.observations) == len(other.observations) and all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(self.observations, other.observations, strict=True)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rollout) and self.rewards == other.rewards and self.same_observations(other)

    def digest(self) -> str:
        """Return a hash of everything."""
        parts = [np.asarray(o).tobytes() for o in self.observations] + [np.asarray(self.rewards).tobytes()]
        return hashlib.sha256(b"".join(parts)).hexdigest()


def rollout(env: Any, seed: int = 7, steps: int = STEPS, check_spaces: bool = False) -> Rollout:
    """Play random actions, the same for the same seed, through as many episodes as fit into some steps.

    Args:
        env: A Gymnasium or PettingZoo parallel environment; it is closed afterwards.
        seed: Seed of the first reset (later ones are unseeded) and of the actions.
        steps: Steps to take.
        check_spaces: Whether to check that every observation is inside its space.
    """
    many = hasattr(env, "possible_agents")
    spaces = {agent: env.action_space(agent) for agent in env.possible_agents} if many else {None: env.action_space}
    for number, space in enumerate(spaces.values()):
        space.seed(seed + number)
    result = Rollout([], [], [])

    def note(observation: Any) -> None:
        seen = observation if many else {None: observation}
        result.observations.append(np.concatenate([np.asarray(one).ravel() for one in seen.values()] or [np.zeros(0)]))
        if check_spaces:
            for agent, one in seen.items():
                space = env.observation_space(agent) if many else env.observation_space
                assert space.contains(one), f"the observation {one!r} is outside {space}"

    observation, _ = env.reset(seed=seed)
    note(observation)
    for _ in range(steps):
        if many:
            observation, rewards, _, _, infos = env.step({agent: spaces[agent].sample() for agent in env.agents})
            result.rewards.extend(map(float, rewards.values()))
            result.nominal.extend(float(infos[agent].get("nominal_reward", rewards[agent])) for agent in rewards)
            over = not env.agents
        else:
            observation, reward, terminated, truncated, info = env.step(spaces[None].sample())
            result.rewards.append(float(reward))
            result.nominal.append(float(info.get("nominal_reward", reward)))
            over = terminated or truncated
        note(observation)
        if over:
            observation, _ = env.reset()
            note(observation)
    env.close()
    return result


def _play(task: str, disruption: str | None = None, **kwargs: Any) -> Rollout:
    return rollout(make(task, disruption=disruption), **kwargs)


def _raw(task: Task) -> Any:
    if ":" in task.base:
        env = load(task.base)(**task.kwargs)
        # Gymnasium adds the time limit of a registered id; a function's environment has none yet.
        return env if task.api == "parallel" else gym.wrappers.TimeLimit(env, task.horizon)
    return gym.make(task.base, **task.kwargs)


def some_disruption(task: Task) -> str:
    """Return a disruption of every channel the task supports, for checks that need any."""
    terms = []
    for channel in CHANNELS:
        kinds = registry.supported_kinds(task, channel)
        if kinds:
            terms.append(f"{channel}:{kinds[0].name}@2")
    return "+".join(terms)


def check_api(id: str) -> None:
    """Gymnasium's ``check_env``, or PettingZoo's ``parallel_api_test``, undisturbed and disturbed."""
    task = registry.task(id)
    for disruption in (None, some_disruption(task)):
        env = make(id, disruption=disruption)
        if task.api == "parallel":
            from pettingzoo.test import parallel_api_test

            parallel_api_test(env, num_cycles=STEPS)
        else:
            from gymnasium.utils.env_checker import check_env

            with warnings.catch_warnings():
                # Advice on the base environment's own spaces, nothing a task here could change.
                warnings.simplefilter("ignore")
                check_env(env.unwrapped if disruption is None else env, skip_render_check=True)
        env.close()


def check_seeding(id: str) -> None:
    """The same seed gives the same rollout, another seed another one, undisturbed and disturbed."""
    disruption = some_disruption(registry.task(id))
    for chosen in (None, disruption):
        assert _play(id, chosen) == _play(id, chosen), f"two rollouts of seed 7 differ under {chosen or 'none'}"
    assert _play(id, disruption, seed=7) != _play(id, disruption, seed=8), "seeds 7 and 8 give the same rollout"


def check_none(id: str) -> None:
    """``none`` is bit-identical to the environment underneath."""
    raw = rollout(_raw(registry.task(id)))
    for disruption in (None, "none"):
        assert _play(id, disruption) == raw, f"disruption={disruption!r} differs from the raw environment"


def check_spaces(id: str) -> None:
    """Every observation is inside its space: undisturbed, under every kind, and at every parameter's bounds."""
    task = registry.task(id)
    bounds = [f"dynamics:{p.name}:{end:g}" for p in task.dynamics.values() for end in (p.low, p.high)]
    drawn = [f"dynamics:random@{level}" for level in range(1, 6)] if task.dynamics else []
    extremes = [text for text in bounds if not text.endswith((":0", ":1"))]  # nominal for "set" and "scale"
    for number, disruption in enumerate([None, *disruptions(task), *drawn, *extremes]):
        try:
            _play(id, disruption, seed=number, check_spaces=True, steps=100)
        except AssertionError as error:
            raise AssertionError(f"under {disruption or 'none'}: {error}") from None


def disruptions(task: Task) -> list[str]:
    """List one strong disruption for every kind, every parameter and every semantic option of a task."""
    found = [f"{c}:{kind.name}@5" for c in CHANNELS for kind in registry.supported_kinds(task, c)]
    for parameter in task.dynamics.values():
        found += [f"dynamics:{parameter.name}:{value:g}" for value in _both_sides(parameter)]
    for shift in task.semantic.values():
        found += [f"dynamics:{shift.name}:{option}" for option in shift.options if option != shift.nominal]
    return found


def _both_sides(parameter: DynamicsParameter) -> list[float]:
    """Return a value below and one above the nominal, both well inside the bounds."""
    if parameter.mode == "scale":
        values = [max(parameter.low, 0.7), min(parameter.high, 1.4)]
    else:
        values = [(parameter.low + parameter.nominal) / 2, (parameter.high + parameter.nominal) / 2]
    return [value for value in values if value != parameter.identity]


def check_effect(id: str) -> None:
    """Every kind, every parameter (below and above its nominal value) and every semantic option matters."""
    task = registry.task(id)
    nominal = _play(id)
    idle = [text for text in disruptions(task) if _play(id, text) == nominal]
    assert not idle, f"no effect on {STEPS} random steps: {', '.join(idle)}"


def check_schedules(id: str) -> None:
    """A dynamics parameter can change within an episode, and comes back to the nominal value to the bit."""
    task = registry.task(id)
    if not task.dynamics:
        return
    for schedule in ("every=3", "p=0.5", "ramp=30", "steps=5..9"):
        assert _play(id, f"dynamics:0.3~{schedule}") != _play(id), f"dynamics:0.3~{schedule} has no effect"
    late = _play(id, f"dynamics:0.3~steps={STEPS * 10}..{STEPS * 11}")
    assert late == _play(id), "dynamics that never act differ from the raw environment"


def check_randomness(id: str) -> None:
    """A term leaves the environment's randomness and other terms' draws untouched."""
    task = registry.task(id)
    nominal, noisy = _play(id), _play(id, "reward:gauss:0.5")
    assert noisy.same_observations(nominal), "reward noise changed the observations"
    assert noisy.nominal == nominal.nominal, "reward noise changed the true reward"
    both = _play(id, "reward:gauss:0.5+obs:gauss:0.3")
    assert both.rewards == noisy.rewards, "adding observation noise changed the reward noise"
    if task.dynamics and task.api == "gymnasium":
        states = []
        for disruption in ("none", "dynamics:0.3"):
            env = make(id, disruption=disruption)
            env.reset(seed=5)
            states.append(env.unwrapped.np_random.bit_generator.state)
            env.close()
        assert states[0] == states[1], "a dynamics disruption drew from the environment's own generator"


def check_spec(id: str) -> None:
    """``env.spec`` survives JSON with the disruption in it, and makes the same environment again."""
    task = registry.task(id)
    if task.api == "parallel":
        return  # PettingZoo environments have no spec
    disruption = some_disruption(task)
    env = make(id, disruption=disruption)
    assert env.spec is not None
    text = env.spec.to_json()
    spec = gym.envs.registration.EnvSpec.from_json(text)
    assert spec == env.spec, "the spec differs after JSON"
    assert spec.kwargs["disruption"] == disruption, f"the spec's disruption is {spec.kwargs.get('disruption')!r}"
    assert rollout(gym.make(spec)) == rollout(env), "the environment made from the spec differs"


def digest(task: Task, disruption: str | None) -> str:
    """Return the hash of a rollout.

    A function of this module, so that a spawned process can call it; it takes the task itself, which that process
    may not know.
    """
    registry.register_task(task)
    return _play(task.id, disruption).digest()


def check_spawn(id: str) -> None:
    """A process started by spawn makes the same environment with the same rollout."""
    task = registry.task(id)
    disruption = some_disruption(task)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.apply(digest, (task, disruption))
    assert there == digest(task, disruption), "a spawned process gives another rollout"


def check_protocol(id: str) -> None:
    """Every disruption of the protocol can be made, is in canonical form, and belongs to one split."""
    cells = registry.task_protocol(id)
    everything = [disruption for split in cells.splits for disruption in split.disruptions]
    assert len(set(everything)) == len(everything), "a disruption stands in two places of the protocol"
    for split in cells.splits:
        for disruption in split.disruptions:
            assert str(Disruption.parse(disruption)) == disruption, f"{disruption!r} is not canonical"
            make(id, disruption=disruption).close()


CHECKS: dict[str, Callable[[str], None]] = {
    "api": check_api,
    "seeding": check_seeding,
    "none": check_none,
    "spaces": check_spaces,
    "effect": check_effect,
    "schedules": check_schedules,
    "randomness": check_randomness,
    "spec": check_spec,
    "protocol": check_protocol,
    "spawn": check_spawn,
}


def check_task(id: str) -> list[Finding]:
    """Run every check on a task.

    Args:
        id: The task's id.

    Returns:
        One finding per check, in the order of [CHECKS][robust_gym.conformance.CHECKS].

    Raises:
        UnknownNameError: If the task is not registered.
        MissingExtraError: If a package the task needs is not installed.
    """
    registry.task(id).require()
    findings = []
    for name, check in CHECKS.items():
        try:
            check(id)
        except Exception as error:
            findings.append(Finding(name, False, f"{type(error).__name__}: {error}"))
        else:
            findings.append(Finding(name, True))
    return findings
