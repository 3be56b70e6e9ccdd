"""Adversaries: effects that know the policy whose observations or actions they move, and move them to harm it.

``observation:adversary:ATTACK,EPS`` and ``action:adversary:ATTACK,EPS`` name an attack, which is any class of the
`Attack` protocol, and a radius. The policy under attack is handed to the environment by `bind`; ``evaluate`` does so by
itself. What an attack returns is projected into the ball, so that the radius holds whatever the attack does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

import gymnasium as gym
import numpy as np

from robust_gym.disruption import DisruptionError
from robust_gym.kinds import choices
from robust_gym.task import load
from robust_gym.wrappers.base import ChannelWrapper, Signal, Stream
from robust_gym.wrappers.effect import Effect
from robust_gym.wrappers.victim import Victim

CHANNELS = ("observation", "action")
"""The channels that adversaries act on."""

_Env = TypeVar("_Env")


class UnboundAdversaryError(RuntimeError):
    """An environment with an adversary is used before it is told which policy is under attack."""


@runtime_checkable
class Attack(Protocol):
    """What finds a perturbation; one instance attacks all copies of one environment's signal.

    A class may say with ``channels = ("observation",)`` where it can be used; without, it can be used on both. If an
    instance has ``counts``, a mapping from words to numbers, they are reported in ``info["adversary"]``.
    """

    def __init__(self, signal: Signal, eps: float, budget: int) -> None:
        """Prepare.

        Args:
            signal: The signal that is moved; ``eps * signal.scale`` is the radius in each dimension.
            eps: Radius of the ball.
            budget: What may be spent on a decision; 0 for the attack's own choice.

        Raises:
            DisruptionError: If the attack cannot act on this signal, or has no use for a budget.
        """

    def bind(self, victim: Victim) -> None:
        """Learn who is attacked, before the first episode.

        Raises:
            DisruptionError: If the policy does not offer what the attack needs.
        """

    def begin(self, copy: int, stream: Stream) -> None:
        """Begin an episode of one copy; all randomness of it comes from ``stream()``."""

    def perturb(self, values: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Return moved values; called at every step.

        Args:
            values: Observations or actions, ``[copies, *shape]``.
            observation: On the action channel what the environment last let see; on the observation channel the
                values themselves.

        Returns:
            ``[copies, *shape]``. What is farther away than the radius is brought back to it, and what is not a number
            stays unmoved.
        """


class Adversary(Effect):
    """Moves values within a ball in the largest norm, as an attack wants it.

    Args:
        signal: The signal.
        attack: A word of the table ``adversaries``.
        eps: Radius, in units of the signal's scale.
        budget: What the attack may spend on a decision; 0 for its own choice.

    Raises:
        DisruptionError: If the attack does not act on this channel or signal.
    """

    channel = ""

    def __init__(self, signal: Signal, attack: str, eps: float, budget: float = 0) -> None:
        super().__init__(signal)
        if signal.agents > 1:
            raise DisruptionError("an adversary attacks the policy of a single agent, and this task has several")
        known = choices("adversaries")
        kind = load(known[attack])
        if self.channel not in _channels(kind):
            others = ", ".join(word for word, home in known.items() if self.channel in _channels(load(home)))
            raise DisruptionError(
                f"the attack {attack!r} does not act on the {self.channel} channel; those that do are {others}"
            )
        self.name = attack
        self.attack: Attack = kind(signal, float(eps), int(budget))
        self.victim: Victim | None = None
        self.note: dict[str, Any] | None = None
        self._radius = eps * signal.scale
        self._observation: np.ndarray | None = None

    def bind(self, victim: Victim) -> None:
        """Learn who is attacked."""
        self.attack.bind(victim)
        self.victim = victim

    def begin(self, copy: int, stream: Stream) -> None:
        self._attacked().begin(copy)
        self.attack.begin(copy, stream)

    def see(self, observation: Any) -> None:
        """Learn what the environment, of one copy, lets see."""
        self._observation = np.asarray(observation)[None]

    def _attacked(self) -> Victim:
        if self.victim is None:
            raise UnboundAdversaryError(
                f"the adversary {self.name!r} does not know which policy it attacks: use robust_gym.evaluate(), or "
                "call robust_gym.wrappers.bind(env, policy) before the first reset"
            )
        return self.victim

    def __call__(self, values: Any) -> Any:
        self._attacked()
        observation = values if self._observation is None else self._observation
        wanted = np.asarray(self.attack.perturb(values, observation), np.float64)
        if wanted.shape != values.shape:
            raise ValueError(
                f"the attack {self.name!r} returned values of shape {wanted.shape}, expected {values.shape}"
            )
        self.report()
        moved = np.clip(wanted - values, -self._radius, self._radius)
        return values + np.where(np.isnan(moved), 0.0, moved)

    def report(self) -> None:
        """Write the attack's counts, if it has any, where the present ``info`` shows them."""
        counts = getattr(self.attack, "counts", None)
        if self.note is not None and isinstance(counts, Mapping):
            self.note[self.name] = dict(counts)


class ObservationAdversary(Adversary):
    """Moves what the policy sees."""

    channel = "observation"

    def applied(self, values: Any) -> None:
        """Keep the memory of the policy under attack up to date."""
        self._attacked().saw(values)


class ActionAdversary(Adversary):
    """Moves what the policy does."""

    channel = "action"


def _channels(attack: Any) -> tuple[str, ...]:
    return tuple(getattr(attack, "channels", CHANNELS))


class _Watch(gym.Wrapper):
    """Stands below a disturbed channel, and tells its adversaries what the environment lets see.

    Args:
        env: The environment below.
        told: The adversaries.
    """

    def __init__(self, env: gym.Env[Any, Any], told: list[Adversary]) -> None:
        super().__init__(env)
        self._counting = [one for one in told if hasattr(one.attack, "counts")]
        self._seeing = [one for one in told if one.channel == "action"]

    @property
    def spec(self) -> Any:  # type: ignore[override]
        """The environment's specification: who is attacked is no part of it."""
        return self.env.spec

    def _tell(self, observation: Any, info: dict[str, Any]) -> dict[str, Any]:
        for adversary in self._seeing:
            adversary.see(observation)
        if not self._counting:
            return info
        note: dict[str, Any] = info.get("adversary", {})
        for adversary in self._counting:
            # An adversary of observations is asked after this, and writes into the same note then.
            adversary.note = note
            adversary.report()
        return {**info, "adversary": note}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, self._tell(observation, info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, self._tell(observation, info)


def _attacked_wrappers(env: Any) -> Iterator[tuple[ChannelWrapper, list[Adversary]]]:
    while isinstance(env, gym.Wrapper):
        if isinstance(env, ChannelWrapper):
            effects = (runner.effect for chain in env._chains for runner in chain.runners)
            found = [effect for effect in effects if isinstance(effect, Adversary)]
            if found:
                yield env, found
        env = env.env


def adversaries(env: Any) -> list[Adversary]:
    """List the adversaries in an environment, the outermost first."""
    return [adversary for _, found in _attacked_wrappers(env) for adversary in found]


def bind(env: _Env, policy: Any) -> _Env:
    """Hand the policy under attack to every adversary in a single-agent environment.

    Args:
        env: The environment, as ``gymnasium.make`` or ``robust_gym.make`` returns it; one without adversaries is left
            as it is.
        policy: A policy with ``act``; ``robust_gym.as_policy`` makes one of a function or a model.

    Returns:
        The same environment.

    Raises:
        TypeError: If the policy has no ``act``, or the environment is a vector of several.
        DisruptionError: If an attack cannot attack this policy, or a later term changes the shape of what it sees.
            Other terms behind an adversary act on what it has moved, and it does not know of them.
    """
    if isinstance(env, gym.vector.VectorEnv):
        raise TypeError("bind the copies of a vector environment one by one, as they are made")
    for wrapper, found in _attacked_wrappers(env):
        if not hasattr(policy, "act"):
            raise TypeError(
                f"a policy under attack has act(); got {type(policy).__name__}. robust_gym.as_policy() makes "
                "one of a function or a Stable-Baselines3 model"
            )
        space: Any = env.observation_space  # type: ignore[attr-defined]
        for adversary in found:
            shape = adversary.signal.space.shape
            if adversary.channel == "observation" and shape != space.shape:
                raise DisruptionError(
                    f"the adversary {adversary.name!r} moves observations of shape {shape}, but the policy sees "
                    f"{space.shape if hasattr(space, 'shape') else space}: it must be the last that changes them"
                )
            actions: Any = env.action_space  # type: ignore[attr-defined]
            shown = wrapper.env.observation_space if adversary.channel == "action" else space
            adversary.bind(Victim(policy, space, actions, adversary.channel, adversary.signal.copies, shown))
        if not isinstance(wrapper.env, _Watch):
            wrapper.env = _Watch(wrapper.env, found)
    return env
