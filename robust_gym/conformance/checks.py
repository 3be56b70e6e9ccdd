"""The checks: each takes a task's id and raises ``AssertionError`` with what it found."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from robust_gym import registry
from robust_gym.conformance.chosen import CHANGES, LAWS, honoured, play, some_disruption
from robust_gym.conformance.effects import check_effect
from robust_gym.conformance.entry import check_entry
from robust_gym.conformance.findings import Finding, found_by, require_assertions
from robust_gym.conformance.randomness import check_randomness, check_seeding
from robust_gym.conformance.rollout import rollout
from robust_gym.conformance.spaces import note_spaces
from robust_gym.conformance.worlds import STEPS, limited, steps_of, worlds_of
from robust_gym.disruption import Disruption, did_you_mean
from robust_gym.splits import task_protocol
from robust_gym.task import Task
from robust_gym.tasks import make
from robust_gym.wrappers.apply import check


def _raw(task: Task) -> Any:
    if ":" in task.base:
        # Gymnasium adds the time limit of a registered id; a function's environment has none yet.
        return limited(task.part("base")(**task.kwargs), task)
    return gym.make(task.base, max_episode_steps=task.horizon, **task.kwargs)


def check_api(id: str) -> None:
    """Gymnasium's ``check_env``, or PettingZoo's ``parallel_api_test``, undisturbed and disturbed."""
    task = registry.task(id)
    for disruption in (None, some_disruption(task)):
        env = make(id, disruption=disruption)
        if task.api == "parallel":
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it prints that it has passed
                warnings.filterwarnings("ignore", "The old environment creation API")  # PettingZoo's, of its own parts
                from pettingzoo.test import parallel_api_test

                parallel_api_test(env, num_cycles=steps_of(task))
        else:
            from gymnasium.utils.env_checker import check_env

            with warnings.catch_warnings():
                # Advice on the base environment's own spaces, nothing a task here could change.
                warnings.simplefilter("ignore")
                check_env(env, skip_render_check=True)
        env.close()
    _check_fresh(id)


def _check_fresh(id: str) -> None:
    """An observation must stay what it was when the next one comes: whoever keeps it would find another."""
    env: Any = make(id)
    team = registry.task(id).api == "parallel"
    last = env.reset(seed=3)[0]
    for _ in range(3):
        if team and not env.agents:
            break
        action = {one: env.action_space(one).sample() for one in env.agents} if team else env.action_space.sample()
        seen, _, terminated, truncated, _ = env.step(action)
        for name, one in _arrays(seen):
            for other, before in _arrays(last):
                same = name == other and np.shares_memory(one, before, max_work=1000)
                assert not same, f"a step returns the array of the observation before it{f' ({name})' if name else ''}"
        last = seen
        if not team and (terminated or truncated):
            break
    env.close()


def _arrays(observation: Any, name: str = "") -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(observation, Mapping):
        for key, part in observation.items():
            yield from _arrays(part, f"{name}{key} ")
    elif isinstance(observation, np.ndarray) and observation.ndim:
        yield name.rstrip(), observation


def check_none(id: str) -> None:
    """``none`` is bit-identical to the environment underneath."""
    task = registry.task(id)
    raw = rollout(_raw(task), steps=steps_of(task))
    for disruption in (None, "none"):
        assert play(id, disruption) == raw, f"disruption={disruption!r} differs from the raw environment"


def check_spaces(id: str) -> None:
    """Every observation is inside its space at every parameter's bounds, and with all of them drawn at once."""
    task = registry.task(id)
    law = honoured(task, *LAWS)
    drawn = [law.replace("@2", f"@{level}") for level in (1, 3, 5)] if law else []
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
    task = registry.task(id)
    law = honoured(task, *CHANGES)
    if law is None or all(parameter.at_reset for parameter in task.drawn):
        return
    with worlds_of(id) as worlds:
        nominal = worlds.play()
        # Long enough for what happens by chance, such as an obstacle that moves.
        begin = min(5, task.horizon - 1)
        grows = ("ramp=30",) if task.horizon > 1 else ()  # at the first step it has not begun
        for schedule in ("every=3", "p=0.5", *grows, f"steps={begin}..{worlds.steps // 2}"):
            assert worlds.play(f"{law}~{schedule}") != nominal, f"{law}~{schedule} has no effect"
        late = worlds.play(f"{law}~steps={STEPS * 10}..{STEPS * 11}")
        assert late == nominal, "dynamics that never act differ from the raw environment"


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
    return play(task.id, disruption).digest()


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
    env.close()
    for disruption in everything:
        parsed = Disruption.parse(disruption)
        assert str(parsed) == disruption, f"{disruption!r} is not canonical"
        check(parsed, task, task.action, agents)


CHECKS: dict[str, Callable[[str], str | None]] = {
    "entry": check_entry,
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


def check_task(id: str, checks: Sequence[str] | None = None) -> list[Finding]:
    """Run every check on a task, or some.

    Args:
        id: The task's id.
        checks: Names of the checks; all of them by default.

    Returns:
        One finding per check, in the order of [CHECKS][robust_gym.conformance.CHECKS].

    Raises:
        UnknownNameError: If the task is not registered.
        ValueError: If there is no such check.
        MissingExtraError: If a package the task needs is not installed.
        RuntimeError: If Python runs without assertions.
    """
    require_assertions()
    for name in checks or ():
        if name not in CHECKS:
            raise ValueError(f"there is no check {name!r}; there are {', '.join(CHECKS)}.{did_you_mean(name, CHECKS)}")
    registry.task(id).require()
    with contextlib.suppress(Exception):  # a task that cannot even be made is told of by its checks
        note_spaces(id)
    return [found_by(one, name, id) for name, one in CHECKS.items() if checks is None or name in checks]
