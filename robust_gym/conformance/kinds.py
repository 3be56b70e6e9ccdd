"""The checks of a kind of disruption: each takes a kind and a task, and raises ``AssertionError``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from itertools import islice

from robust_gym import registry
from robust_gym.conformance import chains, copies
from robust_gym.conformance.findings import Finding, found_by, require_assertions
from robust_gym.conformance.rollout import Rollout, rollout
from robust_gym.conformance.worlds import Worlds, steps_of
from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.kinds import Kind, kind_named
from robust_gym.support import unsupported
from robust_gym.task import Task, load
from robust_gym.tasks import make
from robust_gym.wrappers.effect import Effect

KIND_TASKS = (
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
"""Tasks on which kinds are tried first; between them they have every sort of signal."""

_SEEDS = range(7, 12)
"""Episodes that are tried: a dimension that is hidden in one may be always zero, and another episode hides another."""

_NEVER = "steps=1000..2000"
_STEPS = 120
_FEW_STEPS = 20
"""Steps of a rollout, of images."""


def kind_tasks(kind: str, most: int = 2) -> list[str]:
    """List tasks that can honour a kind and are installed: usual ones, or else others, the slow ones last.

    Args:
        kind: The kind, such as ``"action:slew"``.
        most: How many.

    Raises:
        DisruptionError: If there is no such kind.
    """
    found = kind_named(kind)

    def fitting(ids: Iterable[str]) -> list[str]:
        tasks = map(registry.task, ids)
        return list(islice((t.id for t in tasks if unsupported(t, found) is None and t.missing() is None), most))

    return fitting(KIND_TASKS) or fitting(sorted(registry.list_tasks(), key=lambda id: registry.task(id).slow))


def check_kind_implementation(kind: str, id: str) -> None:
    """The class can be imported, is an ``Effect``, and takes the arguments; every level can be written out."""
    found, task = _both(kind, id)
    for level in chains.LEVELS:
        (term,) = Disruption.parse(_text(found, level)).resolved(task.family).terms
        try:
            same = Disruption.parse(str(term)).terms == (term,)
        except DisruptionError as error:
            raise AssertionError(f"@{level} stands for arguments that are refused: {error}") from None
        assert same, f"@{level} stands for {term.args}, which is read otherwise when it is written out"
    if found.channel == "dynamics":
        return  # a law among others, all applied by one wrapper
    try:
        cls = load(found.implementation)
    except (ImportError, AttributeError, ValueError) as error:
        raise AssertionError(f"{found.implementation!r} cannot be imported: {error}") from None
    effect = isinstance(cls, type) and issubclass(cls, Effect)
    assert effect, f"{found.implementation!r} is no class derived from robust_gym.wrappers.effect.Effect"
    names = ["signal", *(argument.name for argument in found.arguments)]
    try:
        inspect.signature(cls).bind(*names)
    except TypeError as error:
        raise AssertionError(f"{found.implementation} must take ({', '.join(names)}): {error}") from None


def check_kind_seeding(kind: str, id: str) -> None:
    """The same seed gives the same values, whatever ran before, and nothing is drawn from global generators.

    That another seed gives other values is not asked for: there are kinds that draw nothing.
    """
    found, task = _both(kind, id)
    if found.channel != "dynamics":
        chains.check_seed(chains.probe_of(found, task))
        return
    for level in chains.LEVELS:
        text = _text(found, level)
        first, second = (rollout(make(id, disruption=text), steps=_steps(task)) for _ in range(2))
        assert first == second, f"two environments differ at seed 7 under {text}"


def check_kind_values(kind: str, id: str) -> None:
    """Values stay in their space, and an effect neither writes into what it is given nor keeps it."""
    found, task = _both(kind, id)
    if found.channel != "dynamics":
        chains.check_values(chains.probe_of(found, task))


def check_kind_levels(kind: str, id: str) -> None:
    """Every level has an effect on random rollouts, whose observations stay in their space.

    What random actions never meet, such as a cost or a reward other than zero, is drawn where a level needs it.
    """
    found, task = _both(kind, id)
    told = found.channel in ("reward", "cost")
    seeds, nominal = _SEEDS[:1] if told else _SEEDS, dict[int, Rollout]()
    with Worlds(id, _steps(task)) as worlds:

        def idle(level: int) -> bool:
            for seed in seeds:
                if seed not in nominal:
                    nominal[seed] = worlds.play(seed=seed)
                if worlds.play(_text(found, level), seed, check_spaces=True) != nominal[seed]:
                    return False
            return True

        without = [level for level in chains.LEVELS if idle(level)]
    if without and told:
        probe = chains.probe_of(found, task)
        without = [level for level in without if not chains.alters(probe, level)]
    names = ", ".join(_text(found, level) for level in without)
    assert not without, f"no effect on {len(seeds)} rollouts of {_steps(task)} random steps: {names}"


def check_kind_episodes(kind: str, id: str) -> None:
    """Nothing of an episode reaches into the next, and a fresh environment plays as one that was used."""
    found, task = _both(kind, id)
    if found.channel != "dynamics":
        chains.check_forgets(chains.probe_of(found, task))
    text, steps = _text(found, 5), _steps(task) // 2
    env = make(id, disruption=text)
    rollout(env, 3, steps, close=False)
    after, alone = rollout(env, 4, steps), rollout(make(id, disruption=text), 4, steps)
    assert after == alone, f"a rollout of seed 4 depends on what was played before it under {text}"


def check_kind_schedules(kind: str, id: str) -> None:
    """A schedule that never comes changes nothing; a kind that changes the space leaves rewards and costs."""
    found, task = _both(kind, id)
    if found.channel != "dynamics":
        chains.check_rests(chains.probe_of(found, task))
    with Worlds(id, _steps(task) // 2) as worlds:
        text = f"{_text(found, 5)}~{_NEVER}"
        seen, nominal = worlds.play(text), worlds.play()
    same = seen.rewards == nominal.rewards and seen.costs == nominal.costs
    wider = any(len(a) != len(b) for a, b in zip(seen.observations, nominal.observations, strict=False))
    assert same and (wider or seen == nominal), f"it acts although its schedule never does, under {text}"


def check_kind_copies(kind: str, id: str) -> None:
    """Copies that are disturbed in one batch get what environments of their own give, to the bit."""
    found, task = _both(kind, id)
    if found.channel != "dynamics":
        copies.check_copies(chains.probe_of(found, task))


KIND_CHECKS: dict[str, Callable[[str, str], None]] = {
    "implementation": check_kind_implementation,
    "seeding": check_kind_seeding,
    "values": check_kind_values,
    "levels": check_kind_levels,
    "episodes": check_kind_episodes,
    "schedules": check_kind_schedules,
    "copies": check_kind_copies,
}

_FIRST = ("implementation", "seeding", "values")


def check_kind(kind: str, id: str) -> list[Finding]:
    """Run every check of a kind on a task.

    Args:
        kind: The kind, such as ``"action:slew"``.
        id: Id of a task that can honour it.

    Returns:
        One finding per check, in the order of [KIND_CHECKS][robust_gym.conformance.KIND_CHECKS], each with the kind in
        its name. A kind that cannot be made, that its seed does not determine, or that gives what it must not, is not
        checked any further: the other checks play with it, and compare.

    Raises:
        DisruptionError: If there is no such kind, the task cannot honour it, or it attacks a policy, which random
            actions have none of.
        UnknownNameError: If the task is not registered.
        MissingExtraError: If a package the task needs is not installed.
        RuntimeError: If Python runs without assertions.
    """
    require_assertions()
    registry.task(id).require()
    found, _ = _both(kind, id)
    findings: list[Finding] = []
    for name, one in KIND_CHECKS.items():
        findings.append(found_by(one, f"{found.full_name} {name}", kind, id))
        if name in _FIRST and not findings[-1].ok:
            break
    return findings


def _both(kind: str, id: str) -> tuple[Kind, Task]:
    found, task = kind_named(kind), registry.task(id)
    reason = unsupported(task, found)
    if reason:
        raise DisruptionError(f"{id} cannot honour {found.full_name}: {reason}")
    if found.policy:
        raise DisruptionError(
            f"{found.full_name} attacks a policy, and is not checked by random actions; robust_gym.evaluate tries it"
        )
    return found, task


def _text(kind: Kind, level: int) -> str:
    return f"{kind.full_name}@{level}"


def _steps(task: Task) -> int:
    return _FEW_STEPS if task.observation == "image" else min(_STEPS, steps_of(task))
