"""Disruptions of a vector environment: the signals of all copies are disturbed in one go."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from robust_gym.disruption import Disruption, DisruptionError, Term
from robust_gym.vector.giving import rewarded
from robust_gym.vector.seeding import asked
from robust_gym.wrappers.action import action_signal
from robust_gym.wrappers.base import Signal, find_task
from robust_gym.wrappers.observation import observation_signal, with_parts
from robust_gym.wrappers.reward import reward_signal
from robust_gym.wrappers.runner import Chain, chains


class _Group:
    """The copies that share a disruption of one channel, and its chain (or one for each part of a dict)."""

    def __init__(self, copies: Sequence[int], chains: Mapping[str | None, Chain]) -> None:
        self.copies = np.asarray(copies)
        self.chains = chains
        self._place = {row: place for place, row in enumerate(copies)}

    def reset(self, row: int, seed: int | None) -> None:
        if row in self._place:
            for chain in self.chains.values():
                chain.reset(seed, self._place[row])

    def __call__(self, values: Any, into: Any) -> Any:
        """Return what all copies get, this group's rows disturbed.

        Args:
            values: What is undisturbed, of all copies.
            into: The same with the rows of other groups disturbed.
        """
        if None in self.chains:
            return self._disturbed(self.chains[None], values, into)
        return {
            name: self._disturbed(self.chains[name], values[name], part) if name in self.chains else part
            for name, part in into.items()
        }

    def again(self, values: Any, copies: np.ndarray, into: Any) -> None:
        """Write the disturbed values of some copies, which have just begun an episode, into those of all."""
        own = copies[self.copies]
        for name, chain in self.chains.items() if own.any() else ():
            given, kept = (values, into) if name is None else (values[name], into[name])
            kept[self.copies[own]] = chain.again(given[self.copies], own)[own]

    def _disturbed(self, chain: Chain, values: np.ndarray, into: np.ndarray) -> np.ndarray:
        if len(self.copies) == len(values):
            return chain.batch(values)
        rows = chain.batch(values[self.copies])
        # Where dummy dimensions are added, every group adds them, and writes all of its rows.
        wider = into.shape[1:] != rows.shape[1:]
        changed = np.zeros((len(into), *rows.shape[1:]), into.dtype) if wider else np.array(into)
        changed[self.copies] = rows
        return changed


class VectorDisruption(VectorWrapper):
    """Disturbs the actions, rewards and observations of a vector environment.

    Copy by copy, the same bits as a ``SyncVectorEnv`` of environments that are disturbed one by one, for actions of the
    space's own dtype, at a fraction of the time. Dynamics belong inside: make the copies with
    ``disruption="dynamics:…"``.

    Args:
        env: The vector environment; its copies reset themselves as its ``metadata["autoreset_mode"]`` says.
        disruption: Terms of the action, reward and observation channels: one disruption for all copies, or one each.
        task: Id of the task whose scales apply; ``None`` for an environment of your own.

    Raises:
        DisruptionError: If a string is malformed, names dynamics or costs, or does not fit; if one copy's observation
            space would differ from the others'.
        ValueError: If there is not one disruption for each copy.

    Examples:
        >>> import gymnasium as gym
        >>> env = VectorDisruption(gym.make_vec("CartPole-v1", 3, "sync"), ["obs:0.1", "obs:0.2", "none"])
        >>> observations, _ = env.reset(seed=1)
    """

    def __init__(self, env: VectorEnv, disruption: str | Sequence[str], task: str | None = None) -> None:
        super().__init__(env)
        self._mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        strings = [disruption] * env.num_envs if isinstance(disruption, str) else list(disruption)
        if len(strings) != env.num_envs:
            raise ValueError(f"one disruption for each of {env.num_envs} copies is needed, got {len(strings)}")
        parsed = [Disruption.parse(one) for one in strings]
        for text, one in zip(strings, parsed, strict=True):
            if one.of("dynamics") or one.of("cost"):
                raise DisruptionError(f"{text!r}: dynamics and costs are disturbed where each copy is made")
        found = find_task(task)
        action = action_signal(env.single_action_space, found)
        reward = reward_signal(found)
        self._actions = self._groups(parsed, "action", lambda terms, many: _whole(terms, action, many))
        self._told = self._groups(parsed, "reward", lambda terms, many: _whole(terms, reward, many))
        self._seen = self._groups(parsed, "observation", lambda terms, many: self._parts(terms, many, found))
        self._resetting = np.zeros(env.num_envs, bool)
        self._last: Any = None  # what the copies saw last, for some of them may be reset alone
        self._set_space()

    def _groups(
        self, parsed: Sequence[Disruption], channel: str, make: Callable[[Sequence[Term], int], dict[str | None, Chain]]
    ) -> list[_Group]:
        copies: dict[tuple[Term, ...], list[int]] = {}
        for place, one in enumerate(parsed):
            copies.setdefault(one.of(channel), []).append(place)
        return [_Group(own, make(terms, len(own))) for terms, own in copies.items() if terms]

    def _parts(self, terms: Sequence[Term], copies: int, task: Any) -> dict[str | None, Chain]:
        space = self.env.single_observation_space
        if not isinstance(space, gym.spaces.Dict):
            return _whole(terms, observation_signal(space, task), copies)
        spared = () if task is None else task.undisturbed
        signals = {
            name: dataclasses.replace(observation_signal(part, task, name), copies=copies)
            for name, part in space.spaces.items()
            if name not in spared
        }
        parts: dict[str | None, Chain] = {}
        parts.update(chains(terms, signals, of="part"))
        return parts

    def _set_space(self) -> None:
        alone: Any = self.env.single_observation_space
        spaces = [
            group.chains[None].result.space if None in group.chains else with_parts(alone, group.chains)
            for group in self._seen
        ]
        changed = [space for space in spaces if space != alone]
        if not changed:
            return
        everywhere = sum(len(group.copies) for group in self._seen) == self.num_envs
        if not everywhere or any(space != changed[0] for space in spaces):
            raise DisruptionError("all copies need the same observation space; give each the same dummy dimensions")
        self.single_observation_space = changed[0]
        self.observation_space = batch_space(changed[0], self.num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset all copies, copy i with ``seed + i``, or those of ``options["reset_mask"]``.

        Raises:
            ResetNeeded: If the first reset is not of all copies.
        """
        chosen, seeds = asked(self.num_envs, seed, options)
        if self._last is None and not chosen.all():
            raise gym.error.ResetNeeded("the first reset is of all copies; leave out reset_mask")
        # Gymnasium's own vector environments take the mask out of what they are given.
        given = None if options is None else dict(options)
        observations, info = self.env.reset(seed=seed, options=given)  # type: ignore[arg-type]
        for row in np.flatnonzero(chosen):
            self._begin(int(row), seeds[row])
        self._resetting = np.where(chosen, False, self._resetting)
        if chosen.all() or not self._seen:
            self._last = self._disturbed(self._seen, observations)
        else:
            self._last = self._first(observations, chosen, copy.deepcopy(self._last))
        return copy.deepcopy(self._last), info

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step all copies."""
        disturbed = self._disturbed(self._actions, np.asarray(actions))
        observations, rewards, terminated, truncated, info = self.env.step(disturbed)
        # The step that only resets a copy has no reward to disturb; its chain begins anew right after.
        told = np.where(self._resetting, rewards, self._disturbed(self._told, rewards))
        for row in np.flatnonzero(self._resetting):
            self._begin(int(row), None)
        over = terminated | truncated
        info = self._noted(rewards, over, info)
        self._resetting = over if self._mode == AutoresetMode.NEXT_STEP else np.zeros(self.num_envs, bool)
        if self._mode == AutoresetMode.SAME_STEP and over.any():
            seen = self._renewed(observations, over, info)
        else:
            seen = self._disturbed(self._seen, observations)
        if self._seen:
            self._last = copy.deepcopy(seen)
        return seen, told, terminated, truncated, info

    def _noted(self, rewards: np.ndarray, over: np.ndarray, info: dict[str, Any]) -> dict[str, Any]:
        """Tell the true rewards, which a task's own environments tell already."""
        if not self._told or "nominal_reward" in info or "nominal_reward" in info.get("final_info", {}):
            return info
        ended = over & (self._mode == AutoresetMode.SAME_STEP)
        noted = {**info, **rewarded(rewards, ~self._resetting & ~ended)}
        if ended.any():
            noted["final_info"] = {**info.get("final_info", {}), **rewarded(rewards, ended)}
            noted["_final_info"] = ended
        return noted

    def _renewed(self, first: Any, over: np.ndarray, info: dict[str, Any]) -> Any:
        """Disturb the last observations of finished episodes, and the first of those that began in the same step."""
        last = copy.deepcopy(first)
        for row in np.flatnonzero(over):
            _put(last, row, info["final_obs"][row])
        seen = self._disturbed(self._seen, last)
        final = info["final_obs"] = info["final_obs"].copy()
        for row in np.flatnonzero(over):
            final[row] = _take(seen, row)
            self._begin(int(row), None)
        return self._first(first, over, seen)

    def _first(self, first: Any, rows: np.ndarray, seen: Any) -> Any:
        """Write the disturbed first observations of some copies' episodes among what the others see."""
        for row in np.flatnonzero(rows):
            _put(seen, row, _take(first, row))  # what nobody disturbs
        for group in self._seen:
            group.again(first, rows, seen)
        return seen

    def _begin(self, row: int, seed: int | None) -> None:
        for group in (*self._actions, *self._told, *self._seen):
            group.reset(row, seed)

    @staticmethod
    def _disturbed(groups: Sequence[_Group], values: Any) -> Any:
        disturbed = values
        for group in groups:
            disturbed = group(values, disturbed)
        return disturbed


def _whole(terms: Sequence[Term], signal: Signal, copies: int) -> dict[str | None, Chain]:
    return {None: Chain(terms, dataclasses.replace(signal, copies=copies))}


def _take(values: Any, row: int) -> Any:
    """Return one copy's values."""
    return {name: _take(part, row) for name, part in values.items()} if isinstance(values, dict) else values[row].copy()


def _put(values: Any, row: int, one: Any) -> None:
    """Write one copy's values, where they fit: dummy dimensions have been added to all copies or to none."""
    if isinstance(values, dict):
        for name, part in values.items():
            _put(part, row, one[name])
    elif values[row].shape == one.shape:
        values[row] = one
