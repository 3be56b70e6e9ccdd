"""The policy under attack, as an attack may ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import DisruptionError
from robust_gym.tensors import tensor
from robust_gym.wrappers.base import box_scale

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Differentiable(Protocol):
    """A policy that gradients pass through, besides ``act``."""

    def response(self, rows: Tensor) -> Tensor:
        """Return what it decides by.

        Args:
            rows: Observations as the environment gives them, ``[B, numbers]``, float32.

        Returns:
            Actions in the units of the action space, not yet clipped, ``[B, dimensions]``; of a Discrete space the
            log-odds of each choice, ``[B, choices]``.
        """


@runtime_checkable
class Judging(Protocol):
    """A policy that carries a critic.

    Attributes:
        critic: An object whose ``of`` is ``"state"`` for V(s), or ``"action"`` for Q(s, a); ``None`` for no critic.
    """

    critic: Any

    def worth(self, rows: Tensor, actions: Tensor | None = None) -> Tensor:
        """Return what the critic thinks, ``[B]``, larger is better; differentiable.

        Args:
            rows: Observations as the environment gives them, ``[B, numbers]``, float32.
            actions: ``[B, dimensions]``, for a critic of actions.
        """


class Victim:
    """A policy under attack, with the memory that it has at the present step.

    Args:
        policy: Has ``act(observations, state, episode_start)``.
        observation_space: What it sees.
        action_space: What it answers.
        channel: Where it is attacked, ``"observation"`` or ``"action"``.
        copies: How many environments it acts in.
        shown: What its adversary sees; ``None`` for what it sees itself.

    Attributes:
        policy: The policy.
        observation_space: What it sees.
        action_space: What it answers.
        channel: Where it is attacked.
    """

    def __init__(
        self,
        policy: Any,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        channel: str = "observation",
        copies: int = 1,
        shown: spaces.Space[Any] | None = None,
    ) -> None:
        self.policy = policy
        self.observation_space = observation_space
        self.action_space = action_space
        self.channel = channel
        self._shown = observation_space if shown is None else shown
        self._start = np.ones(copies, bool)
        self._state: Any = None
        self._forgets = False

    def begin(self, copy: int) -> None:
        """Begin an episode of one copy."""
        self._start[copy] = True

    def saw(self, observations: np.ndarray) -> None:
        """Let the policy see what it really sees at this step, ``[copies, *shape]``, and remember it."""
        if not self._forgets:
            _, self._state = self.policy.act(self._cast(observations), self._state, self._start)
            self._forgets = self._state is None
        self._start = np.zeros_like(self._start)

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Return what the policy would do at this step if it saw one thing or another.

        Args:
            observations: ``[copies, tries, *shape]``.

        Returns:
            Actions ``[copies, tries, …]``.
        """
        copies, tries = observations.shape[:2]
        rows = self._cast(observations.reshape(copies * tries, *observations.shape[2:]))
        actions, _ = self.policy.act(rows, _repeated(self._state, tries), np.repeat(self._start, tries))
        answers = np.asarray(actions)
        return answers.reshape(copies, tries, *answers.shape[1:])

    def _cast(self, observations: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(observations, self.observation_space.dtype)

    @property
    def half_range(self) -> np.ndarray:
        """Half the range of each action dimension; 1 where it has no bounds."""
        space = self.action_space
        assert isinstance(space, spaces.Box)
        return box_scale(space)

    def differentiable(self, attack: str) -> Differentiable:
        """Return the policy as one that gradients pass through.

        Raises:
            DisruptionError: If none do.
        """
        policy = self.policy
        if getattr(policy, "image", False) or not isinstance(policy, Differentiable):
            raise DisruptionError(
                f"the attack {attack!r} needs gradients, and this {type(policy).__name__} has none (a method "
                "response(rows), see robust_gym.wrappers.victim.Differentiable); 'search' attacks any policy"
            )
        return policy

    def critic_of(self) -> str:
        """Return ``"state"``, ``"action"``, or an empty string where the policy carries no critic."""
        critic = getattr(self.policy, "critic", None)
        return str(getattr(critic, "of", "")) if isinstance(self.policy, Judging) else ""

    def judging(self, attack: str, *of: str) -> Judging:
        """Return the policy as one that carries a critic of such a kind.

        Raises:
            DisruptionError: If it carries none, or judges other observations than its adversary sees.
        """
        if self._shown.shape != self.observation_space.shape:
            raise DisruptionError(
                f"the attack {attack!r} asks the critic of a policy that sees {self.observation_space}, but an "
                f"adversary of actions sees {self._shown}: leave out what changes the observation space"
            )
        if self.critic_of() not in of:
            names = {"state": "V(s)", "action": "Q(s, a)"}
            raise DisruptionError(
                f"the attack {attack!r} asks the critic of the policy, {' or '.join(names[one] for one in of)}, and "
                f"this {type(self.policy).__name__} carries none: those of bench keep Q(s, a) of sac, V(s) of ppo"
            )
        judge: Judging = self.policy
        return judge


def opinion(judge: Judging, observations: np.ndarray, actions: np.ndarray | None = None) -> np.ndarray:
    """Return what a critic thinks, ``[B]``.

    Args:
        judge: A policy that carries a critic.
        observations: ``[B, numbers]``.
        actions: ``[B, dimensions]``, for a critic of actions.
    """
    import torch

    with torch.no_grad():
        found: np.ndarray = judge.worth(tensor(observations), None if actions is None else tensor(actions)).numpy()
    return found


def _repeated(state: Any, tries: int) -> Any:
    """Repeat every row of a policy's memory, whatever it is made of."""
    if state is None or tries == 1:
        return state
    if hasattr(state, "repeat_interleave"):
        return state.repeat_interleave(tries, 0)
    if isinstance(state, np.ndarray):
        return np.repeat(state, tries, 0)
    if isinstance(state, dict):
        return {name: _repeated(part, tries) for name, part in state.items()}
    if isinstance(state, tuple) or (isinstance(state, list) and any(hasattr(part, "shape") for part in state)):
        return type(state)([_repeated(part, tries) for part in state])
    if isinstance(state, list):  # one entry for each row
        return [row for row in state for _ in range(tries)]
    raise DisruptionError(f"an adversary cannot repeat a policy's memory of type {type(state).__name__}")
