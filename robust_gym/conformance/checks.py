"""The checks: each takes a task's id and raises ``AssertionError`` with what it found."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from robust_gym import registry
from robust_gym.conformance.effects import check_effect
from robust_gym.conformance.rollout import Rollout, rollout
from robust_gym.conformance.spaces import note_spaces
from robust_gym.conformance.worlds import STEPS, steps_of, worlds_of
from robust_gym.disruption import Disruption
from robust_gym.kinds import CHANNELS
from robust_gym.splits import task_protocol
from robust_gym.support import supported_kinds
from robust_gym.task import Task, load
from robust_gym.tasks import make
from robust_gym.wrappers.apply import check
from robust_gym.wrappers.runner import space_kind


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


def _play(id: str, disruption: str | None = None, seed: int = 7) -> Rollout:
    return rollout(make(id, disruption=disruption), seed, steps_of(registry.task(id)))


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
        kinds = supported_kinds(task, channel)
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

            with contextlib.redirect_stdout(io.StringIO()):  # it prints that it has passed
                parallel_api_test(env, num_cycles=steps_of(task))
        else:
            from gymnasium.utils.env_checker import check_env

            with warnings.catch_warnings():
                # Advice on the base environment's own spaces, nothing a task here could change.
                warnings.simplefilter("ignore")
                check_env(env, skip_render_check=True)
        env.close()


def check_seeding(id: str) -> None:
    """The same seed gives the same rollout, whatever was played before; another seed another one."""
    disruption = some_disruption(registry.task(id))
    with worlds_of(id) as worlds:
        for chosen in (None, disruption):
            first = worlds.play(chosen)
            assert worlds.play(chosen, seed=8) != first, f"seeds 7 and 8 give the same rollout under {chosen or 'none'}"
            assert worlds.play(chosen) == first, f"a rollout of seed 7 depends on what was played before it ({chosen})"
            assert _play(id, chosen) == first, f"two environments differ at seed 7 under {chosen or 'none'}"
    if registry.task(id).drawn:
        _check_draws(id)


_DRAWN = 10
"""Worlds that are drawn one after the other, forth and back."""


def _check_draws(id: str) -> None:
    """What an episode drew for its world must not reach into the next ones."""
    env, seeds = make(id, disruption="dynamics:random@2"), range(120, 120 + _DRAWN)
    there = [rollout(env, seed, steps=1, close=False) for seed in seeds]
    back = [rollout(env, seed, steps=1, close=False) for seed in reversed(seeds)]
    env.close()
    for seed, first, second in zip(seeds, there, reversed(back), strict=True):
        assert first == second, f"under dynamics:random@2, the episode of seed {seed} depends on the worlds before it"


def check_none(id: str) -> None:
    """``none`` is bit-identical to the environment underneath."""
    task = registry.task(id)
    raw = rollout(_raw(task), steps=steps_of(task))
    for disruption in (None, "none"):
        assert _play(id, disruption) == raw, f"disruption={disruption!r} differs from the raw environment"


def check_spaces(id: str) -> None:
    """Every observation is inside its space at every parameter's bounds, and with all of them drawn at once."""
    task = registry.task(id)
    drawn = [f"dynamics:random@{level}" for level in (1, 3, 5)] if task.drawn else []
    with worlds_of(id) as worlds:
        for number, disruption in enumerate([None, *drawn, *_bounds(task)]):
            worlds.play(disruption, seed=number, steps=steps_of(task) // 2, check_spaces=True)


def _bounds(task: Task) -> list[str]:
    return [
        f"dynamics:{parameter.name}:{end:g}"
        for parameter in task.dynamics.values()
        for end in (parameter.low, parameter.high)
        if end != parameter.identity
    ]


def check_schedules(id: str) -> None:
    """A dynamics parameter can change within an episode, and comes back to the nominal value to the bit."""
    # What takes effect at resets only cannot change within an episode.
    if all(parameter.at_reset for parameter in registry.task(id).drawn):
        return
    with worlds_of(id) as worlds:
        nominal = worlds.play()
        # Long enough for what happens by chance, such as an obstacle that moves.
        begin = min(5, registry.task(id).horizon - 1)
        for schedule in ("every=3", "p=0.5", "ramp=30", f"steps={begin}..{worlds.steps // 2}"):
            assert worlds.play(f"dynamics:0.3~{schedule}") != nominal, f"dynamics:0.3~{schedule} has no effect"
        late = worlds.play(f"dynamics:0.3~steps={STEPS * 10}..{STEPS * 11}")
        assert late == nominal, "dynamics that never act differ from the raw environment"


def check_randomness(id: str) -> None:
    """A term leaves the environment's randomness and other terms' draws untouched."""
    task = registry.task(id)
    other = "obs:delay:3" if task.observation == "discrete" else "obs:gauss:0.3"
    with worlds_of(id) as worlds:
        nominal, noisy = worlds.play(), worlds.play("reward:gauss:0.5")
        assert noisy.same_observations(nominal), "reward noise changed the observations"
        assert noisy.nominal == nominal.nominal, "reward noise changed the true reward"
        both = worlds.play(f"reward:gauss:0.5+{other}")
        assert both.rewards == noisy.rewards, "adding an observation disruption changed the reward noise"
    if task.drawn and task.api == "gymnasium":
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
    steps = steps_of(task)
    assert rollout(gym.make(spec), steps=steps) == rollout(env, steps=steps), "the environment made from it differs"


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
    """The task can honour every disruption of the protocol; each is canonical and belongs to one split."""
    task, cells = registry.task(id), task_protocol(id)
    everything = [disruption for split in cells.splits for disruption in split.disruptions]
    assert len(set(everything)) == len(everything), "a disruption stands in two places of the protocol"
    env = make(id)
    many = task.api == "parallel"
    agents = [str(agent) for agent in env.possible_agents] if many else None
    action = space_kind(env.action_space(env.possible_agents[0]) if many else env.action_space)
    env.close()
    assert action == task.action, f"the task's actions are {action}, not {task.action}"
    for disruption in everything:
        parsed = Disruption.parse(disruption)
        assert str(parsed) == disruption, f"{disruption!r} is not canonical"
        check(parsed, task, action, agents)


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
    with contextlib.suppress(Exception):  # a task that cannot even be made is told of by its checks
        note_spaces(id)
    for name, one in CHECKS.items():
        try:
            one(id)
        except Exception as error:
            findings.append(Finding(name, False, f"{type(error).__name__}: {error}"))
        else:
            findings.append(Finding(name, True))
    return findings
