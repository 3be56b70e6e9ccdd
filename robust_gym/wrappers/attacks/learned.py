"""The learned attack: a policy that was trained to harm another one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from robust_gym import registry
from robust_gym.disruption import DisruptionError
from robust_gym.kind import NAME
from robust_gym.kinds import choices, register_word
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.victim import Victim

FILE = "adversary.json"
"""Written beside a saved policy that is an adversary."""

_directories: dict[str, Path] = {}


class Learned:
    """Moves values as a trained policy says, whose actions in [-1, 1] are multiples of the radius.

    It sees the true observation. ATLA (Zhang et al., "Robust reinforcement learning on state observations with learned
    optimal adversary", ICLR 2021) trains such a policy for observations, RARL (Pinto et al., ICML 2017) and NR-MDP
    (Tessler et al., ICML 2019) for actions.

    Args:
        signal: The signal.
        eps: Radius.
        budget: 0: it has nothing to spend.

    Raises:
        DisruptionError: If no adversary is registered under the word, or a budget is given.
    """

    channels: tuple[str, ...] = ("observation", "action")
    word = "learned"

    def __init__(self, signal: Signal, eps: float, budget: int) -> None:
        directory = _directories.get(self.word)
        if directory is None:
            raise DisruptionError(
                "'learned' stands for an adversary that you have trained: register it by "
                "robust_gym.wrappers.attacks.register_learned(name, directory), and write its name"
            )
        if budget:
            raise DisruptionError(f"the learned adversary {self.word!r} has no use for a budget; leave it out")
        self._directory = directory
        self._radius = eps * signal.scale
        self._start = np.ones(signal.copies, bool)
        self._policy: Any = None
        self._state: Any = None

    def bind(self, victim: Victim) -> None:
        """Load the adversary's policy; who is attacked does not matter any more."""
        self._policy = load_adversary(self._directory)

    def begin(self, copy: int, stream: Stream) -> None:
        """Clear the adversary's memory."""
        self._start[copy] = True

    def perturb(self, values: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Return the values, moved as the adversary says.

        Raises:
            DisruptionError: If the adversary was trained for signals of another size.
        """
        try:
            chosen, self._state = self._policy.act(observation, self._state, self._start)
            place = np.clip(np.asarray(chosen, np.float64), -1.0, 1.0).reshape(values.shape)
        except (RuntimeError, ValueError) as error:
            raise DisruptionError(
                f"the adversary {self.word!r} was trained for signals of another size than {values.shape[1:]}: {error}"
            ) from error
        self._start[:] = False
        moved: np.ndarray = values + self._radius * place
        return moved


def register_learned(name: str, directory: str | Path) -> None:
    """Let disruption strings name a trained adversary: ``obs:adversary:NAME,EPS``.

    Args:
        name: The word; lower-case letters, digits and ``_``.
        directory: What ``robust_gym.baselines.single.adversary.train_adversary`` has written.

    Raises:
        ValueError: If the name cannot be written in a string, or stands for something else.
        FileNotFoundError: If the directory holds no adversary.
    """
    path = Path(directory).resolve()
    if not NAME.fullmatch(name):
        raise ValueError(f"an adversary's name is a lower-case word of letters, digits and '_', got {name!r}")
    if not (path / FILE).exists():
        raise FileNotFoundError(f"{path} holds no trained adversary (there is no {FILE} in it)")
    if name in choices("adversaries") and name not in _directories:
        raise ValueError(f"{name!r} is an attack already")
    _directories[name] = path
    register_word("adversaries", name, f"{__name__}:{name}")


def load_adversary(directory: Path) -> Any:
    """Load an adversary's policy.

    Raises:
        FileNotFoundError: If the directory holds none.
        ValueError: If a file is damaged.
    """
    try:
        meta = json.loads((directory / "policy.json").read_text(encoding="utf-8"))
        algorithm, task = str(meta["algorithm"]), str(meta["task"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"the adversary in {directory} is damaged: {error}") from error
    return registry.algorithm(algorithm).cls.load(directory, registry.task(task))


def _channel(directory: Path) -> str:
    """Return the channel that an adversary was trained on."""
    try:
        return str(json.loads((directory / FILE).read_text(encoding="utf-8"))["channel"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"the adversary in {directory} is damaged: {error}") from error


def __getattr__(name: str) -> Any:
    if name in _directories:
        return type(name, (Learned,), {"word": name, "channels": (_channel(_directories[name]),)})
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
