"""What the arguments of every team algorithm have in common."""

from __future__ import annotations

from typing import ClassVar


class TeamArguments:
    """Arguments that are checked when they are made, a training distribution among them."""

    train_disruption: str

    algorithm: ClassVar[str]
    """Registered name."""

    def __post_init__(self) -> None:
        """Check the arguments; see ``check``."""
        self.check()

    def check(self) -> None:
        """Check the arguments.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """

    @property
    def distribution(self) -> list[str]:
        """The disruptions of the training episodes, each an environment of the training distribution."""
        return [text.strip() for text in self.train_disruption.split("|")]

    def _require(self, name: str, good: bool, accepted: str) -> None:
        if not good:
            raise ValueError(f"{self.algorithm}: {name} must be {accepted}, got {getattr(self, name)!r}")
