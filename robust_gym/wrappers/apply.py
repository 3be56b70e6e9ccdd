"""From a task and a disruption string to a wrapped environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from robust_gym.disruption import Disruption, DisruptionError, Term, did_you_mean
from robust_gym.kinds import CHANNELS
from robust_gym.support import supported_kinds, unsupported
from robust_gym.task import Task
from robust_gym.wrappers.action import ActionDisruption
from robust_gym.wrappers.cost import CostDisruption
from robust_gym.wrappers.dynamics import DynamicsDisruption, check_term
from robust_gym.wrappers.dynamics_terms import check_together
from robust_gym.wrappers.observation import ObservationDisruption
from robust_gym.wrappers.reward import Nominal, RewardDisruption
from robust_gym.wrappers.runner import space_kind

if TYPE_CHECKING:
    from pettingzoo import ParallelEnv


def check(disruption: Disruption, task: Task, action: str, agents: Sequence[str] | None = None) -> None:
    """Check that a task can honour a disruption.

    Args:
        disruption: The disruption.
        task: The task.
        action: What the environment's actions are, ``"box"`` or ``"discrete"``.
        agents: The names of its agents; ``None`` for a single-agent task.

    Raises:
        DisruptionError: If it cannot; the message names what the task supports.
    """
    for term in disruption.terms:
        _check_agent(term, task, agents)
        if term.channel == "dynamics":
            check_term(term, task)
            continue
        kind = term.spec
        assert kind is not None, f"{term} was not parsed"
        reason = unsupported(task, kind, action)
        if reason:
            kinds = supported_kinds(task, term.channel, action)
            names = ", ".join(other.name for other in kinds) or "none"
            raise DisruptionError(
                f"{task.id} cannot honour {str(term)!r}: {reason}; the {term.channel} kinds it supports are {names}"
            )
    check_together(disruption.of("dynamics"), task)


def _check_agent(term: Term, task: Task, agents: Sequence[str] | None) -> None:
    if term.agent is None:
        return
    if agents is None:
        raise DisruptionError(f"{str(term)!r} names an agent, but {task.id} has only one; leave out '/{term.agent}'")
    for agent in term.agents:
        if agent not in agents:
            raise DisruptionError(
                f"{task.id} has no agent {agent!r} (in {str(term)!r}); agents are "
                f"{', '.join(agents)}.{did_you_mean(agent, agents)}"
            )


_WRAPPERS: dict[str, Any] = {
    "dynamics": DynamicsDisruption,
    "action": ActionDisruption,
    "reward": RewardDisruption,
    "cost": CostDisruption,
    "observation": ObservationDisruption,
}


def disturb(env: gym.Env[Any, Any], task: Task, disruption: Disruption) -> gym.Env[Any, Any]:
    """Wrap a single-agent environment, the dynamics nearest to it and the observation outermost.

    Args:
        env: The undisturbed environment.
        task: Its task.
        disruption: What to do to it; without terms, only the true reward is noted in ``info``.

    Raises:
        DisruptionError: If the task cannot honour the disruption.
    """
    check(disruption, task, space_kind(env.action_space))
    wrapped = Nominal(env, task=task.id)
    wrapped.part_of_task = True
    for channel in CHANNELS:
        terms = disruption.of(channel)
        if terms:
            wrapped = _WRAPPERS[channel](wrapped, disruption="+".join(map(str, terms)), task=task.id)
            wrapped.part_of_task = True
    return wrapped


def disturb_parallel(env: ParallelEnv[Any, Any, Any], task: Task, disruption: Disruption) -> ParallelEnv[Any, Any, Any]:
    """Wrap a multi-agent environment; see [disturb][robust_gym.wrappers.apply.disturb].

    Raises:
        DisruptionError: If the task cannot honour the disruption.
    """
    from robust_gym.wrappers import parallel

    # Agents' actions are of one sort in every task; their spaces may still differ in size.
    action = space_kind(env.action_space(env.possible_agents[0]))
    check(disruption, task, action, [str(agent) for agent in env.possible_agents])
    wrappers = {
        "dynamics": parallel.ParallelDynamicsDisruption,
        "action": parallel.ParallelActionDisruption,
        "reward": parallel.ParallelRewardDisruption,
        "cost": parallel.ParallelCostDisruption,
        "observation": parallel.ParallelObservationDisruption,
    }
    env = parallel.ParallelNominal(env, task)
    for channel in CHANNELS:
        terms = disruption.of(channel)
        if terms:
            env = wrappers[channel](env, terms, task)
    return env
