"""The four channels for PettingZoo parallel environments: each agent has its own noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper

from robust_gym.disruption import Term
from robust_gym.task import Task
from robust_gym.wrappers.action import action_signal
from robust_gym.wrappers.base import Signal
from robust_gym.wrappers.cost import cost_signal
from robust_gym.wrappers.dynamics import DynamicsProcess, Into
from robust_gym.wrappers.observation import observation_signal
from robust_gym.wrappers.reward import reward_signal, truth
from robust_gym.wrappers.runner import chains


class _PerAgent:
    """The chains of one channel for every agent that its terms concern."""

    def __init__(self, terms: Sequence[Term], signals: Mapping[Any, Signal]) -> None:
        self.chains = chains(terms, signals, of="agent")

    def reset(self, seed: int | None) -> None:
        for chain in self.chains.values():
            chain.reset(seed)

    def __call__(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        result = dict(values)
        for agent, chain in self.chains.items():
            if agent in result:
                result[agent] = chain(result[agent])
        return result


class ParallelNominal(BaseParallelWrapper[Any, Any, Any]):
    """Tells the truth in each agent's ``info``; see [Nominal][robust_gym.wrappers.reward.Nominal].

    Args:
        env: The environment.
        task: The task whose parameters ``info["dynamics"]`` names.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any], task: Task) -> None:
        super().__init__(env)
        self._dynamics = task.nominal_values()

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Reset, and note the world."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return observations, {agent: {**info, "dynamics": dict(self._dynamics)} for agent, info in infos.items()}

    def step(self, actions: dict[Any, Any]) -> tuple[Any, ...]:
        """Step, and note the rewards."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        noted = {agent: truth(reward, infos.get(agent, {})) for agent, reward in rewards.items()}
        return observations, rewards, terminations, truncations, {**infos, **noted}


class ParallelDynamicsDisruption(BaseParallelWrapper[Any, Any, Any]):
    """Changes the world of all agents; see [DynamicsDisruption][robust_gym.wrappers.dynamics.DynamicsDisruption].

    Args:
        env: The environment.
        terms: Terms of the dynamics channel.
        task: The task whose parameters and adapter apply.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any], terms: Sequence[Term], task: Task) -> None:
        super().__init__(env)
        self._process = DynamicsProcess(terms, task, env.unwrapped)
        self._into = {agent: Into(env.observation_space(agent)) for agent in env.possible_agents}

    def _noted(self, infos: Mapping[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
        return {agent: {**info, "dynamics": self._process.report()} for agent, info in infos.items()}

    def _inside(self, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        return {agent: self._into[agent](one) for agent, one in observations.items()}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Reset into the drawn world."""
        self._process.before_reset(seed)
        observations, infos = self.env.reset(seed=seed, options=options)
        self._process.after_reset()
        return self._inside(observations), self._noted(infos)

    def step(self, actions: dict[Any, Any]) -> tuple[Any, ...]:
        """Step, after letting the world drift where a schedule says so."""
        changed = self._process.before_step()
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        if changed:
            infos = self._noted(infos)
        return self._inside(observations), rewards, terminations, truncations, infos


class _ParallelChannel(BaseParallelWrapper[Any, Any, Any]):
    """What the wrappers of signals share."""

    def __init__(self, env: ParallelEnv[Any, Any, Any], terms: Sequence[Term], signals: Mapping[Any, Signal]) -> None:
        super().__init__(env)
        self._disturb = _PerAgent(terms, signals)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Reset the environment and the terms' streams."""
        result: tuple[Any, Any] = self.env.reset(seed=seed, options=options)
        self._disturb.reset(seed)
        return result


class ParallelActionDisruption(_ParallelChannel):
    """Disturbs each agent's action on its way to the environment.

    Args:
        env: The environment.
        terms: Terms of the action channel.
        task: The task, which knows a discrete action that does nothing.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any], terms: Sequence[Term], task: Task | None) -> None:
        many = len(env.possible_agents)
        signals = {a: action_signal(env.action_space(a), task, i, many) for i, a in enumerate(env.possible_agents)}
        super().__init__(env, terms, signals)

    def step(self, actions: dict[Any, Any]) -> tuple[Any, ...]:
        """Step with the disturbed actions."""
        result: tuple[Any, ...] = self.env.step(self._disturb(actions))
        return result


class ParallelRewardDisruption(_ParallelChannel):
    """Disturbs the reward that each agent is told.

    Args:
        env: The environment.
        terms: Terms of the reward channel.
        task: The task whose reward scale applies.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any], terms: Sequence[Term], task: Task | None) -> None:
        super().__init__(env, terms, {agent: reward_signal(task) for agent in env.possible_agents})

    def step(self, actions: dict[Any, Any]) -> tuple[Any, ...]:
        """Step, and disturb the rewards."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        disturbed = {agent: float(reward) for agent, reward in self._disturb(rewards).items()}
        return observations, disturbed, terminations, truncations, infos


class ParallelCostDisruption(_ParallelChannel):
    """Disturbs the cost that each agent is told in its ``info``.

    Args:
        env: The environment.
        terms: Terms of the cost channel.
        task: The task whose cost scale applies.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any], terms: Sequence[Term], task: Task | None) -> None:
        super().__init__(env, terms, {agent: cost_signal(task) for agent in env.possible_agents})

    def step(self, actions: dict[Any, Any]) -> tuple[Any, ...]:
        """Step, and disturb the costs."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        costs = self._disturb({agent: float(info["cost"]) for agent, info in infos.items() if "cost" in info})
        told = {agent: {**infos[agent], "cost": float(cost)} for agent, cost in costs.items()}
        return observations, rewards, terminations, truncations, {**infos, **told}


class ParallelObservationDisruption(_ParallelChannel):
    """Disturbs what each agent sees; the global state of ``state()`` stays true.

    Args:
        env: The environment.
        terms: Terms of the observation channel.
        task: The task whose measured scales apply.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any], terms: Sequence[Term], task: Task | None) -> None:
        many = len(env.possible_agents)
        signals = {
            a: observation_signal(env.observation_space(a), task, str(a), i, many)
            for i, a in enumerate(env.possible_agents)
        }
        super().__init__(env, terms, signals)
        self._changed = {a: chain.result.space for a, chain in self._disturb.chains.items()}

    def observation_space(self, agent: Any) -> Any:
        """Return what an agent's observations are in; only ``dummy`` changes it."""
        return self._changed.get(agent) or self.env.observation_space(agent)

    @property
    def observation_spaces(self) -> dict[Any, Any]:
        """What the observations of each agent are in."""
        return {agent: self.observation_space(agent) for agent in self.possible_agents}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Reset; the first observations are disturbed too."""
        observations, infos = super().reset(seed=seed, options=options)
        return self._disturb(observations), infos

    def step(self, actions: dict[Any, Any]) -> tuple[Any, ...]:
        """Step, and disturb the observations."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        return self._disturb(observations), rewards, terminations, truncations, infos
